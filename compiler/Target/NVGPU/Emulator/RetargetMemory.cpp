// Retargets memory: where shared globals lie, checks before accesses, what becomes of address spaces.
#include "compiler/Target/NVGPU/Emulator/Retarget.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kinema::emulator;

static constexpr unsigned globalSpace = 1, sharedSpace = 3, clusterSpace = 7;
// What an access in the fast range may span (runtime/Emulator/GlobalChecks.cpp).
static constexpr int64_t fastBytes = 64;
static constexpr int64_t sharedStart = 1024; // the first shared address (runtime/Emulator/SharedMemory.h)
static constexpr int64_t addressMask = 0xFFFFFF;

static unsigned spaceOf(Type type) { return cast<LLVM::LLVMPointerType>(type).getAddressSpace(); }

LogicalResult Retargeter::placeSharedGlobals() {
  auto alignmentOf = [&](LLVM::GlobalOp global) {
    int64_t natural = int64_t(layout.getTypeABIAlignment(global.getGlobalType()));
    return std::max<int64_t>(natural, global.getAlignment().value_or(1));
  };
  SmallVector<LLVM::GlobalOp> dynamic;
  int64_t end = 0;
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    if (global.getAddrSpace() != sharedSpace)
      continue;
    if (global.getLinkage() == LLVM::Linkage::External && layout.getTypeSize(global.getGlobalType()) == 0) {
      dynamic.push_back(global);
      continue;
    }
    if (!global.getInitializerRegion().empty() ||
        (global.getValue() && !isa<LLVM::UndefAttr>(*global.getValue())))
      return global.emitError("shared memory cannot be initialised");
    end = llvm::alignTo(end, alignmentOf(global));
    sharedOffsets[global.getSymName()] = end;
    end += int64_t(layout.getTypeSize(global.getGlobalType()));
  }
  for (LLVM::GlobalOp global : dynamic)
    end = llvm::alignTo(end, alignmentOf(global));
  for (LLVM::GlobalOp global : dynamic)
    sharedOffsets[global.getSymName()] = end;
  sharedBytes = end;
  return success();
}

/// Returns the pointer from which address arithmetic made this one.
static Value baseOf(Value pointer) {
  while (Operation *op = pointer.getDefiningOp()) {
    if (auto element = dyn_cast<LLVM::GEPOp>(op))
      pointer = element.getBase();
    else if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op))
      pointer = cast.getArg();
    else
      break;
  }
  return pointer;
}

void Retargeter::check(StringRef kind, Value address, Value bytes, int64_t alignment) {
  if (baseOf(address).getDefiningOp<LLVM::AllocaOp>())
    return;
  callHere(kind, {}, {address, bytes, constant(alignment), constant(spaceOf(address.getType()))});
}

void Retargeter::addFastRange(LLVM::LLVMFuncOp kernel) {
  auto type = kernel.getFunctionType();
  SmallVector<Type> arguments(type.getParams());
  arguments.append(2, i64);
  kernel.setFunctionType(LLVM::LLVMFunctionType::get(type.getReturnType(), arguments));
  kernel.removeArgAttrsAttr();
  Block &entry = kernel.getBody().front();
  Value begin = entry.addArgument(i64, kernel.getLoc()), length = entry.addArgument(i64, kernel.getLoc());
  fastRanges[kernel] = {begin, length};
}

/// Skips the calls that are put next where the address is in the fast range and aligned.
void Retargeter::skipIfFast(Value address, int64_t alignment) {
  auto range = fastRanges.find(current->getParentOfType<LLVM::LLVMFuncOp>());
  if (range == fastRanges.end() || spaceOf(address.getType()) != globalSpace)
    return;
  Location loc = current->getLoc();
  auto [begin, length] = range->second;
  Value at = LLVM::SubOp::create(b, loc, LLVM::PtrToIntOp::create(b, loc, i64, address), begin);
  Value isInside = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ult, at, length);
  Value rest = LLVM::AndOp::create(b, loc, at, constant(i64, alignment - 1));
  Value isAligned = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, rest, constant(i64, 0));
  Value isFast = LLVM::AndOp::create(b, loc, isInside, isAligned);
  Block *before = current->getBlock(), *slow = before->splitBlock(current),
        *after = slow->splitBlock(current);
  b.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(b, loc, isFast, after, ValueRange(), slow, ValueRange(),
                         std::pair<int32_t, int32_t>(1000, 1));
  b.setInsertionPointToEnd(slow);
  auto branch = LLVM::BrOp::create(b, loc, after);
  b.setInsertionPoint(branch);
}

void Retargeter::check(StringRef kind, Value address, Type type, std::optional<int64_t> alignment) {
  int64_t natural = int64_t(layout.getTypeABIAlignment(type)), bytes = int64_t(layout.getTypeSize(type));
  if (bytes <= fastBytes && alignment.value_or(natural) <= fastBytes)
    skipIfFast(address, alignment.value_or(natural));
  check(kind, address, constant(i64, bytes), alignment.value_or(natural));
  b.setInsertionPoint(current);
}

/// Returns the name of the call that checks a load. An invariant one becomes ld.global.nc.
static StringRef kindOf(LLVM::LoadOp load) {
  if (load.getVolatile_() || load.getOrdering() != LLVM::AtomicOrdering::not_atomic)
    return "read_strong";
  return load.getInvariant() ? "read_constant" : "read";
}

LogicalResult Retargeter::retargetMemory(Operation *op) {
  Location loc = op->getLoc();
  auto alignment = [](std::optional<uint64_t> given) {
    return given ? std::optional(int64_t(*given)) : std::nullopt;
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LLVM::LoadOp load) {
        check(kindOf(load), load.getAddr(), load.getType(), alignment(load.getAlignment()));
        load.removeSyncscopeAttr();
        return success();
      })
      .Case([&](LLVM::StoreOp store) {
        bool isPlain = !store.getVolatile_() && store.getOrdering() == LLVM::AtomicOrdering::not_atomic;
        check(isPlain ? "write" : "write_strong", store.getAddr(), store.getValue().getType(),
              alignment(store.getAlignment()));
        store.removeSyncscopeAttr();
        return success();
      })
      .Case([&](LLVM::AtomicRMWOp atomic) {
        check("atomic", atomic.getPtr(), atomic.getVal().getType(), alignment(atomic.getAlignment()));
        atomic.removeSyncscopeAttr();
        return success();
      })
      .Case([&](LLVM::AtomicCmpXchgOp atomic) {
        check("atomic", atomic.getPtr(), atomic.getVal().getType(), alignment(atomic.getAlignment()));
        atomic.removeSyncscopeAttr();
        return success();
      })
      .Case<LLVM::MemcpyOp, LLVM::MemmoveOp>([&](auto copy) {
        Value bytes = zeroExtend(copy.getLen(), i64);
        check("read", copy.getSrc(), bytes, 1);
        check("write", copy.getDst(), bytes, 1);
        return success();
      })
      .Case([&](LLVM::MemsetOp set) {
        check("write", set.getDst(), zeroExtend(set.getLen(), i64), 1);
        return success();
      })
      .Case([&](LLVM::AddressOfOp address) {
        auto offset = sharedOffsets.find(address.getGlobalName());
        if (offset != sharedOffsets.end())
          replace(op, call("shared", pointer, {constant(sharedStart + offset->second)}));
        return success();
      })
      .Case([&](LLVM::AddrSpaceCastOp cast) { return replace(op, cast.getArg()), success(); })
      .Case([&](LLVM::PtrToIntOp cast) {
        unsigned space = spaceOf(cast.getArg().getType());
        Value bits = LLVM::PtrToIntOp::create(b, loc, i64, cast.getArg());
        if (space == sharedSpace)
          bits = LLVM::AndOp::create(b, loc, bits, constant(i64, addressMask));
        else if (space == clusterSpace)
          bits = zeroExtend(callHere("cluster_address", i32, {cast.getArg()}), i64);
        return replace(op, zeroExtend(bits, cast.getType())), success();
      })
      .Case([&](LLVM::IntToPtrOp cast) {
        unsigned space = spaceOf(cast.getType());
        if (space == sharedSpace || space == clusterSpace)
          replace(op, call("shared", pointer, {zeroExtend(cast.getArg(), i32)}));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

// ---- Operands and results in memory

Value Retargeter::scratch(Operation *op, unsigned part) {
  auto function = op->getParentOfType<LLVM::LLVMFuncOp>();
  auto &places = scratches[function];
  if (places.size() <= part)
    places.resize(part + 1);
  if (!places[part]) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.getBody().front());
    Value size = LLVM::ConstantOp::create(b, op->getLoc(), i32, b.getI32IntegerAttr(256));
    places[part] = LLVM::AllocaOp::create(b, op->getLoc(), pointer, i32, size, /*alignment=*/16);
  }
  return places[part];
}

static LLVM::GEPArg fourBytes(size_t index) { return int32_t(index); }

Value Retargeter::passInMemory(ValueRange values, unsigned part) {
  Location loc = current->getLoc();
  Value place = scratch(current, part);
  for (auto [i, value] : llvm::enumerate(values)) {
    Value slot = LLVM::GEPOp::create(b, loc, pointer, i32, place, ArrayRef<LLVM::GEPArg>{fourBytes(i)});
    LLVM::StoreOp::create(b, loc, value, slot);
  }
  return place;
}

SmallVector<Value> Retargeter::takeFromMemory(unsigned part, ArrayRef<Type> types) {
  Location loc = current->getLoc();
  Value place = scratch(current, part);
  SmallVector<Value> values;
  for (auto [i, type] : llvm::enumerate(types)) {
    Value slot = LLVM::GEPOp::create(b, loc, pointer, i32, place, ArrayRef<LLVM::GEPArg>{fourBytes(i)});
    values.push_back(LLVM::LoadOp::create(b, loc, type, slot));
  }
  return values;
}
