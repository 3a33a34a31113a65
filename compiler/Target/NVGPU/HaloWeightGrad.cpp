#include "compiler/Target/NVGPU/HaloWeightGrad.h"

#include "compiler/Target/NVGPU/HaloWalk.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class HaloWeightGradEmitter : WarpgroupEmitter {
public:
  HaloWeightGradEmitter(kernel::WeightGradOp op, const HaloWeightGradPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e, plan.tensorCores), op(op), plan(plan), tile(plan.tile), layout(plan.pipeline()),
        pipeline(*this, layout), walk(*this, plan.axes),
        gradient(*this, op.gradient(), plan.gradientFeed(), shape::ceilDiv(plan.outputs, blockChannels),
                 pipeline, !tile.outputRows && plan.columnsReachBeyond()),
        activation(*this, op.activation(), plan.activationFeed(),
                   plan.neighbours > 1 ? 1 : shape::ceilDiv(plan.inputs, blockChannels), pipeline,
                   tile.outputRows && plan.columnsReachBeyond()),
        contractOwner(contractOf(*this, pipeline, layout.products)), contract(*contractOwner) {}

  void emit();

private:
  using Values = SmallVector<Value>;

  /// A Product is one of the products that a warpgroup accumulates.
  struct Product {
    Value exists;             // false beyond the last product: the last warpgroup may have fewer
    std::array<Value, 3> tap; // position in the block's box
    Value rowTile;
    Value gradientAt, activationAt; // bytes from the start of a stage's data
  };
  void placeBlock();
  /// Returns the first column of the block's rows.
  Value firstColumnOfRows() {
    Value group = e.div(e.mul(rowBlock, tile.rows), plan.rowsOfGroup());
    return e.mul(e.div(e.mul(group, plan.columnsOfGroup()), blockChannels), blockChannels);
  }
  void clearStages();
  /// Runs the body for each tile of the block's positions, with its number and how many tiles came before.
  Values overTiles(ValueRange init, function_ref<Values(Value tile, Value step, ValueRange)> body);

  /// Returns where the positions of a tile lie in gradient and activation.
  std::pair<FeedPlace, FeedPlace> placesOf(Value tile);
  void emitCopies();
  void emitProducers();

  void emitConsumers();
  Product productOf(Value number, int64_t last);
  int64_t lastLike(int64_t i);
  SmallVector<Product> products();
  Values emitProducts(ArrayRef<Product> products, ValueRange sums, Value step);

  void storeProduct(const Product &product, const Contract::Held &held, int64_t i);
  void storeRow(const Product &product, const Contract::Held &held, Value rowOfSum, int64_t number);
  void storeGroups(const Contract::Held &held, int64_t number, Value tap, Value row, Value column);

  kernel::WeightGradOp op;
  const HaloWeightGradPlan &plan;
  const HaloWeightGradTile &tile;
  const HaloWeightGradPipeline layout;
  Pipeline pipeline;
  const Ring &ring = pipeline.operands; // each stage holds the gradient, then the activation
  HaloWalk walk;
  Feed gradient, activation;
  std::unique_ptr<Contract> contractOwner;
  Contract &contract;
  Value rowBlock, columnBlock, chunk;
  Value outputBlock, inputBlock; // the first channel blocks of 8
  std::array<Value, 3> firstTap; // first tap of the block's box
};

/// Fills the stages with zeros. Products also read places to which no position is staged, whose contents must
/// be finite, and transforms read places to which nothing is copied.
void HaloWeightGradEmitter::clearStages() {
  int64_t at = ring.plan.data.at;
  clear(e.index(at), pipeline.plan.memory.bytes() - at, e.thread, e.threads);
  fenceShared();
}

//===-- The block's place -------------------------------------------------===//

void HaloWeightGradEmitter::placeBlock() {
  Digits digits(e, e.firstBlock);
  for (int axis = 2; axis >= 0; --axis)
    firstTap[axis] = e.mul(digits.next(plan.boxes(axis)), tile.taps[axis]);
  columnBlock = digits.next(plan.columnBlocks());
  rowBlock = digits.next(plan.rowBlocks());
  chunk = digits.next(tile.chunks);
  Value firstRow = e.mul(rowBlock, tile.rows / blockChannels);
  Value firstColumn = e.mul(columnBlock, tile.columns / blockChannels);
  if (plan.groups > 1)
    firstColumn = e.add(e.div(firstColumnOfRows(), blockChannels), firstColumn);
  outputBlock = tile.outputRows ? firstRow : firstColumn;
  inputBlock = tile.outputRows ? firstColumn : firstRow;
}

HaloWeightGradEmitter::Values
HaloWeightGradEmitter::overTiles(ValueRange init,
                                 function_ref<Values(Value tile, Value step, ValueRange)> body) {
  Value first = e.mul(chunk, plan.tilesOfChunk());
  Value end = e.min(e.add(first, plan.tilesOfChunk()), e.index(plan.positionTiles()));
  return e.loop(first, end, 1, init, [&](Value positions, ValueRange carried) {
    return body(positions, e.sub(positions, first), carried);
  });
}

//===-- Producers ---------------------------------------------------------===//

std::pair<FeedPlace, FeedPlace> HaloWeightGradEmitter::placesOf(Value number) {
  Digits digits(e, number);
  TilePlace there = walk.placeOf(digits, digits);
  there.n = digits.last();
  FeedPlace ofActivation = walk.feedPlace(there), ofGradient = ofActivation;
  for (int axis = 0; axis < 3; ++axis) {
    ofGradient.low[axis] = e.index(0);
    if (plan.boxes(axis) > 1)
      ofActivation.low[axis] = e.add(e.mul(firstTap[axis], plan.dilation[axis]), ofActivation.low[axis]);
  }
  return {ofGradient, ofActivation};
}

/// The first warps begin the copies of gradient and activation. What goes through the raw ring goes first,
/// since that may be ahead of the stages.
void HaloWeightGradEmitter::emitCopies() {
  overTiles({e.index(0)}, [&](Value tile, Value step, ValueRange carried) -> Values {
    auto [ofGradient, ofActivation] = placesOf(tile);
    Value rawStep = carried[0];
    for (bool direct : {false, true}) {
      if (gradient.plan.direct() == direct)
        rawStep = gradient.copyStage(ofGradient, outputBlock, step, 0, rawStep);
      if (activation.plan.direct() == direct)
        rawStep = activation.copyStage(ofActivation, inputBlock, step, plan.gradientBytes(), rawStep,
                                       /*isEmpty=*/gradient.plan.direct());
    }
    return {rawStep};
  });
}

/// Stages gradient and activation, one tile of positions after the other.
void HaloWeightGradEmitter::emitProducers() {
  if (plan.copiesDoAll())
    return;
  Value thread = pipeline.stagingThread();
  overTiles({e.index(0)}, [&](Value tile, Value step, ValueRange rawStep) -> Values {
    auto [ofGradient, ofActivation] = placesOf(tile);
    return {ring.fill(step, [&] {
      Value at = ring.stageAt(step);
      Value next = gradient.fill(gradient.positionsOf(ofGradient, thread), outputBlock, at, rawStep[0]);
      return activation.fill(activation.positionsOf(ofActivation, thread), inputBlock,
                             e.add(at, plan.gradientBytes()), next);
    })};
  });
}

//===-- Consumers ---------------------------------------------------------===//

/// Returns a product by its number among the block's; `last` takes the place of those beyond the last one.
HaloWeightGradEmitter::Product HaloWeightGradEmitter::productOf(Value number, int64_t last) {
  Product product;
  product.exists = e.inRange(number, plan.products());
  number = e.min(number, e.index(last));
  product.rowTile = e.rem(number, plan.rowTiles());
  Digits digits(e, e.div(number, plan.rowTiles()));
  for (int axis = 2; axis >= 0; --axis)
    product.tap[axis] = digits.next(tile.taps[axis]);
  Value shift = walk.shiftOf(product.tap);
  Value row = e.mul(product.rowTile, ProductShape::rows / blockChannels * positionBytes); // times the pitch
  product.gradientAt = tile.outputRows ? e.mul(row, plan.gradientPitch()) : e.index(0);
  product.activationAt = e.add(e.mul(shift, positionBytes), e.index(plan.gradientBytes()));
  if (!tile.outputRows)
    product.activationAt = e.add(product.activationAt, e.mul(row, plan.activationPitch()));
  return product;
}

/// Begins all products of one stage, over its positions.
HaloWeightGradEmitter::Values HaloWeightGradEmitter::emitProducts(ArrayRef<Product> products, ValueRange sums,
                                                                  Value step) {
  constexpr int64_t eightPositions = 8 * positionBytes;
  Value at = ring.stageAt(step);
  SmallVector<Factors> factors;
  for (const Product &product : products) {
    Matrix gradient = contract.matrix(e.add(at, product.gradientAt), eightPositions,
                                      plan.gradientPitch() * positionBytes, false);
    Matrix activation = contract.matrix(e.add(at, product.activationAt), eightPositions,
                                        plan.inputStep() * positionBytes, false);
    if (plan.terms > 1) {
      gradient.rest = plan.gradientTermBytes();
      activation.rest = plan.activationTermBytes();
    }
    factors.push_back(tile.outputRows ? Factors{gradient, activation} : Factors{activation, gradient});
  }
  auto next = contract.begin(sums, factors, ProductShape::depth);
  // The stage before is free as soon as this one's products have begun. To wait for it after all of them
  // would leave the producers idle for as long, since there are but two stages.
  contract.follow(ring, step, e.index(0));
  if (plan.contracted() == ProductShape::depth)
    return next;
  return contract.proceed(next, factors, ProductShape::depth, plan.contracted());
}

/// Returns the last product that may stand for a consumer's product `i`. Joined ones stay side by side.
int64_t HaloWeightGradEmitter::lastLike(int64_t i) {
  return plan.products() - (layout.products.joins && i % 2 == 0 ? 2 : 1);
}

SmallVector<HaloWeightGradEmitter::Product> HaloWeightGradEmitter::products() {
  SmallVector<Product> products;
  // The warp's threads get it from one, so that the compiler sees that it is the same in all.
  Value group = broadcast(e.sub(e.div(e.thread, warpgroup), e.index(tile.producers)));
  for (int64_t i = 0; i < plan.productsOfConsumer(); ++i)
    products.push_back(productOf(e.add(e.mul(group, plan.productsOfConsumer()), i), lastLike(i)));
  return products;
}

void HaloWeightGradEmitter::emitConsumers() {
  SmallVector<Product> products = this->products();
  auto sums = overTiles(contract.zero(products.size()), [&](Value, Value step, ValueRange sums) {
    contract.await(ring, step);
    return emitProducts(products, sums, step);
  });
  contract.finish(e.index(0));
  // The block's place is computed again, so that it takes no registers during the products.
  e.firstBlock = broadcast(e.firstBlock);
  placeBlock();
  for (auto [i, product] : llvm::enumerate(this->products()))
    storeProduct(product, contract.hold(sums, i, 1, 0, tile.columns / blockChannels), i);
  contract.release(/*last=*/true);
}

//===-- Results -----------------------------------------------------------===//

/// Stores product `i` of this thread's consumer.
void HaloWeightGradEmitter::storeProduct(const Product &product, const Contract::Held &held, int64_t i) {
  Value exists = product.exists;
  for (int axis = 0; axis < 3; ++axis)
    if (plan.kernel[axis] % tile.taps[axis])
      exists = e.both(exists, e.inRange(e.add(firstTap[axis], product.tap[axis]), plan.kernel[axis]));
  e.when(exists, [&] {
    for (int64_t number = 0; number < Contract::rowsOfThread; ++number)
      storeRow(product, held, contract.row(e.thread, number, i), number);
  });
}

/// Stores a row of a product, which this thread holds as its `number`th. The partial is [chunk, taps, input
/// channel blocks, output channels, 8 input channels].
void HaloWeightGradEmitter::storeRow(const Product &product, const Contract::Held &held, Value rowOfSum,
                                     int64_t number) {
  Value row =
      e.add(e.mul(e.add(e.mul(rowBlock, plan.rowTiles()), product.rowTile), ProductShape::rows), rowOfSum);
  Value column = e.add(e.mul(columnBlock, tile.columns), contract.column());
  Value tap = chunk;
  for (int axis = 0; axis < 3; ++axis)
    tap = e.add(e.mul(tap, plan.kernel[axis]), e.add(firstTap[axis], product.tap[axis]));
  if (plan.groups > 1)
    return storeGroups(held, number, tap, row, column);
  int64_t storedOutputs = shape::roundUp(plan.outputs, blockChannels);
  int64_t storedRows = shape::roundUp(plan.allRows(), blockChannels);
  int64_t storedColumns = shape::roundUp(plan.allColumns(), blockChannels);
  Value matrix = e.mul(tap, shape::ceilDiv(plan.inputs, blockChannels)); // in blocks of input channels
  Value rowExists = plan.existingRows() % blockChannels ? e.inRange(row, plan.existingRows()) : Value();

  auto store = [&](int64_t group) {
    SmallVector<Value> pair;
    for (int64_t i = 0; i < 2; ++i) {
      Value value = contract.element(held, number, group, i), exists = rowExists;
      if (plan.existingColumns() < storedColumns) {
        Value inside = e.inRange(e.add(column, group * blockChannels + i), plan.existingColumns());
        exists = exists ? e.both(exists, inside) : inside;
      }
      pair.push_back(exists ? choose(exists, value, e.constant(0.0f)) : value);
    }
    Value first = e.add(column, group * blockChannels);
    Value output = tile.outputRows ? row : first, input = tile.outputRows ? first : row;
    Value block = e.add(matrix, e.div(input, blockChannels));
    Value at =
        e.add(e.mul(e.add(e.mul(block, storedOutputs), output), blockChannels), e.rem(input, blockChannels));
    if (tile.outputRows) {
      e.storeVector(vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair), e.results[0], at);
    } else {
      e.store(pair[0], e.results[0], at);
      e.store(pair[1], e.results[0], e.add(at, blockChannels));
    }
  };
  e.when(e.inRange(row, storedRows), [&] {
    for (int64_t group = 0; group < tile.columns / blockChannels; ++group)
      if (storedColumns % tile.columns)
        e.when(e.inRange(e.add(column, group * blockChannels), storedColumns), [&] { store(group); });
      else
        store(group);
  });
}

/// Stores what counts of one of a product's rows, whose columns begin with `column` in the block's. The
/// partial is [chunk, taps, output channels, input channels of a group].
void HaloWeightGradEmitter::storeGroups(const Contract::Held &held, int64_t number, Value tap, Value row,
                                        Value column) {
  column = e.add(firstColumnOfRows(), column);
  int64_t inputsOfGroup = plan.inputs / plan.groups;
  Value group = e.div(row, plan.rowsOfGroup());
  auto store = [&](Value value, Value column) {
    Value output = tile.outputRows ? row : column, input = tile.outputRows ? column : row;
    Value at =
        e.add(e.mul(e.add(e.mul(tap, plan.outputs), output), inputsOfGroup), e.rem(input, inputsOfGroup));
    e.storeElements(value, e.results[0], at);
  };
  auto belongs = [&](Value column) {
    Value ofColumn = e.div(column, plan.columnsOfGroup());
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, ofColumn, group);
  };
  // A pair of columns is stored at once where both are of a group and lie side by side.
  bool inPairs = tile.outputRows && inputsOfGroup % 2 == 0;
  e.when(e.inRange(row, plan.allRows()), [&] {
    for (int64_t eight = 0; eight < tile.columns / blockChannels; ++eight)
      for (int64_t first = 0; first < 2; first += inPairs ? 2 : 1) {
        Value there = e.add(column, eight * blockChannels + first);
        e.when(belongs(there), [&] {
          store(inPairs ? contract.pair(held, number, eight) : contract.element(held, number, eight, first),
                there);
        });
      }
  });
}

//===-- The kernel --------------------------------------------------------===//

void HaloWeightGradEmitter::emit() {
  placeBlock();
  clearStages();
  pipeline.run([&] { emitCopies(); }, [&] { emitProducers(); }, [&] { emitConsumers(); });
  widenInWords(*e.b.getInsertionBlock());
}

} // namespace

void kinema::nvidia::emitHaloWeightGrad(kernel::WeightGradOp op, KernelEmitter &e) {
  HaloWeightGradPlan plan = haloWeightGradPlanOf(op);
  HaloWeightGradEmitter(op, plan, e).emit();
}
