#include "runtime/Package/Recipe.h"

#include "runtime/Package/RecipeRules.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

using nlohmann::json;

namespace kinema {
namespace {

// Reads a field from JSON; returns false where the value has another type.

bool read(const json &value, int64_t &field) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX))
    return false;
  field = value.get<int64_t>();
  return true;
}

bool read(const json &value, double &field) {
  if (!value.is_number())
    return false;
  field = value.get<double>();
  return true;
}

bool read(const json &value, bool &field) {
  if (!value.is_boolean())
    return false;
  field = value.get<bool>();
  return true;
}

bool read(const json &value, std::string &field) {
  if (!value.is_string())
    return false;
  field = value.get<std::string>();
  return true;
}

template <typename T> bool read(const json &value, std::vector<T> &field) {
  if (!value.is_array())
    return false;
  field.resize(value.size());
  for (size_t i = 0; i < field.size(); ++i)
    if (!read(value[i], field[i]))
      return false;
  return true;
}

bool read(const json &value, RecipeSize &field) {
  return value.is_array() && value.size() == 2 && read(value[0], field[0]) && read(value[1], field[1]);
}

// Reads a field from the command line; returns false where the text is no such value.

template <typename T> bool readNumber(std::string_view text, T &field) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), field);
  return code == std::errc() && end == text.data() + text.size();
}

bool read(std::string_view text, int64_t &field) { return readNumber(text, field); }

// Reads "0.25" or "25%".
bool read(std::string_view text, double &field) {
  const bool isPercent = text.ends_with('%');
  if (!readNumber(text.substr(0, text.size() - isPercent), field) || !std::isfinite(field))
    return false;
  field = isPercent ? field / 100 : field;
  return true;
}

bool read(std::string_view text, bool &field) {
  field = text == "on" || text == "true";
  return field || text == "off" || text == "false";
}

bool read(std::string_view text, std::string &field) {
  field = text;
  return true;
}

// Reads items that blanks or commas separate, with or without brackets around them.
template <typename T> bool read(std::string_view text, std::vector<T> &field) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  field.clear();
  while (true) {
    size_t begin = text.find_first_not_of(" ,");
    if (begin == std::string_view::npos)
      return true;
    size_t end = std::min(text.find_first_of(" ,", begin), text.size());
    if (!read(text.substr(begin, end - begin), field.emplace_back()))
      return false;
    text.remove_prefix(end);
  }
}

// Reads "224x224", or one number for both.
bool read(std::string_view text, RecipeSize &field) {
  size_t cross = text.find('x');
  if (cross == std::string_view::npos)
    return read(text, field[0]) && (field[1] = field[0], true);
  return read(text.substr(0, cross), field[0]) && read(text.substr(cross + 1), field[1]);
}

const char *typeName(const int64_t &) { return "an integer"; }
const char *typeName(const double &) { return "a number"; }
const char *typeName(const bool &) { return "on or off"; }
const char *typeName(const std::string &) { return "a word"; }
const char *typeName(const RecipeSize &) { return "a size HxW"; }
const char *typeName(const std::vector<double> &) { return "a list of numbers"; }
const char *typeName(const std::vector<std::string> &) { return "a list of words"; }

// Checks that a value is in the field's range.

template <typename Value> void checkNumber(const RecipeField &field, const Value &value) {
  if (!field.holds(static_cast<double>(value)))
    refuse("{}.{} must be {}, found {}", field.section, field.name, field.range(), value);
}

void checkValue(const RecipeField &field, int64_t value) { checkNumber(field, value); }

void checkValue(const RecipeField &field, double value) { checkNumber(field, value); }

void checkValue(const RecipeField &, bool) {}

void checkValue(const RecipeField &field, const std::string &value) {
  if (!field.words.empty() && std::find(field.words.begin(), field.words.end(), value) == field.words.end())
    refuse("{}.{} must be one of {}, found '{}'", field.section, field.name, fmt::join(field.words, ", "),
           value);
}

void checkValue(const RecipeField &field, const RecipeSize &size) {
  if (!field.holds(size))
    refuse("{}.{} must be a size HxW {} each way, found {}x{}", field.section, field.name, field.range(),
           size[0], size[1]);
}

template <typename T> void checkValue(const RecipeField &field, const std::vector<T> &values) {
  if (field.count != 0 && values.size() != field.count)
    refuse("{}.{} must have {} values, found {}", field.section, field.name, field.count, values.size());
  for (const T &value : values)
    checkValue(field, value);
  if (field.ascending && !std::is_sorted(values.begin(), values.end()))
    refuse("{}.{} must be in ascending order, found {}", field.section, field.name, values);
}

void check(const Recipe &recipe) {
  visitFields(recipe, [](const RecipeField &field, const auto &value) { checkValue(field, value); });
}

std::string pathOf(const RecipeField &field) { return fmt::format("{}.{}", field.section, field.name); }

std::vector<std::string> fieldNames() {
  std::vector<std::string> names;
  for (const RecipeField &field : recipeFields)
    names.push_back(pathOf(field));
  return names;
}

void refuseUnknown(const std::string &name) {
  std::vector<std::string> names = fieldNames();
  if (std::find(names.begin(), names.end(), name) == names.end())
    refuse("the recipe has no field '{}'{}", name, didYouMean(name, names));
}

// Returns whether a spec takes the field from the network's input. Frames and crops are so; those of a
// package are filled in already.
bool followsInput(const RecipeField &field) { return field.name == "frames" || field.name == "crop"; }

// Sets the field to the value that it has where a spec leaves it out.
template <typename T> void setToDefault(const RecipeField &field, T &value) {
  if (followsInput(field))
    return;
  static const json defaults = toJson(Recipe());
  read(defaults[field.section][field.name], value);
}

} // namespace

Recipe parseRecipe(const json &document) {
  Recipe recipe;
  if (!document.is_object())
    refuse("the recipe must be a JSON object, found {}", document.type_name());
  for (const auto &[section, fields] : document.items()) {
    if (section != "data" && section != "train" && section != "eval" && section != "compute")
      refuse("the recipe has no section '{}'; it has data, train, eval and compute", section);
    if (!fields.is_object())
      refuse("the recipe's section '{}' must be a JSON object, found {}", section, fields.type_name());
    for (const auto &[name, value] : fields.items())
      refuseUnknown(fmt::format("{}.{}", section, name));
  }
  visitFields(recipe, [&](const RecipeField &field, auto &member) {
    auto fields = document.find(field.section);
    if (fields == document.end() || !fields->contains(field.name))
      return;
    const json &value = fields->at(field.name);
    if (!read(value, member))
      refuse("{} must be {}, found {}", pathOf(field), typeName(member), value.dump());
  });
  check(recipe);
  return recipe;
}

json toJson(const Recipe &recipe) {
  json document = json::object();
  visitFields(recipe, [&](const RecipeField &field, const auto &value) {
    document[field.section][field.name] = value;
  });
  return document;
}

static void refuseFault(const std::optional<RecipeFault> &fault) {
  if (fault)
    refuse("{}: {}{}", fault->field, fault->message, fault->hint.empty() ? "" : ": " + fault->hint);
}

void refuseContradictions(const DataRecipe &data, const EvalRecipe &eval) {
  refuseFault(contradictionOf(data, eval));
}

void refuseContradictions(const TrainRecipe &train) { refuseFault(contradictionOf(train)); }

namespace {

// Lists the differences in the fields that `counts` holds for.
template <typename Counts>
std::vector<std::string> differencesIn(const Recipe &recipe, const Recipe &before, Counts counts) {
  std::vector<std::string> texts;
  json now = toJson(recipe), then = toJson(before);
  for (const RecipeField &field : recipeFields) {
    const json &value = now[field.section][field.name], &old = then[field.section][field.name];
    if (counts(field) && value != old)
      texts.push_back(fmt::format("{} is {}, was {}", pathOf(field), value.dump(), old.dump()));
  }
  return texts;
}

} // namespace

std::vector<std::string> differences(const Recipe &recipe, const Recipe &before) {
  return differencesIn(recipe, before, [](const RecipeField &) { return true; });
}

std::vector<std::string> compiledDifferences(const Recipe &recipe, const Recipe &before) {
  return differencesIn(recipe, before, [](const RecipeField &field) { return field.compiled; });
}

void applySetting(Recipe &recipe, std::string_view setting) {
  size_t equals = setting.find('=');
  if (equals == std::string_view::npos)
    refuse("'{}' is no setting: write SECTION.FIELD=VALUE, as in train.rate=0.1", setting);
  std::string target(setting.substr(0, equals));
  std::string_view text = setting.substr(equals + 1);
  refuseUnknown(target);
  Recipe changed = recipe;
  visitFields(changed, [&](const RecipeField &field, auto &member) {
    if (target != pathOf(field))
      return;
    std::remove_reference_t<decltype(member)> value{};
    if (text == "auto")
      return setToDefault(field, member);
    if (!read(text, value))
      refuse("{} must be {}, found '{}'", target, typeName(member), text);
    if (!followsInput(field) || value != decltype(value){})
      member = value;
    if (target == "data.resize")
      changed.data.shortSide = 0; // the later of the two settings counts
  });
  if (target == "data.resize" && changed.data.resize == RecipeSize{0, 0})
    changed.data.resize = usualResize(changed.data.crop[0], changed.data.crop[1]);
  check(changed);
  if (!compiledDifferences(changed, recipe).empty())
    refuse("{} is part of the package's code: compile the spec with --set {}", target, setting);
  recipe = changed;
}

namespace {

// Says in words what a field takes.

std::string valuesOf(const RecipeField &field, const int64_t &) { return "an integer " + field.range(); }
std::string valuesOf(const RecipeField &field, const double &) { return "a number " + field.range(); }
std::string valuesOf(const RecipeField &, const bool &) { return "on or off"; }
std::string valuesOf(const RecipeField &field, const std::string &) {
  return field.words.size() == 1 ? std::string(field.words[0])
                                 : fmt::format("one of {}", fmt::join(field.words, ", "));
}
std::string valuesOf(const RecipeField &field, const RecipeSize &) {
  return "a size HxW, " + field.range() + " each way";
}
std::string valuesOf(const RecipeField &field, const RecipeNumbers &) {
  return fmt::format("{} {}{}", field.count != 0 ? fmt::format("{} numbers", field.count) : "numbers",
                     field.range(), field.ascending ? ", in ascending order" : "");
}
std::string valuesOf(const RecipeField &field, const RecipeWords &) {
  return field.words.empty() ? "names" : fmt::format("some of {}", fmt::join(field.words, ", "));
}

// Writes a value as `--set` reads it.

template <typename T> std::string textOf(const T &value) { return fmt::format("{}", value); }
std::string textOf(const bool &value) { return value ? "on" : "off"; }
std::string textOf(const RecipeSize &value) { return fmt::format("{}x{}", value[0], value[1]); }
template <typename T> std::string textOf(const std::vector<T> &values) {
  return fmt::format("[{}]", fmt::join(values, " "));
}

} // namespace

Recipe recipeWith(Recipe recipe, const std::vector<std::string> &settings) {
  for (const std::string &setting : settings)
    applySetting(recipe, setting);
  return recipe;
}

std::vector<RecipeFieldText> describeFields() {
  std::vector<RecipeFieldText> texts;
  const Recipe defaults;
  visitFields(defaults, [&](const RecipeField &field, const auto &initial) {
    texts.push_back({pathOf(field), valuesOf(field, initial), textOf(initial), std::string(field.meaning)});
  });
  return texts;
}

std::vector<std::string> settingsOf(const Recipe &recipe) {
  std::vector<std::string> settings;
  visitFields(recipe, [&](const RecipeField &field, const auto &value) {
    settings.push_back(fmt::format("{}={}", pathOf(field), textOf(value)));
  });
  return settings;
}

std::string settingsHelp() {
  std::string lines = "Settings of the recipe:\n";
  for (const RecipeFieldText &field : describeFields())
    lines += fmt::format("  {}={}: {}. {}\n", field.path, field.initial, field.values, field.meaning);
  return lines;
}

} // namespace kinema
