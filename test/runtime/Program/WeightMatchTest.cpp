#include "runtime/Program/WeightMatch.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace kinema;
using namespace kinema::test;

namespace {

using Shape = std::vector<int64_t>;

// A network on clips of four channels: a conv, a batch norm's scale, a fully connected layer.
Manifest network(const Shape &stem = {2, 3, 1, 1, 2}) {
  Manifest manifest;
  manifest.name = "net";
  manifest.inputs.emplace_back().shape = {1, 4, 8, 16, 16};
  auto add = [&](const char *name, const Shape &shape) {
    Parameter &parameter = manifest.parameters.emplace_back();
    parameter.name = name;
    parameter.shape = parameter.fileShape = shape;
  };
  add("stem.weight", stem);
  add("stem.bn.weight", {2});
  add("fc.weight", {5, 2});
  return manifest;
}

// Returns a file of these tensors, whose values count up from 1.
TensorFile fileOf(std::vector<std::pair<std::string, Shape>> tensors) {
  TensorFile file;
  for (auto &[name, shape] : tensors) {
    FileTensor &tensor = file.tensors.emplace_back(name, ElementType::F32, shape);
    std::iota(tensor.as<float>().begin(), tensor.as<float>().end(), 1.0f);
  }
  return file;
}

std::vector<float> stemOf(const Manifest &manifest, const Shape &inFile, const MatchOptions &options) {
  TensorFile file = fileOf({{"stem.weight", inFile}});
  WeightMatch match = findWeights(manifest, file, {}, options);
  return match.parameters[0].tensor ? valuesOf(match.parameters[0]) : std::vector<float>();
}

} // namespace

TEST(WeightMatch, AxesOfSizeOneMayBeMissing) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_EQ(stemOf(network(), {2, 3, 1, 2}, {}), values);
  EXPECT_EQ(stemOf(network({2, 6, 1, 1, 1}), {2, 6}, {}), values);
  EXPECT_EQ(stemOf(network({2, 6}), {2, 6, 1, 1, 1}, {}), values);
  EXPECT_EQ(stemOf(network(), {2, 1, 3, 2}, {}), std::vector<float>());
  EXPECT_EQ(stemOf(network(), {2, 3, 2}, {}), std::vector<float>());
  EXPECT_EQ(stemOf(network({1, 6, 2, 1, 1}), {6, 2}, {}), values); // a learned tensor
  EXPECT_EQ(stemOf(network({1, 12, 1, 1, 1}), {12}, {}), values);
  EXPECT_EQ(stemOf(network({1, 6, 2, 1, 1}), {2, 6}, {}), std::vector<float>());
}

TEST(WeightMatch, Inflation) {
  const MatchOptions repeat{.inflation = Inflation::Repeat}, centre{.inflation = Inflation::Centre};
  EXPECT_EQ(stemOf(network({1, 1, 2, 1, 2}), {1, 1, 1, 2}, repeat), (std::vector<float>{.5, 1, .5, 1}));
  EXPECT_EQ(stemOf(network({1, 1, 3, 1, 2}), {1, 1, 1, 1, 2}, centre),
            (std::vector<float>{0, 0, 1, 2, 0, 0}));
  EXPECT_EQ(stemOf(network({1, 1, 2, 1, 2}), {1, 1, 1, 2}, {}), std::vector<float>());
  EXPECT_EQ(stemOf(network({1, 1, 3, 1, 2}), {1, 1, 2, 1, 2}, repeat), std::vector<float>()) << "2 to 3";
}

TEST(WeightMatch, OtherInputs) {
  const MatchOptions options{.crossModality = true};
  EXPECT_EQ(stemOf(network({2, 4, 1, 1, 1}), {2, 3, 1, 1}, options),
            (std::vector<float>{2, 2, 2, 2, 5, 5, 5, 5}));
  EXPECT_EQ(stemOf(network({1, 4, 1, 1, 2}), {1, 2, 1, 1, 2}, options),
            (std::vector<float>{2, 3, 2, 3, 2, 3, 2, 3}));
  EXPECT_EQ(stemOf(network({2, 4, 1, 1, 1}), {2, 3, 1, 1}, {}), std::vector<float>());
  EXPECT_EQ(stemOf(network({2, 5, 1, 1, 1}), {2, 3, 1, 1}, options), std::vector<float>())
      << "no input has five channels";
  MatchOptions both = options;
  both.inflation = Inflation::Repeat;
  EXPECT_EQ(stemOf(network({1, 4, 2, 1, 1}), {1, 2, 1, 1}, both), std::vector<float>(8, .75f));
}

TEST(WeightMatch, TheTableSaysWhatBecomesOfEachPart) {
  Manifest manifest = network({2, 4, 3, 1, 1});
  TensorFile file = fileOf({{"stem.weight", {2, 3, 1, 1}}, {"fc.weight", {7, 2}}, {"head.bias", {4}}});
  MatchOptions options{.crossModality = true, .inflation = Inflation::Centre};
  WeightMatch match = findWeights(manifest, file, {}, options);
  EXPECT_EQ(
      describe(match, "w"),
      "1 of 3 parameters are from w\n"
      "part  tensors      values  outcome\n"
      "stem        1          24  adapted: the mean of 3 channels for each of 4, inflated to 3 frames, of "
      "which the middle one has the weights\n"
      "stem        1           2  initialised: there is no stem.bn.weight\n"
      "fc          1          10  initialised: fc.weight is float32 [7, 2], net needs float32 [5, 2]\n"
      "fc          1          14  not used\n"
      "head        1           4  not used\n");
  EXPECT_EQ(listOf(match, "w"),
            "stem.weight adapted from stem.weight of w: the mean of 3 channels for each of 4, inflated to 3 "
            "frames, of which the middle one has the weights\n"
            "stem.bn.weight initialised: there is no stem.bn.weight\n"
            "fc.weight initialised: fc.weight is float32 [7, 2], net needs float32 [5, 2]\n"
            "fc.weight of w not used: it is float32 [7, 2]\n"
            "head.bias of w not used: it is float32 [4]\n");
  Naming naming = parseNaming("stem.weight -> a", "mine");
  EXPECT_EQ(findWeights(manifest, file, naming).parameters[1].why, "the naming mine has no name for it");
}

TEST(WeightMatch, ErrorsNameWhatHelps) {
  auto error = [](const Manifest &manifest, const TensorFile &file, const char *naming = "") {
    return errorOf([&] { matchWeights(manifest, file, "w", findNaming(naming)); });
  };
  EXPECT_EQ(error(network({2, 4, 1, 1, 1}), fileOf({{"stem.weight", {2, 3, 1, 1}}})),
            "w: tensor stem.weight is float32 [2, 3, 1, 1], net needs float32 [2, 4, 1, 1, 1]; "
            "--cross-modality makes the one of the other");
  EXPECT_EQ(error(network({2, 3, 3, 1, 1}), fileOf({{"stem.weight", {2, 3, 1, 1}}})),
            "w: tensor stem.weight is float32 [2, 3, 1, 1], net needs float32 [2, 3, 3, 1, 1]; `weights "
            "inflate` makes the one of the other");
  TensorFile pictures = fileOf({{"conv1.weight", {2, 3, 1, 2}}, {"bn1.weight", {2}}, {"fc.weight", {5, 2}}});
  EXPECT_EQ(
      error(network(), pictures),
      "w has no tensor stem.weight, which net needs; it has conv1.weight, as torchvision-2d calls it: say "
      "--names torchvision-2d");
  EXPECT_EQ(error(network(), pictures, "torchvision-2d"), "");
  TensorFile own = fileOf({{"stem.weight", {2, 3, 1, 1, 2}}, {"stem.bn.weight", {2}}, {"fc.weight", {5, 2}}});
  EXPECT_EQ(
      error(network(), own, "torchvision-2d"),
      "w has no tensor conv1.weight, which net needs; it has stem.weight, as kinema calls it: say --names "
      "kinema");
  Manifest other = network();
  TensorFile none = fileOf({{"x", {1}}});
  EXPECT_EQ(errorOf([&] { requireAny(findWeights(other, none, {}), other, none, "w", {}); }),
            "w has none of the parameters of net");
  std::erase_if(pictures.tensors, [](const FileTensor &tensor) { return tensor.name == "fc.weight"; });
  EXPECT_EQ(
      errorOf([&] { requireAny(findWeights(other, pictures, {}), other, pictures, "w", {}); }),
      "w has none of the parameters of net; it has conv1.weight, as torchvision-2d calls it: say --names "
      "torchvision-2d");
}

TEST(WeightMatch, Renaming) {
  Naming from = findNaming("torchvision-2d"), to = findNaming("mmaction2-2d");
  TensorFile pictures = fileOf({{"conv1.weight", {2, 3, 1, 2}}, {"bn1.weight", {2}}, {"fc.weight", {5, 2}}});
  pictures.metadata = {{classesKey, "[]"}, {"other", "x"}};
  for (const TensorFile &renamed :
       {renameWeights(network(), pictures, "w", from, to), renameWeights(pictures, "w", from, to)}) {
    ASSERT_EQ(renamed.tensors.size(), 3u);
    EXPECT_EQ(renamed.tensors[0].name, "backbone.conv1.conv.weight");
    EXPECT_EQ(renamed.tensors[0].shape, (Shape{2, 3, 1, 2}));
    EXPECT_EQ(renamed.tensors[0].bytes, pictures.tensors[0].bytes);
    EXPECT_EQ(renamed.tensors[2].name, "cls_head.fc_cls.weight");
    EXPECT_EQ(renamed.metadata, (std::map<std::string, std::string>{{classesKey, "[]"}}));
  }
  EXPECT_EQ(renameWeights(pictures, "w", from, {}).tensors[0].shape, (Shape{2, 3, 1, 1, 2}));
  EXPECT_EQ(renameWeights(network(), pictures, "w", from, {}).tensors[0].shape, (Shape{2, 3, 1, 1, 2}));

  EXPECT_EQ(
      errorOf([&] { renameWeights(fileOf({{"stem.0.weight", {1}}}), "w", findNaming("torchvision"), {}); }),
      "w: tensor stem.0.weight is stem.weight or stem.spatial.weight, according to the network: name its "
      "spec or package, too");
  EXPECT_EQ(errorOf([&] { renameWeights(fileOf({{"x", {1}}}), "w", from, {}); }),
            "w: tensor x has no name in the naming torchvision-2d");
  Naming one = parseNaming("{p} = stem.weight stem.bn.weight fc.weight\n{p} -> w", "mine");
  EXPECT_EQ(errorOf([&] { renameWeights(network(), pictures, "w", from, one); }),
            "w: stem.weight and stem.bn.weight would both be called w");
}
