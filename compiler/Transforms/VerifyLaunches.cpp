#include "compiler/Transforms/VerifyLaunches.h"

#include "dialects/Clip/Attributes.h"
#include "dialects/Kernel/ArenaContents.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

using namespace mlir;
using namespace kinema;

namespace {

/// A Held is a buffer of the arena, or a value that a launch has made.
struct Held {
  int64_t bytes;
  RankedTensorType type;
  kernel::BufferOp buffer = {}; // null for a value that a launch has made

  /// Returns whether it is a parameter or a state of one, which its own new value alone may overwrite.
  bool isParameter() {
    return buffer && (buffer.getRole() == kernel::BufferRole::Parameter ||
                      buffer.getRole() == kernel::BufferRole::State);
  }
};

using Contents = kernel::ArenaContents<Held>;

class Verifier {
public:
  Verifier(ModuleOp module, kernel::ArenaOp arena);

  LogicalResult run();

private:
  /// Returns what the arena holds when @infer begins: the buffers, and what @prepare leaves.
  FailureOr<Contents> prepared();
  LogicalResult verifyEntry(kernel::EntryOp entry, Contents &contents);
  LogicalResult verifyPlaces(kernel::LaunchOp launch, kernel::DefOp def);
  LogicalResult verifyReads(kernel::LaunchOp launch, kernel::DefOp def, const Contents &contents);
  LogicalResult verifyWrites(kernel::LaunchOp launch, kernel::DefOp def, Contents &contents);
  LogicalResult verifySum(kernel::AddUpOp sum, const Contents &contents);
  LogicalResult verifyCounters(kernel::LaunchOp launch, kernel::DefOp def, int64_t offset);
  LogicalResult verifyOutputs(kernel::EntryOp entry, const Contents &contents);

  ModuleOp module;
  kernel::ArenaOp arena;
  SymbolTable symbols;
  Contents buffers; // what the arena holds whenever an entry begins
};

} // namespace

//===-- Launches ----------------------------------------------------------===//

/// Succeeds if all buffers of a launch lie in the arena.
LogicalResult Verifier::verifyPlaces(kernel::LaunchOp launch, kernel::DefOp def) {
  size_t operands = def.getOperandTypes().size();
  auto types = llvm::to_vector(llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()));
  if (types.size() != launch.getArgs().size())
    return launch.emitOpError("has ") << launch.getArgs().size() << " arguments, @" << launch.getKernel()
                                      << " takes " << types.size() << ": its operands, then its results";
  for (auto [number, type, offset] : llvm::enumerate(types, launch.getArgs())) {
    bool isOperand = number < operands;
    auto fault = [&, number = number, offset = offset] {
      return launch.emitOpError("has ") << (isOperand ? "operand " : "result ")
                                        << (isOperand ? number : number - operands) << " at " << offset;
    };
    int64_t bytes = kernel::storedBytes(cast<RankedTensorType>(type));
    if (offset < 0 || offset % kernel::arenaAlignment != 0)
      return fault() << ", expected a multiple of " << kernel::arenaAlignment;
    if (bytes > int64_t(arena.getBytes()) - offset)
      return fault() << ", where its " << bytes << " bytes reach beyond the arena of " << arena.getBytes();
  }
  return success();
}

LogicalResult Verifier::verifyCounters(kernel::LaunchOp launch, kernel::DefOp def, int64_t offset) {
  kernel::BufferOp counters = arena.buffer(kernel::BufferRole::Counters);
  Type type = def.getOperandTypes().back();
  if (counters && int64_t(counters.getOffset()) == offset && counters.getType() == type)
    return success();
  return launch.emitOpError("counts its blocks in ")
         << type << " at " << offset << ", which are not the counters of the arena";
}

LogicalResult Verifier::verifyReads(kernel::LaunchOp launch, kernel::DefOp def, const Contents &contents) {
  size_t counters = def.getOperandTypes().size() - (def.getAttached() ? 1 : 0);
  auto offsets = launch.getArgs().take_front(def.getOperandTypes().size());
  for (auto [number, type, offset] : llvm::enumerate(def.getOperandTypes(), offsets)) {
    if (number == counters)
      return verifyCounters(launch, def, offset);
    const Held *held = contents.find(offset);
    if (held && held->type == type)
      continue;
    auto error = launch.emitOpError("reads operand ")
                 << number << ", " << type << ", at " << offset << ", where ";
    if (!held)
      return error << "no tensor begins when the launch does";
    if (!held->buffer)
      return error << "a launch before has left " << held->type;
    return error << "the arena has @" << kernel::BufferOp(held->buffer).getSymName() << ", " << held->type;
  }
  return success();
}

/// Returns whether the kernel may store where it reads, as an elementwise one may.
static bool storesInPlace(kernel::DefOp def) {
  return def.getKernel()->hasTrait<kernel::UpdatesInPlace>() || def.getAttached();
}

LogicalResult Verifier::verifyWrites(kernel::LaunchOp launch, kernel::DefOp def, Contents &contents) {
  size_t operands = def.getOperandTypes().size();
  ArrayRef<int64_t> reads = launch.getArgs().take_front(operands),
                    writes = launch.getArgs().drop_front(operands);
  Contents read, written; // what this launch reads and writes
  for (auto [offset, type] : llvm::zip_equal(reads, def.getOperandTypes()))
    read.put(offset, {kernel::storedBytes(cast<RankedTensorType>(type)), cast<RankedTensorType>(type)});
  for (auto [number, value] : llvm::enumerate(llvm::zip_equal(writes, def.getResultTypes()))) {
    auto [offset, type] = value;
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes = kernel::storedBytes(tensor);
    auto fault = [&] { return launch.emitOpError("writes result ") << number << " at " << offset << ", "; };
    if (auto *other = written.overlapping(offset, bytes))
      return fault() << "over what it writes at " << other->first;
    if (auto *other = read.overlapping(offset, bytes);
        other && !(storesInPlace(def) && other->first == offset && other->second.bytes == bytes))
      return fault() << "over what it reads at " << other->first;
    written.put(offset, {bytes, tensor});
    auto *found = buffers.overlapping(offset, bytes);
    if (!found) {
      contents.put(offset, {bytes, tensor});
      continue;
    }
    Held old = found->second;
    if (!old.isParameter() || found->first != offset || old.bytes != bytes)
      return fault() << "over @" << old.buffer.getSymName() << " of the arena";
    if (old.type != tensor)
      return fault() << "as " << type << ", where the arena has @" << old.buffer.getSymName() << ", "
                     << old.type;
  }
  return success();
}

LogicalResult Verifier::verifyOutputs(kernel::EntryOp entry, const Contents &contents) {
  for (auto output : entry.getOps<kernel::OutputOp>()) {
    const Held *held = contents.find(output.getOffset());
    if (!held || held->buffer || held->type != output.getType())
      return output.emitOpError("finds no ")
             << output.getType() << " at " << output.getOffset() << " when the last launch has ended";
  }
  return success();
}

/// Ranks may add up what a launch has left, in place, once each; all that the arena keeps has other ways to
/// agree.
LogicalResult Verifier::verifySum(kernel::AddUpOp sum, const Contents &contents) {
  if (sum->getParentOfType<kernel::EntryOp>().getSymName() != "train_step" ||
      !module->hasAttr(clip::distributedAttribute))
    return sum.emitOpError("stands where no ranks add up: they do so in @train_step of a module that has ")
           << clip::distributedAttribute;
  llvm::SmallDenseSet<int64_t> seen;
  for (auto [type, offset] : llvm::zip_equal(sum.getTypes().getAsValueRange<TypeAttr>(), sum.getOffsets())) {
    const Held *held = contents.find(offset);
    if (!held || held->buffer || held->type != type)
      return sum.emitOpError("finds no ") << type << " at " << offset << " that a launch before has left";
    if (!seen.insert(offset).second)
      return sum.emitOpError("adds up what lies at ") << offset << " twice";
  }
  return success();
}

LogicalResult Verifier::verifyEntry(kernel::EntryOp entry, Contents &contents) {
  for (Operation &op : entry.getBody().front()) {
    if (auto sum = dyn_cast<kernel::AddUpOp>(op); sum && failed(verifySum(sum, contents)))
      return failure();
    auto launch = dyn_cast<kernel::LaunchOp>(op);
    if (!launch)
      continue;
    auto def = symbols.lookup<kernel::DefOp>(launch.getKernel());
    if (failed(verifyPlaces(launch, def)) || failed(verifyReads(launch, def, contents)) ||
        failed(verifyWrites(launch, def, contents)))
      return failure();
  }
  return verifyOutputs(entry, contents);
}

Verifier::Verifier(ModuleOp module, kernel::ArenaOp arena) : module(module), arena(arena), symbols(module) {
  for (auto buffer : arena.getOps<kernel::BufferOp>())
    if (buffer.getRole() != kernel::BufferRole::Prepared && buffer.getRole() != kernel::BufferRole::Counters)
      buffers.put(buffer.getOffset(), {buffer.getBytes(), buffer.getTensorType(), buffer});
}

FailureOr<Contents> Verifier::prepared() {
  Contents left = buffers, contents = buffers;
  if (auto prepare = symbols.lookup<kernel::EntryOp>("prepare");
      prepare && failed(verifyEntry(prepare, left)))
    return failure();
  for (auto buffer : arena.getOps<kernel::BufferOp>())
    if (const Held *held = left.find(buffer.getOffset());
        held && buffer.getRole() == kernel::BufferRole::Prepared && held->type == buffer.getType())
      contents.put(buffer.getOffset(), *held);
  return contents;
}

LogicalResult Verifier::run() {
  FailureOr<Contents> forInference = prepared();
  if (failed(forInference))
    return failure();
  for (auto entry : module.getOps<kernel::EntryOp>()) {
    Contents contents = entry.getSymName() == "infer" ? *forInference : buffers;
    if (entry.getSymName() != "prepare" && failed(verifyEntry(entry, contents)))
      return failure();
  }
  return success();
}

LogicalResult kinema::verifyLaunches(ModuleOp planned) {
  auto arena = kernel::ArenaOp::of(planned);
  return failure(failed(arena) || failed(Verifier(planned, *arena).run()));
}
