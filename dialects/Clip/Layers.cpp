#include "dialects/Clip/Layers.h"

#include "dialects/Clip/Clip.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

Layers::Layers(ArrayAttr facts) {
  for (auto layer : facts.getAsRange<DictionaryAttr>())
    numbers.try_emplace(layer.getAs<StringAttr>("name").getValue(), numbers.size());
}

std::optional<size_t> Layers::find(StringRef name) const {
  for (;; name = name.rsplit('.').first) {
    if (auto layer = numbers.find(name); layer != numbers.end())
      return layer->second;
    if (!name.contains('.'))
      return std::nullopt;
  }
}

std::optional<size_t> Layers::of(Operation &operation) const {
  auto name = dyn_cast<NameLoc>(operation.getLoc());
  return name && !isa<ReadOp>(operation) ? find(name.getName()) : std::nullopt;
}

SmallVector<Value> Layers::valuesIn(Block &block) const {
  SmallVector<Value> values(size());
  for (Operation &operation : block)
    if (std::optional<size_t> layer = of(operation))
      values[*layer] = operation.getResult(0);
  return values;
}

Value Layers::valueIn(Block &block, StringRef name) const {
  auto layer = numbers.find(name);
  return layer == numbers.end() ? Value() : valuesIn(block)[layer->second];
}
