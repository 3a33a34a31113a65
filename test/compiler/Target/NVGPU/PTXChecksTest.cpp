// What is found in short pieces of PTX.
#include "test/compiler/Target/NVGPU/PTXChecks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kinema::testing;
using ::testing::HasSubstr;

namespace {

const std::string product =
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %rd7, %rd9, "
    "%p1, 1, 1, 0, 0;\n";

} // namespace

TEST(PTXChecks, SumsOfBothWordsOfADescriptorAreFound) {
  EXPECT_THAT(faultOfPTX("\tadd.s64 \t%rd7, %rd1, 4294967298;\n" + product), HasSubstr("both words"));
  EXPECT_THAT(faultOfPTX("\tadd.s64 \t%rd3, %rd1, 4294967298;\n\tand.b64 \t%rd4, %rd3, %rd2;\n"
                         "\tmov.b64 \t%rd9, %rd4;\n" +
                         product),
              HasSubstr("%rd3, %rd1, 4294967298"));
}

TEST(PTXChecks, SumsOfOneWordAndOtherSumsAreNot) {
  EXPECT_EQ(faultOfPTX("\tadd.s64 \t%rd7, %rd1, 128;\n" + product), "");
  EXPECT_EQ(faultOfPTX("\tadd.s64 \t%rd3, %rd1, 4294967298;\n" + product), "");
  // The place of an element, of which a descriptor has some bits elsewhere.
  EXPECT_EQ(faultOfPTX("\tadd.s64 \t%rd3, %rd1, 4294967296;\n\tshr.s64 \t%rd7, %rd3, 32;\n" + product), "");
}

TEST(PTXChecks, ProductsWhoseDescriptorsAreNotKnownAreFound) {
  EXPECT_THAT(faultOfPTX("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1}, %l7, %l9, %p1;\n"),
              HasSubstr("without a descriptor"));
}

TEST(PTXChecks, EarlyReadsOfTensorMemoryAreFound) {
  const std::string load = "tcgen05.ld.sync.aligned.32x32b.x2.b32 {%r1, %r2}, [%r3];\n",
                    read = "add.s32 %r4, %r2, 1;\n", wait = "tcgen05.wait::ld.sync.aligned;\n";
  EXPECT_THAT(faultOfPTX(load + read + wait), HasSubstr("add.s32 %r4, %r2, 1;"));
  EXPECT_EQ(faultOfPTX(load + wait + read), "");
}
