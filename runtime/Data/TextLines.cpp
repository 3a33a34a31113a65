#include "runtime/Data/TextLines.h"

#include "runtime/Support/Error.h"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace kinema {

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> readLines(const std::string &file) {
  if (std::filesystem::is_directory(file))
    fail("{}: is a directory, not a text file", file);
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

template <typename Number> bool readWhole(std::string_view text, Number &number) {
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  return status == std::errc() && end == text.data() + text.size();
}
template bool readWhole(std::string_view, int32_t &);
template bool readWhole(std::string_view, int64_t &);
template bool readWhole(std::string_view, double &);

std::vector<std::string> splitFields(std::string_view line, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[++i]; // a doubled quote stands for itself
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == separator && !quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

} // namespace kinema
