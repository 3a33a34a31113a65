// Keeps the optical flow of one video in a file: its fields, each compressed by itself, with what they were
// computed of and how.
//
// The file is a signature, the compressed fields, a description in JSON, a table with the place and the
// digest of each field, and a tail that says where description and table are, with their digest.
#pragma once

#include "runtime/Data/FlowField.h"
#include "runtime/Data/VideoFile.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Support/Files.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// Says what the fields of a file are.
struct FlowDescription {
  Recipe recipe;        // the settings that flow depends on (flowSettings), all others at their defaults
  PictureSize size;     // of the frames
  uint64_t content = 0; // digest of the video's file
  std::string implementation; // of the method, such as "OpenCV 4.6.0"
};

// Returns a recipe with those of its settings on which the flow of a video's frames depends, and all others
// at their defaults. How frames are scaled is not among them, since FlowDescription::size says that.
Recipe flowSettings(const DataRecipe &data);

// Returns the field as bytes that deflate compresses well, compressed: what each number differs by from what
// its neighbours let expect. `expandFlow` undoes it; it throws Error where the bytes are none of such a
// field.
std::string compressFlow(const FlowField &field, PictureSize size);
FlowField expandFlow(std::string_view bytes, PictureSize size);

// Writes a file in full or not at all (AtomicFile). Fields come in the order of their frames.
class FlowWriter {
public:
  FlowWriter(const std::string &path, const FlowDescription &description);

  // Adds the field from one frame of the video to another.
  void add(int64_t from, int64_t to, const FlowField &field);
  void commit();

private:
  void write(std::string_view bytes);

  AtomicFile file;
  FlowDescription description;
  std::string table;
  int64_t fields = 0, written = 0; // bytes
};

// Reads a file. Whatever is damaged is found before it is used.
class FlowFile {
public:
  // Throws Error, beginning with the path, where the file is no such file, or damaged.
  explicit FlowFile(const std::string &path);

  const FlowDescription &description() const { return is; }
  int64_t fields() const { return static_cast<int64_t>(table.size()); }
  int64_t bytes() const { return file.bytes(); }

  // Returns the field between two frames of the video. Throws Error where there is none, or it is damaged.
  FlowField read(int64_t from, int64_t to);

private:
  struct Entry {
    int64_t from, to, offset, bytes;
    uint64_t digest;
  };
  std::string readBytes(int64_t offset, int64_t count);
  void describe(const std::string &text);

  std::string path;
  VideoFile file;
  FlowDescription is;
  std::vector<Entry> table;
};

} // namespace kinema
