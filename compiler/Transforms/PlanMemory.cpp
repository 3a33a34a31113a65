// Pass plan-memory: buffers get places in one arena, functions become lists of launches.
#include "compiler/Transforms/ArenaLayout.h"
#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Kernel/Traffic.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

bool isLaunch(Operation &op) { return isa<kernel::LaunchableOp>(op) && op.getParentOfType<func::FuncOp>(); }

/// What the launch `op` goes on with, or null.
kernel::FinalizeOp foldedInto(Operation *op) {
  for (Value result : op->getResults())
    for (Operation *user : result.getUsers())
      if (auto finalize = dyn_cast<kernel::FinalizeOp>(user);
          finalize && finalize.getFolded() && finalize.getPartials() == result)
        return finalize;
  return {};
}

bool isFoldedAway(Operation *op) {
  auto finalize = dyn_cast<kernel::FinalizeOp>(op);
  return finalize && finalize.getFolded();
}

/// Made by @prepare for @infer.
bool isFolded(clip::ParamOp param) { return param.getRole() == "prepared"; }

/// A tensor that keeps its place: a parameter, an input, an output.
struct Place {
  int64_t offset;
  RankedTensorType type;
};

class Planner {
public:
  explicit Planner(ModuleOp module) : module(module), b(module.getContext()) {}

  LogicalResult run();
  int64_t launches = 0, kernels = 0;

private:
  LogicalResult placeParameters();
  void placeFolded();
  void placeCounters();
  void placeArguments(func::FuncOp function);
  LogicalResult placeResults(func::FuncOp function);
  LogicalResult placeUpdates(func::FuncOp function, DenseMap<Value, int64_t> &at);
  bool usesFolded(func::FuncOp function);
  LogicalResult planFunction(func::FuncOp function);
  void emitEntry(func::FuncOp function, const DenseMap<Value, int64_t> &at);
  kernel::DefOp makeKernel(Operation *op);
  StringAttr kernelFor(Operation *op);

  int64_t take(RankedTensorType type) {
    int64_t offset = end;
    end += shape::roundUp(kernel::storedBytes(type), kernel::arenaAlignment);
    return offset;
  }
  void closeSegment(StringRef name) {
    segments.push_back(b.getArrayAttr(
        {b.getStringAttr(name), b.getI64IntegerAttr(segmentBegin), b.getI64IntegerAttr(end - segmentBegin)}));
    segmentBegin = end;
  }

  // The manifest's form.
  DictionaryAttr describe(StringRef name, const Place &place, ArrayRef<NamedAttribute> more = {});
  DictionaryAttr describeOutput(StringRef name, const Place &place);
  std::optional<NamedAttribute> fileShape(StringRef parameter);
  ArrayAttr describeParameters();
  void attachPlan();

  ModuleOp module;
  Builder b;
  int64_t end = 0, segmentBegin = 0;
  std::optional<Place> counters;    // zero when an entry begins; for the blocks of whatever kernel runs
  int64_t folded = 0;               // bytes of what @prepare makes for @infer; before their activations
  int64_t shared = 0, separate = 0; // bytes of activations, as planned and if none shared memory
  SmallVector<Attribute> segments;
  llvm::MapVector<StringRef, Place> parameters;
  llvm::MapVector<StringRef, Place> arguments;
  DenseMap<Value, Place> resultPlaces;
  SmallVector<std::pair<StringRef, SmallVector<Attribute>>> outputs; // by function
  SmallVector<Attribute> inputs;
  llvm::StringMap<kernel::DefOp> defs; // by the operation's text
};

LogicalResult Planner::run() {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions)
    if (failed(verifyNames(function)))
      return failure();
  if (failed(placeParameters()))
    return failure();
  closeSegment("parameters");
  for (func::FuncOp function : functions) {
    placeArguments(function);
    if (failed(placeResults(function)))
      return failure();
  }
  placeCounters();
  closeSegment("inputs and outputs");
  placeFolded();
  for (func::FuncOp function : functions)
    if (failed(planFunction(function)))
      return failure();
  if (folded > 0) {
    end += folded;
    closeSegment("prepared");
  }
  end += std::max<int64_t>(shared - folded, 0);
  closeSegment("activations");
  for (func::FuncOp function : functions)
    function.erase();
  attachPlan();
  return success();
}

/// One place a parameter, of the layout that all its reads and writes share.
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
    parameters[param.getSymName()] = {isFolded(param) ? 0 : take(type), type};
  }
  return result;
}

/// At the beginning of the activations.
void Planner::placeFolded() {
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (!isFolded(param))
      continue;
    Place &place = parameters[param.getSymName()];
    place.offset = end + folded;
    folded += shape::roundUp(kernel::storedBytes(place.type), kernel::arenaAlignment);
  }
}

/// One for each vector of channels that a block may have for itself.
void Planner::placeCounters() {
  constexpr int64_t fewestChannels = 8;
  int64_t most = 0;
  module.walk([&](kernel::FinalizeOp op) {
    if (op.getFolded())
      most = std::max(most, shape::ceilDiv(tensorOf(op.getPartials()).getDimSize(2), fewestChannels));
  });
  auto type = RankedTensorType::get({most}, b.getI32Type());
  if (most > 0)
    counters = Place{take(type), type};
}

/// Whether the function reads or makes what is folded.
bool Planner::usesFolded(func::FuncOp function) {
  auto names = [&](StringRef name) { return isFolded(module.lookupSymbol<clip::ParamOp>(name)); };
  return llvm::any_of(function.getOps<clip::ReadOp>(),
                      [&](clip::ReadOp read) { return names(read.getParam()); }) ||
         llvm::any_of(function.getOps<clip::WriteOp>(),
                      [&](clip::WriteOp write) { return names(write.getParam()); });
}

void Planner::placeArguments(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto name =
        function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), clip::nameAttribute).getValue();
    bool isNew = !arguments.contains(name);
    if (isNew)
      arguments[name] = {take(tensorOf(argument)), tensorOf(argument)};
    auto kind = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), clip::inputAttribute);
    if (isNew && kind)
      inputs.push_back(describe(name, arguments[name], b.getNamedAttr("kind", kind)));
  }
}

LogicalResult Planner::placeResults(func::FuncOp function) {
  auto &list = outputs.emplace_back(function.getSymName(), SmallVector<Attribute>()).second;
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands())) {
    if (!value.getDefiningOp() || !isLaunch(*value.getDefiningOp()))
      return function.emitError("result ")
             << i << " of @" << function.getSymName() << " is not made by a kernel";
    auto name = function.getResultAttrOfType<StringAttr>(i, clip::nameAttribute).getValue();
    auto [known, isNew] = resultPlaces.try_emplace(value, Place{end, tensorOf(value)});
    if (isNew)
      take(tensorOf(value));
    list.push_back(describeOutput(name, known->second));
  }
  return success();
}

/// A new value of a parameter goes where the old one lies: nobody may read the old one later, and only what
/// is elementwise may read it at the same time.
LogicalResult Planner::placeUpdates(func::FuncOp function, DenseMap<Value, int64_t> &at) {
  for (auto write : function.getOps<clip::WriteOp>()) {
    Operation *maker = write.getValue().getDefiningOp();
    if (!maker || !isLaunch(*maker) || at.contains(write.getValue()))
      return write.emitError("the new value of @") << write.getParam() << " is not made for it alone";
    bool elementwise = maker->hasTrait<kernel::UpdatesInPlace>();
    for (auto read : function.getOps<clip::ReadOp>())
      for (Operation *user : read->getUsers())
        if (read.getParam() == write.getParam() && !isa<clip::WriteOp>(user) &&
            (user == maker ? !elementwise : maker->isBeforeInBlock(user)))
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
  for (Value value : function.front().getTerminator()->getOperands())
    at.try_emplace(value, resultPlaces[value].offset);

  DenseMap<Operation *, int64_t> position;
  int64_t next = 0;
  for (Operation &op : function.front())
    if (isLaunch(op))
      position[&op] = isFoldedAway(&op) ? position.lookup(op.getOperand(0).getDefiningOp()) : next++;
  std::vector<Lifetime> lives;
  SmallVector<Value> values;
  for (Operation &op : function.front()) {
    if (!isLaunch(op))
      continue;
    for (Value result : op.getResults()) {
      if (at.contains(result))
        continue;
      int64_t last = position[&op];
      for (Operation *user : result.getUsers())
        last = std::max(last, position.lookup(user));
      lives.push_back({kernel::storedBytes(tensorOf(result)), position[&op], last});
      values.push_back(result);
    }
  }
  ArenaLayout layout = layOutArena(lives);
  int64_t first = usesFolded(function) ? folded : 0;
  for (auto [value, offset] : llvm::zip(values, layout.offsets))
    at[value] = end + first + offset;
  if (first + layout.bytes > shared) {
    shared = first + layout.bytes;
    separate = first + layout.separateBytes;
  }
  emitEntry(function, at);
  return success();
}

/// A kernel.def that does what `op` does, and what is folded into it.
kernel::DefOp Planner::makeKernel(Operation *op) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto def =
      kernel::DefOp::create(builder, op->getLoc(), "k" + std::to_string(kernels), builder.getArrayAttr({}));
  Block &body = def.getBody().emplaceBlock();
  builder.setInsertionPointToStart(&body);
  Operation *copy = builder.clone(*op);
  // One argument an operand, even where two operands are one value: they may be two buffers at another
  // launch.
  for (OpOperand &operand : copy->getOpOperands())
    operand.set(body.addArgument(operand.get().getType(), op->getLoc()));
  SmallVector<Value> results(copy->getResults());
  if (auto folded = foldedInto(op)) {
    IRMapping mapping;
    mapping.map(op->getResults(), copy->getResults());
    auto last = cast<kernel::FinalizeOp>(builder.clone(*folded, mapping));
    for (OpOperand &input : last.getInputsMutable())
      input.set(body.addArgument(input.get().getType(), op->getLoc()));
    body.addArgument(counters->type, op->getLoc());
    llvm::append_range(results, last.getResults());
  }
  kernel::ReturnOp::create(builder, op->getLoc(), results);
  return def;
}

/// The kernel.def that does what `op` does, made when it is the first of its kind.
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

void Planner::emitEntry(func::FuncOp function, const DenseMap<Value, int64_t> &at) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto entry = kernel::EntryOp::create(builder, function.getLoc(), function.getSymName());
  builder.setInsertionPointToEnd(&entry.getBody().emplaceBlock());
  for (Operation &op : function.front()) {
    if (!isLaunch(op) || isFoldedAway(&op))
      continue;
    SmallVector<int64_t> offsets;
    auto add = [&](ValueRange values) {
      for (Value value : values)
        offsets.push_back(at.lookup(value));
    };
    kernel::FinalizeOp folded = foldedInto(&op);
    kernel::Traffic traffic = kernel::trafficOf(&op);
    add(op.getOperands());
    if (folded) {
      add(folded.getInputs());
      offsets.push_back(counters->offset);
      kernel::Traffic more = kernel::trafficOf(folded);
      traffic.reads += more.reads;
      traffic.writes += more.writes;
    }
    add(op.getResults());
    if (folded)
      add(folded.getResults());
    kernel::LaunchOp::create(builder, op.getLoc(), kernelFor(&op).getValue(), offsets, traffic.reads,
                             traffic.writes, traffic.macs, layerName(op.getLoc()));
    ++launches;
  }
}

//===-- The manifest's form -----------------------------------------------===//

/// Sizes of 1 behind the channels are no axes of scores: [N, C, 1, 1, 1] is [N, C].
static ArrayRef<int64_t> outerShape(RankedTensorType type) {
  bool isScores = type.getRank() == 5 && shape::product(clip::spatialSize(type)) == 1;
  return type.getShape().take_front(isScores ? 2 : type.getRank());
}

DictionaryAttr Planner::describe(StringRef name, const Place &place, ArrayRef<NamedAttribute> more) {
  SmallVector<Attribute> order;
  kernel::LayoutAttr layout = kernel::layoutOf(place.type);
  if (!layout.isRowMajor())
    for (const kernel::StorageLoop &loop : layout.order(place.type.getShape()))
      order.push_back(b.getI64ArrayAttr({loop.axis, loop.size, loop.step}));
  SmallVector<NamedAttribute> entries = {
      b.getNamedAttr("name", b.getStringAttr(name)),
      b.getNamedAttr("type", b.getStringAttr(llvm::formatv("{0}", place.type.getElementType()).str())),
      b.getNamedAttr("shape", b.getI64ArrayAttr(place.type.getShape())),
      b.getNamedAttr("order", b.getArrayAttr(order)),
      b.getNamedAttr("offset", b.getI64IntegerAttr(place.offset)),
      b.getNamedAttr("bytes", b.getI64IntegerAttr(kernel::storedBytes(place.type)))};
  NamedAttrList all(entries);
  for (NamedAttribute entry : more)
    all.set(entry.getName(), entry.getValue());
  return all.getDictionary(b.getContext());
}

std::optional<NamedAttribute> Planner::fileShape(StringRef parameter) {
  auto param = module.lookupSymbol<clip::ParamOp>(parameter);
  if (!param || !param.getFileShape())
    return std::nullopt;
  return b.getNamedAttr("file_shape", b.getI64ArrayAttr(*param.getFileShape()));
}

DictionaryAttr Planner::describeOutput(StringRef name, const Place &place) {
  StringRef parameter = name;
  if (parameter.consume_front("grad.")) {
    auto shape = fileShape(parameter);
    return describe(name, place, shape ? ArrayRef(*shape) : ArrayRef<NamedAttribute>());
  }
  ArrayRef<int64_t> shape = outerShape(place.type);
  SmallVector<Attribute> order;
  for (Attribute loop : describe(name, place).getAs<ArrayAttr>("order"))
    if (cast<IntegerAttr>(cast<ArrayAttr>(loop)[0]).getInt() < int64_t(shape.size()))
      order.push_back(loop);
  return describe(
      name, place,
      {b.getNamedAttr("shape", b.getI64ArrayAttr(shape)), b.getNamedAttr("order", b.getArrayAttr(order))});
}

ArrayAttr Planner::describeParameters() {
  SmallVector<Attribute> list;
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (param.getRole() == "momentum" || isFolded(param))
      continue;
    SmallVector<NamedAttribute> more = {b.getNamedAttr("role", param.getRoleAttr())};
    if (param.getInit())
      more.push_back(b.getNamedAttr("init", *param.getInit()));
    if (auto shape = fileShape(param.getSymName()))
      more.push_back(*shape);
    auto momentum = parameters.find((param.getSymName() + ".momentum").str());
    if (momentum != parameters.end())
      more.push_back(b.getNamedAttr("momentum", b.getI64IntegerAttr(momentum->second.offset)));
    list.push_back(describe(param.getSymName(), parameters[param.getSymName()], more));
  }
  return b.getArrayAttr(list);
}

void Planner::attachPlan() {
  auto integer = [&](int64_t value) { return b.getI64IntegerAttr(value); };
  SmallVector<NamedAttribute> outputLists;
  for (auto &[name, list] : outputs)
    outputLists.push_back(b.getNamedAttr(name, b.getArrayAttr(list)));
  SmallVector<NamedAttribute> plan = {
      b.getNamedAttr("arena", integer(end)),
      b.getNamedAttr("activations", integer(shared)),
      b.getNamedAttr("separate_activations", integer(separate)),
      b.getNamedAttr("segments", b.getArrayAttr(segments)),
      b.getNamedAttr("parameters", describeParameters()),
      b.getNamedAttr("inputs", b.getArrayAttr(inputs)),
      b.getNamedAttr("outputs", b.getDictionaryAttr(outputLists)),
  };
  if (arguments.contains("labels"))
    plan.push_back(b.getNamedAttr("labels", describe("labels", arguments["labels"])));
  if (arguments.contains("hyper")) {
    const Place &hyper = arguments["hyper"];
    auto fields = llvm::map_to_vector(clip::HyperAttr::of(hyper.type).getFields(), clip::stringifyHyperField);
    plan.push_back(b.getNamedAttr(
        "hyper", describe("hyper", hyper, b.getNamedAttr("fields", b.getStrArrayAttr(fields)))));
  }
  if (counters)
    plan.push_back(b.getNamedAttr(
        "counters",
        b.getDictionaryAttr({b.getNamedAttr("offset", integer(counters->offset)),
                             b.getNamedAttr("bytes", integer(kernel::storedBytes(counters->type)))})));
  module->setAttr(kernel::planAttribute, b.getDictionaryAttr(plan));
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
