#include "dialects/Kernel/Twins.h"

#include "dialects/Kernel/Attributes.h"

using namespace mlir;
using namespace kinema;

void kernel::setTwins(LaunchOp launch, ArrayRef<TwinLaunch> twins) {
  Builder b(launch.getContext());
  SmallVector<Attribute> list;
  for (const TwinLaunch &twin : twins)
    list.push_back(
        b.getDictionaryAttr({b.getNamedAttr("kernel", FlatSymbolRefAttr::get(b.getContext(), twin.kernel)),
                             b.getNamedAttr("args", b.getDenseI64ArrayAttr(twin.args))}));
  launch->setAttr(twinsAttribute, b.getArrayAttr(list));
}

bool kernel::hasTwins(LaunchOp launch) { return launch->hasAttr(twinsAttribute); }

std::optional<SmallVector<kernel::TwinLaunch>> kernel::readTwins(Attribute attribute) {
  auto list = dyn_cast<ArrayAttr>(attribute);
  if (!list)
    return std::nullopt;
  SmallVector<TwinLaunch> twins;
  for (Attribute item : list) {
    auto fields = dyn_cast<DictionaryAttr>(item);
    auto kernel = fields ? fields.getAs<FlatSymbolRefAttr>("kernel") : FlatSymbolRefAttr();
    auto args = fields ? fields.getAs<DenseI64ArrayAttr>("args") : DenseI64ArrayAttr();
    if (!kernel || !args)
      return std::nullopt;
    twins.push_back({kernel.getValue(), SmallVector<int64_t>(args.asArrayRef())});
  }
  return twins;
}

SmallVector<kernel::TwinLaunch> kernel::twinsOf(LaunchOp launch) {
  return hasTwins(launch) ? *readTwins(launch->getAttr(twinsAttribute)) : SmallVector<TwinLaunch>();
}
