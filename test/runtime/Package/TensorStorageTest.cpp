#include "runtime/Package/TensorStorage.h"

#include "runtime/Package/ElementType.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

using namespace kinema;

namespace {

std::vector<float> counting(int64_t elements) {
  std::vector<float> values(elements);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

// The definition, word for word: the element at loop counters i has, along each axis, the coordinate sum of i
// * step.
std::vector<float> packByDefinition(const std::vector<float> &logical, const std::vector<int64_t> &shape,
                                    const Order &order) {
  std::vector<float> stored(storedElements(shape, order));
  for (size_t index = 0; index < stored.size(); ++index) {
    std::vector<int64_t> at(shape.size(), 0);
    for (size_t i = order.size(), rest = index; i-- > 0; rest /= order[i].size)
      at[order[i].axis] += static_cast<int64_t>(rest % order[i].size) * order[i].step;
    int64_t from = 0;
    bool inside = true;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      from = from * shape[axis] + at[axis];
      inside &= at[axis] < shape[axis];
    }
    stored[index] = inside ? logical[from] : 0;
  }
  return stored;
}

void expectRoundTrip(const std::vector<int64_t> &shape, const Order &order) {
  ASSERT_EQ(findFault(shape, order), "");
  std::vector<float> logical = counting(elementsOf(shape));
  std::vector<float> stored(storedElements(shape, order), -1), back(logical.size(), -1);
  pack(logical.data(), shape, order, stored.data());
  EXPECT_EQ(stored, order.empty() ? logical : packByDefinition(logical, shape, order));
  unpack(stored.data(), shape, order, back.data());
  EXPECT_EQ(back, logical);
}

} // namespace

TEST(TensorStorage, RoundTrips) {
  expectRoundTrip({}, {});
  expectRoundTrip({3, 4}, {});
  expectRoundTrip({3, 4}, {{1, 4, 1}, {0, 3, 1}});
  expectRoundTrip({3}, {{0, 8, 1}});
  expectRoundTrip({1, 1}, {{0, 1, 1}, {1, 1, 1}});
  expectRoundTrip({1, 1}, {{0, 8, 1}});
  // The page's example, its padding in both channels.
  expectRoundTrip({230, 61, 1, 3, 3},
                  {{0, 10, 24}, {1, 8, 8}, {2, 1, 1}, {3, 3, 1}, {4, 3, 1}, {1, 8, 1}, {0, 24, 1}});
  // Clips in blocks of channels.
  expectRoundTrip({2, 13, 3, 5, 7}, {{0, 2, 1}, {1, 2, 8}, {2, 3, 1}, {3, 5, 1}, {4, 8, 1}, {1, 8, 1}});
  // Padding that is wider than a whole inner loop.
  expectRoundTrip({5, 2}, {{0, 4, 4}, {1, 4, 1}, {0, 4, 1}});
}

TEST(TensorStorage, Faults) {
  auto fault = [](Order order) { return findFault(std::vector<int64_t>{6, 4}, order); };
  EXPECT_EQ(fault({{0, 6, 1}, {1, 4, 1}}), "");
  EXPECT_EQ(fault({{2, 6, 1}}), "the order names axis 2 of a tensor with 2 axes");
  EXPECT_EQ(fault({{0, 6, 1}}), "the order visits 1 of 4 coordinates of axis 1");
  EXPECT_EQ(fault({{0, 2, 2}, {0, 3, 1}, {1, 4, 1}}),
            "the order's loops of axis 0 do not visit each coordinate once");
  EXPECT_EQ(fault({{0, 2, 4}, {0, 3, 1}, {1, 4, 1}}),
            "the order's loops of axis 0 do not visit each coordinate once");
  EXPECT_EQ(fault({{0, 0, 1}, {1, 4, 1}}), "the order has a loop of size 0 and step 1");
}

// 33 million weights, the size of R(2+1)D-18's, in well under a second.
TEST(TensorStorage, Strides) {
  using Strides = std::vector<int64_t>;
  const std::vector<int64_t> clips{2, 3, 4, 5}, scores{2, 48};
  EXPECT_EQ(stridesOf(clips, {}), (Strides{60, 20, 5, 1}));
  // All channels lie in one block, of which the last is padding.
  EXPECT_EQ(stridesOf(clips, {{0, 2, 1}, {1, 1, 4}, {2, 4, 1}, {3, 5, 1}, {1, 4, 1}}),
            (Strides{80, 1, 20, 4}));
  // There is a second block, which has padding alone.
  EXPECT_EQ(stridesOf(clips, {{0, 2, 1}, {1, 2, 4}, {2, 4, 1}, {3, 5, 1}, {1, 4, 1}}),
            (Strides{160, 1, 20, 4}));
  // Blocks of one position follow each other, those of several do not.
  EXPECT_EQ(stridesOf(scores, {{0, 2, 1}, {1, 3, 16}, {1, 16, 1}}), (Strides{48, 1}));
  EXPECT_EQ(stridesOf(scores, {{1, 3, 16}, {0, 2, 1}, {1, 16, 1}}), std::nullopt);
}

TEST(TensorStorage, IsFast) {
  std::vector<int64_t> shape = {1152, 512, 1, 3, 3};
  Order order = {{0, 48, 24}, {1, 64, 8}, {2, 1, 1}, {3, 3, 1}, {4, 3, 1}, {1, 8, 1}, {0, 24, 1}};
  std::vector<float> logical = counting(elementsOf(shape)), stored(storedElements(shape, order));
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i)
    pack(logical.data(), shape, order, stored.data());
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", static_cast<int>(seconds.count() * 1000));
  EXPECT_LT(seconds.count(), 3) << "32 million weights";
}
