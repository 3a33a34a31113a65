// Retargets calls, and the operations without memory: special registers, barriers, warp operations,
// conversions.
#include "compiler/Target/NVGPU/Emulator/Retarget.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema::emulator;

// ---- What the host does as it stands

static bool isKnownOnHost(Operation *op) {
  using namespace LLVM;
  if (isa<LLVMFuncOp, GlobalOp, ReturnOp, BrOp, CondBrOp, SwitchOp, SelectOp, CallOp, UnreachableOp, FreezeOp,
          ConstantOp, UndefOp, PoisonOp, ZeroOp, AllocaOp, GEPOp, InsertValueOp, ExtractElementOp,
          InsertElementOp, ShuffleVectorOp, BitcastOp>(op))
    return true;
  if (isa<AddOp, SubOp, MulOp, UDivOp, SDivOp, URemOp, SRemOp, AndOp, OrOp, XOrOp, ShlOp, LShrOp, AShrOp,
          ICmpOp, TruncOp, ZExtOp, SExtOp>(op))
    return true;
  if (isa<FAddOp, FSubOp, FMulOp, FDivOp, FRemOp, FNegOp, FCmpOp, FPExtOp, FPTruncOp, SIToFPOp, UIToFPOp,
          FPToSIOp, FPToUIOp>(op))
    return true;
  if (isa<FMAOp, FMulAddOp, SqrtOp, FAbsOp, FFloorOp, FCeilOp, FTruncOp, RoundOp, RoundEvenOp, RintOp,
          NearbyintOp, CopySignOp, MaxNumOp, MinNumOp, MaximumOp, MinimumOp, IsFPClass, Exp2Op, Log2Op, SinOp,
          CosOp>(op))
    return true;
  return isa<SMaxOp, SMinOp, UMaxOp, UMinOp, AbsOp, CtPopOp, CountLeadingZerosOp, CountTrailingZerosOp,
             BitReverseOp, ByteSwapOp, FshlOp, FshrOp, SAddWithOverflowOp, UAddWithOverflowOp,
             SSubWithOverflowOp, USubWithOverflowOp, SMulWithOverflowOp, UMulWithOverflowOp>(op);
}

LogicalResult Retargeter::retarget(Operation *op) {
  current = op;
  b.setInsertionPoint(op);
  if (auto extract = dyn_cast<LLVM::ExtractValueOp>(op))
    return retargetAccumulator(extract);
  if (isKnownOnHost(op))
    return success();
  for (auto step :
       {&Retargeter::retargetMemory, &Retargeter::retargetRegister, &Retargeter::retargetSynchronisation,
        &Retargeter::retargetWarp, &Retargeter::retargetConversion, &Retargeter::retargetMBarrier,
        &Retargeter::retargetCopy, &Retargeter::retargetTensorCopy, &Retargeter::retargetMatrix,
        &Retargeter::retargetWgmma, &Retargeter::retargetTensorMemory})
    if (succeeded((this->*step)(op)))
      return success();
  return op->emitError("the emulator does not know ") << op->getName() << " in this form";
}

// ---- Building blocks

Value Retargeter::constant(Type type, int64_t value) {
  return LLVM::ConstantOp::create(b, current->getLoc(), type, b.getIntegerAttr(type, value));
}

Value Retargeter::call(StringRef name, Type result, ValueRange operands) {
  SmallVector<Type> types;
  for (Type type : operands.getTypes())
    types.push_back(isa<LLVM::LLVMPointerType>(type) ? pointer : type);
  std::string symbol = ("kinema_emulator_" + name).str();
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(b.getContext()), types);
    function = LLVM::LLVMFuncOp::create(b, module.getLoc(), symbol, type);
  }
  auto call = LLVM::CallOp::create(b, current->getLoc(), function, operands);
  return result ? call.getResult() : Value();
}

Value Retargeter::callHere(StringRef name, Type result, SmallVector<Value> operands) {
  operands.push_back(constant(siteOf(current)));
  return call(name, result, operands);
}

Value Retargeter::zeroExtend(Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return value;
  if (from > to)
    return LLVM::TruncOp::create(b, current->getLoc(), type, value);
  return LLVM::ZExtOp::create(b, current->getLoc(), type, value);
}

Value Retargeter::isTrue(Value value) {
  return LLVM::ICmpOp::create(b, current->getLoc(), LLVM::ICmpPredicate::ne, value,
                              constant(value.getType(), 0));
}

Value Retargeter::makeStruct(Type type, ValueRange fields) {
  Value all = LLVM::UndefOp::create(b, current->getLoc(), type);
  for (auto [i, field] : llvm::enumerate(fields))
    all = LLVM::InsertValueOp::create(b, current->getLoc(), all, field, int64_t(i));
  return all;
}

void Retargeter::replace(Operation *op, Value value) {
  if (value) {
    // What a call returns has no address space yet; the operation's own says how the memory may be accessed.
    if (value.getDefiningOp<LLVM::CallOp>() && isa<LLVM::LLVMPointerType>(value.getType()))
      value.setType(op->getResult(0).getType());
    op->getResult(0).replaceAllUsesWith(value);
  }
  op->erase();
}

void Retargeter::guard(Operation *op, Value predicate) {
  Block *before = op->getBlock(), *inside = before->splitBlock(op),
        *after = inside->splitBlock(op->getNextNode());
  b.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(b, op->getLoc(), predicate, inside, after);
  b.setInsertionPointToEnd(inside);
  LLVM::BrOp::create(b, op->getLoc(), after);
  b.setInsertionPoint(op);
}

static std::string textOf(Location loc) {
  if (auto file = dyn_cast<FileLineColLoc>(loc))
    return (file.getFilename().strref() + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn())).str();
  if (auto name = dyn_cast<NameLoc>(loc)) {
    std::string inner = textOf(name.getChildLoc());
    return inner.empty() ? name.getName().str() : (name.getName().strref() + " (" + inner + ")").str();
  }
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return textOf(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string text = textOf(part); !text.empty())
        return text;
  return "";
}

int64_t Retargeter::siteOf(Operation *op) {
  constexpr int64_t mostOfOneText = 1 << 15, textBits = 16;
  std::string where = textOf(op->getLoc());
  std::string text = op->getName().getStringRef().str() + (where.empty() ? "" : " " + where);
  auto [entry, isNew] = siteNumbers.try_emplace(text, Site{int64_t(sites.size()), 0});
  if (isNew)
    sites.push_back(text);
  Site &site = entry->second;
  return std::min(site.places++, mostOfOneText) << textBits | site.text;
}

// ---- Special registers

LogicalResult Retargeter::retargetRegister(Operation *op) {
  using namespace NVVM;
  // The names stand in the order of runtime/Emulator/Calls.cpp.
  static const StringRef names[] = {ThreadIdXOp::getOperationName(),
                                    ThreadIdYOp::getOperationName(),
                                    ThreadIdZOp::getOperationName(),
                                    BlockDimXOp::getOperationName(),
                                    BlockDimYOp::getOperationName(),
                                    BlockDimZOp::getOperationName(),
                                    BlockIdXOp::getOperationName(),
                                    BlockIdYOp::getOperationName(),
                                    BlockIdZOp::getOperationName(),
                                    GridDimXOp::getOperationName(),
                                    GridDimYOp::getOperationName(),
                                    GridDimZOp::getOperationName(),
                                    LaneIdOp::getOperationName(),
                                    WarpSizeOp::getOperationName(),
                                    WarpIdOp::getOperationName(),
                                    WarpDimOp::getOperationName(),
                                    LaneMaskEqOp::getOperationName(),
                                    LaneMaskLeOp::getOperationName(),
                                    LaneMaskLtOp::getOperationName(),
                                    LaneMaskGeOp::getOperationName(),
                                    LaneMaskGtOp::getOperationName(),
                                    ClusterIdXOp::getOperationName(),
                                    ClusterIdYOp::getOperationName(),
                                    ClusterIdZOp::getOperationName(),
                                    ClusterDimXOp::getOperationName(),
                                    ClusterDimYOp::getOperationName(),
                                    ClusterDimZOp::getOperationName(),
                                    BlockInClusterIdXOp::getOperationName(),
                                    BlockInClusterIdYOp::getOperationName(),
                                    BlockInClusterIdZOp::getOperationName(),
                                    ClusterDimBlocksXOp::getOperationName(),
                                    ClusterDimBlocksYOp::getOperationName(),
                                    ClusterDimBlocksZOp::getOperationName(),
                                    ClusterId::getOperationName(),
                                    ClusterDim::getOperationName(),
                                    DynamicSmemSize::getOperationName(),
                                    TotalSmemSize::getOperationName()};
  const StringRef *found = llvm::find(names, op->getName().getStringRef());
  if (found == std::end(names))
    return failure();
  Value value = callHere("register", i32, {constant(found - std::begin(names))});
  replace(op, zeroExtend(value, op->getResult(0).getType()));
  return success();
}

// ---- Barriers and fences

LogicalResult Retargeter::retargetSynchronisation(Operation *op) {
  using namespace NVVM;
  auto orZero = [&](Value value) { return value ? value : constant(0); };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](Barrier0Op) {
        callHere("barrier", {}, {constant(0), constant(0)});
        return replace(op, {}), success();
      })
      .Case([&](BarrierOp barrier) {
        Value id = orZero(barrier.getBarrierId()), threads = orZero(barrier.getNumberOfThreads());
        Value result;
        if (auto reduction = barrier.getReductionOp())
          result = callHere("barrier_reduce", i32,
                            {id, threads, constant(int64_t(*reduction)), barrier.getReductionPredicate()});
        else
          callHere("barrier", {}, {id, threads});
        return replace(op, result), success();
      })
      .Case([&](BarrierArriveOp arrive) {
        callHere("barrier_arrive", {}, {orZero(arrive.getBarrierId()), arrive.getNumberOfThreads()});
        return replace(op, {}), success();
      })
      .Case([&](SyncWarpOp sync) {
        callHere("warp_sync", {}, {sync.getMask()});
        return replace(op, {}), success();
      })
      .Case([&](ClusterArriveOp) {
        callHere("cluster_arrive", {}, {constant(0)});
        return replace(op, {}), success();
      })
      .Case([&](ClusterArriveRelaxedOp) {
        callHere("cluster_arrive", {}, {constant(1)});
        return replace(op, {}), success();
      })
      .Case([&](ClusterWaitOp) {
        callHere("cluster_wait", {}, {});
        return replace(op, {}), success();
      })
      .Case([&](FenceProxyOp fence) -> LogicalResult {
        if (fence.getKind() == ProxyKind::alias || fence.getKind() == ProxyKind::GENERIC ||
            fence.getKind() == ProxyKind::TENSORMAP)
          return failure();
        int64_t kind = fence.getKind() == ProxyKind::async_global   ? 1
                       : fence.getKind() == ProxyKind::async_shared ? 2
                                                                    : 0;
        callHere("fence_proxy", {}, {constant(kind)});
        return replace(op, {}), success();
      })
      .Case([&](FenceMbarrierInitOp) {
        callHere("fence_mbarrier_init", {}, {});
        return replace(op, {}), success();
      })
      // Threads run one at a time, so that the others of a block see what one has written. Whether they may
      // rely on it is checked at barriers.
      .Case([&](FenceScClusterOp) { return replace(op, {}), success(); })
      .Case([&](MembarOp fence) {
        if (fence.getScope() == MemScopeKind::GPU || fence.getScope() == MemScopeKind::SYS)
          callHere("fence_device", {}, {});
        return replace(op, {}), success();
      })
      // A launch begins when the one before it has ended.
      .Case([&](GriddepcontrolOp) { return replace(op, {}), success(); })
      .Case([&](LLVM::FenceOp fence) {
        bool isForAll = !fence.getSyncscope() || fence.getSyncscope() == "device";
        bool isBoth = llvm::is_contained({LLVM::AtomicOrdering::acq_rel, LLVM::AtomicOrdering::seq_cst},
                                         fence.getOrdering());
        if (isForAll && isBoth)
          callHere("fence_device", {}, {});
        return replace(op, {}), success();
      })
      .Case([&](SetMaxRegisterOp set) {
        callHere("set_registers", {},
                 {constant(set.getRegCount()), constant(set.getAction() == SetMaxRegisterAction::increase)});
        return replace(op, {}), success();
      })
      .Case([&](NanosleepOp) {
        callHere("pause", {}, {});
        return replace(op, {}), success();
      })
      .Case<GriddepcontrolOp>(
          [&](auto) { return replace(op, {}), success(); }) // launches run one after the other
      .Case([&](NVVM::Exit) {
        callHere("exit", {}, {});
        return replace(op, {}), success();
      })
      .Case<LLVM::Trap, LLVM::DebugTrap, Breakpoint>([&](auto) {
        callHere("trap", {}, {});
        return replace(op, {}), success();
      })
      .Default([](Operation *) { return failure(); });
}

// ---- Values of a warp's lanes

LogicalResult Retargeter::retargetWarp(Operation *op) {
  using namespace NVVM;
  Location loc = op->getLoc();
  auto asInteger = [&](Value value) -> Value {
    return value.getType().isF32() ? LLVM::BitcastOp::create(b, loc, i32, value).getResult() : value;
  };
  auto asType = [&](Value bits, Type type) -> Value {
    return type.isF32() ? LLVM::BitcastOp::create(b, loc, type, bits).getResult() : bits;
  };
  /// Returns the low and the high half of what a call returns.
  auto halves = [&](Value both) {
    Value low = LLVM::TruncOp::create(b, loc, i32, both);
    Value high = LLVM::LShrOp::create(b, loc, both, constant(i64, 32));
    return std::pair(low, isTrue(high));
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ShflOp shuffle) {
        Value both = callHere("shuffle", i64,
                              {constant(int64_t(shuffle.getKind())), shuffle.getThreadMask(),
                               asInteger(shuffle.getVal()), shuffle.getOffset(), shuffle.getMaskAndClamp()});
        auto [bits, valid] = halves(both);
        Value value = asType(bits, shuffle.getVal().getType());
        if (shuffle.getReturnValueAndIsValid())
          value = makeStruct(shuffle.getType(), {value, valid});
        return replace(op, value), success();
      })
      .Case([&](VoteSyncOp vote) {
        Value result =
            callHere("vote", i32,
                     {constant(int64_t(vote.getKind())), vote.getMask(), zeroExtend(vote.getPred(), i32)});
        return replace(op, vote.getType().isInteger(1) ? isTrue(result) : result), success();
      })
      .Case([&](MatchSyncOp match) {
        Value both = callHere(
            "match", i64,
            {constant(int64_t(match.getKind())), match.getThreadMask(), zeroExtend(match.getVal(), i64)});
        auto [mask, same] = halves(both);
        return replace(op, match.getKind() == MatchSyncKind::all ? makeStruct(match.getType(), {mask, same})
                                                                 : mask),
               success();
      })
      .Case([&](ElectSyncOp elect) {
        Value mask = elect.getMembermask() ? elect.getMembermask() : constant(-1);
        return replace(op, isTrue(callHere("elect", i32, {mask}))), success();
      })
      .Case([&](ReduxOp redux) {
        Value bits = callHere("redux", i32,
                              {constant(int64_t(redux.getKind())), redux.getMaskAndClamp(),
                               asInteger(redux.getVal()), constant(redux.getAbs() + 2 * redux.getNan())});
        return replace(op, asType(bits, redux.getType())), success();
      })
      .Default([](Operation *) { return failure(); });
}

// ---- Arithmetic that LLVM's dialect lacks

/// Returns whether inline assembly only hides a value from the optimiser.
static bool isPlainMove(LLVM::InlineAsmOp op) {
  StringRef text = op.getAsmString().trim();
  return op.getOperands().size() == 1 && op->getNumResults() == 1 &&
         (text == "mov.b32 $0, $1;" || text == "mov.b64 $0, $1;");
}

LogicalResult Retargeter::retargetConversion(Operation *op) {
  using namespace NVVM;
  Location loc = op->getLoc();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](RcpApproxFtzF32Op reciprocal) {
        Value one = LLVM::ConstantOp::create(b, loc, b.getF32Type(), b.getF32FloatAttr(1));
        return replace(op, LLVM::FDivOp::create(b, loc, one, reciprocal.getArg())), success();
      })
      .Case([&](ConvertF32x2ToBF16x2Op convert) -> LogicalResult {
        if (convert.getRnd() != FPRoundingMode::RN || convert.getSat() != SaturationMode::NONE ||
            convert.getRelu())
          return failure();
        Value pair = LLVM::UndefOp::create(b, loc, convert.getType());
        for (auto [i, half] : llvm::enumerate(ValueRange{convert.getSrcLo(), convert.getSrcHi()}))
          pair = LLVM::InsertElementOp::create(
              b, loc, pair, LLVM::FPTruncOp::create(b, loc, b.getBF16Type(), half), constant(int64_t(i)));
        return replace(op, pair), success();
      })
      .Case([&](ConvertFloatToTF32Op convert) -> LogicalResult {
        if (convert.getRnd() != FPRoundingMode::RNA || convert.getSat() != SaturationMode::NONE ||
            convert.getRelu())
          return failure();
        // ties away from zero: half of the last of 10 bits is added, the rest dropped
        Value bits = LLVM::BitcastOp::create(b, loc, i32, convert.getSrc());
        Value up = LLVM::AddOp::create(b, loc, bits, constant(0x1000));
        return replace(op, LLVM::AndOp::create(b, loc, up, constant(int32_t(0xFFFFE000)))), success();
      })
      .Case([&](LLVM::InlineAsmOp assembly) -> LogicalResult {
        if (!isPlainMove(assembly))
          return failure();
        return replace(op, assembly.getOperands()[0]), success();
      })
      .Case<LLVM::AssumeOp, LLVM::LifetimeStartOp, LLVM::LifetimeEndOp, LLVM::Prefetch>(
          [&](auto) { return replace(op, {}), success(); })
      .Default([](Operation *) { return failure(); });
}
