#include "dialects/Kernel/Twins.h"

using namespace mlir;
using namespace kinema;

static constexpr char attributeName[] = "kernel.twins";

void kernel::setTwins(LaunchOp launch, ArrayRef<TwinLaunch> twins) {
  Builder b(launch.getContext());
  SmallVector<Attribute> list;
  for (const TwinLaunch &twin : twins)
    list.push_back(
        b.getDictionaryAttr({b.getNamedAttr("kernel", FlatSymbolRefAttr::get(b.getContext(), twin.kernel)),
                             b.getNamedAttr("args", b.getDenseI64ArrayAttr(twin.args))}));
  launch->setAttr(attributeName, b.getArrayAttr(list));
}

bool kernel::hasTwins(LaunchOp launch) { return launch->hasAttr(attributeName); }

FailureOr<SmallVector<kernel::TwinLaunch>> kernel::twinsOf(LaunchOp launch) {
  SmallVector<TwinLaunch> twins;
  Attribute attribute = launch->getAttr(attributeName);
  if (!attribute)
    return twins;
  auto list = dyn_cast<ArrayAttr>(attribute);
  for (Attribute item : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto fields = dyn_cast<DictionaryAttr>(item);
    auto kernel = fields ? fields.getAs<FlatSymbolRefAttr>("kernel") : FlatSymbolRefAttr();
    auto args = fields ? fields.getAs<DenseI64ArrayAttr>("args") : DenseI64ArrayAttr();
    if (kernel && args)
      twins.push_back({kernel.getValue(), SmallVector<int64_t>(args.asArrayRef())});
  }
  if (!list || twins.size() != list.size())
    return launch.emitOpError("has ") << attributeName << " = " << attribute
                                      << ", which is no list of {kernel = @NAME, args = array<i64: ...>}";
  return twins;
}
