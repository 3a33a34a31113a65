// Expands streams: towers that name each other's values. Each is expanded a statement at a time, as far as
// the values that it names are known; so the order of the streams in the text does not matter, and a circle
// is found.
#include "compiler/Expand/Expander.h"

#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

void Expander::announceStream(const dsl::StreamStmt &stream, Frame &frame) {
  auto node = std::make_shared<Node>();
  node->complete = false;
  node->weights = frame.path + stream.name.text;
  frame.labels->add(stream.name.text, node);
}

Expander::Stream Expander::startStream(const dsl::StreamStmt &stream, Frame &frame, const Activation &value) {
  NodePtr labels = frame.findNode(stream.name.text);
  auto inner = std::make_unique<Frame>(frame, labels, frame.path + stream.name.text + ".");
  return {statementsOf(stream.body), std::move(inner), value, root.settings};
}

const dsl::PathExpr *Expander::missingValue(const dsl::Stmt &stmt, Frame &frame) {
  const dsl::PathExpr *missing = nullptr;
  auto check = [&](const dsl::PathExpr &path) {
    NodePtr node = missing ? nullptr : frame.findNode(path.parts[0].text);
    if (!node || node->complete || frame.isInside(node))
      return;
    if (path.isWord() || !node->find(path.parts[1].text))
      missing = &path;
  };
  dsl::visitStatements(stmt, [&](const dsl::Stmt &inner) { dsl::visitPaths(inner, check); });
  return missing;
}

/// Expands one statement of a stream if it can.
bool Expander::step(Stream &stream) {
  if (stream.next == stream.statements.size()) {
    stream.node().value = stream.value;
    stream.node().complete = true;
    return true;
  }
  const dsl::Stmt &statement = *stream.statements[stream.next];
  if (missingValue(statement, *stream.frame))
    return false;
  std::swap(root.settings, stream.settings);
  llvm::SaveAndRestore inside(here.stream, StringRef(stream.frame->path).drop_back().str());
  stream.value = expandTraced(statement, *stream.frame, stream.value);
  std::swap(root.settings, stream.settings);
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

void Expander::reportCircle(const dsl::Stmt &stmt, Frame &frame) {
  const dsl::PathExpr &missing = *missingValue(stmt, frame);
  fail(missing.location, frame, "'" + missing.text() + "' is needed here before it can be known",
       "streams wait for each other in a circle");
}
