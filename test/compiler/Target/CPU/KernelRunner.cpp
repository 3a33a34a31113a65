#include "KernelRunner.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/WeightGradTile.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <ctime>
#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu::test;

Storage::Storage(size_t count, float fill) : count(count) {
  pointer.reset(static_cast<float *>(::operator new[](count * sizeof(float) + 64, std::align_val_t(64))));
  std::fill_n(pointer.get(), count, fill);
}

/// Calls body(position in storage, row-major index or -1 for padding).
static void overStorage(RankedTensorType type, llvm::function_ref<void(int64_t, int64_t)> body) {
  auto shape = type.getShape();
  auto loops = kernel::layoutOf(type).order(shape);
  int64_t total = kernel::layoutOf(type).storedElements(shape);
  for (int64_t position = 0; position < total; ++position) {
    SmallVector<int64_t> at(shape.size(), 0);
    int64_t rest = position;
    for (size_t i = loops.size(); i-- > 0; rest /= loops[i].size)
      at[loops[i].axis] += rest % loops[i].size * loops[i].step;
    int64_t index = 0;
    for (size_t axis = 0; axis < shape.size() && index >= 0; ++axis)
      index = at[axis] < shape[axis] ? index * shape[axis] + at[axis] : -1;
    body(position, index);
  }
}

Storage kinema::cpu::test::pack(const Tensor &tensor, RankedTensorType type) {
  Storage storage(kernel::storedBytes(type) / 4);
  overStorage(type, [&](int64_t position, int64_t index) {
    if (index >= 0)
      storage.data()[position] = tensor.values[index];
  });
  return storage;
}

Tensor kinema::cpu::test::unpack(Storage &storage, RankedTensorType type, int64_t &dirty) {
  Tensor tensor{type.getShape().vec(), std::vector<double>(type.getNumElements())};
  overStorage(type, [&](int64_t position, int64_t index) {
    if (index >= 0)
      tensor.values[index] = storage.data()[position];
    else
      dirty += storage.data()[position] != 0.0f;
  });
  return tensor;
}

//===-- Compilation -------------------------------------------------------===//

[[noreturn]] static void fail(const Twine &what) {
  llvm::errs() << "error: " << what << "\n";
  std::exit(1);
}

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<kernel::KernelDialect, func::FuncDialect, memref::MemRefDialect, scf::SCFDialect,
                  vector::VectorDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

static void lower(ModuleOp module) {
  PassManager manager(module.getContext());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  ConvertFuncToLLVMPassOptions options;
  options.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(options));
  manager.addPass(createReconcileUnrealizedCastsPass());
  if (failed(manager.run(module)))
    fail("the kernel does not lower to LLVM");
}

/// `void entry(void *const *args, i64 begin, i64 end, void *scratch)`, which calls the kernel.
static void addEntry(llvm::Module &module, llvm::Function *kernel) {
  auto &context = module.getContext();
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *i64 = llvm::Type::getInt64Ty(context);
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64, pointer}, false);
  auto *entry = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "entry", module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", entry));
  SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0; i + 3 < kernel->arg_size(); ++i)
    arguments.push_back(
        builder.CreateLoad(pointer, builder.CreateConstGEP1_64(pointer, entry->getArg(0), i)));
  for (unsigned i = 1; i < 4; ++i)
    arguments.push_back(entry->getArg(i));
  builder.CreateCall(kernel, arguments);
  builder.CreateRetVoid();
}

static void optimise(llvm::Module &module, llvm::TargetMachine *machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

/// The target's own choice.
static std::optional<kernel::ScheduleAttr> choose(Operation *op) {
  if (auto conv = dyn_cast<kernel::ConvOp>(op))
    return cpu::scheduleConvTile(conv);
  return cpu::scheduleWeightGradTile(cast<kernel::WeightGradOp>(op));
}

static double processorTime() { return double(std::clock()) / CLOCKS_PER_SEC; }

Kernel::Kernel(const std::string &text, const Scheduler &scheduler) : context(makeContext()) {
  module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    fail("the test's kernel does not parse:\n" + text);
  def = *module->getOps<kernel::DefOp>().begin();
  kernel = def.getKernel();
  double start = processorTime();
  setSchedule(scheduler ? scheduler(kernel) : choose(kernel));
  scheduleSeconds = processorTime() - start;
  compile();
  compileSeconds = processorTime() - start - scheduleSeconds;
}

Kernel::~Kernel() = default;

void Kernel::setSchedule(std::optional<kernel::ScheduleAttr> schedule) {
  if (!schedule)
    fail("the kernel has no schedule");
  kernel->setAttr("schedule", *schedule);
  for (Value result : kernel->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.isDynamicDim(0)) {
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = schedule->getInt("partials");
      result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
    }
  }
}

void Kernel::compile() {
  auto target = OwningOpRef<ModuleOp>(ModuleOp::create(module->getLoc()));
  OpBuilder builder = OpBuilder::atBlockEnd(target->getBody());
  KernelEmitter emitter(builder, module->getLoc());
  emitter.begin(def);
  if (auto conv = dyn_cast<kernel::ConvOp>(kernel))
    emitConvTile(conv, emitter);
  else
    emitWeightGradTile(cast<kernel::WeightGradOp>(kernel), emitter);
  lower(*target);

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto machineBuilder = llvm::orc::JITTargetMachineBuilder(llvm::Triple("x86_64-unknown-linux-gnu"));
  machineBuilder.setCPU("x86-64-v3");
  machineBuilder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  auto machine = llvm::cantFail(machineBuilder.createTargetMachine());
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto llvmModule = translateModuleToLLVMIR(*target, *llvmContext);
  if (!llvmModule)
    fail("the kernel does not translate to LLVM IR");
  llvmModule->setDataLayout(machine->createDataLayout());
  llvmModule->setTargetTriple(machine->getTargetTriple());
  addEntry(*llvmModule, llvmModule->getFunction(def.getSymName()));
  optimise(*llvmModule, machine.get());
  jit = llvm::cantFail(llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(machineBuilder).create());
  llvm::cantFail(jit->addIRModule({std::move(llvmModule), std::move(llvmContext)}));
  entry = llvm::cantFail(jit->lookup("entry")).toPtr<Entry>();
}

//===-- Running -----------------------------------------------------------===//

kernel::ScheduleAttr Kernel::schedule() { return kernel->getAttrOfType<kernel::ScheduleAttr>("schedule"); }
RankedTensorType Kernel::operandType(unsigned i) {
  return cast<RankedTensorType>(kernel->getOperand(i).getType());
}
RankedTensorType Kernel::resultType(unsigned i) {
  return cast<RankedTensorType>(kernel->getResult(i).getType());
}

void Kernel::run(ArrayRef<float *> buffers, ArrayRef<int64_t> blocks) {
  constexpr size_t guard = 64;
  size_t count = schedule().getScratch() / 4;
  for (int64_t block : blocks) {
    Storage poisoned(count + guard, std::numeric_limits<float>::quiet_NaN());
    std::fill_n(poisoned.data() + count, guard, 12345.0f);
    entry(reinterpret_cast<void *const *>(buffers.data()), block, block + 1, poisoned.data());
    for (size_t i = 0; i < guard; ++i)
      if (poisoned.data()[count + i] != 12345.0f)
        fail("block " + Twine(block) + " writes beyond its scratch");
  }
}

void Kernel::runAll(ArrayRef<float *> buffers) {
  if (!scratch)
    scratch = std::make_unique<Storage>(schedule().getScratch() / 4);
  entry(reinterpret_cast<void *const *>(buffers.data()), 0, schedule().getGrid(), scratch->data());
}
