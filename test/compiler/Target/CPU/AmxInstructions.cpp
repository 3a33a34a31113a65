#include "AmxInstructions.h"

#include <array>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ucontext.h>
#include <unistd.h>

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
  uint8_t opcode = 0, prefix = 0; // none, 66, F3, F2
  int reg = 0, rm = 0, second = 0;
  bool isMemory = false;
  uint8_t *address = nullptr;
  int64_t stride = 0; // the index register, scaled
  int length = 0;
};

constexpr std::array<int, 16> registers = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                           REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                           REG_R12, REG_R13, REG_R14, REG_R15};

bool decode(const ucontext_t &context, Instruction &result) {
  const auto &general = context.uc_mcontext.gregs;
  const auto *start = reinterpret_cast<const uint8_t *>(general[REG_RIP]), *at = start;
  if (*at++ != 0xC4)
    return false;
  uint8_t first = *at++, second = *at++;
  bool isWide = second & 0x80, isLong = second & 0x04;
  if ((first & 0x1F) != 2 || isWide || isLong) // map 0F38, W0, 128 bits
    return false;
  int extendReg = first & 0x80 ? 0 : 8, extendIndex = first & 0x40 ? 0 : 8, extendBase = first & 0x20 ? 0 : 8;
  result.second = (~second >> 3) & 15;
  result.prefix = second & 3;
  result.opcode = *at++;
  uint8_t modes = *at++, mode = modes >> 6;
  result.reg = ((modes >> 3) & 7) + extendReg;
  result.rm = (modes & 7) + extendBase;
  result.isMemory = mode != 3;
  if (result.isMemory) {
    int64_t base = 0;
    bool isRelative = false, hasBase = true;
    if ((modes & 7) == 4) {
      uint8_t scaled = *at++;
      int index = ((scaled >> 3) & 7) + extendIndex, from = (scaled & 7) + extendBase;
      result.stride = index == 4 ? 0 : general[registers[index]] << (scaled >> 6);
      hasBase = (scaled & 7) != 5 || mode != 0;
      base = hasBase ? general[registers[from]] : 0;
    } else if ((modes & 7) == 5 && mode == 0) {
      isRelative = true;
    } else {
      base = general[registers[result.rm]];
    }
    int32_t offset = 0;
    if (mode == 1) {
      offset = static_cast<int8_t>(*at++);
    } else if (mode == 2 || isRelative || !hasBase) {
      std::memcpy(&offset, at, 4);
      at += 4;
    }
    if (isRelative)
      base = reinterpret_cast<int64_t>(at);
    result.address = reinterpret_cast<uint8_t *>(base + offset);
  }
  result.length = static_cast<int>(at - start);
  return true;
}

bool configure(const uint8_t *memory) {
  if (memory[0] != 1) // the palette
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

void clear(Matrix &matrix) { matrix.data = {}; }

void load(Matrix &matrix, const uint8_t *address, int64_t stride) {
  clear(matrix);
  for (int row = 0; row < matrix.rows; ++row)
    std::memcpy(matrix.data[row].data(), address + row * stride, matrix.bytes);
}

void store(const Matrix &matrix, uint8_t *address, int64_t stride) {
  for (int row = 0; row < matrix.rows; ++row)
    std::memcpy(address + row * stride, matrix.data[row].data(), matrix.bytes);
}

bool addProduct(Matrix &sum, const Matrix &x, const Matrix &y) {
  if (sum.rows != x.rows || sum.bytes != y.bytes || x.bytes != 4 * y.rows || x.bytes % 4 || y.bytes % 4)
    return false;
  for (int m = 0; m < sum.rows; ++m)
    for (int k = 0; k < y.rows; ++k)
      for (int n = 0; n < sum.bytes / 4; ++n) {
        float value = sum.single(m, n);
        for (int half = 0; half < 2; ++half)
          value = std::fma(x.narrow(m, k, half), y.narrow(k, n, half), value);
        std::memcpy(sum.data[m].data() + 4 * n, &value, 4);
      }
  return true;
}

bool isConfigured(int i) { return i < count && matrices[i].rows > 0; }

bool execute(const Instruction &in) {
  enum Prefix { None, P66, F3, F2 };
  constexpr uint8_t configuration = 0x49, memory = 0x4B, product = 0x5C;
  if (in.opcode == configuration && in.prefix == None && in.isMemory && in.reg == 0)
    return configure(in.address);
  if (in.opcode == configuration && in.prefix == None && !in.isMemory && in.reg == 0 && in.rm == 0) {
    matrices = {};
    return true;
  }
  if (!isConfigured(in.reg))
    return false;
  Matrix &matrix = matrices[in.reg];
  if (in.opcode == configuration && in.prefix == F2 && !in.isMemory)
    return clear(matrix), true;
  if (in.opcode == memory && in.prefix == F2 && in.isMemory)
    return load(matrix, in.address, in.stride), true;
  if (in.opcode == memory && in.prefix == F3 && in.isMemory)
    return store(matrix, in.address, in.stride), true;
  return in.opcode == product && in.prefix == F3 && !in.isMemory && isConfigured(in.rm) &&
         isConfigured(in.second) && addProduct(matrix, matrices[in.rm], matrices[in.second]);
}

void compute(int, siginfo_t *, void *interrupted) {
  auto &context = *static_cast<ucontext_t *>(interrupted);
  Instruction instruction;
  if (decode(context, instruction) && execute(instruction))
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
