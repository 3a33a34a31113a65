// Implements the matrix operations of a warp: ldmatrix, stmatrix and mma.sync. PTX ISA, "Matrix Fragments for
// mma.m16n8k16" and the like, says how fragments lie in registers.
#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Current.h"
#include "runtime/Emulator/Floats.h"

#include <cstring>

using namespace kinema::emulator;

namespace {

/// A MatrixRow is a row of a matrix of 8 x 8 elements of 16 bits. A lane gives its address.
struct MatrixRow {
  uint16_t elements[8];
};

// Reads the operands of a lane: address, number of matrices, whether they are transposed, registers.
struct MatrixOperands {
  uint64_t address, count, transposed;
  uint32_t *registers;
  explicit MatrixOperands(const Thread &thread)
      : address(thread.operand[0]), count(thread.operand[1]), transposed(thread.operand[2]),
        registers(reinterpret_cast<uint32_t *>(thread.operand[3])) {}
};

// Register m of lane l gets two elements of matrix m: those in row l / 4 and columns 2 * (l % 4) and the
// next; transposed, those in column l / 4 and rows 2 * (l % 4) and the next.
void loadMatrices(Warps &warps, const Meeting &meeting) {
  warps.requireWhole(meeting);
  MatrixOperands first(warps.lane(meeting, 0));
  for (uint32_t matrix = 0; matrix < first.count; ++matrix) {
    MatrixRow rows[8];
    for (int row = 0; row < 8; ++row) {
      const Thread &owner = warps.lane(meeting, int(matrix * 8) + row);
      std::memcpy(&rows[row], reinterpret_cast<const void *>(MatrixOperands(owner).address),
                  sizeof(MatrixRow));
    }
    for (int lane = 0; lane < warpSize; ++lane) {
      int major = lane / 4, minor = lane % 4 * 2;
      uint32_t low = first.transposed ? rows[minor].elements[major] : rows[major].elements[minor];
      uint32_t high = first.transposed ? rows[minor + 1].elements[major] : rows[major].elements[minor + 1];
      MatrixOperands(warps.lane(meeting, lane)).registers[matrix] = low | high << 16;
    }
  }
}

void storeMatrices(Warps &warps, const Meeting &meeting) {
  warps.requireWhole(meeting);
  MatrixOperands first(warps.lane(meeting, 0));
  for (uint32_t matrix = 0; matrix < first.count; ++matrix) {
    MatrixRow rows[8];
    for (int lane = 0; lane < warpSize; ++lane) {
      int major = lane / 4, minor = lane % 4 * 2;
      uint32_t pair = MatrixOperands(warps.lane(meeting, lane)).registers[matrix];
      for (int i = 0; i < 2; ++i)
        (first.transposed ? rows[minor + i].elements[major] : rows[major].elements[minor + i]) =
            uint16_t(pair >> 16 * i);
    }
    for (int row = 0; row < 8; ++row)
      std::memcpy(
          reinterpret_cast<void *>(MatrixOperands(warps.lane(meeting, int(matrix * 8) + row)).address),
          &rows[row], sizeof(MatrixRow));
  }
}

/// Lets each lane whose row is used access it; then all lanes do the rest together. Tiles may have rows that
/// nobody wrote and whose results nobody uses.
void withMatrices(AccessKind kind, const void *address, uint32_t count, uint32_t transposed,
                  uint32_t *registers, void (*complete)(Warps &, const Meeting &), uint32_t site) {
  Cluster &cluster = at(site);
  Thread &thread = cluster.scheduler.running();
  if (count != 1 && count != 2 && count != 4)
    cluster.scheduler.violate("{} matrices: must be 1, 2 or 4", count);
  if (uint32_t(thread.lane()) < count * 8)
    cluster.accesses.check(kind, address, sizeof(MatrixRow), sizeof(MatrixRow), Space::Shared,
                           /*maybeUnwritten=*/kind == AccessKind::Read);
  thread.operand = {reinterpret_cast<uint64_t>(address), count, transposed,
                    reinterpret_cast<uint64_t>(registers)};
  cluster.warps.meet(everyLane, complete);
}

// ---- Products

enum class Element { BF16, F16, TF32 };

struct Form {
  Element type;
  int k;
};
// The forms stand in the order of compiler/Target/NVGPU/Emulator/RetargetMatrix.cpp.
constexpr Form forms[] = {{Element::BF16, 8}, {Element::BF16, 16}, {Element::F16, 8},
                          {Element::F16, 16}, {Element::TF32, 4},  {Element::TF32, 8}};
constexpr int productRows = 16, productColumns = 8, mostDepth = 16;

// Decodes the elements of a register of 32 bits.
void decode(Element type, uint32_t word, float *elements) {
  switch (type) {
  case Element::BF16:
    elements[0] = fromBF16(uint16_t(word));
    elements[1] = fromBF16(uint16_t(word >> 16));
    return;
  case Element::F16:
    elements[0] = fromF16(uint16_t(word));
    elements[1] = fromF16(uint16_t(word >> 16));
    return;
  case Element::TF32:
    elements[0] = fromTF32(word);
    return;
  }
}

// Multiplies by m16n8. With `pack` elements in a register, g = lane / 4 and t = lane % 4, a lane's registers
// of A go through rows g and g + 8, then through k in steps of 4 * pack; those of B go through k alone, in
// column g; those of C and D go through rows g and g + 8 and columns 2t and 2t + 1.
void multiply(Warps &warps, const Meeting &meeting) {
  warps.requireWhole(meeting);
  Form form = forms[warps.lane(meeting, 0).operand[0]];
  int pack = form.type == Element::TF32 ? 1 : 2, parts = form.k / (4 * pack); // parts along k
  float a[productRows * mostDepth], b[mostDepth * productColumns], d[productRows * productColumns];
  auto placeInD = [](int g, int t, int half) { return (g + 8 * half) * productColumns + 2 * t; };
  for (int lane = 0; lane < warpSize; ++lane) {
    const uint32_t *words = reinterpret_cast<const uint32_t *>(warps.lane(meeting, lane).operand[1]);
    int g = lane / 4, t = lane % 4;
    for (int part = 0; part < parts; ++part) {
      int k = (part * 4 + t) * pack;
      for (int half = 0; half < 2; ++half)
        decode(form.type, *words++, a + (g + 8 * half) * form.k + k);
    }
    for (int part = 0; part < parts; ++part) {
      float elements[2];
      decode(form.type, *words++, elements);
      for (int i = 0; i < pack; ++i)
        b[((part * 4 + t) * pack + i) * productColumns + g] = elements[i];
    }
    for (int half = 0; half < 2; ++half)
      std::memcpy(d + placeInD(g, t, half), words + 2 * half, 2 * sizeof(float));
  }
  if (currentCluster->tensorCore.sums() == Arithmetic::Truncating)
    addProduct(Arithmetic::Truncating, d, a, b, productRows, form.k, productColumns,
               TensorCoreSums::group / 2 * pack);
  else
    addRoundedOnce(d, a, b, productRows, form.k, productColumns);
  for (int lane = 0; lane < warpSize; ++lane) {
    uint32_t *results = reinterpret_cast<uint32_t *>(warps.lane(meeting, lane).operand[2]);
    for (int half = 0; half < 2; ++half)
      std::memcpy(results + 2 * half, d + placeInD(lane / 4, lane % 4, half), 2 * sizeof(float));
  }
}

} // namespace

void kinema_emulator_ldmatrix(const void *address, uint32_t count, uint32_t transposed, uint32_t *registers,
                              uint32_t site) {
  withMatrices(AccessKind::Read, address, count, transposed, registers, loadMatrices, site);
}

void kinema_emulator_stmatrix(void *address, uint32_t count, uint32_t transposed, const uint32_t *registers,
                              uint32_t site) {
  withMatrices(AccessKind::Write, address, count, transposed, const_cast<uint32_t *>(registers),
               storeMatrices, site);
}

void kinema_emulator_mma(uint32_t form, const uint32_t *operands, uint32_t *results, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.scheduler.running().operand = {form, reinterpret_cast<uint64_t>(operands),
                                         reinterpret_cast<uint64_t>(results)};
  cluster.warps.meet(everyLane, multiply);
}
