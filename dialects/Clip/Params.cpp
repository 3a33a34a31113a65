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

clip::ParamOp clip::declareState(ParamOp parameter, StringRef role) {
  Builder b(parameter->getContext());
  auto zero = b.getDictionaryAttr(
      {b.getNamedAttr("kind", b.getStringAttr("constant")), b.getNamedAttr("value", b.getF64FloatAttr(0.0))});
  return declareParam(parameter, (parameter.getSymName() + "." + role).str(), parameter.getTensorType(), role,
                      zero);
}

StringRef clip::parameterOfState(ParamOp state) {
  StringRef name = state.getSymName();
  return name.consume_back(state.getRole()) && name.consume_back(".") ? name : StringRef();
}
