#include "KernelRunner.h"
#include "test/compiler/Target/CPU/CompileScheduled.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "AmxInstructions.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/InterleaveWeights.h"
#include "compiler/Target/CPU/MatmulTile.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "runtime/Device/CpuLevel.h"

#include "mlir/Parser/Parser.h"

#include <ctime>
#include <dlfcn.h>
#include <filesystem>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu::test;

Storage::Storage(size_t count, float fill)
    : count(count), pointer(static_cast<float *>(::operator new[](count * sizeof(float) + 64, alignment))) {
  madvise(pointer.get(), count * sizeof(float), MADV_HUGEPAGE); // as the runtime does
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

static size_t words(RankedTensorType type) { return shape::ceilDiv(kernel::storedBytes(type), 4); }

double kinema::cpu::test::rounded(double value, Type element) {
  bool isExact = false;
  llvm::APFloat number(value);
  number.convert(cast<FloatType>(element).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &isExact);
  return number.convertToDouble();
}

/// The element in memory: bfloat16 is the upper half of an f32.
static void write(Storage &storage, RankedTensorType type, int64_t position, float value) {
  if (type.getElementType().isF32())
    storage.data()[position] = value;
  else
    reinterpret_cast<uint16_t *>(storage.data())[position] = llvm::bit_cast<uint32_t>(value) >> 16;
}

static float read(Storage &storage, RankedTensorType type, int64_t position) {
  if (type.getElementType().isF32())
    return storage.data()[position];
  return llvm::bit_cast<float>(uint32_t(reinterpret_cast<uint16_t *>(storage.data())[position]) << 16);
}

Storage kinema::cpu::test::pack(const Tensor &tensor, RankedTensorType type) {
  Storage storage(words(type));
  overStorage(type, [&](int64_t position, int64_t index) {
    if (index >= 0)
      write(storage, type, position, rounded(tensor.values[index], type.getElementType()));
  });
  return storage;
}

Tensor kinema::cpu::test::unpack(Storage &storage, RankedTensorType type, int64_t &dirty) {
  Tensor tensor{type.getShape().vec(), std::vector<double>(type.getNumElements())};
  overStorage(type, [&](int64_t position, int64_t index) {
    if (index >= 0)
      tensor.values[index] = read(storage, type, position);
    else
      dirty += read(storage, type, position) != 0.0f;
  });
  return tensor;
}

//===-- Compilation -------------------------------------------------------===//

bool kinema::cpu::test::runsHere(const Level &level) {
  auto runs = [](llvm::StringRef name) {
    return kinema::runsHere(*findCpuLevel({name.data(), name.size()}));
  };
  if (runs(level.name))
    return true;
  if (!level.machine.multipliesMatrices || !runs("x86-64-v4-bf16"))
    return false;
  computeAmxInstructions();
  return true;
}

[[noreturn]] static void fail(const Twine &what) {
  llvm::errs() << "error: " << what << "\n";
  std::exit(1);
}

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerHostCode(registry);
  registry.insert<kernel::KernelDialect>();
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

/// The target's own choice.
static std::optional<kernel::ScheduleAttr> choose(Operation *op, const cpu::Level &level) {
  if (auto winograd = dyn_cast<kernel::WinogradOp>(op))
    return cpu::winogradWeightSchedule(winograd, level.machine);
  if (auto convert = dyn_cast<kernel::ConvertOp>(op))
    return cpu::interleaveWeightsSchedule(convert, level.machine);
  auto first = [](ArrayRef<Candidate> candidates) {
    return candidates.empty() ? std::nullopt : std::optional(candidates.front().schedule);
  };
  if (auto matmul = dyn_cast<kernel::MatmulOp>(op))
    return first(cpu::matmulTileCandidates(matmul, level));
  if (auto conv = dyn_cast<kernel::ConvOp>(op))
    return first(conv.getGroups() > 1 ? cpu::groupConvTileCandidates(conv, level)
                                      : cpu::convTileCandidates(conv, level, conv.getWinogradTile()));
  auto wgrad = cast<kernel::WeightGradOp>(op);
  return first(wgrad.getGroups() > 1 ? cpu::groupWeightGradCandidates(wgrad, level)
                                     : cpu::weightGradTileCandidates(wgrad, level));
}

static double processorTime() { return double(std::clock()) / CLOCKS_PER_SEC; }

Kernel::Kernel(const std::string &text, const Level &level, const Scheduler &scheduler)
    : context(makeContext()) {
  module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    fail("the test's kernel does not parse:\n" + text);
  kinema::testing::setTarget(*module, kernel::TargetKind::CPU, level.name);
  kernel = (*module->getOps<kernel::DefOp>().begin()).getKernel();
  double start = processorTime();
  setSchedule(scheduler ? scheduler(kernel) : choose(kernel, level));
  scheduleSeconds = processorTime() - start;
  compile();
  compileSeconds = processorTime() - start - scheduleSeconds;
}

Kernel::~Kernel() { dlclose(library); }

void Kernel::setSchedule(std::optional<kernel::ScheduleAttr> schedule) {
  if (!schedule)
    fail("the kernel has no schedule");
  cast<kernel::LaunchableOp>(kernel).setScheduleAttr(*schedule);
  for (Value result : kernel->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.isDynamicDim(0)) {
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = schedule->getPartials();
      result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
    }
  }
}

void Kernel::compile() {
  auto code = kinema::testing::compileForCPU(*module);
  if (failed(code))
    fail("the kernel does not compile");
  // A name of its own: the loader takes two files of one name for the same.
  std::string path = std::filesystem::temp_directory_path() / "kernel-XXXXXX";
  int file = mkstemp(path.data());
  if (::write(file, code->data(), code->size()) != ssize_t(code->size()))
    fail("cannot write " + path);
  close(file);
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  unlink(path.c_str());
  if (!library)
    fail(dlerror());
  entry = reinterpret_cast<Entry>(dlsym(library, "kernel"));
  if (!entry)
    fail("the shared object lacks the kernel");
}

//===-- Running -----------------------------------------------------------===//

kernel::ScheduleAttr Kernel::schedule() { return kernel::scheduleOf(kernel); }
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
