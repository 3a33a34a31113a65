#include "compiler/Inspect/Diff.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

using namespace kinema;
using namespace kinema::inspect;

using Setting = std::pair<std::string, std::string>;

//===-- What differs in two layers ----------------------------------------===//

namespace {

/// Compares two layers that take each other's place.
class LayerComparison {
public:
  LayerComparison(const Layer &a, const Layer &b) : a(a), b(b) {}

  std::vector<Change> compare() {
    note("name", a.name, b.name);
    note("kind", a.kind, b.kind);
    compareShapes();
    note("mid", channelsText(a.mid), channelsText(b.mid));
    compareParts();
    compareSettings("", "initialisation of ", a.initialisations, b.initialisations, /*isMinor=*/true);
    return std::move(changes);
  }

private:
  static std::string channelsText(int64_t channels) { return channels ? std::to_string(channels) : ""; }

  void note(std::string what, std::string before, std::string after) {
    noteIn("", std::move(what), std::move(before), std::move(after), false);
  }
  void noteIn(std::string part, std::string what, std::string before, std::string after, bool isMinor) {
    if (before != after)
      changes.push_back({std::move(part), std::move(what), std::move(before), std::move(after), isMinor});
  }

  /// What a layer takes follows from the layers before it, of which those tell that change more than
  /// channels.
  void compareShapes() {
    auto compare = [&](const std::string &where, const std::vector<int64_t> &x,
                       const std::vector<int64_t> &y) {
      if (x.empty() || y.empty()) // of a learned tensor
        return;
      if (llvm::equal(llvm::drop_begin(x), llvm::drop_begin(y)))
        note("channels " + where, std::to_string(x.front()), std::to_string(y.front()));
      else if (where == "out" || a.out == b.out)
        note(where, shapeText(x), shapeText(y));
    };
    compare("in", a.in, b.in);
    compare("out", a.out, b.out);
  }

  static std::vector<const LayerPart *> partsOf(const Layer &layer, bool behindWork) {
    std::vector<const LayerPart *> parts;
    for (const LayerPart &part : layer.parts) {
      if (behindWork && part.contracts)
        parts.clear();
      else
        parts.push_back(&part);
    }
    return parts;
  }

  /// Returns the windows and channels of a layer's convs and the like: "1x3x3 288, 3x1x1 128".
  static std::string workOf(const Layer &layer) {
    std::vector<std::string> convs;
    for (const LayerPart &part : layer.parts)
      if (part.contracts)
        convs.push_back(fmt::format("{} {}", part.kernel.empty() ? part.op : part.kernel, part.channels));
    return fmt::format("{}", fmt::join(convs, ", "));
  }

  void compareParts() {
    auto contracts = [](const LayerPart &part) { return part.contracts; };
    // Layers of other work have no parts to compare but those behind it.
    const bool otherWork = llvm::count_if(a.parts, contracts) != llvm::count_if(b.parts, contracts);
    if (otherWork)
      note("made of", workOf(a), workOf(b));
    std::vector<const LayerPart *> as = partsOf(a, otherWork), bs = partsOf(b, otherWork);
    std::vector<std::string> left, right; // the operations that one side alone has
    size_t i = 0, j = 0;
    while (i < as.size() || j < bs.size()) {
      auto follows = [](const std::vector<const LayerPart *> &parts, size_t from, const std::string &op) {
        return std::any_of(parts.begin() + from, parts.end(), [&](auto *part) { return part->op == op; });
      };
      if (i < as.size() && j < bs.size() && as[i]->op == bs[j]->op)
        comparePart(*as[i++], *bs[j++]);
      else if (i < as.size() && (j == bs.size() || !follows(bs, j, as[i]->op)))
        left.push_back(as[i++]->op);
      else
        right.push_back(bs[j++]->op);
    }
    if (!left.empty() || !right.empty())
      note("operations", fmt::format("{}", fmt::join(left, ", ")), fmt::format("{}", fmt::join(right, ", ")));
  }

  void comparePart(const LayerPart &x, const LayerPart &y) {
    const std::string part = x.name == y.name ? x.name : "";
    noteIn(part, "kernel", x.kernel, y.kernel, false);
    const bool isMid = x.channels == a.mid && y.channels == b.mid;
    // A layer with an operation has shapes.
    const bool isOut = x.channels == a.out.front() && y.channels == b.out.front();
    if (x.contracts && !isMid && !isOut)
      noteIn(part, "channels", std::to_string(x.channels), std::to_string(y.channels), false);
    compareSettings(part, x.kernel.empty() ? x.op + " " : "", x.settings, y.settings,
                    /*isMinor=*/x.kernel.empty() && !x.contracts);
  }

  void compareSettings(const std::string &part, const std::string &before, const std::vector<Setting> &x,
                       const std::vector<Setting> &y, bool isMinor) {
    auto valueIn = [](const std::vector<Setting> &settings, const std::string &name) {
      auto found = llvm::find_if(settings, [&](const Setting &setting) { return setting.first == name; });
      return found == settings.end() ? "" : found->second;
    };
    for (const auto &[name, value] : x)
      if (name == "formula" && value != valueIn(y, name)) {
        noteIn(part, before + name, "one", "another", isMinor); // which is long
        return;
      }
    for (const auto &[name, value] : x)
      noteIn(part, before + name, value, valueIn(y, name), isMinor);
    for (const auto &[name, value] : y)
      if (valueIn(x, name).empty())
        noteIn(part, before + name, "", value, isMinor);
  }

  const Layer &a, &b;
  std::vector<Change> changes;
};

//===-- What differs in two networks --------------------------------------===//

class NetworkComparison {
public:
  NetworkComparison(const LayerTable &a, const LayerTable &b) : a(a), b(b), difference{a, b, {}, {}, 0, 0} {}

  NetworkDifference compare() {
    compareEnds();
    pairs = align(a, b);
    for (const LayerPair &pair : pairs)
      if (pair.a && pair.b)
        partner[*pair.b] = *pair.a;
    for (const LayerPair &pair : pairs)
      compareLayers(pair);
    difference.parameters = b.parameters - a.parameters;
    difference.macs = b.macs - a.macs;
    noteRest();
    if (difference.isEmpty() && a.digest != b.digest)
      difference.changes.push_back({"", "what is computed", "one", "another", false});
    return std::move(difference);
  }

private:
  void note(std::string what, std::string before, std::string after) {
    if (before != after)
      difference.changes.push_back({"", std::move(what), std::move(before), std::move(after), false});
  }

  void compareEnds() {
    for (size_t i = 0; i < std::max(a.inputs.size(), b.inputs.size()); ++i) {
      auto text = [&](const LayerTable &table) {
        return i < table.inputs.size() ? table.inputNames[i] + " " + shapeText(table.inputs[i]) : "";
      };
      note("input", text(a), text(b));
    }
    note("classes", std::to_string(a.classes), std::to_string(b.classes));
  }

  /// Returns the names of what a layer takes. Layers that take each other's place have one name, A's.
  std::vector<std::string> sourcesOf(const Layer &layer, bool isB) const {
    const LayerTable &table = isB ? b : a;
    std::vector<std::string> names;
    for (int64_t source : layer.sources) {
      if (source < 0)
        names.push_back("input " + table.inputNames[-1 - source]);
      else if (auto found = partner.find(source); isB && found != partner.end())
        names.push_back(a.layers[found->second].name);
      else
        names.push_back(table.layers[source].name);
    }
    std::ranges::sort(names);
    return names;
  }

  void compareLayers(const LayerPair &pair) {
    LayerDifference found = {pair, {}, 0, 0};
    const Layer *one = pair.a ? &a.layers[*pair.a] : nullptr, *other = pair.b ? &b.layers[*pair.b] : nullptr;
    if (one && other) {
      found.changes = LayerComparison(*one, *other).compare();
      std::vector<std::string> before = sourcesOf(*one, false), after = sourcesOf(*other, true);
      if (before != after)
        found.changes.push_back({"", "takes", fmt::format("{}", fmt::join(before, ", ")),
                                 fmt::format("{}", fmt::join(after, ", ")), false});
    }
    for (auto [layer, sign] : {std::pair(one, -1), std::pair(other, 1)})
      if (layer) {
        found.parameters += sign * layer->parameters;
        found.macs += sign * layer->macs;
      }
    summed += found.parameters;
    if (!one || !other || !found.changes.empty() || found.parameters || found.macs)
      difference.layers.push_back(std::move(found));
  }

  /// Trained numbers may belong to no layer.
  void noteRest() {
    if (int64_t rest = difference.parameters - summed)
      difference.changes.push_back({"", "parameters of no layer", "0", std::to_string(rest), false});
  }

  const LayerTable &a, &b;
  NetworkDifference difference;
  std::vector<LayerPair> pairs;
  std::map<int64_t, size_t> partner; // the layer of A, by that of B
  int64_t summed = 0;                // of the layers' differences
};

} // namespace

NetworkDifference inspect::compareNetworks(const LayerTable &a, const LayerTable &b) {
  return NetworkComparison(a, b).compare();
}

//===-- For people --------------------------------------------------------===//

/// Returns a difference with its sign: "+1,234".
static std::string signedText(int64_t value) {
  return value == 0 ? "" : (value > 0 ? "+" : "") + grouped(value);
}

static std::string textOf(const Change &change) {
  std::string text = change.part.empty() ? "" : change.part + " ";
  text += change.what + " ";
  if (change.a.empty())
    return text + change.b + " in B alone";
  return text + change.a + (change.b.empty() ? " in A alone" : " -> " + change.b);
}

/// Returns what a layer is, for a network that has it alone: "conv3d 64x16x56x56, kernel 3x3x3".
static std::string describe(const Layer &layer) {
  std::string text = layer.kind + " " + shapeText(layer.out);
  for (const LayerPart &part : layer.parts)
    if (!part.kernel.empty())
      text += ", " + (part.name.empty() ? "" : part.name + " ") + part.kernel;
  if (layer.mid)
    text += fmt::format(", mid {}", layer.mid);
  return text;
}

namespace {

/// Lists minor changes that many layers have once, with the layers.
class Repeated {
public:
  explicit Repeated(const NetworkDifference &difference) : difference(difference) {
    for (const LayerDifference &found : difference.layers)
      for (const Change &change : found.changes)
        if (change.isMinor) {
          auto &layers = layersOf[keyOf(change)];
          if (layers.empty() || layers.back() != *found.layers.a)
            layers.push_back(*found.layers.a);
        }
  }

  bool has(const Change &change) const {
    auto found = layersOf.find(keyOf(change));
    return change.isMinor && found != layersOf.end() && found->second.size() >= least;
  }

  std::string text() const {
    std::string text;
    for (const auto &[what, layers] : layersOf)
      if (layers.size() >= least)
        text += fmt::format("in {} layers ({}, {} and others): {}\n", layers.size(), nameOf(layers[0]),
                            nameOf(layers[1]), what);
    return text;
  }

private:
  static constexpr size_t least = 4;

  static std::string keyOf(const Change &change) {
    return textOf({"", change.what, change.a, change.b, change.isMinor});
  }
  const std::string &nameOf(size_t layer) const { return difference.a.layers[layer].name; }

  const NetworkDifference &difference;
  std::map<std::string, std::vector<size_t>> layersOf; // rows of A, by the change
};

using Line = std::array<std::string, 4>; // layer, parameters, macs, what differs

} // namespace

static std::vector<Line> linesOf(const NetworkDifference &difference, const Repeated &repeated) {
  std::vector<Line> lines = {{"layer", "parameters", "macs", "what differs, A -> B"}};
  for (const LayerDifference &found : difference.layers) {
    const auto &[a, b] = found.layers;
    std::vector<std::string> what;
    if (!b)
      what = {"in A alone: " + describe(difference.a.layers[*a])};
    if (!a)
      what = {"in B alone: " + describe(difference.b.layers[*b])};
    for (const Change &change : found.changes)
      if (!repeated.has(change))
        what.push_back(textOf(change));
    if (what.empty() && !found.parameters && !found.macs)
      continue;
    const Layer &layer = a ? difference.a.layers[*a] : difference.b.layers[*b];
    lines.push_back({layer.name, signedText(found.parameters), signedText(found.macs),
                     fmt::format("{}", fmt::join(what, "; "))});
  }
  if (lines.size() > 1)
    lines.push_back({"total", signedText(difference.parameters), signedText(difference.macs), ""});
  return lines;
}

std::string inspect::toText(const NetworkDifference &difference) {
  const LayerTable &a = difference.a, &b = difference.b;
  std::string text = fmt::format("{:<10}  {:>20}  {:>20}  {:>20}\n", "", "A", "B", "B less A");
  for (auto [what, one, other] : {std::tuple("layers", int64_t(a.layers.size()), int64_t(b.layers.size())),
                                  {"parameters", a.parameters, b.parameters},
                                  {"macs", a.macs, b.macs}})
    text += fmt::format("{:<10}  {:>20}  {:>20}  {:>20}\n", what, grouped(one), grouped(other),
                        one == other ? "0" : signedText(other - one));
  for (const Change &change : difference.changes)
    text += textOf(change) + "\n";
  Repeated repeated(difference);
  std::vector<Line> lines = linesOf(difference, repeated);
  if (lines.size() > 1) {
    std::array<size_t, 3> width = {};
    for (const Line &line : lines)
      for (size_t i = 0; i < width.size(); ++i)
        width[i] = std::max(width[i], line[i].size());
    text += "\n";
    for (const auto &[layer, parameters, macs, what] : lines) {
      std::string line = fmt::format("{:<{}}  {:>{}}  {:>{}}  {}", layer, width[0], parameters, width[1],
                                     macs, width[2], what);
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
  }
  const std::string often = repeated.text();
  return often.empty() ? text : text + "\n" + often;
}

//===-- For programs ------------------------------------------------------===//

static nlohmann::json toJson(const std::vector<Change> &changes) {
  nlohmann::json list = nlohmann::json::array();
  for (const Change &change : changes) {
    auto side = [](const std::string &text) {
      return text.empty() ? nlohmann::json() : nlohmann::json(text);
    };
    list.push_back(
        {{"part", change.part}, {"what", change.what}, {"a", side(change.a)}, {"b", side(change.b)}});
  }
  return list;
}

nlohmann::json inspect::toJson(const NetworkDifference &difference) {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerDifference &found : difference.layers) {
    auto name = [](const LayerTable &table, std::optional<size_t> layer) {
      return layer ? nlohmann::json(table.layers[*layer].name) : nlohmann::json();
    };
    layers.push_back({{"a", name(difference.a, found.layers.a)},
                      {"b", name(difference.b, found.layers.b)},
                      {"changes", ::toJson(found.changes)},
                      {"parameters", found.parameters},
                      {"macs", found.macs}});
  }
  auto count = [](int64_t a, int64_t b) { return nlohmann::json{{"a", a}, {"b", b}, {"difference", b - a}}; };
  return {{"network", ::toJson(difference.changes)},
          {"layers", layers},
          {"parameters", count(difference.a.parameters, difference.b.parameters)},
          {"macs", count(difference.a.macs, difference.b.macs)}};
}
