#include "runtime/Data/ClassNames.h"

#include "runtime/Data/TextLines.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>

using nlohmann::json;

namespace kinema {
namespace {

// Returns the names that have numbers, in the order of these, which must be 0 to n-1.
std::vector<std::string> inOrder(const std::string &file,
                                 std::vector<std::pair<int64_t, std::string>> numbered) {
  std::sort(numbered.begin(), numbered.end());
  std::vector<std::string> names;
  for (auto &[number, name] : numbered) {
    if (number != static_cast<int64_t>(names.size()))
      fail("{}: the classes have the numbers {} to {}, but there are {}: no class has the number {}, or two "
           "do",
           file, numbered.front().first, numbered.back().first, numbered.size(), names.size());
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> readJsonNames(const std::string &file) {
  std::vector<std::pair<int64_t, std::string>> numbered;
  json document = json::parse(readFile(file), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object())
    fail("{}: is no JSON object of classes and their numbers", file);
  for (const auto &[name, value] : document.items()) {
    int64_t number = -1;
    if (value.is_number_integer())
      number = value.get<int64_t>();
    else if (!value.is_string() || !readWhole(value.get<std::string>(), number))
      fail("{}: class '{}' has no number but {}", file, name, value.dump());
    numbered.emplace_back(number, name);
  }
  return inOrder(file, std::move(numbered));
}

// Reads lines `N<separator>NAME`; returns nothing where a line is none.
std::vector<std::pair<int64_t, std::string>> numberedLines(const std::vector<std::string> &lines, size_t from,
                                                           char separator) {
  std::vector<std::pair<int64_t, std::string>> numbered;
  for (size_t i = from; i < lines.size(); ++i) {
    std::string_view line = trimmed(lines[i]);
    if (line.empty() && i + 1 == lines.size())
      break;
    size_t gap = line.find(separator);
    int64_t number = 0;
    if (gap == std::string_view::npos || !readWhole(line.substr(0, gap), number))
      return {};
    std::string_view name = trimmed(line.substr(gap + 1));
    if (name.size() > 1 && name.front() == '"' && name.back() == '"')
      name = name.substr(1, name.size() - 2);
    numbered.emplace_back(number, name);
  }
  return numbered;
}

std::vector<std::string> plainNames(const std::string &file, const std::vector<std::string> &lines) {
  std::vector<std::string> names;
  for (size_t number = 0; number < lines.size(); ++number) {
    std::string name(trimmed(lines[number]));
    if (name.empty() && number + 1 == lines.size())
      break;
    if (name.empty())
      fail("{}:{}: an empty name of a class", file, number + 1);
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> readLinesOfNames(const std::string &file) {
  const std::vector<std::string> lines = readLines(file);
  if (!lines.empty() && trimmed(lines.front()) == "id,name")
    return inOrder(file, numberedLines(lines, 1, ','));
  std::vector<std::pair<int64_t, std::string>> numbered = numberedLines(lines, 0, ' ');
  bool counts = !numbered.empty();
  for (size_t i = 0; i < numbered.size(); ++i)
    counts &= numbered[i].first-- == static_cast<int64_t>(i + 1);
  return counts ? inOrder(file, std::move(numbered)) : plainNames(file, lines);
}

} // namespace

std::vector<std::string> readClassNames(const std::string &file) {
  std::vector<std::string> names = file.ends_with(".json") ? readJsonNames(file) : readLinesOfNames(file);
  ClassTable seen;
  for (size_t number = 0; number < names.size(); ++number)
    if (int32_t same = seen.add(names[number]); same != static_cast<int32_t>(number))
      fail("{}:{}: class '{}' is on line {} already", file, number + 1, names[number], same + 1);
  if (names.empty())
    fail("{}: no names of classes", file);
  return names;
}

std::string nameOfClass(const std::vector<std::string> &names, int64_t label, std::string_view before) {
  return label < static_cast<int64_t>(names.size()) ? names[label] : fmt::format("{}{}", before, label);
}

ClassTable::ClassTable(const std::vector<std::string> &names) {
  for (const std::string &name : names)
    add(name);
}

int32_t ClassTable::find(std::string_view name) const {
  auto found = numbers.find(std::string(name));
  return found == numbers.end() ? -1 : found->second;
}

int32_t ClassTable::add(std::string_view name) {
  auto [entry, isNew] = numbers.emplace(name, static_cast<int32_t>(ordered.size()));
  if (isNew)
    ordered.emplace_back(name);
  return entry->second;
}

} // namespace kinema
