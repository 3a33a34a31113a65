#include "runtime/Data/VideoList.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

namespace kinema {

namespace {

constexpr std::string_view blanks = " \t\r";
constexpr size_t longestReport = 10; // of the wrong lines, one error names so many

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> readLines(const std::string &file) {
  if (std::filesystem::is_directory(file))
    fail("{}: is a directory, not a list", file);
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    fail("{}: {}", file, std::strerror(errno));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line.find('\0') != std::string::npos)
      fail("{}:{}: a zero byte: not a text file", file, lines.size() + 1);
    lines.push_back(std::move(line));
  }
  if (!lines.empty() && lines.front().starts_with("\xEF\xBB\xBF")) // byte order mark
    lines.front().erase(0, 3);
  return lines;
}

// Reads a list line by line, and collects what is wrong with it.
class ListReader {
public:
  ListReader(const std::string &file, int64_t classes, const std::vector<std::string> &names)
      : names(names), limit(classes > 0 ? classes : static_cast<int64_t>(names.size())),
        folder(std::filesystem::path(file).parent_path()) {
    list.file = file;
  }

  VideoList read();

private:
  void readLine(std::string_view line, size_t number);
  std::optional<int32_t> label(std::string_view word, size_t number);
  void complain(size_t number, std::string_view problem);
  std::string beyondLimit() const;

  const std::vector<std::string> &names;
  const int64_t limit; // labels are below it; 0: any number
  const std::filesystem::path folder;
  VideoList list;
  std::vector<std::string> problems;
  size_t wrongLines = 0;
  // Labels at and above the limit are most often one mistake, so they are reported as one.
  int64_t beyond = 0, lowest = INT64_MAX, highest = -1;
  size_t firstBeyond = 0;
};

void ListReader::complain(size_t number, std::string_view problem) {
  if (++wrongLines <= longestReport)
    problems.push_back(fmt::format("{}:{}: {}", list.file, number, problem));
}

// Returns the label that `word` stands for, 0 where it is beyond the limit.
std::optional<int32_t> ListReader::label(std::string_view word, size_t number) {
  auto named = std::find(names.begin(), names.end(), word);
  if (named != names.end())
    return static_cast<int32_t>(named - names.begin());
  int32_t value = 0;
  auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || end != word.data() + word.size()) {
    complain(number, fmt::format("label '{}' is neither a number nor {}", word,
                                 names.empty() ? "a name from a classes.txt beside the list"
                                               : "the name of a class"));
    return std::nullopt;
  }
  if (value < 0) {
    complain(number, fmt::format("label {} is negative", value));
    return std::nullopt;
  }
  lowest = std::min<int64_t>(lowest, value);
  highest = std::max<int64_t>(highest, value);
  if (limit > 0 && value >= limit && beyond++ == 0)
    firstBeyond = number;
  return value;
}

void ListReader::readLine(std::string_view line, size_t number) {
  size_t gap = line.find_last_of(blanks);
  if (gap == std::string_view::npos)
    return complain(number, fmt::format("'{}' is not a path and a label", line));
  std::filesystem::path path(trimmed(line.substr(0, gap)));
  std::optional<int32_t> found = label(line.substr(gap + 1), number);
  if (!found)
    return;
  list.videos.push_back({(path.is_absolute() ? path : folder / path).string(), *found});
  list.digest.add(path.string());
  list.digest.add(fmt::format("\n{}\n", *found));
}

std::string ListReader::beyondLimit() const {
  std::string others = beyond > 1 ? fmt::format(", as on {} lines more", beyond - 1) : "";
  std::string text = fmt::format("{}:{}: there are {} classes (0 to {}), found label {}{}", list.file,
                                 firstBeyond, limit, limit - 1, highest, others);
  if (lowest == 1 && highest == limit)
    text = fmt::format("{}: labels count from 1 to {}, but classes from 0 to {}: subtract 1 from each label "
                       "(awk '{{ $NF -= 1; print }}' LIST)",
                       list.file, highest, limit - 1);
  return text;
}

VideoList ListReader::read() {
  const std::vector<std::string> lines = readLines(list.file);
  for (size_t number = 0; number < lines.size(); ++number)
    if (std::string_view line = trimmed(lines[number]); !line.empty() && line.front() != '#')
      readLine(line, number + 1);
  if (wrongLines > problems.size())
    problems.push_back(fmt::format("{}: {} lines more are wrong", list.file, wrongLines - problems.size()));
  if (beyond > 0)
    problems.push_back(beyondLimit());
  if (!problems.empty())
    fail("{}", fmt::join(problems, "\n"));
  if (list.videos.empty())
    fail("{}: the list holds no video", list.file);
  return std::move(list);
}

} // namespace

VideoList readVideoList(const std::string &file, int64_t classes,
                        const std::vector<std::string> &classNames) {
  if (classes > 0 && static_cast<int64_t>(classNames.size()) > classes)
    fail("{}: {} names of classes for {} classes", file, classNames.size(), classes);
  return ListReader(file, classes, classNames).read();
}

VideoList readVideoList(const std::string &file, int64_t classes) {
  return readVideoList(file, classes, classNamesBeside(file));
}

std::string labelRemark(const VideoList &list) {
  std::set<int32_t> labels;
  for (const LabelledVideo &video : list.videos)
    labels.insert(video.label);
  auto count = static_cast<int32_t>(labels.size());
  if (count < 2 || *labels.begin() != 1 || *labels.rbegin() != count)
    return "";
  return fmt::format("{}: the labels are 1 to {} and none is 0: classes count from 0", list.file, count);
}

std::vector<std::string> readClassNames(const std::string &file) {
  std::vector<std::string> names;
  const std::vector<std::string> lines = readLines(file);
  for (size_t number = 0; number < lines.size(); ++number) {
    std::string name(trimmed(lines[number]));
    if (name.empty() && number + 1 == lines.size())
      break;
    if (name.empty())
      fail("{}:{}: an empty name of a class", file, number + 1);
    auto same = std::find(names.begin(), names.end(), name);
    if (same != names.end())
      fail("{}:{}: class '{}' is on line {} already", file, number + 1, name, same - names.begin() + 1);
    names.push_back(std::move(name));
  }
  if (names.empty())
    fail("{}: no names of classes", file);
  return names;
}

std::vector<std::string> classNamesBeside(const std::string &listFile) {
  std::filesystem::path names = std::filesystem::path(listFile).parent_path() / "classes.txt";
  return std::filesystem::is_regular_file(names) ? readClassNames(names.string())
                                                 : std::vector<std::string>();
}

} // namespace kinema
