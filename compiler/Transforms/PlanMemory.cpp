// Implements the pass plan-memory: buffers get places in one arena, and functions become lists of launches.
#include "compiler/Transforms/ArenaLayout.h"
#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Params.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Kernel/Traffic.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace kinema {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

bool isLaunch(Operation &op) { return isa<kernel::LaunchableOp>(op) && op.getParentOfType<func::FuncOp>(); }

/// Returns the merge that the launch `op` goes on with, or null.
kernel::FinalizeOp attachedTo(Operation *op) {
  for (Value result : op->getResults())
    for (Operation *user : result.getUsers())
      if (auto finalize = dyn_cast<kernel::FinalizeOp>(user);
          finalize && finalize.getAttached() && finalize.getPartials() == result)
        return finalize;
  return {};
}

bool isAttached(Operation *op) {
  auto finalize = dyn_cast<kernel::FinalizeOp>(op);
  return finalize && finalize.getAttached();
}

/// Returns the number of the last launch that needs what lies where a launch has left `value`. A sum over
/// ranks leaves its result there.
int64_t lastUseOf(Value value, const DenseMap<Operation *, int64_t> &position) {
  int64_t last = 0;
  for (OpOperand &use : value.getUses()) {
    last = std::max(last, position.lookup(use.getOwner()));
    if (auto sum = dyn_cast<kernel::RankSumOp>(use.getOwner()))
      last = std::max(last, lastUseOf(sum.getSums()[use.getOperandNumber()], position));
  }
  return last;
}

/// Succeeds if the ranks can add up the values where these lie: a launch has made them for the sum alone.
LogicalResult checkInPlace(kernel::RankSumOp sum) {
  for (auto [number, value] : llvm::enumerate(sum.getValues()))
    if (!value.getDefiningOp() || !isLaunch(*value.getDefiningOp()) || !value.hasOneUse())
      return sum.emitOpError("adds up operand ") << number << ", which is not made by a kernel for it alone";
  return success();
}

/// Returns whether @prepare makes the parameter for @infer.
bool isPrepared(clip::ParamOp param) { return kernel::bufferRoleOf(param) == kernel::BufferRole::Prepared; }

/// A Place is where a tensor lies that keeps its place: a parameter, an input or an output.
struct Place {
  int64_t offset;
  RankedTensorType type;
};

class Planner {
public:
  explicit Planner(ModuleOp module) : module(module), arenaBuilder(module.getBodyRegion()) {}

  LogicalResult run();
  int64_t launches = 0, kernels = 0;

private:
  LogicalResult placeParameters();
  void placePrepared();
  void placeCounters();
  LogicalResult placeArguments(func::FuncOp function);
  LogicalResult placeResults(func::FuncOp function);
  LogicalResult placeUpdates(func::FuncOp function, DenseMap<Value, int64_t> &at);
  bool usesPrepared(func::FuncOp function);
  LogicalResult planFunction(func::FuncOp function);
  void emitEntry(func::FuncOp function, const DenseMap<Value, int64_t> &at);
  void emitOutputs(func::FuncOp function, OpBuilder &builder);
  kernel::DefOp makeKernel(Operation *op);
  StringAttr kernelFor(Operation *op);

  int64_t take(RankedTensorType type) {
    int64_t offset = end;
    end += shape::roundUp(kernel::storedBytes(type), kernel::arenaAlignment);
    return offset;
  }
  /// Closes the segment that holds everything placed since the last one.
  void closeSegment(kernel::SegmentKind kind) {
    kernel::SegmentOp::create(arenaBuilder, arena.getLoc(), kind, segmentBegin, end - segmentBegin);
    segmentBegin = end;
  }
  void addBuffer(Location location, kernel::BufferRole role, StringRef name, const Place &place,
                 StringRef of = {}, StringRef kind = {});
  LogicalResult addParameter(clip::ParamOp param);
  LogicalResult addArgument(func::FuncOp function, unsigned number);

  ModuleOp module;
  OpBuilder arenaBuilder;
  kernel::ArenaOp arena;
  int64_t end = 0, segmentBegin = 0;
  std::optional<Place> counters;    // zero when an entry begins; every kernel's blocks may count in them
  int64_t prepared = 0;             // bytes of what @prepare makes for @infer, before the activations
  int64_t shared = 0, separate = 0; // bytes of activations, as planned and without sharing memory
  llvm::MapVector<StringRef, Place> parameters;
  llvm::MapVector<StringRef, Place> arguments;
  DenseMap<Value, Place> resultPlaces;
  llvm::StringMap<kernel::DefOp> defs; // keyed by the operation's text
};

LogicalResult Planner::run() {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions)
    if (failed(verifyNames(function)))
      return failure();
  arenaBuilder.setInsertionPointToEnd(module.getBody());
  constexpr int64_t unknown = 0;
  arena = kernel::ArenaOp::create(arenaBuilder, module.getLoc(), unknown, unknown, unknown);
  arenaBuilder.setInsertionPointToEnd(&arena.getBody().emplaceBlock());
  if (failed(placeParameters()))
    return failure();
  closeSegment(kernel::SegmentKind::Parameters);
  for (func::FuncOp function : functions)
    if (failed(placeArguments(function)) || failed(placeResults(function)))
      return failure();
  placeCounters();
  closeSegment(kernel::SegmentKind::InputsAndOutputs);
  placePrepared();
  for (func::FuncOp function : functions)
    if (failed(planFunction(function)))
      return failure();
  if (prepared > 0) {
    end += prepared;
    closeSegment(kernel::SegmentKind::Prepared);
  }
  end += std::max<int64_t>(shared - prepared, 0);
  closeSegment(kernel::SegmentKind::Activations);
  arena.setBytes(end);
  arena.setActivations(shared);
  arena.setSeparateActivations(separate);
  for (func::FuncOp function : functions)
    function.erase();
  return success();
}

void Planner::addBuffer(Location location, kernel::BufferRole role, StringRef name, const Place &place,
                        StringRef of, StringRef kind) {
  MLIRContext *context = module.getContext();
  kernel::BufferOp::create(arenaBuilder, location, role, name,
                           of.empty() ? FlatSymbolRefAttr() : FlatSymbolRefAttr::get(context, of),
                           kind.empty() ? StringAttr() : StringAttr::get(context, kind), place.offset,
                           place.type);
}

/// Adds the parameter's buffer, whose place has been decided, to the arena.
LogicalResult Planner::addParameter(clip::ParamOp param) {
  kernel::BufferRole role = kernel::bufferRoleOf(param);
  StringRef of;
  if (role == kernel::BufferRole::State) {
    of = clip::parameterOfState(param);
    if (!module.lookupSymbol<clip::ParamOp>(of))
      return param.emitOpError("is ")
             << param.getRole() << ", but named after no parameter: expected @NAME." << param.getRole();
  }
  addBuffer(param.getLoc(), role, param.getSymName(), parameters[param.getSymName()], of);
  return success();
}

/// Gives each parameter one place, in the layout that all its reads and writes share.
LogicalResult Planner::placeParameters() {
  llvm::StringMap<RankedTensorType> types;
  LogicalResult result = success();
  auto see = [&](Operation *op, StringRef name, Value value) {
    auto [known, isNew] = types.try_emplace(name, tensorOf(value));
    if (!isNew && known->second != value.getType())
      result = op->emitError("parameter @")
               << name << " is stored as " << known->second << " and as " << value.getType();
  };
  module.walk([&](Operation *op) {
    if (auto read = dyn_cast<clip::ReadOp>(op))
      see(op, read.getParam(), read.getValue());
    else if (auto write = dyn_cast<clip::WriteOp>(op))
      see(op, write.getParam(), write.getValue());
  });
  for (auto param : module.getOps<clip::ParamOp>()) {
    auto known = types.find(param.getSymName());
    auto type = known == types.end() ? param.getTensorType() : known->second;
    parameters[param.getSymName()] = {isPrepared(param) ? 0 : take(type), type};
    if (!isPrepared(param) && failed(addParameter(param)))
      return failure();
  }
  return result;
}

/// Places what is prepared at the beginning of the activations.
void Planner::placePrepared() {
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (!isPrepared(param))
      continue;
    Place &place = parameters[param.getSymName()];
    place.offset = end + prepared;
    prepared += shape::roundUp(kernel::storedBytes(place.type), kernel::arenaAlignment);
    addBuffer(param.getLoc(), kernel::BufferRole::Prepared, param.getSymName(), place);
  }
}

/// Places the counters: one for each vector of channels that a block may finish by itself.
void Planner::placeCounters() {
  constexpr int64_t fewestChannels = 8;
  int64_t most = 0;
  module.walk([&](kernel::FinalizeOp op) {
    if (op.getAttached())
      most = std::max(most, shape::ceilDiv(tensorOf(op.getPartials()).getDimSize(2), fewestChannels));
  });
  auto type = RankedTensorType::get({most}, arenaBuilder.getI32Type());
  if (most == 0)
    return;
  counters = Place{take(type), type};
  addBuffer(module.getLoc(), kernel::BufferRole::Counters, "counters", *counters);
}

/// Returns whether the function reads or makes what is prepared.
bool Planner::usesPrepared(func::FuncOp function) {
  auto names = [&](StringRef name) { return isPrepared(module.lookupSymbol<clip::ParamOp>(name)); };
  return llvm::any_of(function.getOps<clip::ReadOp>(),
                      [&](clip::ReadOp read) { return names(read.getParam()); }) ||
         llvm::any_of(function.getOps<clip::WriteOp>(),
                      [&](clip::WriteOp write) { return names(write.getParam()); });
}

/// Adds an argument of a function. Functions that have an argument of the same name share it.
LogicalResult Planner::addArgument(func::FuncOp function, unsigned number) {
  auto name = function.getArgAttrOfType<StringAttr>(number, clip::nameAttribute).getValue();
  auto kind = function.getArgAttrOfType<StringAttr>(number, clip::inputAttribute);
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[number]);
  if (auto known = arguments.find(name); known != arguments.end()) {
    if (known->second.type == type)
      return success();
    return function.emitError("@") << function.getSymName() << " has the argument " << name << " of type "
                                   << type << ", another function has it as " << known->second.type;
  }
  auto role = kind                ? std::optional(kernel::BufferRole::Input)
              : name == "labels"  ? std::optional(kernel::BufferRole::Labels)
              : name == "targets" ? std::optional(kernel::BufferRole::Targets)
              : name == "shares"  ? std::optional(kernel::BufferRole::Shares)
              : name == "hyper"   ? std::optional(kernel::BufferRole::Hyper)
                                  : std::nullopt;
  if (!role)
    return function.emitError("@")
           << function.getSymName() << " has the argument " << name
           << ", which is none of labels, targets, shares and hyper, nor an input, of which "
           << clip::inputAttribute << " says the kind";
  arguments[name] = {take(type), type};
  addBuffer(function.getLoc(), *role, name, arguments[name], {}, kind ? kind.getValue() : StringRef());
  return success();
}

LogicalResult Planner::placeArguments(func::FuncOp function) {
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    if (failed(addArgument(function, number)))
      return failure();
  return success();
}

LogicalResult Planner::placeResults(func::FuncOp function) {
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    if (!value.getDefiningOp() || !isLaunch(*value.getDefiningOp()))
      return function.emitError("result ")
             << i << " of @" << function.getSymName() << " is not made by a kernel";
    auto [known, isNew] = resultPlaces.try_emplace(value, Place{end, tensorOf(value)});
    if (isNew)
      take(tensorOf(value));
  }
  return success();
}

/// Places a parameter's new value where the old one lies. Nobody may read the old value later, and only an
/// elementwise operation may read it while it is overwritten.
LogicalResult Planner::placeUpdates(func::FuncOp function, DenseMap<Value, int64_t> &at) {
  llvm::StringMap<SmallVector<Operation *>> readers; // by parameter
  for (auto read : function.getOps<clip::ReadOp>())
    llvm::append_range(readers[read.getParam()], read->getUsers());
  for (auto write : function.getOps<clip::WriteOp>()) {
    Operation *maker = write.getValue().getDefiningOp();
    if (!maker || !isLaunch(*maker) || at.contains(write.getValue()))
      return write.emitError("the new value of @") << write.getParam() << " is not made for it alone";
    bool elementwise = maker->hasTrait<kernel::UpdatesInPlace>();
    for (Operation *user : readers[write.getParam()])
      if (!isa<clip::WriteOp>(user) && (user == maker ? !elementwise : maker->isBeforeInBlock(user)))
        return user->emitError("parameter @") << write.getParam() << " is read after its update";
    at[write.getValue()] = parameters[write.getParam()].offset;
  }
  return success();
}

LogicalResult Planner::planFunction(func::FuncOp function) {
  DenseMap<Value, int64_t> at;
  for (BlockArgument argument : function.getArguments())
    at[argument] =
        arguments[function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), clip::nameAttribute)
                      .getValue()]
            .offset;
  for (auto read : function.getOps<clip::ReadOp>())
    at[read] = parameters[read.getParam()].offset;
  if (failed(placeUpdates(function, at)))
    return failure();
  for (auto sum : function.getOps<kernel::RankSumOp>())
    if (failed(checkInPlace(sum)))
      return failure();
  for (Value value : function.front().getTerminator()->getOperands())
    at.try_emplace(value, resultPlaces[value].offset);

  DenseMap<Operation *, int64_t> position;
  int64_t next = 0;
  for (Operation &op : function.front())
    if (isLaunch(op))
      position[&op] = isAttached(&op) ? position.lookup(op.getOperand(0).getDefiningOp()) : next++;
    else if (isa<kernel::RankSumOp>(op))
      position[&op] = next - 1;
  std::vector<Lifetime> lives;
  SmallVector<Value> values;
  for (Operation &op : function.front()) {
    if (!isLaunch(op))
      continue;
    for (Value result : op.getResults()) {
      if (at.contains(result))
        continue;
      int64_t last = std::max(position[&op], lastUseOf(result, position));
      lives.push_back({kernel::storedBytes(tensorOf(result)), position[&op], last});
      values.push_back(result);
    }
  }
  ArenaLayout layout = layOutArena(lives);
  int64_t first = usesPrepared(function) ? prepared : 0;
  for (auto [value, offset] : llvm::zip(values, layout.offsets))
    at[value] = end + first + offset;
  if (first + layout.bytes > shared) {
    shared = first + layout.bytes;
    separate = first + layout.separateBytes;
  }
  for (auto sum : function.getOps<kernel::RankSumOp>())
    for (auto [value, result] : llvm::zip_equal(sum.getValues(), sum.getSums()))
      at[result] = at.lookup(value);
  emitEntry(function, at);
  return success();
}

/// A kernel.def that does what `op` does, and what is attached to it.
kernel::DefOp Planner::makeKernel(Operation *op) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto def =
      kernel::DefOp::create(builder, op->getLoc(), "k" + std::to_string(kernels), builder.getArrayAttr({}));
  Block &body = def.getBody().emplaceBlock();
  builder.setInsertionPointToStart(&body);
  Operation *copy = builder.clone(*op);
  // Each operand becomes an argument of its own, even where two operands are one value: at another launch
  // they may be two buffers.
  for (OpOperand &operand : copy->getOpOperands())
    operand.set(body.addArgument(operand.get().getType(), op->getLoc()));
  SmallVector<Value> results(copy->getResults());
  if (auto attached = attachedTo(op)) {
    IRMapping mapping;
    mapping.map(op->getResults(), copy->getResults());
    auto last = cast<kernel::FinalizeOp>(builder.clone(*attached, mapping));
    for (OpOperand &input : last.getInputsMutable())
      input.set(body.addArgument(input.get().getType(), op->getLoc()));
    body.addArgument(counters->type, op->getLoc());
    llvm::append_range(results, last.getResults());
  }
  kernel::ReturnOp::create(builder, op->getLoc(), results);
  return def;
}

/// Returns the kernel.def that does what `op` does; makes it if `op` is the first of its kind.
StringAttr Planner::kernelFor(Operation *op) {
  kernel::DefOp def = makeKernel(op);
  Builder builder(module.getContext());
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Operation &part : def.getBody().front().without_terminator())
    part.print(stream, OpPrintingFlags().useLocalScope());
  auto layer = builder.getStringAttr(layerName(op->getLoc()));
  auto [known, isNew] = defs.try_emplace(text, def);
  if (isNew) {
    ++kernels;
  } else {
    def.erase();
    def = known->second;
  }
  SmallVector<Attribute> layers(def.getLayers().begin(), def.getLayers().end());
  if (!llvm::is_contained(layers, layer))
    layers.push_back(layer);
  def.setLayersAttr(builder.getArrayAttr(layers));
  return def.getSymNameAttr();
}

static void emitSum(kernel::RankSumOp sum, OpBuilder &builder, const DenseMap<Value, int64_t> &at) {
  auto offsets = llvm::map_to_vector(sum.getValues(), [&](Value value) { return at.lookup(value); });
  auto types = llvm::to_vector<4>(sum.getValues().getTypes());
  kernel::AddUpOp::create(builder, sum.getLoc(), offsets, builder.getTypeArrayAttr(types), sum.getWeighted(),
                          layerName(sum.getLoc()));
}

void Planner::emitEntry(func::FuncOp function, const DenseMap<Value, int64_t> &at) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto entry = kernel::EntryOp::create(builder, function.getLoc(), function.getSymName());
  builder.setInsertionPointToEnd(&entry.getBody().emplaceBlock());
  for (Operation &op : function.front()) {
    if (auto sum = dyn_cast<kernel::RankSumOp>(op))
      emitSum(sum, builder, at);
    if (!isLaunch(op) || isAttached(&op))
      continue;
    SmallVector<int64_t> offsets;
    auto add = [&](ValueRange values) {
      for (Value value : values)
        offsets.push_back(at.lookup(value));
    };
    kernel::FinalizeOp attached = attachedTo(&op);
    kernel::Traffic traffic = kernel::trafficOf(&op);
    add(op.getOperands());
    if (attached) {
      add(attached.getInputs());
      offsets.push_back(counters->offset);
      kernel::Traffic more = kernel::trafficOf(attached);
      traffic.reads += more.reads;
      traffic.writes += more.writes;
    }
    add(op.getResults());
    if (attached)
      add(attached.getResults());
    kernel::LaunchOp::create(builder, op.getLoc(), kernelFor(&op).getValue(), offsets, traffic.reads,
                             traffic.writes, traffic.macs, layerName(op.getLoc()));
    ++launches;
  }
  emitOutputs(function, builder);
}

/// Adds the outputs. A gradient is named by the word `grad.` and its parameter's name.
void Planner::emitOutputs(func::FuncOp function, OpBuilder &builder) {
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    auto name = function.getResultAttrOfType<StringAttr>(i, clip::nameAttribute);
    StringRef of = name.getValue();
    auto param = of.consume_front("grad.") ? module.lookupSymbol<clip::ParamOp>(of) : clip::ParamOp();
    const Place &place = resultPlaces[value];
    kernel::OutputOp::create(builder, function.getLoc(), name.getValue(),
                             param ? FlatSymbolRefAttr::get(param) : FlatSymbolRefAttr(),
                             function.getResultAttrOfType<StringAttr>(i, clip::layerAttribute), place.offset,
                             place.type);
  }
}

struct PlanMemory : kinema::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    Planner planner(getOperation());
    if (failed(planner.run()))
      return signalPassFailure();
    launches += planner.launches;
    kernels += planner.kernels;
  }
};

} // namespace
