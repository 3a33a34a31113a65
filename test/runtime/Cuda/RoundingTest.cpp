// The kernels that round what ranks send, as ptxas takes them for every processor.
#include "runtime/Cuda/Rounding.h"

#include "test/TemporaryFolder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

using namespace kinema;

TEST(Rounding, PtxasTakesItsKernelsForEveryProcessor) {
  const std::string ptxas = KINEMA_BINARY_DIR "/cuda/bin/ptxas"; // scripts/cuda-tools
  if (!std::filesystem::exists(ptxas))
    GTEST_SKIP() << "there is no ptxas";
  const test::TemporaryFolder folder;
  const std::string code = folder.write("rounding.ptx", cuda::roundingCode);
  for (const char *processor : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"})
    EXPECT_EQ(std::system(fmt::format("{} --warning-as-error -arch {} {} -o {}/rounding.cubin", ptxas,
                                      processor, code, folder.name())
                              .c_str()),
              0)
        << processor;
}
