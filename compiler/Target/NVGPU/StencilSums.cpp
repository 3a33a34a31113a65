#include "compiler/Target/NVGPU/StencilSums.h"

#include "compiler/Target/Common/ReferenceOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Yield;

StencilSums::StencilSums(KernelEmitter &e, kernel::YieldOp yield)
    : e(e), stores(yield.countOf(Yield::Store)), moments(yield.countOf(Yield::Moments)),
      sums(yield.countOf(Yield::Sum)) {}

SmallVector<Value> StencilSums::none() {
  SmallVector<Value> state;
  if (moments)
    state = {e.constant(0.0f), e.zero(blockChannels), e.zero(blockChannels)};
  state.append(sums, e.zero(blockChannels));
  return state;
}

Value StencilSums::sum(ArrayRef<Result> results, function_ref<Value(const Result &)> term) {
  Value sum;
  for (const Result &result : results) {
    Value one = term(result);
    if (result.valid)
      one = arith::SelectOp::create(e.b, e.loc, result.valid, one, e.zero(blockChannels));
    sum = sum ? e.addf(sum, one) : one;
  }
  return sum;
}

Value StencilSums::countOf(ArrayRef<Result> results) {
  int64_t always = llvm::count_if(results, [](const Result &result) { return !result.valid; });
  Value count = e.constant(float(always));
  for (const Result &result : results)
    if (result.valid)
      count = e.addf(count,
                     arith::SelectOp::create(e.b, e.loc, result.valid, e.constant(1.0f), e.constant(0.0f)));
  return count;
}

Value StencilSums::inverse(Value count) {
  Value one = e.constant(1.0f);
  return e.divf(one, arith::MaximumFOp::create(e.b, e.loc, count, one));
}

SmallVector<Value> StencilSums::withMoments(ValueRange state, ArrayRef<Result> results) {
  Value count = countOf(results), total = e.addf(state[0], count);
  Value mean = e.mulf(sum(results, [&](const Result &result) { return result.yielded[stores]; }),
                      wide(inverse(count)));
  Value squares = e.zero(blockChannels);
  for (const Result &result : results) {
    Value distance = e.subf(result.yielded[stores], mean);
    Value next = e.fma(distance, distance, squares);
    squares = result.valid ? arith::SelectOp::create(e.b, e.loc, result.valid, next, squares) : next;
  }
  Value distance = e.subf(mean, state[1]), share = e.mulf(count, inverse(total));
  Value weight = e.mulf(state[0], share);
  return {total, e.fma(distance, wide(share), state[1]),
          e.fma(e.mulf(distance, distance), wide(weight), e.addf(state[2], squares))};
}

SmallVector<Value> StencilSums::with(ValueRange state, ArrayRef<Result> results) {
  SmallVector<Value> next;
  if (moments)
    next = withMoments(state, results);
  for (int64_t i = 0; i < sums; ++i)
    next.push_back(e.addf(state[momentRows() + i], sum(results, [&](const Result &result) {
                            return result.yielded[stores + moments + i];
                          })));
  return next;
}

SmallVector<Value> StencilSums::acrossThreads(ValueRange state) {
  SmallVector<Value> rows;
  if (moments) {
    Value count = e.sumAcrossThreads(state.take_front(1))[0], own = wide(state[0]);
    Value sum = e.sumAcrossThreads(ValueRange(e.mulf(state[1], own)))[0];
    Value mean = e.mulf(sum, wide(inverse(count))), distance = e.subf(state[1], mean);
    Value squares = e.fma(e.mulf(distance, distance), own, state[2]);
    rows = {wide(count), mean, e.sumAcrossThreads(squares)[0]};
  }
  llvm::append_range(rows, e.sumAcrossThreads(state.drop_front(momentRows())));
  return rows;
}
