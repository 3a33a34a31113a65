#include "compiler/Interpreter/ClipNumerics.h"

#include "dialects/Clip/Dropout.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace kinema;
using namespace kinema::numerics;

template <typename Function> static Tensor map(Tensor x, Function f) {
  for (double &value : x.values)
    value = f(value);
  return x;
}

template <typename Function> static Tensor zip(Tensor a, const Tensor &b, Function f) {
  for (size_t i = 0; i < a.values.size(); ++i)
    a.values[i] = f(a.values[i], b.values[i]);
  return a;
}

/// Calls f(c, i) for each element i, of channel c, in row-major order of a 5-D shape.
template <typename Visit> static void forEachElement(const Shape &shape, Visit visit) {
  int64_t plane = shape[2] * shape[3] * shape[4], i = 0;
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t c = 0; c < shape[1]; ++c)
      for (int64_t p = 0; p < plane; ++p, ++i)
        visit(c, i);
}

//===-- Pointwise ---------------------------------------------------------===//

Tensor numerics::scale(const Tensor &x, double factor) {
  return map(x, [=](double v) { return v * factor; });
}

Tensor numerics::add(const Tensor &a, const Tensor &b) { return zip(a, b, std::plus<>()); }

/// Returns the index, in a tensor of shape `small`, of what element i reads there; the sizes of `small` are
/// the same or 1.
static int64_t spreadIndex(int64_t i, const Shape &shape, const Shape &small) {
  int64_t index = 0, stride = 1;
  for (size_t axis = shape.size(); axis-- > 0; i /= shape[axis]) {
    index += small[axis] == 1 ? 0 : i % shape[axis] * stride;
    stride *= small[axis];
  }
  return index;
}

/// Returns spreadIndex, or the element's channel where the operand is a channel vector.
static int64_t elementOf(int64_t i, const Shape &shape, const Shape &operand) {
  if (operand == shape)
    return i;
  if (operand.size() == 1)
    return i / (shape[2] * shape[3] * shape[4]) % shape[1];
  return spreadIndex(i, shape, operand);
}

Tensor numerics::pointwise(const std::vector<const Tensor *> &operands, const Shape &resultShape,
                           const std::function<double(const std::vector<double> &)> &number) {
  Tensor y(resultShape);
  std::vector<double> elements(operands.size());
  for (size_t i = 0; i < y.values.size(); ++i) {
    for (size_t k = 0; k < operands.size(); ++k)
      elements[k] = operands[k]->values[elementOf(int64_t(i), resultShape, operands[k]->shape)];
    y.values[i] = number(elements);
  }
  return y;
}

Tensor numerics::dropout(const Tensor &x, double rate, int64_t stream, uint32_t seed, uint32_t step) {
  Tensor y = x;
  for (size_t i = 0; i < y.values.size(); ++i) {
    bool isKept =
        clip::dropoutBits(seed, step, uint32_t(stream), uint32_t(i)) >= clip::dropoutThreshold(rate);
    y.values[i] = isKept ? y.values[i] / (1.0 - rate) : 0.0;
  }
  return y;
}

Tensor numerics::softmax(const Tensor &x) {
  Tensor y = x;
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t p = 0; p < shape::product(x.spatial()); ++p) {
      double largest = x.plane(n, 0)[p], sum = 0;
      for (int64_t c = 0; c < x.shape[1]; ++c)
        largest = std::max(largest, x.plane(n, c)[p]);
      for (int64_t c = 0; c < x.shape[1]; ++c)
        sum += y.plane(n, c)[p] = std::exp(x.plane(n, c)[p] - largest);
      for (int64_t c = 0; c < x.shape[1]; ++c)
        y.plane(n, c)[p] /= sum;
    }
  return y;
}

Tensor numerics::softmaxGrad(const Tensor &g, const Tensor &y) {
  Tensor dx = g;
  for (int64_t n = 0; n < g.shape[0]; ++n)
    for (int64_t p = 0; p < shape::product(g.spatial()); ++p) {
      double sum = 0;
      for (int64_t c = 0; c < g.shape[1]; ++c)
        sum += g.plane(n, c)[p] * y.plane(n, c)[p];
      for (int64_t c = 0; c < g.shape[1]; ++c)
        dx.plane(n, c)[p] = y.plane(n, c)[p] * (g.plane(n, c)[p] - sum);
    }
  return dx;
}

Tensor numerics::affine(const Tensor &x, const Tensor &scale, const Tensor &offset) {
  Tensor y = x;
  forEachElement(x.shape, [&](int64_t c, int64_t i) {
    y.values[i] = std::fma(x.values[i], scale.values[c], offset.values[c]);
  });
  return y;
}

Tensor numerics::linear(const Tensor &x, const Tensor &weight, const Tensor *bias) {
  int64_t outputs = weight.shape[0], features = weight.shape[1];
  Tensor y({x.shape[0], outputs, 1, 1, 1});
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t o = 0; o < outputs; ++o) {
      double sum = bias ? bias->values[o] : 0.0;
      for (int64_t i = 0; i < features; ++i)
        sum += x.values[n * features + i] * weight.values[o * features + i];
      y.values[n * outputs + o] = sum;
    }
  return y;
}

//===-- Moving channels ---------------------------------------------------===//

/// Copies `count` channels of each clip from channel `from` of x to channel `to` of y.
static void copyChannels(const Tensor &x, int64_t from, Tensor &y, int64_t to, int64_t count) {
  for (int64_t n = 0; n < x.shape[0]; ++n)
    std::copy_n(x.plane(n, from), count * shape::product(x.spatial()), y.plane(n, to));
}

static Shape withChannels(Shape shape, int64_t channels) {
  shape[1] = channels;
  return shape;
}

Tensor numerics::concat(const std::vector<const Tensor *> &inputs) {
  int64_t channels = 0, at = 0;
  for (const Tensor *input : inputs)
    channels += input->shape[1];
  Tensor y(withChannels(inputs.front()->shape, channels));
  for (const Tensor *input : inputs) {
    copyChannels(*input, 0, y, at, input->shape[1]);
    at += input->shape[1];
  }
  return y;
}

Tensor numerics::slice(const Tensor &x, int64_t begin, int64_t count) {
  Tensor y(withChannels(x.shape, count));
  copyChannels(x, begin, y, 0, count);
  return y;
}

Tensor numerics::padChannels(const Tensor &x, int64_t begin, int64_t channels) {
  Tensor y(withChannels(x.shape, channels));
  copyChannels(x, 0, y, begin, x.shape[1]);
  return y;
}

Tensor numerics::shift(const Tensor &x, int64_t channels, int64_t frames) {
  Tensor y(x.shape);
  int64_t picture = x.shape[3] * x.shape[4];
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t c = 0; c < x.shape[1]; ++c)
      for (int64_t t = 0; t < x.shape[2]; ++t) {
        int64_t from = t + (c < channels ? frames : c < 2 * channels ? -frames : 0);
        if (from >= 0 && from < x.shape[2])
          std::copy_n(x.plane(n, c) + from * picture, picture, y.plane(n, c) + t * picture);
      }
  return y;
}

//===-- Axes --------------------------------------------------------------===//

/// Returns the index in a tensor of this shape where each axis has these factors, at these numbers.
static int64_t arrangedIndex(const Arrangement &how, const std::vector<Shape> &axes, const Shape &counters) {
  int64_t index = 0;
  for (const Shape &factors : axes)
    for (int64_t factor : factors)
      index = index * how.sizes[factor] + counters[factor];
  return index;
}

Tensor numerics::arrange(const Tensor &x, const Arrangement &how) {
  Shape shape;
  for (const Shape &factors : how.target) {
    shape.push_back(1);
    for (int64_t factor : factors)
      shape.back() *= how.sizes[factor];
  }
  Tensor y(shape);
  Shape counters(how.sizes.size());
  for (int64_t left = std::accumulate(how.sizes.begin(), how.sizes.end(), int64_t(1), std::multiplies<>());
       left > 0; --left) {
    y.values[arrangedIndex(how, how.target, counters)] += x.values[arrangedIndex(how, how.source, counters)];
    for (size_t i = counters.size(); i-- > 0;) { // the next numbers
      if (++counters[i] < how.sizes[i])
        break;
      counters[i] = 0;
    }
  }
  return y;
}

/// Calls `visit(row, i)` for each element, where elements of one row share their statistics.
static void forEachInRows(const Shape &shape, std::span<const int64_t> over, int64_t groups,
                          const std::function<void(int64_t, int64_t)> &visit) {
  auto isOver = [&](int64_t axis) { return std::find(over.begin(), over.end(), axis) != over.end(); };
  int64_t i = 0;
  Shape at(5);
  for (at[0] = 0; at[0] < shape[0]; ++at[0])
    for (at[1] = 0; at[1] < shape[1]; ++at[1])
      for (at[2] = 0; at[2] < shape[2]; ++at[2])
        for (at[3] = 0; at[3] < shape[3]; ++at[3])
          for (at[4] = 0; at[4] < shape[4]; ++at[4]) {
            int64_t row = at[0] * shape[1] + (isOver(1) ? at[1] / (shape[1] / groups) : at[1]);
            for (int64_t axis = 2; axis < 5; ++axis)
              row = row * shape[axis] + (isOver(axis) ? 0 : at[axis]);
            visit(row, i++);
          }
}

namespace {
/// Holds what the elements of each row come to.
struct RowStatistics {
  std::map<int64_t, double> count, mean, var;

  RowStatistics(const Tensor &x, std::span<const int64_t> over, int64_t groups) {
    auto rows = [&](auto visit) { forEachInRows(x.shape, over, groups, visit); };
    rows([&](int64_t row, int64_t i) { count[row] += 1, mean[row] += x.values[i]; });
    for (auto &[row, sum] : mean)
      sum /= count[row];
    rows([&](int64_t row, int64_t i) { var[row] += std::pow(x.values[i] - mean[row], 2) / count[row]; });
  }
};
} // namespace

Tensor numerics::standardise(const Tensor &x, std::span<const int64_t> over, int64_t groups, double eps) {
  RowStatistics of(x, over, groups);
  Tensor y = x;
  forEachInRows(x.shape, over, groups, [&](int64_t row, int64_t i) {
    y.values[i] = (x.values[i] - of.mean[row]) / std::sqrt(of.var[row] + eps);
  });
  return y;
}

Tensor numerics::standardiseGrad(const Tensor &g, const Tensor &x, std::span<const int64_t> over,
                                 int64_t groups, double eps) {
  RowStatistics of(x, over, groups);
  Tensor y = standardise(x, over, groups, eps), dx = x;
  std::map<int64_t, double> sum, sumOfProducts;
  forEachInRows(x.shape, over, groups, [&](int64_t row, int64_t i) {
    sum[row] += g.values[i];
    sumOfProducts[row] += g.values[i] * y.values[i];
  });
  forEachInRows(x.shape, over, groups, [&](int64_t row, int64_t i) {
    double centred =
        g.values[i] - sum[row] / of.count[row] - y.values[i] * sumOfProducts[row] / of.count[row];
    dx.values[i] = centred / std::sqrt(of.var[row] + eps);
  });
  return dx;
}

//===-- Sums and batch norm -----------------------------------------------===//

Tensor numerics::channelSum(const Tensor &x) {
  Tensor sum({x.shape[1]});
  forEachElement(x.shape, [&](int64_t c, int64_t i) { sum.values[c] += x.values[i]; });
  return sum;
}

Tensor numerics::spreadSum(const Tensor &x, const Shape &resultShape) {
  Tensor sum(resultShape);
  for (size_t i = 0; i < x.values.size(); ++i)
    sum.values[spreadIndex(int64_t(i), x.shape, resultShape)] += x.values[i];
  return sum;
}

Tensor numerics::matmul(const Tensor &lhs, const Tensor &rhs, bool transposeLhs, bool transposeRhs,
                        const Shape &resultShape) {
  Tensor y(resultShape);
  int64_t rows = y.shape[1], columns = shape::product(y.spatial());
  int64_t depth = transposeLhs ? lhs.shape[1] : shape::product(lhs.spatial());
  for (int64_t n = 0; n < y.shape[0]; ++n)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < depth; ++k)
          y.plane(n, i)[j] += (transposeLhs ? lhs.plane(n, k)[i] : lhs.plane(n, i)[k]) *
                              (transposeRhs ? rhs.plane(n, j)[k] : rhs.plane(n, k)[j]);
  return y;
}

Moments numerics::moments(const Tensor &x) {
  double count = double(x.values.size()) / double(x.shape[1]);
  Tensor mean = scale(channelSum(x), 1.0 / count), var({x.shape[1]});
  forEachElement(x.shape, [&](int64_t c, int64_t i) {
    double distance = x.values[i] - mean.values[c];
    var.values[c] += distance * distance / count;
  });
  return {mean, var};
}

Coefficients numerics::bnCoeffs(const Moments &moments, const Tensor &gamma, const Tensor &beta, double eps) {
  Tensor rstd = map(moments.var, [=](double v) { return 1.0 / std::sqrt(v + eps); });
  Tensor scale = zip(gamma, rstd, std::multiplies<>());
  return {scale, zip(beta, zip(moments.mean, scale, std::multiplies<>()), std::minus<>()), rstd};
}

Moments numerics::bnRunning(const Moments &running, const Moments &batch, double momentum, double count,
                            bool unbiased) {
  double correction = unbiased && count > 1 ? count / (count - 1) : 1.0;
  auto move = [=](double old, double now) { return (1.0 - momentum) * old + momentum * now; };
  return {zip(running.mean, batch.mean, move), zip(running.var, scale(batch.var, correction), move)};
}

SharedMoments numerics::bnShare(const Moments &own, const Tensor &pivot) {
  SharedMoments found{zip(own.mean, pivot, std::minus<>()), own.var, own.var};
  for (size_t c = 0; c < found.spread.values.size(); ++c) {
    found.spread.values[c] += found.distance.values[c] * found.distance.values[c];
    found.one.values[c] = 1;
  }
  return found;
}

Moments numerics::bnJoint(const Tensor &distance, const Tensor &spread, const Tensor &pivot) {
  auto varOf = [](double v, double d) { return std::max(v - d * d, 0.0); };
  return {add(pivot, distance), zip(spread, distance, varOf)};
}

GradSums numerics::bnGradSums(const Tensor &g, const Tensor &z, const Tensor &mean, const Tensor &rstd) {
  Tensor sumXhat({g.shape[1]});
  forEachElement(g.shape, [&](int64_t c, int64_t i) {
    sumXhat.values[c] += g.values[i] * (z.values[i] - mean.values[c]) * rstd.values[c];
  });
  return {channelSum(g), sumXhat};
}

GradCoefficients numerics::bnGradCoeffs(const GradSums &sums, const Tensor &mean, const Tensor &rstd,
                                        const Tensor &gamma, int64_t count) {
  GradCoefficients result{gamma, gamma, gamma, sums.sumXhat, sums.sum};
  for (size_t c = 0; c < gamma.values.size(); ++c) {
    double p = gamma.values[c] * rstd.values[c];
    double q = -p * rstd.values[c] * sums.sumXhat.values[c] / double(count);
    result.p.values[c] = p;
    result.q.values[c] = q;
    result.r.values[c] = -p * sums.sum.values[c] / double(count) - q * mean.values[c];
  }
  return result;
}

Tensor numerics::batchNormGrad(const Tensor &g, const Tensor &z, const Tensor &mean, const Tensor &rstd,
                               const Tensor &gamma) {
  GradSums sums = bnGradSums(g, z, mean, rstd);
  double count = double(g.values.size()) / double(g.shape[1]);
  Tensor dz = g;
  forEachElement(g.shape, [&](int64_t c, int64_t i) {
    double xhat = (z.values[i] - mean.values[c]) * rstd.values[c];
    double centred = g.values[i] - sums.sum.values[c] / count - xhat * sums.sumXhat.values[c] / count;
    dz.values[i] = gamma.values[c] * rstd.values[c] * centred;
  });
  return dz;
}

Tensor numerics::foldWeight(const Tensor &weight, const Tensor &scale) {
  Tensor folded = weight;
  size_t filter = weight.values.size() / scale.values.size();
  for (size_t i = 0; i < folded.values.size(); ++i)
    folded.values[i] *= scale.values[i / filter];
  return folded;
}

//===-- Loss and update ---------------------------------------------------===//

Loss numerics::softmaxCrossEntropy(const Tensor &logits, const Tensor &labels, double smoothing) {
  Loss result{Tensor(Shape{}), Tensor(logits.shape)};
  int64_t classes = logits.shape[1];
  double count =
      double(std::count_if(labels.values.begin(), labels.values.end(), [](double l) { return l >= 0; }));
  for (int64_t n = 0; n < logits.shape[0]; ++n) {
    if (labels.values[n] < 0)
      continue;
    const double *scores = logits.plane(n, 0);
    double largest = *std::max_element(scores, scores + classes), sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      sum += std::exp(scores[c] - largest);
    for (int64_t c = 0; c < classes; ++c) {
      double target = (c == int64_t(labels.values[n]) ? 1.0 - smoothing : 0.0) + smoothing / double(classes);
      double logProbability = scores[c] - largest - std::log(sum);
      result.loss.values[0] -= target * logProbability / count;
      result.dlogits.plane(n, c)[0] = (std::exp(logProbability) - target) / count;
    }
  }
  return result;
}

Loss numerics::targetCrossEntropy(const Tensor &logits, const Tensor &targets, const Tensor &shares,
                                  bool sigmoid) {
  Loss result{Tensor(Shape{}), Tensor(logits.shape)};
  const int64_t classes = logits.shape[1];
  for (int64_t n = 0; n < logits.shape[0]; ++n) {
    const double share = shares.values[n];
    if (share == 0)
      continue;
    const double *scores = logits.plane(n, 0), *wanted = targets.values.data() + n * classes;
    const double largest = *std::max_element(scores, scores + classes);
    double sum = 0, all = 0;
    for (int64_t c = 0; c < classes; ++c) {
      sum += std::exp(scores[c] - largest);
      all += wanted[c];
    }
    for (int64_t c = 0; c < classes; ++c) {
      const double logProbability = scores[c] - largest - std::log(sum);
      const double logYes = -std::log1p(std::exp(-scores[c])), logNo = -std::log1p(std::exp(scores[c]));
      result.loss.values[0] -=
          share * (sigmoid ? wanted[c] * logYes + (1 - wanted[c]) * logNo : wanted[c] * logProbability);
      result.dlogits.plane(n, c)[0] =
          share * ((sigmoid ? std::exp(logYes) : all * std::exp(logProbability)) - wanted[c]);
    }
  }
  return result;
}
