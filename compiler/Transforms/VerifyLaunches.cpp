#include "compiler/Transforms/VerifyLaunches.h"

#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

#include <map>

using namespace mlir;
using namespace kinema;

namespace {

/// A tensor of the plan, which has a name, or a value that a launch has made, which has a type.
struct Held {
  int64_t bytes;
  RankedTensorType type;      // null of the plan's tensors
  DictionaryAttr description; // of the plan's tensors
  bool keeps = false;         // must not be overwritten: an input, the labels, the rates
  bool isParameter = false;   // may be overwritten by its new value alone
};

/// What lies where, by the first byte.
class Contents {
public:
  const Held *find(int64_t offset) const {
    auto found = held.find(offset);
    return found == held.end() ? nullptr : &found->second;
  }

  /// The first value that shares a byte with [offset, offset + bytes); null if there is none.
  const std::pair<const int64_t, Held> *overlapping(int64_t offset, int64_t bytes) const {
    auto next = held.lower_bound(offset);
    if (next != held.begin() && std::prev(next)->first + std::prev(next)->second.bytes > offset)
      return &*std::prev(next);
    return next != held.end() && next->first < offset + bytes ? &*next : nullptr;
  }

  /// Puts a value there in place of all that it overwrites.
  void put(int64_t offset, const Held &value) {
    while (auto *old = overlapping(offset, value.bytes))
      held.erase(old->first);
    held[offset] = value;
  }

  /// Keeps what was put into [offset, offset + bytes), and all of the plan's tensors.
  void keepWithin(int64_t offset, int64_t bytes) {
    std::erase_if(held, [&](const auto &entry) {
      return entry.second.type && (entry.first < offset || entry.first + entry.second.bytes > offset + bytes);
    });
  }

private:
  std::map<int64_t, Held> held;
};

class Verifier {
public:
  explicit Verifier(ModuleOp module)
      : module(module), plan(module->getAttrOfType<DictionaryAttr>(kernel::planAttribute)), symbols(module) {}

  LogicalResult run();

private:
  LogicalResult readPlan();
  LogicalResult add(Attribute description, bool isParameter);
  LogicalResult keepPrepared(Contents &contents);
  LogicalResult verifyEntry(kernel::EntryOp entry, Contents &contents);
  LogicalResult verifyPlaces(kernel::LaunchOp launch, kernel::DefOp def);
  LogicalResult verifyReads(kernel::LaunchOp launch, kernel::DefOp def, const Contents &contents);
  LogicalResult verifyWrites(kernel::LaunchOp launch, kernel::DefOp def, Contents &contents);
  LogicalResult verifyCounters(kernel::LaunchOp launch, kernel::DefOp def, int64_t offset);
  LogicalResult verifyOutputs(kernel::EntryOp entry, const Contents &contents);
  InFlightDiagnostic fault() { return module.emitError("the module's ") << kernel::planAttribute << " "; }

  ModuleOp module;
  DictionaryAttr plan;
  SymbolTable symbols;
  int64_t arena = 0; // bytes
  Contents named;    // the plan's tensors
};

} // namespace

static std::optional<int64_t> integer(DictionaryAttr description, StringRef key) {
  auto value = description ? description.getAs<IntegerAttr>(key) : IntegerAttr();
  return value && value.getType().isInteger(64) ? std::optional(value.getInt()) : std::nullopt;
}

/// Integers, or nothing where there is something else.
static std::optional<SmallVector<int64_t>> integers(Attribute list) {
  SmallVector<int64_t> values;
  auto array = dyn_cast_or_null<ArrayAttr>(list);
  for (Attribute item : array ? array.getValue() : ArrayRef<Attribute>()) {
    auto value = dyn_cast<IntegerAttr>(item);
    if (!value)
      return std::nullopt;
    values.push_back(value.getInt());
  }
  return array ? std::optional(values) : std::nullopt;
}

/// Whether a tensor of this type is what the plan describes. Of scores it describes the first two axes.
static bool isDescribedBy(RankedTensorType type, DictionaryAttr description) {
  auto shape = integers(description.get("shape"));
  auto order = description.getAs<ArrayAttr>("order");
  auto element = description.getAs<StringAttr>("type");
  if (!shape || !order || !element || shape->size() > size_t(type.getRank()) ||
      element != (type.getElementType().isF32() ? "f32" : "i32") ||
      type.getShape().take_front(shape->size()) != ArrayRef(*shape) ||
      llvm::any_of(type.getShape().drop_front(shape->size()), [](int64_t size) { return size != 1; }))
    return false;
  SmallVector<SmallVector<int64_t>> loops;
  kernel::LayoutAttr layout = kernel::layoutOf(type);
  if (!layout.isRowMajor())
    for (const kernel::StorageLoop &loop : layout.order(type.getShape()))
      if (loop.axis < int64_t(shape->size()))
        loops.push_back({loop.axis, loop.size, loop.step});
  return llvm::equal(order, loops, [](Attribute given, const SmallVector<int64_t> &loop) {
    return integers(given) == std::optional(loop);
  });
}

static bool isHeld(const Held *held, RankedTensorType type) {
  if (!held || held->bytes != kernel::storedBytes(type))
    return false;
  return held->type ? held->type == type : isDescribedBy(type, held->description);
}

//===-- The plan ----------------------------------------------------------===//

LogicalResult Verifier::add(Attribute attribute, bool isParameter) {
  auto description = dyn_cast<DictionaryAttr>(attribute);
  auto offset = integer(description, "offset"), bytes = integer(description, "bytes");
  if (!offset || !bytes || *bytes < 1)
    return fault() << "has a tensor without a place, `offset` and `bytes`: " << attribute;
  auto put = [&](int64_t at) -> LogicalResult {
    if (named.overlapping(at, *bytes))
      return fault() << "has two tensors at " << at << ": " << attribute;
    named.put(at, {*bytes, {}, description, !isParameter, isParameter});
    return success();
  };
  if (failed(put(*offset)))
    return failure();
  if (!description.contains("momentum"))
    return success();
  if (auto momentum = integer(description, "momentum"))
    return put(*momentum);
  return fault() << "has a tensor whose momentum has no place: " << attribute;
}

LogicalResult Verifier::readPlan() {
  if (!plan)
    return module.emitError("has no ")
           << kernel::planAttribute << ", which says what lies where in the arena";
  auto bytes = integer(plan, "arena");
  if (!bytes || *bytes < 0)
    return fault() << "has no `arena`, the bytes of the arena";
  arena = *bytes;
  for (StringRef key : {"parameters", "inputs"}) {
    auto list = plan.getAs<ArrayAttr>(key);
    if (!list)
      return fault() << "has no list `" << key << "`";
    for (Attribute description : list)
      if (failed(add(description, key == "parameters")))
        return failure();
  }
  for (StringRef key : {"labels", "hyper"})
    if (plan.contains(key) && failed(add(plan.get(key), false)))
      return failure();
  return success();
}

//===-- Launches ----------------------------------------------------------===//

/// All buffers lie in the arena.
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
    if (bytes > arena - offset)
      return fault() << ", where its " << bytes << " bytes reach beyond the arena of " << arena;
  }
  return success();
}

LogicalResult Verifier::verifyCounters(kernel::LaunchOp launch, kernel::DefOp def, int64_t offset) {
  auto counters = plan.getAs<DictionaryAttr>("counters");
  int64_t bytes = kernel::storedBytes(cast<RankedTensorType>(def.getOperandTypes().back()));
  if (integer(counters, "offset") == offset && integer(counters, "bytes") == bytes)
    return success();
  return launch.emitOpError("counts its blocks in ")
         << bytes << " bytes at " << offset << ", which are not the counters of the "
         << kernel::planAttribute;
}

LogicalResult Verifier::verifyReads(kernel::LaunchOp launch, kernel::DefOp def, const Contents &contents) {
  size_t counters = def.getOperandTypes().size() - (def.getFolded() ? 1 : 0);
  auto offsets = launch.getArgs().take_front(def.getOperandTypes().size());
  for (auto [number, type, offset] : llvm::enumerate(def.getOperandTypes(), offsets)) {
    if (number == counters)
      return verifyCounters(launch, def, offset);
    const Held *held = contents.find(offset);
    if (isHeld(held, cast<RankedTensorType>(type)))
      continue;
    auto error = launch.emitOpError("reads operand ")
                 << number << ", " << type << ", at " << offset << ", where ";
    if (!held)
      return error << "no tensor begins when the launch does";
    if (held->type)
      return error << "a launch before has left " << held->type;
    return error << "the " << kernel::planAttribute << " has another tensor: " << held->description;
  }
  return success();
}

/// A kernel that is elementwise may store where it reads.
static bool storesInPlace(kernel::DefOp def) {
  return def.getKernel()->hasTrait<kernel::UpdatesInPlace>() || def.getFolded();
}

LogicalResult Verifier::verifyWrites(kernel::LaunchOp launch, kernel::DefOp def, Contents &contents) {
  size_t operands = def.getOperandTypes().size();
  ArrayRef<int64_t> reads = launch.getArgs().take_front(operands),
                    writes = launch.getArgs().drop_front(operands);
  Contents mine; // what the launch itself reads, then writes
  for (auto [offset, type] : llvm::zip_equal(reads, def.getOperandTypes()))
    mine.put(offset, {kernel::storedBytes(cast<RankedTensorType>(type)), {}, {}});
  for (auto [number, value] : llvm::enumerate(llvm::zip_equal(writes, def.getResultTypes()))) {
    auto [offset, type] = value;
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes = kernel::storedBytes(tensor);
    auto fault = [&] { return launch.emitOpError("writes result ") << number << " at " << offset << ", "; };
    if (auto *other = mine.overlapping(offset, bytes);
        other && !(storesInPlace(def) && other->first == offset && other->second.bytes == bytes &&
                   !other->second.type))
      return fault() << "over what it reads or writes at " << other->first;
    auto *old = contents.overlapping(offset, bytes);
    bool renews = old && old->second.isParameter && old->first == offset && old->second.bytes == bytes;
    if (old && (old->second.keeps || (old->second.isParameter && !renews)))
      return fault() << "over a tensor of the " << kernel::planAttribute << ": " << old->second.description;
    mine.put(offset, {bytes, tensor, {}});
    if (!renews)
      contents.put(offset, {bytes, tensor, {}});
    else if (!isDescribedBy(tensor, old->second.description))
      return fault() << "as " << type << ", where the " << kernel::planAttribute
                     << " has another tensor: " << old->second.description;
  }
  return success();
}

LogicalResult Verifier::verifyOutputs(kernel::EntryOp entry, const Contents &contents) {
  auto outputs = plan.getAs<DictionaryAttr>("outputs");
  auto list = outputs ? outputs.getAs<ArrayAttr>(entry.getSymName()) : ArrayAttr();
  for (Attribute output : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto description = dyn_cast<DictionaryAttr>(output);
    auto offset = integer(description, "offset"), bytes = integer(description, "bytes");
    const Held *held = offset ? contents.find(*offset) : nullptr;
    if (!held || !held->type || held->bytes != bytes || !isDescribedBy(held->type, description))
      return entry.emitOpError("leaves no such output where the ")
             << kernel::planAttribute << " has it: " << output;
  }
  return success();
}

LogicalResult Verifier::verifyEntry(kernel::EntryOp entry, Contents &contents) {
  for (auto launch : entry.getOps<kernel::LaunchOp>()) {
    auto def = symbols.lookup<kernel::DefOp>(launch.getKernel());
    if (!def)
      return launch.emitOpError("runs @") << launch.getKernel() << ", which is no kernel.def of the module";
    if (failed(verifyPlaces(launch, def)) || failed(verifyReads(launch, def, contents)) ||
        failed(verifyWrites(launch, def, contents)))
      return failure();
  }
  return verifyOutputs(entry, contents);
}

/// Of what @prepare has made, only its segment is left when @infer begins.
LogicalResult Verifier::keepPrepared(Contents &contents) {
  int64_t offset = 0, bytes = 0;
  auto segments = plan.getAs<ArrayAttr>("segments");
  for (Attribute item : segments ? segments.getValue() : ArrayRef<Attribute>()) {
    auto segment = dyn_cast<ArrayAttr>(item);
    auto name = segment && segment.size() == 3 ? dyn_cast<StringAttr>(segment[0]) : StringAttr();
    auto from = name ? dyn_cast<IntegerAttr>(segment[1]) : IntegerAttr();
    auto size = name ? dyn_cast<IntegerAttr>(segment[2]) : IntegerAttr();
    if (!from || !size)
      return fault() << "has a segment that is not [name, offset, bytes]: " << item;
    if (name == "prepared") {
      offset = from.getInt();
      bytes = size.getInt();
    }
  }
  contents.keepWithin(offset, bytes);
  return success();
}

LogicalResult Verifier::run() {
  if (failed(readPlan()))
    return failure();
  Contents prepared = named;
  if (auto prepare = symbols.lookup<kernel::EntryOp>("prepare");
      prepare && failed(verifyEntry(prepare, prepared)))
    return failure();
  if (failed(keepPrepared(prepared)))
    return failure();
  for (auto entry : module.getOps<kernel::EntryOp>()) {
    Contents contents = entry.getSymName() == "infer" ? prepared : named;
    if (entry.getSymName() != "prepare" && failed(verifyEntry(entry, contents)))
      return failure();
  }
  return success();
}

LogicalResult kinema::verifyLaunches(ModuleOp planned) { return Verifier(planned).run(); }
