#include "dsl/CheckExpression.h"

#include "dsl/Print.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema::dsl {

namespace {

std::string article(const CalleeParameter &wanted) {
  static constexpr llvm::StringLiteral names[] = {"an integer", "a number", "a size",  "on or off",
                                                  "a word",     "a unit",   "a block", "a value"};
  std::string words = llvm::join(wanted.words, ", ");
  std::string name = names[static_cast<int>(wanted.type)].str();
  if (wanted.type == Type::Size && wanted.sizeParts == 4)
    name += " CxTxHxW";
  if (wanted.words.empty())
    return name;
  return wanted.type == Type::Word ? "one of " + words : name + " or one of " + words;
}

CalleeParameter integerCalled(llvm::StringRef name) { return {name, Type::Int}; }

bool takesIntegers(const CalleeParameter &wanted) {
  return wanted.type == Type::Int || wanted.type == Type::Number ||
         (wanted.type == Type::Size && wanted.sizeParts == 3);
}

/// May a parameter of type `given` be passed on for `wanted`?
bool compatible(Type given, const CalleeParameter &wanted) {
  if (given == Type::Int)
    return takesIntegers(wanted);
  if (given == Type::Size)
    return wanted.type == Type::Size && wanted.sizeParts == 3;
  if (given == Type::Word)
    return wanted.type == Type::Word || !wanted.words.empty();
  if (given == Type::Unit)
    return wanted.type == Type::Unit || wanted.type == Type::Block;
  return given == wanted.type;
}

bool isSizeOfValue(llvm::StringRef part) { return llvm::is_contained({"c", "t", "h", "w"}, part); }

} // namespace

bool CheckContext::failed(llvm::StringRef name) const {
  return program.files[file()]->failedNames.contains(name);
}

bool CheckContext::callsParameter(llvm::StringRef head) const {
  const Parameter *parameter = definition.parameter(head);
  return parameter && (parameter->type == Type::Unit || parameter->type == Type::Block);
}

Callee CheckContext::callee(llvm::StringRef head) const {
  return callsParameter(head) ? Callee() : findCallee(program, file(), head);
}

void ExpressionChecker::mismatch(const Expr &expr, const CalleeParameter &wanted, const std::string &found,
                                 std::string hint) {
  context.diagnostics.error(expr.location,
                            ("'" + wanted.name + "' is " + article(wanted) + ", found " + found).str(),
                            std::move(hint));
}

void ExpressionChecker::check(const Expr &expr, const CalleeParameter &wanted) {
  switch (expr.kind) {
  case Expr::Kind::Int:
    if (takesIntegers(wanted))
      return checkRange(expr, wanted);
    return mismatch(expr, wanted, "the integer " + print(expr));
  case Expr::Kind::Number:
    if (wanted.type == Type::Number)
      return checkRange(expr, wanted);
    return mismatch(expr, wanted, "the number " + print(expr));
  case Expr::Kind::Size:
    return checkSize(llvm::cast<SizeExpr>(expr), wanted);
  case Expr::Kind::List:
    return checkList(llvm::cast<ListExpr>(expr), wanted);
  case Expr::Kind::Binary:
    return checkBinary(llvm::cast<BinaryExpr>(expr), wanted);
  case Expr::Kind::Bound:
    return checkBound(llvm::cast<BoundExpr>(expr), wanted);
  case Expr::Kind::Path:
    return checkPath(llvm::cast<PathExpr>(expr), wanted);
  }
}

void ExpressionChecker::checkInteger(const Expr &expr, llvm::StringRef what) {
  check(expr, integerCalled(what));
}

/// Of `ch=128x4` copies were meant, of `d=3x3` a size.
std::string ExpressionChecker::hintForTwoParts(const SizeExpr &size, const CalleeParameter &wanted) {
  int64_t first = size.parts[0], second = size.parts[1];
  if (wanted.name == "ch")
    return llvm::formatv("a blank is missing: {0}={1} x{2}", wanted.name, first, second).str();
  if (first == second)
    return llvm::formatv("one number stands for both: {0}={1}", wanted.name, first).str();
  const Definition &definition = context.definition;
  if (wanted.name == "size" && definition.parameter("height") && definition.parameter("width"))
    return llvm::formatv("height={0} and width={1} are two parameters", first, second).str();
  return llvm::formatv("'{0}' is one number", wanted.name).str();
}

void ExpressionChecker::checkSize(const SizeExpr &size, const CalleeParameter &wanted) {
  if (wanted.type == Type::Int && size.parts.size() == 2)
    return mismatch(size, wanted, "the size " + print(size), hintForTwoParts(size, wanted));
  if (wanted.type != Type::Size)
    return mismatch(size, wanted, "the size " + print(size));
  if (size.parts.size() != wanted.sizeParts)
    return mismatch(size, wanted,
                    wanted.sizeParts == 4 ? "the size " + print(size)
                                          : std::to_string(size.parts.size()) + " parts, " + print(size),
                    wanted.sizeParts == 4 ? "an input is CxTxHxW, as in 3x16x112x112"
                                          : "a size is TxHxW, as in 1x2x2");
  checkRange(size, wanted);
}

void ExpressionChecker::checkList(const ListExpr &list, const CalleeParameter &wanted) {
  for (const ExprPtr &element : list.elements)
    checkInteger(*element, wanted.name);
  if (wanted.type != Type::Size)
    return mismatch(list, wanted, "a size of " + std::to_string(list.elements.size()) + " parts");
  if (list.elements.size() != wanted.sizeParts)
    return mismatch(list, wanted, "a size of " + std::to_string(list.elements.size()) + " parts",
                    wanted.sizeParts == 4 ? "an input is CxTxHxW, as in [3 frames 112 112]"
                                          : "a size is TxHxW, as in [t d d]");
  checkRange(list, wanted);
}

void ExpressionChecker::checkBinary(const BinaryExpr &binary, const CalleeParameter &wanted) {
  if (!takesIntegers(wanted))
    return mismatch(binary, wanted, "arithmetic");
  llvm::SmallVector<const Expr *> operands{binary.lhs.get(), binary.rhs.get()};
  while (!operands.empty()) { // the tree may lean far to the left
    const Expr *operand = operands.pop_back_val();
    if (const auto *inner = llvm::dyn_cast<BinaryExpr>(operand)) {
      operands.push_back(inner->rhs.get());
      operands.push_back(inner->lhs.get());
    } else {
      checkInteger(*operand, wanted.name);
    }
  }
  checkRange(binary, wanted);
}

void ExpressionChecker::checkRange(const Expr &expr, const CalleeParameter &wanted) {
  std::vector<double> parts;
  std::string value = print(expr);
  if (const auto *number = llvm::dyn_cast<NumberExpr>(&expr)) {
    parts.push_back(number->value);
  } else if (auto known = evaluate(expr, context.constants, context.diagnostics)) {
    parts.assign(known->begin(), known->end());
    if (known->size() == 1)
      value = std::to_string(known->front()); // of a formula, its result
  }
  for (double part : parts) {
    bool low = wanted.minimum && part < *wanted.minimum;
    if (!low && !(wanted.maximum && part > *wanted.maximum))
      continue;
    double limit = low ? *wanted.minimum : *wanted.maximum;
    context.diagnostics.error(expr.location,
                              llvm::formatv("'{0}' is {1}, {2} must be at {3} {4}", wanted.name, value,
                                            parts.size() == 1 ? "it" : "each part", low ? "least" : "most",
                                            int64_t(limit))
                                  .str());
    return;
  }
}

void ExpressionChecker::checkBound(const BoundExpr &bound, const CalleeParameter &wanted) {
  const auto *path = llvm::dyn_cast<PathExpr>(bound.callee.get());
  if (!path || !path->isWord()) {
    context.diagnostics.error(bound.callee->location,
                              "only a unit or a block takes arguments, found " + print(*bound.callee),
                              "arithmetic needs an operator between its parts: (a + b)");
    return;
  }
  if (wanted.type != Type::Unit && wanted.type != Type::Block)
    return mismatch(bound, wanted, print(bound));
  checkCallable(*path, wanted);
  if (Callee callee = context.callee(path->text()))
    checkArguments(context, callee, path->location, bound.arguments, /*partial=*/true, {});
  else
    for (const Argument &argument : bound.arguments)
      for (const ExprPtr &value : argument.cycle)
        checkLoosely(*value);
}

void ExpressionChecker::checkPath(const PathExpr &path, const CalleeParameter &wanted) {
  if (!path.isWord())
    return checkDotted(path, wanted);
  const std::string &word = path.parts[0].text;
  if (word == "auto") {
    if (!wanted.defaultValue)
      context.diagnostics.error(path.location,
                                ("'" + wanted.name + "' has no default that 'auto' could stand for").str());
    return;
  }
  if (word == "on" || word == "off" || word == "none") {
    bool fits = word == "none" ? llvm::is_contained(wanted.words, "none") ||
                                     (wanted.type == Type::Word && wanted.words.empty())
                               : wanted.type == Type::Flag;
    bool callable = wanted.type == Type::Unit || wanted.type == Type::Block;
    return fits ? void()
                : mismatch(path, wanted, "'" + word + "'",
                           word == "none" && callable ? "`identity` leaves a value as it is" : "");
  }
  if (checkDeclared(path, wanted))
    return;
  if (wanted.type == Type::Unit || wanted.type == Type::Block)
    return checkCallable(path, wanted);
  if (wanted.type == Type::Value)
    return checkValue(path);
  checkOtherWord(path, wanted);
}

/// A word that is a parameter or a let; false if it is neither.
bool ExpressionChecker::checkDeclared(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.parts[0].text;
  if (context.lets.contains(word)) {
    if (!takesIntegers(wanted))
      mismatch(path, wanted, "the integer '" + word + "'");
    else
      checkRange(path, wanted);
    return true;
  }
  const Parameter *parameter = context.definition.parameter(word);
  if (!parameter || (findOperation(word) && !compatible(parameter->type, wanted)))
    return false;
  if (compatible(parameter->type, wanted))
    checkRange(path, wanted);
  else
    mismatch(path, wanted, ("the parameter '" + word + "', " + article({word, parameter->type})));
  return true;
}

void ExpressionChecker::checkCallable(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.parts[0].text;
  if (context.callsParameter(word) || context.failed(word))
    return;
  Callee callee = findCallee(context.program, context.file(), word);
  bool unit = wanted.type == Type::Unit;
  if (callee) {
    if (unit && !callee.isUnit())
      mismatch(path, wanted, callee.describe());
    return;
  }
  std::vector<llvm::StringRef> names;
  for (llvm::StringRef name : context.program.names(context.file()))
    if (!unit || context.program.find(context.file(), name)->kind == Definition::Kind::Unit)
      names.push_back(name);
  for (const Operation &operation : operations())
    if (!unit || operation.kind == Operation::Kind::Conv)
      names.push_back(operation.name);
  context.diagnostics.error(path.location,
                            llvm::formatv("no {0} is called '{1}'", toString(wanted.type), word).str(),
                            didYouMean(word, names));
}

/// A word for an integer, number, size, flag or word.
void ExpressionChecker::checkOtherWord(const PathExpr &path, const CalleeParameter &wanted) {
  const std::string &word = path.parts[0].text;
  if (llvm::is_contained(wanted.words, word) || (wanted.type == Type::Word && wanted.words.empty()) ||
      context.failed(word))
    return;
  if (!wanted.words.empty())
    return mismatch(path, wanted, "'" + word + "'", didYouMean(word, wanted.words));
  if (wanted.type == Type::Flag)
    return mismatch(path, wanted, "'" + word + "'");
  for (const ValueNames &scope : context.labels)
    if (scope.find(word))
      return mismatch(path, wanted, "the value '" + word + "'", "its channels are " + word + ".c");
  if (word == "in")
    return mismatch(path, wanted, "the value 'in'", "its channels are in.c");
  if (Callee callee = findCallee(context.program, context.file(), word))
    return mismatch(path, wanted, callee.describe());
  unknownWord(path);
}

void ExpressionChecker::unknownWord(const PathExpr &path) {
  const std::string &word = path.parts[0].text;
  std::vector<llvm::StringRef> names;
  for (const Parameter &parameter : context.definition.parameters)
    names.push_back(parameter.name.text);
  for (const auto &let : context.lets)
    names.push_back(let.first());
  for (const ValueNames &scope : context.labels)
    for (const ValueName &value : scope.names)
      names.push_back(value.name);
  for (const ValueName &stream : context.streams.names)
    names.push_back(stream.name);
  context.diagnostics.error(path.parts[0].location, "'" + word + "' is not known here",
                            didYouMean(word, names));
}

/// The named value that a path starts from; null where there is none (said here) or nothing can be said.
const ValueName *ExpressionChecker::findValue(const PathExpr &path) {
  const std::string &word = path.parts[0].text;
  bool open = context.failed(word);
  for (const ValueNames &scope : llvm::reverse(context.labels)) {
    if (const ValueName *value = scope.find(word))
      return value;
    open |= scope.open;
  }
  if (const ValueName *stream = context.streams.find(word))
    return stream;
  if (open)
    return nullptr;
  for (const Body *body : context.bodies) {
    const ValueName *later = context.values.of(*body, context.definition).find(word);
    if (!later)
      continue;
    context.diagnostics.error(path.parts[0].location,
                              "'" + word + "' is not known before line " +
                                  std::to_string(later->location.line),
                              "a value is used on later lines, or from another stream");
    return nullptr;
  }
  unknownWord(path);
  return nullptr;
}

void ExpressionChecker::checkValue(const PathExpr &path) {
  const std::string &word = path.parts[0].text;
  auto parts = llvm::ArrayRef(path.parts).drop_front();
  if (parts.size() > 0 && isSizeOfValue(path.parts.back().text)) {
    context.diagnostics.error(path.location, "'" + path.text() + "' is a number, not a value");
    return;
  }
  if (word == "in") {
    if (context.definition.kind == Definition::Kind::Network)
      context.diagnostics.error(path.location, "a network has no 'in'",
                                "its `input` line is what it starts from");
    else if (!parts.empty())
      context.diagnostics.error(path.location, "no names are known inside 'in'");
    return;
  }
  if (const Parameter *parameter = context.definition.parameter(word)) {
    if (parameter->type != Type::Value)
      context.diagnostics.error(path.location,
                                "'" + word + "' is " + article({word, parameter->type}) + ", not a value");
    return;
  }
  if (const ValueName *value = findValue(path))
    context.values.checkMembers(*value, parts, context.diagnostics);
}

/// `in.c`, `stride.h`, `flow.res2.a`, `mid3.c`
void ExpressionChecker::checkDotted(const PathExpr &path, const CalleeParameter &wanted) {
  if (wanted.type == Type::Value)
    return checkValue(path);
  const std::string &word = path.parts[0].text;
  const std::string &last = path.parts.back().text;
  const Parameter *parameter = context.definition.parameter(word);
  if (context.lets.contains(word) ||
      (parameter && parameter->type != Type::Size && parameter->type != Type::Value)) {
    context.diagnostics.error(path.location, "'" + word + "' has no parts",
                              parameter ? "it is " + article({word, parameter->type}) : "it is an integer");
    return;
  }
  if (!isSizeOfValue(last) ||
      (parameter && parameter->type == Type::Size && (last == "c" || path.parts.size() != 2))) {
    bool size = parameter && parameter->type == Type::Size;
    context.diagnostics.error(path.parts.back().location, "'" + path.text() + "' is no number",
                              size ? "a size has " + word + ".t, " + word + ".h and " + word + ".w"
                                   : "the numbers of a value are its c, t, h and w");
    return;
  }
  if (!takesIntegers(wanted))
    return mismatch(path, wanted, "the integer " + path.text());
  if (parameter)
    return checkRange(path, wanted);
  std::vector<PathExpr::Part> parts(path.parts.begin(), path.parts.end() - 1);
  checkValue(PathExpr(path.location, std::move(parts)));
}

void ExpressionChecker::checkLoosely(const Expr &expr) {
  if (const auto *path = llvm::dyn_cast<PathExpr>(&expr)) {
    if (path->isWord() || context.definition.parameter(path->parts[0].text))
      return; // a word can be anything
    bool number = isSizeOfValue(path->parts.back().text);
    return check(expr, {"argument", number ? Type::Int : Type::Value});
  }
  switch (expr.kind) {
  case Expr::Kind::List: {
    auto &elements = llvm::cast<ListExpr>(expr).elements;
    return check(expr, {"argument", Type::Size, nullptr, {}, unsigned(elements.size())});
  }
  case Expr::Kind::Binary:
    return checkInteger(expr, "argument");
  case Expr::Kind::Bound:
    return check(expr, {"argument", Type::Block});
  default:
    return;
  }
}

} // namespace kinema::dsl
