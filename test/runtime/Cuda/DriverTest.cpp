// The driver's interface as the runtime declares it, against NVIDIA's own header.
#include "runtime/Cuda/Driver.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <type_traits>

namespace {

// CUDA's enumerations and the runtime's integers pass alike; so do pointers to whatever.
template <typename T> struct Plain {
  using Type = T;
};
template <typename T>
  requires std::is_enum_v<T>
struct Plain<T> {
  using Type = int;
};
template <typename T> struct Plain<T *> {
  using Type = std::conditional_t<std::is_const_v<T>, const void *, void *>;
};

template <typename Ours, typename Theirs> constexpr bool passesAlike() {
  using A = typename Plain<Ours>::Type;
  using B = typename Plain<Theirs>::Type;
  return std::is_same_v<A, B> || (std::is_integral_v<A> && std::is_integral_v<B> && sizeof(A) == sizeof(B));
}

template <typename Ours, typename Theirs> struct SameCall : std::false_type {};
template <typename R, typename... A, typename S, typename... B> struct SameCall<R (*)(A...), S (*)(B...)> {
  static constexpr bool parameters() {
    if constexpr (sizeof...(A) == sizeof...(B))
      return passesAlike<R, S>() && (passesAlike<A, B>() && ...);
    return false;
  }
  static constexpr bool value = parameters();
};

} // namespace

// The header's macros turn names into those of the current version, as the table has them.
#define KINEMA_CUDA_COMPARE(member, symbol, parameters)                                                      \
  static_assert(SameCall<decltype(kinema::cuda::Driver::member), decltype(&symbol)>::value, #symbol);
KINEMA_CUDA_FUNCTIONS(KINEMA_CUDA_COMPARE)

TEST(CudaDriver, ValuesAreThoseOfTheHeader) {
  using namespace kinema::cuda;
  EXPECT_EQ(success, CUDA_SUCCESS);
  EXPECT_EQ(outOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(attributeMultiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_EQ(attributeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(attributeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(attributeMaxSharedPerBlock, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_EQ(functionMaxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(streamNonBlocking, unsigned(CU_STREAM_NON_BLOCKING));
  EXPECT_EQ(eventDefault, unsigned(CU_EVENT_DEFAULT));
  EXPECT_EQ(eventDisableTiming, unsigned(CU_EVENT_DISABLE_TIMING));
  EXPECT_EQ(captureThreadLocal, unsigned(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  EXPECT_EQ(jitErrorLog, CU_JIT_ERROR_LOG_BUFFER);
  EXPECT_EQ(jitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
}
#else
TEST(CudaDriver, ValuesAreThoseOfTheHeader) { GTEST_SKIP() << "there is no cuda.h on this machine"; }
#endif
