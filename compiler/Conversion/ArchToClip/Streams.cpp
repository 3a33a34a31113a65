// Streams: towers that name each other's values. Each is expanded a statement at a time, as far as the values
// that it names are known; so the order of the streams in the text does not matter, and a circle is found.
#include "compiler/Conversion/ArchToClip/Expander.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

void Expander::announceStream(arch::StreamOp op, Frame &frame) {
  auto node = std::make_shared<Node>();
  node->complete = false;
  frame.labels->add(op.getName(), node);
}

Expander::Stream Expander::startStream(arch::StreamOp op, Frame &frame, const Activation &value) {
  auto inner = std::make_unique<Frame>();
  inner->outer = &frame;
  inner->file = frame.file;
  inner->path = frame.path + op.getName().str() + ".";
  NodePtr node = findNode(op.getName(), frame);
  inner->labels = node;
  Block::iterator first = op.getBody().front().begin();
  return {op, std::move(inner), node, value, first, settings};
}

/// The paths that a statement names, with those of what stands in its braces.
static void collectPaths(Attribute attribute, llvm::function_ref<void(StringRef)> visit) {
  if (auto path = dyn_cast<StringAttr>(attribute)) {
    visit(path);
  } else if (auto list = dyn_cast<ArrayAttr>(attribute)) {
    for (Attribute element : list)
      collectPaths(element, visit);
  } else if (auto argument = dyn_cast<arch::ArgumentAttr>(attribute)) {
    collectPaths(argument.getValue(), visit);
  } else if (auto bound = dyn_cast<arch::BoundAttr>(attribute)) {
    for (arch::ArgumentAttr argument : bound.getArguments())
      collectPaths(argument, visit);
  } else if (auto binary = dyn_cast<arch::BinaryAttr>(attribute)) {
    collectPaths(binary.getLhs(), visit);
    collectPaths(binary.getRhs(), visit);
  } else if (auto cycle = dyn_cast<arch::CycleAttr>(attribute)) {
    for (Attribute element : cycle.getElements())
      collectPaths(element, visit);
  }
}

std::string Expander::missingValue(Operation *statement, Frame &frame) {
  std::string missing;
  auto check = [&](StringRef path) {
    auto [first, rest] = path.split('.');
    NodePtr node = missing.empty() ? findNode(first, frame) : nullptr;
    bool isOwn = false; // a stream may name what it has got itself
    for (Frame *f = &frame; f; f = f->outer)
      isOwn |= node == f->labels;
    if (!node || node->complete || isOwn)
      return;
    if (rest.empty() || !node->find(rest.split('.').first))
      missing = path.str();
  };
  statement->walk([&](Operation *op) {
    if (auto call = dyn_cast<arch::CallOp>(op)) {
      collectPaths(call.getArgs(), check);
      if (call.getTimes())
        collectPaths(*call.getTimes(), check);
    } else if (auto from = dyn_cast<arch::FromOp>(op)) {
      check(from.getPath());
    } else if (auto let = dyn_cast<arch::LetOp>(op)) {
      collectPaths(let.getValue(), check);
    }
  });
  return missing;
}

/// Expands one statement of a stream if it can.
bool Expander::step(Stream &stream) {
  Block &body = stream.op.getBody().front();
  if (stream.next == body.end()) {
    stream.node->value = stream.value;
    stream.node->complete = true;
    return true;
  }
  if (!missingValue(&*stream.next, *stream.frame).empty())
    return false;
  std::swap(settings, stream.settings);
  stream.value = expandStatement(&*stream.next, *stream.frame, stream.value);
  std::swap(settings, stream.settings);
  ++stream.next;
  return true;
}

void Expander::advance(std::vector<Stream> &streams) {
  bool progress = true;
  while (progress) {
    progress = false;
    for (Stream &stream : streams)
      while (!stream.finished() && step(stream))
        progress = true;
  }
}

void Expander::reportCircle(Operation *op, StringRef missing, Frame &frame) {
  fail(arch::Places::of(op).head, frame, "'" + missing + "' is needed here before it can be known",
       "streams wait for each other in a circle");
}
