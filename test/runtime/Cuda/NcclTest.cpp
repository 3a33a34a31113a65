// NCCL's interface as the runtime declares it, against NVIDIA's own header.
#include "runtime/Cuda/Nccl.h"

#include <gtest/gtest.h>

#if __has_include(<nccl.h>) && __has_include(<cuda_runtime.h>)
#include "test/runtime/Cuda/SameCall.h"

#include <nccl.h>

using namespace kinema;

#define KINEMA_NCCL_COMPARE(member, symbol, parameters)                                                      \
  static_assert(test::SameCall<decltype(nccl::Library::member), decltype(&symbol)>::value, #symbol);
KINEMA_NCCL_FUNCTIONS(KINEMA_NCCL_COMPARE)
static_assert(test::SameCall<decltype(nccl::Library::getErrorString), decltype(&ncclGetErrorString)>::value);

TEST(Nccl, ValuesAreThoseOfTheHeader) {
  EXPECT_EQ(nccl::success, ncclSuccess);
  EXPECT_EQ(nccl::inProgress, ncclInProgress);
  EXPECT_EQ(nccl::byte, ncclUint8);
  EXPECT_EQ(nccl::float32, ncclFloat32);
  EXPECT_EQ(nccl::bfloat16, ncclBfloat16);
  EXPECT_EQ(nccl::sum, ncclSum);
  EXPECT_EQ(nccl::scalarOfHost, ncclScalarHostImmediate);
  EXPECT_EQ(sizeof(nccl::UniqueId), sizeof(ncclUniqueId));
}
#else
TEST(Nccl, ValuesAreThoseOfTheHeader) { GTEST_SKIP() << "there is no nccl.h on this machine"; }
#endif
