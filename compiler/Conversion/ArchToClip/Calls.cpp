// Calls: copies, names, and the frames of definitions.
#include "compiler/Conversion/ArchToClip/Expander.h"

#include "dsl/Check.h"
#include "dsl/Diagnostics.h"

#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;
using Kind = dsl::Operation::Kind;

/// The segment that a statement adds to the names of its weights; empty for `_:`.
std::optional<std::string> Expander::segmentOf(arch::CallOp op, const Callable &callee, Frame &frame) {
  bool isStage = callee.is(Kind::Stage);
  if (isStage)
    ++frame.stages;
  if (std::optional<StringRef> label = op.getLabel())
    return *label == "_" ? std::nullopt : std::optional(label->str());
  if (isStage)
    return "stage" + std::to_string(frame.stages);
  bool joins = callee.operation && callee.operation->braces != dsl::Operation::Braces::None;
  if (joins)
    return std::nullopt; // braces add no segment
  return callee.isUnit() ? "conv" : op.getHead().str();
}

std::optional<int64_t> Expander::copiesOf(arch::CallOp op, Frame &frame, Location where) {
  std::optional<Attribute> times = op.getTimes();
  if (!times)
    return 1;
  std::optional<int64_t> copies = evaluateInteger(*times, frame, where);
  if (copies && (*copies < 1 || *copies > dsl::maxCopies)) {
    fail(where, frame, Twine(*copies) + " copies: there are at least 1 and at most " + Twine(dsl::maxCopies));
    return std::nullopt;
  }
  return copies;
}

void Expander::nameResult(StringAttr label, const NodePtr &node, bool isStage, Frame &frame) {
  if (label && label.getValue() != "_")
    frame.labels->add(label, node);
  else if (isStage && !label)
    frame.labels->add("stage" + std::to_string(frame.stages), node);
  else if (label)
    for (const auto &[name, part] : node->parts)
      frame.labels->add(name, part);
}

static std::string describeUnknown(StringRef head, Frame &frame) {
  std::vector<StringRef> names;
  for (const dsl::Operation &operation : dsl::operations())
    names.push_back(operation.name);
  for (Operation &definition : frame.file.getBody().front())
    names.push_back(SymbolTable::getSymbolName(&definition).getValue());
  return dsl::didYouMean(head, names);
}

Activation Expander::expandCall(arch::CallOp op, Frame &frame, const Activation &value) {
  arch::Places places = arch::Places::of(op);
  auto node = std::make_shared<Node>();
  node->value = Activation::failed();
  CallablePtr callee = findCallable(op.getHead(), frame);
  bool isStage = callee && callee->is(Kind::Stage);
  llvm::scope_exit named([&] { nameResult(op.getLabelAttr(), node, isStage, frame); });
  if (value.state == Activation::State::Failed) {
    frame.stages += isStage;
    return value;
  }
  if (!callee) {
    fail(places.head, frame, "'" + op.getHead() + "' is no unit, block or operation",
         describeUnknown(op.getHead(), frame));
    return Activation::failed();
  }
  if (value.state == Activation::State::None && (callee->operation && !callee->is(Kind::Input))) {
    fail(places.head, frame, "there is no value before '" + op.getHead() + "'",
         "a network starts with a line such as `input rgb 3x16x112x112`");
    return Activation::failed();
  }
  std::optional<int64_t> copies = copiesOf(op, frame, places.head);
  if (!copies)
    return Activation::failed();
  Activation result = expandCopies(op, *callee, frame, value, *copies, *node);
  if (result.ready())
    result.origin = places.statement;
  return node->value = result;
}

Activation Expander::expandCopies(arch::CallOp op, const Callable &callee, Frame &frame,
                                  const Activation &value, int64_t copies, Node &node) {
  Location head = arch::Places::of(op).head;
  std::optional<std::string> segment = segmentOf(op, callee, frame);
  std::string base =
      segment ? frame.path + *segment : frame.path.substr(0, frame.path.size() - !frame.path.empty());
  bool numbered = op.getTimes() || callee.is(Kind::Stage);
  if (segment)
    claims.push_back({&frame, base, op});
  llvm::scope_exit release([&] {
    if (segment)
      claims.pop_back();
  });

  Activation current = value;
  for (int64_t copy = 0; copy < copies && current.state != Activation::State::Failed; ++copy) {
    CallablePtr target = bindCall(op, callee, frame, copy);
    if (!target)
      return Activation::failed();
    std::string number = std::to_string(copy);
    std::string path = !numbered ? base : base.empty() ? number : base + "." + number;
    bool plainLabel = op.getLabel() && *op.getLabel() != "_";
    std::string layer = frame.path + (plainLabel ? op.getLabel()->str() : op.getHead().str());
    auto part = std::make_shared<Node>();
    current = invoke(*target, {op, head, frame, path, layer, current, part});
    if (current.ready())
      current.origin = arch::Places::of(op).statement;
    part->value = current;
    if (numbered)
      node.add(number, part);
    else
      node.parts = part->parts;
  }
  return current;
}

/// Operations that leave no operation behind, so no row of the layer table.
static bool isSilent(const Callable &callable) {
  return callable.is(Kind::Input) || callable.is(Kind::Identity) || callable.is(Kind::Stage);
}

static bool ownsWeights(const Callable &callable) {
  return callable.isUnit() || callable.is(Kind::Fc) || callable.is(Kind::Bn);
}

Activation Expander::invoke(Callable &callable, Site site) {
  if (!withinLimits(site.where, site.frame))
    return Activation::failed();
  bool isLayer = (callable.operation || callable.isUnit()) && !isSilent(callable);
  if (isLayer)
    site.layer =
        ownsWeights(callable) && !site.path.empty() ? site.path : network.uniqueLayerName(site.layer);
  // A join's row comes after those of its branches.
  bool joins = callable.operation && callable.operation->braces != dsl::Operation::Braces::None;
  bool isRow = isLayer && layerDepth == 0;
  if (isRow && !joins)
    network.addLayer(site.layer, callable.name());
  layerDepth += isLayer && !joins;
  ++depth;
  Activation result =
      callable.definition ? expandDefinition(callable, site) : expandOperation(callable, site);
  --depth;
  layerDepth -= isLayer && !joins;
  if (isRow && joins)
    network.addLayer(site.layer, callable.name());
  return result;
}

Activation Expander::expandDefinition(Callable &callable, Site &site) {
  Frame frame;
  frame.caller = &site.frame;
  frame.call = arch::Places::of(site.op).statement;
  frame.file = cast<arch::FileOp>(callable.definition->getParentOp());
  frame.path = site.path.empty() ? "" : site.path + ".";
  frame.labels = site.node;
  if (site.value.ready()) {
    frame.in = std::make_shared<Node>();
    frame.in->name = "in";
    frame.in->value = site.value;
  }
  if (!bindParameters(callable, frame, site.where))
    return Activation::failed();
  return expandBody(callable.definition->getRegion(0), frame, site.value);
}
