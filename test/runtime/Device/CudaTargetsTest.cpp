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
  EXPECT_EQ(cudaFit("sm_100", "sm_90"), CudaFit::None);
  for (const char *wrong : {"", "sm_", "sm_x", "sm_90b", "x86-64-v3"}) {
    EXPECT_EQ(cudaFit(wrong, "sm_90"), CudaFit::None) << wrong;
    EXPECT_EQ(cudaFit("sm_80", wrong), CudaFit::None) << wrong;
  }
}

TEST(CudaTargets, TheBestIsChosen) {
  EXPECT_EQ(chooseCudaTarget({"sm_80", "sm_86", "sm_90a"}, "sm_89"), 1u);
  EXPECT_EQ(chooseCudaTarget({"sm_80", "sm_90a"}, "sm_90"), 1u);
  EXPECT_EQ(chooseCudaTarget({"sm_80", "sm_89", "sm_90a"}, "sm_100"), 1u);
  EXPECT_EQ(chooseCudaTarget({"sm_90a", "sm_89"}, "sm_86"), 2u);
  EXPECT_EQ(chooseCudaTarget({}, "sm_86"), 0u);
}
