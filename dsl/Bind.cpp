#include "dsl/Bind.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

/// Returns whether the kind is known in all its parts.
bool isKnown(const Binding &kind) {
  const auto *callable = std::get_if<CallablePtr>(&kind);
  if (!callable)
    return !is<Unknown>(kind) && !is<Auto>(kind);
  return llvm::all_of((*callable)->bound, [](const auto &entry) { return isKnown(entry.second.value); });
}

/// Returns whether an argument is a stride that a later copy does not take: the stride is that of the first
/// copy, and the others keep the default.
bool isStrideOfLaterCopy(llvm::StringRef name, int64_t copy) { return copy > 0 && name == "stride"; }

const Expr &elementFor(const Argument &argument, int64_t copy) {
  return *argument.cycle[copy % argument.cycle.size()];
}

} // namespace

CallablePtr Binder::bindCall(const Callable &target, llvm::ArrayRef<Argument> arguments, int64_t copy) {
  auto bound = std::make_shared<Callable>(target);
  bool good = bind(bound, arguments, copy);
  if (auto parameter = bound ? missingArgument(*bound, scope) : std::nullopt) {
    reportMissing(bound->callee, *parameter, head.location, scope);
    return nullptr;
  }
  return good ? bound : nullptr;
}

CallablePtr Binder::bindKind(const Callable &target, llvm::ArrayRef<Argument> arguments) {
  for (const Argument &argument : arguments)
    if (argument.cycle.size() > 1) {
      scope.error(argument.cycle[1]->location, "`|` belongs to an argument of a call with copies");
      return nullptr;
    }
  auto bound = std::make_shared<Callable>(target);
  return bind(bound, arguments, /*copy=*/0) ? bound : nullptr;
}

/// Binds the arguments to `target`. Returns false after errors; an argument that failed counts as given then.
/// `target` becomes null where nothing can be said about what is missing, since an argument that was refused
/// may have been meant for it.
bool Binder::bind(CallablePtr &target, llvm::ArrayRef<Argument> arguments, int64_t copy) {
  bool good = true;
  next = 0;
  given.clear();
  llvm::SmallVector<const Argument *> riding;
  for (const Argument &argument : arguments) {
    if (!argument.isNamed() || target->callee.parameter(argument.name))
      good &= bindOwn(argument, elementFor(argument, copy), *target, copy);
    else if (give(argument.name, argument.location, target->callee.describe()))
      riding.push_back(&argument);
    else
      good = false;
  }
  if (target->callee.is(Operation::Kind::Stage)) {
    std::optional<Binding> block = blockOf(*target);
    if (!block || !is<CallablePtr>(*block)) { // an error, or a block that is known at the call alone
      for (const Argument *argument : riding)
        good &= expressions.evaluateLoosely(elementFor(*argument, copy));
      target = block ? target : nullptr;
      return good && block;
    }
    target = std::get<CallablePtr>(*block);
  }
  bool allBound = true;
  for (const Argument *argument : riding) {
    const Expr &expr = elementFor(*argument, copy);
    allBound &= isStrideOfLaterCopy(argument->name, copy) ? expressions.evaluateLoosely(expr)
                                                          : bindRest(*argument, expr, *target);
  }
  if (!allBound)
    target = nullptr;
  return good && allBound;
}

bool Binder::bindLoosely(llvm::ArrayRef<Argument> arguments) {
  bool good = true;
  for (const Argument &argument : arguments)
    for (const ExprPtr &value : argument.cycle)
      good &= expressions.evaluateLoosely(*value);
  return good;
}

bool Binder::givenTwice(llvm::StringRef parameter, Location place, Location other, llvm::StringRef callee) {
  scope.error(place, ("'" + parameter + "' is given twice for " + callee).str(),
              other.known() && other != place ? "here, and at " + scope.program.sources.describe(other)
                                              : "one of the two is too many");
  return false;
}

bool Binder::give(llvm::StringRef parameter, Location place, llvm::StringRef callee) {
  auto [earlier, isNew] = given.try_emplace(parameter, place);
  return isNew || givenTwice(parameter, place, earlier->second, callee);
}

/// Returns the parameter that an argument of the callee itself fills; nothing where no parameter is left.
std::optional<CalleeParameter> Binder::parameterFor(const Argument &argument, const Callable &target) {
  if (argument.isNamed())
    return target.callee.parameter(argument.name);
  std::vector<CalleeParameter> parameters = target.callee.parameters();
  while (next < parameters.size() &&
         (given.count(parameters[next].name) || target.bound.count(parameters[next].name.str())))
    ++next;
  return next < parameters.size() ? std::optional(parameters[next++]) : std::nullopt;
}

/// Binds an argument of the callee itself.
bool Binder::bindOwn(const Argument &argument, const Expr &expr, Callable &target, int64_t copy) {
  const Callee &callee = target.callee;
  if (!argument.isNamed() && callee.takesValues()) {
    std::optional<Binding> value = expressions.evaluateValue(expr);
    target.values.push_back({value.value_or(Unknown{Type::Value}), argument.location, &expr});
    return value.has_value();
  }
  std::optional<CalleeParameter> parameter = parameterFor(argument, target);
  if (!parameter) {
    scope.error(argument.location, callee.describe() + " takes no further argument",
                "its parameters are " + llvm::join(callee.parameterNames(), " "));
    return false;
  }
  if (!give(parameter->name, argument.location, callee.describe()))
    return false;
  if (isStrideOfLaterCopy(parameter->name, copy)) {
    scope.noteArgument(argument.location, callee, parameter->name);
    return expressions.evaluate(expr, *parameter).has_value();
  }
  return bindTo(target, *parameter, argument, expr);
}

bool Binder::bindTo(Callable &target, const CalleeParameter &parameter, const Argument &argument,
                    const Expr &expr) {
  scope.noteArgument(argument.location, target.callee, parameter.name);
  std::optional<Binding> value = expressions.evaluate(expr, parameter);
  if (value && is<Auto>(*value))
    return true;
  // What failed counts as given, so that nothing is said about what follows from it.
  auto [earlier, isNew] = target.bound.insert(
      {parameter.name.str(), {value.value_or(Unknown{parameter.type}), argument.location, &expr}});
  if (value && !isNew)
    return givenTwice(parameter.name, argument.location, earlier->second.place, target.callee.describe());
  return value.has_value();
}

/// Hands a named argument that the callee itself does not have to the callee's kind.
bool Binder::bindRest(const Argument &argument, const Expr &expr, Callable &target) {
  if (std::optional<bool> bound = bindRiding(argument, expr, target))
    return *bound;
  auto parameter = target.callee.kindParameter();
  std::optional<Binding> kind = parameter ? kindOf(target, *parameter, argument) : std::nullopt;
  expressions.evaluateLoosely(expr);
  reportNoParameter(argument, target.callee, kind ? std::get<CallablePtr>(*kind)->callee : Callee());
  return false;
}

std::optional<bool> Binder::bindRiding(const Argument &argument, const Expr &expr, Callable &target) {
  if (auto own = target.callee.parameter(argument.name))
    return bindTo(target, *own, argument, expr);
  auto parameter = target.callee.kindParameter();
  if (!parameter)
    return std::nullopt;
  std::optional<Binding> kind = kindOf(target, *parameter, argument);
  const auto *callable = kind ? std::get_if<CallablePtr>(&*kind) : nullptr;
  if (!callable)
    return expressions.evaluateLoosely(expr) && kind;
  auto copy = std::make_shared<Callable>(**callable);
  std::optional<bool> bound = bindRiding(argument, expr, *copy);
  if (bound && *bound)
    target.bound.insert({parameter->name.str(), {{}, expr.location, &expr}}).first->second.value = copy;
  return bound;
}

void Binder::reportNoParameter(const Argument &argument, const Callee &target, const Callee &kind) {
  std::vector<Callee> targets{target};
  if (kind)
    targets.push_back(kind);
  std::vector<llvm::StringRef> names;
  for (const Callee &callee : targets)
    llvm::append_range(names, callee.parameterNames());
  std::string message = kind ? "neither " + target.describe() + " nor " + kind.describe() +
                                   " has a parameter '" + argument.name + "'"
                             : target.describe() + " has no parameter '" + argument.name + "'";
  std::string near = didYouMean(argument.name, names);
  std::string hint = (near.empty() ? "" : near + " ") + parametersOf(targets);
  if (!kind && argument.name == "act" && target.definition && scope.callsParameter(head.text))
    hint = "a block says act=none to its last conv: give the unit the parameter act:word=auto, and pass it "
           "on as act=act";
  scope.error(argument.location, message, hint);
}

/// Returns what the target's kind parameter holds, or would hold where `riding` rides with it: a callable, or
/// a kind that is not known here. Returns nothing after an error.
std::optional<Binding> Binder::kindOf(const Callable &target, const CalleeParameter &parameter,
                                      const Argument &riding) {
  if (auto bound = target.bound.find(parameter.name.str()); bound != target.bound.end())
    return bound->second.value;
  if (const Binding *setting = scope.setting(target.callee, parameter.name))
    return *setting;
  if (!parameter.defaultValue)
    return Binding(Unknown{Type::Unit}); // a missing kind is an error of its own
  CalleeScope callee(scope, target.callee, riding.location);
  callee.assumeParameters();
  std::optional<Binding> kind = Evaluator(callee).evaluate(*parameter.defaultValue, parameter);
  if (!kind || isKnown(*kind))
    return kind;
  std::string name = parameter.name.str();
  scope.error(riding.location,
              "'" + riding.name + "' cannot ride with the default of '" + name +
                  "', which depends on the call",
              "give '" + name + "' too");
  return std::nullopt;
}

/// Returns the block that a stage repeats, with the stage's kind as the block's: a callable, or unknown.
std::optional<Binding> Binder::blockOf(const Callable &stage) {
  CalleeScope arguments(scope, stage.callee, head.location);
  if (!arguments.fill(stage, head.location))
    return std::nullopt;
  const auto *given = std::get_if<CallablePtr>(&arguments["block"]);
  if (!given)
    return Binding(Unknown{Type::Block});
  auto block = std::make_shared<Callable>(**given);
  auto kind = block->callee.kindParameter();
  auto place = stage.bound.find("block");
  Location where = place == stage.bound.end() ? head.location : place->second.place;
  if (!kind) {
    scope.error(where, block->callee.describe() + " takes no kind of conv, as a stage's block must",
                "its parameters are " + llvm::join(block->callee.parameterNames(), " "));
    return std::nullopt;
  }
  if (!block->bound.insert({kind->name.str(), {arguments["kind"], where}}).second) {
    scope.error(where, "'" + kind->name.str() + "' is given twice for " + block->callee.describe(),
                "a stage gives its block the kind");
    return std::nullopt;
  }
  return Binding(block);
}

} // namespace kinema::dsl
