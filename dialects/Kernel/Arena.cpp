// Verifies the parts of a planned program beside its kernels: the arena and the entries.
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

/// Succeeds if the type has one of these element types and a size that can be computed with.
static LogicalResult verifyTensor(Operation *op, RankedTensorType type, ArrayRef<Type> elements) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  bool fits = llvm::is_contained(elements, type.getElementType());
  fits &= llvm::all_of(type.getShape(), [](int64_t size) { return size >= 1 && size <= most; });
  int64_t bytes = 4;
  if (fits)
    for (const StorageLoop &loop : layoutOf(type).order(type.getShape()))
      fits &= !llvm::MulOverflow(bytes, loop.size, bytes);
  if (fits)
    return success();
  auto error = op->emitOpError("has the type ") << type << ", expected ";
  llvm::interleave(elements, error, " or ");
  return error << " in sizes that an arena can have";
}

static LogicalResult verifyPlace(Operation *op, int64_t offset, int64_t bytes, ArenaOp arena) {
  if (offset < 0 || offset % arenaAlignment != 0)
    return op->emitOpError("lies at ") << offset << ", expected a multiple of " << arenaAlignment;
  if (bytes < 0 || bytes > int64_t(arena.getBytes()) - offset)
    return op->emitOpError("takes ") << bytes << " bytes at " << offset << ", but the arena has "
                                     << arena.getBytes();
  return success();
}

//===-- Buffers -----------------------------------------------------------===//

BufferRole kernel::bufferRoleOf(clip::ParamOp param) {
  return param.isState()                 ? BufferRole::State
         : param.getRole() == "prepared" ? BufferRole::Prepared
                                         : BufferRole::Parameter;
}

static bool isParam(BufferRole role) {
  return role == BufferRole::Parameter || role == BufferRole::State || role == BufferRole::Prepared;
}

int64_t BufferOp::getBytes() { return storedBytes(getTensorType()); }

/// Returns the element types that tensors of the network may have.
static SmallVector<Type> numbers(MLIRContext *context) {
  return {Float32Type::get(context), BFloat16Type::get(context), Float16Type::get(context)};
}

static SmallVector<Type> elementsOf(BufferRole role, MLIRContext *context) {
  bool counts = role == BufferRole::Labels || role == BufferRole::Counters;
  return counts ? SmallVector<Type>{IntegerType::get(context, 32)} : numbers(context);
}

LogicalResult BufferOp::verify() {
  BufferRole role = getRole();
  if (failed(verifyTensor(*this, getTensorType(), elementsOf(role, getContext()))))
    return failure();
  if (role == BufferRole::State && !getOf())
    return emitOpError("is the state of nothing: say of which parameter, `of @NAME`");
  if (role != BufferRole::State && getOf())
    return emitOpError("is `of` ") << getOfAttr() << ", which states alone can be";
  if (role == BufferRole::Input && !getKind())
    return emitOpError("is an input of no kind: say which, `kind \"rgb\"`");
  if (role != BufferRole::Input && getKind())
    return emitOpError("has the `kind` ") << getKindAttr() << ", which inputs alone have";
  if (role == BufferRole::Hyper && !clip::HyperAttr::of(getType()))
    return emitOpError("is ") << getType() << ", expected one f32 a field of a #clip.hyper";
  return success();
}

//===-- The arena ---------------------------------------------------------===//

FailureOr<ArenaOp> ArenaOp::of(ModuleOp module) {
  auto arenas = module.getOps<ArenaOp>();
  if (arenas.empty())
    return module.emitError("the module has no kernel.arena, which says what lies where in memory");
  if (++arenas.begin() != arenas.end())
    return (*++arenas.begin()).emitOpError("is the second one of the module");
  return *arenas.begin();
}

SegmentOp ArenaOp::segment(SegmentKind kind) {
  for (auto segment : getOps<SegmentOp>())
    if (segment.getKind() == kind)
      return segment;
  return {};
}

BufferOp ArenaOp::buffer(BufferRole role) {
  for (auto buffer : getOps<BufferOp>())
    if (buffer.getRole() == role)
      return buffer;
  return {};
}

/// Succeeds if no two operations of this kind share a byte of the arena.
template <typename Op> static LogicalResult verifyApart(ArenaOp arena) {
  auto ops = llvm::filter_to_vector(arena.getOps<Op>(), [](Op op) { return op.getBytes() > 0; });
  llvm::sort(ops, [](Op a, Op b) {
    return a.getOffset() != b.getOffset() ? a.getOffset() < b.getOffset() : a->isBeforeInBlock(b);
  });
  for (size_t i = 1; i < ops.size(); ++i) {
    int64_t end = ops[i - 1].getOffset() + ops[i - 1].getBytes();
    if (int64_t(ops[i].getOffset()) < end) {
      auto error = ops[i].emitOpError("lies at ") << ops[i].getOffset() << ", where another one lies";
      error.attachNote(ops[i - 1].getLoc()) << "this one ends at " << end;
      return error;
    }
  }
  return success();
}

static LogicalResult verifyState(ArenaOp arena, BufferOp state) {
  auto parameter = dyn_cast_or_null<BufferOp>(SymbolTable::lookupSymbolIn(arena, state.getOfAttr()));
  if (!parameter || parameter.getRole() != BufferRole::Parameter)
    return state.emitOpError("is of ") << state.getOfAttr() << ", which is no parameter of the arena";
  if (parameter.getType() != state.getType())
    return state.emitOpError("is ") << state.getType() << ", the parameter " << state.getOfAttr() << " is "
                                    << parameter.getType();
  return success();
}

LogicalResult ArenaOp::verifyRegions() {
  llvm::SmallDenseSet<SegmentKind> segments;
  llvm::SmallDenseSet<BufferRole> single;
  for (Operation &op : getBody().front()) {
    if (auto segment = dyn_cast<SegmentOp>(op)) {
      if (!segments.insert(segment.getKind()).second)
        return op.emitOpError("is the second one of its kind");
      if (failed(verifyPlace(&op, segment.getOffset(), segment.getBytes(), *this)))
        return failure();
      continue;
    }
    auto buffer = dyn_cast<BufferOp>(op);
    if (!buffer)
      return op.emitOpError("stands in an arena, which has segments and buffers alone");
    if (failed(verifyPlace(&op, buffer.getOffset(), buffer.getBytes(), *this)))
      return failure();
    BufferRole role = buffer.getRole();
    if (role != BufferRole::Input && !isParam(role) && !single.insert(role).second)
      return op.emitOpError("is the second one of its role");
    if (role == BufferRole::State && failed(verifyState(*this, buffer)))
      return failure();
  }
  return success(succeeded(verifyApart<SegmentOp>(*this)) && succeeded(verifyApart<BufferOp>(*this)));
}

LogicalResult ArenaOp::verifySymbolUses(SymbolTableCollection &symbols) {
  llvm::SmallDenseSet<std::pair<Attribute, Attribute>> states; // whose, and which
  for (auto buffer : getOps<BufferOp>()) {
    if (!isParam(buffer.getRole()))
      continue;
    auto param =
        symbols.lookupNearestSymbolFrom<clip::ParamOp>((*this)->getParentOp(), buffer.getSymNameAttr());
    if (!param)
      return buffer.emitOpError("has the name of no clip.param");
    if (bufferRoleOf(param) != buffer.getRole())
      return buffer.emitOpError("is a ") << stringifyBufferRole(buffer.getRole())
                                         << ", but the clip.param has the role " << param.getRole();
    if (buffer.getOf() && !states.insert({buffer.getOfAttr(), param.getRoleAttr()}).second)
      return buffer.emitOpError("is the second ") << param.getRole() << " of " << buffer.getOfAttr();
    if (param.getTensorType().getShape() != buffer.getTensorType().getShape())
      return buffer.emitOpError("is ") << buffer.getType() << ", the clip.param is " << param.getType();
  }
  return success();
}

//===-- Entries -----------------------------------------------------------===//

LogicalResult EntryOp::verifyRegions() {
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp, AddUpOp, OutputOp>(op))
      return op.emitOpError("stands in an entry, which has launches, sums over ranks and outputs alone");
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (symbols.lookupNearestSymbolFrom<DefOp>(*this, getKernelAttr()))
    return success();
  return emitOpError("runs ") << getKernelAttr() << ", which is no kernel.def of the module";
}

LogicalResult AddUpOp::verify() {
  if (getTypes().empty() || getTypes().size() != getOffsets().size())
    return emitOpError("has ") << getOffsets().size() << " offsets and " << getTypes().size()
                               << " types, expected one or more of each";
  for (Type type : getTypes().getAsValueRange<TypeAttr>())
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor)
      return emitOpError("adds up ") << type << ", which is no tensor";
    else if (failed(verifyTensor(*this, tensor, {Float32Type::get(getContext())})))
      return failure();
  return success();
}

LogicalResult OutputOp::verify() { return verifyTensor(*this, getTensorType(), numbers(getContext())); }

LogicalResult OutputOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getOf())
    return success();
  auto param = symbols.lookupNearestSymbolFrom<clip::ParamOp>(*this, getOfAttr());
  if (!param)
    return emitOpError("is of ") << getOfAttr() << ", which is no clip.param";
  if (param.getTensorType().getShape() != getTensorType().getShape())
    return emitOpError("is ") << getType() << ", the parameter " << getOfAttr() << " is " << param.getType();
  return success();
}
