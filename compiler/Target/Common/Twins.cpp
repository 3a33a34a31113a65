#include "compiler/Target/Common/Twins.h"

#include "compiler/Target/Common/Reference.h"
#include "dialects/Kernel/Partials.h"
#include "dialects/Kernel/Twins.h"

using namespace mlir;
using namespace kinema;

//===-- A kernel and what is attached to it, apart ------------------------===//

/// Removes all from the kernel but `op`.
static void keep(kernel::DefOp def, Operation *op) {
  Block &body = def.getBody().front();
  body.getTerminator()->setOperands(op->getResults());
  while (&body.front() != op)
    body.front().erase();
  while (op->getNextNode() != body.getTerminator())
    op->getNextNode()->erase();
  body.eraseArguments([](BlockArgument argument) { return argument.use_empty(); });
}

void kinema::dropAttached(kernel::DefOp def) { keep(def, def.getKernel()); }

void kinema::keepAttached(kernel::DefOp def) {
  kernel::FinalizeOp attached = def.getAttached();
  Value given = def.getBody().front().insertArgument(0u, attached.getPartials().getType(), attached.getLoc());
  attached.getPartialsMutable().assign(given);
  attached.setAttached(false);
  keep(def, attached);
}

//===-- Twins -------------------------------------------------------------===//

namespace {

class TwinMaker {
public:
  TwinMaker(ModuleOp module, const Machine &machine, function_ref<bool(Operation *)> isPlain)
      : module(module), machine(machine), isPlain(isPlain) {}

  LogicalResult run();
  int64_t kernels = 0;

private:
  /// Lists the kernels that together compute what one kernel does: where something is attached to it, that is
  /// the second one.
  using Twins = SmallVector<kernel::DefOp, 2>;

  Twins twinsOf(kernel::DefOp def);
  kernel::DefOp copyOf(kernel::DefOp def, StringRef suffix, function_ref<void(kernel::DefOp)> reduce);
  LogicalResult addTo(kernel::LaunchOp launch);
  kernel::TwinLaunch launchOf(kernel::DefOp def, ArrayRef<int64_t> operands);
  void growArena();

  ModuleOp module;
  kernel::ArenaOp arena;
  const Machine &machine;
  function_ref<bool(Operation *)> isPlain;
  DenseMap<kernel::DefOp, Twins> made;
  int64_t begin = 0, end = 0, most = 0; // where in the arena the twins of a launch leave their results
};

} // namespace

/// Makes a kernel of its own, with the plain lowering of what `reduce` leaves of the copy.
kernel::DefOp TwinMaker::copyOf(kernel::DefOp def, StringRef suffix,
                                function_ref<void(kernel::DefOp)> reduce) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  auto copy = cast<kernel::DefOp>(builder.clone(*def));
  copy.setSymName((def.getSymName() + suffix).str());
  reduce(copy);
  Operation *op = copy.getKernel();
  kernel::forgetPartials(op);
  auto schedule = scheduleReference(op, machine);
  cast<kernel::LaunchableOp>(op).setScheduleAttr(schedule);
  fixPartials(op, schedule);
  ++kernels;
  return copy;
}

TwinMaker::Twins TwinMaker::twinsOf(kernel::DefOp def) {
  if (auto known = made.find(def); known != made.end())
    return known->second;
  kernel::FinalizeOp attached = def.getAttached();
  if (!attached && isPlain(def.getKernel()))
    return {def}; // the kernel is its own twin
  Twins twins = {copyOf(def, "_twin", dropAttached)};
  if (attached)
    twins.push_back(copyOf(def, "_merge", keepAttached));
  return made[def] = twins;
}

/// Returns a launch whose results lie behind those of the launches before it.
kernel::TwinLaunch TwinMaker::launchOf(kernel::DefOp def, ArrayRef<int64_t> operands) {
  constexpr int64_t alignment = 64;
  kernel::TwinLaunch twin{def.getSymName(), SmallVector<int64_t>(operands)};
  for (Type type : def.getResultTypes()) {
    twin.args.push_back(end);
    end += shape::roundUp(kernel::storedBytes(cast<RankedTensorType>(type)), alignment);
  }
  return twin;
}

LogicalResult TwinMaker::addTo(kernel::LaunchOp launch) {
  auto def = module.lookupSymbol<kernel::DefOp>(launch.getKernel());
  if (launch.getArgs().size() != def.getOperandTypes().size() + def.getResultTypes().size())
    return launch.emitOpError("does not fit @") << launch.getKernel() << ", which takes other buffers";
  Twins twins = twinsOf(def);
  ArrayRef<int64_t> args = launch.getArgs();
  size_t own = def.getKernel()->getNumOperands();
  end = begin;
  SmallVector<kernel::TwinLaunch> launches = {launchOf(twins[0], args.take_front(own))};
  if (twins.size() > 1) {
    // Totals may be small beside what is summed. Only from the launch's own partials does its twin derive
    // what the launch does.
    unsigned partials = cast<OpResult>(def.getAttached().getPartials()).getResultNumber();
    SmallVector<int64_t> operands = {args[def.getOperandTypes().size() + partials]};
    llvm::append_range(operands, args.slice(own, twins[1].getOperandTypes().size() - 1));
    launches.push_back(launchOf(twins[1], operands));
  }
  kernel::setTwins(launch, launches);
  most = std::max(most, end - begin);
  return success();
}

void TwinMaker::growArena() {
  auto b = OpBuilder::atBlockEnd(&arena.getBody().front());
  kernel::SegmentOp::create(b, arena.getLoc(), kernel::SegmentKind::Twins, begin, most);
  arena.setBytes(begin + most);
}

LogicalResult TwinMaker::run() {
  auto found = kernel::ArenaOp::of(module);
  if (failed(found))
    return failure();
  arena = *found;
  begin = arena.getBytes();
  for (auto entry : module.getOps<kernel::EntryOp>())
    for (auto launch : entry.getBody().getOps<kernel::LaunchOp>())
      if (failed(addTo(launch)))
        return failure();
  growArena();
  return success();
}

FailureOr<int64_t> kinema::addTwins(ModuleOp planned, const Machine &machine,
                                    function_ref<bool(Operation *)> isPlain) {
  TwinMaker maker(planned, machine, isPlain);
  if (failed(maker.run()))
    return failure();
  return maker.kernels;
}
