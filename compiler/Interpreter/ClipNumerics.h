// Computes each clip operation as its definition says, in naive loops in double. This is the oracle of every
// lowering, and is itself checked against finite differences.
//
// x, y, z: [N, C, T, H, W]; g: the gradient of the loss with respect to a result; vectors: [C].
#ifndef KINEMA_COMPILER_INTERPRETER_CLIPNUMERICS_H
#define KINEMA_COMPILER_INTERPRETER_CLIPNUMERICS_H

#include "compiler/Interpreter/Tensor.h"

#include <optional>
#include <span>

namespace kinema::numerics {

using Shape = std::vector<int64_t>;
using shape::Window;

// These are convolutions. weight: [O, C / groups, kernel].
Tensor conv(const Tensor &x, const Tensor &weight, const Tensor *bias, const Window &window, int64_t groups,
            const Shape &resultShape);
Tensor convDataGrad(const Tensor &g, const Tensor &weight, const Window &window, int64_t groups,
                    const Shape &xShape);
Tensor convWeightGrad(const Tensor &g, const Tensor &x, const Window &window, int64_t groups,
                      const Shape &weightShape);
Tensor linear(const Tensor &x, const Tensor &weight, const Tensor *bias);

// These are pools. `resultShape` says where windows end (floor or ceil).
Tensor maxPool(const Tensor &x, const Window &window, const Shape &resultShape);
Tensor maxPoolGrad(const Tensor &g, const Tensor &x, const Window &window);
Tensor avgPool(const Tensor &x, const Window &window, const Shape &resultShape);
Tensor avgPoolGrad(const Tensor &g, const Window &window, const Shape &xShape);

/// Computes number(elements of the operands) for each element of the result; a vector is read by channel, and
/// a size of 1 is spread.
Tensor pointwise(const std::vector<const Tensor *> &operands, const Shape &resultShape,
                 const std::function<double(const std::vector<double> &)> &number);
Tensor scale(const Tensor &x, double factor);
Tensor add(const Tensor &a, const Tensor &b);
/// Drops elements by the bits of dialects/Clip/Dropout.h, which decide what is kept.
Tensor dropout(const Tensor &x, double rate, int64_t stream, uint32_t seed, uint32_t step);
Tensor softmax(const Tensor &x); // over C
Tensor softmaxGrad(const Tensor &g, const Tensor &y);
Tensor affine(const Tensor &x, const Tensor &scale, const Tensor &offset);

// These move channels.
Tensor concat(const std::vector<const Tensor *> &inputs);
Tensor slice(const Tensor &x, int64_t begin, int64_t count);
Tensor padChannels(const Tensor &x, int64_t begin, int64_t channels);
Tensor shift(const Tensor &x, int64_t channels, int64_t frames);

/// An Arrangement takes axes apart and puts them together: the sizes of factors, and which of them each axis
/// of the source and of the result has, slowest first. Factors of the source alone are summed over, those of
/// the result alone repeat.
struct Arrangement {
  Shape sizes;
  std::vector<Shape> source, target;
};
Tensor arrange(const Tensor &x, const Arrangement &how);

// These take statistics over axes, 1 (C) to 4 (W), and where C is among them over groups of channels.
Tensor standardise(const Tensor &x, std::span<const int64_t> over, int64_t groups, double eps);
Tensor standardiseGrad(const Tensor &g, const Tensor &x, std::span<const int64_t> over, int64_t groups,
                       double eps);

// These are sums.
Tensor channelSum(const Tensor &x);
Tensor spreadSum(const Tensor &x, const Shape &resultShape);

/// Multiplies matrices of channels by positions, one product a clip.
Tensor matmul(const Tensor &lhs, const Tensor &rhs, bool transposeLhs, bool transposeRhs,
              const Shape &resultShape);

// These belong to batch norm.
struct Moments {
  Tensor mean, var; // var is biased
};
struct SharedMoments {
  Tensor distance, spread, one;
};
struct Coefficients {
  Tensor scale, offset, rstd;
};
struct GradSums {
  Tensor sum, sumXhat;
};
struct GradCoefficients {
  Tensor p, q, r, dgamma, dbeta;
};
Moments moments(const Tensor &x);
Coefficients bnCoeffs(const Moments &moments, const Tensor &gamma, const Tensor &beta, double eps);
Moments bnRunning(const Moments &running, const Moments &batch, double momentum, double count, bool unbiased);
/// Computes what ranks add up of their moments (see `clip.bn_share`), and what `clip.bn_joint` makes of the
/// sums.
SharedMoments bnShare(const Moments &own, const Tensor &pivot);
Moments bnJoint(const Tensor &distance, const Tensor &spread, const Tensor &pivot);
GradSums bnGradSums(const Tensor &g, const Tensor &z, const Tensor &mean, const Tensor &rstd);
GradCoefficients bnGradCoeffs(const GradSums &sums, const Tensor &mean, const Tensor &rstd,
                              const Tensor &gamma, int64_t count);
/// Computes dz by the textbook formula, not by way of the coefficients.
Tensor batchNormGrad(const Tensor &g, const Tensor &z, const Tensor &mean, const Tensor &rstd,
                     const Tensor &gamma);
Tensor foldWeight(const Tensor &weight, const Tensor &scale);

// This is the loss.
struct Loss {
  Tensor loss, dlogits;
};
Loss softmaxCrossEntropy(const Tensor &logits, const Tensor &labels, double smoothing);
Loss targetCrossEntropy(const Tensor &logits, const Tensor &targets, const Tensor &shares, bool sigmoid);

} // namespace kinema::numerics

#endif
