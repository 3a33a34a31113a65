#include "runtime/Data/VideoList.h"

#include "runtime/Data/ListFormats.h"
#include "runtime/Data/TextLines.h"
#include "runtime/Data/Workers.h"
#include "runtime/Support/Error.h"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
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
    for (int32_t label : video.labels())
      labels.insert(label);
  return labels;
}

} // namespace

FileStamp stampOf(const std::string &path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    return {errno == ENOENT || errno == ENOTDIR ? FileStamp::noFile : FileStamp::noRegularFile};
  if (!S_ISREG(status.st_mode))
    return {FileStamp::noRegularFile};
  return {status.st_size, int64_t{status.st_mtim.tv_sec} * 1000 * 1000 * 1000 + status.st_mtim.tv_nsec};
}

std::vector<FileStamp> stampsOf(const std::vector<LabelledVideo> &videos) {
  std::vector<FileStamp> stamps(videos.size());
  constexpr int64_t together = 256; // files of a job
  const int64_t count = static_cast<int64_t>(videos.size());
  runInParallel((count + together - 1) / together, 0, [&](int64_t job) {
    for (int64_t i = job * together; i < std::min(count, (job + 1) * together); ++i)
      stamps[i] = stampOf(videos[i].path);
  });
  return stamps;
}

std::vector<int32_t> LabelledVideo::labels() const {
  std::vector<int32_t> all = {label};
  all.insert(all.end(), moreLabels.begin(), moreLabels.end());
  return all;
}

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

// Returns, for instance, "1 class" or "3 classes".
static std::string counted(size_t number, const char *one, const char *several) {
  return fmt::format("{} {}", number, number == 1 ? one : several);
}

std::string describe(const VideoList &list) {
  std::string text =
      fmt::format("{}: {}: {}", list.file, list.format, counted(list.videos.size(), "video", "videos"));
  if (!list.hasLabels())
    return text + ", without labels";
  const size_t classes = list.classes.empty() ? labelsOf(list).size() : list.classes.size();
  text += ", " + counted(classes, "class", "classes");
  return list.sorted ? text + " in the order of their names" : text;
}

std::string labelRemark(const VideoList &list) {
  const std::set<int32_t> labels = labelsOf(list);
  auto count = static_cast<int32_t>(labels.size());
  if (count < 2 || *labels.begin() != 1 || *labels.rbegin() != count)
    return "";
  return fmt::format("{}: the labels are 1 to {} and none is 0: classes count from 0", list.file, count);
}

} // namespace kinema
