// Expands calls: copies, names, and the frames of definitions.
#include "compiler/Expand/Expander.h"

#include "dsl/Evaluate.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;
using Kind = dsl::Operation::Kind;

/// Returns whether a call is of a kind of conv, whose weights have the segment `conv` in their names.
static bool isKindOfConv(const dsl::Callee &callee) {
  return callee.is(Kind::Conv) || (callee.definition && callee.isUnit() && !callee.isAct());
}

/// Returns the segment that a statement adds to the names of its weights; an empty one for `_:`.
std::optional<std::string> Expander::segmentOf(const dsl::CallStmt &call, const dsl::Callee &callee,
                                               Frame &frame) {
  bool isStage = callee.is(Kind::Stage);
  if (isStage)
    ++frame.stages;
  if (call.label)
    return call.label->text == "_" ? std::nullopt : std::optional(call.label->text);
  if (isStage)
    return "stage" + std::to_string(frame.stages);
  bool joins = callee.braces() != dsl::Operation::Braces::None;
  if (joins)
    return std::nullopt; // braces add no segment
  return isKindOfConv(callee) ? "conv" : call.head.text;
}

std::optional<int64_t> Expander::copiesOf(const dsl::CallStmt &call, Frame &frame) {
  if (!call.times)
    return 1;
  std::optional<dsl::Binding> copies = dsl::Evaluator(frame).evaluateCopies(*call.times);
  return copies ? std::optional(std::get<int64_t>(*copies)) : std::nullopt;
}

/// Notes in the frame whose weights a call uses, and whether training leaves them alone. `path` is that of
/// its own; nothing where it has none by itself. Returns false after an error.
bool Expander::setWeights(const dsl::CallStmt &call, const std::optional<std::string> &path, Frame &frame) {
  dsl::Evaluator evaluator(frame);
  if (call.frozen) {
    std::optional<dsl::Binding> frozen = evaluator.evaluateFlag(*call.frozen, "frozen");
    if (!frozen)
      return false;
    frame.frozen |= dsl::isWord(*frozen, "on");
  }
  if (!call.same)
    return true;
  std::optional<dsl::Binding> named = evaluator.evaluateValue(*call.same, "same");
  if (!named)
    return false;
  const auto &owner = std::static_pointer_cast<Node>(std::get<dsl::NamedPtr>(*named));
  if (!owner->weights || !path) {
    if (!owner->failed())
      fail(call.same->location, frame,
           owner->weights ? "'same' is said of a call that is named by itself, not by '_:'"
                          : "'" + owner->name + "' is made with no weights of its own",
           "it names what another call made: `a: conv3d ch=64`, and later `b: conv3d ch=64 same=a`");
    return false;
  }
  frame.sharing = Sharing{*path, *owner->weights, call.same->location};
  return true;
}

void Expander::nameResult(const std::optional<dsl::Name> &label, const NodePtr &node, bool isStage,
                          Frame &frame) {
  if (label && label->text != "_")
    frame.labels->add(label->text, node);
  else if (isStage && !label)
    frame.labels->add("stage" + std::to_string(frame.stages), node);
  else if (label)
    for (const auto &[name, part] : node->parts)
      frame.labels->add(name, part);
}

/// Returns what a head calls; null, with an error, where the head is a parameter that was not given.
dsl::CallablePtr Expander::findCallable(const dsl::Name &head, Frame &frame) {
  if (!frame.callsParameter(head.text))
    return std::make_shared<dsl::Callable>(dsl::Callable{frame.callee(head.text)});
  const dsl::Binding &given = *frame.find(head.text);
  if (const auto *callable = std::get_if<dsl::CallablePtr>(&given))
    return *callable;
  fail(head.location, frame, "'" + head.text + "' is 'auto', which cannot be called");
  return nullptr;
}

Activation Expander::expandCall(const dsl::CallStmt &call, Frame &frame, const Activation &value) {
  auto node = std::make_shared<Node>();
  node->value = Activation::failed();
  dsl::CallablePtr callable = findCallable(call.head, frame);
  bool isStage = callable && callable->callee.is(Kind::Stage);
  llvm::scope_exit named([&] { nameResult(call.label, node, isStage, frame); });
  if (value.state == Activation::State::Failed) {
    frame.stages += isStage;
    return value;
  }
  std::optional<int64_t> copies = callable ? copiesOf(call, frame) : std::nullopt;
  if (!copies)
    return Activation::failed();
  Activation result = expandCopies(call, *callable, frame, value, *copies, *node);
  if (result.ready())
    result.origin = call.location;
  return node->value = result;
}

/// Returns whether what a call leaves is seen as one block of the network. A network that is called is none:
/// its own blocks are.
static bool isBlock(const dsl::Callee &callee) {
  return callee.is(Kind::Stage) ||
         (callee.definition && callee.definition->kind == dsl::Definition::Kind::Block);
}

Activation Expander::expandCopies(const dsl::CallStmt &call, const dsl::Callable &callable, Frame &frame,
                                  const Activation &value, int64_t copies, Node &node) {
  std::optional<std::string> segment = segmentOf(call, callable.callee, frame);
  std::string base =
      segment ? frame.path + *segment : frame.path.substr(0, frame.path.size() - !frame.path.empty());
  bool numbered = call.times || callable.callee.is(Kind::Stage);
  llvm::SaveAndRestore sharing(frame.sharing);
  llvm::SaveAndRestore frozen(frame.frozen);
  if (!setWeights(call, segment ? std::optional(base) : std::nullopt, frame))
    return Activation::failed();
  const bool claimed = segment && !frame.sharing;
  if (claimed)
    claims.push_back({&frame, base, &call});
  llvm::scope_exit release([&] {
    if (claimed)
      claims.pop_back();
  });
  auto weightsOf = [&](const std::string &path) {
    return frame.sharing ? frame.sharing->nameFor(path) : path;
  };
  if (segment)
    node.weights = weightsOf(base);

  Activation current = value;
  dsl::Binder binder(frame, call.head);
  bool plainLabel = call.label && call.label->text != "_";
  std::string layer = frame.path + (plainLabel ? call.label->text : call.head.text);
  Network::Place inside = here;
  if (here.block.empty() && segment && (call.times || isBlock(callable.callee)))
    inside.block = network.uniqueBlockName(base);
  for (int64_t copy = 0; copy < copies && current.state != Activation::State::Failed; ++copy) {
    dsl::CallablePtr target = binder.bindCall(callable, call.arguments, copy);
    if (!target)
      return Activation::failed();
    std::string number = std::to_string(copy);
    std::string path = !numbered ? base : base.empty() ? number : base + "." + number;
    auto part = std::make_shared<Node>();
    if (numbered && inside.block != here.block)
      inside.copy = copy;
    llvm::SaveAndRestore counted(here, inside);
    if (numbered)
      part->weights = weightsOf(path);
    current = invoke(*target, {call, frame, path, layer, current, part});
    if (current.ready())
      current.origin = call.location;
    part->value = current;
    if (numbered)
      node.add(number, part);
    else
      node.parts = part->parts;
  }
  return current;
}

/// Returns whether a callee leaves no operation behind, and so no row of the layer table.
static bool isSilent(const dsl::Callee &callee) {
  return callee.is(Kind::Input) || callee.is(Kind::Identity) || callee.is(Kind::Stage);
}

static bool ownsWeights(const dsl::Callee &callee) {
  return isKindOfConv(callee) || callee.is(Kind::Fc) || callee.is(Kind::Bn) || callee.is(Kind::Norm) ||
         callee.is(Kind::Param);
}

Activation Expander::invoke(const dsl::Callable &callable, Site site) {
  if (!withinLimits(site.where(), site.frame))
    return Activation::failed();
  const dsl::Callee &callee = callable.callee;
  bool isLayer = callee.isUnit() && !isSilent(callee);
  if (isLayer)
    site.layer = ownsWeights(callee) && !site.path.empty() ? site.path : network.uniqueLayerName(site.layer);
  // A join's row comes after those of its branches.
  bool joins = callee.braces() != dsl::Operation::Braces::None;
  bool isRow = isLayer && layerDepth == 0;
  if (isRow && !joins)
    network.addLayer(site.layer, callee.name(), here);
  std::optional<llvm::SaveAndRestore<Network::Place>> branches; // of a join that is in no block belong to it
  if (isRow && joins && here.block.empty())
    branches.emplace(here, Network::Place{site.layer, std::nullopt, here.stream});
  layerDepth += isLayer && !joins;
  ++depth;
  Activation result = callee.isAct()      ? expandAct(callable, site)
                      : callee.definition ? expandDefinition(callable, site)
                                          : expandOperation(callable, site);
  --depth;
  layerDepth -= isLayer && !joins;
  if (isRow && joins)
    network.addLayer(site.layer, callee.name(), here);
  return result;
}

Activation Expander::expandDefinition(const dsl::Callable &callable, Site &site) {
  Frame frame(site.frame, callable.callee, site.call.location);
  frame.path = site.path.empty() ? "" : site.path + ".";
  frame.labels = site.node;
  if (site.value.ready()) {
    frame.in = std::make_shared<Node>();
    frame.in->name = "in";
    frame.in->value = site.value;
  }
  if (!frame.fill(callable, site.where()))
    return Activation::failed();
  return expandStatements(statementsOf(callable.callee.definition->body), frame, site.value);
}
