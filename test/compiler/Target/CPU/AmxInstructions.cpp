#include "AmxInstructions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ucontext.h>

namespace {

constexpr int count = 8, mostRows = 16, rowBytes = 64;

struct Matrix {
  int rows = 0, bytes = 0; // configured; of a row
  std::array<std::array<uint8_t, rowBytes>, mostRows> data{};

  float single(int row, int column) const {
    float value;
    std::memcpy(&value, data[row].data() + 4 * column, 4);
    return value;
  }
  /// Half `half` of a word: a bfloat16.
  float narrow(int row, int column, int half) const {
    uint32_t bits = 0;
    std::memcpy(reinterpret_cast<uint8_t *>(&bits) + 2, data[row].data() + 4 * column + 2 * half, 2);
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }
};

thread_local std::array<Matrix, count> matrices;

/// One instruction with a three-byte VEX prefix, as far as AMX uses it.
struct Instruction {
  uint8_t opcode = 0, prefix = 0;             // the prefix that VEX stands for
  int result = 0, factor = 0, lastFactor = 0; // ModRM's reg and rm, and VEX's vvvv, where they are matrices
  bool isMemory = false, hasIndex = false;
  uint8_t *address = nullptr;
  int64_t stride = 0; // the index register, scaled
  int length = 0;
};
enum Prefix { NoPrefix, Prefix66, PrefixF3, PrefixF2 };

constexpr std::array<int, 16> registers = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                           REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                           REG_R12, REG_R13, REG_R14, REG_R15};

/// The operand in memory behind the byte ModRM at `at`; `first` is the VEX prefix's second byte.
const uint8_t *decodeMemory(const greg_t *general, uint8_t first, const uint8_t *at, Instruction &in) {
  int extendIndex = first & 0x40 ? 0 : 8, extendBase = first & 0x20 ? 0 : 8;
  int mode = *at >> 6, low = *at & 7;
  ++at;
  int64_t base = 0;
  bool isRelative = low == 5 && mode == 0, hasBase = !isRelative;
  if (low == 4) {
    int scale = *at >> 6, index = ((*at >> 3) & 7) + extendIndex;
    low = *at++ & 7;
    in.hasIndex = true;
    in.stride = index == 4 ? 0 : general[registers[index]] << scale;
    hasBase = low != 5 || mode != 0;
  }
  if (hasBase)
    base = general[registers[low + extendBase]];
  int32_t offset = 0;
  if (mode == 1) {
    offset = static_cast<int8_t>(*at++);
  } else if (mode == 2 || !hasBase) {
    std::memcpy(&offset, at, 4);
    at += 4;
  }
  if (isRelative)
    base = reinterpret_cast<int64_t>(at);
  in.address = reinterpret_cast<uint8_t *>(base + offset);
  return at;
}

bool decode(const greg_t *general, Instruction &in) {
  const auto *start = reinterpret_cast<const uint8_t *>(general[REG_RIP]), *at = start;
  if (*at++ != 0xC4)
    return false;
  uint8_t first = *at++, second = *at++;
  bool isWide = second & 0x80, isLong = second & 0x04;
  if ((first & 0x1F) != 2 || isWide || isLong) // map 0F38, W0, 128 bits
    return false;
  in.lastFactor = (~second >> 3) & 15;
  in.prefix = second & 3;
  in.opcode = *at++;
  in.result = ((*at >> 3) & 7) + (first & 0x80 ? 0 : 8);
  in.factor = (*at & 7) + (first & 0x20 ? 0 : 8);
  in.isMemory = *at >> 6 != 3;
  at = in.isMemory ? decodeMemory(general, first, at, in) : at + 1;
  in.length = static_cast<int>(at - start);
  return true;
}

bool configure(const uint8_t *memory) {
  auto isZero = [&](int from, int to) {
    return std::all_of(memory + from, memory + to, [](uint8_t byte) { return byte == 0; });
  };
  // The palette; no row to go on with; nothing where nothing is defined.
  if (memory[0] != 1 || !isZero(1, 16) || !isZero(16 + 2 * count, 48) || !isZero(48 + count, 64))
    return false;
  for (int i = 0; i < count; ++i) {
    Matrix matrix;
    uint16_t bytes;
    std::memcpy(&bytes, memory + 16 + 2 * i, 2);
    matrix.bytes = bytes;
    matrix.rows = memory[48 + i];
    if (matrix.rows > mostRows || matrix.bytes > rowBytes || (matrix.rows == 0) != (matrix.bytes == 0))
      return false;
    matrices[i] = matrix;
  }
  return true;
}

void load(Matrix &matrix, const uint8_t *address, int64_t stride) {
  matrix.data = {};
  for (int row = 0; row < matrix.rows; ++row)
    std::memcpy(matrix.data[row].data(), address + row * stride, matrix.bytes);
}

void store(const Matrix &matrix, uint8_t *address, int64_t stride) {
  for (int row = 0; row < matrix.rows; ++row)
    std::memcpy(address + row * stride, matrix.data[row].data(), matrix.bytes);
}

/// Products of even and of odd halves add up apart, from zero. Denormal numbers, which the instruction takes
/// and leaves as zero, are kept.
bool addProduct(Matrix &sum, const Matrix &x, const Matrix &y) {
  if (sum.rows != x.rows || sum.bytes != y.bytes || x.bytes != 4 * y.rows || x.bytes % 4 || y.bytes % 4)
    return false;
  for (int m = 0; m < sum.rows; ++m)
    for (int n = 0; n < sum.bytes / 4; ++n) {
      std::array<float, 2> halves = {0, 0};
      for (int k = 0; k < y.rows; ++k)
        for (int half = 0; half < 2; ++half)
          halves[half] = std::fma(x.narrow(m, k, half), y.narrow(k, n, half), halves[half]);
      float value = sum.single(m, n) + (halves[0] + halves[1]);
      std::memcpy(sum.data[m].data() + 4 * n, &value, 4);
    }
  return true;
}

bool isConfigured(int i) { return i < count && matrices[i].rows > 0; }

bool executeProduct(const Instruction &in) {
  bool areDistinct = in.result != in.factor && in.result != in.lastFactor && in.factor != in.lastFactor;
  return areDistinct && isConfigured(in.result) && isConfigured(in.factor) && isConfigured(in.lastFactor) &&
         addProduct(matrices[in.result], matrices[in.factor], matrices[in.lastFactor]);
}

bool execute(const Instruction &in) {
  constexpr uint8_t configuration = 0x49, memory = 0x4B, product = 0x5C;
  if (in.opcode == product)
    return in.prefix == PrefixF3 && !in.isMemory && executeProduct(in);
  if (in.lastFactor != 0)
    return false;
  if (in.opcode == configuration && in.prefix == NoPrefix && in.result == 0) {
    if (in.isMemory)
      return configure(in.address);
    matrices = {};
    return in.factor == 0;
  }
  if (!isConfigured(in.result))
    return false;
  Matrix &matrix = matrices[in.result];
  if (in.opcode == configuration && in.prefix == PrefixF2 && !in.isMemory && in.factor == 0)
    matrix.data = {};
  else if (in.opcode == memory && in.prefix == PrefixF2 && in.hasIndex)
    load(matrix, in.address, in.stride);
  else if (in.opcode == memory && in.prefix == PrefixF3 && in.hasIndex)
    store(matrix, in.address, in.stride);
  else
    return false;
  return true;
}

void compute(int, siginfo_t *, void *interrupted) {
  auto &context = *static_cast<ucontext_t *>(interrupted);
  Instruction instruction;
  if (decode(context.uc_mcontext.gregs, instruction) && execute(instruction))
    context.uc_mcontext.gregs[REG_RIP] += instruction.length;
  else
    std::signal(SIGILL, SIG_DFL); // met again, it ends the process
}

} // namespace

void kinema::cpu::test::computeAmxInstructions() {
  struct sigaction action = {};
  action.sa_sigaction = compute;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, nullptr);
}
