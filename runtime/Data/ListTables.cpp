// Reads the lists that are tables, in CSV or JSON.
#include "runtime/Data/ListFormats.h"
#include "runtime/Data/TextLines.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

using nlohmann::json;

namespace kinema {
namespace {

const std::vector<std::string> extensions = {".mp4", ".webm", ".mkv", ".avi"};

// Returns what an object has under a key, null where it is no object or has none.
json valueOf(const json &entry, const char *key) {
  auto found = entry.is_object() ? entry.find(key) : entry.end();
  return found == entry.end() ? json() : *found;
}

json parseJson(const std::string &file) {
  json document = json::parse(readFile(file), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    fail("{}: is no JSON, or not all of it", file);
  return document;
}

std::string textOf(const json &entry, const char *key) {
  json value = valueOf(entry, key);
  return value.is_string() ? value.get<std::string>() : "";
}

// A KineticsRow is a video of Kinetics, from a table or from JSON.
struct KineticsRow {
  int64_t line = 0;
  std::string id, label, split; // label: empty where it is not given
  double start = 0, end = 0;    // seconds
};

// Returns the columns by the names in the header.
class KineticsColumns {
public:
  KineticsColumns(const std::string &file, std::string_view header) {
    std::vector<std::string> names = splitFields(trimmed(header), ',');
    for (size_t i = 0; i < std::size(columns); ++i) {
      auto found = std::find(names.begin(), names.end(), wanted[i]);
      if (found == names.end() && i < 3)
        fail("{}: its first line names no column {}", file, wanted[i]);
      columns[i] = static_cast<size_t>(found - names.begin());
    }
  }

  std::optional<KineticsRow> parse(std::string_view text, int64_t line) const {
    std::vector<std::string> fields = splitFields(text, ',');
    auto field = [&](size_t i) { return columns[i] < fields.size() ? fields[columns[i]] : std::string(); };
    KineticsRow row{line, field(0), field(3), field(4)};
    if (row.id.empty() || !readWhole(field(1), row.start) || !readWhole(field(2), row.end))
      return std::nullopt;
    return row;
  }

private:
  static constexpr const char *wanted[] = {"youtube_id", "time_start", "time_end", "label", "split"};
  size_t columns[std::size(wanted)] = {};
};

std::vector<KineticsRow> rowsOfTable(ListBuilder &list, const TextLines &lines) {
  std::vector<KineticsRow> rows;
  std::optional<KineticsColumns> columns;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = trimmed(lines[i]);
    if (line.empty())
      continue;
    if (!columns)
      columns.emplace(list.file(), line);
    else if (std::optional<KineticsRow> row = columns->parse(line, static_cast<int64_t>(i + 1)))
      rows.push_back(*std::move(row));
    else
      list.problems().add("lines without an identifier or times", static_cast<int64_t>(i + 1),
                          fmt::format("'{}' has no identifier or no times", line));
  }
  return rows;
}

std::vector<KineticsRow> rowsOfJson(ListBuilder &list) {
  std::vector<KineticsRow> rows;
  json document = parseJson(list.file());
  if (!document.is_object())
    fail("{}: is no JSON object of videos, as Kinetics' lists are", list.file());
  for (const auto &[id, entry] : document.items()) { // their order in the file is not kept
    const json notes = valueOf(entry, "annotations"), segment = valueOf(notes, "segment");
    if (!segment.is_array() || segment.size() != 2 || !segment[0].is_number() || !segment[1].is_number())
      list.problems().add("entries without a segment", 0,
                          fmt::format("{} has no annotations with a segment", id));
    else
      rows.push_back({0, id, textOf(notes, "label"), textOf(entry, "subset"), segment[0].get<double>(),
                      segment[1].get<double>()});
  }
  return rows;
}

// Returns which split of a list with several is meant; empty where it has but one.
std::string splitOf(const std::vector<KineticsRow> &rows, const ListBuilder &list) {
  std::set<std::string> splits;
  for (const KineticsRow &row : rows)
    splits.insert(row.split);
  if (splits.size() < 2)
    return "";
  const bool train = list.options().part == ListPart::Train;
  for (const char *name : {"train", "training", "val", "validate", "validation", "test", "testing"})
    if (std::string_view(name).starts_with("train") == train && splits.contains(name))
      return name;
  fail("{}: it has several splits, but none for {}", list.file(), train ? "training" : "tests");
}

std::string withUnderscores(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

// Returns the class of a video of Something-Something: its template without the brackets of the objects.
std::string somethingClass(const json &entry) {
  std::string text = textOf(entry, "template");
  std::erase_if(text, [](char letter) { return letter == '[' || letter == ']'; });
  return text;
}

void addSomething(ListBuilder &list, int64_t line, const std::string &id, const std::string &name) {
  std::string path = list.find({{""}, {id}, {".webm", ".mp4", ".mkv", ".avi"}});
  if (name.empty())
    list.addUnlabelled(line, id, std::move(path));
  else
    list.add(line, id, std::move(path), name);
}

void readSomethingJson(ListBuilder &list) {
  json document = parseJson(list.file());
  if (!document.is_array())
    fail("{}: is no JSON list of videos, as those of Something-Something are", list.file());
  int64_t line = 0;
  for (const json &entry : document) {
    ++line;
    std::string id = textOf(entry, "id");
    if (id.empty())
      list.problems().add("entries without an id", line, "it has no id");
    else
      addSomething(list, line, id, somethingClass(entry));
  }
}

void readSomethingTable(ListBuilder &list, const TextLines &lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = trimmed(lines[i]);
    if (line.empty())
      continue;
    std::vector<std::string> fields = splitFields(line, ';');
    if (fields.size() != 2 || fields[0].empty())
      list.problems().add("lines without an id and a class", static_cast<int64_t>(i + 1),
                          fmt::format("'{}' is not ID;CLASS", line));
    else
      addSomething(list, static_cast<int64_t>(i + 1), fields[0], fields[1]);
  }
}

bool isJson(const TextLines &lines) {
  for (const std::string &line : lines)
    if (std::string_view text = trimmed(line); !text.empty())
      return text.front() == '{' || text.front() == '[';
  return false;
}

} // namespace

VideoList readKinetics(ListBuilder &list, const TextLines &lines) {
  std::vector<KineticsRow> rows = isJson(lines) ? rowsOfJson(list) : rowsOfTable(list, lines);
  const std::string split = splitOf(rows, list);
  for (const KineticsRow &row : rows) {
    if (!split.empty() && row.split != split)
      continue;
    std::string name = fmt::format("{}_{:06}_{:06}", row.id, std::llround(row.start), std::llround(row.end));
    std::string path = list.find({{row.label, withUnderscores(row.label), ""}, {name, row.id}, extensions});
    if (row.label.empty())
      list.addUnlabelled(row.line, std::move(name), std::move(path));
    else
      list.add(row.line, std::move(name), std::move(path), row.label);
  }
  return list.finish(split.empty() ? "Kinetics list" : fmt::format("Kinetics list, split '{}'", split));
}

VideoList readSomething(ListBuilder &list, const TextLines &lines) {
  if (isJson(lines))
    readSomethingJson(list);
  else
    readSomethingTable(list, lines);
  return list.finish("Something-Something list");
}

} // namespace kinema
