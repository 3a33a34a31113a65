#include "runtime/Data/FlowStore.h"

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Error.h"

#include <fmt/ranges.h>

#include <filesystem>

namespace kinema {

FlowStore::FlowStore(std::string folder, const DataRecipe &data)
    : folder(std::move(folder)), data(data), wanted(flowSettings(data)) {}

std::string FlowStore::pathOf(uint64_t content) const {
  return fmt::format("{}/{:016x}{}", folder, content, extension);
}

std::string FlowStore::noFlow() const {
  return fmt::format("{} holds no flow of the video as it is now: `data flow` computes it", folder);
}

void FlowStore::leaveOutOthers(VideoList &list) const {
  if (!std::filesystem::is_directory(folder))
    fail("there is no folder {} with stored flow: `data flow` makes it", folder);
  int64_t has = 0, lacks = 0;
  for (int64_t i = 0; list.index && i < static_cast<int64_t>(list.videos.size()); ++i) {
    if (!list.indexed[static_cast<size_t>(i)])
      continue;
    const IndexEntry video = *list.index->find(list.videos[static_cast<size_t>(i)].name);
    const bool isThere = std::filesystem::exists(pathOf(video.content));
    ++(isThere ? has : lacks);
    if (!isThere)
      list.unreadable.emplace(i, noFlow());
    else if (has == 1)
      open(video.content, scaledSize({video.info.height, video.info.width}, data.shortSide, data.resize));
  }
  if (lacks > 0)
    list.notes.push_back(
        fmt::format("{}: {} holds the flow of {} videos, and not that of {}; `data flow` computes it",
                    list.file, folder, has, lacks));
}

std::unique_ptr<FlowFile> FlowStore::open(uint64_t content, PictureSize size) const {
  const std::string path = pathOf(content);
  if (!std::filesystem::exists(path))
    fail("{}", noFlow());
  auto file = std::make_unique<FlowFile>(path);
  const FlowDescription &is = file->description();
  if (is.content != content)
    fail("{}: it is the flow of another video; remove it, and `data flow` computes it anew", path);
  std::vector<std::string> others = differences(wanted, is.recipe);
  if (is.size != size)
    others.push_back(fmt::format("frames are scaled to {}x{}, were to {}x{}", size.height, size.width,
                                 is.size.height, is.size.width));
  if (!others.empty())
    fail("{}: the flow was computed by another recipe: {}; compute it into another folder with `data flow`",
         path, fmt::join(others, ", "));
  return file;
}

} // namespace kinema
