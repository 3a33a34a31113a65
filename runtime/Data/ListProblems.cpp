#include "runtime/Data/ListProblems.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace kinema {
namespace {

constexpr int64_t fewLines = 10; // so many wrong lines are told one by one
constexpr size_t examples = 3;   // of each cause where there are more

// Writes text beside the list or, where that cannot be, to the folder for temporary files. Returns where it
// is, or why it is nowhere.
std::string writeBeside(const std::string &file, const std::string &text) {
  std::string own = file;
  while (own.size() > 1 && own.ends_with('/'))
    own.pop_back();
  std::error_code none;
  std::filesystem::path other = std::filesystem::temp_directory_path(none) /
                                (std::filesystem::path(own).filename().string() + ".problems");
  for (const std::string &path : {own + ".problems", other.string()})
    try {
      writeFile(path, text, Links::Replace);
      return fmt::format("all of them are in {}", path);
    } catch (const Error &) {
      continue; // the folder cannot be written
    }
  return "there is no room for all of them beside the list or in TMPDIR";
}

} // namespace

std::vector<ListProblems::Line> &ListProblems::linesOf(std::vector<Cause> &causes, std::string_view cause) {
  auto found =
      std::find_if(causes.begin(), causes.end(), [&](const Cause &known) { return known.text == cause; });
  if (found == causes.end())
    found = causes.insert(found, Cause{std::string(cause), {}});
  return found->lines;
}

ListProblems::Line ListProblems::at(int64_t line, const std::string &text) const {
  if (line == 0)
    return {file, text};
  return {fmt::format("{}:{}{}", file, file.ends_with(".json") ? " entry " : "", line), text};
}

void ListProblems::add(std::string_view cause, int64_t line, const std::string &text) {
  linesOf(wrong, cause).push_back(at(line, text));
}

void ListProblems::addRemark(std::string_view cause, int64_t line, const std::string &text) {
  linesOf(odd, cause).push_back(at(line, text));
}

int64_t ListProblems::count() const {
  int64_t lines = 0;
  for (const Cause &cause : wrong)
    lines += static_cast<int64_t>(cause.lines.size());
  return lines;
}

bool ListProblems::saysAll() const {
  return count() <= fewLines && std::all_of(odd.begin(), odd.end(), [](const Cause &cause) {
           return cause.lines.size() <= examples;
         });
}

void ListProblems::write() {
  if (saysAll())
    return;
  std::string text;
  for (const std::vector<Cause> *causes : {&wrong, &odd})
    for (const Cause &cause : *causes)
      for (const Line &line : cause.lines)
        text += fmt::format("{}: {}\n", line.place, line.text);
  all = writeBeside(file, text);
}

std::string ListProblems::summary() const {
  std::vector<std::string> texts;
  const bool few = count() <= fewLines;
  if (!few)
    texts.push_back(fmt::format("{}: {} lines cannot be used; {}", file, count(), all));
  for (const Cause &cause : wrong) {
    if (!few)
      texts.push_back(fmt::format("  {}, {}:", cause.text, cause.lines.size()));
    for (size_t i = 0; i < (few ? cause.lines.size() : std::min(examples, cause.lines.size())); ++i)
      texts.push_back(fmt::format("{}{}: {}", few ? "" : "    ", cause.lines[i].place, cause.lines[i].text));
  }
  return fmt::format("{}", fmt::join(texts, "\n"));
}

std::vector<std::string> ListProblems::remarks() const {
  std::vector<std::string> texts;
  for (const Cause &cause : odd) {
    std::vector<std::string> shown;
    for (size_t i = 0; i < std::min(examples, cause.lines.size()); ++i)
      shown.push_back(cause.lines[i].text);
    const bool cut = cause.lines.size() > examples;
    texts.push_back(fmt::format("{}: {}: {}{}{}{}", file, cause.text, cause.lines.size(),
                                cut ? ", such as " : ", ", fmt::join(shown, "; "), cut ? "; " + all : ""));
  }
  return texts;
}

} // namespace kinema
