// What a network becomes in ONNX, as far as specs do not lead there: parity-onnx runs exported specs.
#include "compiler/Export/OnnxModel.h"
#include "test/compiler/ClipTesting.h"
#include "test/compiler/Export/OnnxText.h"

#include "mlir/IR/Diagnostics.h"

using namespace kinema;
using namespace kinema::testing;

namespace {

/// Returns a network of these operations, which make %y of %x.
std::string network(const std::string &operations) {
  return R"(
module attributes {clip.layers = [{kind = "act", name = "last"}],
                   clip.network = {batch = 2 : i64, classes = 3 : i64, inputs = [], name = "net"}} {
  clip.param @scale : tensor<3xf32> {role = "gamma"}
  clip.param @unused : tensor<5xf32> {role = "bias"}
  func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x3x1x1x1xf32> {clip.name = "logits"}) {
    %scale = clip.read @scale : tensor<3xf32>
)" + operations +
         R"(
    return %y : tensor<2x3x1x1x1xf32>
  }
})";
}

std::string types(const std::string &operations) {
  auto model = OnnxModel::of(*parse(network(operations)));
  EXPECT_TRUE(mlir::succeeded(model));
  return typesOf(*model);
}

TEST(OnnxModel, SaysPointwiseOperationsByTheirFormulas) {
  const std::string of = " : (tensor<2x3x1x1x1xf32>", to = ") -> tensor<2x3x1x1x1xf32>",
                    also = ", tensor<2x3x1x1x1xf32>";
  EXPECT_EQ(types("%y = clip.log %x" + of + to), "Max Log Flatten");
  EXPECT_EQ(types("%y = clip.log_grad %x, %x" + of + also + to), "Max Div Flatten");
  EXPECT_EQ(types("%y = clip.relu_grad %x, %x" + of + also + to), "Greater Where Flatten");
  EXPECT_EQ(types("%y = clip.affine %x, %scale, %scale" + of + ", tensor<3xf32>, tensor<3xf32>" + to),
            "Reshape Mul Add Flatten");
}

TEST(OnnxModel, LeavesOutWhatInferenceDoesNotNeed) {
  EXPECT_EQ(types(R"(%z = clip.sigmoid %x : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
                     %y = clip.dropout %x {rate = 0.5, stream = 0} : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>)"),
            "Flatten");
}

TEST(OnnxModel, RefusesWhatHasNoCounterpart) {
  std::string message;
  mlir::ScopedDiagnosticHandler listening(&context(),
                                          [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  auto module =
      parse(network(R"(%z = clip.pad_channels %x [0, 6] : (tensor<2x3x1x1x1xf32>) -> tensor<2x6x1x1x1xf32>
                                 %y = clip.slice %z [0, 3] : (tensor<2x6x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>)"));
  EXPECT_TRUE(mlir::failed(OnnxModel::of(*module)));
  EXPECT_EQ(message, "ONNX has no counterpart of clip.pad_channels");
}

TEST(OnnxModel, KnowsItsSizeBeforeItHasWeights) {
  auto model = OnnxModel::of(*parse(network("%y = clip.affine %x, %scale, %scale : (tensor<2x3x1x1x1xf32>, "
                                            "tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x1x1x1xf32>")));
  uint64_t before = model->bytes(), empty = bytesOf(*model).size();
  model->setWeight("scale", {1, 2, 3});
  model->setWeight("unused", {1, 2, 3, 4, 5});
  uint64_t full = bytesOf(*model).size();
  EXPECT_EQ(full, empty + 3 * sizeof(float) + 2);
  EXPECT_GE(before, full);
  EXPECT_LT(before, full + 20);
}

TEST(OnnxModel, PassesOnWhatTheSinkThrows) {
  auto model =
      OnnxModel::of(*parse(network("%y = clip.relu %x : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>")));
  EXPECT_THROW(model->write([](const void *, size_t) { throw std::runtime_error("full"); }),
               std::runtime_error);
}

} // namespace
