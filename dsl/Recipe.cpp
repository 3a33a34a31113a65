#include "dsl/Recipe.h"

#include "dsl/Print.h"
#include "runtime/Package/RecipeRules.h"

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

using Kind = Section::Kind;

/// A Field is one field of a recipe: what its row says of it, and where its value is.
struct Field {
  const RecipeField &row;
  std::variant<int64_t *, double *, bool *, std::string *, RecipeSize *, RecipeNumbers *, RecipeWords *>
      member;

  llvm::StringRef name() const { return row.name; }
  /// Returns the field's name in `--set`, such as "train.rate".
  std::string path() const { return (row.section + llvm::Twine(".") + row.name).str(); }
};

std::vector<Field> fieldsOf(kinema::Recipe &recipe) {
  std::vector<Field> fields;
  visitFields(recipe, [&](const RecipeField &row, auto &member) { fields.push_back({row, &member}); });
  return fields;
}

/// Answers a statement that people look for and that does not exist with what to do instead.
struct MissingStatement {
  Kind section;
  llvm::StringRef name, message, hint;
};

constexpr MissingStatement missingStatements[] = {
    {Kind::Train, "adam", "there is no Adam", "with its weight decay apart it is `adamw decay=0.05`"},
};

/// Puts values into fields, with one error for each that does not fit.
class Filler {
public:
  Filler(Recipe &recipe, Diagnostics &diagnostics)
      : recipe(recipe), fields(fieldsOf(recipe)), diagnostics(diagnostics) {}

  void statement(Kind section, const CallStmt &call);
  bool setting(const Setting &setting);

private:
  bool assign(const Field &field, llvm::ArrayRef<const Expr *> values, Location location);
  bool wrong(const Field &field, const Expr &value, llvm::StringRef wanted, std::string hint = {});
  bool number(const Field &field, const Expr &value, double &result);
  bool integer(const Field &field, const Expr &value, int64_t &result);
  bool word(const Field &field, const Expr &value, std::string &result);
  bool set(const Field &field, const Expr &value, int64_t &target) { return integer(field, value, target); }
  bool set(const Field &field, const Expr &value, double &target) { return number(field, value, target); }
  bool set(const Field &field, const Expr &value, std::string &target) { return word(field, value, target); }
  bool set(const Field &field, const Expr &value, bool &target);
  bool set(const Field &field, const Expr &value, RecipeSize &target);
  template <typename Element> bool set(const Field &field, const Expr &value, std::vector<Element> &target);

  Recipe &recipe;
  std::vector<Field> fields;
  Diagnostics &diagnostics;
};

bool Filler::wrong(const Field &field, const Expr &value, llvm::StringRef wanted, std::string hint) {
  diagnostics.error(value.location, ("'" + field.name() + "' is " + wanted + ", found " + print(value)).str(),
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
  return field.row.holds(result) || wrong(field, value, "a number " + field.row.range());
}

bool Filler::integer(const Field &field, const Expr &value, int64_t &result) {
  const auto *integer = llvm::dyn_cast<IntExpr>(&value);
  if (!integer)
    return wrong(field, value, "an integer");
  result = integer->value;
  return field.row.holds(double(result)) || wrong(field, value, "an integer " + field.row.range());
}

bool Filler::word(const Field &field, const Expr &value, std::string &result) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  if (!path)
    return wrong(field, value, "a word");
  result = path->text();
  llvm::SmallVector<llvm::StringRef> words(field.row.words.begin(), field.row.words.end());
  if (words.empty()) // a name or a pattern of the author's own
    recipe.valuePlaces[result] = value.location;
  if (words.empty() || llvm::is_contained(words, result))
    return true;
  return wrong(field, value, "one of " + llvm::join(words, ", "), didYouMean(result, words));
}

bool Filler::set(const Field &field, const Expr &value, bool &target) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  if (!path || (path->text() != "on" && path->text() != "off"))
    return wrong(field, value, "on or off");
  target = path->text() == "on";
  return true;
}

bool Filler::set(const Field &field, const Expr &value, RecipeSize &target) {
  const auto *size = llvm::dyn_cast<SizeExpr>(&value);
  if (!size || size->parts.size() != 2)
    return wrong(field, value, "a size of two parts, HxW");
  target = {size->parts[0], size->parts[1]};
  return field.row.holds(target) || wrong(field, value, "a size " + field.row.range() + " each way");
}

/// Sets a list; a single value stands for a list of one.
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
  if (size_t count = field.row.count; count != 0 && target.size() != count)
    return wrong(field, value, "a list of " + std::to_string(count) + " numbers");
  if (field.row.ascending && !llvm::is_sorted(target))
    return wrong(field, value, "a list in ascending order");
  return true;
}

/// Returns a proposal followed by the arguments that exist.
std::string withAll(std::string proposal, llvm::ArrayRef<llvm::StringRef> names) {
  std::string all =
      names.empty() ? "it has no arguments with names" : "it has " + llvm::join(names, "= ") + "=";
  return proposal.empty() ? all : proposal + " (" + all + ")";
}

bool isAuto(const Expr &value) {
  const auto *path = llvm::dyn_cast<PathExpr>(&value);
  return path && path->text() == "auto";
}

bool Filler::assign(const Field &field, llvm::ArrayRef<const Expr *> values, Location location) {
  recipe.places[field.path()] = location;
  if (isAuto(*values.front())) {
    Recipe defaults;
    Field initial = fieldsOf(defaults)[&field.row - recipeFields];
    std::visit([&](auto *to) { *to = *std::get<decltype(to)>(initial.member); }, field.member);
    return true;
  }
  if (field.path() == "data.resize")
    recipe.data.shortSide = 0; // the later of the two settings counts
  return std::visit(
      [&](auto *to) {
        if constexpr (std::is_same_v<decltype(to), RecipeNumbers *> ||
                      std::is_same_v<decltype(to), RecipeWords *>)
          to->clear();
        return llvm::all_of(values, [&](const Expr *value) { return set(field, *value, *to); });
      },
      field.member);
}

bool isOneOf(llvm::StringRef word, std::span<const std::string_view> words) {
  return llvm::is_contained(llvm::ArrayRef(words.data(), words.size()), std::string_view(word));
}

/// Adds the names of the statements in which a field stands, each once.
void addStatements(const RecipeField &row, std::vector<llvm::StringRef> &heads) {
  auto add = [&](llvm::StringRef head) {
    if (!head.empty() && !llvm::is_contained(heads, head))
      heads.push_back(head);
  };
  for (std::string_view word : row.isStatement ? row.words : row.also)
    add(word);
  add(row.statement);
}

/// Fills fields from a statement such as `rate 0.01 warmup=10`: arguments by position go to the statement's
/// unnamed fields, the last of which, if it is a list, takes all that are left.
void Filler::statement(Kind section, const CallStmt &call) {
  std::vector<const Field *> positional;
  std::vector<llvm::StringRef> names, heads;
  llvm::StringMap<const Field *> named;
  const Field *choice = nullptr; // the field of which the statement is a word
  for (const Field &field : fields) {
    if (llvm::StringRef(field.row.section) != toString(section))
      continue;
    llvm::StringRef argument = field.row.argument;
    addStatements(field.row, heads);
    if (field.row.isStatement && isOneOf(call.head.text, field.row.words)) {
      choice = &field;
      continue;
    }
    if (!field.row.isArgumentOf(call.head.text))
      continue;
    if (argument.empty()) {
      positional.push_back(&field);
    } else {
      names.push_back(argument);
      named[argument] = &field;
    }
  }
  if (positional.empty() && names.empty()) {
    for (const MissingStatement &missing : missingStatements)
      if (missing.section == section && missing.name == call.head.text) {
        diagnostics.error(call.head.location, missing.message.str(), missing.hint.str());
        return;
      }
    std::string hint = didYouMean(call.head.text, heads);
    std::string all = (toString(section) + " has " + llvm::join(heads, " ")).str();
    diagnostics.error(call.head.location,
                      ("'" + call.head.text + "' is no statement of " + toString(section)).str(),
                      hint.empty() ? all : hint + " (" + all + ")");
    return;
  }
  if (call.label || call.times || call.body)
    diagnostics.error(call.location, "labels, copies and braces belong to networks, not to recipes");
  if (choice) {
    recipe.places[choice->path()] = call.head.location;
    *std::get<std::string *>(choice->member) = call.head.text;
  } else if (call.arguments.empty())
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
                          withAll(didYouMean(argument.name, names), names));
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
    if (std::holds_alternative<RecipeWords *>(field.member))
      while (i + 1 < call.arguments.size() && !call.arguments[i + 1].isNamed())
        values.push_back(&call.arguments[++i].value());
    assign(field, values, argument.location);
  }
}

bool Filler::setting(const Setting &setting) {
  std::string name = setting.path->text();
  std::vector<std::string> names;
  for (const Field &field : fields) {
    names.push_back(field.path());
    if (names.back() == name)
      return assign(field, {setting.value.get()}, setting.value->location);
  }
  std::vector<llvm::StringRef> candidates(names.begin(), names.end());
  std::string hint = didYouMean(name, candidates);
  diagnostics.error(setting.path->location, "the recipe has no '" + name + "'",
                    hint.empty() ? "it has " + llvm::join(names, " ") : hint);
  return false;
}

} // namespace

/// Returns the field of which a statement is a word; null where it is a statement like others.
static const RecipeField *choiceOf(Section::Kind section, llvm::StringRef head) {
  for (const RecipeField &row : recipeFields)
    if (row.isStatement && llvm::StringRef(row.section) == toString(section) && isOneOf(head, row.words))
      return &row;
  return nullptr;
}

static std::string joined(std::span<const std::string_view> words) {
  return llvm::join(llvm::SmallVector<llvm::StringRef>(words.begin(), words.end()), ", ");
}

void apply(const Section &section, Recipe &recipe, Diagnostics &diagnostics) {
  llvm::StringMap<Location> seen;
  std::map<const RecipeField *, llvm::StringRef> chosen; // the words of fields that are statements
  for (const Chain &chain : section.body.chains) {
    for (const StmtPtr &stmt : chain.statements) {
      const auto *call = llvm::dyn_cast<CallStmt>(stmt.get());
      if (!call) {
        diagnostics.error(stmt->location, "let, set, from and stream belong to networks, not to recipes");
        continue;
      }
      if (!seen.try_emplace(call->head.text, call->location).second)
        diagnostics.error(call->location, "'" + call->head.text + "' stands twice in this section");
      else if (const RecipeField *field = choiceOf(section.kind, call->head.text);
               field && !chosen.try_emplace(field, call->head.text).second)
        diagnostics.error(call->head.location,
                          ("a second " + llvm::StringRef(field->name) + ", '" + call->head.text +
                           "' after '" + chosen[field] + "'")
                              .str(),
                          "a recipe has one of " + joined(field->words));
      else
        Filler(recipe, diagnostics).statement(section.kind, *call);
    }
  }
}

bool applyOverride(const Setting &setting, Recipe &recipe, Diagnostics &diagnostics) {
  return Filler(recipe, diagnostics).setting(setting);
}

void resolve(Recipe &recipe, int64_t frames, int64_t height, int64_t width, Location input,
             Diagnostics &diagnostics) {
  auto place = [&](llvm::StringRef name) { return recipe.places[name.str()]; };
  // What is not given follows from the input, so errors stand where something can be changed.
  auto placeOr = [&](llvm::StringRef name) { return place(name).known() ? place(name) : input; };
  if (!recipeFieldNamed("data", "frames").holds(double(frames)) ||
      !recipeFieldNamed("data", "crop").holds(RecipeSize{height, width})) {
    diagnostics.error(input,
                      llvm::formatv("clips of {0} frames of {1}x{2} are too large", frames, height, width),
                      "frames, height and width are at most " + std::to_string(int64_t(maxRecipeExtent)));
    return;
  }
  followInput(recipe, frames, height, width);
  for (const RecipeFault &fault : otherSizesThan(frames, {height, width}, recipe))
    diagnostics.error(place(fault.field), fault.message, fault.hint);
  const RecipeSize &resize = recipe.data.resize;
  if (!recipeFieldNamed("data", "resize").holds(resize))
    diagnostics.error(placeOr("data.resize"),
                      llvm::formatv("frames would be resized to {0}x{1}", resize[0], resize[1]).str(),
                      "at most " + std::to_string(int64_t(maxRecipeExtent)) + " each way: say `resize HxW`");
  DataRecipe data = recipe.data;
  EvalRecipe eval = recipe.eval;
  data.frames = frames; // what differs from the input was reported above
  data.crop = eval.crop = {height, width};
  if (auto fault = contradictionOf(data, eval); fault && recipeFieldNamed("data", "resize").holds(resize))
    diagnostics.error(placeOr(fault->field), fault->message, fault->hint);
  if (auto fault = contradictionOf(recipe.train))
    diagnostics.error(placeOr(fault->field), fault->message, fault->hint);
}

} // namespace kinema::dsl
