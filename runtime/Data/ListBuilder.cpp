#include "runtime/Data/ListBuilder.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Progress.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace kinema {
namespace {

std::filesystem::path rootOf(const std::string &file, const ListOptions &options) {
  if (!options.root.empty())
    return options.root;
  std::error_code none;
  return std::filesystem::is_directory(file, none) ? std::filesystem::path(file)
                                                   : std::filesystem::path(file).parent_path();
}

} // namespace

ListBuilder::ListBuilder(const std::string &file, const ListOptions &options,
                         const std::vector<std::string> &names)
    : wanted(options), folder(rootOf(file, options)), table(names), known(!table.empty()), wrong(file) {
  list.file = file;
}

bool ListBuilder::hasFolder(const std::string &name) {
  if (name.empty())
    return true;
  auto [entry, isNew] = folders.emplace(name, false);
  std::error_code none;
  if (isNew)
    entry->second = std::filesystem::is_directory(folder / name, none);
  return entry->second;
}

std::string ListBuilder::find(const VideoPlaces &places) {
  std::vector<std::filesystem::path> paths;
  for (const std::string &in : places.folders)
    if (hasFolder(in))
      for (const std::string &name : places.names)
        for (const std::string &extension : places.extensions)
          paths.push_back(folder / in / (name + extension));
  if (paths.empty())
    return (folder / places.folders.front() / (places.names.front() + places.extensions.front())).string();
  std::error_code none;
  if (lastPlace < paths.size() && std::filesystem::exists(paths[lastPlace], none))
    return paths[lastPlace].string();
  for (size_t i = 0; i < paths.size(); ++i)
    if (std::filesystem::exists(paths[i], none)) {
      lastPlace = i;
      return paths[i].string();
    }
  return paths.front().string();
}

// JSON can write a byte that ends a name where the system opens it.
void ListBuilder::keep(LabelledVideo video) {
  if (video.path.find('\0') != std::string::npos)
    return wrong.add("names with a zero byte", video.line, "the name of a video has a zero byte");
  list.videos.push_back(std::move(video));
}

void ListBuilder::add(int64_t line, std::string name, std::string path, std::string_view className) {
  int32_t label = known ? table.find(className) : table.add(className);
  if (label < 0)
    return wrong.add("lines of unknown classes", line,
                     fmt::format("'{}' is the name of no class", className));
  keep({std::move(path), label, line, std::move(name)});
}

void ListBuilder::addNumbered(int64_t line, std::string name, std::string path,
                              const std::vector<int64_t> &labels) {
  numbered = true;
  std::vector<int32_t> found; // each once
  for (int64_t label : labels) {
    if (label < 0)
      return wrong.add("lines with negative labels", line, fmt::format("label {} is negative", label));
    if (label > INT32_MAX)
      return wrong.add("lines with labels beyond all numbers", line,
                       fmt::format("label {} is too large", label));
    if (std::find(found.begin(), found.end(), label) == found.end())
      found.push_back(static_cast<int32_t>(label));
  }
  LabelledVideo video{std::move(path), found.front(), line, std::move(name)};
  video.moreLabels.assign(found.begin() + 1, found.end());
  keep(std::move(video));
}

void ListBuilder::addUnlabelled(int64_t line, std::string name, std::string path) {
  keep({std::move(path), noLabel, line, std::move(name)});
}

// Gives the classes that the list itself named the numbers of their names in order.
void ListBuilder::sortClasses() {
  std::vector<std::string> sorted = table.names();
  std::sort(sorted.begin(), sorted.end());
  ClassTable ordered(sorted);
  for (LabelledVideo &video : list.videos)
    if (video.label != noLabel)
      video.label = ordered.find(table.names()[video.label]);
  table = std::move(ordered);
  list.sorted = true;
}

// Checks that labels are below the number of classes. Those that are not are most often one mistake.
void ListBuilder::checkLabels() {
  const int64_t names = static_cast<int64_t>(table.names().size());
  if (wanted.classes > 0 && names > wanted.classes)
    fail("{}: {} names of classes for {} classes", list.file, names, wanted.classes);
  const int64_t limit = wanted.classes > 0 ? wanted.classes : known ? names : 0;
  if (limit == 0 || list.videos.empty())
    return;
  auto byLabel = [](const LabelledVideo &a, const LabelledVideo &b) { return a.label < b.label; };
  auto [lowest, highest] = std::minmax_element(list.videos.begin(), list.videos.end(), byLabel);
  if (lowest->label == 1 && highest->label == limit)
    fail(
        "{}: labels count from 1 to {}, but classes from 0 to {}: subtract 1 from each label (awk '{{ $NF -= "
        "1; print }}' LIST)",
        list.file, highest->label, limit - 1);
  for (const LabelledVideo &video : list.videos)
    for (int32_t label : video.labels())
      if (label >= limit)
        wrong.add("lines with labels beyond the classes", video.line,
                  fmt::format("there are {} classes (0 to {}), found label {}", limit, limit - 1, label));
}

void ListBuilder::remarkDuplicates() {
  std::unordered_map<std::string_view, const LabelledVideo *> first;
  for (const LabelledVideo &video : list.videos)
    if (auto [entry, isNew] = first.emplace(video.path, &video); !isNew)
      wrong.addRemark("videos that are named again", video.line,
                      fmt::format("{} of line {}{}", video.name, entry->second->line,
                                  entry->second->labels() == video.labels() ? "" : ", with another label"));
}

void ListBuilder::remarkMissing() {
  constexpr size_t many = 20000; // of which a file system over a network takes a while to tell
  if (list.videos.size() >= many)
    Progress().begin(fmt::format("looking for the {} videos of {}", list.videos.size(), list.file));
  list.stamps = stampsOf(list.videos);
  for (size_t i = 0; i < list.videos.size(); ++i)
    if (list.stamps[i].bytes == FileStamp::noFile) {
      list.unreadable.emplace(static_cast<int64_t>(i), "no such file");
      wrong.addRemark("missing videos", list.videos[i].line, list.videos[i].path);
    }
}

VideoList ListBuilder::finish(std::string format) {
  if (!known && !numbered && !table.empty())
    sortClasses();
  list.classes = table.names();
  list.format = std::move(format);
  checkLabels();
  if (wrong.empty() && list.videos.empty())
    fail("{}: the list holds no video", list.file);
  remarkDuplicates();
  if (wanted.findMissing)
    remarkMissing();
  wrong.write();
  if (!wrong.empty())
    fail("{}", wrong.summary());
  list.notes = wrong.remarks();
  for (const LabelledVideo &video : list.videos) {
    list.digest.add(video.name);
    list.digest.add(fmt::format("\n{}\n", fmt::join(video.labels(), ",")));
  }
  return std::move(list);
}

} // namespace kinema
