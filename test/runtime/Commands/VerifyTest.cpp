#include "runtime/Commands/Verify.h"

#include "runtime/Package/Package.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

namespace {

// A package whose only kernel in `infer` has a twin: another kernel of the same function, which leaves its
// scores behind the arena and reads the bias at `bias`.
json withTwin(int64_t bias = 320) {
  json manifest = linearManifest(false);
  manifest["arena"]["bytes"] = 2048;
  manifest["kernels"]["forward"]["depth"] = 18;
  manifest["kernels"]["forward"]["narrow"] = false;
  manifest["kernels"]["forward"]["results"] = {
      {{"type", "f32"}, {"shape", {4, 3}}, {"order", json::array()}, {"form", "whole"}}};
  manifest["kernels"]["twin"] = manifest["kernels"]["forward"];
  manifest["entries"]["infer"][0]["twins"] = {{{"kernel", "twin"}, {"args", {896, 0, bias, 1792}}}};
  return manifest;
}

struct Verified {
  TemporaryFolder folder;
  Program program;
  VerifyResult result;

  explicit Verified(const json &manifest, const VerifyOptions &options = {})
      : program(Package(writeLinearPackage(folder / "linear.kin", manifest))),
        result(verify(program, options)) {}
};

std::string errorOfManifest(const char *pointer, json value) {
  json manifest = withTwin();
  manifest[json::json_pointer(pointer)] = std::move(value);
  return errorOf([&] { parseManifest(manifest.dump(), "x.kin"); });
}

} // namespace

TEST(Verify, WhatComputesTheSameAgrees) {
  Verified verified(withTwin());
  EXPECT_TRUE(verified.result.findings.empty());
  EXPECT_EQ(verified.result.launches, 1);
  EXPECT_EQ(verified.result.compared, 1);
  EXPECT_EQ(verified.result.repeated, 0);
  EXPECT_TRUE(verified.result.watchesArena);
}

// The bias is zero at first; where the input lies there is another number, of class 1 too.
TEST(Verify, WhatDiffersIsNamed) {
  Verified verified(withTwin(896));
  ASSERT_EQ(verified.result.findings.size(), 1u);
  const Finding &finding = verified.result.findings.front();
  EXPECT_EQ(finding.kind, Finding::Kind::Differs);
  EXPECT_EQ(finding.entry, "infer");
  EXPECT_EQ(finding.number, 0);
  EXPECT_EQ(finding.coordinates, (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(finding.difference.different, 12);
  std::string text = describe(verified.program, verified.result);
  EXPECT_TRUE(text.starts_with("infer, launch 0 of 1: kernel forward (forward plain), layer ")) << text;
  EXPECT_NE(text.find("result 0 of 1, f32 [4, 3] differs at [0, 0]: "), std::string::npos) << text;
  EXPECT_NE(text.find("12 of 12 elements differ"), std::string::npos) << text;
  EXPECT_NE(text.find("; 1 of their results are wrong"), std::string::npos) << text;
  EXPECT_EQ(toJson(verified.program, verified.result)["findings"][0]["kind"], "differs");
}

// As if the scores were the kernel's operands and the bias its result.
TEST(Verify, WhatChangesOtherMemoryIsNamed) {
  json manifest = withTwin();
  for (const char *kernel : {"forward", "twin"})
    manifest["kernels"][kernel]["results"] = json::array();
  manifest["kernels"]["forward"]["results"] = manifest["kernels"]["twin"]["results"] = {
      {{"type", "f32"}, {"shape", {2, 3}}, {"order", json::array()}, {"form", "whole"}}};
  // A kernel whose last buffer is said to be half as large as what it writes.
  manifest["kernels"]["forward"]["buffers"][3] = manifest["kernels"]["twin"]["buffers"][3] = 24;
  Verified verified(manifest);
  ASSERT_EQ(verified.result.findings.size(), 1u);
  EXPECT_EQ(verified.result.findings.front().kind, Finding::Kind::Strays);
  EXPECT_EQ(verified.result.findings.front().offset / 4, (1280 + 24) / 4);
  EXPECT_NE(describe(verified.program, verified.result).find("bytes that are none of its results"),
            std::string::npos);
}

TEST(Verify, WhatIsItsOwnTwinMustLeaveTheSameBits) {
  json manifest = withTwin();
  manifest["entries"]["infer"][0]["twins"][0]["kernel"] = "forward";
  Verified same(manifest);
  EXPECT_TRUE(same.result.findings.empty());
  EXPECT_EQ(same.result.repeated, 1);
  manifest["entries"]["infer"][0]["twins"][0]["args"][2] = 896;
  Verified other(manifest);
  ASSERT_EQ(other.result.findings.size(), 1u);
  EXPECT_EQ(other.result.findings.front().kind, Finding::Kind::Repeats);
}

// The scores of the first clip are its twin's bias. Before the launch there would be zeros, as in the bias.
TEST(Verify, ATwinThatReadsWhatTheLaunchLeavesComesBehindIt) {
  Verified verified(withTwin(1280));
  ASSERT_EQ(verified.result.findings.size(), 1u);
  const Finding &finding = verified.result.findings.front();
  EXPECT_EQ(finding.kind, Finding::Kind::Differs);
  EXPECT_EQ(finding.coordinates, (std::vector<int64_t>{0, 0}));
  EXPECT_NE(finding.found, 0);
  EXPECT_FLOAT_EQ(finding.wanted, 2 * finding.found);
}

TEST(Verify, WhatCannotBe) {
  EXPECT_EQ(errorOf([] { Verified{linearManifest()}; }),
            "package linear has no twins to compare its launches with; compile it with --twins");
  EXPECT_EQ(errorOf([] { Verified(withTwin(), {{"train_step"}}); }),
            "package linear has no entry train_step");
}

TEST(Verify, ManifestsWithWrongTwinsAreRefused) {
  const std::string at = "x.kin: manifest.json";
  EXPECT_EQ(errorOfManifest("/kernels/twin/results/0/shape", {3, 4}),
            at + ".entries.infer[0].twins: the results are not those of kernel forward");
  EXPECT_EQ(errorOfManifest("/kernels/twin/results/0/shape", {4, 4}),
            at + ".kernels.twin.results[0]: the result takes another number of bytes than its buffer of 48");
  EXPECT_EQ(errorOfManifest("/kernels/twin/results/0/type", "f64"),
            at + ".kernels.twin.results[0].type: expected f32, bf16, f16 or i32, found f64");
  EXPECT_EQ(errorOfManifest("/kernels/twin/results/0/form", "halves"),
            at + ".kernels.twin.results[0].form: expected whole, sums or moments, found halves");
  EXPECT_EQ(errorOfManifest("/kernels/twin/results/0/form", "sums"),
            at + ".entries.infer[0].twins: the results are not those of kernel forward");
  EXPECT_EQ(errorOfManifest("/entries/infer/0/twins/0/kernel", "nobody"),
            at + ".entries.infer[0].twins[0]: there is no kernel nobody");
  EXPECT_EQ(errorOfManifest("/entries/infer/0/twins/0/args/3", 2048),
            at + ".entries.infer[0].twins[0].args[3]: 48 bytes at 2048 reach beyond the arena of 2048");
}
