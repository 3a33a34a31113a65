// Every kind of kernel of every network, in the emulator, against the CPU's reference lowering of the same
// operation on the same numbers.
//
// usage: nvgpu-networks-test MODELS [--networks NAME,...] [--precisions NAME,...] [--work WORK] [--kind KIND]
//        [--processor NAME]
// A kind's smallest kernel is made smaller still, until it is no more WORK (multiply-adds and bytes); those
// that cannot be are told. With KIND (the beginning of an operation's name), those alone.
#include "test/compiler/Target/CPU/HostKernel.h"
#include "test/compiler/Target/NVGPU/Emulator/EmulatedKernel.h"
#include "test/compiler/Target/NVGPU/OneKernel.h"
#include "test/compiler/Target/NVGPU/SmallKernel.h"

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/Common/Twins.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "dialects/Kernel/Halves.h"
#include "dialects/Kernel/Partials.h"
#include "dialects/Kernel/Terms.h"
#include "runtime/Support/Difference.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {

/// Returns the halves among what a kernel reads and makes.
Half halfOf(kernel::DefOp def) {
  auto isF16 = [](Type type) { return getElementTypeOrSelf(type).isF16(); };
  return llvm::any_of(def.getOperandTypes(), isF16) || llvm::any_of(def.getResultTypes(), isF16) ? Half::F16
                                                                                                 : Half::BF16;
}

/// Numbers that an operand of a kernel may hold, exact in bfloat16, but for those that are multiplied by
/// terms: labels, partials with counts, or anything; vectors positive, as variances are; counters zero.
Tensor operandOf(BlockArgument operand, unsigned seed) {
  auto type = cast<RankedTensorType>(operand.getType());
  if (operand.use_empty())
    return filled(type.getShape().vec(), 0);
  Tensor tensor = coarse(type.getShape().vec(), seed);
  bool hasRest = kernel::multipliesTerms(*operand.user_begin()) && type.getElementType().isF32();
  Tensor rest = hasRest ? coarse(type.getShape().vec(), seed + 100) : Tensor();
  for (size_t i = 0; i < rest.values.size(); ++i)
    tensor.values[i] += rest.values[i] / 512;
  if (type.getElementType().isInteger())
    for (float &value : tensor.values)
      value = std::trunc((value + 1) * 2); // 0 to 3: classes there are
  auto finalize = dyn_cast<kernel::FinalizeOp>(*operand.user_begin());
  bool ofMoments = finalize && finalize.getMoments() && finalize.getPartials() == operand;
  if (type.getRank() < 2 && type.getElementType().isF32())
    for (float &value : tensor.values)
      value = (std::abs(value) + 1) / 2;
  if (ofMoments)
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      size_t row = i / tensor.shape[2] % tensor.shape[1] % 3;
      if (row != 1)
        tensor.values[i] = row == 0 ? 7 : std::abs(tensor.values[i]) * 7;
    }
  return tensor;
}

struct Result {
  std::string kind; // operation and schedule
  double seconds = 0, worst = 0;
  std::string error;
};

/// Gives the kernel's operation a machine's reference schedule.
void makeReference(ModuleOp module, const Machine &machine) {
  Operation *op = defOf(module).getKernel();
  kernel::forgetPartials(op);
  auto schedule = scheduleReference(op, machine);
  cast<kernel::LaunchableOp>(op).setScheduleAttr(schedule);
  fixPartials(op, schedule);
}

/// Names a result of the kernel or of what is attached to it.
Form formOf(kernel::DefOp def, unsigned result) {
  Operation *op = def.getKernel();
  return static_cast<Form>(result < op->getNumResults() ? cast<kernel::LaunchableOp>(op).getForm(result)
                                                        : kernel::Form::Whole);
}

/// The numbers of a kernel's results.
std::vector<Tensor> resultsOf(CompiledKernel &kernel, kernel::DefOp def, ArrayRef<Tensor> operands,
                              unsigned attempt) {
  Operation *op = def.getKernel();
  std::vector<Bytes> bytes;
  for (auto [operand, type] : llvm::zip_equal(operands, def.getOperandTypes()))
    bytes.push_back(pack(operand, cast<RankedTensorType>(type)));
  for (Type type : def.getResultTypes())
    bytes.push_back(makeBytes(cast<RankedTensorType>(type)));
  size_t unwritten = operands.size() - bool(def.getAttached()); // counters are written
  std::vector<Buffer> buffers;
  for (auto [i, buffer] : llvm::enumerate(bytes))
    buffers.push_back({buffer.data(), int64_t(buffer.size() - guardBytes), i >= unwritten});
  kernel.run(buffers, kernel::scheduleOf(op).getGrid(), attempt);
  std::vector<Tensor> results;
  for (auto [i, type] : llvm::enumerate(def.getResultTypes()))
    results.push_back(unpack(bytes[operands.size() + i], cast<RankedTensorType>(type)));
  if (def.getAttached())
    EXPECT_EQ(unpack(bytes[operands.size() - 1], cast<RankedTensorType>(def.getOperandTypes().back())).values,
              operands.back().values)
        << "counters are left as they were";
  return results;
}

/// A kernel with its reference schedule, ready to run.
class Reference {
public:
  explicit Reference(OwningOpRef<ModuleOp> kernel) : module(std::move(kernel)) {
    makeReference(*module, cpu::levels[0].machine);
    compiled = compileForHost(*module);
    if (compiled)
      return;
    makeReference(*module, nvidia::plainMachine);
    compiled = compileForEmulator(*module);
  }
  explicit operator bool() const { return bool(compiled); }
  std::vector<Tensor> run(ArrayRef<Tensor> operands) {
    return resultsOf(*compiled, defOf(*module), operands, 0);
  }

private:
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<CompiledKernel> compiled;
};

/// Returns what an attached merge makes of the partials that its kernel has left, by the reference.
std::vector<Tensor> attachedResults(ModuleOp module, ArrayRef<Tensor> operands, ArrayRef<Tensor> results) {
  kernel::DefOp def = defOf(module);
  kernel::FinalizeOp attached = def.getAttached();
  std::vector<Tensor> its = {results[cast<OpResult>(attached.getPartials()).getResultNumber()]};
  llvm::append_range(its, operands.drop_front(def.getKernel()->getNumOperands()).drop_back());
  OwningOpRef<ModuleOp> alone = module.clone();
  keepAttached(defOf(*alone));
  return Reference(std::move(alone)).run(its);
}

void compare(const NetworkKernel &kernel, Result &result) {
  auto module = parseSourceString<ModuleOp>(kernel.text, &contextOfThread());
  kernel::DefOp def = defOf(*module);
  Operation *op = def.getKernel();
  auto schedule = kernel::scheduleOf(op).getName();
  result.kind = op->getName().stripDialect().str() + " " + schedule.str();
  auto emulated = compileForEmulator(*module);
  OwningOpRef<ModuleOp> plain = module->clone();
  dropAttached(defOf(*plain));
  Reference reference(std::move(plain));
  if (!emulated || !reference) {
    result.error = "does not compile";
    return;
  }
  std::vector<Tensor> operands;
  for (BlockArgument operand : def.getBody().front().getArguments())
    operands.push_back(operandOf(operand, 1 + operand.getArgNumber()));
  auto wanted = reference.run(ArrayRef(operands).take_front(op->getNumOperands()));
  for (unsigned attempt : {0, 1, 2}) { // copies land late, early, at random
    auto found = resultsOf(*emulated, def, operands, attempt);
    wanted.resize(op->getNumResults());
    if (def.getAttached())
      llvm::append_range(wanted, attachedResults(*module, operands, found));
    for (unsigned i = 0; i < found.size(); ++i) {
      Type element = cast<RankedTensorType>(def.getResultTypes()[i]).getElementType();
      Form form = formOf(def, i);
      Merged is = merge(found[i].values, found[i].shape, form);
      Merged should = merge(wanted[i].values, wanted[i].shape, form);
      for (double &size : should.sizes) // as operands are
        size += 1;
      Operation *maker = i < op->getNumResults() ? op : def.getAttached();
      Arithmetic arithmetic{cast<kernel::LaunchableOp>(maker).getDepth(), kernel::readsNarrow(maker),
                            kernel::isHalf(element), halfOf(def)};
      double distance = difference(is, should, form, arithmetic).distance;
      result.worst = distance <= result.worst ? result.worst : distance;
    }
  }
  if (!(result.worst <= 1))
    result.error = fmt::format("differs from the reference by {:.2g} of what it may", result.worst);
}

/// Small odd sizes; networks that need more get more.
std::vector<FrontendOptions> smallSizes() {
  std::vector<FrontendOptions> sizes;
  for (auto [batch, frames, height, width] : {std::array<int64_t, 4>{2, 5, 19, 23},
                                              {1, 9, 35, 33},
                                              {1, 16, 32, 33},
                                              {1, 5, 32, 64},
                                              {1, 0, 0, 0}}) {
    FrontendOptions &options = sizes.emplace_back();
    options.batch = batch;
    options.frames = frames;
    options.height = height;
    options.width = width;
    options.classes = 5;
  }
  FrontendOptions windows = sizes[3]; // of transformers within windows
  windows.frames = 4;
  windows.height = 64;
  windows.overrides = {"window=1x2x2"};
  sizes.insert(sizes.end() - 1, windows);
  return sizes;
}

std::vector<NetworkPlan> plansOf(const std::string &models, const std::string &networks,
                                 const std::string &precisions, const std::string &processor) {
  std::vector<NetworkPlan> plans;
  SmallVector<StringRef> wanted;
  StringRef(precisions).split(wanted, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (const std::string &path : networksOf(models, networks))
    for (auto precision : {kernel::Precision::BF16, kernel::Precision::FP32, kernel::Precision::BF16x3,
                           kernel::Precision::FP16})
      for (bool train : {true, false}) {
        StringRef name = kernel::stringifyPrecision(precision);
        if (wanted.empty() || llvm::is_contained(wanted, name))
          plans.push_back({fmt::format("{} {} {}", networkName(path, models), name.str(),
                                       train ? "training" : "inference"),
                           path, smallSizes(), precision, train, processor});
      }
  return plans;
}

std::string models, networks, precisions, wantedKind, processor = hopper;
int64_t mostWork = 8000000;

} // namespace

TEST(Networks, EveryKindOfKernelAgreesWithTheReference) {
  std::vector<std::string> wrong;
  std::vector<NetworkPlan> plans = plansOf(models, networks, precisions, processor);
  std::vector<NetworkKernel> all;
  for (const NetworkKernel &kernel : kernelsOf(plans, wrong))
    llvm::append_range(all, withFewParameters(kernel));
  std::vector<NetworkKernel> kernels = oneOfEach(all, kindOf);
  inParallel(kernels.size(), [&](size_t i) {
    std::string kind = kindOf(kernels[i]);
    NetworkKernel small = makeSmall(kernels[i], mostWork);
    if (kindOf(small) == kind)
      kernels[i] = std::move(small);
  });
  llvm::sort(kernels, [](auto &a, auto &b) { return a.work > b.work; }); // the longest first
  int64_t work = 0;
  for (const NetworkKernel &kernel : kernels) {
    work += kernel.work;
    if (kernel.work > mostWork)
      fmt::print("not small: {}, layer {}, work {}\n", plans[kernel.plan].network, kernel.layer, kernel.work);
  }
  fmt::print("{} plans, {} different kernels of {} kinds, work {}\n", plans.size(), all.size(),
             kernels.size(), work);
  std::fflush(stdout);
  if (mostWork == 0)
    return;
  std::vector<Result> results(kernels.size());
  inParallel(kernels.size(), [&](size_t i) {
    if (!StringRef(kernels[i].operation).starts_with(wantedKind))
      return;
    SCOPED_TRACE(fmt::format("{}, layer {}", plans[kernels[i].plan].network, kernels[i].layer));
    auto start = std::chrono::steady_clock::now();
    compare(kernels[i], results[i]);
    results[i].seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  });
  struct Line {
    int kinds = 0, wrong = 0;
    double seconds = 0, worst = 0;
  };
  std::map<std::string, Line> table;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].kind.empty())
      continue;
    Line &line = table[results[i].kind];
    ++line.kinds;
    line.wrong += !results[i].error.empty();
    line.seconds += results[i].seconds;
    line.worst = std::max(line.worst, results[i].worst);
    if (!results[i].error.empty())
      wrong.push_back(fmt::format("{}, layer {} ({}): {}", plans[kernels[i].plan].network, kernels[i].layer,
                                  results[i].kind, results[i].error));
  }
  fmt::print("{:<34} {:>6} {:>6} {:>9} {:>9}\n", "operation and schedule", "kinds", "wrong", "distance",
             "seconds");
  for (auto &[kind, line] : table)
    fmt::print("{:<34} {:>6} {:>6} {:>9.3f} {:>9.1f}\n", kind, line.kinds, line.wrong, line.worst,
               line.seconds);
  for (const std::string &line : wrong)
    ADD_FAILURE() << line;
  EXPECT_FALSE(kernels.empty());
}

int main(int argc, char **argv) {
  ::testing::InitGoogleTest(&argc, argv);
  models = argv[1];
  networks = valueOf("--networks", argc, argv);
  precisions = valueOf("--precisions", argc, argv);
  wantedKind = valueOf("--kind", argc, argv);
  if (std::string name = valueOf("--processor", argc, argv); !name.empty())
    processor = name;
  if (std::string work = valueOf("--work", argc, argv); !work.empty())
    mostWork = std::stoll(work);
  return RUN_ALL_TESTS();
}
