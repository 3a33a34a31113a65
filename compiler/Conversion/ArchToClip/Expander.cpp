#include "compiler/Conversion/ArchToClip/Expander.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

Expander::Expander(ModuleOp module, const Options &options)
    : module(module), context(*module.getContext()), options(options), network(module) {}

LogicalResult Expander::run() {
  auto files = llvm::to_vector(module.getOps<arch::FileOp>());
  auto networks = files.empty() ? SmallVector<arch::NetworkOp>()
                                : llvm::to_vector(files.front().getOps<arch::NetworkOp>());
  if (networks.size() != 1) {
    network.erase();
    return emitError(module.getLoc())
           << "the first arch.file of a module has one network, found " << networks.size();
  }
  arch::NetworkOp definition = networks.front();
  Callable callable;
  callable.definition = definition;
  callable.parameters = parametersOf(definition);

  Frame frame, caller;
  frame.file = caller.file = files.front();
  frame.caller = nullptr;
  frame.labels = std::make_shared<Node>();
  caller.labels = frame.labels;
  Activation result = Activation::failed();
  frame.caller = &caller; // for the error about a parameter without a value
  bool bound = bindParameters(callable, frame, definition.getLoc());
  frame.caller = nullptr;
  if (bound)
    result = expandBody(definition.getBody(), frame, {});
  if (reported || !checkResult(result, frame)) {
    network.erase();
    return failure();
  }
  network.finish(result.value, definition.getSymName(), definition.getLoc());
  for (arch::FileOp file : files)
    file.erase();
  return success();
}

/// The last value must be scores.
bool Expander::checkResult(const Activation &result, Frame &frame) {
  Location end = result.origin.value_or(module.getLoc());
  if (!result.ready()) {
    fail(end, frame, "the network has no value", "it starts with a line such as `input rgb 3x16x112x112`");
    return false;
  }
  if (result.size() != shape::Size3{1, 1, 1}) {
    fail(end, frame, "the network's last value is " + result.describe() + ", scores are Cx1x1x1",
         "`pool avg global` or `fc` would give that");
    return false;
  }
  return true;
}

bool Expander::withinLimits(Location where, Frame &frame) {
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

Activation Expander::expandBody(Region &body, Frame &frame, Activation value) {
  size_t settingsBefore = settings.size();
  std::vector<Stream> streams;
  for (auto stream : body.getOps<arch::StreamOp>())
    announceStream(stream, frame); // its name may be used before its line
  for (Operation &op : body.getOps()) {
    if (auto stream = dyn_cast<arch::StreamOp>(op)) {
      streams.push_back(startStream(stream, frame, value));
    } else if (std::string missing = missingValue(&op, frame); missing.empty()) {
      value = expandStatement(&op, frame, value);
    } else {
      if (llvm::all_of(streams, [](Stream &stream) { return stream.finished(); }))
        reportCircle(&op, missing, frame);
      value = Activation::failed();
      break;
    }
    advance(streams);
  }
  for (Stream &stream : streams)
    if (!stream.finished()) {
      reportCircle(&*stream.next, missingValue(&*stream.next, *stream.frame), *stream.frame);
      value = Activation::failed();
    }
  settings.resize(settingsBefore);
  return value;
}

Activation Expander::expandStatement(Operation *op, Frame &frame, const Activation &value) {
  Location where = arch::Places::of(op).head;
  if (!frame.definitionFrame().caller)
    rootStatement = arch::Places::of(op).statement;
  if (!withinLimits(where, frame))
    return Activation::failed();
  if (auto let = dyn_cast<arch::LetOp>(op))
    expandLet(let, frame);
  else if (auto set = dyn_cast<arch::SetOp>(op))
    expandSet(set, frame);
  else if (auto from = dyn_cast<arch::FromOp>(op))
    return expandFrom(from, frame);
  else if (auto call = dyn_cast<arch::CallOp>(op))
    return expandCall(call, frame, value);
  return value;
}

void Expander::expandLet(arch::LetOp op, Frame &frame) {
  std::optional<int64_t> value = evaluateInteger(op.getValue(), frame, arch::Places::of(op).head);
  frame.names[op.getName()] = value ? Binding(*value) : Binding(Broken());
}

void Expander::expandSet(arch::SetOp op, Frame &frame) {
  Location where = arch::Places::of(op).head;
  CallablePtr callable = findCallable(op.getHead(), frame);
  if (!callable) {
    fail(where, frame, "'" + op.getHead() + "' is no unit, block or operation");
    return;
  }
  const Parameter *parameter = callable->find(op.getParameter());
  if (!parameter) {
    fail(where, frame, callable->describe() + " has no parameter '" + op.getParameter().str() + "'");
    return;
  }
  std::optional<Binding> value = evaluate(op.getValue(), *parameter, frame, where);
  settings.push_back({callable->key(), parameter->name.str(), value.value_or(Broken())});
}

Activation Expander::expandFrom(arch::FromOp op, Frame &frame) {
  arch::Places places = arch::Places::of(op);
  NodePtr node = evaluateNode(op.getPathAttr(), frame, places.head);
  if (!node)
    return Activation::failed();
  if (op.getLabelAttr())
    nameResult(op.getLabelAttr(), node, false, frame);
  Activation value = node->value;
  if (value.state == Activation::State::None) {
    fail(places.head, frame, "'" + op.getPath() + "' has no value");
    return Activation::failed();
  }
  value.origin = places.statement;
  return value;
}
