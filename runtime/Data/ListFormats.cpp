#include "runtime/Data/ListFormats.h"

#include "runtime/Data/TextLines.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace kinema {
namespace {

namespace fs = std::filesystem;

// Calls visit(line) for each line of a list that holds something; stops where it returns false.
template <typename Visit> void visitLines(const TextLines &lines, Visit &&visit) {
  for (const std::string &whole : lines)
    if (std::string_view line = trimmed(whole); !line.empty() && line.front() != '#' && !visit(line))
      return;
}

// Returns whether the list has lines and all of them are of a kind.
template <typename Is> bool allLines(const TextLines &lines, Is &&is) {
  bool all = true, any = false;
  visitLines(lines, [&](std::string_view line) {
    any = true;
    return all = is(line);
  });
  return all && any;
}

std::string_view firstLine(const TextLines &lines) {
  std::string_view first;
  visitLines(lines, [&](std::string_view line) {
    first = line;
    return false;
  });
  return first;
}

const ListFormat &recogniseFolder(const std::string &folder) {
  bool splits = false, classes = false;
  std::error_code none; // a link that leads nowhere is neither
  for (const fs::directory_entry &entry : fs::directory_iterator(folder)) {
    splits |= entry.is_regular_file(none) && isHmdb51File(entry.path().filename().string());
    classes |= entry.is_directory(none) && !entry.path().filename().string().starts_with('.');
  }
  if (!splits && !classes)
    fail("{}: is a folder that holds neither folders of classes nor split files of HMDB51, such as "
         "brush_hair_test_split1.txt",
         folder);
  return formatNamed(splits ? "hmdb51" : "folders");
}

// Tells a split of UCF101 from a list of `path label` with UCF101's videos, as other tools make them: there
// labels count from 0.
const ListFormat &recogniseUcf101(const std::string &file, const TextLines &lines) {
  std::set<int64_t> labels;
  visitLines(lines, [&](std::string_view line) {
    int64_t label = 0;
    if (readWhole(line.substr(line.find_last_of(blanks) + 1), label))
      labels.insert(label);
    return true;
  });
  if (labels.contains(0))
    return formatNamed("labels");
  const std::string name = fs::path(file).filename().string();
  const bool named = name.starts_with("trainlist") || name.starts_with("testlist") ||
                     fs::exists(fs::path(file).parent_path() / "classInd.txt");
  const bool complete =
      !labels.empty() && *labels.begin() == 1 && *labels.rbegin() == static_cast<int64_t>(labels.size());
  if (!named && !complete && !labels.empty())
    fail("{}: is it a split of UCF101, whose labels count from 1, or a list of `path label`, whose labels "
         "count from 0? Say --format ucf101 or --format labels",
         file);
  return formatNamed("ucf101");
}

} // namespace

const std::vector<ListFormat> &formatTable() {
  static const std::vector<ListFormat> table = {
      {"labels", {"classes.txt"}, readLabels},
      {"ucf101", {"classInd.txt", "classes.txt"}, readUcf101},
      {"hmdb51", {"classes.txt"}, readHmdb51},
      {"kinetics", {"classes.txt"}, readKinetics},
      {"something", {"labels.json", "something-something-v2-labels.json", "classes.txt"}, readSomething},
      {"sports1m", {"labels.txt", "classes.txt"}, readSports1m},
      {"folders", {"classes.txt"}, readFolders}};
  return table;
}

const std::vector<std::string> &listFormats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const ListFormat &format : formatTable())
      all.emplace_back(format.name);
    return all;
  }();
  return names;
}

const ListFormat &formatNamed(std::string_view name) {
  for (const ListFormat &format : formatTable())
    if (format.name == name)
      return format;
  refuse("there is no format of lists '{}'{}", name, didYouMean(std::string(name), listFormats()));
}

bool isHmdb51File(std::string_view name) {
  size_t at = name.rfind("_test_split");
  return at != std::string_view::npos && at > 0 && name.ends_with(".txt") &&
         name.size() == at + std::string_view("_test_splitN.txt").size();
}

bool isVideoFile(std::string_view name) {
  static const std::set<std::string> known = {".3gp", ".asf", ".avi",  ".flv", ".m4v", ".mkv",
                                              ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
                                              ".ts",  ".vob", ".webm", ".wmv", ".y4m"};
  std::string extension = fs::path(name).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return known.contains(extension);
}

bool isUcf101Line(std::string_view line) {
  std::string_view path = line.substr(0, line.find_first_of(blanks));
  size_t slash = path.rfind('/'), group = path.rfind("_g"), clip = path.rfind("_c");
  return slash != std::string_view::npos && path.substr(slash + 1).starts_with("v_") &&
         group != std::string_view::npos && clip != std::string_view::npos && group < clip && slash < group;
}

bool isSports1mLine(std::string_view line) {
  return line.starts_with("http") && line.find("youtube.com/watch?v=") != std::string_view::npos;
}

bool isSomethingLine(std::string_view line) {
  int64_t id = 0;
  size_t gap = line.find(';');
  return gap != std::string_view::npos && readWhole(line.substr(0, gap), id);
}

bool isKineticsHeader(std::string_view line) {
  return line.find("youtube_id,") != std::string_view::npos &&
         line.find("time_start") != std::string_view::npos;
}

const ListFormat &recognise(const std::string &file, const TextLines &lines) {
  if (fs::is_directory(file))
    return recogniseFolder(file);
  const std::string_view first = firstLine(lines);
  if (first.starts_with('['))
    return formatNamed("something");
  if (first.starts_with('{') || isKineticsHeader(first))
    return formatNamed("kinetics");
  if (isSports1mLine(first))
    return formatNamed("sports1m");
  if (isHmdb51File(fs::path(file).filename().string()))
    fail("{}: is one class of a split of HMDB51: name its folder, and the split with --split", file);
  if (allLines(lines, isSomethingLine))
    return formatNamed("something");
  if (allLines(lines, isUcf101Line))
    return recogniseUcf101(file, lines);
  return formatNamed("labels");
}

} // namespace kinema
