#include "dsl/CheckExpression.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

/// Binds the arguments of one call.
class ArgumentChecker {
public:
  ArgumentChecker(CheckContext &context, const Callee &callee, Location head, const Callee &defaultBlock)
      : context(context), expressions(context), callee(callee), parameters(callee.parameters()), head(head),
        defaultBlock(defaultBlock) {}

  void run(llvm::ArrayRef<Argument> arguments, bool partial);

private:
  void positional(const Argument &argument);
  void named(const Argument &argument);
  void riding(const Argument &argument, llvm::ArrayRef<Argument> arguments);
  void missing();
  bool give(llvm::StringRef name, Location location);
  void check(const Argument &argument, const CalleeParameter &wanted);
  void loosely(const Argument &argument);
  std::vector<Callee> held(llvm::ArrayRef<Argument> arguments, llvm::StringRef parameter,
                           const Callee &fallback);
  std::string parametersOf(llvm::ArrayRef<Callee> callees);

  CheckContext &context;
  ExpressionChecker expressions;
  const Callee &callee;
  std::vector<CalleeParameter> parameters;
  Location head;
  const Callee &defaultBlock;
  size_t next = 0;
  llvm::StringMap<Location> given;
};

bool ArgumentChecker::give(llvm::StringRef name, Location location) {
  auto [place, isNew] = given.try_emplace(name, location);
  if (!isNew)
    context.diagnostics.error(location, ("'" + name + "' is given twice for " + callee.describe()).str(),
                              "here, and at " + context.program.sources.describe(place->second));
  return isNew;
}

void ArgumentChecker::check(const Argument &argument, const CalleeParameter &wanted) {
  for (const ExprPtr &value : argument.cycle)
    expressions.check(*value, wanted);
}

void ArgumentChecker::loosely(const Argument &argument) {
  for (const ExprPtr &value : argument.cycle)
    expressions.checkLoosely(*value);
}

void ArgumentChecker::positional(const Argument &argument) {
  if (callee.operation && callee.operation->takesValues)
    return check(argument, {"argument", Type::Value});
  while (next < parameters.size() && given.count(parameters[next].name))
    ++next;
  if (next == parameters.size()) {
    context.diagnostics.error(argument.location, callee.describe() + " takes no further argument",
                              "its parameters are " + llvm::join(callee.parameterNames(), " "));
    return;
  }
  const CalleeParameter &parameter = parameters[next++];
  give(parameter.name, argument.location);
  check(argument, parameter);
}

void ArgumentChecker::named(const Argument &argument) {
  if (give(argument.name, argument.location))
    if (auto parameter = callee.parameter(argument.name))
      check(argument, *parameter);
}

/// The units or blocks that a parameter gets here; none where one of them is not known.
std::vector<Callee> ArgumentChecker::held(llvm::ArrayRef<Argument> arguments, llvm::StringRef parameter,
                                          const Callee &fallback) {
  const Argument *holder = nullptr;
  for (const Argument &argument : arguments)
    if (argument.isNamed() ? argument.name == parameter
                           : given.count(parameter) && given.lookup(parameter) == argument.location)
      holder = &argument;
  if (!holder)
    return fallback ? std::vector{fallback} : std::vector<Callee>();
  std::vector<Callee> result;
  for (const ExprPtr &value : holder->cycle) {
    const Expr *word = value.get();
    if (const auto *bound = llvm::dyn_cast<BoundExpr>(word))
      word = bound->callee.get();
    const auto *path = llvm::dyn_cast<PathExpr>(word);
    Callee known = path && path->isWord() ? context.callee(path->text()) : Callee();
    if (!known)
      return {};
    result.push_back(known);
  }
  return result;
}

std::string ArgumentChecker::parametersOf(llvm::ArrayRef<Callee> callees) {
  return "(" +
         llvm::join(
             llvm::map_range(callees,
                             [](const Callee &callee) {
                               return (callee.name() + ": " + llvm::join(callee.parameterNames(), " ")).str();
                             }),
             "; ") +
         ")";
}

/// An argument that the callee does not have goes to a stage's block, and from a block to its kind.
void ArgumentChecker::riding(const Argument &argument, llvm::ArrayRef<Argument> arguments) {
  std::vector<Callee> targets{callee};
  bool stage = callee.is(Operation::Kind::Stage);
  if (stage) {
    targets = held(arguments, "block", defaultBlock);
    if (targets.empty())
      return loosely(argument);
  }
  if (stage || callee.kindParameter()) {
    Callee fallback;
    if (!stage && callee.kindParameter()->defaultValue)
      if (const auto *path = llvm::dyn_cast<PathExpr>(callee.kindParameter()->defaultValue))
        fallback = findCallee(context.program, callee.definition->location.file, path->text());
    std::vector<Callee> kinds = held(arguments, stage ? "kind" : callee.kindParameter()->name, fallback);
    if (kinds.empty()) {
      auto own = targets.front().parameter(argument.name);
      return own ? check(argument, *own) : loosely(argument);
    }
    targets.push_back(kinds.front());
  }
  for (const Callee &target : targets)
    if (auto parameter = target.parameter(argument.name))
      return check(argument, *parameter);
  loosely(argument);
  std::vector<llvm::StringRef> names;
  for (const Callee &target : targets)
    for (llvm::StringRef name : target.parameterNames())
      names.push_back(name);
  std::string message = targets.size() == 1 ? targets[0].describe() + " has no parameter '"
                                            : "neither " + targets[0].describe() + " nor " +
                                                  targets.back().describe() + " has a parameter '";
  std::string near = didYouMean(argument.name, names);
  context.diagnostics.error(argument.location, message + argument.name + "'",
                            (near.empty() ? "" : near + " ") + parametersOf(targets));
}

void ArgumentChecker::missing() {
  for (const CalleeParameter &parameter : parameters) {
    std::string setting = (callee.name() + "." + parameter.name).str();
    if (parameter.defaultValue || given.count(parameter.name) || context.everSet.contains(setting))
      continue;
    context.diagnostics.error(head, (callee.describe() + " wants '" + parameter.name + "'").str(),
                              parametersOf({callee}));
    return;
  }
}

void ArgumentChecker::run(llvm::ArrayRef<Argument> arguments, bool partial) {
  for (const Argument &argument : arguments) {
    if (argument.isNamed())
      named(argument);
    else
      positional(argument);
  }
  for (const Argument &argument : arguments)
    if (argument.isNamed() && !callee.parameter(argument.name))
      riding(argument, arguments);
  if (!partial)
    missing();
}

} // namespace

void checkArguments(CheckContext &context, const Callee &callee, Location head,
                    llvm::ArrayRef<Argument> arguments, bool partial, const Callee &defaultBlock) {
  ArgumentChecker(context, callee, head, defaultBlock).run(arguments, partial);
}

} // namespace kinema::dsl
