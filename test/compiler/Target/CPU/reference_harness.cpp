#include "reference_harness.h"

#include "compiler/Target/CPU/Codegen.h"
#include "compiler/Target/CPU/Machine.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/Common/Reference.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <limits>
#include <random>
#include <stdexcept>
#include <unistd.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

float &kinema::testing::Tensor::at(std::initializer_list<int64_t> coordinates) {
  size_t index = 0, axis = 0;
  for (int64_t coordinate : coordinates)
    index = index * shape[axis++] + coordinate;
  return values[index];
}

static int64_t product(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

Tensor kinema::testing::random(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor{shape, std::vector<float>(product(shape))};
  std::mt19937 bits(seed);
  for (float &value : tensor.values)
    value = float(bits() >> 8) / float(1 << 23) - 1.0f;
  return tensor;
}

Tensor kinema::testing::filled(std::vector<int64_t> shape, float value) {
  return {shape, std::vector<float>(product(shape), value)};
}

//===-- Shared objects ----------------------------------------------------===//

Library::Library(const std::string &bytes) {
  // A name of its own: the loader takes two files of one name for the same.
  std::string path = ::testing::TempDir() + "kernels-XXXXXX";
  int file = mkstemp(path.data());
  EXPECT_EQ(write(file, bytes.data(), bytes.size()), ssize_t(bytes.size()));
  close(file);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_TRUE(handle) << dlerror();
  unlink(path.c_str());
}

Library::~Library() {
  if (handle)
    dlclose(handle);
}

void *Library::symbol(const std::string &name) const { return dlsym(handle, name.c_str()); }

//===-- Compiling ---------------------------------------------------------===//

MLIRContext &kinema::testing::context() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registerHostCode(registry);
    registry.insert<kernel::KernelDialect>();
    auto *made = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    made->loadDialect<kernel::KernelDialect>();
    return made;
  }();
  return *context;
}

static void schedule(Operation *kernel) {
  auto schedule = scheduleReference(kernel, cpu::machine);
  kernel->setAttr("schedule", schedule);
  fixPartials(kernel, schedule);
}

OwningOpRef<ModuleOp> kinema::testing::parseScheduled(const std::string &text, MLIRContext &context) {
  auto module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  if (module)
    for (auto def : module->getOps<kernel::DefOp>())
      schedule(def.getKernel());
  return module;
}

ReferenceKernel::ReferenceKernel(const std::string &text) : module(parseScheduled(text, context())) {
  if (!module)
    return;
  kernel = (*module->getOps<kernel::DefOp>().begin()).getKernel();
  auto code = cpu::compileKernels(*module);
  EXPECT_TRUE(succeeded(code)) << text;
  if (failed(code))
    return;
  library = std::make_unique<Library>(*code);
  function = reinterpret_cast<Function>(library->symbol("k"));
  EXPECT_TRUE(function);
}

int64_t ReferenceKernel::grid() const {
  return kernel->getAttrOfType<kernel::ScheduleAttr>("schedule").getGrid();
}

RankedTensorType ReferenceKernel::resultType(unsigned i) const {
  return cast<RankedTensorType>(kernel->getResult(i).getType());
}

//===-- Packing -----------------------------------------------------------===//

/// Calls body(position in storage, row-major index, or -1 in padding).
static void overStorage(RankedTensorType type, function_ref<void(int64_t, int64_t)> body) {
  auto shape = type.getShape();
  auto loops = kernel::layoutOf(type).order(shape);
  int64_t total = kernel::layoutOf(type).storedElements(shape);
  for (int64_t position = 0; position < total; ++position) {
    SmallVector<int64_t> at(shape.size(), 0);
    int64_t rest = position, index = 0;
    for (size_t i = loops.size(); i-- > 0; rest /= loops[i].size)
      at[loops[i].axis] += rest % loops[i].size * loops[i].step;
    for (size_t axis = 0; axis < shape.size() && index >= 0; ++axis)
      index = at[axis] < shape[axis] ? index * shape[axis] + at[axis] : -1;
    body(position, index);
  }
}

static constexpr size_t guard = 16; // elements after a buffer
static constexpr float guardValue = 12345.0f;

static std::vector<float> pack(const Tensor &tensor, RankedTensorType type) {
  EXPECT_EQ(ArrayRef<int64_t>(tensor.shape), type.getShape());
  std::vector<float> buffer(kernel::storedBytes(type) / 4 + guard, guardValue);
  overStorage(type, [&](int64_t position, int64_t index) {
    float value = index < 0 ? 0.0f : tensor.values[index];
    int32_t label = static_cast<int32_t>(value);
    std::memcpy(&buffer[position], type.getElementType().isF32() ? static_cast<void *>(&value) : &label, 4);
  });
  return buffer;
}

static Tensor unpack(const std::vector<float> &buffer, RankedTensorType type) {
  Tensor tensor{type.getShape().vec(), std::vector<float>(type.getNumElements())};
  int64_t dirty = 0, beyond = 0;
  overStorage(type, [&](int64_t position, int64_t index) {
    if (index >= 0)
      tensor.values[index] = buffer[position];
    else
      dirty += buffer[position] != 0.0f;
  });
  for (size_t i = buffer.size() - guard; i < buffer.size(); ++i)
    beyond += buffer[i] != guardValue;
  EXPECT_EQ(dirty, 0) << "elements of padding that are not zero";
  EXPECT_EQ(beyond, 0) << "elements written beyond the buffer";
  return tensor;
}

//===-- Running -----------------------------------------------------------===//

struct ReferenceKernel::Buffers {
  std::vector<std::vector<float>> storage;
  std::vector<void *> arguments;

  Buffers(Operation *kernel, const std::vector<Tensor> &operands,
          const std::map<unsigned, unsigned> &inPlace) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (auto [operand, type] : llvm::zip_equal(operands, kernel->getOperandTypes()))
      storage.push_back(pack(operand, cast<RankedTensorType>(type)));
    for (auto type : kernel->getResultTypes()) {
      storage.emplace_back(kernel::storedBytes(cast<RankedTensorType>(type)) / 4, nan);
      storage.back().resize(storage.back().size() + guard, guardValue);
    }
    for (auto &buffer : storage)
      arguments.push_back(buffer.data());
    for (auto [result, operand] : inPlace)
      arguments[operands.size() + result] = arguments[operand];
  }
};

std::vector<Tensor> ReferenceKernel::run(const std::vector<Tensor> &operands,
                                         std::map<unsigned, unsigned> inPlace) {
  if (!function)
    throw std::runtime_error("the kernel did not compile");
  std::vector<std::vector<Tensor>> runs;
  for (bool shuffled : {false, true}) {
    Buffers buffers(kernel, operands, inPlace);
    std::vector<int64_t> blocks(grid());
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(7));
    if (!shuffled)
      function(buffers.arguments.data(), 0, grid(), nullptr);
    for (int64_t block : blocks)
      if (shuffled)
        function(buffers.arguments.data(), block, block + 1, nullptr);
    auto &results = runs.emplace_back();
    for (unsigned i = 0; i < kernel->getNumResults(); ++i) {
      size_t buffer = inPlace.count(i) ? inPlace[i] : operands.size() + i;
      results.push_back(unpack(buffers.storage[buffer], resultType(i)));
    }
  }
  for (size_t i = 0; i < runs[0].size(); ++i)
    EXPECT_EQ(std::memcmp(runs[0][i].values.data(), runs[1][i].values.data(), runs[0][i].values.size() * 4),
              0)
        << "result " << i << " depends on the order of blocks";
  return runs[0];
}

/// Of this thread alone, so that other work on the machine matters little.
static double processorTime() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

double ReferenceKernel::seconds(const std::vector<Tensor> &operands) {
  Buffers buffers(kernel, operands, {});
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    double start = processorTime();
    function(buffers.arguments.data(), 0, grid(), nullptr);
    best = std::min(best, processorTime() - start);
  }
  return best;
}

void kinema::testing::expectNear(const Tensor &actual, const Tensor &expected, double tolerance) {
  ASSERT_EQ(actual.shape, expected.shape);
  double largest = 0, worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    largest = std::max(largest, std::abs(double(expected.values[i])));
    double difference = std::abs(double(actual.values[i]) - expected.values[i]);
    if (!(difference <= worst)) { // a NaN is the worst
      worst = difference;
      where = i;
    }
  }
  EXPECT_LE(worst, tolerance * (1 + largest))
      << "element " << where << ": " << actual.values[where] << ", expected " << expected.values[where];
}

//===-- Text --------------------------------------------------------------===//

static std::string typeText(const std::vector<int64_t> &shape, const std::string &layout) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += (size < 0 ? "?" : std::to_string(size)) + "x";
  return text + "f32" + (layout.empty() ? "" : ", #kernel.layout<" + layout + ">") + ">";
}

std::string kinema::testing::blocked(const std::vector<int64_t> &shape) {
  return typeText(shape, "blocked block = 8");
}
std::string kinema::testing::plain(const std::vector<int64_t> &shape) { return typeText(shape, ""); }
std::string kinema::testing::weight(const std::vector<int64_t> &shape) {
  return typeText(shape, "weight block = 8 reduce = 4");
}
std::string kinema::testing::weightTransposed(const std::vector<int64_t> &shape) {
  return typeText(shape, "weight_transposed block = 8 reduce = 8");
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
