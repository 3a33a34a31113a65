#include "compiler/Expand/Frame.h"

#include "dsl/Evaluate.h"
#include "dsl/Values.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

std::string Activation::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(type().getShape().drop_front(), os, "x");
  return text;
}

NodePtr Node::find(StringRef part) const {
  for (const auto &[name, node] : parts)
    if (name == part)
      return node;
  return nullptr;
}

void Node::add(StringRef part, NodePtr node) {
  if (node->name.empty())
    node->name = part.str();
  for (auto &[name, old] : parts)
    if (name == part) {
      old = std::move(node);
      return;
    }
  parts.emplace_back(part.str(), std::move(node));
}

std::optional<int64_t> Node::extent(char axis) const {
  if (!value.ready())
    return std::nullopt;
  return value.type().getDimSize(1 + StringRef("cthw").find(axis));
}

std::optional<dsl::Binding> Root::value(const dsl::PathExpr &path, ArrayRef<dsl::PathExpr::Part>) {
  dsl::reportUnknown(path, *this);
  return std::nullopt;
}

const dsl::Binding *Root::setting(const dsl::Callee &callee, StringRef parameter) const {
  for (const Setting &setting : llvm::reverse(settings))
    if (setting.callee == callee && setting.parameter == parameter && !dsl::is<dsl::Auto>(setting.value))
      return &setting.value;
  return nullptr;
}

const dsl::Binding *Frame::find(StringRef name) const {
  const dsl::Binding *own = CalleeScope::find(name);
  return own || !outer ? own : outer->find(name);
}

NodePtr Frame::findNode(StringRef name) const {
  if (NodePtr node = labels->find(name))
    return node;
  if (outer)
    return outer->findNode(name);
  return name == "in" ? in : nullptr;
}

bool Frame::isInside(const NodePtr &node) const { return node == labels || (outer && outer->isInside(node)); }

void Frame::addNames(std::vector<StringRef> &found) const {
  for (const auto &name : names)
    found.push_back(name.first());
  llvm::sort(found);
  for (const Frame *frame = this; frame; frame = frame->outer)
    for (const auto &part : frame->labels->parts)
      found.push_back(part.first);
}

/// Returns the named value that a path starts from; null after an error, which may be an earlier one.
NodePtr Frame::start(const dsl::PathExpr &path) {
  const std::string &word = path.parts[0].text;
  if (const dsl::Binding *given = find(word)) {
    const auto *named = std::get_if<dsl::NamedPtr>(given);
    if (!named && !dsl::is<dsl::Broken>(*given))
      error(path.location, "'" + word + "' is no value");
    return named ? std::static_pointer_cast<Node>(*named) : nullptr;
  }
  NodePtr node = findNode(word);
  if (!node)
    dsl::reportUnknown(path, *this);
  return node;
}

std::optional<dsl::Binding> Frame::value(const dsl::PathExpr &path, ArrayRef<dsl::PathExpr::Part> parts) {
  NodePtr first = start(path);
  NodePtr node = first;
  for (const dsl::PathExpr::Part &part : node ? parts.drop_front() : ArrayRef<dsl::PathExpr::Part>()) {
    if (NodePtr member = node->find(part.text)) {
      node = member;
      continue;
    }
    if (node->failed())
      return std::nullopt;
    std::vector<StringRef> names;
    for (const auto &[name, member] : node->parts)
      names.push_back(name);
    error(part.location, dsl::noSuchMember("value", first->name, node->name, part.text),
          dsl::namesInside(node->name, names));
    return std::nullopt;
  }
  return node ? std::optional<dsl::Binding>(node) : std::nullopt;
}
