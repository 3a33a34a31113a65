// Arguments: which parameter each one fills, and what fills those that are not given.
#include "compiler/Conversion/ArchToClip/Expander.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

static std::string parameterNames(const Callable &callable) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(callable.parameters, os, [&](const Parameter &p) { os << p.name; }, " ");
  return text;
}

/// "(basic: kind ch stride; conv(2+1)d: t d ch stride mid bias bn act)"
static std::string parametersHint(const Callable &callable, const Callable *kind) {
  std::string text = "(" + callable.name().str() + ": " + parameterNames(callable);
  if (kind)
    text += "; " + kind->name().str() + ": " + parameterNames(*kind);
  return text + ")";
}

const Binding *Expander::settingOf(const Callable &callable, StringRef parameter) const {
  for (const Setting &setting : llvm::reverse(settings))
    if (setting.callee == callable.key() && setting.parameter == parameter && !isAuto(setting.value))
      return &setting.value;
  return nullptr;
}

bool Expander::bindArgument(Callable &target, const Parameter &parameter, Attribute value,
                            const arch::Places::Argument &place, Frame &frame) {
  auto earlier = target.bound.find(parameter.name.str());
  std::optional<Binding> binding = evaluate(value, parameter, frame, place.value);
  if (!binding)
    return false;
  if (isAuto(*binding))
    return true;
  if (earlier != target.bound.end()) {
    fail(place.name, frame, "'" + parameter.name + "' is given twice for " + target.describe(),
         "one of the two is too many")
            .attachNote(earlier->second.place)
        << "the other one is given here";
    return false;
  }
  target.bound.insert({parameter.name.str(), {std::move(*binding), place.name}});
  return true;
}

/// The callable that a callee's kind parameter holds or would hold.
CallablePtr Expander::kindOf(Callable &target, Frame &frame, Location where) {
  const Parameter *parameter = target.kindParameter();
  if (!parameter)
    return nullptr;
  Binding binding = Auto();
  if (auto bound = target.bound.find(parameter->name.str()); bound != target.bound.end())
    binding = bound->second.value;
  else if (const Binding *setting = settingOf(target, parameter->name))
    binding = *setting;
  else if (parameter->defaultValue) {
    Frame scope;
    scope.caller = &frame;
    scope.call = where;
    scope.file = target.definition ? cast<arch::FileOp>(target.definition->getParentOp()) : frame.file;
    scope.labels = std::make_shared<Node>();
    binding = evaluate(parameter->defaultValue, *parameter, scope, where).value_or(Auto());
  }
  const auto *kind = std::get_if<CallablePtr>(&binding);
  return kind ? *kind : nullptr;
}

std::optional<bool> Expander::bindRiding(Callable &target, StringRef name, Attribute value,
                                         const arch::Places::Argument &place, Frame &frame) {
  if (const Parameter *parameter = target.find(name))
    return bindArgument(target, *parameter, value, place, frame);
  CallablePtr kind = kindOf(target, frame, place.name);
  if (!kind)
    return std::nullopt;
  auto copy = std::make_shared<Callable>(*kind);
  std::optional<bool> bound = bindRiding(*copy, name, value, place, frame);
  if (!bound || !*bound)
    return bound;
  auto [entry, isNew] =
      target.bound.insert({target.kindParameter()->name.str(), {Binding(copy), place.value}});
  if (!isNew)
    entry->second.value = copy;
  return true;
}

/// The block that a stage repeats, with the stage's kind in its place.
CallablePtr Expander::blockOfStage(Callable &stage, Frame &frame, Location where) {
  Frame scope;
  scope.caller = &frame;
  scope.call = where;
  scope.file = frame.file;
  scope.labels = std::make_shared<Node>();
  if (!bindParameters(stage, scope, where))
    return nullptr;
  auto block = std::make_shared<Callable>(*std::get<CallablePtr>(scope.names["block"]));
  const Parameter *kind = block->kindParameter();
  if (!kind) {
    fail(where, frame, block->describe() + " takes no kind of conv, as a stage's block must",
         "its parameters are " + parameterNames(*block));
    return nullptr;
  }
  auto [entry, isNew] = block->bound.insert({kind->name.str(), {scope.names["kind"], where}});
  if (!isNew) {
    fail(where, frame, "'" + kind->name + "' is given twice for " + block->describe(),
         "a stage gives its block the kind");
    return nullptr;
  }
  return block;
}

static bool isStrideOfLaterCopy(StringRef name, int64_t copy) { return copy > 0 && name == "stride"; }

static Attribute elementFor(arch::ArgumentAttr argument, int64_t copy) {
  auto cycle = dyn_cast<arch::CycleAttr>(argument.getValue());
  return cycle ? cycle.getElements()[copy % cycle.getElements().size()] : argument.getValue();
}

/// The first parameter from `next` on that nothing is bound to; null where there is none.
static const expansion::Parameter *nextPositional(const Callable &target, size_t &next) {
  while (next < target.parameters.size() && target.bound.count(target.parameters[next].name.str()))
    ++next;
  return next < target.parameters.size() ? &target.parameters[next++] : nullptr;
}

bool Expander::bindArguments(CallablePtr &target, ArrayRef<arch::ArgumentAttr> arguments,
                             ArrayRef<arch::Places::Argument> places, Frame &frame, int64_t copy) {
  bool ok = true;
  size_t next = 0;
  SmallVector<size_t> riding;
  bool takesValues = target->operation && target->operation->takesValues;
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    const arch::Places::Argument &place = places[index];
    Attribute value = elementFor(argument, copy);
    if (argument.isNamed() && !target->find(argument.getName())) {
      riding.push_back(index);
    } else if (!argument.isNamed() && takesValues) {
      NodePtr node = evaluateNode(value, frame, place.value);
      ok &= node != nullptr;
      target->values.push_back({node, place.value});
    } else if (const Parameter *parameter =
                   argument.isNamed() ? target->find(argument.getName()) : nextPositional(*target, next)) {
      if (!isStrideOfLaterCopy(parameter->name, copy))
        ok &= bindArgument(*target, *parameter, value, place, frame);
    } else {
      fail(place.value, frame, target->describe() + " takes no further argument",
           parametersHint(*target, nullptr));
      return false;
    }
  }
  if (ok && target->is(dsl::Operation::Kind::Stage)) {
    target = blockOfStage(*target, frame, places.empty() ? UnknownLoc::get(&context) : places[0].name);
    ok = target != nullptr;
  }
  for (size_t index : riding)
    if (ok && !isStrideOfLaterCopy(arguments[index].getName(), copy))
      ok = bindLeftOver(*target, arguments[index].getName(), elementFor(arguments[index], copy),
                        places[index], frame);
  return ok;
}

/// A named argument that the callee itself does not have goes to its kind.
bool Expander::bindLeftOver(Callable &target, StringRef name, Attribute value,
                            const arch::Places::Argument &place, Frame &frame) {
  if (std::optional<bool> bound = bindRiding(target, name, value, place, frame))
    return *bound;
  CallablePtr kind = kindOf(target, frame, place.name);
  std::string has = " has a parameter '" + name.str() + "'";
  std::string hint = parametersHint(target, kind.get());
  if (!kind && name == "act" && target.definition)
    hint = "a block says act=none to its last conv: give the unit the parameter act:word=auto, and pass it "
           "on as act=act";
  fail(place.name, frame,
       kind ? "neither " + target.describe() + " nor " + kind->describe() + has
            : target.describe() + " has no parameter '" + name.str() + "'",
       hint);
  return false;
}

CallablePtr Expander::bindCall(arch::CallOp op, const Callable &callee, Frame &frame, int64_t copy) {
  auto target = std::make_shared<Callable>(callee);
  auto arguments = llvm::to_vector(op.getArgs().getAsRange<arch::ArgumentAttr>());
  return bindArguments(target, arguments, arch::Places::of(op).arguments, frame, copy) ? target : nullptr;
}

/// Names all parameters in the callee's frame: what was given, else what `set` says, else the default.
bool Expander::bindParameters(Callable &callable, Frame &callee, Location where) {
  for (auto &[name, argument] : callable.bound)
    callee.names[name] = argument.value;
  for (const Parameter &parameter : callable.parameters) {
    if (callee.names.contains(parameter.name))
      continue;
    if (const Binding *setting = settingOf(callable, parameter.name)) {
      if (isBroken(*setting))
        return false;
      callee.names[parameter.name] = *setting;
      continue;
    }
    if (!parameter.defaultValue) {
      fail(where, *callee.caller, callable.describe() + " wants '" + parameter.name + "'",
           "write it behind the head, as in " + parameter.name + "=...");
      return false;
    }
    Location place = callable.definition ? callable.definition->getLoc() : UnknownLoc::get(&context);
    std::optional<Binding> value = evaluate(parameter.defaultValue, parameter, callee, place);
    if (!value)
      return false;
    callee.names[parameter.name] = std::move(*value);
  }
  return true;
}
