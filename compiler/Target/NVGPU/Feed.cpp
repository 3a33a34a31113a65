#include "compiler/Target/NVGPU/Feed.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

/// Returns the vector type of four words, which is what a thread stores at once.
static VectorType words(KernelEmitter &e, int64_t count) {
  return VectorType::get({count}, e.b.getI32Type());
}

void Feed::clearRaw() {
  bool allCopied = plan.covered() || plan.boxes();
  if (plan.copiesPositions() || plan.direct() || (allCopied && !mayMiss()))
    return;
  w.clear(e.index(raw.plan.data.at), raw.plan.data.bytes, e.thread, e.threads);
  w.fenceShared();
}

//===-- Copies ------------------------------------------------------------===//

/// What every copy of a part shares: the source's positions along the axis along which it runs.
struct Feed::Run {
  int axis;
  Value first;   // position of the source
  Value skipped; // positions of the raw axis before it
  Value count;   // of positions along the axis: none where the source does not reach them
  int64_t inner; // positions behind each of them
};

Feed::Run Feed::runOf(const FeedPlace &place) {
  int axis = plan.runAxis();
  const FeedAxis &a = plan.axes[axis];
  Run run;
  run.axis = axis;
  run.inner = 1;
  for (int behind = axis + 1; behind < 3; ++behind)
    run.inner *= plan.axes[behind].source;
  int64_t most = axis < 2 ? a.filled * a.planes : (a.filled - 1) * a.step + a.planes + plan.neighbours - 1;
  Value begin = e.add(e.mul(place.first[axis], a.step), place.low[axis]);
  run.skipped = e.max(e.index(0), e.sub(e.index(0), begin));
  run.first = e.add(begin, run.skipped);
  Value end = e.min(e.index(most), e.sub(e.index(a.source), begin));
  run.count = e.max(e.index(0), e.sub(end, run.skipped));
  return run;
}

/// Describes the tensor, [N, channel blocks, T, H, W], and the box of one copy.
kernel::TensorMapAttr Feed::mapOf(const kernel::AccessOperand &operand) const {
  int64_t words = rawPositionBytes(operand.getType()) / kernel::TensorMapAttr::wordBytes;
  SmallVector<int64_t> sizes = {operand.getType().getDimSize(0), blocks}, box = {1, plan.blocksOfBox()},
                       steps = {1, 1};
  for (int axis = 0; axis < 3; ++axis) {
    const FeedAxis &a = plan.axes[axis];
    int64_t unit = axis < 2 ? 1 : words;
    sizes.push_back(a.source * unit);
    box.push_back((axis < 2 ? a.boxSpan() : plan.rawExtent(axis)) * unit);
    steps.push_back(axis < 2 ? a.boxStep() : 1);
  }
  return kernel::TensorMapAttr::get(e.b.getContext(), operand.operand->getOperandNumber(), sizes, box, steps);
}

/// One thread of the first warp begins all copies of a part: the boxes of its pixels, and its vectors. One of
/// each other warp arrives, so that none falls behind by a phase of a barrier, or runs ahead of one.
void Feed::copyBoxes(const FeedPlace &place, Value firstBlock, Value to, Value barrier) {
  auto begin = [&] { beginBoxes(place, firstBlock, to, barrier); };
  e.when(w.elected(), [&] {
    if (plan.copiers == 1)
      begin();
    else
      e.when(e.inRange(e.thread, warp), begin, [&] { w.arriveTimes(barrier, 1); });
  });
}

void Feed::beginBoxes(const FeedPlace &place, Value firstBlock, Value to, Value barrier) {
  int64_t some = plan.blocksOfPart(), boxes = some / plan.blocksOfBox(), ofBoxes = 0;
  for (kernel::AccessOperand operand : prologue)
    if (operand.access == Access::Pixel) {
      kernel::TensorMapAttr map = mapOf(operand);
      ofBoxes += boxes * map.boxBytes();
      if (Value &parameter = maps[operand.operand]; !parameter)
        parameter = w.tensorMap(map);
    }
  Value ofVectors = e.mul(existing(firstBlock), plan.operands.vectorBytes / plan.neighbours);
  w.arriveExpecting(barrier, w.word(e.add(ofVectors, ofBoxes)));
  std::array<Value, 3> first;
  for (int axis = 0; axis < 3; ++axis)
    first[axis] = e.add(e.mul(place.first[axis], plan.axes[axis].step), place.low[axis]);
  Value at = to;
  for (kernel::AccessOperand operand : prologue) {
    if (operand.access != Access::Pixel)
      continue;
    int64_t eachBytes = rawPositionBytes(operand.getType());
    int64_t blockBytes = plan.direct() ? stagedBlockBytes() : plan.rawPositions() * eachBytes;
    Value word = e.mul(first[2], eachBytes / kernel::TensorMapAttr::wordBytes);
    for (int64_t i = 0; i < some; i += plan.blocksOfBox())
      w.boxCopy(w.pointer(e.add(at, i * blockBytes)), maps[operand.operand],
                {place.n, e.add(firstBlock, i), first[0], first[1], word}, barrier);
    at = e.add(at, plan.rawOperandBytes(eachBytes));
  }
  for (kernel::AccessOperand operand : prologue)
    if (operand.access != Access::Pixel) {
      auto [from, blockBytes] = rowOfVector(operand, place.n, firstBlock);
      copySome(e.bufferOf(*operand.operand), from, blockBytes, at, e.mul(existing(firstBlock), blockBytes),
               barrier);
      at = e.add(at, some * blockBytes);
    }
}

/// Copies so many bytes, if there are any, from `from` units of a buffer on.
void Feed::copySome(Value buffer, Value from, int64_t unit, Value to, Value bytes, Value barrier) {
  e.when(w.less(e.index(0), bytes),
         [&] { w.bulkCopy(w.pointer(to), w.globalPointer(buffer, from, unit), w.word(bytes), barrier); });
}

/// Copies likewise, and arrives in any case.
void Feed::copyBytes(Value buffer, Value from, int64_t unit, Value to, Value bytes, Value barrier) {
  w.arriveExpecting(barrier, w.word(bytes));
  copySome(buffer, from, unit, to, bytes, barrier);
}

/// The copying threads share the rows of a part: of each block, the positions of the axes before the one
/// along which a copy runs.
void Feed::copyRows(const kernel::AccessOperand &operand, const FeedPlace &place, const Run &run,
                    Value firstBlock, Value to, int64_t blockBytes, Value barrier) {
  int64_t rows = plan.copiesOfBlock(), eachBytes = rawPositionBytes(operand.getType());
  Value buffer = e.bufferOf(*operand.operand), all = e.mul(run.count, run.inner * eachBytes);
  int64_t threads = plan.copyingThreads(), rounded = shape::roundUp(plan.rowsOfPart(), threads);
  e.loop(e.thread, e.index(rounded), threads, [&](Value number) {
    Value inPart = e.div(number, rows), rest = e.rem(number, rows), block = e.add(firstBlock, inPart);
    Value valid;
    auto demand = [&](Value condition) { valid = valid ? e.both(valid, condition) : condition; };
    if (plan.rowsOfPart() < rounded)
      demand(w.less(number, e.index(plan.rowsOfPart())));
    if (mayMiss())
      demand(w.less(block, e.index(blocks)));
    std::array<Value, 3> at, rawAt;
    for (int axis = run.axis - 1; axis >= 0; --axis) {
      const FeedAxis &a = plan.axes[axis];
      Value index = e.rem(rest, a.filled * a.planes);
      rest = e.div(rest, a.filled * a.planes);
      Value i = e.div(index, a.planes), plane = e.rem(index, a.planes);
      at[axis] = e.add(e.add(e.mul(e.add(place.first[axis], i), a.step), plane), place.low[axis]);
      rawAt[axis] = index;
      if (!a.covered)
        demand(e.inRange(at[axis], a.source));
    }
    Value from = e.add(e.mul(place.n, blocks), block), position = e.index(0);
    for (int axis = 0; axis < 3; ++axis) {
      from = e.mul(from, plan.axes[axis].source);
      position = e.mul(position, plan.rawExtent(axis));
      if (axis <= run.axis) {
        from = e.add(from, axis < run.axis ? at[axis] : run.first);
        position = e.add(position, axis < run.axis ? rawAt[axis] : run.skipped);
      }
    }
    Value bytes = valid ? w.choose(valid, all, e.index(0)) : all;
    Value target = e.add(e.add(to, e.mul(inPart, blockBytes)), e.mul(position, eachBytes));
    copyBytes(buffer, from, eachBytes, target, bytes, barrier);
  });
}

/// The copying threads share the positions of a part, and write zeros where the source does not reach.
void Feed::copyPositions(const kernel::AccessOperand &operand, const FeedPlace &place, Value firstBlock,
                         Value to, int64_t blockBytes) {
  int64_t pieces = blockBytes / (plan.direct() ? stagedBlockBytes() : plan.rawPositions() * positionBytes);
  int64_t ofBlock = (plan.direct() ? plan.positions() : plan.rawPositions()) * pieces;
  Value buffer = e.bufferOf(*operand.operand), all = e.index(plan.blocksOfPart() * ofBlock);
  e.loop(e.thread, all, plan.copyingThreads(), [&](Value number) {
    Value inPart = e.div(number, ofBlock), inBlock = e.rem(number, ofBlock);
    Value block = e.add(firstBlock, inPart);
    SourcePosition position = sourceOf(place, e.div(inBlock, pieces));
    Value exists = position.exists;
    if (mayMiss()) {
      Value there = w.less(block, e.index(blocks));
      exists = exists ? e.both(exists, there) : there;
    }
    Value from = e.add(e.mul(place.n, blocks), block);
    for (int axis = 0; axis < 3; ++axis)
      from = e.add(e.mul(from, plan.axes[axis].source), position.at[axis]);
    from = e.add(e.mul(from, pieces), e.rem(inBlock, pieces));
    if (exists)
      from = w.choose(exists, from, e.index(0));
    Value target = e.add(e.add(to, e.mul(inPart, blockBytes)), e.mul(inBlock, positionBytes));
    w.copyPosition(w.pointer(target), w.globalPointer(buffer, from, positionBytes), exists);
  });
}

/// Returns which position of the source a staged one or, where there are raw stages, a raw one holds.
Feed::SourcePosition Feed::sourceOf(const FeedPlace &place, Value number) {
  SourcePosition position;
  auto demand = [&](Value condition) {
    position.exists = position.exists ? e.both(position.exists, condition) : condition;
  };
  int64_t planePositions = 1;
  for (const FeedAxis &axis : plan.axes)
    planePositions *= axis.extent;
  Value planes = e.div(number, planePositions), rest = plan.direct() ? e.rem(number, planePositions) : number;
  for (int axis = 2; axis >= 0; --axis) {
    const FeedAxis &a = plan.axes[axis];
    Value first = e.add(e.mul(place.first[axis], a.step), place.low[axis]);
    Value &at = position.at[axis];
    if (plan.direct()) {
      Value i = e.rem(rest, a.extent);
      at = e.add(e.add(first, e.mul(i, a.step)), e.rem(planes, a.planes));
      rest = e.div(rest, a.extent);
      planes = e.div(planes, a.planes);
      if (a.filled < a.extent)
        demand(e.inRange(i, a.filled));
    } else {
      Value index = e.rem(rest, plan.rawExtent(axis));
      rest = e.div(rest, plan.rawExtent(axis));
      // Of the first axes, planes lie side by side, and what is between them is left out.
      at = axis == 2 ? e.add(first, index)
                     : e.add(e.add(first, e.mul(e.div(index, a.planes), a.step)), e.rem(index, a.planes));
    }
    if (!a.covered)
      demand(e.inRange(at, a.source));
  }
  return position;
}

/// The channels of a part lie side by side; the copying threads share them.
void Feed::copyVectorPositions(const kernel::AccessOperand &operand, Value n, Value firstBlock, Value to) {
  auto [row, blockBytes] = rowOfVector(operand, n, firstBlock);
  int64_t pieces = blockBytes / positionBytes;
  e.loop(e.thread, e.index(plan.blocksOfPart() * pieces), plan.copyingThreads(), [&](Value number) {
    Value from = e.add(e.mul(row, pieces), number), exists;
    if (mayMiss()) {
      exists = w.less(e.add(firstBlock, e.div(number, pieces)), e.index(blocks));
      from = w.choose(exists, from, e.index(0));
    }
    w.copyPosition(w.pointer(e.add(to, e.mul(number, positionBytes))),
                   w.globalPointer(e.bufferOf(*operand.operand), from, positionBytes), exists);
  });
}

Value Feed::existing(Value firstBlock) {
  Value all = e.index(plan.blocksOfPart());
  return mayMiss() ? e.max(e.index(0), e.min(all, e.sub(e.index(blocks), firstBlock))) : all;
}

std::pair<Value, int64_t> Feed::rowOfVector(const kernel::AccessOperand &operand, Value n, Value firstBlock) {
  Value row = operand.access == Access::BatchChannel ? e.add(e.mul(n, blocks), firstBlock) : firstBlock;
  return {row, channels() * operand.getType().getElementTypeBitWidth() / 8};
}

/// The channels of a part lie side by side, so one thread copies them.
void Feed::copyVector(const kernel::AccessOperand &operand, Value n, Value firstBlock, Value to,
                      Value barrier) {
  auto [row, blockBytes] = rowOfVector(operand, n, firstBlock);
  e.when(e.equal(e.thread, 0), [&] {
    copyBytes(e.bufferOf(*operand.operand), row, blockBytes, to, e.mul(existing(firstBlock), blockBytes),
              barrier);
  });
}

Value Feed::copy(const FeedPlace &place, Value firstBlock, Value part, Value stageStep, int64_t offset,
                 Value rawStep, bool waits) {
  bool direct = plan.direct();
  const Ring &ring = direct ? stages : raw;
  Value step = direct ? stageStep : rawStep;
  if (waits)
    ring.waitEmpty(step);
  Value barrier = ring.full(step), to = ring.stageAt(step);
  int64_t some = plan.blocksOfPart();
  if (direct)
    to = e.add(e.add(to, offset), e.mul(part, some * stagedBlockBytes()));
  Value block = e.add(firstBlock, e.mul(part, some));
  if (int64_t left = raw.plan.fills - plan.arrivalsOfPart(); !direct && left > 0)
    e.when(e.equal(e.thread, 0), [&] { w.arriveTimes(barrier, left); });
  Value next = direct ? rawStep : e.add(rawStep, 1);
  if (plan.boxes()) {
    copyBoxes(place, block, to, barrier);
    return next;
  }
  std::optional<Run> run;
  if (!plan.copiesPositions())
    run = runOf(place);
  for (kernel::AccessOperand operand : prologue)
    if (operand.access == Access::Pixel) {
      int64_t blockBytes = direct ? stagedBlockBytes() : rawBlockBytes(operand);
      if (run)
        copyRows(operand, place, *run, block, to, blockBytes, barrier);
      else
        copyPositions(operand, place, block, to, blockBytes);
      to = e.add(to, some * blockBytes);
    }
  for (kernel::AccessOperand operand : prologue)
    if (operand.access != Access::Pixel) {
      if (run)
        copyVector(operand, place.n, block, to, barrier);
      else
        copyVectorPositions(operand, place.n, block, to);
      to = e.add(to, some * channels() * operand.getType().getElementTypeBitWidth() / 8);
    }
  if (!run)
    w.arriveWithCopies(barrier);
  return next;
}

Value Feed::copyParts(const FeedPlace &place, Value firstBlock, Value stageStep, int64_t offset,
                      Value rawStep, bool waits) {
  auto copyPart = [&](Value part, ValueRange rawStep) -> SmallVector<Value> {
    return {copy(place, firstBlock, part, stageStep, offset, rawStep[0], waits)};
  };
  return e.loop(e.index(0), e.index(plan.parts()), 1, {rawStep}, copyPart).front();
}

Value Feed::copyFirst(const FeedPlace &place, Value firstBlock) {
  Value zero = e.index(0);
  bool waits = !plan.direct() && plan.parts() > raw.plan.stages;
  return copyParts(place, firstBlock, zero, 0, zero, waits);
}

//===-- Positions ---------------------------------------------------------===//

/// Returns the staged position with this number, and where it lies in a raw block: the planes of an axis lie
/// apart in a stage, and interleaved, as in the source, in a raw stage.
FeedPositions::Position Feed::positionOf(const FeedPlace &place, Value number) {
  int64_t planePositions = 1;
  for (const FeedAxis &axis : plan.axes)
    planePositions *= axis.extent;
  Value planes = e.div(number, planePositions), rest = e.rem(number, planePositions);
  FeedPositions::Position position;
  position.staged = e.mul(number, positionBytes);
  position.insides.resize(plan.neighbours);
  std::array<Value, 3> rawAt;
  for (int axis = 2; axis >= 0; --axis) {
    const FeedAxis &a = plan.axes[axis];
    Value i = e.rem(rest, a.extent), plane = e.rem(planes, a.planes);
    rest = e.div(rest, a.extent);
    planes = e.div(planes, a.planes);
    rawAt[axis] = e.add(e.mul(i, axis < 2 ? a.planes : a.step), plane);
    if (a.covered)
      continue;
    Value at = e.add(e.add(e.mul(e.add(place.first[axis], i), a.step), plane), place.low[axis]);
    for (auto [neighbour, inside] : llvm::enumerate(position.insides)) {
      Value reached = e.inRange(axis == 2 ? e.add(at, neighbour) : at, a.source);
      if (a.filled < a.extent)
        reached = e.both(reached, e.inRange(i, a.filled));
      inside = inside ? e.both(inside, reached) : reached;
    }
  }
  position.raw = e.index(0);
  for (int axis = 0; axis < 3; ++axis)
    position.raw = e.add(e.mul(position.raw, plan.rawExtent(axis)), rawAt[axis]);
  position.raw = e.mul(position.raw, positionBytes);
  return position;
}

FeedPositions Feed::positionsOf(const FeedPlace &place, Value thread) {
  if (plan.copiesDoAll())
    return {};
  int64_t all = plan.positions(), together = plan.blocksTogether(), ofBlock = plan.threadsOfBlock();
  FeedPositions mine;
  mine.block = together > 1 ? e.min(e.div(thread, ofBlock), e.index(together - 1)) : e.index(0);
  Value first = together > 1 ? e.sub(thread, e.mul(mine.block, ofBlock)) : thread;
  bool someHaveNone = together * ofBlock < plan.threads;
  if (someHaveNone)
    first = w.choose(e.inRange(first, ofBlock), first, e.index(all));
  for (int64_t i = 0; i < plan.positionsOfThread(); ++i) {
    Value number = e.add(first, i * ofBlock);
    bool isPartial = someHaveNone || (i + 1) * ofBlock > all;
    Value exists = isPartial ? w.less(number, e.index(all)) : Value();
    auto position = positionOf(place, isPartial ? e.min(number, e.index(all - 1)) : number);
    position.exists = exists;
    mine.positions.push_back(position);
  }
  return mine;
}

//===-- The transform -----------------------------------------------------===//

void Feed::store(const FeedPositions::Position &position, Value value, Value blockAt) {
  auto store = [&] {
    LLVM::StoreOp::create(e.b, e.loc, value, w.pointer(e.add(blockAt, position.staged)), positionBytes);
  };
  if (position.exists)
    e.when(position.exists, store);
  else
    store();
}

/// Loads a vector of channels from shared memory, as f32.
static Value loadShared(WarpgroupEmitter &w, Type element, int64_t channels, Value at) {
  KernelEmitter &e = w.e;
  auto type = VectorType::get({channels}, element);
  int64_t alignment = std::min<int64_t>(positionBytes, channels * element.getIntOrFloatBitWidth() / 8);
  Value loaded = LLVM::LoadOp::create(e.b, e.loc, type, w.pointer(at), alignment);
  return element.isF32() ? loaded
                         : arith::ExtFOp::create(e.b, e.loc, e.vectorType(channels), loaded).getResult();
}

/// Returns the prologue's arguments that are the same for all positions of a block; null for the others.
Feed::Loaded Feed::vectorsOf(Value rawAt, Value block) {
  int64_t some = plan.blocksOfPart();
  Value at = e.add(rawAt, plan.rawPixelBytes());
  Loaded vectors;
  for (kernel::AccessOperand operand : prologue) {
    Type element = operand.getType().getElementType();
    int64_t blockBytes = channels() * element.getIntOrFloatBitWidth() / 8;
    if (operand.access == Access::Pixel) {
      vectors.emplace_back();
      continue;
    }
    vectors.push_back(loadShared(w, element, channels(), e.add(at, e.mul(block, blockBytes))));
    at = e.add(at, some * blockBytes);
  }
  return vectors;
}

/// Returns the prologue's arguments for one neighbour of a position.
Feed::Loaded Feed::load(const FeedPositions::Position &position, int64_t neighbour, Value rawAt, Value block,
                        const Loaded &vectors) {
  Loaded loaded(vectors);
  int64_t before = 0; // bytes
  for (auto [argument, operand] : llvm::zip_equal(loaded, prologue))
    if (operand.access == Access::Pixel) {
      int64_t eachBytes = rawPositionBytes(operand.getType()), blockBytes = rawBlockBytes(operand);
      Value inBlock = e.mul(position.raw, eachBytes / positionBytes);
      Value at = e.add(e.add(rawAt, e.mul(block, blockBytes)), inBlock);
      argument = loadShared(w, operand.getType().getElementType(), channels(),
                            e.add(at, before + neighbour * eachBytes));
      before += plan.rawOperandBytes(eachBytes);
    }
  return loaded;
}

/// Returns each term of what the prologue makes of a position, in halves and as four words: its neighbours
/// one after the other, and zero where the source does not reach.
SmallVector<Value> Feed::valuesOf(const FeedPositions::Position &position, ArrayRef<Loaded> loaded,
                                  Value exists) {
  int64_t count = 4 / plan.neighbours; // words
  auto narrow = VectorType::get({channels()}, plan.operands.half);
  SmallVector<Value> all(plan.terms);
  for (auto [arguments, inside] : llvm::zip_equal(loaded, position.insides)) {
    Value value = e.inlineRegion(prologue.getRegion(), arguments, channels()).front();
    SmallVector<Value> terms;
    if (plan.terms == 1)
      terms.push_back(arith::TruncFOp::create(e.b, e.loc, narrow, value));
    else
      llvm::append_range(terms, e.termsOf(value));
    for (Value &term : terms)
      term = vector::BitCastOp::create(e.b, e.loc, words(e, count), term);
    Value reached = inside && exists ? e.both(inside, exists) : inside ? inside : exists;
    for (auto [whole, packed] : llvm::zip_equal(all, terms)) {
      if (reached)
        packed = w.choose(reached, packed, w.zeroWords(count));
      constexpr int64_t inOrder[] = {0, 1, 2, 3};
      whole = whole ? vector::ShuffleOp::create(e.b, e.loc, whole, packed, inOrder).getResult() : packed;
    }
  }
  return all;
}

/// Works on the thread's blocks of `groupsTogether` groups of a part, of which `group` is the first.
/// Everything that is loaded together is loaded before the first store, behind which no load of shared memory
/// moves.
void Feed::transform(const FeedPositions &mine, Value firstBlock, Value rawAt, Value at, Value group) {
  struct Piece { // one position of one block
    const FeedPositions::Position &position;
    Value block, blockAt, exists;
    const Loaded &vectors;
  };
  SmallVector<Loaded> vectors(plan.groupsTogether());
  SmallVector<Piece> pieces;
  for (auto [number, ofBlock] : llvm::enumerate(vectors)) {
    Value block = e.add(e.mul(e.add(group, number), plan.blocksTogether()), mine.block);
    Value exists = mayMiss() ? w.less(e.add(firstBlock, block), e.index(blocks)) : Value();
    Value blockAt = e.add(at, e.mul(block, stagedBlockBytes()));
    ofBlock = vectorsOf(rawAt, block);
    for (const FeedPositions::Position &position : mine.positions)
      pieces.push_back({position, block, blockAt, exists, ofBlock});
  }
  size_t together = plan.piecesTogether();
  for (size_t first = 0; first < pieces.size(); first += together) {
    auto some = ArrayRef(pieces).slice(first, std::min(together, pieces.size() - first));
    SmallVector<SmallVector<Loaded>> loaded;
    for (const Piece &piece : some) {
      loaded.emplace_back();
      for (int64_t neighbour = 0; neighbour < plan.neighbours; ++neighbour)
        loaded.back().push_back(load(piece.position, neighbour, rawAt, piece.block, piece.vectors));
    }
    for (auto [piece, arguments] : llvm::zip_equal(some, loaded))
      for (auto [term, value] : llvm::enumerate(valuesOf(piece.position, arguments, piece.exists)))
        store(piece.position, value, term ? e.add(piece.blockAt, term * plan.termBytes()) : piece.blockAt);
  }
}

/// Writes zeros where the source does not reach, beside what copies bring.
void Feed::clear(const FeedPositions &mine, Value firstBlock, Value at) {
  if (plan.copiesDoAll() || (plan.covered() && !mayMiss()))
    return;
  e.loop(e.index(0), e.index(plan.blocks / plan.blocksTogether()), 1, [&](Value group) {
    Value block = e.add(e.mul(group, plan.blocksTogether()), mine.block);
    Value blockAt = e.add(at, e.mul(block, stagedBlockBytes()));
    for (const FeedPositions::Position &position : mine.positions) {
      Value reached = position.insides.front();
      if (mayMiss()) {
        Value exists = w.less(e.add(firstBlock, block), e.index(blocks));
        reached = reached ? e.both(reached, exists) : exists;
      }
      e.when(reached, [] {}, [&] { store(position, w.zeroWords(4), blockAt); });
    }
  });
}

Value Feed::fill(const FeedPositions &mine, Value firstBlock, Value at, Value rawStep) {
  if (plan.direct()) {
    clear(mine, firstBlock, at);
    return rawStep;
  }
  int64_t some = plan.blocksOfPart();
  return e
      .loop(e.index(0), e.index(plan.parts()), 1, {rawStep},
            [&](Value part, ValueRange step) -> SmallVector<Value> {
              raw.waitFull(step[0]);
              Value rawAt = raw.stageAt(step[0]);
              Value block = e.add(firstBlock, e.mul(part, some));
              Value blockAt = e.add(at, e.mul(part, some * stagedBlockBytes()));
              e.loop(e.index(0), e.index(some / plan.blocksTogether()), plan.groupsTogether(),
                     [&](Value group) { transform(mine, block, rawAt, blockAt, group); });
              raw.freeTogether(step[0]);
              return {e.add(step[0], 1)};
            })
      .front();
}

//===-- Weights -----------------------------------------------------------===//

void nvidia::inThreadsOfWeights(WarpgroupEmitter &w, function_ref<void()> body) {
  if (w.tensorCores == TensorCores::Warps)
    body();
  else
    w.e.when(w.elected(), body);
}

/// The copying threads, which fill the ring's stages, share the positions of a stage.
static void copyWeightPositions(WarpgroupEmitter &w, const Ring &ring, Value step, const TapsWeight &weight,
                                Value tap, Value firstBlock, int64_t blocks, Value firstColumn,
                                int64_t columns) {
  KernelEmitter &e = w.e;
  int64_t all = weight.terms * blocks * columns;
  e.loop(e.thread, e.index(all), ring.plan.fills, [&](Value number) {
    Value column = e.rem(number, columns), block = e.div(number, columns), term;
    if (weight.terms > 1) {
      term = e.div(block, blocks);
      block = e.rem(block, blocks);
    }
    block = e.min(e.add(firstBlock, block), e.index(weight.blocks - 1));
    Value row = e.add(e.mul(tap, weight.blocks), block);
    Value from = e.add(e.add(e.mul(row, weight.columns), firstColumn), column);
    if (term)
      from = e.add(from, e.mul(term, weight.termBytes / positionBytes));
    w.copyPosition(w.pointer(e.add(ring.stageAt(step), e.mul(number, positionBytes))),
                   w.globalPointer(weight.buffer, from, positionBytes));
  });
  w.arriveWithCopies(ring.full(step));
}

void nvidia::stageWeights(WarpgroupEmitter &w, const Ring &ring, Value step, const TapsWeight &weight,
                          Value tap, Value chunk, int64_t depth, Value firstColumn, int64_t columns) {
  KernelEmitter &e = w.e;
  int64_t blocks = depth / blockChannels, rowBytes = columns * positionBytes;
  ring.waitEmpty(step);
  if (w.tensorCores == TensorCores::Warps) {
    Value first = e.mul(chunk, blocks);
    if (weight.firstBlock)
      first = e.add(weight.firstBlock, first);
    return copyWeightPositions(w, ring, step, weight, tap, first, blocks, firstColumn, columns);
  }
  Value arrivals = ring.full(step);
  w.arriveExpecting(arrivals, w.word(weight.terms * blocks * rowBytes));
  Value global = w.globalPointer(weight.buffer);
  int64_t together = blocksOfWeightCopy(weight.blocks, weight.columns, blocks, columns, ring.plan.cluster);
  for (int64_t first = 0; first < blocks; first += together * ring.plan.cluster) {
    Value i = ring.plan.cluster > 1 ? e.add(e.mul(w.rankInCluster(), together), first) : e.index(first);
    Value block = e.add(e.mul(chunk, blocks), i);
    if (weight.firstBlock)
      block = e.add(weight.firstBlock, block);
    block = e.min(block, e.index(weight.blocks - 1));
    Value row = e.add(e.mul(tap, weight.blocks), block);
    Value bytes = e.mul(e.add(e.mul(row, weight.columns), firstColumn), positionBytes);
    for (int64_t term = 0; term < weight.terms; ++term) {
      Value from = LLVM::GEPOp::create(
          e.b, e.loc, global.getType(), e.b.getI8Type(), global,
          ArrayRef<LLVM::GEPArg>{w.word(term ? e.add(bytes, term * weight.termBytes) : bytes)});
      Value to = e.add(ring.stageAt(step), e.mul(i, rowBytes));
      if (term)
        to = e.add(to, term * blocks * rowBytes);
      w.bulkCopy(w.pointer(to), from, w.word(together * rowBytes), arrivals, ring.plan.cluster);
    }
  }
}
