#include "runtime/Recipe.h"

#include "runtime/Error.h"
#include "runtime/Nearest.h"
#include "runtime/RecipeFields.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

using nlohmann::json;

namespace kinema {
namespace {

// Every field once, in the manifest's order: visit(section, name, field).
template <typename RecipeType, typename Visit> void visitFields(RecipeType &recipe, Visit &&visit) {
  auto &data = recipe.data;
  visit("data", "frames", data.frames);
  visit("data", "every", data.every);
  visit("data", "fps", data.fps);
  visit("data", "start", data.start);
  visit("data", "resize", data.resize);
  visit("data", "short", data.shortSide);
  visit("data", "crop", data.crop);
  visit("data", "at", data.at);
  visit("data", "flip", data.flip);
  visit("data", "mean", data.mean);
  visit("data", "std", data.std);
  auto &train = recipe.train;
  visit("train", "epochs", train.epochs);
  visit("train", "clips", train.clips);
  visit("train", "batch", train.batch);
  visit("train", "momentum", train.momentum);
  visit("train", "nesterov", train.nesterov);
  visit("train", "decay", train.decay);
  visit("train", "rate", train.rate);
  visit("train", "warmup", train.warmup);
  visit("train", "every", train.every);
  visit("train", "factor", train.factor);
  visit("train", "at", train.at);
  visit("train", "loss", train.loss);
  visit("train", "smoothing", train.smoothing);
  visit("train", "seed", train.seed);
  auto &eval = recipe.eval;
  visit("eval", "clips", eval.clips);
  visit("eval", "segments", eval.segments);
  visit("eval", "spread", eval.spread);
  visit("eval", "crop", eval.crop);
  visit("eval", "at", eval.at);
  visit("eval", "average", eval.average);
  visit("eval", "report", eval.report);
  visit("compute", "winograd", recipe.compute.winograd);
}

// From JSON: false where the value has another type.

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

bool read(const json &value, std::array<int64_t, 2> &field) {
  return value.is_array() && value.size() == 2 && read(value[0], field[0]) && read(value[1], field[1]);
}

// From the command line.

template <typename T> bool readNumber(std::string_view text, T &field) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), field);
  return code == std::errc() && end == text.data() + text.size();
}

bool read(std::string_view text, int64_t &field) { return readNumber(text, field); }

bool read(std::string_view text, double &field) { return readNumber(text, field) && std::isfinite(field); }

bool read(std::string_view text, bool &field) {
  field = text == "on" || text == "true";
  return field || text == "off" || text == "false";
}

bool read(std::string_view text, std::string &field) {
  field = text;
  return true;
}

// Items parted by blanks or commas, in brackets or not.
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

// "224x224", or one number for both.
bool read(std::string_view text, std::array<int64_t, 2> &field) {
  size_t cross = text.find('x');
  if (cross == std::string_view::npos)
    return read(text, field[0]) && (field[1] = field[0], true);
  return read(text.substr(0, cross), field[0]) && read(text.substr(cross + 1), field[1]);
}

const char *typeName(const int64_t &) { return "an integer"; }
const char *typeName(const double &) { return "a number"; }
const char *typeName(const bool &) { return "on or off"; }
const char *typeName(const std::string &) { return "a word"; }
const char *typeName(const std::array<int64_t, 2> &) { return "a size HxW"; }
const char *typeName(const std::vector<double> &) { return "a list of numbers"; }
const char *typeName(const std::vector<std::string> &) { return "a list of words"; }

// Whether a value is in the field's range.

template <typename Value> void checkNumber(const RecipeField &field, const Value &value) {
  if (!field.holds(static_cast<double>(value)))
    refuse("{}.{} must be {}, found {}", field.section, field.name, field.range(), value);
}

void checkValue(const RecipeField &field, int64_t value) { checkNumber(field, value); }

void checkValue(const RecipeField &field, double value) { checkNumber(field, value); }

void checkValue(const RecipeField &, bool) {}

void checkValue(const RecipeField &field, const std::string &value) {
  if (std::find(field.words.begin(), field.words.end(), value) == field.words.end())
    refuse("{}.{} must be one of {}, found '{}'", field.section, field.name, fmt::join(field.words, ", "),
           value);
}

void checkValue(const RecipeField &field, const std::array<int64_t, 2> &size) {
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
  visitFields(recipe, [](const char *section, const char *name, const auto &value) {
    checkValue(recipeFieldNamed(section, name), value);
  });
  if (recipe.data.shortSide == 0 && recipe.data.resize == std::array<int64_t, 2>{0, 0})
    refuse("data.resize is 0x0 and data.short is 0: one of them must say what frames are scaled to");
}

std::vector<std::string> fieldNames(const Recipe &recipe) {
  std::vector<std::string> names;
  visitFields(recipe, [&](const char *section, const char *name, const auto &) {
    names.push_back(fmt::format("{}.{}", section, name));
  });
  return names;
}

void refuseUnknown(const Recipe &recipe, const std::string &name) {
  std::vector<std::string> names = fieldNames(recipe);
  if (std::find(names.begin(), names.end(), name) == names.end())
    refuse("the recipe has no field '{}'{}", name, didYouMean(name, names));
}

// What the field is where a spec leaves it out. Frames and crops follow the network's input, as those of a
// package do already.
template <typename T>
void setToDefault(Recipe &recipe, std::string_view section, std::string_view name, T &field) {
  if (name == "frames" || name == "crop")
    return;
  static const json defaults = toJson(Recipe());
  read(defaults[section][name], field);
  if (name == "resize")
    recipe.data.resize = {0, 0};
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
      refuseUnknown(recipe, fmt::format("{}.{}", section, name));
  }
  visitFields(recipe, [&](const char *section, const char *name, auto &field) {
    auto fields = document.find(section);
    if (fields == document.end() || !fields->contains(name))
      return;
    const json &value = fields->at(name);
    if (!read(value, field))
      refuse("{}.{} must be {}, found {}", section, name, typeName(field), value.dump());
  });
  check(recipe);
  return recipe;
}

json toJson(const Recipe &recipe) {
  json document = json::object();
  visitFields(recipe, [&](const char *section, const char *name, const auto &field) {
    document[section][name] = field;
  });
  return document;
}

std::vector<std::string> differences(const Recipe &recipe, const Recipe &before) {
  std::vector<std::string> texts;
  json now = toJson(recipe), then = toJson(before);
  visitFields(recipe, [&](const char *section, const char *name, const auto &) {
    const json &value = now[section][name], &old = then[section][name];
    if (value != old)
      texts.push_back(fmt::format("{}.{} is {}, was {}", section, name, value.dump(), old.dump()));
  });
  return texts;
}

void applySetting(Recipe &recipe, std::string_view setting) {
  size_t equals = setting.find('=');
  if (equals == std::string_view::npos)
    refuse("'{}' is no setting: write SECTION.FIELD=VALUE, as in train.rate=0.1", setting);
  std::string target(setting.substr(0, equals));
  std::string_view text = setting.substr(equals + 1);
  refuseUnknown(recipe, target);
  Recipe changed = recipe;
  visitFields(changed, [&](const char *section, const char *name, auto &field) {
    if (target != fmt::format("{}.{}", section, name))
      return;
    if (text == "auto")
      setToDefault(changed, section, name, field);
    else if (!read(text, field))
      refuse("{} must be {}, found '{}'", target, typeName(field), text);
    else if (target == "data.resize")
      changed.data.shortSide = 0; // the last of the two counts
  });
  if (changed.data.shortSide == 0 && changed.data.resize == std::array<int64_t, 2>{0, 0})
    changed.data.resize = usualResize(changed.data.crop[0], changed.data.crop[1]);
  check(changed);
  if (changed.compute.winograd != recipe.compute.winograd)
    refuse("{} is part of the package's code: compile the spec with --set {}", target, setting);
  recipe = changed;
}

} // namespace kinema
