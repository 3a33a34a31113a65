// Reads the lists that are lines of text, and folders: one function a format.
#include "runtime/Data/ListFormats.h"
#include "runtime/Data/TextLines.h"
#include "runtime/Support/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kinema {
namespace {

namespace fs = std::filesystem;

// Returns a path of the list as the program opens it.
std::string below(const fs::path &root, const fs::path &path) {
  return (path.is_absolute() ? path : root / path).string();
}

// Calls visit(line, number) for each line that is neither empty nor a comment.
template <typename Visit> void visitLines(const TextLines &lines, Visit &&visit) {
  for (size_t number = 0; number < lines.size(); ++number)
    if (std::string_view line = trimmed(lines[number]); !line.empty() && line.front() != '#')
      visit(line, static_cast<int64_t>(number + 1));
}

// Returns where the longest name of a class at the line's end begins, npos where there is none. Names may
// hold blanks.
size_t className(const ClassTable &classes, std::string_view line) {
  for (size_t gap = line.find_first_of(blanks); gap != std::string_view::npos;
       gap = line.find_first_of(blanks, gap)) {
    gap = line.find_first_not_of(blanks, gap);
    if (gap == std::string_view::npos)
      break;
    if (classes.find(line.substr(gap)) >= 0)
      return gap;
  }
  return std::string_view::npos;
}

// Reads whole numbers that commas separate; returns false where the text is something else.
bool readWholes(std::string_view text, std::vector<int64_t> &values) {
  for (size_t end = 0; end != std::string_view::npos;) {
    end = text.find(',');
    if (!readWhole(text.substr(0, end), values.emplace_back()))
      return false;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return true;
}

void readLabel(ListBuilder &list, std::string_view line, int64_t number) {
  size_t label = className(list.classes(), line);
  const bool named = label != std::string_view::npos;
  if (!named)
    label = line.find_last_of(blanks) + 1;
  if (label == 0)
    return list.problems().add("lines without a label", number,
                               fmt::format("'{}' is not a path and a label", line));
  const std::string_view word = line.substr(label);
  std::string name = fs::path(trimmed(line.substr(0, label))).string(), path = below(list.root(), name);
  std::vector<int64_t> values;
  if (named)
    list.add(number, std::move(name), std::move(path), word);
  else if (readWholes(word, values) && (values.size() == 1 || list.options().severalLabels))
    list.addNumbered(number, std::move(name), std::move(path), values);
  else if (values.size() > 1)
    list.problems().add("lines with several labels", number,
                        fmt::format("'{}': several labels are for train.loss=binary_cross_entropy", word));
  else
    list.problems().add("lines with unknown labels", number,
                        fmt::format("label '{}' is neither a number nor {}", word,
                                    list.knowsClasses() ? "the name of a class"
                                                        : "a name from a classes.txt beside the list"));
}

// Collects the classes that a split of UCF101 numbers itself.
class NumberedFolders {
public:
  // Adds a class, which is the folder of a video; an empty name says nothing of a class. Returns what
  // contradicts the lines before, or an empty string.
  std::string add(const std::string &name, int64_t number) {
    last = std::max(last, number);
    if (name.empty())
      return "";
    if (auto [known, isNew] = byName.emplace(name, number); !isNew && known->second != number)
      return fmt::format("label {}, but class {} has the number {} before", number, name, known->second);
    if (auto [known, isNew] = byNumber.emplace(number, name); !isNew && known->second != name)
      return fmt::format("label {} of class {}, but it is that of class {} before", number, name,
                         known->second);
    return "";
  }
  // Returns the names by number. There are none where a number is so large that it is a mistake, which the
  // network's number of classes shows, and none where a class is called as another that has no name.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    if (constexpr int64_t most = 1'000'000; byNumber.empty() || last > most)
      return all;
    for (int64_t number = 1; number <= last; ++number) {
      auto named = byNumber.find(number);
      all.push_back(named == byNumber.end() ? fmt::format("class {}", number - 1) : named->second);
    }
    const bool isEachOnce = ClassTable(all).names().size() == all.size();
    return isEachOnce ? all : std::vector<std::string>();
  }

private:
  int64_t last = 0;
  std::map<int64_t, std::string> byNumber;
  std::map<std::string, int64_t> byName;
};

struct Ucf101Line {
  std::string path, folder;
  int64_t label = 0; // from 1; 0: none is given
};

bool parseUcf101(std::string_view line, Ucf101Line &parsed) {
  size_t gap = line.find_last_of(blanks);
  if (gap != std::string_view::npos && !readWhole(line.substr(gap + 1), parsed.label)) {
    gap = std::string_view::npos; // a blank of the path
    parsed.label = 0;
  }
  parsed.path = trimmed(line.substr(0, gap));
  parsed.folder = fs::path(parsed.path).parent_path().filename().string();
  return gap != std::string_view::npos ? parsed.label > 0 : !parsed.folder.empty();
}

} // namespace

VideoList readLabels(ListBuilder &list, const TextLines &lines) {
  visitLines(lines, [&](std::string_view line, int64_t number) { readLabel(list, line, number); });
  return list.finish("paths and labels");
}

VideoList readUcf101(ListBuilder &list, const TextLines &lines) {
  NumberedFolders folders;
  visitLines(lines, [&](std::string_view line, int64_t number) {
    Ucf101Line parsed;
    if (!parseUcf101(line, parsed))
      return list.problems().add("lines without a class or a label from 1", number,
                                 fmt::format("'{}' is not CLASS/VIDEO and, in a list for training, a label "
                                             "that counts from 1",
                                             line));
    std::string path = below(list.root(), parsed.path);
    const int32_t known = list.classes().find(parsed.folder);
    if (parsed.label > 0 && list.knowsClasses() && known >= 0 && known != parsed.label - 1)
      return list.problems().add(
          "lines whose label is not that of their class", number,
          fmt::format("label {}, but class {} has the number {}", parsed.label, parsed.folder, known + 1));
    if (parsed.label == 0 && !list.knowsClasses())
      return list.problems().add(
          "lines of classes without a number", number,
          fmt::format("which number has class {}? Put classInd.txt beside the list, or "
                      "name it with --labels",
                      parsed.folder));
    if (parsed.label == 0)
      return list.add(number, parsed.path, std::move(path), parsed.folder);
    if (std::string fault = folders.add(parsed.folder, parsed.label); !list.knowsClasses() && !fault.empty())
      return list.problems().add("lines whose label is not that of their class", number, std::move(fault));
    list.addNumbered(number, parsed.path, std::move(path), {parsed.label - 1});
  });
  if (!list.knowsClasses())
    list.nameClasses(folders.names());
  return list.finish("UCF101 split, labels from 1");
}

VideoList readHmdb51(ListBuilder &list, const TextLines &) {
  const std::string ending = fmt::format("_test_split{}.txt", list.options().split);
  const bool train = list.options().part == ListPart::Train;
  std::vector<std::string> files;
  for (const fs::directory_entry &entry : fs::directory_iterator(list.file()))
    if (std::string name = entry.path().filename().string(); name.ends_with(ending))
      files.push_back(name);
  if (files.empty())
    fail("{}: holds no files CLASS{}", list.file(), ending);
  std::sort(files.begin(), files.end());
  for (const std::string &file : files) {
    const std::string name = file.substr(0, file.size() - ending.size());
    list.addClass(name);
    visitLines(
        readLines((fs::path(list.file()) / file).string()), [&](std::string_view line, int64_t number) {
          size_t gap = line.find_last_of(blanks);
          int64_t use = -1;
          if (gap == std::string_view::npos || !readWhole(line.substr(gap + 1), use) || use < 0 || use > 2)
            return list.problems().add(
                "lines without a use", 0,
                fmt::format("{}:{}: '{}' is not VIDEO and 1 (train), 2 (test) or 0 (neither)", file, number,
                            line));
          if (use != (train ? 1 : 2))
            return;
          std::string video(trimmed(line.substr(0, gap)));
          std::string path = list.find({{name, ""}, {video}, {""}});
          list.add(number, fmt::format("{}/{}", name, video), std::move(path), name);
        });
  }
  return list.finish(
      fmt::format("HMDB51 split {}, the videos for {}", list.options().split, train ? "training" : "tests"));
}

VideoList readSports1m(ListBuilder &list, const TextLines &lines) {
  int64_t several = 0;
  visitLines(lines, [&](std::string_view line, int64_t number) {
    size_t gap = line.find_first_of(blanks), at = line.find("v=");
    std::string_view labels = gap == std::string_view::npos ? "" : trimmed(line.substr(gap));
    const bool all = list.options().severalLabels;
    std::vector<int64_t> values;
    if (!isSports1mLine(line) || labels.empty() ||
        !readWholes(all ? labels : labels.substr(0, labels.find(',')), values))
      return list.problems().add(
          "lines without an address or a label", number,
          fmt::format("'{}' is not https://www.youtube.com/watch?v=ID and labels", line));
    several += labels.find(',') != std::string_view::npos;
    std::string id(line.substr(at + 2, gap - at - 2));
    std::string path = list.find({{""}, {id}, {".mp4", ".mkv", ".webm", ".avi", ".flv"}});
    list.addNumbered(number, std::move(id), std::move(path), values);
  });
  std::string format = "Sports-1M list";
  if (several > 0)
    format += fmt::format(", of several labels {} (videos: {})",
                          list.options().severalLabels ? "all" : "the first", several);
  return list.finish(std::move(format));
}

VideoList readFolders(ListBuilder &list, const TextLines &) {
  if (!list.options().root.empty())
    refuse("{}: class folders hold their videos: --root is for lists", list.file());
  std::vector<std::string> names;
  std::error_code none; // a link that leads nowhere is no folder
  for (const fs::directory_entry &entry : fs::directory_iterator(list.file()))
    if (std::string name = entry.path().filename().string();
        entry.is_directory(none) && !name.starts_with('.'))
      names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const std::string &name : names) {
    list.addClass(name);
    std::vector<std::string> videos;
    for (const fs::directory_entry &entry : fs::directory_iterator(fs::path(list.file()) / name))
      if (std::string video = entry.path().filename().string(); isVideoFile(video) && !video.starts_with('.'))
        videos.push_back(video);
    std::sort(videos.begin(), videos.end());
    for (const std::string &video : videos)
      list.add(0, fmt::format("{}/{}", name, video), (fs::path(list.file()) / name / video).string(), name);
  }
  return list.finish("class folders");
}

} // namespace kinema
