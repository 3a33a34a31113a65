// Finds the layers of a network, as its author wrote them, among its operations. A module lists them in
// `clip.layers`; an operation belongs to the layer that its location names, or names a part of.
#ifndef KINEMA_DIALECTS_CLIP_LAYERS_H
#define KINEMA_DIALECTS_CLIP_LAYERS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace kinema::clip {

class Layers {
public:
  /// Takes the module's attribute `clip.layers`.
  explicit Layers(mlir::ArrayAttr facts);

  size_t size() const { return numbers.size(); }
  /// Returns the number of the layer called `name`, or of the one that `name` is a part of.
  std::optional<size_t> find(llvm::StringRef name) const;
  /// Returns the number of the layer that an operation belongs to.
  std::optional<size_t> of(mlir::Operation &operation) const;
  /// Returns what each layer gives, which is the first result of its last operation; null for a layer of
  /// which the block has no operation.
  llvm::SmallVector<mlir::Value> valuesIn(mlir::Block &block) const;
  /// Returns what the layer called `name` gives; null where there is no such layer, or no operation of it.
  mlir::Value valueIn(mlir::Block &block, llvm::StringRef name) const;

private:
  llvm::StringMap<size_t> numbers; // by name
};

} // namespace kinema::clip

#endif
