#include "dialects/Clip/Params.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace kinema;

clip::ParamOp clip::paramOf(ReadOp read) {
  return read->getParentOfType<ModuleOp>().lookupSymbol<ParamOp>(read.getParam());
}

clip::ParamOp clip::declareParam(ParamOp after, StringRef name, RankedTensorType type, StringRef role,
                                 DictionaryAttr init) {
  if (auto param = after->getParentOfType<ModuleOp>().lookupSymbol<ParamOp>(name))
    return param;
  OpBuilder builder(after->getContext());
  builder.setInsertionPointAfter(after);
  return ParamOp::create(builder, after.getLoc(), name, type, role, init, /*file_shape=*/nullptr);
}
