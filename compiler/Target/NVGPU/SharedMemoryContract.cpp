#include "compiler/Target/NVGPU/SharedMemoryContract.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

/// A start is what descriptors have of an address: a word that counts in 16 bytes.
Matrix SharedMemoryContract::matrix(Value at, int64_t leading, int64_t stride, bool contractedFastest) {
  Value base = LLVM::PtrToIntOp::create(e.b, e.loc, e.b.getI32Type(), e.scratch);
  Value address = arith::AddIOp::create(e.b, e.loc, base, w.word(at));
  Value start = arith::AndIOp::create(e.b, e.loc, arith::ShRUIOp::create(e.b, e.loc, address, w.word(4)),
                                      w.word(0x3FFF));
  return {start, leading, stride, contractedFastest};
}

/// PTX ISA, "Matrix Descriptor Format" and "Shared memory descriptor". The upper word is constant. In the
/// lower one the sum does not exceed the 14 bits of a start, since the matrix lies in the block's shared
/// memory. The words are put together as words: of sums of 64 bits, ptxas 13.0 has lost an upper word.
Value SharedMemoryContract::descriptor(const Matrix &matrix, int64_t version) {
  Value low = arith::AddIOp::create(e.b, e.loc, matrix.start,
                                    w.word((matrix.leading >> 4) << 16 | matrix.offset >> 4));
  Value high = w.word((version >> 32) | matrix.stride >> 4);
  auto words = VectorType::get({2}, e.b.getI32Type()), whole = VectorType::get({1}, e.b.getI64Type());
  Value both = vector::FromElementsOp::create(e.b, e.loc, words, ValueRange{low, high});
  return vector::ExtractOp::create(e.b, e.loc, vector::BitCastOp::create(e.b, e.loc, whole, both), 0);
}

/// A start counts in the bytes of a position.
Matrix SharedMemoryContract::moved(Matrix matrix, Value numbers) {
  Value distance = w.word(e.mul(numbers, matrix.leading / 8 / positionBytes));
  matrix.start = arith::AddIOp::create(e.b, e.loc, matrix.start, distance);
  return matrix;
}
