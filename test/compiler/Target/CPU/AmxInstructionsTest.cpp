// That what AMX refuses is refused where its instructions are computed; what they compute is TileTest's.
#include "AmxInstructions.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/wait.h>

using namespace kinema::cpu::test;

namespace {

/// A Configuration is the operand of LDTILECFG: it has rows, and bytes of a row, for each matrix.
struct alignas(64) Configuration {
  uint8_t palette = 1, startRow = 0;
  std::array<uint8_t, 14> reserved{};
  std::array<uint16_t, 16> bytes{};
  std::array<uint8_t, 16> rows{};
};
static_assert(sizeof(Configuration) == 64);

void configure(const Configuration &configuration) {
  asm volatile(".byte 0xC4, 0xE2, 0x78, 0x49, 0x00" : : "a"(&configuration) : "memory"); // ldtilecfg (%rax)
}

/// tilezero %tmm0; tdpbf16ps %tmm2, %tmm1, %tmm0
void clear() { asm volatile(".byte 0xC4, 0xE2, 0x7B, 0x49, 0xC0" : : : "memory"); }
void multiply() { asm volatile(".byte 0xC4, 0xE2, 0x6A, 0x5C, 0xC1" : : : "memory"); }

void run(const Configuration &configuration, void (*instruction)()) {
  computeAmxInstructions();
  configure(configuration);
  instruction();
  std::_Exit(0);
}

Configuration shapes(std::array<uint8_t, 3> rows, std::array<uint16_t, 3> bytes) {
  Configuration result;
  std::copy(rows.begin(), rows.end(), result.rows.begin());
  std::copy(bytes.begin(), bytes.end(), result.bytes.begin());
  return result;
}

const auto killed = [](int status) { return WIFSIGNALED(status); };

TEST(AmxInstructions, ShapesThatFitEachOther) {
  EXPECT_EXIT(run(shapes({16, 16, 8}, {64, 32, 64}), multiply), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run(shapes({16, 15, 8}, {64, 32, 64}), multiply), killed, "");
  EXPECT_EXIT(run(shapes({16, 16, 7}, {64, 32, 64}), multiply), killed, "");
  EXPECT_EXIT(run(shapes({16, 16, 8}, {64, 32, 60}), multiply), killed, "");
}

TEST(AmxInstructions, ThreeMatrices) {
  EXPECT_EXIT(
      run(shapes({16, 0, 0}, {64, 0, 0}),
          [] { asm volatile(".byte 0xC4, 0xE2, 0x7A, 0x5C, 0xC0"); }), // tdpbf16ps %tmm0, %tmm0, %tmm0
      killed, "");
}

TEST(AmxInstructions, ConfigurationsThatAreWhole) {
  Configuration begun = shapes({16, 0, 0}, {64, 0, 0}), ninth = begun, rowsAlone = begun;
  begun.startRow = 1;
  ninth.rows[8] = 16;
  rowsAlone.bytes[0] = 0;
  for (const Configuration &refused : {begun, ninth, rowsAlone})
    EXPECT_EXIT(run(refused, [] {}), killed, "");
}

TEST(AmxInstructions, WhatIsNotConfigured) {
  EXPECT_EXIT(run(shapes({16, 0, 0}, {64, 0, 0}), clear), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run(shapes({0, 16, 8}, {0, 32, 64}), clear), killed, "");
  EXPECT_EXIT(run(shapes({16, 16, 0}, {64, 32, 0}), multiply), killed, "");
}

TEST(AmxInstructions, OthersAreNotTheirs) {
  EXPECT_EXIT(run({}, [] { asm volatile("ud2"); }), killed, "");
}

} // namespace
