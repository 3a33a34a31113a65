// Implements the pass nvvm-to-emulator: modules, kernels, and what the emulator must know of them.
#include "compiler/Target/NVGPU/Emulator/Passes.h"
#include "compiler/Target/NVGPU/Emulator/Retarget.h"
#include "compiler/Target/NVGPU/Processor.h"

#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"

namespace kinema {
#define GEN_PASS_DEF_NVVMTOEMULATOR
#include "compiler/Target/NVGPU/Emulator/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using kinema::emulator::Retargeter;
using kinema::nvidia::Processor;

/// Puts a nested module with the operations of a gpu.module in its place.
static ModuleOp unwrap(gpu::GPUModuleOp from) {
  OpBuilder b(from);
  auto module = ModuleOp::create(b, from.getLoc());
  for (StringRef name : {"dlti.dl_spec", "llvm.data_layout"})
    if (Attribute attribute = from->getAttr(name))
      module->setAttr(name, attribute);
  module.getBody()->getOperations().splice(module.getBody()->end(), from.getBody()->getOperations());
  from.erase();
  return module;
}

static bool isKernel(LLVM::LLVMFuncOp function) { return function->hasAttr("nvvm.kernel"); }

/// Returns the block size and the like as three numbers; nothing where the function does not state it.
static std::optional<SmallVector<int32_t, 3>> dimensions(LLVM::LLVMFuncOp kernel, ArrayRef<StringRef> names) {
  for (StringRef name : names)
    if (auto array = kernel->getAttrOfType<DenseI32ArrayAttr>(name)) {
      SmallVector<int32_t, 3> sizes(array.asArrayRef());
      sizes.resize(3, 1);
      return sizes;
    }
  return std::nullopt;
}

/// The shared memory that a block may have: the module's processor says it, or, where the module is for none
/// in particular, the one that gives most.
static FailureOr<int64_t> sharedLimitOf(ModuleOp module) {
  if (kinema::kernel::TargetAttr::of(module)) {
    const Processor *processor = kinema::nvidia::processorOf(module);
    if (!processor)
      return failure();
    return processor->blockSharedBytes();
  }
  int64_t most = 0;
  for (const Processor &processor : kinema::nvidia::processors)
    most = std::max(most, processor.blockSharedBytes());
  return most;
}

static LogicalResult checkKernel(LLVM::LLVMFuncOp function) {
  if (function.isExternal())
    return function.emitError("the emulator has no function ")
           << function.getName() << ": it is declared but not defined";
  if (isKernel(function) && !dimensions(function, {"nvvm.reqntid", "nvvm.maxntid"}))
    return function.emitError("kernel ")
           << function.getName() << " does not say how many threads a block has (nvvm.reqntid)";
  return success();
}

/// Makes every pointer a plain one.
static void dropAddressSpaces(ModuleOp module) {
  AttrTypeReplacer replacer;
  replacer.addReplacement([](LLVM::LLVMPointerType type) -> std::optional<Type> {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

namespace {

/// Writes what the emulator reads of a kernel besides its code:
///   struct { i32 version, threads[3], cluster, staticShared, sharedLimit; i32 siteCount, globalCount;
///            const char *sites; const struct { void *begin; i64 bytes, writable; } *globals; }
class InfoWriter {
public:
  /// sharedLimit: bytes that the processor gives a block.
  InfoWriter(ModuleOp module, ArrayRef<std::string> sites, int64_t sharedLimit)
      : module(module), b(module.getContext()), sharedLimit(sharedLimit) {
    b.setInsertionPointToEnd(module.getBody());
    writeSites(sites);
    writeGlobals();
  }

  void write(StringRef kernel, ArrayRef<int32_t> threads, int64_t cluster, int64_t sharedBytes) {
    SmallVector<Type> fields(9, b.getI32Type());
    fields.append(2, pointer());
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
    define((kernel + ".info").str(), type, LLVM::Linkage::External, [&](Location loc) {
      SmallVector<Value> values;
      for (int64_t value : {int64_t(4), int64_t(threads[0]), int64_t(threads[1]), int64_t(threads[2]),
                            cluster, sharedBytes, sharedLimit, siteCount, globalCount})
        values.push_back(LLVM::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(value))));
      values.push_back(LLVM::AddressOfOp::create(b, loc, pointer(), "emulator.sites"));
      values.push_back(LLVM::AddressOfOp::create(b, loc, pointer(), "emulator.globals"));
      return collect(loc, type, values);
    });
  }

private:
  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }

  Value collect(Location loc, Type type, ValueRange values) {
    Value all = LLVM::UndefOp::create(b, loc, type);
    for (auto [i, value] : llvm::enumerate(values))
      all = LLVM::InsertValueOp::create(b, loc, all, value, int64_t(i));
    return all;
  }

  void define(StringRef name, Type type, LLVM::Linkage linkage, function_ref<Value(Location)> initialise) {
    Location loc = module.getLoc();
    auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, linkage, name, Attribute());
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&global.getInitializerRegion());
    Value value = initialise(loc);
    LLVM::ReturnOp::create(b, loc, value);
  }

  void writeSites(ArrayRef<std::string> sites) {
    siteCount = int64_t(sites.size());
    std::string all;
    for (const std::string &text : sites)
      all += text + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), all.size());
    LLVM::GlobalOp::create(b, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                           "emulator.sites", b.getStringAttr(all));
  }

  /// Writes which globals kernels may read or write, beside the buffers that they are given.
  void writeGlobals() {
    DataLayout layout(module);
    SmallVector<LLVM::GlobalOp> globals;
    for (auto global : module.getOps<LLVM::GlobalOp>())
      if (!global.getSymName().starts_with("emulator."))
        globals.push_back(global);
    globalCount = int64_t(globals.size());
    auto entry =
        LLVM::LLVMStructType::getLiteral(b.getContext(), {pointer(), b.getI64Type(), b.getI64Type()});
    auto type = LLVM::LLVMArrayType::get(entry, globalCount);
    define("emulator.globals", type, LLVM::Linkage::Internal, [&](Location loc) {
      SmallVector<Value> entries;
      for (LLVM::GlobalOp global : globals) {
        int64_t bytes = int64_t(layout.getTypeSize(global.getGlobalType()));
        Value fields[] = {LLVM::AddressOfOp::create(b, loc, pointer(), global.getSymName()),
                          LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(bytes)),
                          LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(!global.getConstant()))};
        entries.push_back(collect(loc, entry, fields));
      }
      return collect(loc, type, entries);
    });
  }

  ModuleOp module;
  OpBuilder b;
  int64_t sharedLimit;
  int64_t siteCount = 0, globalCount = 0;
};

} // namespace

/// Makes the function that the emulator runs for each thread, which takes the kernel's arguments from a list.
static void writeEntry(LLVM::LLVMFuncOp body) {
  OpBuilder b(body);
  Location loc = body.getLoc();
  std::string name = body.getName().str();
  body.setName(name + ".body");
  body.setLinkage(LLVM::Linkage::Internal);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(b, loc, name, type);
  b.setInsertionPointToStart(entry.addEntryBlock(b));
  SmallVector<Value> arguments;
  // The fast range comes last in the function's parameters, and stands before the list.
  int32_t count = int32_t(body.getFunctionType().getNumParams()) - 2;
  for (auto [i, argument] : llvm::enumerate(body.getFunctionType().getParams())) {
    int32_t place = int32_t(i) < count ? int32_t(i) : int32_t(i) - count - 2;
    Value slot =
        LLVM::GEPOp::create(b, loc, pointer, pointer, entry.getArgument(0), ArrayRef<LLVM::GEPArg>{place});
    arguments.push_back(LLVM::LoadOp::create(b, loc, argument, slot));
  }
  LLVM::CallOp::create(b, loc, body, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

/// Defines the rounding to bf16. On hosts without an instruction for it, LLVM calls a function of the
/// compiler's library, so the code brings its own (round to nearest even; NaNs stay NaNs).
static void defineRounding(ModuleOp module) {
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  Location loc = module.getLoc();
  Type i32 = b.getI32Type();
  auto type = LLVM::LLVMFunctionType::get(b.getF16Type(), {b.getF32Type()}); // the bits of a bf16
  auto function = LLVM::LLVMFuncOp::create(b, loc, "__truncsfbf2", type, LLVM::Linkage::WeakODR);
  function.setVisibility_(LLVM::Visibility::Hidden);
  b.setInsertionPointToStart(function.addEntryBlock(b));
  auto number = [&](int64_t value) -> Value { return LLVM::ConstantOp::create(b, loc, i32, value); };
  Value x = function.getArgument(0);
  Value bits = LLVM::BitcastOp::create(b, loc, i32, x);
  Value sixteen = number(16);
  Value odd = LLVM::AndOp::create(b, loc, LLVM::LShrOp::create(b, loc, bits, sixteen), number(1));
  Value rounded = LLVM::AddOp::create(b, loc, bits, LLVM::AddOp::create(b, loc, odd, number(0x7FFF)));
  Value quiet = LLVM::OrOp::create(b, loc, bits, number(0x400000));
  Value isNaN = LLVM::FCmpOp::create(b, loc, LLVM::FCmpPredicate::uno, x, x);
  Value chosen = LLVM::SelectOp::create(b, loc, isNaN, quiet, rounded);
  Value high = LLVM::TruncOp::create(b, loc, b.getI16Type(), LLVM::LShrOp::create(b, loc, chosen, sixteen));
  Value result = LLVM::BitcastOp::create(b, loc, b.getF16Type(), high);
  LLVM::ReturnOp::create(b, loc, result);
}

namespace {
struct NVVMToEmulatorPass : kinema::impl::NVVMToEmulatorBase<NVVMToEmulatorPass> {
  void runOnOperation() override {
    for (auto module : llvm::to_vector(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(retarget(unwrap(module))))
        return signalPassFailure();
  }

  LogicalResult retarget(ModuleOp module) {
    auto sharedLimit = sharedLimitOf(module);
    if (failed(sharedLimit))
      return failure();
    Retargeter retargeter(module);
    if (failed(retargeter.placeSharedGlobals()))
      return failure();
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (failed(checkKernel(function)))
        return failure();
    retargeter.findWgmma();
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (isKernel(function))
        retargeter.addFastRange(function);
    SmallVector<Operation *> operations;
    module.walk([&](Operation *op) { operations.push_back(op); });
    for (Operation *op : operations)
      if (op != module && failed(retargeter.retarget(op)))
        return failure();
    dropAddressSpaces(module);
    writeEntries(module, retargeter, *sharedLimit);
    defineRounding(module);
    return success();
  }

  void writeEntries(ModuleOp module, Retargeter &retargeter, int64_t sharedLimit) {
    for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>())) {
      if (global.getAddrSpace() == 3)
        global.erase();
      else
        global.setAddrSpace(0);
    }
    InfoWriter info(module, retargeter.siteTexts(), sharedLimit);
    for (auto function : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>())) {
      bool kernel = isKernel(function);
      auto threads = dimensions(function, {"nvvm.reqntid", "nvvm.maxntid"});
      auto cluster = dimensions(function, {"nvvm.cluster_dim"});
      if (function.isExternal())
        continue; // the emulator defines it
      for (NamedAttribute attribute : llvm::to_vector(function->getDiscardableAttrs()))
        function->removeDiscardableAttr(attribute.getName());
      function.removeArgAttrsAttr();
      function.removeResAttrsAttr();
      if (!kernel) {
        function.setLinkage(LLVM::Linkage::Internal);
        continue;
      }
      info.write(function.getName(), *threads, cluster ? (*cluster)[0] : 1, retargeter.staticSharedBytes());
      writeEntry(function);
      ++kernels;
    }
  }
};
} // namespace
