// The counts of loops, on short pieces of machine code.
#include "test/compiler/Target/NVGPU/Sass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace kinema::testing;

namespace {

/// One kernel whose code is a loop around these instructions, as nvdisasm prints it.
KernelCounts countsOf(const std::vector<std::string> &body, const std::string &behind = "") {
  std::string text =
      "\t.section\t.text.k,\"ax\",@progbits\n.text.k:\n        /*0000*/  MOV R1, c[0x0][0x28] ;\n"
      ".L_x_0:\n";
  for (const std::string &instruction : body)
    text += "        /*0010*/                   " + instruction +
            " ;\n                 /* 0x000fe200078e00ff */\n";
  text += "        /*0020*/              @!P0 BRA `(.L_x_0) ;\n" + behind;
  auto counts = readSass(text);
  EXPECT_EQ(counts.size(), 1u);
  return counts["k"];
}

int64_t waitsOf(const std::vector<std::string> &body) {
  KernelCounts counts = countsOf(body);
  EXPECT_EQ(counts.staging.size(), 1u);
  return counts.staging.empty() ? -1 : counts.staging.front().waits;
}

TEST(Sass, LoadsUnderWayTogetherAreOneWait) {
  EXPECT_EQ(waitsOf({"LDG.E.128 R4, desc[UR10][R32.64]", "LDG.E.128 R8, desc[UR10][R32.64+0x600]",
                     "FFMA R4, R4, R20, R21", "FFMA R8, R8, R20, R21", "STS.128 [R40+UR4+0x80], R4",
                     "STS.128 [R41+UR4+0x80], R8"}),
            1);
}

TEST(Sass, ALoadBehindTheUseOfAnotherIsAWaitOfItsOwn) {
  EXPECT_EQ(waitsOf({"LDG.E.128 R4, desc[UR10][R32.64]", "FFMA R5, R5, R20, R21", "STS.128 [R40+0x80], R4",
                     "@P5 LDG.E.128 R8, desc[UR10][R32.64+0x600]", "IMAD.U32 R75, R11, 0x10000, RZ",
                     "STS.128 [R41+0x80], R8"}),
            2);
}

TEST(Sass, WhatComesFromSharedMemoryWaitsForNoGlobalOne) {
  EXPECT_EQ(waitsOf({"LDS.128 R4, [R32+0x7500]", "FFMA R5, R5, R20, R21", "STS.128 [R40+0x80], R4"}), 0);
}

TEST(Sass, AStoreReadsAllOfItsRegisters) {
  EXPECT_EQ(waitsOf({"LDG.E R7, desc[UR10][R32.64]", "STS.128 [R40], R4", "LDG.E R7, desc[UR10][R32.64]"}),
            1);
}

TEST(Sass, ALoadForTheNextPassIsWaitedForThere) {
  EXPECT_EQ(waitsOf({"STS.128 [R40], R4", "LDG.E.128 R4, desc[UR10][R32.64]"}), 1);
}

TEST(Sass, AddressesAreReadToo) {
  EXPECT_EQ(
      waitsOf({"LDG.E.64 R2, desc[UR10][R32.64]", "LDG.E.128 R4, desc[UR10][R2.64]", "STS.128 [R40], R4"}),
      2);
}

TEST(Sass, AFenceWaitsForWhatIsUnderWay) {
  EXPECT_EQ(waitsOf({"STS.128 [R40], R12", "LDG.E.128 R4, desc[UR10][R32.64]", "MEMBAR.ALL.CTA",
                     "FADD R12, R4, R5"}),
            1);
}

TEST(Sass, UniformRegistersAreNotGeneralOnes) {
  EXPECT_EQ(waitsOf({"LDG.E R10, desc[UR4][R32.64]", "UIADD3 UR10, UR10, 0x1, URZ", "STS.128 [R40], R12",
                     "LDG.E R10, desc[UR4][R32.64]"}),
            0);
}

TEST(Sass, InstructionsAndPositionsAreCounted) {
  KernelCounts counts = countsOf({"LDG.E.128 R4, desc[UR10][R32.64]", "NOP", "STS.128 [R40], R4"});
  ASSERT_EQ(counts.staging.size(), 1u);
  EXPECT_EQ(counts.staging[0].instructions, 3); // with the branch, without what does nothing
  EXPECT_EQ(counts.staging[0].positions, 1);
  EXPECT_TRUE(counts.products.empty());
}

TEST(Sass, ProductsAndTheirWaitsAreCounted) {
  KernelCounts counts =
      countsOf({"HGMMA.64x72x16.F32.BF16 R24, gdesc[UR12], R24",
                "HGMMA.64x72x16.F32.BF16 R60, gdesc[UR16], R60, gsb0", "WARPGROUP.DEPBAR.LE gsb0, 0x0"},
               "        /*0030*/  EXIT ;\n"
               ".L_x_9:\n" // tries again, and goes back into the loop
               "        /*0040*/  SYNCS.PHASECHK.TRANS64.TRYWAIT P2, [UR13], R18 ;\n"
               "        /*0050*/  @!P2 BRA `(.L_x_9) ;\n");
  ASSERT_EQ(counts.products.size(), 1u);
  EXPECT_EQ(counts.products[0].products, 2);
  EXPECT_EQ(counts.products[0].drains, 1);
}

TEST(Sass, ProductsOfWarpsAndTheirLoadsAreCounted) {
  KernelCounts counts =
      countsOf({"LDSM.16.M88.4 R88, [R117+0x400]", "LDSM.16.MT88.4 R68, [R117]",
                "HMMA.16816.F32.BF16 R36, R68.reuse, R88, R36",
                "HMMA.16816.F32.BF16 R40, R68.reuse, R90, R40", "HMMA.16816.F32.BF16 R44, R68, R92, R44"});
  ASSERT_EQ(counts.products.size(), 1u);
  EXPECT_EQ(counts.products[0].instructions, 6); // with the branch
  EXPECT_EQ(counts.products[0].products, 3);
  EXPECT_EQ(counts.products[0].loads, 2);
  EXPECT_EQ(counts.products[0].drains, 0);
  EXPECT_TRUE(counts.staging.empty());
}

TEST(Sass, ALoopThatCopiesMultipliesInLoopsOfItsOwn) {
  EXPECT_TRUE(countsOf({"LDGSTS.E.BYPASS.128 [R1], [R2.64]", "HMMA.16816.F32.BF16 R36, R68, R88, R36"})
                  .products.empty());
}

TEST(Sass, ABlockThatGoesBackIntoALoopIsNoLoop) {
  auto counts = readSass("\t.section\t.text.k,\"ax\",@progbits\n"
                         ".L_x_0:\n"
                         "        /*0000*/  @!P2 BRA `(.L_x_8) ;\n"
                         ".L_x_1:\n"
                         "        /*0010*/  HGMMA.64x8x16.F32.BF16 R24, gdesc[UR12], R24, gsb0 ;\n"
                         "        /*0020*/  WARPGROUP.DEPBAR.LE gsb0, 0x0 ;\n"
                         "        /*0030*/  @P1 BRA `(.L_x_0) ;\n"
                         "        /*0040*/  EXIT ;\n"
                         ".L_x_8:\n"
                         "        /*0050*/  SYNCS.PHASECHK.TRANS64.TRYWAIT P2, [UR13], R18 ;\n"
                         "        /*0060*/  BRA `(.L_x_1) ;\n");
  ASSERT_EQ(counts["k"].products.size(), 1u);
  EXPECT_EQ(counts["k"].products[0].instructions, 4);
}

TEST(Sass, LocalMemoryIsCountedAnywhere) {
  KernelCounts counts = countsOf({"LDL R4, [R1+0x10]", "STL.64 [R1], R4"});
  EXPECT_EQ(counts.local, 2);
  EXPECT_TRUE(counts.staging.empty());
}

TEST(Sass, WhatReadsSumsOfProductsThatHaveNotEndedIsEarly) {
  auto early = [](const std::string &before, const std::string &behind) {
    return readSass("\t.section\t.text.k,\"ax\",@progbits\n"
                    "        /*0000*/  HGMMA.64x8x16.F32 R24, gdesc[UR8], R24, gsb0 ;\n"
                    "        /*0010*/  WARPGROUP.DEPBAR.LE gsb0, 0x1 ;\n"
                    "        /*0020*/  " +
                    before +
                    " ;\n"
                    "        /*0030*/  WARPGROUP.DEPBAR.LE gsb0, 0x0 ;\n"
                    "        /*0040*/  " +
                    behind + " ;\n")["k"]
        .early;
  };
  const std::string packs = "F2FP.F16.F32.PACK_AB R19, R25, R24", others = "IADD3 R23, R28, R29, RZ";
  EXPECT_EQ(early(others, packs), 0);
  EXPECT_EQ(early(packs, others), 1);
  EXPECT_EQ(early("@!P0 STS.64 [R2], R26", others), 1);
  EXPECT_EQ(early("CS2R R22, SRZ", others), 0);
  EXPECT_EQ(early("LDS.128 R21, [R2]", others), 1);
}

TEST(Sass, KernelsAreToldApart) {
  auto counts = readSass(
      "\t.section\t.text.a,\"ax\"\n /*0000*/ STL [R1], R4 ;\n"
      "\t.section\t.text.b,\"ax\"\n\t.sectioninfo\t@\"SHI_REGISTERS=168\"\n /*0000*/ LDL R4, [R1] ;\n"
      "\t.section\t.nv.info\n /*0000*/ STL [R1], R4 ;\n");
  EXPECT_THAT(counts, ::testing::SizeIs(2));
  EXPECT_EQ(counts["a"].local, 1);
  EXPECT_EQ(counts["b"].local, 1);
}

} // namespace
