#include "compiler/Expand/Network.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Formula.h"
#include "dialects/Clip/Layers.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

std::optional<int64_t> expansion::countElements(ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t size : shape) {
    std::optional<int64_t> product = llvm::checkedMul(elements, size);
    if (!product || *product > maxElements)
      return std::nullopt;
    elements = *product;
  }
  return elements;
}

Network::Network(ModuleOp module) : module(module), builder(module.getBodyRegion()) {
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, module.getLoc(), "forward", builder.getFunctionType({}, {}));
  function.addEntryBlock();
}

Value Network::addInput(StringRef kind, StringRef path, ArrayRef<int64_t> shape, int64_t every,
                        Location where) {
  auto isTaken = [&](StringRef name) {
    return llvm::any_of(inputs, [&](Attribute input) {
      return cast<DictionaryAttr>(input).getAs<StringAttr>("name").getValue() == name;
    });
  };
  // Two inputs of one kind are told apart by the stream they stand in.
  std::string name = isTaken(kind) ? (path + kind).str() : kind.str();
  for (unsigned number = 2; isTaken(name); ++number)
    name = (path + kind + Twine(number)).str();

  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto nameAttr = builder.getStringAttr(name);
  Value input = function.getBody().front().addArgument(type, NameLoc::get(nameAttr, where));
  NamedAttrList facts;
  facts.append("name", nameAttr);
  facts.append("kind", builder.getStringAttr(kind));
  facts.append("shape", builder.getI64ArrayAttr(shape));
  if (every > 1)
    facts.append("every", builder.getI64IntegerAttr(every));
  inputs.push_back(facts.getDictionary(module.getContext()));
  return input;
}

clip::ParamOp Network::addParameter(StringRef name, ArrayRef<int64_t> shape, StringRef role,
                                    DictionaryAttr init, Location where) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  builder.setInsertionPoint(function);
  auto parameter = clip::ParamOp::create(builder, where, name, type, role, init, DenseI64ArrayAttr(),
                                         /*frozen=*/false);
  parameters[name] = parameter;
  return parameter;
}

Value Network::read(clip::ParamOp parameter) {
  clip::ReadOp &known = reads[parameter.getSymName()];
  if (known)
    return known;
  Block &entry = function.getBody().front();
  if (lastRead)
    builder.setInsertionPointAfter(lastRead);
  else
    builder.setInsertionPointToStart(&entry);
  auto read =
      clip::ReadOp::create(builder, NameLoc::get(parameter.getSymNameAttr(), parameter.getLoc()),
                           parameter.getTensorType(), FlatSymbolRefAttr::get(parameter.getSymNameAttr()));
  lastRead = known = read;
  ++operationCount;
  return read;
}

std::string Network::uniqueName(Counts &counts, StringRef name) {
  unsigned count = ++counts[name];
  if (count == 1)
    return name.str();
  return uniqueName(counts, (name + Twine(count)).str());
}

void Network::addLayer(StringRef name, StringRef kind, const Place &place) {
  NamedAttrList facts;
  facts.append("name", builder.getStringAttr(name));
  facts.append("kind", builder.getStringAttr(kind));
  if (!place.block.empty())
    facts.append("block", builder.getStringAttr(place.block));
  if (place.copy)
    facts.append("copy", builder.getI64IntegerAttr(*place.copy));
  if (!place.stream.empty())
    facts.append("stream", builder.getStringAttr(place.stream));
  layers.push_back(facts.getDictionary(module.getContext()));
}

Value Network::createUnary(Location where, StringRef operation, Value operand) {
  ++operationCount;
  OperationState state(where, operation, operand, operand.getType());
  return operations().create(state)->getResult(0);
}

Value Network::createMap(Location where, ValueRange operands, RankedTensorType type, bool kept,
                         llvm::function_ref<Value(clip::Formula &, ValueRange)> write) {
  ++operationCount;
  return clip::createMap(operations(), where, operands, type, kept, write);
}

void Network::finish(Value logits, ArrayRef<std::pair<std::string, Value>> losses, StringRef name,
                     Location where) {
  SmallVector<Value> results = {logits};
  llvm::append_range(results, llvm::make_second_range(losses));
  func::ReturnOp::create(operations(), where, results);
  function.setFunctionType(
      builder.getFunctionType(function.getBody().front().getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [index, input] : llvm::enumerate(inputs)) {
    auto facts = cast<DictionaryAttr>(input);
    function.setArgAttr(index, clip::inputAttribute, facts.get("kind"));
    function.setArgAttr(index, clip::nameAttribute, facts.get("name"));
  }
  function.setResultAttr(0, clip::nameAttribute, builder.getStringAttr("logits"));
  for (auto [i, loss] : llvm::enumerate(losses))
    function.setResultAttr(i + 1, clip::nameAttribute, builder.getStringAttr("loss." + loss.first));

  auto type = cast<RankedTensorType>(logits.getType());
  module->setAttr(clip::networkAttribute,
                  builder.getDictionaryAttr(
                      {builder.getNamedAttr("name", builder.getStringAttr(name)),
                       builder.getNamedAttr("batch", builder.getI64IntegerAttr(type.getDimSize(0))),
                       builder.getNamedAttr("classes", builder.getI64IntegerAttr(type.getDimSize(1))),
                       builder.getNamedAttr("inputs", builder.getArrayAttr(inputs))}));
  module->setAttr(clip::layersAttribute, builder.getArrayAttr(layers));
}

std::vector<StringRef> Network::layerNames() const {
  std::vector<StringRef> names;
  for (Attribute layer : layers)
    names.push_back(cast<DictionaryAttr>(layer).getAs<StringAttr>("name").getValue());
  return names;
}

bool Network::addFeatures(StringRef layer) {
  if (!clip::Layers(builder.getArrayAttr(layers)).valueIn(function.getBody().front(), layer))
    return false;
  SmallVector<Attribute> names;
  if (auto before = module->getAttrOfType<ArrayAttr>(clip::featuresAttribute))
    llvm::append_range(names, before);
  if (StringAttr name = builder.getStringAttr(layer); !llvm::is_contained(names, name))
    names.push_back(name);
  module->setAttr(clip::featuresAttribute, builder.getArrayAttr(names));
  return true;
}
