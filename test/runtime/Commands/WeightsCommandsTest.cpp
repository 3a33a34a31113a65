// Weights under other names.
#include "runtime/Package/Safetensors.h"
#include "test/runtime/Commands/CommandsFixture.h"

#include <filesystem>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

// Damaged or unsuitable files are refused before anything is written.
TEST_F(Commands, ConvertingAndInflatingWeights) {
  TensorFile pictures;
  for (auto &[name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"conv1.weight", {2, 3, 7, 7}}, {"bn1.num_batches_tracked", {}}, {"fc.bias", {3}}})
    pictures.tensors.emplace_back(name, ElementType::F32, shape);
  writeTensors(folder / "w", pictures);
  EXPECT_EQ(run("weights convert w own --from torchvision-2d --verbose"), 0) << errors;
  EXPECT_EQ(output, "stem.weight: float32 [2, 3, 1, 7, 7]\nfc.bias: float32 [3]\n"
                    "own: 2 of 3 tensors of w, called as in the spec\n");
  EXPECT_EQ(run("weights convert own other --to mmaction2-2d"), 0) << errors;
  EXPECT_EQ(readTensors(folder / "other").tensors[0].shape, (std::vector<int64_t>{2, 3, 7, 7}));
  EXPECT_EQ(run("weights inflate w inflated linear.kin --from torchvision-2d"), 0) << errors;
  EXPECT_NE(output.find("1 of 3 parameters are from w\n"), std::string::npos) << output;
  EXPECT_NE(output.find("inflated lacks the other parameters: train from it with --partial\n"),
            std::string::npos)
      << output;
  EXPECT_EQ(readTensors(folder / "inflated").tensors.size(), 1u);
  EXPECT_EQ(run("weights inflate w inflated linear.kin --from torchvision-2d --verbose"), 0) << errors;
  EXPECT_NE(output.find("fc.bias taken from fc.bias of w\n"), std::string::npos) << output;

  folder.write("cut", readFile(folder / "w").substr(0, 300));
  auto said = [&](const std::string &arguments, const std::string &message) {
    EXPECT_NE(run(arguments), 0);
    EXPECT_NE(errors.find(message), std::string::npos) << arguments << ": " << errors;
    EXPECT_FALSE(std::filesystem::exists(folder / "no"));
  };
  said("weights convert cut no --from torchvision-2d", "cut");
  said("weights convert w no", "--from and --to are the same");
  said("weights convert w no --from slowfast", "tensor conv1.weight has no name in the naming slowfast");
  said("weights convert w no linear.kin --from torchvision-2d", "w has no tensor");
  said("weights convert w none/no --from torchvision-2d", "none/no");
  said("weights inflate own no linear.kin --from slowfast", "own has none of the parameters of linear");
  said("weights inflate cut no linear.kin", "cut");
}

TEST_F(Commands, WeightsUnderOtherNamesSayWhichOption) {
  nlohmann::json manifest = linearManifest();
  manifest["parameters"][0]["name"] = "stem.weight";
  writeLinearPackage(folder / "stem.kin", manifest);
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out out.d --epochs 1"), 0) << errors;
  TensorFile weights = readTensors(folder / "out.d/last.safetensors");
  weights.metadata.clear();
  std::erase_if(weights.tensors, [](const FileTensor &t) { return t.name.starts_with("momentum."); });
  for (FileTensor &tensor : weights.tensors)
    if (tensor.name == "fc.weight")
      tensor.name = "stem.0.weight";
  writeTensors(folder / "w", weights);
  EXPECT_EQ(run("eval stem.kin --test train.txt --weights w"), 1);
  EXPECT_NE(errors.find(
                "w has no tensor stem.weight, which linear needs; it has stem.0.weight, as torchvision calls "
                "it: say --names torchvision"),
            std::string::npos)
      << errors;
}
