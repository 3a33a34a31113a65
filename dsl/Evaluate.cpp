#include "dsl/Evaluate.h"

#include "dsl/Bind.h"
#include "dsl/Print.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace kinema::dsl {

namespace {

CalleeParameter integerCalled(llvm::StringRef name) { return {name, Type::Int}; }

bool isSizeOfValue(llvm::StringRef part) { return llvm::is_contained({"c", "t", "h", "w"}, part); }

std::string sizeText(const Size &size) {
  auto text = [](int64_t part) { return std::to_string(part); };
  return llvm::join(llvm::map_range(size, text), "x");
}

std::string numberText(double value) {
  llvm::SmallString<32> text;
  llvm::APFloat(value).toString(text, /*FormatPrecision=*/6, /*FormatMaxPadding=*/12);
  return text.str().str();
}

/// Returns a hint where two numbers joined by x stand for one number: `ch=128x4` was meant as copies, `d=3x3`
/// as a size.
std::string hintForTwoParts(const SizeExpr &size, const CalleeParameter &wanted, const Scope &scope) {
  int64_t first = size.parts[0], second = size.parts[1];
  if (wanted.name == "ch")
    return llvm::formatv("a blank is missing: {0}={1} x{2}", wanted.name, first, second).str();
  if (first == second)
    return llvm::formatv("one number stands for both: {0}={1}", wanted.name, first).str();
  if (wanted.name == "size" && scope.parameterType("height") && scope.parameterType("width"))
    return llvm::formatv("height={0} and width={1} are two parameters", first, second).str();
  return llvm::formatv("'{0}' is one number", wanted.name).str();
}

/// Divides and rounds down, as the language says.
int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

} // namespace

//===-- What does not fit -------------------------------------------------===//

std::nullopt_t Evaluator::mismatch(const Expr &expr, const CalleeParameter &wanted, const std::string &found,
                                   std::string hint) {
  scope.error(expr.location, ("'" + wanted.name + "' is " + dsl::describe(wanted) + ", found " + found).str(),
              std::move(hint));
  return std::nullopt;
}

std::nullopt_t Evaluator::mismatch(const SizeExpr &size, const CalleeParameter &wanted) {
  std::string found = "the size " + print(size);
  if (wanted.type == Type::Int && size.parts.size() == 2)
    return mismatch(size, wanted, found, hintForTwoParts(size, wanted, scope));
  if (wanted.type != Type::Size)
    return mismatch(size, wanted, found);
  if (wanted.sizeParts == 4)
    return mismatch(size, wanted, found, "an input is CxTxHxW, as in 3x16x112x112");
  return mismatch(size, wanted, std::to_string(size.parts.size()) + " parts, " + print(size),
                  "a size is TxHxW, as in 1x2x2");
}

std::nullopt_t Evaluator::sizeInSize(const SizeExpr &size, const CalleeParameter &wanted) {
  scope.error(size.location,
              ("each part of '" + wanted.name + "' is one number, found the size " + print(size)).str(),
              wanted.takesPair ? "of two sizes the first lies in front and the second behind: [2x1x1 0x1x1]"
                               : "a size is TxHxW, as in [t d d]");
  return std::nullopt;
}

std::nullopt_t Evaluator::beyondRange(const Expr &expr, const Binding &value, const CalleeParameter &wanted) {
  double part = *outOfRange(value, wanted);
  const auto *integer = std::get_if<int64_t>(&value);
  const auto *size = std::get_if<Size>(&value);
  bool written = !llvm::isa<PathExpr, BinaryExpr>(expr); // else the value says more than the text
  std::string text = written   ? print(expr)
                     : integer ? std::to_string(*integer)
                     : size    ? sizeText(*size)
                               : numberText(std::get<double>(value));
  bool low = wanted.minimum && part < *wanted.minimum;
  scope.error(expr.location, llvm::formatv("'{0}' is {1}, {2} must be at {3} {4}", wanted.name, text,
                                           size ? "each part" : "it", low ? "least" : "most",
                                           int64_t(low ? *wanted.minimum : *wanted.maximum))
                                 .str());
  return std::nullopt;
}

/// Says in an error what a name stands for.
std::string Evaluator::describe(const PathExpr &path, const Binding &value) {
  if (is<Auto>(value))
    return "'auto'";
  if (const auto *word = std::get_if<Word>(&value))
    return "'" + word->text + "'";
  if (!path.isWord())
    return "the integer " + path.text();
  const std::string &name = path.parts[0].text;
  if (std::optional<Type> type = scope.parameterType(name))
    return "the parameter '" + name + "', " + dsl::describe({name, *type});
  return "the integer '" + name + "'";
}

std::optional<Binding> Evaluator::fit(const Expr &expr, const Binding &value, const CalleeParameter &wanted) {
  if (is<Broken>(value))
    return std::nullopt;
  std::optional<Binding> converted = convert(value, wanted);
  if (!converted) {
    const auto *path = llvm::dyn_cast<PathExpr>(&expr);
    std::string kind = llvm::isa<NumberExpr>(expr) ? "the number " : "the integer ";
    return mismatch(expr, wanted, path ? describe(*path, value) : kind + print(expr));
  }
  return outOfRange(value, wanted) ? beyondRange(expr, value, wanted) : converted;
}

//===-- Expressions -------------------------------------------------------===//

std::optional<Binding> Evaluator::evaluate(const Expr &expr, const CalleeParameter &wanted) {
  switch (expr.kind) {
  case Expr::Kind::Int:
    return fit(expr, llvm::cast<IntExpr>(expr).value, wanted);
  case Expr::Kind::Number:
    return fit(expr, llvm::cast<NumberExpr>(expr).value, wanted);
  case Expr::Kind::Size:
    return evaluateSize(llvm::cast<SizeExpr>(expr), wanted);
  case Expr::Kind::List:
    return evaluateList(llvm::cast<ListExpr>(expr), wanted);
  case Expr::Kind::Binary:
    return evaluateBinary(llvm::cast<BinaryExpr>(expr), wanted);
  case Expr::Kind::Bound:
    return evaluateBound(llvm::cast<BoundExpr>(expr), wanted);
  case Expr::Kind::Path:
    return evaluatePath(llvm::cast<PathExpr>(expr), wanted);
  }
}

std::optional<Binding> Evaluator::evaluateInteger(const Expr &expr, llvm::StringRef name) {
  std::optional<Binding> value = evaluate(expr, integerCalled(name));
  if (value && is<Auto>(*value)) // a parameter that was not given has this value
    return mismatch(expr, integerCalled(name), "'auto'");
  return value;
}

std::optional<Binding> Evaluator::evaluateFlag(const Expr &expr, llvm::StringRef name) {
  const CalleeParameter wanted{name, Type::Flag};
  std::optional<Binding> value = evaluate(expr, wanted);
  if (value && is<Auto>(*value))
    return mismatch(expr, wanted, "'auto'");
  return value;
}

std::optional<Binding> Evaluator::evaluateCopies(const Expr &expr) {
  std::optional<Binding> copies = evaluateInteger(expr, "times");
  const int64_t *count = copies ? std::get_if<int64_t>(&*copies) : nullptr;
  if (!count || (*count >= 1 && *count <= maxCopies))
    return copies;
  scope.error(expr.location, std::to_string(*count) + " copies: there are at least 1 and at most " +
                                 std::to_string(maxCopies));
  return std::nullopt;
}

std::optional<Binding> Evaluator::evaluateValue(const Expr &expr, llvm::StringRef name) {
  CalleeParameter wanted{name, Type::Value};
  std::optional<Binding> value = evaluate(expr, wanted);
  if (value && is<Auto>(*value))
    return mismatch(expr, wanted, "'auto'");
  return value;
}

bool Evaluator::evaluateLoosely(const Expr &expr) {
  if (const auto *path = llvm::dyn_cast<PathExpr>(&expr)) {
    if (path->isWord() || scope.parameterType(path->parts[0].text))
      return true; // a word can be anything
    bool number = isSizeOfValue(path->parts.back().text);
    return evaluate(expr, {"argument", number ? Type::Int : Type::Value}).has_value();
  }
  if (const auto *list = llvm::dyn_cast<ListExpr>(&expr))
    return evaluate(expr, {"argument", Type::Size, nullptr, {}, unsigned(list->elements.size())}).has_value();
  if (llvm::isa<BinaryExpr>(expr))
    return evaluateInteger(expr, "argument").has_value();
  return !llvm::isa<BoundExpr>(expr) || evaluate(expr, {"argument", Type::Block}).has_value();
}

std::optional<Binding> Evaluator::evaluateSize(const SizeExpr &size, const CalleeParameter &wanted) {
  if (wanted.type != Type::Size || size.parts.size() != wanted.sizeParts)
    return mismatch(size, wanted);
  return fit(size, size.parts, wanted);
}

/// Evaluates a factor of an axis: an integer, or a name, which may be that of an integer. `isKnown` becomes
/// false where there is an integer that is not known here.
std::optional<Factor> Evaluator::evaluateFactor(const Expr &expr, const CalleeParameter &wanted,
                                                bool &isKnown) {
  const auto *path = llvm::dyn_cast<PathExpr>(&expr);
  const bool isName = path && path->isWord();
  if (isName && !scope.find(path->text()))
    return Factor{path->text()};
  CalleeParameter size{wanted.name, Type::Int};
  size.minimum = 1;
  std::optional<Binding> value = evaluate(expr, size);
  if (!value || is<Auto>(*value))
    return std::nullopt;
  const auto *known = std::get_if<int64_t>(&*value);
  isKnown &= known != nullptr;
  return Factor{isName ? path->text() : "", known ? std::optional(*known) : std::nullopt};
}

/// Evaluates axes, such as `[n [g c] t h w]`.
std::optional<Binding> Evaluator::evaluateAxes(const ListExpr &list, const CalleeParameter &wanted) {
  Axes axes;
  bool good = true, isKnown = true;
  auto add = [&](const Expr &expr) {
    std::optional<Factor> factor = evaluateFactor(expr, wanted, isKnown);
    good &= factor.has_value();
    if (factor && (!factor->name.empty() || factor->size != 1))
      axes.back().push_back(std::move(*factor));
  };
  for (const ExprPtr &element : list.elements) {
    axes.emplace_back();
    if (const auto *factors = llvm::dyn_cast<ListExpr>(element.get()))
      for (const ExprPtr &factor : factors->elements)
        add(*factor);
    else
      add(*element);
  }
  if (!good)
    return std::nullopt;
  return isKnown ? Binding(axes) : Binding(Unknown{Type::Axes});
}

/// Evaluates two sizes, in front and behind, as one of twice the parts.
std::optional<Binding> Evaluator::evaluatePair(const ListExpr &list, const CalleeParameter &wanted) {
  CalleeParameter each = wanted;
  each.takesPair = false;
  each.words = {};
  Size both;
  bool good = true;
  for (const ExprPtr &element : list.elements) {
    std::optional<Binding> size = evaluate(*element, each);
    good &= size.has_value();
    if (const auto *known = size ? std::get_if<Size>(&*size) : nullptr)
      both.insert(both.end(), known->begin(), known->end());
  }
  if (!good)
    return std::nullopt;
  return both.size() == 2 * wanted.sizeParts ? Binding(both) : Binding(Unknown{Type::Size});
}

std::optional<Binding> Evaluator::evaluateList(const ListExpr &list, const CalleeParameter &wanted) {
  if (wanted.type == Type::Axes)
    return evaluateAxes(list, wanted);
  if (wanted.takesPair && list.elements.size() == 2)
    return evaluatePair(list, wanted);
  Size parts;
  bool good = true;
  for (const ExprPtr &element : list.elements) {
    const auto *size = llvm::dyn_cast<SizeExpr>(element.get());
    std::optional<Binding> part = size && wanted.type == Type::Size ? sizeInSize(*size, wanted)
                                                                    : evaluateInteger(*element, wanted.name);
    good &= part.has_value();
    if (const int64_t *known = part ? std::get_if<int64_t>(&*part) : nullptr)
      parts.push_back(*known);
  }
  if (!good)
    return std::nullopt;
  size_t count = list.elements.size();
  std::string found = "a size of " + std::to_string(count) + " parts";
  if (wanted.type != Type::Size)
    return mismatch(list, wanted, found);
  if (count != wanted.sizeParts)
    return mismatch(list, wanted, found,
                    wanted.sizeParts == 4 ? "an input is CxTxHxW, as in [3 frames 112 112]"
                                          : "a size is TxHxW, as in [t d d]");
  return parts.size() == count ? fit(list, parts, wanted) : Binding(Unknown{Type::Size});
}

std::optional<Binding> Evaluator::evaluateBinary(const BinaryExpr &binary, const CalleeParameter &wanted) {
  if (!takesIntegers(wanted))
    return mismatch(binary, wanted, "arithmetic");
  std::optional<Binding> lhs = evaluateInteger(*binary.lhs, wanted.name);
  std::optional<Binding> rhs = evaluateInteger(*binary.rhs, wanted.name);
  if (!lhs || !rhs)
    return std::nullopt;
  const int64_t *left = std::get_if<int64_t>(&*lhs), *right = std::get_if<int64_t>(&*rhs);
  bool divides = binary.op == BinaryExpr::Op::Div || binary.op == BinaryExpr::Op::Mod;
  if (divides && right && *right == 0) {
    scope.error(binary.opLocation, "division by zero");
    return std::nullopt;
  }
  if (!left || !right)
    return fit(binary, Unknown{Type::Int}, wanted);
  std::optional<Binding> result = compute(binary, *left, *right);
  return result ? fit(binary, *result, wanted) : std::nullopt;
}

std::optional<Binding> Evaluator::compute(const BinaryExpr &binary, int64_t left, int64_t right) {
  int64_t result = 0;
  bool overflow = false;
  switch (binary.op) {
  case BinaryExpr::Op::Add:
    overflow = llvm::AddOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Sub:
    overflow = llvm::SubOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Mul:
    overflow = llvm::MulOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Div:
  case BinaryExpr::Op::Mod:
    overflow = left == std::numeric_limits<int64_t>::min() && right == -1;
    if (!overflow)
      result = binary.op == BinaryExpr::Op::Div ? floorDivide(left, right)
                                                : left - floorDivide(left, right) * right;
    break;
  }
  if (!overflow)
    return Binding(result);
  scope.error(binary.opLocation, "the result does not fit into 64 bits");
  return std::nullopt;
}

std::optional<Binding> Evaluator::evaluateBound(const BoundExpr &bound, const CalleeParameter &wanted) {
  const auto *path = llvm::dyn_cast<PathExpr>(bound.callee.get());
  if (!path || !path->isWord()) {
    scope.error(bound.callee->location,
                "only a unit or a block takes arguments, found " + print(*bound.callee),
                "arithmetic needs an operator between its parts: (a + b)");
    return std::nullopt;
  }
  if (wanted.type != Type::Unit && wanted.type != Type::Block)
    return mismatch(bound, wanted, print(bound));
  const Binding *declared = scope.find(path->text());
  std::optional<Binding> callee = declared ? fit(*path, *declared, wanted) : evaluateCallable(*path, wanted);
  Binder binder(scope, {path->text(), path->location});
  const auto *target = callee ? std::get_if<CallablePtr>(&*callee) : nullptr;
  if (!target)
    return binder.bindLoosely(bound.arguments) ? callee : std::nullopt;
  CallablePtr result = binder.bindKind(**target, bound.arguments);
  return result ? std::optional<Binding>(result) : std::nullopt;
}

//===-- Names -------------------------------------------------------------===//

void reportUnknown(const PathExpr &path, Scope &scope) {
  const std::string &word = path.parts[0].text;
  std::vector<llvm::StringRef> names;
  scope.addNames(names);
  scope.error(path.parts[0].location, "'" + word + "' is not known here", didYouMean(word, names));
}

std::optional<Binding> Evaluator::evaluatePath(const PathExpr &path, const CalleeParameter &wanted) {
  if (!path.isWord())
    return evaluateDotted(path, wanted);
  const std::string &word = path.parts[0].text;
  if (llvm::is_contained({"auto", "on", "off", "none"}, word))
    return evaluateKeyword(path, wanted);
  const Binding *declared = scope.find(word);
  if (declared && (convert(*declared, wanted) || !findOperation(word)))
    return fit(path, *declared, wanted);
  if (wanted.type == Type::Unit || wanted.type == Type::Block)
    return evaluateCallable(path, wanted);
  if (wanted.type == Type::Value)
    return scope.value(path, path.parts);
  if (wanted.type == Type::Axes)
    return mismatch(path, wanted, "'" + word + "'", "axes stand in brackets: [" + word + "]");
  return evaluateOtherWord(path, wanted);
}

/// Evaluates `auto`, `on`, `off` and `none`, which nothing else may be called.
std::optional<Binding> Evaluator::evaluateKeyword(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.parts[0].text;
  if (word == "auto") {
    if (wanted.defaultValue)
      return Binding(Auto());
    scope.error(path.location, ("'" + wanted.name + "' has no default that 'auto' could stand for").str());
    return std::nullopt;
  }
  bool callable = wanted.type == Type::Unit || wanted.type == Type::Block;
  bool isFlag = word != "none";
  if (isFlag == (wanted.type == Type::Flag) && convert(Word{word}, wanted))
    return Binding(Word{word});
  return mismatch(path, wanted, "'" + word + "'",
                  !isFlag && callable ? "`identity` leaves a value as it is" : "");
}

std::optional<Binding> Evaluator::evaluateCallable(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.text();
  bool unit = wanted.type == Type::Unit;
  if (Callee callee = scope.callee(word)) {
    if (unit && !callee.isUnit())
      return mismatch(path, wanted, callee.describe());
    return Binding(std::make_shared<Callable>(Callable{callee}));
  }
  if (scope.failed(word))
    return Binding(Unknown{wanted.type});
  std::vector<llvm::StringRef> names;
  for (llvm::StringRef name : scope.program.names(scope.file))
    if (!unit || scope.callee(name).isUnit())
      names.push_back(name);
  for (const Operation &operation : operations())
    if (!unit || operation.kind == Operation::Kind::Conv)
      names.push_back(operation.name);
  scope.error(path.location, llvm::formatv("no {0} is called '{1}'", toString(wanted.type), word).str(),
              didYouMean(word, names));
  return std::nullopt;
}

/// Evaluates a word where an integer, number, size, flag or word is wanted.
std::optional<Binding> Evaluator::evaluateOtherWord(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.parts[0].text;
  // A word is the name of an act in the file that it stands in, wherever it is passed on to.
  Callee named = wanted.type == Type::Word ? scope.callee(word) : Callee();
  Word given{word, named.isAct() ? named.definition : nullptr};
  if (std::optional<Binding> value = convert(given, wanted))
    return value;
  if (given.act && wanted.isActivation)
    return mismatch(path, wanted,
                    named.describe() + " of " + std::to_string(given.act->operands.size()) + " values",
                    "an activation has one");
  if (scope.failed(word))
    return Binding(Unknown{wanted.type});
  if (!wanted.words.empty()) {
    llvm::SmallVector<llvm::StringRef> words(wanted.words);
    if (wanted.isActivation)
      for (llvm::StringRef name : scope.program.names(scope.file))
        if (scope.callee(name).isAct())
          words.push_back(name);
    return mismatch(path, wanted, "'" + word + "'", didYouMean(word, words));
  }
  if (wanted.type == Type::Flag)
    return mismatch(path, wanted, "'" + word + "'");
  if (scope.isValue(word))
    return mismatch(path, wanted, "the value '" + word + "'", "its channels are " + word + ".c");
  if (Callee callee = scope.callee(word))
    return mismatch(path, wanted, callee.describe());
  reportUnknown(path, scope);
  return std::nullopt;
}

/// Evaluates a path with a dot, such as `in.c`, `stride.h`, `flow.res2.a` or `mid3.c`.
std::optional<Binding> Evaluator::evaluateDotted(const PathExpr &path, const CalleeParameter &wanted) {
  if (wanted.type == Type::Value)
    return scope.value(path, path.parts);
  const std::string &word = path.parts[0].text;
  const std::string &last = path.parts.back().text;
  const Binding *declared = scope.find(word);
  std::optional<Type> type = scope.parameterType(word);
  bool isSize = type == Type::Size;
  if (declared && !isSize && type != Type::Value) {
    scope.error(path.location, "'" + word + "' has no parts",
                type ? "it is " + dsl::describe({word, *type}) : "it is an integer");
    return std::nullopt;
  }
  if (!isSizeOfValue(last) || (isSize && (last == "c" || path.parts.size() != 2))) {
    scope.error(path.parts.back().location, "'" + path.text() + "' is no number",
                isSize ? "a size has " + word + ".t, " + word + ".h and " + word + ".w"
                       : "the numbers of a value are its c, t, h and w");
    return std::nullopt;
  }
  if (!takesIntegers(wanted))
    return mismatch(path, wanted, "the integer " + path.text());
  std::optional<Binding> number = isSize ? partOf(path, *declared) : extentOf(path);
  return number ? fit(path, *number, wanted) : std::nullopt;
}

/// Evaluates a part of a size, such as `stride.h`.
std::optional<Binding> Evaluator::partOf(const PathExpr &path, const Binding &size) {
  if (const auto *parts = std::get_if<Size>(&size))
    return Binding((*parts)[llvm::StringRef("thw").find(path.parts[1].text)]);
  if (!is<Auto>(size))
    return is<Unknown>(size) ? std::optional<Binding>(Unknown{Type::Int}) : std::nullopt;
  scope.error(path.location, "'" + path.text() + "' is no number: '" + path.parts[0].text + "' is 'auto'");
  return std::nullopt;
}

/// Evaluates an extent of a value, such as `in.c` or `flow.res2.w`.
std::optional<Binding> Evaluator::extentOf(const PathExpr &path) {
  std::optional<Binding> value = scope.value(path, llvm::ArrayRef(path.parts).drop_back());
  const auto *named = value ? std::get_if<NamedPtr>(&*value) : nullptr;
  if (!named)
    return value ? std::optional<Binding>(Unknown{Type::Int}) : std::nullopt;
  if (std::optional<int64_t> extent = (*named)->extent(path.parts.back().text[0]))
    return Binding(*extent);
  if (!(*named)->failed())
    scope.error(path.location, "'" + path.text() + "' is not known yet: its value is still being made");
  return std::nullopt;
}

} // namespace kinema::dsl
