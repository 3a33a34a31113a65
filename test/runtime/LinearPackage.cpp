#include "test/runtime/LinearPackage.h"

#include "runtime/Data/FFmpeg.h"
#include "runtime/Package/Package.h"
#include "runtime/Support/Files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

using nlohmann::json;

namespace kinema::test {
namespace {

json tensor(const char *name, std::vector<int64_t> shape, int64_t offset, const char *type = "f32") {
  int64_t bytes = 4;
  for (int64_t size : shape)
    bytes *= size;
  return {{"name", name},           {"type", type},     {"shape", shape},
          {"order", json::array()}, {"offset", offset}, {"bytes", bytes}};
}

json parameter(json described, const char *role, json init) {
  described["role"] = role;
  described["init"] = std::move(init);
  return described;
}

json launch(const char *kernel, std::vector<int64_t> args) {
  return {{"kernel", kernel}, {"args", args}, {"reads", 100}, {"writes", 50}, {"macs", 216}, {"layer", "fc"}};
}

json recipe() {
  return {{"data",
           {{"frames", 1},
            {"resize", {4, 6}},
            {"crop", {2, 3}},
            {"mean", {128, 128, 128}},
            {"std", {64, 64, 64}}}},
          {"train", {{"epochs", 3}, {"batch", 4}, {"warmup", 0}, {"rate", 0.1}, {"every", 0}}},
          {"eval", {{"clips", 2}, {"crop", {2, 3}}}}};
}

} // namespace

json linearManifest(bool train) {
  json logits = tensor("logits", {4, 3}, 1280);
  json weight = parameter(tensor("fc.weight", {3, 18}, 0), "weight", {{"kind", "normal"}, {"std", 0.01}});
  weight["order"] = {{1, 18, 1}, {0, 4, 1}};
  weight["bytes"] = 288;
  json bias = parameter(tensor("fc.bias", {3}, 320), "bias", {{"kind", "constant"}, {"value", 0.0}});
  json mean = parameter(tensor("in.bn.running_mean", {1}, 384), "running_mean",
                        {{"kind", "constant"}, {"value", 0.0}});
  json kernels, entries = {{"prepare", json::array()}, {"infer", {launch("forward", {896, 0, 320, 1280})}}};
  json outputs = {{"infer", {logits}}};
  auto addKernel = [&](const char *name, int64_t grid, std::vector<int64_t> buffers) {
    kernels[name] = {{"symbol", name},      {"grid", grid}, {"buffers", buffers}, {"scratch", 64},
                     {"schedule", "plain"}, {"op", name},   {"layers", {"fc"}}};
  };
  addKernel("forward", 4, {288, 288, 12, 48});
  addKernel("loss", 1, {48, 16, 4, 48, 288, 4});
  addKernel("backward", 3, {48, 288, 216, 12});
  addKernel("update", 3, {216, 12, 16, 288, 288, 12, 12});
  json manifest = {
      {"format", 5},
      {"name", "linear"},
      {"mode", train ? "train" : "infer"},
      {"kind", "cpu"},
      {"target", "x86-64-v3"},
      {"code", {"code/x86-64-v3.so"}},
      {"batch", 4},
      {"classes", 3},
      {"arena",
       {{"bytes", 1792},
        {"segments",
         {{"parameters", 0, 832}, {"inputs and outputs", 832, 576}, {"activations", 1408, 384}}}}},
      {"recipe", recipe()}};
  json input = tensor("rgb", {4, 3, 1, 2, 3}, 896);
  input["kind"] = "rgb";
  manifest["inputs"] = {input};
  if (train) {
    weight["states"] = {{"momentum", 448}};
    bias["states"] = {{"momentum", 768}};
    manifest["labels"] = tensor("labels", {4}, 1216, "i32");
    manifest["hyper"] = {
        {"offset", 832}, {"bytes", 16}, {"fields", {"rate", "momentum", "nesterov", "decay"}}};
    outputs["train_step"] = {tensor("loss", {}, 1344), logits, tensor("grad.fc.weight", {3, 18}, 1472),
                             tensor("grad.fc.bias", {3}, 1728)};
    entries["train_step"] = {
        launch("forward", {896, 0, 320, 1280}), launch("loss", {1280, 1216, 1344, 1408, 896, 384}),
        launch("backward", {1408, 896, 1472, 1728}), launch("update", {1472, 1728, 832, 0, 448, 320, 768})};
  }
  manifest["parameters"] = {weight, bias, mean};
  manifest["outputs"] = outputs;
  manifest["kernels"] = kernels;
  manifest["entries"] = entries;
  return manifest;
}

json twoInputManifest() {
  json manifest = linearManifest();
  json flow = tensor("flow", {4, 2, 1, 2, 3}, 1792);
  flow["kind"] = "flow";
  manifest["inputs"].push_back(flow);
  manifest["arena"]["bytes"] = 2048;
  return manifest;
}

std::string linearCode() { return readFile(KINEMA_LINEAR_MODEL); }

std::string writeLinearPackage(const std::string &path, const json &manifest) {
  PackageWriter writer;
  writer.add("manifest.json", manifest.dump(1));
  writer.add("code/x86-64-v3.so", linearCode());
  writer.add("spec.arch", "network linear classes=3 {\n  input rgb 3x1x2x3\n  fc 3\n}\n");
  writer.write(path);
  return path;
}

std::string writeVideos(const TemporaryFolder &folder, const std::string &list, int count) {
  std::string lines;
  for (int video = 0; video < count; ++video) {
    std::string name = list + std::to_string(video) + ".mp4";
    ffmpeg::H264Output output(folder / name, {.width = 24, .height = 16});
    std::vector<uint8_t> picture(24 * 16 * 3, 60);
    for (size_t i = video % 3; i < picture.size(); i += 3)
      picture[i] = 200;
    for (int frame = 0; frame < 4; ++frame)
      output.write(picture.data());
    output.finish();
    lines += name + " " + std::to_string(video % 3) + "\n";
  }
  folder.write(list, lines);
  return folder / list;
}

} // namespace kinema::test
