// Computes convolutions and pools.
#include "compiler/Interpreter/ClipNumerics.h"

#include <cmath>
#include <limits>

using namespace kinema;
using namespace kinema::numerics;
using shape::Size3;

/// Calls visit(y, tap, x), whose positions lie within one plane each, for every tap of every window that lies
/// in the input.
template <typename Visit>
static void forEachTap(const Size3 &input, const Size3 &output, const Window &w, Visit visit) {
  int64_t y = 0;
  for (int64_t t = 0; t < output[0]; ++t)
    for (int64_t h = 0; h < output[1]; ++h)
      for (int64_t v = 0; v < output[2]; ++v, ++y) {
        int64_t tap = 0;
        for (int64_t kt = 0; kt < w.kernel[0]; ++kt)
          for (int64_t kh = 0; kh < w.kernel[1]; ++kh)
            for (int64_t kw = 0; kw < w.kernel[2]; ++kw, ++tap) {
              int64_t xt = t * w.stride[0] + kt * w.dilation[0] - w.padLow[0];
              int64_t xh = h * w.stride[1] + kh * w.dilation[1] - w.padLow[1];
              int64_t xw = v * w.stride[2] + kw * w.dilation[2] - w.padLow[2];
              if (xt >= 0 && xt < input[0] && xh >= 0 && xh < input[1] && xw >= 0 && xw < input[2])
                visit(y, tap, (xt * input[1] + xh) * input[2] + xw);
            }
      }
}

/// Calls visit(n, o, i, c) where output channel o of clip n takes input channel c by the filter plane [o, i].
template <typename Visit>
static void forEachChannelPair(int64_t clips, const Shape &weight, int64_t groups, Visit visit) {
  int64_t outputs = weight[0] / groups;
  for (int64_t n = 0; n < clips; ++n)
    for (int64_t o = 0; o < weight[0]; ++o)
      for (int64_t i = 0; i < weight[1]; ++i)
        visit(n, o, i, o / outputs * weight[1] + i);
}

Tensor numerics::conv(const Tensor &x, const Tensor &weight, const Tensor *bias, const Window &window,
                      int64_t groups, const Shape &resultShape) {
  Tensor y(resultShape);
  if (bias)
    for (int64_t n = 0; n < y.shape[0]; ++n)
      for (int64_t o = 0; o < y.shape[1]; ++o)
        std::fill_n(y.plane(n, o), shape::product(y.spatial()), bias->values[o]);
  forEachChannelPair(x.shape[0], weight.shape, groups, [&](int64_t n, int64_t o, int64_t i, int64_t c) {
    const double *from = x.plane(n, c), *filter = weight.plane(o, i);
    double *to = y.plane(n, o);
    forEachTap(x.spatial(), y.spatial(), window,
               [&](int64_t q, int64_t tap, int64_t p) { to[q] += from[p] * filter[tap]; });
  });
  return y;
}

Tensor numerics::convDataGrad(const Tensor &g, const Tensor &weight, const Window &window, int64_t groups,
                              const Shape &xShape) {
  Tensor dx(xShape);
  forEachChannelPair(g.shape[0], weight.shape, groups, [&](int64_t n, int64_t o, int64_t i, int64_t c) {
    const double *from = g.plane(n, o), *filter = weight.plane(o, i);
    double *to = dx.plane(n, c);
    forEachTap(dx.spatial(), g.spatial(), window,
               [&](int64_t q, int64_t tap, int64_t p) { to[p] += from[q] * filter[tap]; });
  });
  return dx;
}

Tensor numerics::convWeightGrad(const Tensor &g, const Tensor &x, const Window &window, int64_t groups,
                                const Shape &weightShape) {
  Tensor dw(weightShape);
  forEachChannelPair(g.shape[0], weightShape, groups, [&](int64_t n, int64_t o, int64_t i, int64_t c) {
    const double *gradient = g.plane(n, o), *from = x.plane(n, c);
    double *to = dw.plane(o, i);
    forEachTap(x.spatial(), g.spatial(), window,
               [&](int64_t q, int64_t tap, int64_t p) { to[tap] += gradient[q] * from[p]; });
  });
  return dw;
}

/// Returns the position in the input of each window's first maximum; -1 for a window that lies in the
/// padding.
static std::vector<int64_t> firstMaxima(const double *x, const Size3 &input, const Size3 &output,
                                        const Window &w) {
  std::vector<int64_t> where(shape::product(output), -1);
  forEachTap(input, output, w, [&](int64_t y, int64_t, int64_t p) {
    if (where[y] < 0 || x[p] > x[where[y]] || std::isnan(x[p]))
      where[y] = p;
  });
  return where;
}

Tensor numerics::maxPool(const Tensor &x, const Window &window, const Shape &resultShape) {
  Tensor y(resultShape, -std::numeric_limits<double>::infinity());
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t c = 0; c < x.shape[1]; ++c) {
      const double *from = x.plane(n, c);
      auto where = firstMaxima(from, x.spatial(), y.spatial(), window);
      for (size_t q = 0; q < where.size(); ++q)
        if (where[q] >= 0)
          y.plane(n, c)[q] = from[where[q]];
    }
  return y;
}

Tensor numerics::maxPoolGrad(const Tensor &g, const Tensor &x, const Window &window) {
  Tensor dx(x.shape);
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t c = 0; c < x.shape[1]; ++c) {
      auto where = firstMaxima(x.plane(n, c), x.spatial(), g.spatial(), window);
      for (size_t q = 0; q < where.size(); ++q)
        if (where[q] >= 0)
          dx.plane(n, c)[where[q]] += g.plane(n, c)[q];
    }
  return dx;
}

Tensor numerics::avgPool(const Tensor &x, const Window &window, const Shape &resultShape) {
  Tensor y(resultShape);
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t c = 0; c < x.shape[1]; ++c)
      forEachTap(x.spatial(), y.spatial(), window, [&](int64_t q, int64_t, int64_t p) {
        y.plane(n, c)[q] += x.plane(n, c)[p] / double(window.taps());
      });
  return y;
}

Tensor numerics::avgPoolGrad(const Tensor &g, const Window &window, const Shape &xShape) {
  Tensor dx(xShape);
  for (int64_t n = 0; n < g.shape[0]; ++n)
    for (int64_t c = 0; c < g.shape[1]; ++c)
      forEachTap(dx.spatial(), g.spatial(), window, [&](int64_t q, int64_t, int64_t p) {
        dx.plane(n, c)[p] += g.plane(n, c)[q] / double(window.taps());
      });
  return dx;
}
