#include "compiler/Inspect/LayerTable.h"
#include "dialects/Clip/Attributes.h"

#include "dialects/Clip/Clip.h"
#include "dialects/Clip/Layers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <set>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;

static std::vector<int64_t> clipShape(Type type) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape().drop_front();
  return {shape.begin(), shape.end()};
}

namespace {

/// Assigns operations and parameters to the rows of `clip.layers`. Returns null for those of no row.
class Rows {
public:
  Rows(ArrayAttr facts, std::vector<Layer> &layers) : layers(layers), known(facts) {
    for (auto layer : facts.getAsRange<DictionaryAttr>()) {
      Layer &row = layers.emplace_back();
      row.name = layer.getAs<StringAttr>("name").str();
      row.kind = layer.getAs<StringAttr>("kind").str();
      if (auto block = layer.getAs<StringAttr>("block"))
        row.block = block.str();
      if (auto stream = layer.getAs<StringAttr>("stream"))
        row.stream = stream.str();
      if (auto copy = layer.getAs<IntegerAttr>("copy"))
        row.copy = copy.getInt();
    }
  }

  Layer *find(clip::ParamOp param) { return row(known.find(param.getSymName())); }
  Layer *find(Operation &op) { return row(known.of(op)); }
  int64_t numberOf(const Layer &layer) const { return &layer - layers.data(); }

private:
  std::vector<Layer> &layers;
  clip::Layers known;

  Layer *row(std::optional<size_t> number) { return number ? &layers[*number] : nullptr; }
};

} // namespace

/// Returns the multiply-adds of an operation for one of so many clips. Heads and windows may have become
/// clips of their own.
static int64_t macsOf(Operation &op, int64_t clips) {
  auto contraction = dyn_cast<clip::ContractionOp>(op);
  return contraction ? contraction.getMacs() / clips : 0;
}

/// Returns the bytes of what an operation stores for one of so many clips. Values that are not kept are
/// computed again where they are read.
static int64_t storedBytesOf(Operation &op, int64_t clips) {
  return clip::keepsResult(&op) ? tensorOf(op.getResult(0)).getNumElements() / clips * 4 : 0;
}

static void addOperation(Operation &op, Layer &row, int64_t clips) {
  Value x = op.getOperand(0), y = op.getResult(0);
  if (row.in.empty())
    row.in = clipShape(x.getType());
  row.out = clipShape(y.getType());
  row.macs += macsOf(op, clips);
  row.activationBytes += storedBytesOf(op, clips);
}

/// Notes the channels between a conv in space and one in time, where both are in one row.
static void noteMid(clip::ConvOp conv, Layer &row, llvm::StringMap<clip::ConvOp> &previous) {
  clip::ConvOp &first = previous[row.name];
  if (first) {
    shape::Size3 a = first.getWindow().getWindow().kernel, b = conv.getWindow().getWindow().kernel;
    if (a[0] == 1 && b[1] == 1 && b[2] == 1)
      row.mid = clipShape(first.getType()).front();
  }
  first = conv;
}

//===-- What layers are made of -------------------------------------------===//

/// Returns an attribute in words: `0.001`, `he_normal fan out`.
static std::string wordsOf(Attribute attribute) {
  if (auto text = dyn_cast<StringAttr>(attribute))
    return text.str();
  if (auto number = dyn_cast<IntegerAttr>(attribute))
    return number.getType().isInteger(1) ? number.getInt() ? "on" : "off" : std::to_string(number.getInt());
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return fmt::format("{}", number.getValueAsDouble());
  if (isa<UnitAttr>(attribute))
    return "on";
  if (auto sizes = dyn_cast<DenseI64ArrayAttr>(attribute))
    return shapeText(sizes);
  std::string text;
  llvm::raw_string_ostream os(text);
  attribute.print(os);
  return text;
}

/// Returns the initialisation {fan = "out", kind = "he_normal"} as "he_normal fan out".
static std::string initialisationOf(DictionaryAttr init) {
  std::string text = wordsOf(init.get("kind"));
  for (NamedAttribute entry : init)
    if (entry.getName() != "kind")
      text += " " + entry.getName().str() + " " + wordsOf(entry.getValue());
  return text;
}

static void addWindow(shape::Window window, LayerPart &part) {
  part.kernel = shapeText(window.kernel);
  part.settings.emplace_back("stride", shapeText(window.stride));
  std::string padding = shapeText(window.padLow);
  if (window.padHigh != window.padLow)
    padding += " and " + shapeText(window.padHigh) + " behind";
  part.settings.emplace_back("padding", padding);
  part.settings.emplace_back("dilation", shapeText(window.dilation));
}

/// Returns the name of a layer's operation or parameter behind that of the layer.
static std::string nameInside(StringRef name, StringRef layer) {
  return name.consume_front(layer) && name.consume_front(".") ? name.str() : "";
}

static LayerPart partOf(Operation &op, StringRef layer) {
  LayerPart part;
  part.name = nameInside(cast<NameLoc>(op.getLoc()).getName(), layer);
  part.op = op.getName().stripDialect().str();
  part.contracts = isa<clip::ContractionOp>(op);
  part.channels = clipShape(op.getResult(0).getType()).front();
  for (NamedAttribute attribute : op.getAttrs()) {
    if (auto window = dyn_cast<clip::WindowAttr>(attribute.getValue()))
      addWindow(window.getWindow(), part);
    else if (!isa<SymbolRefAttr>(attribute.getValue())) // a symbol is the name of a parameter
      part.settings.emplace_back(attribute.getName().str(), wordsOf(attribute.getValue()));
  }
  std::string formula;
  llvm::raw_string_ostream os(formula);
  for (Region &region : op.getRegions())
    for (Operation &inner : region.getOps())
      inner.print(os, OpPrintingFlags().useLocalScope());
  if (!formula.empty())
    part.settings.emplace_back("formula", formula);
  return part;
}

namespace {

/// Finds the layers and inputs that values come from, in the order of the operations.
class Sources {
public:
  explicit Sources(Block &block) {
    for (BlockArgument input : block.getArguments())
      of[input] = {-1 - int64_t(input.getArgNumber())};
  }

  /// Returns those that an operation's operands come from. Its results come from them as well where it
  /// belongs to no layer, else from that layer.
  std::set<int64_t> add(Operation &op, std::optional<int64_t> layer) {
    std::set<int64_t> sources;
    for (Value operand : op.getOperands())
      sources.insert(of[operand].begin(), of[operand].end());
    for (Value result : op.getResults())
      of[result] = layer ? std::set<int64_t>{*layer} : sources;
    return sources;
  }

private:
  llvm::DenseMap<Value, std::set<int64_t>> of;
};

} // namespace

static void addParameters(ModuleOp module, Rows &rows, LayerTable &table) {
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (!param.isTrained())
      continue;
    int64_t count = param.getTensorType().getNumElements();
    table.parameters += count;
    Layer *row = rows.find(param);
    const bool isLearnedTensor = row && row->kind == "param";
    table.weights += param.getRole() == "weight" && !isLearnedTensor ? count : 0;
    if (!row)
      continue;
    row->parameters += count;
    if (DictionaryAttr init = param.getInitAttr())
      row->initialisations.emplace_back(nameInside(param.getSymName(), row->name), initialisationOf(init));
  }
}

FailureOr<LayerTable> inspect::describeNetwork(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  auto network = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute);
  auto facts = module->getAttrOfType<ArrayAttr>(clip::layersAttribute);
  if (!forward || !network || !facts || !network.getAs<IntegerAttr>("batch"))
    return module.emitError("is no network in the phase clip: no @forward, or no facts about its layers");

  LayerTable table;
  table.name = network.getAs<StringAttr>("name").str();
  table.batch = network.getAs<IntegerAttr>("batch").getInt();
  table.classes = network.getAs<IntegerAttr>("classes").getInt();
  if (auto digest = network.getAs<StringAttr>("digest"))
    table.digest = digest.str();
  for (Type input : forward.getArgumentTypes())
    table.inputs.push_back(clipShape(input));
  for (Attribute input : network.getAs<ArrayAttr>("inputs"))
    table.inputNames.push_back(cast<DictionaryAttr>(input).getAs<StringAttr>("name").str());
  Rows rows(facts, table.layers);
  llvm::StringMap<clip::ConvOp> previousConv;
  std::vector<std::set<int64_t>> takesFrom(table.layers.size());
  Sources sources(forward.getBody().front());
  for (Operation &op : forward.getBody().front()) {
    Layer *row = rows.find(op);
    std::set<int64_t> from = sources.add(op, row ? std::optional(rows.numberOf(*row)) : std::nullopt);
    if (!row)
      continue;
    takesFrom[rows.numberOf(*row)].insert(from.begin(), from.end());
    row->parts.push_back(partOf(op, row->name));
    addOperation(op, *row, table.batch);
    if (auto conv = dyn_cast<clip::ConvOp>(op))
      noteMid(conv, *row, previousConv);
    table.macs += macsOf(op, table.batch);
  }
  for (auto [number, layer] : llvm::enumerate(table.layers)) {
    table.activationBytes += layer.activationBytes;
    takesFrom[number].erase(number);
    layer.sources.assign(takesFrom[number].begin(), takesFrom[number].end());
  }
  addParameters(module, rows, table);
  return table;
}

Costs::Costs(ModuleOp module, const LayerTable &table)
    : table(table), layers(module->getAttrOfType<ArrayAttr>(clip::layersAttribute)) {
  for (auto param : module.getOps<clip::ParamOp>())
    if (param.isTrained())
      trained[param.getSymNameAttr()] = param.getTensorType().getNumElements();
}

Cost Costs::of(ArrayRef<Operation *> operations) const {
  Cost cost;
  llvm::SmallDenseSet<StringAttr> counted; // parameters
  for (Operation *op : operations) {
    cost.macs += macsOf(*op, table.batch);
    cost.activationBytes += storedBytesOf(*op, table.batch);
    for (Value operand : op->getOperands())
      if (auto read = operand.getDefiningOp<clip::ReadOp>())
        if (StringAttr name = read.getParamAttr().getAttr(); counted.insert(name).second)
          cost.parameters += trained.lookup(name);
    std::optional<size_t> layer = layers.of(*op);
    if (layer && table.layers[*layer].mid && !llvm::is_contained(cost.mids, table.layers[*layer].mid))
      cost.mids.push_back(table.layers[*layer].mid);
  }
  return cost;
}

//===-- For people --------------------------------------------------------===//

std::string inspect::shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

std::string inspect::grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (int64_t place = static_cast<int64_t>(digits.size()) - 3; place > (value < 0); place -= 3)
    digits.insert(place, ",");
  return digits;
}

using Row = std::array<std::string, 8>;

static std::vector<Row> textRows(const LayerTable &table) {
  std::vector<Row> rows = {{"layer", "kind", "in", "out", "mid", "parameters", "macs", "bytes"}};
  for (const Layer &layer : table.layers)
    rows.push_back({layer.name, layer.kind, shapeText(layer.in), shapeText(layer.out),
                    layer.mid ? std::to_string(layer.mid) : "",
                    layer.parameters ? grouped(layer.parameters) : "", layer.macs ? grouped(layer.macs) : "",
                    grouped(layer.activationBytes)});
  rows.push_back({"total", "", "", "", "", grouped(table.parameters), grouped(table.macs),
                  grouped(table.activationBytes)});
  return rows;
}

std::string inspect::toText(const LayerTable &table) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << table.name << ": ";
  llvm::interleaveComma(table.inputs, os, [&](const auto &input) { os << shapeText(input); });
  os << " -> " << table.classes << " classes, batch " << table.batch << "\n";
  std::vector<Row> rows = textRows(table);
  std::array<unsigned, 8> width = {};
  for (const Row &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      width[i] = std::max<unsigned>(width[i], row[i].size());
  for (const Row &row : rows) {
    std::string line;
    llvm::raw_string_ostream cells(line);
    for (size_t i = 0; i < row.size(); ++i)
      cells << (i ? "  " : "")
            << (i < 4 ? llvm::left_justify(row[i], width[i]) : llvm::right_justify(row[i], width[i]));
    os << StringRef(line).rtrim() << "\n";
  }
  os << "parameters: " << grouped(table.parameters)
     << ", of these in convs and fc: " << grouped(table.weights) << "\n";
  os << "macs: " << grouped(table.macs) << " a clip (convs, fc and attention)\n";
  return text;
}

//===-- For programs ------------------------------------------------------===//

nlohmann::json inspect::toJson(const LayerTable &table) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer &layer : table.layers)
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"in", layer.in},
                      {"out", layer.out},
                      {"mid", layer.mid ? nlohmann::json(layer.mid) : nlohmann::json()},
                      {"parameters", layer.parameters},
                      {"macs", layer.macs},
                      {"activation_bytes", layer.activationBytes}});
  return {{"name", table.name},
          {"batch", table.batch},
          {"classes", table.classes},
          {"inputs", table.inputs},
          {"parameters", {{"total", table.parameters}, {"conv_fc", table.weights}}},
          {"macs", table.macs},
          {"activation_bytes", table.activationBytes},
          {"layers", layers}};
}
