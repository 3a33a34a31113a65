// Knows the folders in which `kinema data flow` keeps flow: a file for each video, which is named by the
// digest of the video's content, so that lists and videos may be moved and renamed, and flow of a video that
// has changed is never taken for its flow.
#pragma once

#include "runtime/Data/FlowFile.h"
#include "runtime/Data/VideoList.h"

#include <cstdint>
#include <memory>
#include <string>

namespace kinema {

class FlowStore {
public:
  static constexpr const char *extension = ".flow";

  // The recipe says how flow is wanted. Nothing is opened.
  FlowStore(std::string folder, const DataRecipe &data);

  const Recipe &settings() const { return wanted; }
  // Returns where the flow of a video with this content is, or will be.
  std::string pathOf(uint64_t content) const;

  // Has the loader leave out the videos that have no flow, as far as that is known without reading them:
  // those of which the list's index knows the content. Says in the list's notes how many there are. Throws
  // Error where there is no such folder, or where the first flow that is found is not as it is wanted.
  void leaveOutOthers(VideoList &list) const;

  // Opens the flow of a video, whose frames have been scaled to `size`. Throws Error where there is none, it
  // is damaged, or it was computed in another way than it is wanted.
  std::unique_ptr<FlowFile> open(uint64_t content, PictureSize size) const;

private:
  std::string noFlow() const;

  std::string folder;
  DataRecipe data;
  Recipe wanted; // the settings of `data`
};

} // namespace kinema
