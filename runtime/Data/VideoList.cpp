#include "runtime/Data/VideoList.h"

#include "runtime/Error.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace kinema {

namespace {

constexpr std::string_view blanks = " \t\r";
constexpr size_t longestReport = 10; // wrong lines named in one error

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

struct Labels {
  int64_t classes;
  const std::vector<std::string> &names;

  // The label that `word` stands for; otherwise says in `problem` why it is none.
  std::optional<int32_t> parse(std::string_view word, std::string &problem) const {
    auto named = std::find(names.begin(), names.end(), word);
    if (named != names.end())
      return static_cast<int32_t>(named - names.begin());
    int32_t number = 0;
    auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (status != std::errc() || end != word.data() + word.size()) {
      problem =
          fmt::format("label '{}' is neither a number nor {}", word,
                      names.empty() ? "a name from a classes.txt beside the list" : "the name of a class");
      return std::nullopt;
    }
    const int64_t limit = classes > 0 ? classes : static_cast<int64_t>(names.size());
    if (number < 0 || (limit > 0 && number >= limit)) {
      problem = limit > 0
                    ? fmt::format("label {}, but there are {} classes (0 to {})", number, limit, limit - 1)
                    : fmt::format("label {} is negative", number);
      return std::nullopt;
    }
    return number;
  }
};

} // namespace

VideoList readVideoList(const std::string &file, int64_t classes,
                        const std::vector<std::string> &classNames) {
  if (classes > 0 && static_cast<int64_t>(classNames.size()) > classes)
    fail("{}: {} names of classes for {} classes", file, classNames.size(), classes);
  const Labels labels{classes, classNames};
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  VideoList list{file, {}};
  std::vector<std::string> problems;
  const std::vector<std::string> lines = readLines(file);
  for (size_t number = 0; number < lines.size() && problems.size() < longestReport; ++number) {
    std::string_view line = trimmed(lines[number]);
    if (line.empty() || line.front() == '#')
      continue;
    size_t gap = line.find_last_of(blanks);
    std::string problem;
    if (gap == std::string_view::npos) {
      problem = fmt::format("'{}' is not a path and a label", line);
    } else if (auto label = labels.parse(line.substr(gap + 1), problem)) {
      std::filesystem::path path(trimmed(line.substr(0, gap)));
      list.videos.push_back({(path.is_absolute() ? path : folder / path).string(), *label});
    }
    if (!problem.empty())
      problems.push_back(fmt::format("{}:{}: {}", file, number + 1, problem));
  }
  if (!problems.empty())
    fail("{}", fmt::join(problems, "\n"));
  if (list.videos.empty())
    fail("{}: the list holds no video", file);
  return list;
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

std::string classNamesBeside(const std::string &listFile) {
  std::filesystem::path names = std::filesystem::path(listFile).parent_path() / "classes.txt";
  return std::filesystem::is_regular_file(names) ? names.string() : "";
}

} // namespace kinema
