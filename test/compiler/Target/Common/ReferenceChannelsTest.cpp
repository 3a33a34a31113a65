// Compares what goes across channels, sums over axes, and dropout, with plain loops.
#include "dialects/Clip/Dropout.h"
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace kinema::testing;

namespace {
using Shape = std::vector<int64_t>;

/// Calls body(coordinates) in row-major order.
template <typename Body> void forEach(const Shape &s, Body body) {
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t c = 0; c < s[1]; ++c)
      for (int64_t t = 0; t < s[2]; ++t)
        for (int64_t h = 0; h < s[3]; ++h)
          for (int64_t w = 0; w < s[4]; ++w)
            body(n, c, t, h, w);
}

std::string typesText(const std::vector<std::string> &types) {
  std::string text;
  for (const auto &type : types)
    text += (text.empty() ? "(" : ", ") + type;
  return text + ")";
}

/// An operation `name` on all operands, with attributes.
std::string plainText(const std::string &name, const std::vector<std::string> &operands,
                      const std::string &result, const std::string &attributes = "") {
  std::string text = name;
  for (size_t i = 0; i < operands.size(); ++i)
    text += (i ? ", %o" : " %o") + std::to_string(i);
  return kernelText(operands, text + " " + attributes + " : " + typesText(operands) + " -> " + result,
                    {result});
}

std::string piece(int input, int64_t from, int64_t to, int64_t count, int64_t frames = 0) {
  return "#kernel.piece<input = " + std::to_string(input) + ", from = " + std::to_string(from) +
         ", to = " + std::to_string(to) + ", count = " + std::to_string(count) +
         ", frames = " + std::to_string(frames) + ">";
}
} // namespace

TEST(ReferencePlace, ConcatenatesAndLeavesGapsZero) {
  for (auto [a, b, gap] : {std::tuple{3, 5, 0}, {8, 16, 0}, {8, 4, 0}, {5, 6, 2}, {16, 8, 8}})
    for (auto type : {blocked, plain}) {
      SCOPED_TRACE(std::to_string(a) + " and " + std::to_string(b));
      Shape first = {2, a, 3, 5, 7}, second = {2, b, 3, 5, 7}, shape = {2, a + gap + b, 3, 5, 7};
      ReferenceKernel kernel(plainText("kernel.place", {type(first), type(second)}, type(shape),
                                       "[" + piece(0, 0, 0, a) + ", " + piece(1, 0, a + gap, b) + "]"));
      Tensor x = random(first, 1), y = random(second, 2), expected = filled(shape, 0);
      forEach(shape, [&](int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
        if (c < a)
          expected.at({n, c, t, h, w}) = x.at({n, c, t, h, w});
        else if (c >= a + gap)
          expected.at({n, c, t, h, w}) = y.at({n, c - a - gap, t, h, w});
      });
      expectNear(kernel.run({x, y})[0], expected, 0.0);
    }
}

TEST(ReferencePlace, TakesASlice) {
  for (auto [begin, count] : {std::pair{1, 2}, {8, 8}, {3, 9}}) {
    Shape from = {2, 19, 2, 3, 4}, shape = {2, count, 2, 3, 4};
    ReferenceKernel kernel(
        plainText("kernel.place", {blocked(from)}, blocked(shape), "[" + piece(0, begin, 0, count) + "]"));
    Tensor x = random(from, 1), expected = filled(shape, 0);
    forEach(shape, [&](int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
      expected.at({n, c, t, h, w}) = x.at({n, c + begin, t, h, w});
    });
    expectNear(kernel.run({x})[0], expected, 0.0);
  }
}

TEST(ReferencePlace, ShiftsFrames) {
  for (int64_t moved : {1, 8}) {
    Shape shape = {2, 2 * moved + 3, 4, 3, 5};
    ReferenceKernel kernel(plainText("kernel.place", {blocked(shape)}, blocked(shape),
                                     "[" + piece(0, 0, 0, moved, 1) + ", " +
                                         piece(0, moved, moved, moved, -1) + ", " +
                                         piece(0, 2 * moved, 2 * moved, 3) + "]"));
    Tensor x = random(shape, 1), expected = filled(shape, 0);
    forEach(shape, [&](int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
      int64_t from = t + (c < moved ? 1 : c < 2 * moved ? -1 : 0);
      if (from >= 0 && from < 4)
        expected.at({n, c, t, h, w}) = x.at({n, c, from, h, w});
    });
    expectNear(kernel.run({x})[0], expected, 0.0);
  }
}

TEST(ReferenceDropout, DropsWhatTheCounterSays) {
  for (auto [shape, from] : {std::pair{Shape{3, 13, 2, 3, 5}, &blocked},
                             {Shape{3, 13, 2, 3, 5}, &plain},
                             {Shape{2, 4096, 1, 1, 1}, &blocked}}) {
    ReferenceKernel kernel(plainText("kernel.dropout",
                                     {from(shape), "tensor<3xf32, #clip.hyper<step, rate, seed>>"},
                                     blocked(shape), "{rate = 0.4 : f64, stream = 3 : i64}"));
    Tensor x = random(shape, 1), expected = x;
    for (size_t i = 0; i < x.values.size(); ++i)
      expected.values[i] = kinema::clip::dropoutBits(17, 1234567, 3, i) < kinema::clip::dropoutThreshold(0.4)
                               ? 0
                               : float(x.values[i] / 0.6);
    expectNear(kernel.run({x, Tensor{{3}, {1234567, 0, 17}}})[0], expected, 1e-6);
  }
}

TEST(ReferenceSoftmaxOverChannels, ValueAndGradient) {
  // Operands may lie in other blocks than results.
  for (Shape shape : {Shape{2, 45, 1, 1, 1}, {2, 13, 2, 3, 5}, {1, 100, 1, 4, 4}, {2, 3, 2, 3, 5}})
    for (auto [from, type] : {std::pair{&blocked, &blocked}, {&plain, &plain}, {&plain, &blocked}}) {
      ReferenceKernel kernel(plainText("kernel.softmax", {from(shape)}, type(shape)));
      ReferenceKernel gradient(plainText("kernel.softmax_grad", {from(shape), type(shape)}, type(shape)));
      Tensor x = random(shape, 1), g = random(shape, 2), y = x, dx = x;
      for (float &value : x.values)
        value *= 30;
      forEach({shape[0], 1, shape[2], shape[3], shape[4]},
              [&](int64_t n, int64_t, int64_t t, int64_t h, int64_t w) {
                double total = 0, weighted = 0;
                for (int64_t c = 0; c < shape[1]; ++c)
                  total += std::exp(double(x.at({n, c, t, h, w})));
                for (int64_t c = 0; c < shape[1]; ++c) {
                  y.at({n, c, t, h, w}) = float(std::exp(double(x.at({n, c, t, h, w}))) / total);
                  weighted += double(y.at({n, c, t, h, w})) * g.at({n, c, t, h, w});
                }
                for (int64_t c = 0; c < shape[1]; ++c)
                  dx.at({n, c, t, h, w}) = float(y.at({n, c, t, h, w}) * (g.at({n, c, t, h, w}) - weighted));
              });
      expectNear(kernel.run({x})[0], y, 1e-6);
      expectNear(gradient.run({g, y})[0], dx, 1e-6);
    }
}

TEST(ReferenceMatmul, WithEachSideTransposed) {
  // Channels by positions; the result is [2, rows, 1, columns / 5, 5].
  auto check = [](Shape left, Shape right, bool transposeLeft, bool transposeRight) {
    auto positions = [](const Shape &s) { return s[2] * s[3] * s[4]; };
    int64_t rows = transposeLeft ? positions(left) : left[1],
            depth = transposeLeft ? left[1] : positions(left),
            columns = transposeRight ? right[1] : positions(right);
    Shape shape = {2, rows, 1, columns / 5, 5};
    std::string attributes = transposeLeft ? "{transpose_lhs}" : "";
    if (transposeRight)
      attributes = transposeLeft ? "{transpose_lhs, transpose_rhs}" : "{transpose_rhs}";
    for (auto type : {blocked, plain}) {
      SCOPED_TRACE(attributes + type(shape));
      ReferenceKernel kernel(plainText("kernel.matmul", {type(left), type(right)}, type(shape), attributes));
      Tensor l = random(left, 1), r = random(right, 2), expected = filled(shape, 0);
      auto at = [&](const Tensor &x, int64_t n, int64_t row, int64_t column, bool transposed) {
        if (transposed)
          std::swap(row, column);
        return double(x.values[(n * x.shape[1] + row) * positions(x.shape) + column]);
      };
      for (int64_t n = 0; n < 2; ++n)
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            double sum = 0;
            for (int64_t k = 0; k < depth; ++k)
              sum += at(l, n, i, k, transposeLeft) * at(r, n, k, j, transposeRight);
            expected.values[(n * rows + i) * columns + j] = float(sum);
          }
      expectNear(kernel.run({l, r})[0], expected, 1e-5);
    }
  };
  check({2, 13, 1, 2, 3}, {2, 6, 2, 5, 4}, false, false);  // 13x6 . 6x40
  check({2, 13, 1, 2, 3}, {2, 13, 2, 5, 4}, true, false);  // 6x13 . 13x40
  check({2, 13, 2, 5, 4}, {2, 15, 2, 5, 4}, false, true);  // 13x40 . 40x15
  check({2, 13, 1, 2, 3}, {2, 10, 1, 13, 1}, true, true);  // 6x13 . 13x10
  check({2, 16, 1, 3, 8}, {2, 24, 1, 5, 1}, false, false); // 16x24 . 24x5
}

/// An arrangement as lists of factors for each axis, slowest first. Factors of the result alone repeat.
struct Arranged {
  Shape sizes;
  std::vector<Shape> source, target;

  static Shape shapeOf(const Shape &sizes, const std::vector<Shape> &axes) {
    Shape shape;
    for (const Shape &axis : axes) {
      shape.push_back(1);
      for (int64_t factor : axis)
        shape.back() *= sizes[factor];
    }
    return shape;
  }
  static std::string text(const std::vector<Shape> &axes) {
    std::string all;
    for (const Shape &axis : axes) {
      std::string one;
      for (int64_t factor : axis)
        one += (one.empty() ? "" : " ") + std::to_string(factor);
      all += (all.empty() ? "" : ", ") + (one.empty() ? "_" : one);
    }
    return all;
  }
  std::string attribute() const {
    std::string all = "<" + text(source) + " -> " + text(target) + " of ";
    for (size_t i = 0; i < sizes.size(); ++i)
      all += (i ? "x" : "") + std::to_string(sizes[i]);
    return all + ">";
  }
  /// Adds up the source's elements where they go, for all numbers of all factors.
  Tensor expected(const Tensor &x) const {
    Tensor y = filled(shapeOf(sizes, target), 0);
    Shape numbers(sizes.size(), 0);
    auto indexIn = [&](const std::vector<Shape> &axes) {
      int64_t index = 0;
      for (const Shape &axis : axes)
        for (int64_t factor : axis)
          index = index * sizes[factor] + numbers[factor];
      return index;
    };
    for (bool more = true; more;) {
      y.values[indexIn(target)] += x.values[indexIn(source)];
      more = false;
      for (size_t i = sizes.size(); i-- > 0 && !more; more = numbers[i] != 0)
        numbers[i] = (numbers[i] + 1) % sizes[i];
    }
    return y;
  }
};

TEST(ReferenceArrange, ByVectorsAndByElements) {
  const Arranged cases[] = {
      {{2, 4, 8, 3, 5, 2}, {{0}, {1, 2}, {3}, {4}, {5}}, {{0, 1}, {2}, {3}, {4}, {5}}}, // groups become clips
      {{2, 3, 11, 2, 5}, {{0}, {2}, {3}, {4}, {}}, {{0, 1}, {2}, {3}, {4}, {}}},    // clips repeated, padding
      {{2, 13, 4, 3, 5}, {{0}, {1}, {2}, {3}, {4}}, {{0}, {4}, {2}, {3}, {1}}},     // channels become columns
      {{2, 13, 16, 3, 5}, {{0}, {1}, {2}, {3}, {4}}, {{0}, {2}, {1}, {3}, {4}}},    // of whole vectors
      {{2, 3, 8, 4, 5}, {{0}, {1}, {2, 3}, {4}, {}}, {{0}, {3, 2}, {4}, {1}, {}}},  // the inner one in steps
      {{2, 3, 11, 2, 5}, {{0}, {1}, {3}, {4}, {}}, {{0}, {1, 2}, {3}, {4}, {}}},    // each channel repeated
      {{2, 3, 16, 2, 5}, {{0}, {1}, {3}, {4}, {}}, {{0}, {1, 2}, {3}, {4}, {}}},    // by whole vectors
      {{2, 9, 4, 3, 5}, {{0}, {1}, {2}, {3}, {4}}, {{0}, {4}, {2}, {3}, {}}},       // sums over channels
      {{2, 9, 4, 3, 5}, {{0}, {1}, {2}, {3}, {4}}, {{0}, {1}, {}, {}, {4}}},        // sums, channels stay
      {{2, 2, 12, 3, 5}, {{0}, {1, 2}, {3}, {4}, {}}, {{0}, {2, 1}, {3}, {4}, {}}}, // channels exchanged
  };
  for (const Arranged &c : cases)
    for (auto [from, to] : {std::pair{&blocked, &blocked}, {&plain, &blocked}, {&blocked, &plain}}) {
      SCOPED_TRACE(c.attribute());
      Shape source = Arranged::shapeOf(c.sizes, c.source), target = Arranged::shapeOf(c.sizes, c.target);
      ReferenceKernel kernel(plainText("kernel.arrange", {from(source)}, to(target), c.attribute()));
      Tensor x = random(source, 1);
      expectNear(kernel.run({x})[0], c.expected(x), 1e-5);
    }
}

TEST(ReferenceSpreadSum, OverAnyAxes) {
  const char *body = R"(kernel.spread_sum prologue (pixel %o0, pixel %o1) : (TYPES) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    kernel.yield value %p
  } -> )";
  Shape full = {2, 13, 3, 5, 4};
  for (Shape small :
       {Shape{2, 13, 1, 1, 1}, {2, 1, 3, 5, 4}, {2, 13, 3, 1, 1}, {2, 1, 1, 1, 1}, {2, 13, 1, 5, 4}}) {
    std::string text = body, types = blocked(full) + ", " + blocked(full);
    text.replace(text.find("TYPES"), 5, types);
    SCOPED_TRACE(blocked(small));
    ReferenceKernel kernel(
        kernelText({blocked(full), blocked(full)}, text + blocked(small), {blocked(small)}));
    Tensor x = random(full, 1), y = random(full, 2), expected = filled(small, 0);
    forEach(full, [&](int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
      auto of = [&](int axis, int64_t i) { return small[axis] == 1 ? 0 : i; };
      expected.at({n, of(1, c), of(2, t), of(3, h), of(4, w)}) +=
          x.at({n, c, t, h, w}) * y.at({n, c, t, h, w});
    });
    expectNear(kernel.run({x, y})[0], expected, 1e-5);
  }
}

TEST(ReferenceMap, ReadsSpreadOperands) {
  Shape full = {2, 13, 3, 5, 4};
  for (Shape small : {Shape{2, 1, 3, 5, 4}, {2, 13, 3, 1, 1}, {2, 1, 1, 1, 1}}) {
    std::string text =
        "kernel.map (pixel %o0, spread %o1) : (" + blocked(full) + ", " + blocked(small) + R"() {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    kernel.yield store %p
  } -> )";
    SCOPED_TRACE(blocked(small));
    ReferenceKernel kernel(
        kernelText({blocked(full), blocked(small)}, text + blocked(full), {blocked(full)}));
    Tensor x = random(full, 1), y = random(small, 2), expected = x;
    forEach(full, [&](int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
      auto of = [&](int axis, int64_t i) { return small[axis] == 1 ? 0 : i; };
      expected.at({n, c, t, h, w}) *= y.at({n, of(1, c), of(2, t), of(3, h), of(4, w)});
    });
    expectNear(kernel.run({x, y})[0], expected, 0.0);
  }
}
