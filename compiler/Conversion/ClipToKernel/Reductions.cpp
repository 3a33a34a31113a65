#include "compiler/Conversion/ClipToKernel/Reductions.h"

using namespace mlir;
using namespace kinema;
using clip::ChannelReductionOp;
using kernel::Yield;

//===-- Riding ------------------------------------------------------------===//

void Reductions::yield(RegionBuilder &region, Value value, Value scalar, Outputs &outputs) {
  bool stores = !outputs.types.empty();
  SmallVector<ChannelReductionOp> found;
  for (Operation *user : value.getUsers()) {
    auto op = dyn_cast<ChannelReductionOp>(user);
    if (op && op->getOperand(0) == value && !rides(op) && storage.isSummedWith(op, stores))
      found.push_back(op);
  }
  llvm::sort(found, [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
  for (ChannelReductionOp op : found)
    (op.takesMoments() ? outputs.moments : outputs.sums).push_back(op);
  auto addPartials = [&](int64_t rows) {
    outputs.types.push_back(
        RankedTensorType::get({ShapedType::kDynamic, rows, tensorOf(value).getDimSize(1)}, b.getF32Type()));
  };
  if (!outputs.moments.empty()) {
    region.yield(Yield::Moments, scalar);
    addPartials(3);
  }
  SmallVector<Value> rows;
  auto rowOf = [&](Value summed) -> int64_t {
    auto known = llvm::find(rows, summed);
    if (known == rows.end()) {
      region.yield(Yield::Sum, summed);
      rows.push_back(summed);
      return rows.size() - 1;
    }
    return known - rows.begin();
  };
  for (ChannelReductionOp op : outputs.sums)
    outputs.rows.push_back(llvm::map_to_vector<4>(region.emitSummands(op), rowOf));
  if (!rows.empty())
    addPartials(rows.size());
}

void Reductions::bind(Operation *kernel, const Outputs &outputs, unsigned next) {
  if (!outputs.moments.empty()) {
    for (Operation *op : outputs.moments)
      partials[op] = {kernel->getResult(next), {}};
    ++next;
  }
  for (auto [op, rows] : llvm::zip(outputs.sums, outputs.rows))
    partials[op] = {kernel->getResult(next), rows};
}

//===-- Merging -----------------------------------------------------------===//

void Reductions::merge(Operation *op) {
  Value tensor = partials[op].tensor;
  if (!merged.insert(tensor).second)
    return;
  SmallVector<Operation *> sharing;
  for (auto &[other, found] : partials)
    if (found.tensor == tensor)
      sharing.push_back(other);
  finalize(tensor, sharing);
}

void Reductions::compute(clip::ChannelwiseOp op) {
  if (!computed.contains(op))
    finalize({}, {op.getOperation()});
}

/// Adds the channel arithmetic that can be computed from the members' results and from what is stored.
void Reductions::collectFollowers(llvm::SetVector<Operation *> &members) {
  for (Operation *op = members.front(); op; op = op->getNextNode()) {
    if (!isa<clip::ChannelwiseOp>(op) || computed.contains(op) || members.contains(op))
      continue;
    auto isMember = [&](Value operand) {
      return operand.getDefiningOp() && members.contains(operand.getDefiningOp());
    };
    if (llvm::any_of(op->getOperands(), isMember) && llvm::all_of(op->getOperands(), [&](Value operand) {
          return isMember(operand) || storage.holds(operand);
        }))
      members.insert(op);
  }
}

void Reductions::finalize(Value tensor, ArrayRef<Operation *> roots) {
  llvm::SetVector<Operation *> members(roots.begin(), roots.end());
  collectFollowers(members);
  computed.insert(members.begin(), members.end());
  Location loc = members.front()->getLoc();
  RegionBuilder body(b.getContext(), loc, storage.held());
  auto reduction = dyn_cast<ChannelReductionOp>(members.front());
  bool moments = reduction && reduction.takesMoments();
  SmallVector<Value> statistics;
  if (tensor)
    for (int64_t i = 0, n = moments ? 2 : tensorOf(tensor).getDimSize(1); i < n; ++i)
      statistics.push_back(body.addArgument({}));
  SmallVector<Value> results;
  for (Operation *op : members) {
    if (auto channelwise = dyn_cast<clip::ChannelwiseOp>(op))
      body.computeChannels(channelwise);
    else
      for (auto [i, result] : llvm::enumerate(op->getResults()))
        body.define(result, statistics[moments ? i : partials[op].rows[i]]);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        results.push_back(result);
  }
  for (Value result : results)
    body.yield(Yield::Value, body.emitChannel(result));
  auto types = llvm::map_to_vector(results, [](Value result) { return result.getType(); });
  auto kernel = kernel::FinalizeOp::create(b, loc, types, tensor, body.operands, moments, /*attached=*/false,
                                           kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  for (auto [result, value] : llvm::zip(results, kernel.getResults()))
    storage.hold(result, value);
}
