// Runs a kernel from its text to its results: the pass, the machine code and the emulator together.
#include "test/compiler/Target/NVGPU/Emulator/EmulatorTesting.h"

#include "runtime/Support/Error.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace kinema::emulator;

namespace {

constexpr const char *reverse = R"mlir(
gpu.module @m {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<128 x f32>
  llvm.func @reverse(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 128>} {
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %c = nvvm.read.ptx.sreg.ctaid.x : i32
    %n = llvm.mlir.constant(128 : i32) : i32
    %last = llvm.mlir.constant(127 : i32) : i32
    %base = llvm.mul %c, %n : i32
    %i = llvm.add %base, %t : i32
    %p = llvm.getelementptr %x[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %v = llvm.load %p : !llvm.ptr<1> -> f32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %s = llvm.getelementptr %tile[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    llvm.store %v, %s : f32, !llvm.ptr<3>
    nvvm.barrier0
    %r = llvm.sub %last, %t : i32
    %q = llvm.getelementptr %tile[%r] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
    %w = llvm.load %q : !llvm.ptr<3> -> f32
    %o = llvm.getelementptr %y[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    llvm.store %w, %o : f32, !llvm.ptr<1>
    llvm.return
  }
})mlir";

std::string without(std::string text, const std::string &part) {
  return text.erase(text.find(part), part.size());
}

TEST(EmulatedKernels, reverse) {
  EmulatedModule module(reverse);
  std::vector<float> x(3 * 128), y(3 * 128), expected(3 * 128);
  std::iota(x.begin(), x.end(), 0.0f);
  for (int i = 0; i < 3 * 128; ++i)
    expected[i] = x[i / 128 * 128 + 127 - i % 128];
  for (uint64_t seed = 0; seed < 5; ++seed) {
    std::fill(y.begin(), y.end(), -1.0f);
    auto violation = module.run("reverse", {.grid = 3, .workers = 2}, seed, {bytesOf(x), bytesOf(y)});
    ASSERT_FALSE(violation) << violation->what;
    EXPECT_EQ(y, expected);
  }
}

TEST(EmulatedKernels, droppedBarrier) {
  EmulatedModule module(without(reverse, "nvvm.barrier0"));
  std::vector<float> x(128), y(128);
  auto violation = module.run("reverse", {}, 0, {bytesOf(x), bytesOf(y)});
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->what,
            "kernel reverse, block 0, thread 0, at llvm.load kernel.mlir:19:10: reads 4 bytes of "
            "shared memory; the byte at 508 was never written");
}

// What was compiled for an emulator of another version: the number that its information begins with is
// another.
TEST(EmulatedKernels, codeOfAnotherVersion) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(reverse, context.get());
  std::string messages, object = compile(*module, messages).value();
  const int32_t information[] = {4, 128, 1,
                                 1, 1,   512}; // of the kernel: version, threads, cluster, shared memory
  size_t at = object.find(std::string(reinterpret_cast<const char *>(information), sizeof information));
  ASSERT_NE(at, std::string::npos);
  object[at] = 2;
  Code code;
  code.load(object, "kernels");
  try {
    code.find("reverse");
    FAIL();
  } catch (const kinema::Error &error) {
    EXPECT_STREQ(error.what(), "kernel reverse is code for the emulator of version 2, this is version 4");
  }
}

// Reverses 128 numbers through global memory, from which a load of some kind takes them back.
std::string reverseThroughGlobalMemory(const std::string &load) {
  return R"mlir(
gpu.module @m {
  llvm.func @reverse(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 128>} {
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %last = llvm.mlir.constant(127 : i32) : i32
    %p = llvm.getelementptr %x[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    llvm.store %t, %p : i32, !llvm.ptr<1>
    nvvm.barrier0
    %r = llvm.sub %last, %t : i32
    %q = llvm.getelementptr %x[%r] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %w = )mlir" +
         load + R"mlir( : !llvm.ptr<1> -> i32
    %o = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %w, %o : i32, !llvm.ptr<1>
    llvm.return
  }
})mlir";
}

std::string complaintOf(const std::string &kernel, uint64_t seed) {
  std::vector<uint32_t> x(128), y(128);
  auto violation = EmulatedModule(kernel).run("reverse", {}, seed, {bytesOf(x), bytesOf(y)});
  for (uint32_t i = 0; i < 128 && !violation; ++i)
    EXPECT_EQ(y[i], 127 - i);
  return violation ? violation->what : "";
}

TEST(EmulatedKernels, ordersInGlobalMemory) {
  std::string right = reverseThroughGlobalMemory("llvm.load %q");
  for (uint64_t seed = 0; seed < 3; ++seed) {
    EXPECT_EQ(complaintOf(right, seed), "");
    EXPECT_EQ(complaintOf(reverseThroughGlobalMemory("llvm.load volatile %q"), seed), "");
    EXPECT_NE(complaintOf(without(right, "nvvm.barrier0"), seed).find("and nothing orders the two"),
              std::string::npos);
    EXPECT_NE(complaintOf(reverseThroughGlobalMemory("llvm.load %q invariant"), seed)
                  .find("by a load for constants (ld.global.nc), which block 0 wrote"),
              std::string::npos);
  }
}

TEST(EmulatedKernels, outOfBounds) {
  EmulatedModule module(reverse);
  std::vector<float> x(128), y(127);
  auto violation = module.run("reverse", {}, 0, {bytesOf(x), bytesOf(y)});
  ASSERT_TRUE(violation);
  EXPECT_NE(
      violation->what.find(
          "thread 127, at llvm.store kernel.mlir:21:5: writes 4 bytes at 508 of buffer 1, which has 508"),
      std::string::npos)
      << violation->what;
}

TEST(EmulatedKernels, roundsToBF16) {
  EmulatedModule module(R"mlir(
gpu.module @m {
  llvm.func @round(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>, %scale: f32) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
    %t = nvvm.read.ptx.sreg.tid.x : i32
    %p = llvm.getelementptr %x[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %v = llvm.load %p : !llvm.ptr<1> -> f32
    %m = llvm.fmul %v, %scale : f32
    %b = llvm.fptrunc %m : f32 to bf16
    %o = llvm.getelementptr %y[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, bf16
    llvm.store %b, %o : bf16, !llvm.ptr<1>
    llvm.return
  }
})mlir");
  std::vector<float> x(32, 1.0f);
  x[1] = 1.00390625f;         // half way: to even, down
  x[2] = 1.01171875f;         // half way: to even, up
  x[3] = 1.0039063692092896f; // just above
  x[4] = std::numeric_limits<float>::quiet_NaN();
  x[5] = 3.4e38f; // to infinity
  std::vector<uint16_t> y(32);
  float scale = 1;
  uint64_t bits = 0;
  std::memcpy(&bits, &scale, sizeof scale);
  auto violation = module.run("round", {}, 0, {x.data(), y.data(), reinterpret_cast<void *>(bits)},
                              {{bytesOf(x).data(), 128, false}, {bytesOf(y).data(), 64}});
  ASSERT_FALSE(violation) << violation->what;
  EXPECT_EQ(y[0], 0x3F80);
  EXPECT_EQ(y[1], 0x3F80);
  EXPECT_EQ(y[2], 0x3F82);
  EXPECT_EQ(y[3], 0x3F81);
  EXPECT_GT(y[4] & 0x7FFF, 0x7F80);
  EXPECT_EQ(y[5], 0x7F80);
}

} // namespace
