#include "runtime/Data/VideoList.h"

#include "runtime/Data/ListFormats.h"
#include "runtime/Data/TextLines.h"
#include "runtime/Support/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace kinema {
namespace {

namespace fs = std::filesystem;

// Returns the names of the classes: from the file that the options name, else from one beside the list, else
// those that are known otherwise.
std::vector<std::string> namesFor(const std::string &file, const ListFormat &format,
                                  const ListOptions &options) {
  if (!options.labels.empty())
    return readClassNames(options.labels);
  fs::path folder = fs::is_directory(file) ? fs::path(file) : fs::path(file).parent_path();
  for (std::string_view name : format.names)
    if (fs::path beside = folder / name; fs::is_regular_file(beside))
      return readClassNames(beside.string());
  return options.knownClasses;
}

std::set<int32_t> labelsOf(const VideoList &list) {
  std::set<int32_t> labels;
  for (const LabelledVideo &video : list.videos)
    labels.insert(video.label);
  return labels;
}

} // namespace

bool VideoList::hasLabels() const {
  return std::all_of(videos.begin(), videos.end(),
                     [](const LabelledVideo &video) { return video.label != noLabel; });
}

VideoList readVideoList(const std::string &file, const ListOptions &options) {
  if (!options.root.empty() && !fs::is_directory(options.root))
    fail("{}: there is no such folder of videos", options.root);
  const TextLines lines = fs::is_directory(file) ? TextLines() : readLines(file);
  const ListFormat &format = options.format.empty() ? recognise(file, lines) : formatNamed(options.format);
  const bool ofFolder = format.name == "hmdb51" || format.name == "folders";
  if (ofFolder != fs::is_directory(file))
    fail("{}: a list of format {} is a {}", file, format.name, ofFolder ? "folder" : "file");
  ListBuilder list(file, options, namesFor(file, format, options));
  return format.read(list, lines);
}

VideoList readVideoList(const std::string &file, int64_t classes) {
  ListOptions options;
  options.classes = classes;
  return readVideoList(file, options);
}

std::string describe(const VideoList &list) {
  std::string text = fmt::format("{}: {}: {} videos", list.file, list.format, list.videos.size());
  if (!list.hasLabels())
    return text + ", without labels";
  if (list.sorted)
    return text + fmt::format(", {} classes in the order of their names", list.classes.size());
  return text +
         fmt::format(", {} classes", list.classes.empty() ? labelsOf(list).size() : list.classes.size());
}

std::string labelRemark(const VideoList &list) {
  const std::set<int32_t> labels = labelsOf(list);
  auto count = static_cast<int32_t>(labels.size());
  if (count < 2 || *labels.begin() != 1 || *labels.rbegin() != count)
    return "";
  return fmt::format("{}: the labels are 1 to {} and none is 0: classes count from 0", list.file, count);
}

} // namespace kinema
