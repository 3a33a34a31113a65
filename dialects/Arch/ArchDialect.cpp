#include "dialects/Arch/Arch.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema::arch;

#include "dialects/Arch/ArchDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Arch/ArchAttributes.cpp.inc"

void ArchDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Arch/ArchAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Arch/ArchOps.cpp.inc"
      >();
}

//===-- Places ------------------------------------------------------------===//

Location Places::fuse() const {
  SmallVector<Attribute> all = {head};
  for (const Argument &argument : arguments)
    all.append({argument.name, argument.value});
  MLIRContext *context = statement.getContext();
  return FusedLoc::get(context, {statement}, ArrayAttr::get(context, all));
}

Places Places::of(Operation *op) {
  Location whole = op->getLoc();
  auto fused = dyn_cast<FusedLoc>(whole);
  auto parts = fused ? dyn_cast_or_null<ArrayAttr>(fused.getMetadata()) : ArrayAttr();
  auto isPlace = [](Attribute part) { return isa<LocationAttr>(part); };
  auto call = dyn_cast<CallOp>(op);
  size_t count = call ? call.getArgs().size() : 0;
  if (!parts || parts.size() != 1 + 2 * count || !llvm::all_of(parts, isPlace))
    return {whole, whole, SmallVector<Argument>(count, Argument{whole, whole})};
  auto place = [&](size_t i) { return Location(cast<LocationAttr>(parts[i])); };
  Places places{fused.getLocations().front(), place(0), {}};
  for (size_t i = 0; i < count; ++i)
    places.arguments.push_back({place(1 + 2 * i), place(2 + 2 * i)});
  return places;
}
