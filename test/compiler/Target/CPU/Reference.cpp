// The kernel operations by plain loops over logical tensors, in double precision.
#include "KernelRunner.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu::test;
using kernel::Access;
using kernel::Yield;

namespace {

using Coordinates = std::array<int64_t, 5>; // n, c, t, h, w

double at(const Tensor &tensor, ArrayRef<int64_t> coordinates) {
  int64_t index = 0;
  for (auto [coordinate, size] : llvm::zip_equal(coordinates, tensor.shape))
    index = index * size + coordinate;
  return tensor.values[index];
}

double read(const Tensor &tensor, Access access, const Coordinates &c, ArrayRef<int64_t> domain) {
  switch (access) {
  case Access::Pixel:
    return at(tensor, c);
  case Access::Channel:
    return tensor.values[c[1]];
  case Access::BatchChannel:
    return at(tensor, {c[0], c[1], 0, 0, 0});
  case Access::Spread: {
    Coordinates spread = c;
    for (auto [coordinate, size] : llvm::zip_equal(spread, tensor.shape))
      coordinate = size == 1 ? 0 : coordinate;
    return at(tensor, spread);
  }
  case Access::Lattice:
    break;
  }
  Coordinates coarse = c;
  for (int axis = 2; axis < 5; ++axis) {
    int64_t stride = shape::ceilDiv(domain[axis], tensor.shape[axis]);
    if (c[axis] % stride)
      return 0;
    coarse[axis] = c[axis] / stride;
  }
  return at(tensor, coarse);
}

/// The region's arithmetic on doubles.
SmallVector<double> evaluate(Region &region, ArrayRef<double> arguments) {
  llvm::DenseMap<Value, double> values;
  for (auto [argument, value] : llvm::zip_equal(region.getArguments(), arguments))
    values[argument] = value;
  for (Operation &op : region.front().without_terminator()) {
    auto x = [&](unsigned i) { return values.at(op.getOperand(i)); };
    double result = 0;
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      result = cast<FloatAttr>(constant.getValue()).getValueAsDouble();
    else if (isa<arith::TruncFOp>(op))
      result = rounded(x(0), op.getResult(0).getType());
    else if (isa<arith::ExtFOp>(op))
      result = x(0);
    else if (isa<arith::AddFOp>(op))
      result = x(0) + x(1);
    else if (isa<arith::SubFOp>(op))
      result = x(0) - x(1);
    else if (isa<arith::MulFOp>(op))
      result = x(0) * x(1);
    else if (isa<math::FmaOp>(op))
      result = x(0) * x(1) + x(2);
    else if (isa<arith::MaximumFOp>(op))
      result = std::max(x(0), x(1));
    else if (isa<arith::CmpFOp>(op)) // ogt alone
      result = x(0) > x(1);
    else if (isa<arith::SelectOp>(op))
      result = x(0) != 0 ? x(1) : x(2);
    values[op.getResult(0)] = result;
  }
  SmallVector<double> yielded;
  for (Value value : region.front().getTerminator()->getOperands())
    yielded.push_back(values.at(value));
  return yielded;
}

void forEach(ArrayRef<int64_t> shape, llvm::function_ref<void(const Coordinates &)> body) {
  Coordinates c;
  for (c[0] = 0; c[0] < shape[0]; ++c[0])
    for (c[1] = 0; c[1] < shape[1]; ++c[1])
      for (c[2] = 0; c[2] < shape[2]; ++c[2])
        for (c[3] = 0; c[3] < shape[3]; ++c[3])
          for (c[4] = 0; c[4] < shape[4]; ++c[4])
            body(c);
}

SmallVector<double> readAll(ArrayRef<Tensor> operands, ArrayRef<Access> access, const Coordinates &c,
                            ArrayRef<int64_t> domain) {
  SmallVector<double> values;
  for (auto [tensor, kind] : llvm::zip_equal(operands, access))
    values.push_back(read(tensor, kind, c, domain));
  return values;
}

/// The prologue's value over its whole domain.
Tensor prologueValue(Region &region, ArrayRef<Tensor> operands, ArrayRef<Access> access,
                     RankedTensorType type) {
  Tensor value{type.getShape().vec(), {}};
  forEach(type.getShape(), [&](const Coordinates &c) {
    value.values.push_back(evaluate(region, readAll(operands, access, c, type.getShape()))[0]);
  });
  return value;
}

bool inside(const Coordinates &c, ArrayRef<int64_t> shape) {
  for (int axis = 2; axis < 5; ++axis)
    if (c[axis] < 0 || c[axis] >= shape[axis])
      return false;
  return true;
}

/// Calls body(y, x, tap) for each output y and input x that a window connects, in t, h, w.
void overWindow(const shape::Window &window, ArrayRef<int64_t> input, ArrayRef<int64_t> output,
                llvm::function_ref<void(ArrayRef<int64_t>, ArrayRef<int64_t>, ArrayRef<int64_t>)> body) {
  forEach({1, 1, output[2], output[3], output[4]}, [&](const Coordinates &y) {
    forEach({1, 1, window.kernel[0], window.kernel[1], window.kernel[2]}, [&](const Coordinates &tap) {
      Coordinates x = {0, 0, 0, 0, 0};
      for (int i = 0; i < 3; ++i)
        x[2 + i] = y[2 + i] * window.stride[i] + tap[2 + i] * window.dilation[i] - window.padLow[i];
      if (inside(x, input))
        body(ArrayRef(y).drop_front(2), ArrayRef(x).drop_front(2), ArrayRef(tap).drop_front(2));
    });
  });
}

double &place(Tensor &tensor, int64_t n, int64_t c, ArrayRef<int64_t> thw) {
  const auto &s = tensor.shape;
  return tensor.values[(((n * s[1] + c) * s[2] + thw[0]) * s[3] + thw[1]) * s[4] + thw[2]];
}

double &placeTap(Tensor &weight, int64_t o, int64_t i, ArrayRef<int64_t> tap) {
  return place(weight, o, i, tap);
}

Tensor zeros(ArrayRef<int64_t> shape) {
  return {shape.vec(), std::vector<double>(ShapedType::getNumElements(shape), 0.0)};
}

/// The contraction, before the epilogue.
Tensor contract(kernel::ConvOp op, Tensor weight, Tensor source) {
  Tensor result = zeros(op.getResultType().getShape());
  bool forward = op.getDirection() == kernel::Direction::Forward;
  auto &x = forward ? source : result, &y = forward ? result : source;
  int64_t outputs = y.shape[1] / op.getGroups(), inputs = x.shape[1] / op.getGroups(); // of a group
  overWindow(op.getWindow().getWindow(), x.shape, y.shape,
             [&](ArrayRef<int64_t> yAt, ArrayRef<int64_t> xAt, ArrayRef<int64_t> tap) {
               for (int64_t n = 0; n < x.shape[0]; ++n)
                 for (int64_t o = 0; o < y.shape[1]; ++o)
                   for (int64_t i = 0; i < inputs; ++i) {
                     double w = placeTap(weight, o, i, tap);
                     int64_t channel = o / outputs * inputs + i;
                     if (forward)
                       place(y, n, o, yAt) += w * place(x, n, channel, xAt);
                     else
                       place(x, n, channel, xAt) += w * place(y, n, o, yAt);
                   }
             });
  return result;
}

/// [1, 3, C] of what was stored: count, mean, sum of squared deviations.
Tensor momentsOf(const Tensor &stored) {
  Tensor moments = zeros({1, 3, stored.shape[1]});
  int64_t channels = stored.shape[1];
  double *count = moments.values.data(), *mean = count + channels, *squares = mean + channels;
  auto over = [&](llvm::function_ref<void(int64_t, double)> body) {
    forEach(stored.shape, [&](const Coordinates &c) { body(c[1], at(stored, c)); });
  };
  over([&](int64_t c, double value) { count[c] += 1, mean[c] += value; });
  for (int64_t c = 0; c < channels; ++c)
    mean[c] /= count[c];
  over([&](int64_t c, double value) { squares[c] += (value - mean[c]) * (value - mean[c]); });
  return moments;
}

std::vector<Tensor> referenceConv(kernel::ConvOp op, ArrayRef<Tensor> operands) {
  unsigned inputs = op.getPrologueOperands().size();
  Tensor source =
      prologueValue(op.getPrologue(), operands.slice(1, inputs), op.getPrologueAccess(), op.getSourceType());
  Tensor sums = contract(op, operands[0], source);
  auto yield = cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
  auto domain = op.getResultType().getShape();
  std::vector<Tensor> stored(yield.countOf(Yield::Store), zeros(domain));
  Tensor momentsValue = zeros(domain), totals = zeros({1, yield.countOf(Yield::Sum), domain[1]});
  forEach(domain, [&](const Coordinates &c) {
    SmallVector<double> arguments = {at(sums, c)};
    arguments.append(readAll(operands.drop_front(1 + inputs), op.getEpilogueAccess(), c, domain));
    auto yielded = evaluate(op.getEpilogue(), arguments);
    int64_t store = 0, sum = 0;
    for (auto [i, value] : llvm::enumerate(yielded)) {
      if (yield.getKind(i) == Yield::Store)
        place(stored[store++], c[0], c[1], ArrayRef(c).drop_front(2)) = value;
      else if (yield.getKind(i) == Yield::Moments)
        place(momentsValue, c[0], c[1], ArrayRef(c).drop_front(2)) = value;
      else
        totals.values[sum++ * domain[1] + c[1]] += value;
    }
  });
  if (yield.countOf(Yield::Moments))
    stored.push_back(momentsOf(momentsValue));
  if (yield.countOf(Yield::Sum))
    stored.push_back(totals);
  return stored;
}

std::vector<Tensor> referenceWeightGrad(kernel::WeightGradOp op, ArrayRef<Tensor> operands) {
  unsigned split = op.getGradientOperands().size();
  Tensor gradient = prologueValue(op.getGradient(), operands.take_front(split), op.getGradientAccess(),
                                  op.getGradientType());
  Tensor activation = prologueValue(op.getActivation(), operands.drop_front(split), op.getActivationAccess(),
                                    op.getActivationType());
  auto shape = cast<RankedTensorType>(op.getResult().getType()).getShape();
  Tensor weight = zeros(shape.drop_front());
  overWindow(op.getWindow().getWindow(), activation.shape, gradient.shape,
             [&](ArrayRef<int64_t> yAt, ArrayRef<int64_t> xAt, ArrayRef<int64_t> tap) {
               for (int64_t n = 0; n < activation.shape[0]; ++n)
                 for (int64_t o = 0; o < shape[1]; ++o)
                   for (int64_t i = 0; i < shape[2]; ++i)
                     placeTap(weight, o, i, tap) +=
                         place(gradient, n, o, yAt) *
                         place(activation, n, o / (shape[1] / op.getGroups()) * shape[2] + i, xAt);
             });
  weight.shape.insert(weight.shape.begin(), 1);
  return {weight};
}

} // namespace

static std::vector<Tensor> referenceMatmul(kernel::MatmulOp op, ArrayRef<Tensor> operands) {
  auto positions = [](const Tensor &x) { return x.shape[2] * x.shape[3] * x.shape[4]; };
  auto element = [&](const Tensor &x, int64_t n, int64_t channel, int64_t position) {
    return x.values[(n * x.shape[1] + channel) * positions(x) + position];
  };
  const Tensor &lhs = operands[0], &rhs = operands[1];
  bool turnsLhs = op.getTransposeLhs(), turnsRhs = op.getTransposeRhs();
  int64_t depth = turnsLhs ? lhs.shape[1] : positions(lhs);
  Tensor result{tensorOf(op.getResult()).getShape().vec(), {}};
  for (int64_t n = 0; n < result.shape[0]; ++n)
    for (int64_t row = 0; row < result.shape[1]; ++row)
      for (int64_t column = 0; column < positions(result); ++column) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += (turnsLhs ? element(lhs, n, k, row) : element(lhs, n, row, k)) *
                 (turnsRhs ? element(rhs, n, column, k) : element(rhs, n, k, column));
        result.values.push_back(sum);
      }
  return {result};
}

std::vector<Tensor> kinema::cpu::test::reference(Operation *op, ArrayRef<Tensor> operands) {
  if (auto conv = dyn_cast<kernel::ConvOp>(op))
    return referenceConv(conv, operands);
  if (auto matmul = dyn_cast<kernel::MatmulOp>(op))
    return referenceMatmul(matmul, operands);
  return referenceWeightGrad(cast<kernel::WeightGradOp>(op), operands);
}
