// The driver's interface as the runtime declares it, against NVIDIA's own header.
#include "runtime/Cuda/Driver.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include "test/runtime/Cuda/SameCall.h"

#include <cuda.h>

// The header's macros turn names into those of the current version, as the table has them.
#define KINEMA_CUDA_COMPARE(member, symbol, parameters)                                                      \
  static_assert(kinema::test::SameCall<decltype(kinema::cuda::Driver::member), decltype(&symbol)>::value,    \
                #symbol);
KINEMA_CUDA_FUNCTIONS(KINEMA_CUDA_COMPARE)

TEST(CudaDriver, ValuesAreThoseOfTheHeader) {
  using namespace kinema::cuda;
  EXPECT_EQ(success, CUDA_SUCCESS);
  EXPECT_EQ(outOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(notReady, CUDA_ERROR_NOT_READY);
  EXPECT_EQ(sizeof(Uuid), sizeof(CUuuid));
  EXPECT_EQ(attributeMultiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_EQ(attributeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(attributeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(attributeMaxSharedPerBlock, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_EQ(functionMaxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(streamNonBlocking, unsigned(CU_STREAM_NON_BLOCKING));
  EXPECT_EQ(eventDefault, unsigned(CU_EVENT_DEFAULT));
  EXPECT_EQ(eventDisableTiming, unsigned(CU_EVENT_DISABLE_TIMING));
  EXPECT_EQ(captureThreadLocal, unsigned(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  EXPECT_EQ(sizeof(TensorMap), sizeof(CUtensorMap));
  EXPECT_GE(alignof(TensorMap), alignof(CUtensorMap)); // 64, and 128 from version 13 on
  EXPECT_EQ(tensorOfWords, CU_TENSOR_MAP_DATA_TYPE_UINT64);
  EXPECT_EQ(tensorPromotion, CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
  for (int plain : {int(CU_TENSOR_MAP_INTERLEAVE_NONE), int(CU_TENSOR_MAP_SWIZZLE_NONE),
                    int(CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE)})
    EXPECT_EQ(tensorPlain, plain);
  EXPECT_EQ(jitErrorLog, CU_JIT_ERROR_LOG_BUFFER);
  EXPECT_EQ(jitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
}
#else
TEST(CudaDriver, ValuesAreThoseOfTheHeader) { GTEST_SKIP() << "there is no cuda.h on this machine"; }
#endif
