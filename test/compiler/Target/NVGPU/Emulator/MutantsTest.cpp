// The sample kernels compute what they should, and every mistake in them is found.
#include "test/compiler/Target/NVGPU/Emulator/Mutants.h"
#include "test/compiler/Target/NVGPU/Emulator/EmulatorTesting.h"
#include "test/compiler/Target/NVGPU/Emulator/SampleKernels.h"

#include "runtime/Emulator/TensorMap.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <functional>

using namespace kinema::emulator;

namespace {

uint16_t toBF16(float value) { return uint16_t(std::bit_cast<uint32_t>(value) >> 16); }
float valueOf(uint32_t i) { return float(int(i * 2654435761u >> 19 & 15) - 7); }

// A Check returns what a run says: nothing where all is right.
using Check = std::function<std::string(EmulatedModule &, uint64_t seed)>;

std::string runPipeline(EmulatedModule &module, uint64_t seed) {
  alignas(64) static std::array<uint16_t, 5 * 1024> a;
  alignas(64) static std::array<uint16_t, 5 * 128> b;
  alignas(64) std::array<float, 512> d;
  std::array<float, 512> expected = {};
  auto av = [](uint32_t row, uint32_t k) { return valueOf(row * 80 + k); };
  auto bv = [](uint32_t column, uint32_t k) { return valueOf(9999 + column * 80 + k); };
  for (uint32_t k = 0; k < 80; ++k) {
    for (uint32_t row = 0; row < 64; ++row)
      a[k / 16 * 1024 + k / 8 % 2 * 512 + row * 8 + k % 8] = toBF16(av(row, k));
    for (uint32_t column = 0; column < 8; ++column)
      b[k / 8 * 64 + column * 8 + k % 8] = toBF16(bv(column, k));
    for (uint32_t i = 0; i < 512; ++i)
      expected[i] -= av(i / 8, k) * bv(i % 8, k);
  }
  d.fill(-1);
  TensorParameters parameters;
  parameters.address = b.data();
  parameters.elementBytes = 2;
  parameters.rank = 3;
  parameters.dims = {8, 8, 10};
  parameters.strides = {2, 16, 128};
  parameters.box = {8, 8, 2};
  TensorMap map = encode(parameters);
  auto violation = module.run("pipeline", {.dynamicShared = 8192}, seed, {a.data(), &map, d.data()},
                              {{reinterpret_cast<std::byte *>(a.data()), sizeof a, false},
                               {reinterpret_cast<std::byte *>(b.data()), sizeof b, false},
                               {reinterpret_cast<std::byte *>(d.data()), sizeof d}});
  return violation ? violation->what : d == expected ? "" : "wrong result";
}

std::string runWarp(EmulatedModule &module, uint64_t seed) {
  std::vector<uint16_t> a(32 * 64), b(64 * 8);
  std::vector<float> c(32 * 8, -1), sums(8, -1), expected(32 * 8), expectedSums(8);
  for (uint32_t i = 0; i < a.size(); ++i)
    a[i] = toBF16(valueOf(i));
  for (uint32_t i = 0; i < b.size(); ++i)
    b[i] = toBF16(valueOf(7777 + i));
  for (uint32_t i = 0; i < 32 * 8; ++i) {
    for (uint32_t k = 0; k < 64; ++k)
      expected[i] += valueOf(i / 8 * 64 + k) * valueOf(7777 + k * 8 + i % 8);
    expectedSums[i % 8] += expected[i];
  }
  auto violation = module.run("product", {}, seed, {bytesOf(a), bytesOf(b), bytesOf(c), bytesOf(sums)});
  return violation ? violation->what : c == expected && sums == expectedSums ? "" : "wrong result";
}

std::string runTensorMemory(EmulatedModule &module, uint64_t seed) {
  constexpr uint32_t times = 2, m = 64, n = 16, depth = 32, registers = 8;
  std::vector<uint16_t> a(times * m * depth), b(times * n * depth);
  std::vector<float> d(times * m * n, -1), expected(times * m * n);
  auto valueOfA = [](uint32_t row, uint32_t k) { return valueOf(row * depth + k); };
  auto valueOfB = [](uint32_t column, uint32_t k) { return valueOf(9999 + column * depth + k); };
  for (uint32_t time = 0; time < times; ++time)
    for (uint32_t k = 0; k < depth; ++k) {
      for (uint32_t row = 0; row < m; ++row)
        a[((time * depth + k) / 8 * m + row) * 8 + k % 8] = toBF16(valueOfA(time * m + row, k));
      for (uint32_t column = 0; column < n; ++column)
        b[((time * depth + k) / 8 * n + column) * 8 + k % 8] = toBF16(valueOfB(time * n + column, k));
    }
  for (uint32_t i = 0; i < expected.size(); ++i) {
    uint32_t time = i / (m * n), thread = i / registers % 128, lane = thread % 32, j = i % registers;
    uint32_t row = thread / 32 * 16 + lane / 4 + 8 * (j % 4 / 2);
    uint32_t column = 8 * (j / 4) + 2 * (lane % 4) + j % 2;
    for (uint32_t k = 0; k < depth; ++k)
      expected[i] += valueOfA(time * m + row, k) * valueOfB(time * n + column, k);
  }
  auto violation = module.run("product", {.dynamicShared = 8192}, seed, {bytesOf(a), bytesOf(b), bytesOf(d)});
  return violation ? violation->what : d == expected ? "" : "wrong result";
}

void expectRight(const char *text, const Check &check) {
  EmulatedModule module{std::string_view(text)};
  for (uint64_t seed = 0; seed < 20; ++seed)
    ASSERT_EQ(check(module, seed), "") << "seed " << seed;
}

// Runs every mutant with these seeds; prints those that no run finds.
void expectAllFound(const char *text, const Check &check, size_t least) {
  auto context = makeContext();
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(context.get()), "sample.mlir");
  ASSERT_TRUE(module);
  std::vector<Mutation> mutations = findMutations(*module);
  EXPECT_GE(mutations.size(), least);
  for (const Mutation &mutation : mutations) {
    EmulatedModule mutant(*mutate(*module, mutation));
    std::string said;
    for (uint64_t seed = 0; seed < 6 && said.empty(); ++seed)
      said = check(mutant, seed);
    EXPECT_NE(said, "") << "not found: " << mutation.description;
    if (std::getenv("KINEMA_PRINT_MUTANTS"))
      std::printf("%s\n    %s\n", mutation.description.c_str(), said.c_str());
  }
}

TEST(Mutants, pipelineIsRight) { expectRight(pipelineKernel, runPipeline); }
TEST(Mutants, warpIsRight) { expectRight(warpKernel, runWarp); }
TEST(Mutants, tensorMemoryIsRight) { expectRight(tensorMemoryKernel, runTensorMemory); }
TEST(Mutants, ofThePipelineAreFound) { expectAllFound(pipelineKernel, runPipeline, 50); }
TEST(Mutants, ofTheWarpProductAreFound) { expectAllFound(warpKernel, runWarp, 15); }
TEST(Mutants, ofTensorMemoryAreFound) { expectAllFound(tensorMemoryKernel, runTensorMemory, 40); }

} // namespace
