#include "runtime/Training/Targets.h"

#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gmock/gmock.h>

using namespace kinema;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::Pointwise;

// With weights 2, 0.5, 1 and smoothing 0.3, PyTorch's CrossEntropyLoss of labels 1 and 0 is the sum of
// weight * ((1 - 0.3) * label + 0.3 / 3) * -log p over both, divided by 2 + 0.5.
TEST(Targets, AreThoseOfWeightsAndSmoothing) {
  TrainRecipe recipe;
  recipe.smoothing = 0.3;
  recipe.classWeights = "file";
  const std::vector<float> truths = {0, 1, 0, 1, 0, 0, 0, 0, 0};
  const Targets found = targetsOf(truths, std::vector<char>{1, 1, 0}, recipe, std::vector<double>{2, 0.5, 1});
  EXPECT_THAT(found.targets,
              Pointwise(FloatEq(), std::vector<float>{0.2f, 0.4f, 0.1f, 1.6f, 0.05f, 0.1f, 0, 0, 0}));
  EXPECT_THAT(found.shares, Pointwise(FloatEq(), std::vector<float>{0.4f, 0.4f, 0}));
}

TEST(Targets, OfSeveralLabelsAreMeansOverClasses) {
  TrainRecipe recipe;
  recipe.loss = "binary_cross_entropy";
  const std::vector<float> truths = {0, 1, 1, 0.5f, 0, 0};
  const Targets found = targetsOf(truths, std::vector<char>{1, 1}, recipe, {});
  EXPECT_EQ(found.targets, truths);
  EXPECT_THAT(found.shares, Pointwise(FloatEq(), std::vector<float>{1.0f / 6, 1.0f / 6}));
}

TEST(Targets, NoClipCounts) {
  const Targets found = targetsOf(std::vector<float>{0, 0}, std::vector<char>{0}, TrainRecipe(), {});
  EXPECT_THAT(found.shares, ElementsAre(0));
}

TEST(ClassWeights, BalanceClasses) {
  EXPECT_THAT(balancedWeights(std::vector<int32_t>{0, 0, 0, 2}, 3), ElementsAre(4 / 6.0, 0, 2));
}

TEST(ClassWeights, AreReadFromAFile) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "weights";
  writeFile(file, "0.5 1\n2\n");
  EXPECT_THAT(readClassWeights(file, 3), ElementsAre(0.5, 1, 2));
  EXPECT_EQ(test::errorOf([&] { readClassWeights(file, 4); }),
            file + ": it has 3 weights, expected one for each of 4 classes");
  writeFile(file, "1 -2");
  EXPECT_EQ(test::errorOf([&] { readClassWeights(file, 2); }),
            file + ": '-2' is no weight of a class: expected a number from 0 to 1e6 for each class");
  writeFile(file, "0 0");
  EXPECT_EQ(test::errorOf([&] { readClassWeights(file, 2); }), file + ": all its weights are 0");
}
