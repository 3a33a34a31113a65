#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "compiler/Target/Common/Reference.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/DebugStringHelper.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

//===-- Compiling ---------------------------------------------------------===//

MLIRContext &kinema::testing::context() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registerUnderTest(registry);
    registry.insert<kernel::KernelDialect>();
    auto *made = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

static void schedule(Operation *kernel) {
  auto schedule = kernel::scheduleOf(kernel);
  if (!schedule)
    schedule = scheduleReference(kernel, machineUnderTest());
  cast<kernel::LaunchableOp>(kernel).setScheduleAttr(schedule);
  fixPartials(kernel, schedule);
}

static void scheduleAll(ModuleOp module) {
  for (auto def : module.getOps<kernel::DefOp>())
    schedule(def.getKernel());
}

OwningOpRef<ModuleOp> kinema::testing::parseScheduled(const std::string &text, MLIRContext &context) {
  auto module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  if (module)
    scheduleAll(*module);
  return module;
}

ReferenceKernel::ReferenceKernel(const std::string &text) : module(parseScheduled(text, context())) {
  if (module)
    compile();
}

ReferenceKernel::ReferenceKernel(ModuleOp kernel) : module(kernel.clone()) {
  scheduleAll(*module);
  compile();
}

void ReferenceKernel::compile() {
  kernel = *module->getOps<kernel::DefOp>().begin();
  compiled = compileUnderTest(*module);
  EXPECT_TRUE(compiled) << debugString(*module);
}

int64_t ReferenceKernel::grid() const {
  return kernel::scheduleOf(kernel::DefOp(kernel).getKernel()).getGrid();
}

RankedTensorType ReferenceKernel::resultType(unsigned i) const {
  return cast<RankedTensorType>(kernel::DefOp(kernel).getResultTypes()[i]);
}

//===-- Running -----------------------------------------------------------===//

/// The kernel's buffers, operands first.
struct ReferenceKernel::Storage {
  std::vector<Bytes> bytes;
  std::vector<Buffer> buffers;

  Storage(kernel::DefOp kernel, const std::vector<Tensor> &operands,
          const std::map<unsigned, unsigned> &inPlace) {
    for (auto [operand, type] : llvm::zip_equal(operands, kernel.getOperandTypes()))
      bytes.push_back(pack(operand, cast<RankedTensorType>(type)));
    for (auto type : kernel.getResultTypes())
      bytes.push_back(makeBytes(cast<RankedTensorType>(type)));
    for (auto [i, buffer] : llvm::enumerate(bytes))
      buffers.push_back({buffer.data(), int64_t(buffer.size() - guardBytes), i >= operands.size()});
    if (kernel.getAttached())
      buffers[operands.size() - 1].written = true; // counters
    for (auto [result, operand] : inPlace) {
      buffers[operand].written = true;
      buffers[operands.size() + result] = buffers[operand];
    }
  }
};

std::vector<Tensor> ReferenceKernel::run(const std::vector<Tensor> &operands,
                                         std::map<unsigned, unsigned> inPlace) {
  if (!compiled)
    throw std::runtime_error("the kernel did not compile");
  std::vector<std::vector<Tensor>> runs;
  for (unsigned attempt = 0; attempt < CompiledKernel::attempts; ++attempt) {
    Storage storage(kernel, operands, inPlace);
    compiled->run(storage.buffers, grid(), attempt);
    if (kernel.getAttached()) {
      auto counters = cast<RankedTensorType>(kernel.getOperandTypes().back());
      EXPECT_EQ(unpack(storage.bytes[operands.size() - 1], counters).values, operands.back().values)
          << "counters are left as they were";
    }
    auto &results = runs.emplace_back();
    for (unsigned i = 0; i < kernel.getResultTypes().size(); ++i) {
      size_t buffer = inPlace.count(i) ? inPlace[i] : operands.size() + i;
      results.push_back(unpack(storage.bytes[buffer], resultType(i)));
    }
  }
  for (size_t i = 0; i < runs[0].size(); ++i)
    EXPECT_EQ(std::memcmp(runs[0][i].values.data(), runs[1][i].values.data(), runs[0][i].values.size() * 4),
              0)
        << "result " << i << " depends on the order of blocks";
  return runs[0];
}

void kinema::testing::expectNear(const Tensor &actual, const Tensor &expected, double tolerance) {
  ASSERT_EQ(actual.shape, expected.shape);
  double largest = 0, worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    largest = std::max(largest, std::abs(double(expected.values[i])));
    double difference = std::abs(double(actual.values[i]) - expected.values[i]);
    if (!std::isnan(worst) && !(difference <= worst)) { // a NaN is the worst
      worst = difference;
      where = i;
    }
  }
  EXPECT_LE(worst, tolerance * (1 + largest))
      << "element " << where << ": " << actual.values[where] << ", expected " << expected.values[where];
}

//===-- Text --------------------------------------------------------------===//

static std::string typeText(const std::vector<int64_t> &shape, const std::string &layout,
                            const std::string &element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += (size < 0 ? "?" : std::to_string(size)) + "x";
  return text + element + (layout.empty() ? "" : ", #kernel.layout<" + layout + ">") + ">";
}

/// Channels in blocks of 8, of activations and of vectors with one or two axes in front of them.
static std::string blockedTag(size_t rank) {
  return rank == 5 ? "aBcde8b" : rank == 1 ? "A8a" : rank == 2 ? "aB8b" : "abC8c";
}

std::string kinema::testing::blocked(const std::vector<int64_t> &shape) {
  return typeText(shape, blockedTag(shape.size()));
}
std::string kinema::testing::blockedBFloat16(const std::vector<int64_t> &shape) {
  return typeText(shape, blockedTag(shape.size()), "bf16");
}
std::string kinema::testing::plain(const std::vector<int64_t> &shape) { return typeText(shape, ""); }
std::string kinema::testing::weight(const std::vector<int64_t> &shape) {
  return typeText(shape, shape.size() == 5 ? "ABcde4b8a" : "aBCdef4c8b");
}
std::string kinema::testing::weightBFloat16(const std::vector<int64_t> &shape) {
  return typeText(shape, "ABcde4b8a", "bf16");
}
std::string kinema::testing::weightInGroups(const std::vector<int64_t> &shape) {
  return typeText(shape, shape.size() == 5 ? "Abcde8a" : "aBcdef8b");
}
std::string kinema::testing::weightTransposed(const std::vector<int64_t> &shape) {
  return typeText(shape, shape.size() == 5 ? "BAcde8a8b" : "aCBdef8b8c");
}

std::string kinema::testing::kernelText(const std::vector<std::string> &operands, const std::string &body,
                                        const std::vector<std::string> &results) {
  std::string text = "kernel.def @k attributes {layers = [\"test\"]} {\n^bb0(", names, types;
  for (size_t i = 0; i < operands.size(); ++i)
    text += (i ? ", %o" : "%o") + std::to_string(i) + ": " + operands[i];
  for (size_t i = 0; i < results.size(); ++i) {
    names += (i ? ", %r" : "%r") + (results.size() > 1 ? "#" + std::to_string(i) : "");
    types += (i ? ", " : "") + results[i];
  }
  text += "):\n  %r" + (results.size() > 1 ? ":" + std::to_string(results.size()) : "") + " = " + body;
  return text + "\n  kernel.return " + names + " : " + types + "\n}\n";
}
