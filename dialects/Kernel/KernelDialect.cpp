#include "dialects/Kernel/Kernel.h"

#include "dialects/Kernel/Attributes.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

#include "dialects/Kernel/KernelDialect.cpp.inc"
#include "dialects/Kernel/KernelEnums.cpp.inc"
#include "dialects/Kernel/KernelInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttributes.cpp.inc"

namespace {
/// Layouts recur in every type: dumps name them once (#blocked8, #weight8x4).
struct KernelAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    auto layout = dyn_cast<LayoutAttr>(attribute);
    if (!layout)
      return AliasResult::NoAlias;
    os << stringifyLayoutKind(layout.getKind());
    if (layout.getBlock() != 1)
      os << layout.getBlock();
    if (layout.getReduce() != 1)
      os << "x" << layout.getReduce();
    return AliasResult::FinalAlias;
  }
};
} // namespace

TargetAttr TargetAttr::of(Operation *operation) {
  for (; operation; operation = operation->getParentOp())
    if (auto target = operation->getAttrOfType<TargetAttr>(targetAttribute))
      return target;
  return {};
}

void kernel::emitTargetError(Operation *at, TargetAttr target, ArrayRef<StringRef> names) {
  auto error = at->emitError();
  if (target)
    error << "the module is for " << target << "; here";
  else
    error << "the module has no " << targetAttribute << ", which says what machine it is for; here";
  error << " it can be for ";
  llvm::interleaveComma(names, error);
}

LogicalResult KernelDialect::verifyOperationAttribute(Operation *operation, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  auto expect = [&](bool right, StringRef what) -> LogicalResult {
    if (right)
      return success();
    return operation->emitOpError("has the attribute ") << name << " = " << value << ", expected " << what;
  };
  bool isModule = operation->hasTrait<OpTrait::SymbolTable>();
  if (name == targetAttribute)
    return expect(isModule && isa<TargetAttr>(value),
                  "a target such as #kernel.target<cuda \"sm_90a\"> on a module");
  if (name == planAttribute)
    return expect(isModule && isa<DictionaryAttr>(value), "a dictionary on a module");
  if (name == noteAttribute)
    return expect(isa<StringAttr>(value), "a string");
  if (name == measuredAttribute)
    return expect(isa<FloatAttr>(value), "seconds, a number");
  return success();
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t grid,
                                   int64_t scratch, DictionaryAttr parameters) {
  if (grid < 1 || scratch < 0)
    return emitError() << "the schedule " << name << " has a grid of " << grid << " blocks and " << scratch
                       << " bytes of scratch, expected at least 1 and 0";
  for (NamedAttribute parameter : parameters)
    if (auto value = dyn_cast<IntegerAttr>(parameter.getValue()); !value || !value.getType().isInteger(64))
      return emitError() << "the schedule " << name << " has the parameter " << parameter.getName() << " = "
                         << parameter.getValue() << ", expected a whole number of 64 bits";
  return success();
}

void KernelDialect::initialize() {
  addInterfaces<KernelAliases>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/KernelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/KernelOps.cpp.inc"
      >();
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, LayoutKind kind, int64_t block,
                                 int64_t reduce) {
  constexpr int64_t most = 4096; // beyond any machine's vectors; sizes stay far from overflow
  if (block > most || reduce > most)
    return emitError() << "blocks of a layout are at most " << most << ", found block = " << block
                       << " and reduce = " << reduce;
  if (block < 1 || reduce < 1)
    return emitError() << "blocks of a layout are at least 1, found block = " << block
                       << " and reduce = " << reduce;
  if (kind == LayoutKind::Taps && block % reduce != 0)
    return emitError() << "a block of " << block << " has no room for whole taps of " << reduce
                       << " channels";
  if ((kind == LayoutKind::Pairs || kind == LayoutKind::PairsTransposed) && reduce % 2 != 0)
    return emitError() << "blocks of " << reduce << " channels do not come in pairs";
  return success();
}

/// The loops of a weight [O, I, T, H, W] whose axis `vector` is stored in vectors and axis `reduce` in
/// blocks.
static SmallVector<StorageLoop> weightOrder(ArrayRef<int64_t> s, int64_t first, int vector, int reduce,
                                            int64_t block, int64_t reduceBlock) {
  SmallVector<StorageLoop> loops;
  loops.push_back({first + vector, shape::ceilDiv(s[vector], block), block});
  loops.push_back({first + reduce, shape::ceilDiv(s[reduce], reduceBlock), reduceBlock});
  for (int axis = 2; axis < 5; ++axis)
    loops.push_back({first + axis, s[axis], 1});
  if (reduceBlock > 1) // two loops of the same step would be two places for one coordinate
    loops.push_back({first + reduce, reduceBlock, 1});
  loops.push_back({first + vector, block, 1});
  return loops;
}

/// The same, with pairs of the axis `reduce` innermost.
static SmallVector<StorageLoop> pairsOrder(ArrayRef<int64_t> s, int64_t first, int vector, int reduce,
                                           int64_t block, int64_t reduceBlock) {
  auto loops = weightOrder(s, first, vector, reduce, block, reduceBlock);
  loops[loops.size() - 2] = {first + reduce, reduceBlock / 2, 2};
  loops.push_back({first + reduce, 2, 1});
  return loops;
}

/// The loops of a weight [O, I, T, H, W] in Winograd's form: as weightOrder, but H and W are outermost.
static SmallVector<StorageLoop> pointsOrder(ArrayRef<int64_t> s, int64_t first, int vector, int reduce,
                                            int64_t block, int64_t reduceBlock) {
  auto loops = weightOrder(s, first, vector, reduce, block, reduceBlock);
  constexpr int height = 3; // where it stands among the loops
  std::rotate(loops.begin(), loops.begin() + height, loops.begin() + height + 2);
  return loops;
}

/// The loops of a weight [O, I, T, H, W]: a matrix for each tap, axis `reduce` in blocks; or for each group
/// of `together` taps of a row, whose number is made even.
static SmallVector<StorageLoop> tapsOrder(ArrayRef<int64_t> s, int64_t first, int column, int reduce,
                                          int64_t block, int64_t together) {
  constexpr int width = 4; // axis
  int64_t groups = shape::ceilDiv(s[width], together), channels = block / together;
  SmallVector<StorageLoop> loops;
  for (int axis = 2; axis < width; ++axis)
    loops.push_back({first + axis, s[axis], 1});
  loops.push_back({first + width, together == 1 ? groups : shape::roundUp(groups, 2), together});
  loops.push_back({first + reduce, shape::ceilDiv(s[reduce], channels), channels});
  loops.push_back({first + column, shape::roundUp(s[column], block), 1});
  if (together > 1)
    loops.push_back({first + width, together, 1});
  loops.push_back({first + reduce, channels, 1});
  return loops;
}

SmallVector<StorageLoop> LayoutAttr::order(ArrayRef<int64_t> s) const {
  SmallVector<StorageLoop> loops;
  int64_t block = getBlock(), rank = s.size();
  auto plain = [&](int64_t from, int64_t to) {
    for (int64_t axis = from; axis < to; ++axis)
      loops.push_back({axis, s[axis], 1});
  };
  bool isWeight = getKind() != LayoutKind::Plain && getKind() != LayoutKind::Blocked;
  if (rank < (isWeight ? 5 : 1)) { // no weight: as it is
    plain(0, rank);
    return loops;
  }
  switch (getKind()) {
  case LayoutKind::Plain:
    plain(0, rank);
    break;
  case LayoutKind::Blocked: {
    // Activations block their axis 1, channel vectors (and partials of them) their last one.
    int64_t axis = rank == 5 ? 1 : rank - 1;
    plain(0, axis);
    loops.push_back({axis, shape::ceilDiv(s[axis], block), block});
    plain(axis + 1, rank);
    loops.push_back({axis, block, 1});
    break;
  }
  case LayoutKind::Weight:
  case LayoutKind::WeightTransposed:
  case LayoutKind::Points:
  case LayoutKind::PointsTransposed:
  case LayoutKind::Pairs:
  case LayoutKind::PairsTransposed: {
    LayoutKind kind = getKind();
    int64_t first = rank - 5;
    plain(0, first);
    bool transposed = kind == LayoutKind::WeightTransposed || kind == LayoutKind::PointsTransposed ||
                      kind == LayoutKind::PairsTransposed;
    auto *orderOf = kind == LayoutKind::Points || kind == LayoutKind::PointsTransposed ? pointsOrder
                    : kind == LayoutKind::Pairs || kind == LayoutKind::PairsTransposed ? pairsOrder
                                                                                       : weightOrder;
    loops.append(
        orderOf(s.drop_front(first), first, transposed ? 1 : 0, transposed ? 0 : 1, block, getReduce()));
    break;
  }
  case LayoutKind::Taps:
  case LayoutKind::TapsTransposed: {
    int64_t first = rank - 5;
    plain(0, first);
    bool transposed = getKind() == LayoutKind::TapsTransposed;
    loops.append(tapsOrder(s.drop_front(first), first, transposed ? 1 : 0, transposed ? 0 : 1, block,
                           getTapsTogether()));
    break;
  }
  }
  return loops;
}

int64_t LayoutAttr::getTapsTogether() const {
  return getKind() == LayoutKind::Taps && getReduce() > 1 ? getBlock() / getReduce() : 1;
}

int64_t LayoutAttr::storedElements(ArrayRef<int64_t> s) const {
  int64_t elements = 1;
  for (const StorageLoop &loop : order(s))
    elements *= loop.size;
  return elements;
}

int64_t ScheduleAttr::getInt(StringRef key) const {
  return cast<IntegerAttr>(getParameters().get(key)).getInt();
}

ScheduleAttr kinema::kernel::scheduleOf(Operation *kernel) {
  auto launchable = dyn_cast<LaunchableOp>(kernel);
  return launchable ? launchable.getScheduleAttr() : ScheduleAttr();
}

LayoutAttr kinema::kernel::layoutOf(RankedTensorType type) {
  if (auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    return layout;
  return LayoutAttr::get(type.getContext(), LayoutKind::Plain, 1, 1);
}

int64_t kinema::kernel::storedBytes(RankedTensorType type) {
  return layoutOf(type).storedElements(type.getShape()) * type.getElementTypeBitWidth() / 8;
}
