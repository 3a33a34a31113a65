#include "compiler/Target/CPU/MatrixTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

namespace {

/// Emits instructions on matrices. Their shapes are constants, from which LLVM configures the registers once
/// in each function.
class Matrices {
public:
  explicit Matrices(KernelEmitter &e) : e(e), lanes(e.machine.vector) {}

  /// Loads `rows` rows of `words` words from a byte of the buffer on; rows begin `stride` words apart.
  Value load(Value buffer, Value byte, int64_t rows, int64_t words, int64_t stride) {
    return call(type(), "llvm.x86.tileloadd64.internal",
                {i16(rows), i16(4 * words), pointerTo(buffer, byte), i64(4 * stride)});
  }
  /// Returns sums[m, n] + x[m, k] * y[k, n], k < depth, where the words of x and y are pairs.
  Value addProduct(Value sums, Value x, Value y, int64_t depth) {
    return call(type(), "llvm.x86.tdpbf16ps.internal",
                {i16(matrixRows), i16(4 * lanes), i16(4 * depth), sums, x, y});
  }

  /// Returns accumulators, with a vector in each row: what the buffer holds from these words on, or zero.
  SmallVector<Value> startSums(Value accumulate, Value buffer, ArrayRef<Value> places) {
    SmallVector<Type> types(places.size(), type());
    auto held = [&](Value at) { return load(buffer, e.mul(at, 4), matrixRows, lanes, lanes); };
    auto zero = [&](Value) {
      return call(type(), "llvm.x86.tilezero.internal", {i16(matrixRows), i16(4 * lanes)});
    };
    return e.choose(
        accumulate, types, [&] { return llvm::map_to_vector(places, held); },
        [&] { return llvm::map_to_vector(places, zero); });
  }
  void storeSums(ValueRange sums, Value buffer, ArrayRef<Value> places) {
    for (auto [matrix, at] : llvm::zip(sums, places))
      call({}, "llvm.x86.tilestored64.internal",
           {i16(matrixRows), i16(4 * lanes), pointerTo(buffer, e.mul(at, 4)), i64(4 * lanes), matrix});
  }

private:
  Type type() { return LLVM::LLVMX86AMXType::get(e.b.getContext()); }
  Value i16(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI16IntegerAttr(value)); }
  Value i64(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value)); }
  Value pointerTo(Value buffer, Value byte) {
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, buffer);
    Value integer = arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), e.add(base, byte));
    return LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext()), integer);
  }
  Value call(Type result, StringRef name, ValueRange arguments) {
    auto intrinsic = e.b.getStringAttr(name);
    if (result)
      return LLVM::CallIntrinsicOp::create(e.b, e.loc, result, intrinsic, arguments).getResult(0);
    LLVM::CallIntrinsicOp::create(e.b, e.loc, intrinsic, arguments);
    return {};
  }

  KernelEmitter &e;
  int64_t lanes;
};

//===-- Conv --------------------------------------------------------------===//

/// Gathers the rows of matrices, since pixels and results lie wherever the tables say. The factors of each
/// step are brought together on the stack, and the sums once.
class MatrixConvTile {
public:
  MatrixConvTile(KernelEmitter &e, const ConvTile &a, int64_t blocks, int64_t depth)
      : e(e), matrices(e), a(a), blocks(blocks), depth(depth), lanes(e.machine.vector),
        pixels(matrixPixels(blocks)), factors(onStack(pixels * depth)),
        sums(onStack(blocks * pixels * lanes)) {
    for (int64_t i = 0; i < blocks * pixels; i += matrixRows)
      places.push_back(e.index(i * lanes));
  }

  void emit() {
    e.loop(e.index(0), a.pixelCount, pixels, [&](Value q) { emitPixels(e.add(a.firstPixel, q)); });
  }

private:
  Value onStack(int64_t words) {
    auto type = MemRefType::get({words}, e.b.getF32Type());
    return memref::AllocaOp::create(e.b, e.loc, type, e.b.getI64IntegerAttr(64));
  }
  /// Runs `body` for each result of the tile, with its place in `sums` and in memory.
  void overResults(Value firstPixel, function_ref<void(Value, Value)> body);
  SmallVector<Value> emitStep(Value firstPixel, Value shift, Value weightsAt, ValueRange carried);
  void emitPixels(Value firstPixel);

  KernelEmitter &e;
  Matrices matrices;
  const ConvTile &a;
  int64_t blocks, depth, lanes, pixels;
  Value factors, sums;       // [pixel][pair], [block][pixel][lane]
  SmallVector<Value> places; // places of the matrices in `sums`
};

void MatrixConvTile::overResults(Value firstPixel, function_ref<void(Value, Value)> body) {
  e.loop(pixels, [&](Value pixel) {
    Value at = pixelEntry(e, a, e.add(firstPixel, pixel), 1);
    e.loop(blocks, [&](Value block) {
      Value sum = e.mul(e.add(e.mul(block, pixels), pixel), lanes);
      body(sum, e.add(at, e.mul(block, a.tileGroupStride)));
    });
  });
}

/// Multiplies one channel block of one tap.
SmallVector<Value> MatrixConvTile::emitStep(Value firstPixel, Value shift, Value weightsAt,
                                            ValueRange carried) {
  e.loop(pixels, [&](Value pixel) {
    Value at = e.add(shift, pixelEntry(e, a, e.add(firstPixel, pixel), 0));
    e.storeVector(e.loadVector(a.source, at, depth), factors, e.mul(pixel, depth));
  });
  SmallVector<Value> rows, next(carried);
  for (int64_t i = 0; i < pixels; i += matrixRows)
    rows.push_back(matrices.load(factors, e.index(4 * i * depth), matrixRows, depth, depth));
  for (int64_t j = 0; j < blocks; ++j) {
    Value at = e.add(weightsAt, e.mul(a.weightsGroupStride, j));
    Value weights = matrices.load(a.weights, e.mul(at, 4), depth, lanes, lanes);
    for (auto [i, x] : llvm::enumerate(rows)) {
      Value &sum = next[j * rows.size() + i];
      sum = matrices.addProduct(sum, x, weights, depth);
    }
  }
  return next;
}

void MatrixConvTile::emitPixels(Value firstPixel) {
  e.when(a.accumulate, [&] {
    overResults(firstPixel,
                [&](Value sum, Value at) { e.storeVector(e.loadVector(a.tile, at, lanes), sums, sum); });
  });
  auto start = matrices.startSums(a.accumulate, sums, places);
  auto end = overConvSteps(e, a, start, [&](Value shift, Value weightsAt, ValueRange carried) {
    return emitStep(firstPixel, shift, weightsAt, carried);
  });
  matrices.storeSums(end, sums, places);
  overResults(firstPixel,
              [&](Value sum, Value at) { e.storeVector(e.loadVector(sums, sum, lanes), a.tile, at); });
}

} // namespace

void kinema::cpu::emitMatrixConvTile(KernelEmitter &e, const ConvTile &arguments, int64_t blocks,
                                     int64_t depth) {
  MatrixConvTile(e, arguments, blocks, depth).emit();
}

//===-- Weight gradient ---------------------------------------------------===//

/// Returns the words of a row. They are read in pairs of results, so a row may be read one element beyond its
/// last.
static int64_t rowWordsOf(const StagedAxis &axis) {
  int64_t elements = shape::ceilDiv(axis.extent, axis.pitch) + 1;
  return shape::roundUp(shape::ceilDiv(elements, 2), matrixRows);
}

TurnedBox::TurnedBox(const StagedBox &box)
    : box(box), words(box), phases(box.axes[2].pitch), rowWords(rowWordsOf(box.axes[2])) {
  words.axes[2] = {phases * rowWords, 1, 0, 1};
}

int64_t TurnedBox::tapShift(const shape::Tap &tap) const {
  const StagedAxis &axis = box.axes[2];
  shape::Tap first = tap;
  first.shift[2] = 0;
  int64_t along = (tap.shift[2] - axis.low) / axis.step;
  return 2 * (words.tapShift(first) + along % phases * rowWords) + along / phases;
}

/// Fills one row, 16 words of all channels at a time.
static void emitTurnedRow(KernelEmitter &e, const TurnedBox &turned, Value from, Value to) {
  int64_t width = turned.box.width, extent = turned.box.axes[2].extent;
  Value zero = e.constant(0.0f, e.vectorType(width));
  auto element = [&](int64_t phase, int64_t i) {
    int64_t at = i * turned.phases + phase;
    return at < extent ? e.loadVector(e.scratch, e.add(from, at * width), width) : zero;
  };
  for (int64_t phase = 0; phase < turned.phases; ++phase)
    for (int64_t word = 0; word < turned.rowWords; word += matrixRows) {
      SmallVector<Value> rows;
      for (int64_t i = word; i < word + matrixRows; ++i)
        rows.push_back(columnPairs(e, element(phase, 2 * i), element(phase, 2 * i + 1)));
      turn(e, rows);
      for (auto [channel, words] : llvm::enumerate(rows)) {
        int64_t row = channel * turned.phases + phase;
        e.storeVector(words, e.scratch, e.add(to, row * turned.rowWords + word));
      }
    }
}

void kinema::cpu::emitTurned(KernelEmitter &e, const TurnedBox &turned, Value blocks, Value from, Value to) {
  const StagedBox &box = turned.box;
  e.loop(box.clips, [&](Value clip) {
    e.loop(e.index(0), blocks, 1, [&](Value block) {
      e.loop(box.axes[0].extent, [&](Value frame) {
        e.loop(box.axes[1].extent, [&](Value line) {
          auto rowOf = [&](const StagedBox &in) {
            Value at = e.add(e.mul(clip, in.clipStride()), e.mul(block, in.blockStride()));
            return e.add(at, e.add(e.mul(frame, in.frameStride()), e.mul(line, in.rowStride())));
          };
          emitTurnedRow(e, turned, e.add(from, rowOf(box)), e.add(to, rowOf(turned.words)));
        });
      });
    });
  });
}

void kinema::cpu::emitMatrixWeightGradTile(KernelEmitter &e, const WeightGradTile &a, int64_t blocks,
                                           int64_t columns, int64_t channelWords) {
  Matrices matrices(e);
  int64_t lanes = e.machine.vector;
  SmallVector<Value> places;
  for (int64_t j = 0; j < blocks; ++j)
    places.push_back(e.add(a.outAt, e.mul(a.outGroupStride, j)));
  auto start = matrices.startSums(a.accumulate, a.out, places);
  auto sums = e.loop(e.index(0), a.rowCount, 1, start, [&](Value row, ValueRange carried) {
    SmallVector<Value> next(carried);
    Value pair = e.mul(e.add(a.firstRow, row), 2);
    Value gradient = e.add(a.gradientAt, loadIndex(e, a.rows, pair));
    Value activation = e.add(a.activationAt, loadIndex(e, a.rows, e.add(pair, 1)));
    for (int64_t k = 0; k < columns; k += matrixRows) {
      int64_t depth = std::min(matrixRows, columns - k);
      Value byte = e.mul(e.add(activation, 2 * k), 2);
      Value x = matrices.load(a.activation, byte, matrixRows, depth, channelWords);
      for (int64_t j = 0; j < blocks; ++j) {
        Value at = e.add(e.add(gradient, k * lanes), e.mul(a.gradientGroupStride, j));
        Value y = matrices.load(a.gradient, e.mul(at, 4), depth, lanes, lanes);
        next[j] = matrices.addProduct(next[j], x, y, depth);
      }
    }
    return next;
  });
  matrices.storeSums(sums, a.out, places);
}
