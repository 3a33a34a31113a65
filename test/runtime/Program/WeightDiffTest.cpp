#include "runtime/Program/WeightDiff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

using namespace kinema;

namespace {

FileTensor filled(const std::string &name, std::vector<int64_t> shape, float value) {
  FileTensor tensor(name, ElementType::F32, std::move(shape));
  std::ranges::fill(tensor.as<float>(), value);
  return tensor;
}

TEST(WeightDiff, ListsShapesAndWhatOneFileAloneHas) {
  TensorFile a, b;
  a.tensors = {filled("stem.weight", {4, 3}, 1), filled("fc.weight", {10, 4}, 1), filled("fc.bias", {10}, 1)};
  b.tensors = {filled("fc.weight", {5, 4}, 1), filled("stem.weight", {4, 3}, 1), filled("head.bias", {5}, 1)};
  const WeightDifference difference = compareWeights(a, b);
  EXPECT_FALSE(difference.isEmpty());
  EXPECT_EQ(difference.otherValues, 0);
  EXPECT_EQ(describe(difference), R"(1 tensors have one name and shape, 3 have not

tensor     A                B
fc.weight  float32 [10, 4]  float32 [5, 4]
fc.bias    float32 [10]     -
head.bias  -                float32 [5]
)");
}

TEST(WeightDiff, ComparesValuesThatAreThere) {
  TensorFile a, b;
  a.tensors = {filled("stem.weight", {4}, 1), filled("fc.weight", {3}, 1)};
  b.tensors = {filled("stem.weight", {4}, 1.25), filled("fc.weight", {3}, 1)};
  EXPECT_TRUE(compareWeights(a, a).isEmpty());
  EXPECT_EQ(compareWeights(a, b).otherValues, 1);
  EXPECT_EQ(compareWeights(a, b).most, "stem.weight");
  EXPECT_EQ(compareWeights(a, b).by, 0.25);
  b.tensors[1].as<float>()[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(compareWeights(a, b).most, "fc.weight");
  b.tensors[0].bytes.clear(); // as a network's parameters have none
  b.tensors[1].bytes.clear();
  EXPECT_TRUE(compareWeights(a, b).isEmpty());
}

TEST(WeightDiff, ComparesOtherNumbersAndClasses) {
  TensorFile a, b;
  a.tensors = {FileTensor("steps", ElementType::I64, {1}), FileTensor("label", ElementType::I32, {1})};
  b = a;
  b.tensors[0].as<int64_t>()[0] = 7;
  b.tensors[1].as<int32_t>()[0] = -9;
  b.metadata[classesKey] = R"(["run"])";
  const WeightDifference difference = compareWeights(a, b);
  EXPECT_EQ(difference.otherValues, 2);
  EXPECT_EQ(difference.most, "label");
  EXPECT_EQ(describe(difference), R"(2 tensors have one name and shape, 0 have not

2 of the tensors of one shape hold other values, label by most: 9

the names of their classes differ
)");
}

} // namespace
