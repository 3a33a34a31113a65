#include "dsl/CheckDefinition.h"

#include "dsl/Bind.h"
#include "dsl/Parser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema::dsl {

namespace {

constexpr const char *inputHint = "a network starts with a line such as `input rgb 3x16x112x112`";

/// Says what words of other frameworks are called here; returns an empty string where the word is none of
/// them.
std::string foreignWord(llvm::StringRef head) {
  struct {
    llvm::StringLiteral words, hint;
  } static constexpr table[] = {
      {" linear dense fullyconnected ", "a layer of n outputs is `fc n`"},
      {" batchnorm batchnorm1d batchnorm2d batchnorm3d batch_norm ",
       "it is `bn`, which every conv has of its own"},
      {" maxpool maxpool2d maxpool3d max_pool ", "it is `pool max 1x2x2`"},
      {" avgpool avgpool2d avgpool3d avg_pool ", "it is `pool avg 1x2x2`"},
      {" adaptiveavgpool2d adaptiveavgpool3d globalavgpool gap ", "it is `pool avg global`"},
      {" flatten view reshape ", "`fc` flattens what it takes"},
      {" dropout2d dropout3d ", "it is `dropout 0.5`"},
      {" silu ", "it is `swish`"},
      {" leakyrelu ", "it is `leaky_relu`"},
      {" elu prelu tanh mish softplus ", "an activation is one line: `act bounded(x) = tanh(x)`"},
      {" layernorm layer_norm ", "layer norm at each position is `norm [c]`"},
      {" groupnorm group_norm ", "it is `norm [c t h w] groups=8`"},
      {" instancenorm instance_norm ", "it is `norm [t h w]`"},
      {" lstm gru rnn convlstm ", "there is no recurrence"},
      {" scale upsample interpolate ", "there is no such operation"},
  };
  for (const auto &[words, hint] : table)
    if (words.contains((" " + head.lower() + " ")))
      return hint.str();
  return "";
}

/// Checks the names in an act's formula, and what it calls.
class ActChecker {
public:
  explicit ActChecker(CheckScope &scope) : scope(scope), act(scope.definition) {}

  void run() {
    const size_t before = scope.diagnostics.count();
    llvm::StringSet<> used;
    visitFormula(*act.formula, [&](const Formula &part) {
      used.insert(part.text);
      if (part.kind == Formula::Kind::Name)
        name(part);
      else if (part.kind == Formula::Kind::Call)
        call(part);
    });
    if (scope.diagnostics.count() > before)
      return; // an operand may have been meant where another name stands
    auto check = [&](const Name &name) {
      if (!used.contains(name.text))
        scope.error(name.location, "nothing in act '" + act.name.text + "' uses '" + name.text + "'");
    };
    for (const Name &operand : act.operands)
      check(operand);
    for (const Parameter &parameter : act.parameters)
      check(parameter.name);
    if (act.operands.empty())
      scope.error(act.name.location, "act '" + act.name.text + "' has no operand",
                  "act swish(x) = x * sigmoid(x)");
  }

private:
  void name(const Formula &part) {
    std::vector<llvm::StringRef> names;
    for (const Name &operand : act.operands)
      names.push_back(operand.text);
    for (const Parameter &parameter : act.parameters)
      names.push_back(parameter.name.text);
    if (!llvm::is_contained(names, part.text))
      scope.error(part.location, "'" + part.text + "' is not known here", didYouMean(part.text, names));
  }

  void call(const Formula &part) {
    const Function *function = findFunction(part.text);
    const Definition *called = function ? nullptr : scope.program.find(scope.file, part.text);
    if (!function && (!called || called->kind != Definition::Kind::Act))
      return unknownFunction(part);
    size_t least = function ? function->operands : called->operands.size();
    size_t most = least + (called ? called->parameters.size() : 0);
    if (part.operands.size() < least || part.operands.size() > most)
      scope.error(part.location, llvm::formatv("'{0}' is a function of {1}{2}, found {3}", part.text, least,
                                               most > least ? " to " + std::to_string(most) + " numbers"
                                               : least == 1 ? " number"
                                                            : " numbers",
                                               part.operands.size())
                                     .str());
  }

  void unknownFunction(const Formula &part) {
    if (scope.failed(part.text))
      return;
    std::vector<llvm::StringRef> names;
    for (const Function &function : functions())
      names.push_back(function.name);
    for (llvm::StringRef name : scope.program.names(scope.file))
      if (scope.callee(name).isAct())
        names.push_back(name);
    std::string hint = didYouMean(part.text, names);
    scope.error(part.location, "no function or act is called '" + part.text + "'",
                hint.empty() ? "the functions and acts are " + llvm::join(names, " ") : hint);
  }

  CheckScope &scope;
  const Definition &act;
};

class DefinitionChecker {
public:
  DefinitionChecker(CheckScope &scope, std::vector<NetworkInput> &inputs)
      : scope(scope), expressions(scope), definition(scope.definition), inputs(inputs) {}

  void run();

private:
  void parameters();
  void statements(const Body &body);
  void chain(const Chain &chain);
  void let(const LetStmt &let);
  void set(const SetStmt &set);
  void stream(const StreamStmt &stream);
  void from(const FromStmt &from);
  void call(const CallStmt &call);
  void weightsOf(const CallStmt &call);
  bool knownHead(const CallStmt &call, const Callee &callee);
  void braces(const CallStmt &call, const Callee &callee);
  void needValue(const CallStmt &call, const Callee &callee);
  void input(const CallStmt &call);
  void argumentsOf(const CallStmt &call, const Callee &callee);
  void argumentsOfParameter(const CallStmt &call);
  void bodyOf(const CallStmt &call);
  void label(const std::optional<Name> &label);
  void named(const Name &name);
  void error(Location location, std::string message, std::string hint = {}) {
    scope.error(location, std::move(message), std::move(hint));
  }
  void enterScope(const Body &body) {
    scope.labels.emplace_back();
    scope.bodies.push_back(&body);
  }
  bool isNetwork() const { return definition.kind == Definition::Kind::Network; }

  CheckScope &scope;
  Evaluator expressions;
  const Definition &definition;
  std::vector<NetworkInput> &inputs; // inputs of the network that is compiled
  /// Says whether there is a value that the next statement takes; Unknown after an error.
  enum class Flow { None, Some, Unknown } flow = Flow::Some;
};

void DefinitionChecker::run() {
  parameters();
  flow = definition.body.broken ? Flow::Unknown : isNetwork() ? Flow::None : Flow::Some;
  visitStatements(definition.body, [&](const Stmt &stmt) {
    if (llvm::isa<StreamStmt>(stmt))
      scope.values.add(stmt, definition, scope.streams);
  });
  enterScope(definition.body);
  statements(definition.body);
  if (flow == Flow::None)
    error(definition.body.close, "network '" + definition.name.text + "' has no output",
          "the value of its last line is the output; after streams, `from NAME` takes one up");
}

/// Checks the parameters' defaults. In the network that is compiled, which nobody calls, they are the values
/// of the parameters.
void DefinitionChecker::parameters() {
  for (const CalleeParameter &parameter : Callee{nullptr, &definition}.parameters()) {
    if (!parameter.defaultValue)
      continue;
    std::optional<Binding> value = expressions.evaluate(*parameter.defaultValue, parameter);
    if (scope.isCompiled())
      scope.names[parameter.name] = value.value_or(Unknown{parameter.type});
  }
}

/// Checks the statements of a body. A `set` holds to the end of the braces it stands in.
void DefinitionChecker::statements(const Body &body) {
  size_t settingsBefore = scope.settings.size();
  for (const Chain &chain : body.chains)
    this->chain(chain);
  scope.settings.resize(settingsBefore);
}

void DefinitionChecker::chain(const Chain &chain) {
  for (const StmtPtr &stmt : chain.statements) {
    if (scope.diagnostics.count() >= 10 * Diagnostics::limit)
      return;
    switch (stmt->kind) {
    case Stmt::Kind::Let:
      let(llvm::cast<LetStmt>(*stmt));
      break;
    case Stmt::Kind::Set:
      set(llvm::cast<SetStmt>(*stmt));
      break;
    case Stmt::Kind::Stream:
      stream(llvm::cast<StreamStmt>(*stmt));
      break;
    case Stmt::Kind::From:
      from(llvm::cast<FromStmt>(*stmt));
      break;
    case Stmt::Kind::Call:
      call(llvm::cast<CallStmt>(*stmt));
      break;
    }
    scope.values.add(*stmt, definition, scope.labels.back());
  }
}

void DefinitionChecker::let(const LetStmt &let) {
  std::optional<Binding> value = expressions.evaluateInteger(*let.value, let.name.text);
  if (scope.find(let.name.text))
    error(let.name.location, "'" + let.name.text + "' is defined already");
  else
    scope.names[let.name.text] = value.value_or(Broken());
}

void DefinitionChecker::set(const SetStmt &set) {
  Callee callee = scope.callee(set.head.text);
  if (!callee) {
    if (scope.failed(set.head.text))
      return;
    std::vector<llvm::StringRef> names = scope.program.names(scope.file);
    for (const Operation &operation : operations())
      names.push_back(operation.name);
    return error(set.head.location, "no operation, unit or block is called '" + set.head.text + "'",
                 didYouMean(set.head.text, names));
  }
  auto parameter = callee.parameter(set.parameter.text);
  if (!parameter) {
    std::string near = didYouMean(set.parameter.text, callee.parameterNames());
    std::string all = callee.parameterNames().empty() ? "it has no parameters"
                                                      : "it has " + llvm::join(callee.parameterNames(), " ");
    return error(set.parameter.location, callee.describe() + " has no parameter '" + set.parameter.text + "'",
                 near.empty() ? all : near + " (" + all + ")");
  }
  std::optional<Binding> value = expressions.evaluate(*set.value, *parameter);
  scope.settings.push_back({callee, parameter->name.str(), value.value_or(Unknown{parameter->type})});
}

void DefinitionChecker::stream(const StreamStmt &stream) {
  named(stream.name);
  Flow outerFlow = flow;
  if (stream.body.broken)
    flow = Flow::Unknown;
  enterScope(stream.body);
  statements(stream.body);
  scope.labels.pop_back();
  scope.bodies.pop_back();
  if (flow == Flow::None)
    error(stream.name.location, "stream '" + stream.name.text + "' has no value", inputHint);
  flow = outerFlow;
}

void DefinitionChecker::from(const FromStmt &from) {
  scope.value(*from.path, from.path->parts);
  label(from.label);
  flow = Flow::Some;
}

void DefinitionChecker::call(const CallStmt &call) {
  label(call.label);
  Callee callee = scope.callsParameter(call.head.text) ? Callee() : scope.callee(call.head.text);
  if (knownHead(call, callee)) {
    braces(call, callee);
    needValue(call, callee);
  } else {
    flow = Flow::Unknown; // an error about the value keeps later ones silent
  }
  if (callee)
    argumentsOf(call, callee);
  else
    argumentsOfParameter(call);
  if (call.times)
    expressions.evaluateCopies(*call.times);
  weightsOf(call);
  if (call.body)
    bodyOf(call);
}

/// Checks what a call says of its weights.
void DefinitionChecker::weightsOf(const CallStmt &call) {
  if (call.same)
    expressions.evaluateValue(*call.same, "same");
  if (call.frozen)
    expressions.evaluateFlag(*call.frozen, "frozen");
  if (call.same && call.body)
    error(call.same->location, "'same' is said of what stands in these braces",
          "braces own no weights: each line in them says whose it uses");
  else if (call.same && call.frozen)
    error(call.frozen->location, "the weights are another call's, which says whether they are frozen");
}

/// Reports a head that calls nothing.
bool DefinitionChecker::knownHead(const CallStmt &call, const Callee &callee) {
  const std::string &head = call.head.text;
  if (callee || scope.callsParameter(head))
    return true;
  if (scope.failed(head))
    return false;
  if (definition.parameter(head) || scope.isLet(head)) {
    error(call.head.location, "'" + head + "' is no unit or block, it cannot be called");
    return false;
  }
  for (const ValueNames &labels : scope.labels) {
    if (labels.find(head)) {
      error(call.head.location, "'" + head + "' is a value, it cannot be called",
            "`from " + head + "` goes on from it");
      return false;
    }
  }
  std::vector<llvm::StringRef> names = scope.program.names(scope.file);
  for (const Operation &operation : operations())
    names.push_back(operation.name);
  for (const Parameter &parameter : definition.parameters)
    names.push_back(parameter.name.text);
  llvm::append_range(names, statementWords());
  std::string hint = foreignWord(head);
  if (hint.empty())
    hint = didYouMean(head, names);
  if (hint.empty())
    hint = "the operations are " +
           llvm::join(
               llvm::map_range(operations(), [](const Operation &operation) { return operation.name; }), " ");
  error(call.head.location, "no operation, unit or block is called '" + head + "'", hint);
  return false;
}

void DefinitionChecker::braces(const CallStmt &call, const Callee &callee) {
  bool takes = callee && callee.braces() != Operation::Braces::None;
  if (call.body && !takes)
    error(call.body->open, "'" + call.head.text + "' takes no braces",
          "braces follow residual, add, mul, average and concat");
  if (call.body || !takes)
    return;
  if (callee.is(Operation::Kind::Residual))
    error(call.head.location, "'residual' needs a body in braces",
          "residual { conv3d ch=64 -> conv3d ch=64 act=none }");
  else if (llvm::none_of(call.arguments, [](const Argument &argument) { return !argument.isNamed(); }))
    error(call.head.location, "'" + call.head.text + "' needs two values",
          "name one behind it, or give it branches: `" + call.head.text + " { ... }`");
}

void DefinitionChecker::needValue(const CallStmt &call, const Callee &callee) {
  if (callee.is(Operation::Kind::Input))
    return input(call);
  if (callee.is(Operation::Kind::Param)) { // which begins a value, as `from` does
    flow = Flow::Some;
    return;
  }
  if (flow == Flow::None)
    error(call.location, "'" + call.head.text + "' stands before the input: there is no value yet",
          inputHint);
  flow = Flow::Some;
}

void DefinitionChecker::input(const CallStmt &call) {
  if (!isNetwork())
    error(call.location, "'input' belongs to a network, not to a " + toString(definition.kind).str(),
          "the value that it is called on is 'in'");
  else if (flow == Flow::Some)
    error(call.location, "'input' follows a value that would be lost",
          "a second input starts a stream of its own");
  if (call.times)
    error(call.times->location, "there is one input");
  flow = Flow::Some;
}

/// Checks a call's arguments. Copies take turns in cycles, so the arguments of each are bound as the
/// expansion would bind them.
void DefinitionChecker::argumentsOf(const CallStmt &call, const Callee &callee) {
  if (call.body && callee.takesValues())
    for (const Argument &argument : call.arguments)
      if (!argument.isNamed())
        error(argument.location,
              "'" + call.head.text + "' joins the branches in its braces or the values named, not both");
  size_t copies = 1;
  for (const Argument &argument : call.arguments)
    copies = std::max(copies, argument.cycle.size());
  Binder binder(scope, call.head);
  for (size_t copy = 0; copy < copies; ++copy) {
    CallablePtr bound = binder.bindCall({callee}, call.arguments, copy);
    if (bound && callee.is(Operation::Kind::Input) && scope.isCompiled() && copy == 0)
      inputs.push_back({&call, *bound});
  }
}

/// Checks the arguments of a kind or block that is a parameter, as far as all kinds or blocks have the rules
/// in common.
void DefinitionChecker::argumentsOfParameter(const CallStmt &call) {
  llvm::StringMap<Location> given;
  for (const Argument &argument : call.arguments) {
    if (argument.isNamed() && !given.try_emplace(argument.name, argument.location).second)
      error(argument.location, "'" + argument.name + "' is given twice for '" + call.head.text + "'");
    for (const ExprPtr &value : argument.cycle) {
      if (argument.name == "ch")
        expressions.evaluate(*value, {"ch", Type::Int, nullptr, {}, 3, 1});
      else if (argument.name == "stride")
        expressions.evaluate(*value, {"stride", Type::Size, nullptr, {}, 3, 1});
      else
        expressions.evaluateLoosely(*value);
    }
  }
}

void DefinitionChecker::bodyOf(const CallStmt &call) {
  Flow outerFlow = flow;
  Callee callee = scope.callsParameter(call.head.text) ? Callee() : scope.callee(call.head.text);
  if (!callee || callee.braces() != Operation::Braces::Branches)
    return statements(*call.body);
  size_t settingsBefore = scope.settings.size();
  for (const Chain &chain : call.body->chains) {
    flow = outerFlow;
    this->chain(chain);
    scope.settings.resize(settingsBefore);
  }
  flow = outerFlow;
}

void DefinitionChecker::label(const std::optional<Name> &label) {
  if (label && label->text != "_")
    named(*label);
}

void DefinitionChecker::named(const Name &name) {
  if (const ValueName *other = scope.labels.back().find(name.text))
    error(name.location, "two values are called '" + name.text + "'",
          "the other one is at " + scope.program.sources.describe(other->location));
  else if (definition.parameter(name.text) || scope.isLet(name.text))
    error(name.location, "'" + name.text + "' is a number or parameter already, a value cannot be called so");
}

} // namespace

void checkDefinition(const Program &program, const Definition &definition, Values &values,
                     const llvm::StringSet<> &everSet, std::vector<NetworkInput> &inputs,
                     std::vector<ArgumentUse> &arguments, Diagnostics &diagnostics) {
  CheckScope scope(program, definition, values, everSet, arguments, diagnostics);
  if (definition.kind == Definition::Kind::Act)
    ActChecker(scope).run();
  else
    DefinitionChecker(scope, inputs).run();
}

} // namespace kinema::dsl
