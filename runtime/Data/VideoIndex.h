// Keeps what `kinema data check` has found out about videos, so that nobody has to find it out again: where
// the frames of a video are, its size and rate, or why it cannot be used. What is known of a video counts as
// long as its file has the size and the time of its last change that it had then.
#pragma once

#include "runtime/Data/IndexEntry.h"
#include "runtime/Data/IndexFile.h"
#include "runtime/Data/VideoList.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kinema {

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

// Returns the digest of the file of a list's video, which the list's index knows or which is computed. Throws
// Error where the file cannot be read.
uint64_t contentOf(const VideoList &list, int64_t video);

// Returns where the index of a list is: beside the list or, where it is named, in a folder for indices.
std::string indexPath(const std::string &list, const std::string &folder);
// Returns where the videos that cannot be used are listed, with the reasons, beside their index.
std::string badPath(const std::string &index);

} // namespace kinema
