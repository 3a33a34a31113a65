// Reads lists of videos for the library.
#include "runtime/Data/VideoIndex.h"
#include "runtime/Data/VideoList.h"
#include "runtime/Library/Handles.h"

#include <charconv>
#include <filesystem>

using namespace kinema;
using namespace kinema::library;

namespace {

int64_t numberOf(const std::string &option, const std::string &value) {
  int64_t number = 0;
  auto [rest, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc() || rest != value.data() + value.size() || number < 1)
    refuse("option {} of a list is '{}': a number from 1 is needed", option, value);
  return number;
}

ListPart partNamed(const std::string &name) {
  if (name != "train" && name != "test")
    refuse("option part of a list is '{}': it may be train or test", name);
  return name == "train" ? ListPart::Train : ListPart::Test;
}

void setOption(ListOptions &options, const std::string &option) {
  const size_t equals = option.find('=');
  const std::string name = option.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
  if (name == "root")
    options.root = value;
  else if (name == "format")
    options.format = value;
  else if (name == "labels")
    options.labels = value;
  else if (name == "split")
    options.split = numberOf(name, value);
  else if (name == "part")
    options.part = partNamed(value);
  else
    refuse("a list has no option '{}', only root, format, labels, split and part", name);
}

} // namespace

kinema_error *kinema_list_open(const char *path, const char *const *options, kinema_list **list) {
  return guarded([&] {
    require(path, "path");
    require(list, "list");
    ListOptions chosen;
    chosen.severalLabels = true; // what a network makes of them is the loader's to know
    chosen.findMissing = true;   // which an index is for
    for (; options && *options; ++options)
      setOption(chosen, *options);
    auto handle = std::make_unique<kinema_list>();
    handle->list = readVideoList(path, chosen);
    if (const std::string index = indexPath(path, ""); std::filesystem::exists(index))
      useIndex(handle->list, index);
    *list = handle.release();
  });
}

void kinema_list_close(kinema_list *list) { delete list; }

int64_t kinema_list_count(const kinema_list *list) {
  return list ? static_cast<int64_t>(list->list.videos.size()) : 0;
}

const char *kinema_list_video(const kinema_list *list, int64_t video) {
  return video >= 0 && video < kinema_list_count(list) ? list->list.videos[video].path.c_str() : nullptr;
}

int32_t kinema_list_label(const kinema_list *list, int64_t video, int64_t number) {
  if (video < 0 || video >= kinema_list_count(list) || number < 0)
    return noLabel;
  const std::vector<int32_t> labels = list->list.videos[video].labels();
  return number < static_cast<int64_t>(labels.size()) ? labels[number] : noLabel;
}

int64_t kinema_list_class_count(const kinema_list *list) {
  return list ? static_cast<int64_t>(list->list.classes.size()) : 0;
}

const char *kinema_list_class_name(const kinema_list *list, int64_t label) {
  return label >= 0 && label < kinema_list_class_count(list) ? list->list.classes[label].c_str() : nullptr;
}
