// What lives in an arena, by the launches of a module that was written by hand.
#include "compiler/Inspect/Lives.h"
#include "compiler/Pipelines/Register.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::inspect;

namespace {

/// Two launches double a value, and the second one's result lies where the first one's lay before.
constexpr const char *text = R"(
module attributes {kernel.target = #kernel.target<cpu "x86-64-v3">} {
  kernel.arena 256 activations 128 separate 192 {
    kernel.buffer input @rgb kind "rgb" at 0 : tensor<1x1x1x1x1xf32>
    kernel.segment "inputs and outputs" at 0 bytes 128
    kernel.segment activations at 128 bytes 128
  }
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%x: tensor<1x1x1x1x1xf32>):
    %y = kernel.map (pixel %x) : (tensor<1x1x1x1x1xf32>) {
    ^bb0(%a: f32):
      %b = arith.addf %a, %a : f32
      kernel.yield store %b
    } {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>} -> tensor<1x1x1x1x1xf32>
    kernel.return %y : tensor<1x1x1x1x1xf32>
  }
  kernel.entry @infer {
    kernel.launch @k0 [0, 128] {layer = "a", macs = 0 : i64, reads = 4 : i64, writes = 4 : i64}
    kernel.launch @k0 [128, 192] {layer = "a", macs = 0 : i64, reads = 4 : i64, writes = 4 : i64}
    kernel.launch @k0 [192, 128] {layer = "a", macs = 0 : i64, reads = 4 : i64, writes = 4 : i64}
    kernel.launch @k0 [128, 64] {layer = "a", macs = 0 : i64, reads = 4 : i64, writes = 4 : i64}
    kernel.output "logits" at 64 : tensor<1x1x1x1x1xf32>
  }
}
)";

TEST(Lives, OfAnEntry) {
  mlir::DialectRegistry registry;
  registerAllKinema(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  mlir::SymbolTable symbols(*module);
  EntryLives lives =
      livesOf(symbols.lookup<kernel::EntryOp>("infer"), *kernel::ArenaOp::of(*module), symbols);

  ASSERT_EQ(lives.lives.size(), 4u);
  const int64_t offsets[] = {128, 192, 128, 64};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lives.lives[i].maker, i);
    EXPECT_EQ(lives.lives[i].offset, offsets[i]);
    EXPECT_EQ(lives.lives[i].bytes, 4);
    EXPECT_EQ(lives.lives[i].type, "1x1x1x1x1xf32");
    EXPECT_EQ(lives.lives[i].readers, i < 3 ? std::vector<size_t>{i + 1} : std::vector<size_t>());
    EXPECT_EQ(lives.lives[i].last(4), i + 1);
  }
  EXPECT_EQ(lives.lives[3].output, "logits");
  EXPECT_EQ(lives.live, (std::vector<int64_t>{4, 8, 8, 8}));
  ASSERT_EQ(lives.buffers.size(), 1u);
  EXPECT_EQ(lives.buffers[0].name, "rgb");
  EXPECT_EQ(lives.buffers[0].readers, std::vector<size_t>{0});
  EXPECT_TRUE(lives.buffers[0].writers.empty());
}

} // namespace
