#include "runtime/Data/VideoIndex.h"

#include "runtime/Data/VideoFile.h"
#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace kinema {

std::optional<IndexEntry> VideoIndex::find(std::string_view name) const {
  auto found = entries.find(name);
  return found == entries.end() ? std::nullopt : decode(found->second);
}

std::shared_ptr<const FrameIndex> VideoIndex::frames(std::string_view name) const {
  auto found = entries.find(name);
  std::optional<IndexEntry> entry = found == entries.end() ? std::nullopt : decode(found->second);
  if (entry) // its stamp was compared with the file's when the list was read
    entry = decode(found->second, entry->stamp.bytes);
  if (!entry)
    fail("the index does not say where the frames of {} are", name);
  return std::make_shared<const FrameIndex>(std::move(entry->frames));
}

// Says in one line what the index knows, and in another which videos it knows to be bad.
static void addNotes(VideoList &list, const std::string &file, int64_t known,
                     const std::vector<std::string> &changed, const std::vector<std::string> &bad) {
  static constexpr size_t examples = 3;
  auto first = [](std::vector<std::string> all) {
    all.resize(std::min(examples, all.size()));
    return fmt::format("{}", fmt::join(all, "; "));
  };
  std::string text = fmt::format("{}: it knows {} of {} videos", file, known, list.videos.size());
  if (!changed.empty())
    text += fmt::format("; changed since then: {}, such as {}", changed.size(), first(changed));
  if (known < static_cast<int64_t>(list.videos.size() - list.unreadable.size() + bad.size()))
    text += "; `data check` finds out about the others";
  list.notes.push_back(text);
  if (!bad.empty())
    list.notes.push_back(fmt::format("{}: unreadable videos: {}, such as {}; all of them are in {}",
                                     list.file, bad.size(), first(bad), badPath(file)));
}

void useIndex(VideoList &list, const std::string &file) {
  auto index = std::make_shared<const VideoIndex>(file);
  list.indexed.assign(list.videos.size(), 0);
  std::vector<std::string> changed, bad;
  int64_t known = 0;
  for (size_t i = 0; i < list.videos.size(); ++i) {
    const LabelledVideo &video = list.videos[i];
    std::optional<IndexEntry> entry = list.stamps[i].exists() ? index->find(video.name) : std::nullopt;
    if (!entry)
      continue;
    if (entry->stamp != list.stamps[i]) {
      changed.push_back(video.name);
      continue;
    }
    ++known;
    list.indexed[i] = entry->problem.empty();
    if (entry->problem.empty())
      continue;
    list.unreadable.emplace(static_cast<int64_t>(i), entry->problem);
    bad.push_back(fmt::format("{}: {}", video.name, entry->problem));
  }
  addNotes(list, file, known, changed, bad);
  list.index = std::move(index);
}

uint64_t contentOf(const VideoList &list, int64_t video) {
  const LabelledVideo &is = list.videos[static_cast<size_t>(video)];
  if (list.index && list.indexed[static_cast<size_t>(video)])
    return list.index->find(is.name)->content;
  return contentOf(is.path);
}

std::string badPath(const std::string &index) {
  constexpr std::string_view ending = ".index";
  return index.substr(0, index.size() - ending.size()) + ".bad";
}

std::string indexPath(const std::string &list, const std::string &folder) {
  std::string own = list;
  while (own.size() > 1 && own.ends_with('/'))
    own.pop_back();
  if (folder.empty())
    return own + ".index";
  Digest place;
  place.add(std::filesystem::weakly_canonical(own).string());
  return (std::filesystem::path(folder) /
          fmt::format("{}-{}.index", std::filesystem::path(own).filename().string(), place.text()))
      .string();
}

} // namespace kinema
