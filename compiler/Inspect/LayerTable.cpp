#include "compiler/Inspect/LayerTable.h"
#include "dialects/Clip/Attributes.h"

#include "dialects/Clip/Clip.h"
#include "dialects/Clip/Layers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

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
    }
  }

  Layer *find(clip::ParamOp param) { return row(known.find(param.getSymName())); }
  Layer *find(Operation &op) { return row(known.of(op)); }

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

static void addOperation(Operation &op, Layer &row, int64_t clips) {
  Value x = op.getOperand(0), y = op.getResult(0);
  if (row.in.empty())
    row.in = clipShape(x.getType());
  row.out = clipShape(y.getType());
  row.macs += macsOf(op, clips);
  if (clip::keepsResult(&op)) // other values are computed again where they are read
    row.activationBytes += tensorOf(y).getNumElements() / clips * 4;
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

static void addParameters(ModuleOp module, Rows &rows, LayerTable &table) {
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (!param.isTrained())
      continue;
    int64_t count = param.getTensorType().getNumElements();
    table.parameters += count;
    Layer *row = rows.find(param);
    const bool isLearnedTensor = row && row->kind == "param";
    table.weights += param.getRole() == "weight" && !isLearnedTensor ? count : 0;
    if (row)
      row->parameters += count;
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
  for (Type input : forward.getArgumentTypes())
    table.inputs.push_back(clipShape(input));
  Rows rows(facts, table.layers);
  llvm::StringMap<clip::ConvOp> previousConv;
  for (Operation &op : forward.getBody().front()) {
    Layer *row = rows.find(op);
    if (!row)
      continue;
    addOperation(op, *row, table.batch);
    if (auto conv = dyn_cast<clip::ConvOp>(op))
      noteMid(conv, *row, previousConv);
    table.macs += macsOf(op, table.batch);
  }
  for (const Layer &layer : table.layers)
    table.activationBytes += layer.activationBytes;
  addParameters(module, rows, table);
  return table;
}

//===-- For people --------------------------------------------------------===//

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

/// Returns 12345678 as "12,345,678".
static std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (int64_t place = static_cast<int64_t>(digits.size()) - 3; place > 0; place -= 3)
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
