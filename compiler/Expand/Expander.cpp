#include "compiler/Expand/Expander.h"

#include "compiler/Expand/SourceLocations.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

OwningOpRef<ModuleOp> kinema::expandNetwork(const dsl::Program &program, const ExpandOptions &options,
                                            dsl::Diagnostics &diagnostics, MLIRContext &context) {
  context.loadDialect<clip::ClipDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module(
      ModuleOp::create(locationOf(program.network->location, program.sources, context)));
  if (failed(Expander(program, options, diagnostics, *module).run()))
    return {};
  return module;
}

Expander::Expander(const dsl::Program &program, const ExpandOptions &options, dsl::Diagnostics &diagnostics,
                   ModuleOp module)
    : context(*module.getContext()), options(options), root(program, diagnostics), network(module) {}

Location Expander::place(dsl::Location location) {
  return locationOf(location, root.program.sources, context);
}

LogicalResult Expander::run() {
  const dsl::Definition &definition = *root.program.network;
  Frame frame(root, definition);
  if (!frame.fill({{nullptr, &definition}}, definition.name.location))
    return failure();
  Activation result = expandStatements(statementsOf(definition.body), frame, {});
  if (root.diagnostics.any() || !checkResult(result, frame))
    return failure();
  SmallVector<std::pair<std::string, Value>> losses;
  for (const std::string &name : root.program.recipe.train.of)
    if (auto value = lossValue(name, result, frame))
      losses.push_back({name, *value});
  if (root.diagnostics.any())
    return failure();
  network.finish(result.value, losses, definition.name.text, place(definition.name.location));
  addFeatures(frame);
  return success(!root.diagnostics.any());
}

/// Has inference give the features of the layers that the options name.
void Expander::addFeatures(Frame &frame) {
  const dsl::Name &name = root.program.network->name;
  for (const std::string &layer : options.layers)
    if (!network.addFeatures(layer)) {
      const std::string near = dsl::didYouMean(layer, network.layerNames());
      fail(name.location, frame, "network '" + name.text + "' has no layer '" + layer + "'",
           near.empty() ? "`kinema inspect` lists its layers" : near);
    }
}

/// Returns a value that the recipe's loss is of, which has the shape of the network's scores.
std::optional<Value> Expander::lossValue(const std::string &name, const Activation &result, Frame &frame) {
  const auto &places = root.program.recipe.valuePlaces;
  const auto found = places.find(name);
  const dsl::Location where = found == places.end() ? dsl::Location() : found->second;
  std::vector<dsl::PathExpr::Part> parts;
  for (StringRef part : llvm::split(name, '.'))
    parts.push_back({part.str(), where});
  std::optional<dsl::Binding> named = dsl::Evaluator(frame).evaluateValue(dsl::PathExpr(where, parts));
  if (!named)
    return std::nullopt;
  const Activation &value = std::static_pointer_cast<Node>(std::get<dsl::NamedPtr>(*named))->value;
  if (llvm::count(root.program.recipe.train.of, name) > 1)
    fail(where, frame, "the loss is of '" + name + "' twice");
  else if (value.ready() && value.type() != result.type())
    fail(where, frame,
         "'" + name + "' is " + value.describe() + ", the network's scores are " + result.describe(),
         "the loss is of values that score the classes");
  return value.ready() ? std::optional(value.value) : std::nullopt;
}

/// Checks that the last value holds scores.
bool Expander::checkResult(const Activation &result, Frame &frame) {
  if (!result.ready()) {
    fail(root.program.network->location, frame, "the network has no value",
         "it starts with a line such as `input rgb 3x16x112x112`");
    return false;
  }
  if (result.size() != shape::Size3{1, 1, 1}) {
    fail(result.origin, frame, "the network's last value is " + result.describe() + ", scores are Cx1x1x1",
         "`pool avg global` or `fc` would give that");
    return false;
  }
  if (result.type().getDimSize(0) != options.batch) {
    fail(result.origin, frame,
         "the network's last value has " + Twine(result.type().getDimSize(0)) + " clips of a batch of " +
             Twine(options.batch),
         "an arrangement that brings axes to n is taken back before the end");
    return false;
  }
  return true;
}

bool Expander::withinLimits(dsl::Location where, Frame &frame) {
  if (stopped)
    return false;
  if (network.size() > maxOperations)
    fail(where, frame, "the network has more than " + Twine(maxOperations) + " operations");
  else if (++callCount > maxCalls)
    fail(where, frame, "the network makes more than " + Twine(maxCalls) + " calls");
  else if (depth > maxDepth)
    fail(where, frame, "calls lie inside each other more than " + Twine(maxDepth) + " deep");
  else
    return true;
  stopped = true;
  return false;
}

Expander::Statements Expander::statementsOf(const dsl::Chain &chain) {
  Statements statements;
  for (const dsl::StmtPtr &statement : chain.statements)
    statements.push_back(statement.get());
  return statements;
}

Expander::Statements Expander::statementsOf(const dsl::Body &body) {
  Statements statements;
  for (const dsl::Chain &chain : body.chains)
    llvm::append_range(statements, statementsOf(chain));
  return statements;
}

Activation Expander::expandStatements(ArrayRef<const dsl::Stmt *> statements, Frame &frame,
                                      Activation value) {
  size_t settingsBefore = root.settings.size();
  std::vector<Stream> streams;
  for (const dsl::Stmt *statement : statements)
    if (const auto *stream = dyn_cast<dsl::StreamStmt>(statement))
      announceStream(*stream, frame); // its name may be used before its line
  for (const dsl::Stmt *statement : statements) {
    if (const auto *stream = dyn_cast<dsl::StreamStmt>(statement)) {
      streams.push_back(startStream(*stream, frame, value));
    } else if (!missingValue(*statement, frame)) {
      value = expandTraced(*statement, frame, value);
    } else {
      if (llvm::all_of(streams, [](Stream &stream) { return stream.finished(); }))
        reportCircle(*statement, frame);
      value = Activation::failed();
      break;
    }
    advance(streams);
  }
  for (Stream &stream : streams)
    if (!stream.finished()) {
      reportCircle(*stream.statements[stream.next], *stream.frame);
      value = Activation::failed();
    }
  root.settings.resize(settingsBefore);
  return value;
}

/// Returns the place of an error about a statement as a whole: the place of what the statement calls, or of
/// the value that it gives or names.
static dsl::Location headOf(const dsl::Stmt &stmt) {
  switch (stmt.kind) {
  case dsl::Stmt::Kind::Let:
    return cast<dsl::LetStmt>(stmt).value->location;
  case dsl::Stmt::Kind::Set:
    return cast<dsl::SetStmt>(stmt).head.location;
  case dsl::Stmt::Kind::Stream:
    return cast<dsl::StreamStmt>(stmt).name.location;
  case dsl::Stmt::Kind::From:
    return cast<dsl::FromStmt>(stmt).path->location;
  case dsl::Stmt::Kind::Call:
    return cast<dsl::CallStmt>(stmt).head.location;
  }
  llvm_unreachable("no statement");
}

Activation Expander::expandStatement(const dsl::Stmt &stmt, Frame &frame, const Activation &value) {
  if (!frame.isCalled)
    rootStatement = stmt.location;
  if (!withinLimits(headOf(stmt), frame))
    return Activation::failed();
  if (const auto *let = dyn_cast<dsl::LetStmt>(&stmt))
    expandLet(*let, frame);
  else if (const auto *set = dyn_cast<dsl::SetStmt>(&stmt))
    expandSet(*set, frame);
  else if (const auto *from = dyn_cast<dsl::FromStmt>(&stmt))
    return expandFrom(*from, frame);
  else if (const auto *call = dyn_cast<dsl::CallStmt>(&stmt))
    return expandCall(*call, frame, value);
  return value;
}

/// Returns C, T, H, W; nothing of a value that there is not.
static std::vector<int64_t> shapeOf(const Activation &value) {
  return value.ready() ? value.type().getShape().drop_front().vec() : std::vector<int64_t>();
}

/// Expands a statement and notes the step, where somebody asks for it.
Activation Expander::expandTraced(const dsl::Stmt &stmt, Frame &frame, const Activation &value) {
  if (!options.trace)
    return expandStatement(stmt, frame, value);
  Block &block = *network.operations().getBlock();
  Operation *last = block.empty() ? nullptr : &block.back();
  Activation result = expandStatement(stmt, frame, value);
  Step step{&stmt, shapeOf(value), shapeOf(result), {}};
  // Parameters are read at the top, wherever they are used.
  for (auto op = last ? std::next(last->getIterator()) : block.begin(); op != block.end(); ++op)
    if (!isa<clip::ReadOp>(*op))
      step.operations.push_back(&*op);
  if (isa<dsl::CallStmt, dsl::FromStmt>(stmt) && result.ready())
    options.trace->push_back(std::move(step));
  return result;
}

void Expander::expandLet(const dsl::LetStmt &let, Frame &frame) {
  auto value = dsl::Evaluator(frame).evaluateInteger(*let.value, let.name.text);
  frame.define(let.name.text, value.value_or(dsl::Broken()));
}

void Expander::expandSet(const dsl::SetStmt &set, Frame &frame) {
  dsl::Callee callee = frame.callee(set.head.text);
  auto value = dsl::Evaluator(frame).evaluate(*set.value, *callee.parameter(set.parameter.text));
  root.settings.push_back({callee, set.parameter.text, value.value_or(dsl::Broken())});
}

Activation Expander::expandFrom(const dsl::FromStmt &from, Frame &frame) {
  std::optional<dsl::Binding> named = dsl::Evaluator(frame).evaluateValue(*from.path);
  if (!named)
    return Activation::failed();
  auto node = std::static_pointer_cast<Node>(std::get<dsl::NamedPtr>(*named));
  if (from.label)
    nameResult(from.label, node, false, frame);
  Activation value = node->value;
  if (value.state == Activation::State::None) {
    fail(from.path->location, frame, "'" + from.path->text() + "' has no value");
    return Activation::failed();
  }
  value.origin = from.location;
  return value;
}
