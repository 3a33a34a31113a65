#include "runtime/Package/Manifest.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

namespace {

// The error of a manifest in which one value, at a JSON pointer, is replaced (null: removed).
std::string changed(const char *pointer, json value) {
  json manifest = linearManifest();
  if (value.is_null()) {
    json::json_pointer at(pointer);
    manifest.at(at.parent_pointer()).erase(at.back());
  } else {
    manifest[json::json_pointer(pointer)] = std::move(value);
  }
  return errorOf([&] { parseManifest(manifest.dump(), "x.kin"); });
}

} // namespace

TEST(Manifest, Reads) {
  Manifest manifest = parseManifest(linearManifest().dump(), "x.kin");
  EXPECT_EQ(manifest.name, "linear");
  EXPECT_TRUE(manifest.train);
  EXPECT_EQ(manifest.input().shape, (std::vector<int64_t>{4, 3, 1, 2, 3}));
  EXPECT_EQ(manifest.input().kind, "rgb");
  EXPECT_EQ(manifest.parameters.size(), 3u);
  const Parameter *weight = manifest.findParameter("fc.weight");
  ASSERT_TRUE(weight);
  EXPECT_EQ(weight->order, (Order{{1, 18, 1}, {0, 4, 1}}));
  ASSERT_EQ(weight->stateTensors().size(), 1u);
  EXPECT_EQ(weight->stateTensors()[0].name, "momentum.fc.weight");
  EXPECT_EQ(weight->stateTensors()[0].offset, 448);
  EXPECT_EQ(manifest.entries.at("train_step").size(), 4u);
  EXPECT_EQ(manifest.output("train_step", "loss").offset, 1344);
  EXPECT_EQ(manifest.recipe.train.rate, 0.1);
}

TEST(Manifest, InferencePackageNeedsNoTraining) {
  Manifest manifest = parseManifest(linearManifest(false).dump(), "x.kin");
  EXPECT_FALSE(manifest.train);
  EXPECT_FALSE(manifest.labels || manifest.hyper);
}

TEST(Manifest, TheRecipeTakesSizesFromTheInput) {
  json document = linearManifest();
  document["recipe"]["data"]["frames"] = 0;
  document["recipe"]["data"]["crop"] = {0, 0};
  document["recipe"]["eval"]["crop"] = {0, 0};
  Recipe recipe = parseManifest(document.dump(), "x.kin").recipe;
  EXPECT_EQ(recipe.data.frames, 1);
  EXPECT_EQ(recipe.data.crop, (std::array<int64_t, 2>{2, 3}));
  EXPECT_EQ(recipe.eval.crop, (std::array<int64_t, 2>{2, 3}));
}

TEST(Manifest, AClipSpansAllInputs) {
  json document = twoInputManifest();
  document["inputs"][1]["every"] = 8;
  document["recipe"]["data"]["frames"] = 0;
  Manifest manifest = parseManifest(document.dump(), "x.kin");
  EXPECT_EQ(manifest.inputs[0].every, 1);
  EXPECT_EQ(manifest.inputs[1].every, 8);
  EXPECT_EQ(manifest.recipe.data.frames, 1);
  document["inputs"][1]["kind"] = "gray";
  document["inputs"][1]["shape"] = {4, 1, 2, 2, 3};
  EXPECT_EQ(parseManifest(document.dump(), "x.kin").recipe.data.frames, 9);
  EXPECT_EQ(changed("/inputs/0/every", 0),
            "x.kin: manifest.json.inputs[0].every: expected an integer between 1 and 65536, found 0");
}

TEST(Manifest, CountersLieApart) {
  auto counters = [](int64_t offset, int64_t bytes) {
    return changed("/counters", {{"offset", offset}, {"bytes", bytes}});
  };
  EXPECT_EQ(counters(1408, 48), "");
  EXPECT_EQ(counters(1408, 46),
            "x.kin: manifest.json.counters.bytes: 46 bytes are no whole number of counters");
  EXPECT_EQ(counters(1400, 48), "x.kin: manifest.json.counters.offset: 1400 is no multiple of 64");
  EXPECT_EQ(counters(1792, 48),
            "x.kin: manifest.json.counters.offset: 48 bytes at 1792 reach beyond the arena of 1792");
  EXPECT_EQ(counters(0, 48), "x.kin: manifest.json.counters: fc.weight lies where the counters do");
  EXPECT_EQ(
      counters(1408, 16),
      "x.kin: manifest.json.entries.train_step[1].args[3]: 48 bytes at 1408 lie partly where the 16 bytes "
      "of counters at 1408 do");
}

TEST(Manifest, FaultsAreNamedWithTheirPlace) {
  const std::string at = "x.kin: manifest.json";
  EXPECT_EQ(errorOf([] { parseManifest("{", "x.kin"); }), at + " is not valid JSON");
  EXPECT_EQ(errorOf([] { parseManifest("[]", "x.kin"); }), at + ": expected an object, found array");
  EXPECT_EQ(changed("/format", 1),
            at + ".format: this runtime reads formats 5 and 6, the package has format 1");
  EXPECT_EQ(changed("/code", "code/x.so"), at + ".code: expected a list, found \"code/x.so\"");
  EXPECT_EQ(changed("/code", json::array()), at + ".code: there is no code");
  EXPECT_EQ(changed("/mode", "test"), at + ".mode: expected train or infer, found test");
  EXPECT_EQ(changed("/batch", 0), at + ".batch: expected an integer between 1 and 2147483647, found 0");
  EXPECT_EQ(changed("/batch", "four"), at + ".batch: expected an integer, found \"four\"");
  EXPECT_EQ(changed("/kind", "gpu"), at + ".kind: expected cpu or cuda, found gpu");
  EXPECT_EQ(changed("/hyper", nullptr), at + ": 'hyper' is missing");
  EXPECT_EQ(changed("/labels/type", "f32"), at + ".labels: expected i32 [4], found float32 [4]");
  EXPECT_EQ(changed("/labels", nullptr), at + ": 'labels' is missing");
  json targets = linearManifest()["outputs"]["infer"][0];
  EXPECT_EQ(changed("/targets", targets), at + ": a step has labels, or targets and shares");
  EXPECT_EQ(changed("/shares", targets), at + ".shares: expected f32 [4], found float32 [4, 3]");
  EXPECT_EQ(changed("/inputs", json::array()), at + ": there is no input");
  EXPECT_EQ(changed("/inputs/0/shape/0", 2),
            at + ".inputs[0]: tensor rgb has 288 bytes, its order takes 144");
  EXPECT_EQ(changed("/hyper/fields/0", "speed"),
            at + ".hyper.fields[0]: expected one of rate, momentum, nesterov, decay, seed, step, mean_gain, "
                 "square_gain, mean_scale, square_scale, epsilon, trust, keep, share, apply, average_gain, "
                 "loss_scale, "
                 "found speed");
  EXPECT_EQ(changed("/name", 5), at + ".name: expected a string, found 5");
  EXPECT_EQ(changed("/parameters/0/init/std", "x"),
            at + ".parameters[0].init.std: expected a number, found \"x\"");
  EXPECT_EQ(changed("/labels/type", "i64"), at + ".labels.type: expected f32 or i32, found i64");
  EXPECT_EQ(changed("/parameters/0/type", "i32"),
            at + ".parameters[0]: parameter fc.weight is int32, not f32");
  EXPECT_EQ(changed("/parameters/0/init", {{"kind", "he_normal"}, {"fan", "up"}}),
            at + ".parameters[0].init.fan: expected out or in, found up");
  EXPECT_EQ(changed("/parameters/0/init/kind", "zeros"),
            at + ".parameters[0].init: expected he_normal, normal, constant, identity, later or earlier, "
                 "found zeros");
  EXPECT_EQ(changed("/kernels/loss/symbol", ""), at + ".kernels.loss.symbol: expected a symbol");
  auto map = [&](json sizes, json box, json steps) {
    json maps = {{{"buffer", 0}, {"sizes", sizes}, {"box", box}, {"steps", steps}}};
    return changed("/kernels/loss/maps", maps);
  };
  const std::string ofMap = at + ".kernels.loss.maps[0]";
  EXPECT_EQ(map({2, 2}, {1}, {1, 1}),
            ofMap + ": expected 1 to 5 sizes, as many of a box, and as many steps, found 2, 1 and 2");
  EXPECT_EQ(map({2, 2}, {257, 2}, {1, 1}),
            ofMap + ".box[0]: expected an integer between 1 and 256, found 257");
  EXPECT_EQ(map({1000, 2}, {1, 2}, {1, 1}), ofMap + ": the map reaches beyond the 48 bytes of its buffer");
  EXPECT_EQ(map({1 << 30, 1 << 30, 1, 1, 2}, {1, 1, 1, 1, 2}, {1, 1, 1, 1, 1}),
            ofMap + ": the map reaches beyond the 48 bytes of its buffer");
  EXPECT_EQ(
      map({2, 3}, {1, 2}, {1, 1}),
      ofMap + ": expected rows of an even number of words, also in a box, and steps of 1, found 3, 2 and 1");
  EXPECT_EQ(changed("/waits_for_launches", 1), at + ".waits_for_launches: expected true or false");
  json kernel = linearManifest()["kernels"]["loss"];
  kernel.update({{"results", json::array()}, {"depth", 1}, {"narrow", 5}});
  EXPECT_EQ(changed("/kernels/loss", kernel), at + ".kernels.loss.narrow: expected true or false");
  EXPECT_EQ(changed("/arena/segments/0", {"parameters", 0}),
            at + ".arena.segments[0]: expected [name, offset, bytes], found 2 items");
  EXPECT_EQ(changed("/inputs/0/type", "i32"),
            at + ".inputs[0]: expected f32 [4, C, T, H, W], found int32 [4, 3, 1, 2, 3]");
  EXPECT_EQ(changed("/recipe/train/rate", "x"), at + ".recipe: train.rate must be a number, found \"x\"");
}

TEST(Manifest, TensorsMustLieInTheArena) {
  const std::string at = "x.kin: manifest.json.parameters[0]";
  EXPECT_EQ(changed("/parameters/0/offset", 1600),
            at + ".offset: 288 bytes at 1600 reach beyond the arena of 1792");
  EXPECT_EQ(changed("/parameters/0/offset", 12), at + ".offset: 12 is no multiple of 64");
  EXPECT_EQ(changed("/parameters/0/offset", -64),
            at + ".offset: expected an integer between 0 and 1792, found -64");
  EXPECT_EQ(changed("/parameters/0/states/momentum", 1728),
            at + ".states.momentum: 288 bytes at 1728 reach beyond the arena of 1792");
  EXPECT_EQ(changed("/parameters/0/states", {{"speed", 448}}),
            at + ".states: expected some of momentum, mean, square, gradient, average, found speed");
  EXPECT_EQ(changed("/parameters/0/bytes", 216),
            at + ": tensor fc.weight has 216 bytes, its order takes 288");
  EXPECT_EQ(changed("/parameters/0/order", {{1, 18, 1}}),
            at + ": tensor fc.weight: the order visits 1 of 3 coordinates of axis 0");
  EXPECT_EQ(changed("/parameters/0/order/0", {1, 18}),
            at + ".order[0]: expected [axis, size, step], found 2 numbers");
  EXPECT_EQ(changed("/parameters/0/shape", {2147483647, 2147483647, 2147483647, 2147483647}),
            at + ": tensor fc.weight: the order visits 4 of 2147483647 coordinates of axis 0");
  EXPECT_EQ(changed("/parameters/0/file_shape", {3, 17}),
            at + ": tensor fc.weight has shape [3, 18] but [3, 17] in files");
  EXPECT_EQ(changed("/parameters/1/name", "fc.weight"),
            "x.kin: manifest.json.parameters[1]: parameter fc.weight occurs twice");
  EXPECT_EQ(changed("/parameters/0/role", "kernel"),
            at + ".role: expected weight, bias, gamma, beta, running_mean or running_var, found kernel");
  EXPECT_EQ(
      changed("/parameters/1/init", {{"kind", "he_normal"}}),
      "x.kin: manifest.json.parameters[1].init: he_normal needs a weight with output and input channels");
  EXPECT_EQ(changed("/arena/bytes", 1000000000000000),
            "x.kin: manifest.json.arena.bytes: expected an integer between 0 and 70368744177664, found "
            "1000000000000000");
}

TEST(Manifest, LaunchesMustResolve) {
  const std::string at = "x.kin: manifest.json";
  EXPECT_EQ(changed("/entries/infer/0/kernel", "k17"), at + ".entries.infer[0]: there is no kernel k17");
  EXPECT_EQ(changed("/entries/infer/0/args/1", 4096),
            at + ".entries.infer[0].args[1]: expected an integer between 0 and 1792, found 4096");
  EXPECT_EQ(changed("/entries/infer/0/args/1", 1600),
            at + ".entries.infer[0].args[1]: 288 bytes at 1600 reach beyond the arena of 1792");
  EXPECT_EQ(changed("/entries/infer/0/args", {0, 64}),
            at + ".entries.infer[0]: kernel forward takes 4 arguments, found 2");
  EXPECT_EQ(changed("/entries/infer/0/kernel", "loss"),
            at + ".entries.infer[0]: kernel loss takes 6 arguments, found 4");
  EXPECT_EQ(changed("/kernels/loss/grid", -1),
            at + ".kernels.loss.grid: expected an integer between 0 and 2147483647, found -1");
  EXPECT_EQ(changed("/entries/train_step", nullptr), at + ": there is no entry train_step");
  EXPECT_EQ(changed("/entries/update", nlohmann::json::array()),
            at + ": there is an entry update, but parameter fc.weight has no state gradient");
  EXPECT_EQ(changed("/outputs/train_step/0/name", "cost"), at + ": entry train_step has no output loss");
  EXPECT_EQ(
      changed("/outputs/train_step/0/layer", "stem"),
      at + ".outputs.train_step[0]: features of layer 'stem' should be float32 [4, C], found float32 []");
  EXPECT_EQ(changed("/classes", 5),
            at + ": output logits of entry infer should be float32 [4, 5], found float32 [4, 3]");
  EXPECT_EQ(changed("/kernels/loss/scratch", 1e20),
            at + ".kernels.loss.scratch: expected an integer, found 1e+20");
}

// No value in the manifest, whatever is put there, brings the reader down.
TEST(Manifest, NothingCrashes) {
  json flat = linearManifest().flatten();
  for (const auto &[pointer, old] : flat.items())
    for (const json &value : {json(-1), json(9223372036854775807), json(1e300), json("x"), json::array(),
                              json::object(), json(true)}) {
      json manifest = linearManifest();
      manifest[json::json_pointer(pointer)] = value;
      errorOf([&] { parseManifest(manifest.dump(), "x.kin"); });
    }
}

TEST(Manifest, SumsOverRanksLieBetweenLaunches) {
  json document = linearManifest();
  document["format"] = 6;
  document["entries"]["update"] = json::array();
  for (json &parameter : document["parameters"])
    if (parameter.contains("states"))
      parameter["states"]["gradient"] = parameter["states"]["momentum"];
  const json tensor = document["parameters"][1];
  auto sum = [&](int64_t behind) {
    return json{{"behind", behind}, {"weighted", behind == 1}, {"tensors", {tensor}}};
  };
  document["rank_sums"]["train_step"] = {sum(1), sum(1), sum(4)};
  const std::vector<RankSum> sums = parseManifest(document.dump(), "x.kin").rankSums.at("train_step");
  ASSERT_EQ(sums.size(), 3u);
  EXPECT_TRUE(sums[0].weighted);
  EXPECT_EQ(sums[2].behind, 4);
  EXPECT_EQ(sums[2].tensors.at(0).name, "fc.bias");
  auto fault = [&](const char *pointer, json value) {
    json edited = document;
    edited[json::json_pointer(pointer)] = std::move(value);
    return errorOf([&] { parseManifest(edited.dump(), "x.kin"); });
  };
  const std::string at = "x.kin: manifest.json.rank_sums", first = at + ".train_step[0]";
  EXPECT_EQ(fault("/rank_sums/train_step/0/behind", 0),
            first + ".behind: expected an integer between 1 and 4, found 0");
  EXPECT_EQ(fault("/rank_sums/train_step/2/behind", 5),
            at + ".train_step[2].behind: expected an integer between 1 and 4, found 5");
  EXPECT_EQ(fault("/rank_sums/train_step/0/behind", 2), at + ".train_step[1].behind: 1 comes after 2");
  EXPECT_EQ(fault("/rank_sums/train_step/0/weighted", 1), first + ".weighted: expected true or false");
  EXPECT_EQ(fault("/rank_sums/train_step/0/tensors", json::array()),
            first + ".tensors: there is nothing to add up");
  EXPECT_EQ(fault("/rank_sums/train_step/0/tensors/0/type", "i32"),
            first + ".tensors[0]: ranks add up f32, found int32");
  EXPECT_EQ(fault("/rank_sums/train_step/0/tensors", {tensor, tensor}),
            fmt::format("{}.tensors[1]: it lies where another one does, at {}", first,
                        tensor["offset"].get<int64_t>()));
  const std::string nowhere = "ranks add up in the entry train_step of a package that has an entry update";
  EXPECT_EQ(fault("/rank_sums/infer", {sum(1)}), at + ".infer: " + nowhere);
  EXPECT_EQ(fault("/rank_sums/step", {sum(1)}), at + ".step: " + nowhere);
  EXPECT_EQ(fault("/format", 5),
            "x.kin: manifest.json.format: packages with rank_sums have format 6, and no others have");
  document["entries"].erase("update");
  EXPECT_EQ(errorOf([&] { parseManifest(document.dump(), "x.kin"); }), at + ".train_step: " + nowhere);
}
