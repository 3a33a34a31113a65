// Keeps what `kinema data check` has found out about videos, so that nobody has to find it out again: where
// the frames of a video are, its size and rate, or why it cannot be used.
//
// An index is a file of records, each with a checksum. What is known of a video counts as long as its file
// has the size and the time of its last change that it had then.
#pragma once

#include "runtime/Data/VideoList.h"
#include "runtime/Data/VideoReader.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kinema {

// Holds what is known of one video.
struct IndexEntry {
  std::string name; // as its list names it
  FileStamp stamp;
  uint64_t content = 0; // digest of the file
  std::string problem;  // why it cannot be used; empty: it can
  VideoInfo info;       // without the name of the file
  FrameIndex frames;    // without the probe
};

std::string encode(const IndexEntry &entry);
// Returns nothing where the bytes are no entry. The frames are left out unless they are asked for.
std::optional<IndexEntry> decode(std::string_view bytes, bool withFrames);

// Maps names of videos to their encoded entries.
using IndexEntries = std::map<std::string, std::string, std::less<>>;

// Returns the entries of a file of records; none where there is no such file. Throws Error where the file is
// no index, or damaged. Where `whole` is asked for, the last record may not have been written to its end,
// because the process was killed: it is left out, and `whole` becomes the length of the others.
IndexEntries readIndex(const std::string &file, int64_t *whole = nullptr);

// Writes an index in full or not at all.
void writeIndex(const std::string &file, const IndexEntries &entries);

// Appends records to a file as they come, so that nothing is lost where the process is killed.
class IndexAppender {
public:
  // Opens or makes the file, and cuts off what was not written to its end. Throws Error where another process
  // appends to it.
  explicit IndexAppender(const std::string &file);
  ~IndexAppender();
  IndexAppender(const IndexAppender &) = delete;
  IndexAppender &operator=(const IndexAppender &) = delete;

  // Returns the entries that were there already.
  const IndexEntries &before() const { return entries; }
  void append(const std::string &encoded);
  // Removes the file, when its entries are elsewhere.
  void remove();

private:
  void write(std::string_view bytes);

  std::string file;
  int descriptor = -1;
  IndexEntries entries;
};

// A VideoIndex answers for the loader.
class VideoIndex {
public:
  explicit VideoIndex(const std::string &file) : entries(readIndex(file)) {}

  bool empty() const { return entries.empty(); }
  // Returns what is known of a video, without its frames.
  std::optional<IndexEntry> find(std::string_view name) const;
  // Returns where the frames of a video are, which must be known.
  std::shared_ptr<const FrameIndex> frames(std::string_view name) const;

private:
  IndexEntries entries;
};

// Has the loader use what an index knows of a list's videos, and says in the list's notes what it knows. The
// list must have been read with ListOptions::findMissing.
void useIndex(VideoList &list, const std::string &file);

// Returns where the index of a list is: beside the list or, where it is named, in a folder for indices.
std::string indexPath(const std::string &list, const std::string &folder);
// Returns where the videos that cannot be used are listed, with the reasons, beside their index.
std::string badPath(const std::string &index);

} // namespace kinema
