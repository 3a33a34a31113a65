#include "runtime/Commands/NetworkInputs.h"

#include "runtime/Data/FlowStore.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Error.h"
#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/Evaluator.h"

#include <algorithm>
#include <filesystem>

namespace kinema {

ListOptions listOptions(const ListFlags &flags, ListPart part, const Manifest &manifest, const Recipe &recipe,
                        std::vector<std::string> known) {
  ListOptions options = flags.readOptions(part, manifest.classes);
  options.severalLabels = hasSeveralLabels(recipe.train);
  options.knownClasses = std::move(known);
  options.findMissing = true;
  return options;
}

VideoList readVideos(const std::string &list, const ListOptions &options, const ListFlags &flags) {
  VideoList videos = readVideoList(list, options);
  if (std::string index = indexPath(list, flags.index); std::filesystem::exists(index))
    useIndex(videos, index);
  if (!videos.hasLabels())
    fail("{}: not all of its videos have labels, without which they cannot be used here", list);
  for (const LabelledVideo &video : videos.videos)
    requireDecoder(video.path);
  return videos;
}

void requireUseOf(const std::string &flow, const Manifest &manifest) {
  if (!flow.empty() && !hasFlow(manifest))
    refuse("--flow {}: {} has no input of kind flow", flow, manifest.name);
}

void useFlow(VideoList &list, const std::string &folder, const Manifest &manifest, const Recipe &recipe) {
  if (!folder.empty() && hasFlow(manifest))
    FlowStore(folder, recipe.data).leaveOutOthers(list);
}

void checkKnownMissing(const VideoList &list, const Recipe &recipe) {
  if (list.unreadable.size() == list.videos.size())
    fail("{}: none of its {} videos can be read, such as {}: {}; --root names the folder of the videos",
         list.file, list.videos.size(), list.videos.front().path, list.unreadable.begin()->second);
  checkMissing(list.file, static_cast<int64_t>(list.unreadable.size()),
               static_cast<int64_t>(list.videos.size()), recipe.data);
}

void addNotes(const VideoList &list, std::vector<std::string> &notes) {
  notes.push_back(describe(list));
  notes.insert(notes.end(), list.notes.begin(), list.notes.end());
  if (std::string remark = labelRemark(list); !remark.empty())
    notes.push_back(remark);
}

std::string differentClasses(const std::vector<std::string> &a, const std::vector<std::string> &b) {
  for (size_t label = 0; label < std::min(a.size(), b.size()); ++label)
    if (a[label] != b[label])
      return fmt::format("class {} is '{}' in the one and '{}' in the other", label, a[label], b[label]);
  return "";
}

void checkWeights(const Manifest &manifest, const std::string &weights, const std::string &names,
                  bool partial, const MatchOptions &options) {
  Naming naming = findNaming(names);
  if (weights.empty())
    return;
  TensorFile file = readTensorHeader(weights);
  if (partial)
    requireAny(findWeights(manifest, file, naming, options), manifest, file, weights, naming);
  else
    matchWeights(manifest, file, weights, naming);
}

Manifest networkOf(const Package &package) { return readManifests(package).front(); }

std::shared_ptr<FrameCache> CacheFlags::openCache() const {
  constexpr double giga = 1e9;
  return cache.empty() ? nullptr
                       : std::make_shared<FrameCache>(cache, static_cast<int64_t>(giga * cacheGigabytes));
}

LoaderOptions shareOf(LoaderOptions options, const Ranks *ranks) {
  if (ranks) {
    options.share = ranks->rank();
    options.shares = ranks->count();
  }
  return options;
}

} // namespace kinema
