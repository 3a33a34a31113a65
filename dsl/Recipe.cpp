#include "dsl/Recipe.h"

#include "dsl/Print.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <variant>

namespace kinema::dsl {

namespace {

using Pair = std::array<int64_t, 2>;
using Numbers = std::vector<double>;
using Integers = std::vector<int64_t>;
using Words = std::vector<std::string>;
using Target =
    std::variant<int64_t *, double *, bool *, std::string *, Pair *, Numbers *, Integers *, Words *>;

/// One field of the recipe: its place in the sections' text, its name in `--set` and in the package, its
/// values.
struct Field {
  Section::Kind section;
  llvm::StringRef statement;
  llvm::StringRef argument; // empty: given by position
  llvm::StringRef name;
  Target (*target)(Recipe &);
  double minimum = 0; // of numbers
  double maximum = 1e15;
  llvm::ArrayRef<llvm::StringRef> words = {}; // of words: those that there are; empty: any
};

constexpr llvm::StringRef starts[] = {"random", "first", "middle"};
constexpr llvm::StringRef places[] = {"random", "centre"};
constexpr llvm::StringRef evalPlaces[] = {"centre", "random", "three"};
constexpr llvm::StringRef flowMethods[] = {"farneback"};
constexpr llvm::StringRef losses[] = {"cross_entropy"};
constexpr llvm::StringRef spreads[] = {"uniform", "random"};
constexpr llvm::StringRef averages[] = {"scores", "logits"};
constexpr llvm::StringRef reports[] = {"clip_top1", "clip_top5", "video_top1", "video_top5"};

using Kind = Section::Kind;
constexpr double most = 1 << 30;

#define FIELD(path) [](Recipe &recipe) -> Target { return &recipe.path; }

const Field fields[] = {
    {Kind::Data, "clip", "frames", "frames", FIELD(data.frames), 1, most},
    {Kind::Data, "clip", "every", "every", FIELD(data.every), 1, most},
    {Kind::Data, "clip", "fps", "fps", FIELD(data.fps), 0, 1000},
    {Kind::Data, "clip", "start", "start", FIELD(data.start), 0, 0, starts},
    {Kind::Data, "resize", "", "resize", FIELD(data.resize), 1, 1 << 16},
    {Kind::Data, "resize", "short", "short", FIELD(data.shortSide), 1, 1 << 16},
    {Kind::Data, "crop", "", "crop", FIELD(data.crop), 1, 1 << 16},
    {Kind::Data, "crop", "at", "at", FIELD(data.at), 0, 0, places},
    {Kind::Data, "flip", "", "flip", FIELD(data.flip), 0, 1},
    {Kind::Data, "normalise", "mean", "mean", FIELD(data.mean), 0, 255},
    {Kind::Data, "normalise", "std", "std", FIELD(data.std), 1e-6, 1e6},
    {Kind::Data, "flow", "method", "method", FIELD(data.flowMethod), 0, 0, flowMethods},
    {Kind::Data, "flow", "bound", "bound", FIELD(data.flowBound), 1e-6, 1e6},
    {Kind::Train, "epochs", "", "epochs", FIELD(train.epochs), 1, most},
    {Kind::Train, "epochs", "clips", "clips", FIELD(train.clips), 0, 1e12},
    {Kind::Train, "batch", "", "batch", FIELD(train.batch), 1, 1 << 20},
    {Kind::Train, "sgd", "momentum", "momentum", FIELD(train.momentum), 0, 1},
    {Kind::Train, "sgd", "nesterov", "nesterov", FIELD(train.nesterov)},
    {Kind::Train, "sgd", "decay", "decay", FIELD(train.decay), 0, 1},
    {Kind::Train, "rate", "", "rate", FIELD(train.rate), 0, 1e6},
    {Kind::Train, "rate", "warmup", "warmup", FIELD(train.warmup), 0, most},
    {Kind::Train, "rate", "every", "every", FIELD(train.every), 1, most},
    {Kind::Train, "rate", "factor", "factor", FIELD(train.factor), 0, 1},
    {Kind::Train, "rate", "at", "at", FIELD(train.at), 0, most},
    {Kind::Train, "loss", "", "loss", FIELD(train.loss), 0, 0, losses},
    {Kind::Train, "loss", "", "of", FIELD(train.lossOf)},
    {Kind::Train, "loss", "smoothing", "smoothing", FIELD(train.smoothing), 0, 1},
    {Kind::Train, "seed", "", "seed", FIELD(train.seed), 0, 9007199254740992.0},
    {Kind::Eval, "clips", "", "clips", FIELD(eval.clips), 1, most},
    {Kind::Eval, "clips", "segments", "segments", FIELD(eval.segments), 0, most},
    {Kind::Eval, "clips", "spread", "spread", FIELD(eval.spread), 0, 0, spreads},
    {Kind::Eval, "crop", "", "crop", FIELD(eval.crop), 1, 1 << 16},
    {Kind::Eval, "crop", "at", "at", FIELD(eval.at), 0, 0, evalPlaces},
    {Kind::Eval, "average", "", "average", FIELD(eval.average), 0, 0, averages},
    {Kind::Eval, "report", "", "report", FIELD(eval.report), 0, 0, reports},
    {Kind::Compute, "winograd", "", "winograd", FIELD(compute.winograd)},
};

#undef FIELD

/// Puts values into fields, with one error for each that does not fit.
class Filler {
public:
  Filler(Recipe &recipe, Diagnostics &diagnostics) : recipe(recipe), diagnostics(diagnostics) {}

  void statement(Kind section, const CallStmt &call);
  bool assign(const Field &field, llvm::ArrayRef<const Expr *> values, Location location);

private:
  bool wrong(const Field &field, const Expr &value, llvm::StringRef wanted, std::string hint = {});
  bool number(const Field &field, const Expr &value, double &result);
  bool integer(const Field &field, const Expr &value, int64_t &result);
  bool word(const Field &field, const Expr &value, std::string &result);
  bool set(const Field &field, const Expr &value, int64_t &target) { return integer(field, value, target); }
  bool set(const Field &field, const Expr &value, double &target) { return number(field, value, target); }
  bool set(const Field &field, const Expr &value, std::string &target) { return word(field, value, target); }
  bool set(const Field &field, const Expr &value, bool &target);
  bool set(const Field &field, const Expr &value, Pair &target);
  template <typename Element> bool set(const Field &field, const Expr &value, std::vector<Element> &target);

  Recipe &recipe;
  Diagnostics &diagnostics;
};

bool Filler::wrong(const Field &field, const Expr &value, llvm::StringRef wanted, std::string hint) {
  diagnostics.error(value.location, ("'" + field.name + "' is " + wanted + ", found " + print(value)).str(),
                    std::move(hint));
  return false;
}

bool Filler::number(const Field &field, const Expr &value, double &result) {
  if (const auto *number = llvm::dyn_cast<NumberExpr>(&value))
    result = number->value;
  else if (const auto *integer = llvm::dyn_cast<IntExpr>(&value))
    result = double(integer->value);
  else
    return wrong(field, value, "a number");
  if (result >= field.minimum && result <= field.maximum)
    return true;
  std::string range;
  llvm::raw_string_ostream(range) << llvm::format("a number from %g to %g", field.minimum, field.maximum);
  return wrong(field, value, range);
}

bool Filler::integer(const Field &field, const Expr &value, int64_t &result) {
  const auto *integer = llvm::dyn_cast<IntExpr>(&value);
  if (!integer)
    return wrong(field, value, "an integer");
  result = integer->value;
  if (double(result) >= field.minimum && double(result) <= field.maximum)
    return true;
  return wrong(
      field, value,
      llvm::formatv("an integer from {0} to {1}", int64_t(field.minimum), int64_t(field.maximum)).str());
}

bool Filler::word(const Field &field, const Expr &value, std::string &result) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  if (!path)
    return wrong(field, value, "a word");
  result = path->text();
  if (field.words.empty() || llvm::is_contained(field.words, result))
    return true;
  return wrong(field, value, "one of " + llvm::join(field.words, ", "), didYouMean(result, field.words));
}

bool Filler::set(const Field &field, const Expr &value, bool &target) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  if (!path || (path->text() != "on" && path->text() != "off"))
    return wrong(field, value, "on or off");
  target = path->text() == "on";
  return true;
}

bool Filler::set(const Field &field, const Expr &value, Pair &target) {
  const auto *size = llvm::dyn_cast<SizeExpr>(&value);
  if (!size || size->parts.size() != 2)
    return wrong(field, value, "a size of two parts, HxW");
  for (int64_t part : size->parts)
    if (double(part) < field.minimum || double(part) > field.maximum)
      return wrong(
          field, value,
          llvm::formatv("a size of {0} to {1} each way", int64_t(field.minimum), int64_t(field.maximum))
              .str());
  target = {size->parts[0], size->parts[1]};
  return true;
}

/// A list; a single value stands for a list of one.
template <typename Element>
bool Filler::set(const Field &field, const Expr &value, std::vector<Element> &target) {
  std::vector<Element> elements;
  auto append = [&](const Expr &expr) {
    elements.emplace_back();
    return set(field, expr, elements.back());
  };
  if (const auto *list = llvm::dyn_cast<ListExpr>(&value)) {
    for (const ExprPtr &element : list->elements)
      if (!append(*element))
        return false;
  } else if (!append(value)) {
    return false;
  }
  target.insert(target.end(), elements.begin(), elements.end());
  return true;
}

bool isAuto(const Expr &value) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  return path && path->text() == "auto";
}

bool Filler::assign(const Field &field, llvm::ArrayRef<const Expr *> values, Location location) {
  std::string name = (toString(field.section) + "." + field.name).str();
  recipe.places[name] = location;
  Recipe defaults;
  Target target = field.target(recipe);
  if (isAuto(*values.front())) {
    std::visit([&](auto *to) { *to = *std::get<decltype(to)>(field.target(defaults)); }, target);
    return true;
  }
  if (name == "data.resize")
    recipe.data.shortSide = 0; // the last of the two counts
  return std::visit(
      [&](auto *to) {
        if constexpr (std::is_same_v<decltype(to), Numbers *> || std::is_same_v<decltype(to), Integers *> ||
                      std::is_same_v<decltype(to), Words *>)
          to->clear();
        return llvm::all_of(values, [&](const Expr *value) { return set(field, *value, *to); });
      },
      target);
}

/// `rate 0.01 warmup=10`: arguments by position go to the statement's unnamed fields, the last of which, if
/// it is a list, takes all that are left.
void Filler::statement(Kind section, const CallStmt &call) {
  std::vector<const Field *> positional;
  std::vector<llvm::StringRef> names, heads;
  llvm::StringMap<const Field *> named;
  for (const Field &field : fields) {
    if (field.section != section)
      continue;
    if (heads.empty() || heads.back() != field.statement)
      heads.push_back(field.statement);
    if (field.statement != call.head.text)
      continue;
    if (field.argument.empty()) {
      positional.push_back(&field);
    } else {
      names.push_back(field.argument);
      named[field.argument] = &field;
    }
  }
  if (positional.empty() && names.empty()) {
    std::string hint = didYouMean(call.head.text, heads);
    std::string all = (toString(section) + " has " + llvm::join(heads, " ")).str();
    diagnostics.error(call.head.location,
                      ("'" + call.head.text + "' is no statement of " + toString(section)).str(),
                      hint.empty() ? all : hint + " (" + all + ")");
    return;
  }
  if (call.label || call.times || call.body)
    diagnostics.error(call.location, "labels, copies and braces belong to networks, not to recipes");
  if (call.arguments.empty())
    diagnostics.error(call.head.location, "'" + call.head.text + "' needs an argument",
                      positional.empty() ? "it has " + llvm::join(names, "= ") + "=" : "");
  size_t next = 0;
  llvm::StringMap<Location> given;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const Argument &argument = call.arguments[i];
    if (argument.cycle.size() > 1) {
      diagnostics.error(argument.location, "'|' belongs to copies, a recipe has none");
      continue;
    }
    if (argument.isNamed()) {
      const Field *field = named.lookup(argument.name);
      if (!field)
        diagnostics.error(argument.location,
                          "'" + call.head.text + "' has no argument '" + argument.name + "'",
                          didYouMean(argument.name, names));
      else if (!given.try_emplace(argument.name, argument.location).second)
        diagnostics.error(argument.location, "'" + argument.name + "' is given twice");
      else
        assign(*field, {&argument.value()}, argument.location);
      continue;
    }
    if (next == positional.size()) {
      diagnostics.error(argument.location, "an argument too many for '" + call.head.text + "'");
      continue;
    }
    const Field &field = *positional[next++];
    llvm::SmallVector<const Expr *> values{&argument.value()};
    if (std::holds_alternative<Words *>(field.target(recipe)))
      while (i + 1 < call.arguments.size() && !call.arguments[i + 1].isNamed())
        values.push_back(&call.arguments[++i].value());
    assign(field, values, argument.location);
  }
}

/// "128x171" of the paper for crops of 112x112.
int64_t scaled(int64_t crop, double paper) { return std::llround(double(crop) * paper / 112); }

} // namespace

void apply(const Section &section, Recipe &recipe, Diagnostics &diagnostics) {
  llvm::StringMap<Location> seen;
  for (const Chain &chain : section.body.chains) {
    for (const StmtPtr &stmt : chain.statements) {
      const auto *call = llvm::dyn_cast<CallStmt>(stmt.get());
      if (!call) {
        diagnostics.error(stmt->location, "let, set, from and stream belong to networks, not to recipes");
        continue;
      }
      if (!seen.try_emplace(call->head.text, call->location).second)
        diagnostics.error(call->location, "'" + call->head.text + "' stands twice in this section");
      else
        Filler(recipe, diagnostics).statement(section.kind, *call);
    }
  }
}

bool applyOverride(const Setting &setting, Recipe &recipe, Diagnostics &diagnostics) {
  std::string name = setting.path->text();
  std::vector<std::string> names;
  for (const Field &field : fields) {
    names.push_back((toString(field.section) + "." + field.name).str());
    if (names.back() == name)
      return Filler(recipe, diagnostics).assign(field, {setting.value.get()}, setting.value->location);
  }
  std::vector<llvm::StringRef> candidates(names.begin(), names.end());
  std::string hint = didYouMean(name, candidates);
  diagnostics.error(setting.path->location, "the recipe has no '" + name + "'",
                    hint.empty() ? "it has " + llvm::join(names, " ") : hint);
  return false;
}

void resolve(Recipe &recipe, int64_t frames, int64_t height, int64_t width, Diagnostics &diagnostics) {
  auto place = [&](llvm::StringRef name) { return recipe.places[name.str()]; };
  if (recipe.data.frames == 0)
    recipe.data.frames = frames;
  if (recipe.data.frames != frames)
    diagnostics.error(
        place("data.frames"),
        llvm::formatv("clips of {0} frames for an input of {1}", recipe.data.frames, frames).str(),
        "leave frames= out: it follows the input");
  auto crop = [&](Pair &crop, llvm::StringRef name) {
    if (crop == Pair{0, 0})
      crop = {height, width};
    if (crop != Pair{height, width})
      diagnostics.error(
          place(name),
          llvm::formatv("a crop of {0}x{1} for an input of {2}x{3}", crop[0], crop[1], height, width).str(),
          "leave the size out: it follows the input");
  };
  crop(recipe.data.crop, "data.crop");
  crop(recipe.eval.crop, "eval.crop");
  Pair &resize = recipe.data.resize;
  if (resize == Pair{0, 0})
    resize = {scaled(height, 128), scaled(width, 171)};
  bool tooSmall = recipe.data.shortSide > 0 ? recipe.data.shortSide < std::min(height, width)
                                            : resize[0] < height || resize[1] < width;
  if (tooSmall)
    diagnostics.error(
        place(recipe.data.shortSide > 0 ? "data.short" : "data.resize"),
        llvm::formatv("frames are resized to less than the crop of {0}x{1}", height, width).str());
}

} // namespace kinema::dsl
