// Packages are made from phase `target`: what is changed there by hand is what runs.
#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Compile.h"
#include "compiler/Pipelines/Register.h"
#include "runtime/Program/Program.h"
#include "test/TemporaryFolder.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace kinema;

namespace {

/// The mean over 32 positions, and of that scores without a bias to speak of: before training it is zero.
constexpr char spec[] = "network net classes=3 {\n"
                        "  input rgb [3 2 4 4]\n"
                        "  pool avg global -> fc classes\n"
                        "}\n";

class TargetPhase : public ::testing::TestWithParam<const char *> {
protected:
  CompileOptions options() {
    CompileOptions options;
    options.target = targetNamed(GetParam());
    options.train = false;
    options.targetOptions.emulator = EmulatorCode::Alone;
    return options;
  }

  /// The network in phase target, as text.
  std::string text() {
    std::string path = folder.write("net.arch", spec);
    FrontendOptions frontend;
    frontend.batch = 1;
    Compilation compilation(options(), frontend, /*threads=*/1, llvm::errs());
    EXPECT_EQ(compilation.fromSpec(path, Phase::Target), Outcome::Done);
    return printed(compilation.module());
  }

  test::TemporaryFolder folder;

  /// Returns what a module in phase target computes.
  std::vector<float> scores(const std::string &text) {
    std::string path = folder.write("net.mlir", text), packed = folder / "net.kinema";
    Compilation compilation(options(), {}, /*threads=*/1, llvm::errs());
    PackageWriter writer;
    if (compilation.fromModule(path, Phase::Target, Phase::Target) != Outcome::Done ||
        compilation.addTo(writer) != Outcome::Done)
      return {};
    writer.write(packed);
    std::string device = options().target->kind == kernel::TargetKind::CPU ? "cpu" : "emulator";
    Program program(Package(packed), {1, false, device});
    program.initialise(7);
    const Manifest &manifest = program.manifest();
    std::vector<float> clip(manifest.input().elements());
    for (size_t i = 0; i < clip.size(); ++i)
      clip[i] = float(i % 7) + 1;
    program.set(manifest.input(), clip);
    program.run("prepare");
    program.run("infer");
    return program.get(manifest.output("infer", "logits"));
  }
};

/// `text`, with each `from` in its nested modules replaced.
std::string edited(const std::string &text, llvm::StringRef from, llvm::StringRef to) {
  size_t begin = std::min(text.find("  module "), text.find("  gpu.module "));
  EXPECT_NE(begin, std::string::npos);
  std::string changed = text;
  int edits = 0;
  for (size_t at = changed.find(from, begin); at != std::string::npos;
       at = changed.find(from, at + to.size())) {
    changed.replace(at, from.size(), to);
    ++edits;
  }
  EXPECT_GT(edits, 0) << "nothing to edit in\n" << text;
  return changed;
}

TEST_P(TargetPhase, WhatIsEditedByHandRuns) {
  std::string whole = text();
  std::vector<float> right = scores(whole), half = scores(edited(whole, "3.125000e-02", "1.562500e-02"));
  ASSERT_EQ(right.size(), 3u);
  ASSERT_EQ(half.size(), 3u);
  for (size_t i = 0; i < right.size(); ++i) {
    EXPECT_NE(right[i], 0);
    EXPECT_EQ(half[i], right[i] / 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, TargetPhase, ::testing::Values("x86-64-v3", "sm_89", "sm_90a"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
