#include "test/compiler/Target/NVGPU/Emulator/Mutants.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace kinema::emulator;

namespace {

enum Kind { drop, leaveOut, addToOperand, exclusiveOrOperand, shiftAddress, addToGroups };

std::vector<Operation *> operationsOf(ModuleOp module) {
  std::vector<Operation *> all;
  module.walk([&](Operation *op) { all.push_back(op); });
  return all;
}

/// Collects the mutations of one operation.
class Finder {
public:
  Finder(std::vector<Mutation> &found, Operation *op, size_t number) : found(found), op(op), number(number) {}

  void find() {
    using namespace NVVM;
    if (isa<Barrier0Op, SyncWarpOp, FenceProxyOp, FenceMbarrierInitOp, MBarrierTryWaitParityOp,
            CpAsyncCommitGroupOp, CpAsyncWaitGroupOp, CpAsyncBulkCommitGroupOp, CpAsyncBulkWaitGroupOp,
            CpAsyncOp, CpAsyncMBarrierArriveOp, WgmmaFenceAlignedOp, WgmmaGroupSyncAlignedOp,
            WgmmaWaitGroupSyncOp, Tcgen05FenceOp, Tcgen05WaitOp, Tcgen05CommitOp, Tcgen05DeallocOp,
            Tcgen05MMAOp, LLVM::FenceOp>(op) ||
        (isa<BarrierOp, MBarrierArriveOp, MBarrierArriveExpectTxOp>(op) && op->use_empty()))
      add("drop", drop, 0, 0);
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](MBarrierInitOp init) {
          // One lane less of a warp whose lanes do all together may be harmless: a quarter is not.
          IntegerAttr count;
          bool known = matchPattern(init.getCount(), m_Constant(&count));
          change(1, "arrivals", 1),
              change(1, "arrivals", -std::max<int64_t>(1, known ? count.getInt() / 4 : 1));
        })
        .Case([&](MBarrierArriveExpectTxOp) { change(1, "bytes", 16), change(1, "bytes", -16); })
        .Case([&](MBarrierTryWaitParityOp) { add("flip the phase of", exclusiveOrOperand, 1, 1); })
        .Case([&](CpAsyncBulkGlobalToSharedClusterOp copy) {
          change(3, "bytes", -16), shift(0);
          if (copy.getMulticastMask()) // of two blocks, the other one alone
            change(4, "the blocks", -1);
        })
        .Case([&](CpAsyncBulkSharedCTAToGlobalOp) { change(2, "bytes", -16), shift(1); })
        .Case([&](CpAsyncBulkTensorGlobalToSharedClusterOp copy) {
          shift(0, 128);
          for (int i = 0; i < int(copy.getCoordinates().size()); ++i)
            change(2 + i, "a coordinate", 1);
        })
        .Case([&](CpAsyncOp copy) {
          shift(0);
          if (copy.getCpSize())
            change(2, "bytes", -int64_t(copy.getSize()));
        })
        .Case([&](MmaOp) { add("leave out", leaveOut, 0, 0); })
        .Case([&](LdMatrixOp) { shift(0); })
        .Case<CpAsyncWaitGroupOp, CpAsyncBulkWaitGroupOp, WgmmaWaitGroupSyncOp>(
            [&](auto) { add("wait for a group less at", addToGroups, 0, 1); })
        .Case([&](LLVM::AtomicRMWOp) { change(1, "addend", 1), shift(0, 4); })
        .Case<LLVM::LoadOp>([&](auto load) { shiftIfShared(load.getAddr(), 0, load.getType()); })
        .Case<LLVM::StoreOp>(
            [&](auto store) { shiftIfShared(store.getAddr(), 1, store.getValue().getType()); })
        .Case([&](WgmmaMmaAsyncOp product) {
          if (product.getScaleD() == WGMMAScaleOut::one)
            add("leave out", leaveOut, 0, 0);
          for (int operand : {1, 2}) { // descriptors
            add("another swizzle of", exclusiveOrOperand, operand, int64_t(1) << 62);
            changeDescriptor(operand, /*hasGroups=*/operand == 1 || product.getShape().getN() > 8);
          }
        })
        .Case([&](Tcgen05MMAOp product) {
          IntegerAttr instruction;
          bool isKnown = matchPattern(product.getIdesc(), m_Constant(&instruction));
          int64_t columns = isKnown ? (instruction.getInt() >> 17 & 63) * 8 : 256;
          shift(0, 1); // a column of D
          for (int operand : {1, 2}) {
            changeDescriptor(operand, /*hasGroups=*/operand == 1 || columns > 8);
            add("another layout of a matrix of", exclusiveOrOperand, 3, int64_t(1) << (14 + operand));
          }
          change(3, "columns", -(int64_t(1) << 17));
          add("flip what is added to of", exclusiveOrOperand, 4, 1);
        })
        .Case([&](Tcgen05CommitOp commit) {
          if (commit.getMulticastMask()) // of two blocks, the other one alone
            change(1, "the blocks", -1);
        })
        .Case([&](Tcgen05LdOp) { shift(0, 1), shift(0, 16 << 16); }); // a column, half of the warp's lanes
  }

private:
  void add(StringRef what, Kind kind, int operand, int64_t amount) {
    std::string text;
    llvm::raw_string_ostream(text) << what << " " << op->getName() << " at " << op->getLoc() << ": " << *op;
    found.push_back({text, number, kind, operand, amount});
  }
  void change(int operand, StringRef what, int64_t amount) {
    add(((amount < 0 ? "less: " : "more: ") + what + " of").str(), addToOperand, operand, amount);
  }
  void shift(int operand, int64_t bytes = 16) { add("another address for", shiftAddress, operand, bytes); }
  /// Changes a descriptor. Its stride counts where the matrix has several groups of eight rows.
  void changeDescriptor(int operand, bool hasGroups) {
    change(operand, "the start of a matrix", 1);
    change(operand, "the leading offset of a matrix", int64_t(1) << 16);
    if (hasGroups)
      change(operand, "the stride of a matrix", int64_t(1) << 32);
  }
  void shiftIfShared(Value address, int operand, Type type) {
    if (cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace() == 3)
      shift(operand, isa<VectorType>(type) ? 16 : 4);
  }

  std::vector<Mutation> &found;
  Operation *op;
  size_t number;
};

} // namespace

std::vector<Mutation> kinema::emulator::findMutations(ModuleOp module) {
  std::vector<Mutation> found;
  for (auto [number, op] : llvm::enumerate(operationsOf(module)))
    Finder(found, op, number).find();
  return found;
}

OwningOpRef<ModuleOp> kinema::emulator::mutate(ModuleOp module, const Mutation &mutation) {
  OwningOpRef<ModuleOp> copy = module.clone();
  Operation *op = operationsOf(*copy)[mutation.operation];
  OpBuilder b(op);
  auto number = [&](Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, op->getLoc(), type, b.getIntegerAttr(type, value));
  };
  if (mutation.kind == drop) {
    op->erase();
    return copy;
  }
  if (mutation.kind == leaveOut) { // what was to be added to stays as it is
    Value before;
    if (auto product = dyn_cast<NVVM::MmaOp>(op)) {
      before = LLVM::PoisonOp::create(b, op->getLoc(), product.getType());
      for (auto [i, value] : llvm::enumerate(product.getOperandC()))
        before = LLVM::InsertValueOp::create(b, op->getLoc(), before, value, int64_t(i));
    } else {
      before = cast<NVVM::WgmmaMmaAsyncOp>(op).getInouts();
    }
    op->getResult(0).replaceAllUsesWith(before);
    op->erase();
    return copy;
  }
  if (mutation.kind == addToGroups) {
    for (StringRef name : {"n", "group"})
      if (auto groups = op->getAttrOfType<IntegerAttr>(name))
        op->setAttr(name, IntegerAttr::get(groups.getType(), groups.getInt() + mutation.change));
    return copy;
  }
  OpOperand &operand = op->getOpOperand(mutation.operand);
  Value old = operand.get(), changed;
  if (mutation.kind == shiftAddress)
    changed = LLVM::GEPOp::create(b, op->getLoc(), old.getType(), b.getI8Type(), old,
                                  ArrayRef<LLVM::GEPArg>{int32_t(mutation.change)});
  else if (mutation.kind == addToOperand)
    changed = LLVM::AddOp::create(b, op->getLoc(), old, number(old.getType(), mutation.change));
  else
    changed = LLVM::XOrOp::create(b, op->getLoc(), old, number(old.getType(), mutation.change));
  operand.set(changed);
  return copy;
}
