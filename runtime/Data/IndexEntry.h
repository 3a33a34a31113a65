// Holds what `kinema data check` finds out about a video, and makes bytes of it.
#pragma once

#include "runtime/Data/FileStamp.h"
#include "runtime/Data/VideoReader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
// Returns nothing where the bytes are no entry, or one whose frames a reader cannot go by. The frames are
// left out unless `fileBytes` says how many bytes the video's file has, which the entry must say too: no file
// has more frames than bytes, so a few bytes of an index cannot ask for much memory.
std::optional<IndexEntry> decode(std::string_view bytes, std::optional<int64_t> fileBytes = std::nullopt);

} // namespace kinema
