#include "runtime/Recipe.h"

#include "runtime/Error.h"
#include "runtime/Nearest.h"

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

void expect(bool holds, const char *field, const char *rule, const auto &value) {
  if (!holds)
    refuse("{} must be {}, found {}", field, rule, value);
}

void expectOneOf(const char *field, const std::string &value, std::vector<std::string> choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    refuse("{} must be one of {}, found '{}'", field, fmt::join(choices, ", "), value);
}

// zero: 0x0 is allowed too.
void expectSize(const char *field, const std::array<int64_t, 2> &size, bool zero) {
  if (zero && size == std::array<int64_t, 2>{0, 0})
    return;
  if (size[0] < 1 || size[1] < 1 || size[0] > 65536 || size[1] > 65536)
    refuse("{} must be a size HxW between 1x1 and 65536x65536, found {}x{}", field, size[0], size[1]);
}

void check(const DataRecipe &data) {
  expect(data.frames >= 0 && data.frames <= 65536, "data.frames", "between 0 and 65536", data.frames);
  expect(data.every >= 1 && data.every <= 65536, "data.every", "between 1 and 65536", data.every);
  expect(data.fps >= 0 && data.fps <= 1000, "data.fps", "between 0 and 1000", data.fps);
  expectOneOf("data.start", data.start, {"random", "first", "middle"});
  expectSize("data.resize", data.resize, data.shortSide > 0);
  expect(data.shortSide >= 0 && data.shortSide <= 65536, "data.short", "between 0 and 65536", data.shortSide);
  expectSize("data.crop", data.crop, true);
  expectOneOf("data.at", data.at, {"random", "centre"});
  expect(data.flip >= 0 && data.flip <= 1, "data.flip", "a probability", data.flip);
  if (data.mean.empty() || data.mean.size() != data.std.size())
    refuse("data.mean and data.std must have one value a channel each, found {} and {}", data.mean.size(),
           data.std.size());
  for (double std : data.std)
    expect(std > 0, "data.std", "above 0", std);
}

void check(const TrainRecipe &train) {
  expect(train.epochs >= 1, "train.epochs", "at least 1", train.epochs);
  expect(train.clips >= 0, "train.clips", "at least 0", train.clips);
  expect(train.batch >= 1, "train.batch", "at least 1", train.batch);
  expect(train.momentum >= 0 && train.momentum < 1, "train.momentum", "in [0, 1)", train.momentum);
  expect(train.decay >= 0, "train.decay", "at least 0", train.decay);
  expect(train.rate >= 0, "train.rate", "at least 0", train.rate);
  expect(train.warmup >= 0, "train.warmup", "at least 0", train.warmup);
  expect(train.every >= 0, "train.every", "at least 0", train.every);
  expect(train.factor > 0, "train.factor", "above 0", train.factor);
  expect(std::is_sorted(train.at.begin(), train.at.end()), "train.at", "in ascending order",
         fmt::format("{}", train.at));
  expectOneOf("train.loss", train.loss, {"cross_entropy"});
  expect(train.smoothing >= 0 && train.smoothing < 1, "train.smoothing", "in [0, 1)", train.smoothing);
  expect(train.seed >= 0, "train.seed", "at least 0", train.seed);
}

void check(const EvalRecipe &eval) {
  expect(eval.clips >= 1, "eval.clips", "at least 1", eval.clips);
  expect(eval.segments >= 0, "eval.segments", "at least 0", eval.segments);
  expectOneOf("eval.spread", eval.spread, {"uniform", "random"});
  expectSize("eval.crop", eval.crop, true);
  expectOneOf("eval.at", eval.at, {"centre", "random", "three"});
  expectOneOf("eval.average", eval.average, {"scores", "logits"});
  for (const std::string &item : eval.report)
    expectOneOf("eval.report", item, {"clip_top1", "clip_top5", "video_top1", "video_top5"});
}

void check(const Recipe &recipe) {
  check(recipe.data);
  check(recipe.train);
  check(recipe.eval);
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
    if (target == fmt::format("{}.{}", section, name) && !read(text, field))
      refuse("{} must be {}, found '{}'", target, typeName(field), text);
  });
  check(changed);
  if (changed.compute.winograd != recipe.compute.winograd)
    refuse("{} is part of the package's code: compile the spec with --set {}", target, setting);
  recipe = changed;
}

} // namespace kinema
