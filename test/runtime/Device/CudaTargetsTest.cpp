#include "runtime/Device/CudaTargets.h"

#include <gtest/gtest.h>

using namespace kinema;

TEST(CudaTargets, FitByGeneration) {
  EXPECT_EQ(cudaFit("sm_86", "sm_86"), CudaFit::Exact);
  EXPECT_EQ(cudaFit("sm_90a", "sm_90"), CudaFit::Exact);
  EXPECT_EQ(cudaFit("sm_80", "sm_86"), CudaFit::MachineCode);
  EXPECT_EQ(cudaFit("sm_120", "sm_121"), CudaFit::MachineCode);
  EXPECT_EQ(cudaFit("sm_80", "sm_90"), CudaFit::AsText);
  EXPECT_EQ(cudaFit("sm_89", "sm_120"), CudaFit::AsText);
}

TEST(CudaTargets, OlderGpusAndThoseOfOtherInstructionsDoNotFit) {
  EXPECT_EQ(cudaFit("sm_89", "sm_86"), CudaFit::None);
  EXPECT_EQ(cudaFit("sm_90a", "sm_100"), CudaFit::None);
  EXPECT_EQ(cudaFit("sm_100a", "sm_90"), CudaFit::None);
  EXPECT_EQ(cudaFit("sm_100a", "sm_103"), CudaFit::None);
  for (const char *wrong : {"", "sm_", "sm_x", "sm_90b", "x86-64-v3"}) {
    EXPECT_EQ(cudaFit(wrong, "sm_90"), CudaFit::None) << wrong;
    EXPECT_EQ(cudaFit("sm_80", wrong), CudaFit::None) << wrong;
  }
}

TEST(CudaTargets, TheBestIsChosen) {
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_86"}, {"sm_90a"}}, "sm_89"), 1u);
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_90a"}}, "sm_90"), 1u);
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_89"}, {"sm_90a"}}, "sm_100"), 1u);
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_100a"}}, "sm_100"), 1u);
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_100a"}}, "sm_103"), 0u);
  EXPECT_EQ(chooseCudaCode({{"sm_90a"}, {"sm_89"}}, "sm_86"), 2u);
  EXPECT_EQ(chooseCudaCode({}, "sm_86"), 0u);
}

TEST(CudaTargets, CodeThatTakesTooMuchSharedMemoryDoesNotFit) {
  const std::vector<CudaCode> codes = {{"sm_80", 160 * 1024}, {"sm_86", 99 * 1024}};
  EXPECT_EQ(chooseCudaCode(codes, "sm_80", 163 * 1024), 0u);
  EXPECT_EQ(chooseCudaCode({codes[0]}, "sm_89", 99 * 1024), 1u);
  EXPECT_EQ(chooseCudaCode({codes[0]}, "sm_87", 163 * 1024), 0u);
  EXPECT_EQ(chooseCudaCode(codes, "sm_120", 99 * 1024), 1u);
  EXPECT_EQ(chooseCudaCode(codes, "sm_80", 99 * 1024), 2u);
}

TEST(CudaTargets, LaterGenerationsNeedText) {
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_89", 0, false}}, "sm_100"), 0u);
  EXPECT_EQ(chooseCudaCode({{"sm_80"}, {"sm_89", 0, false}}, "sm_89"), 1u);
}

TEST(CudaTargets, TextIsOfUseForLaterGenerations) {
  const std::vector<std::string> all = {"x86-64-v3", "sm_80",   "sm_86", "sm_89",
                                        "sm_90a",    "sm_100a", "sm_120"};
  for (const std::string &target : all)
    EXPECT_EQ(isTextOfUse(target, all), target == "sm_89" || target == "sm_120") << target;
  EXPECT_TRUE(isTextOfUse("sm_80", {"sm_80", "sm_90a"}));
}
