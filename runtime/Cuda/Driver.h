// Declares as much of the NVIDIA driver's interface as the runtime calls. The driver is opened when it is
// first needed, so that the same program runs where there is none. Names, types and values are those of the
// CUDA driver API (cuda.h), which is not needed to build; where it is present, a test compares.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUctx_st;
struct CUmod_st;
struct CUfunc_st;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;

namespace kinema::cuda {

using Result = int; // CUresult; 0 is success
using DeviceNumber = int;
using DeviceAddress = unsigned long long;
using Context = CUctx_st *;
using Module = CUmod_st *;
using Function = CUfunc_st *;
using Stream = CUstream_st *;
using Event = CUevent_st *;
using Graph = CUgraph_st *;
using GraphExec = CUgraphExec_st *;

// These are values of the API's enumerations.
inline constexpr Result success = 0, outOfMemory = 2, notReady = 600;
inline constexpr int attributeMultiprocessors = 16, attributeMajor = 75, attributeMinor = 76,
                     attributeMaxSharedPerBlock = 97;
inline constexpr int functionMaxDynamicShared = 8;
inline constexpr unsigned streamNonBlocking = 1, eventDefault = 0, eventDisableTiming = 2,
                          captureThreadLocal = 1;
inline constexpr int jitErrorLog = 5, jitErrorLogBytes = 6;
inline constexpr int launchEarly = 6; // CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION

// CUuuid: what tells a GPU from all others.
struct Uuid {
  char bytes[16];
};

// CUlaunchAttribute: what else is asked of a launch. Its value is a union of 64 bytes.
struct LaunchAttribute {
  int name;
  int padding;
  int value[16];
};

// CUlaunchConfig
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

// CUtensorMap: what the copy engine reads of a tensor.
struct alignas(128) TensorMap {
  uint64_t opaque[16];
};
// CU_TENSOR_MAP_DATA_TYPE_UINT64, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, and the value of all other choices that
// stands for none.
inline constexpr int tensorOfWords = 4, tensorPromotion = 3, tensorPlain = 0;

// Lists the functions by their names in the library, as KINEMA_CUDA_FUNCTION(name of the member, symbol,
// parameters).
#define KINEMA_CUDA_FUNCTIONS(F)                                                                             \
  F(init, cuInit, (unsigned flags))                                                                          \
  F(getErrorName, cuGetErrorName, (Result error, const char **text))                                         \
  F(getErrorString, cuGetErrorString, (Result error, const char **text))                                     \
  F(driverGetVersion, cuDriverGetVersion, (int *version))                                                    \
  F(deviceGetCount, cuDeviceGetCount, (int *count))                                                          \
  F(deviceGet, cuDeviceGet, (DeviceNumber * device, int ordinal))                                            \
  F(deviceGetName, cuDeviceGetName, (char *name, int length, DeviceNumber device))                           \
  F(deviceGetAttribute, cuDeviceGetAttribute, (int *value, int attribute, DeviceNumber device))              \
  F(deviceGetUuid, cuDeviceGetUuid, (Uuid * uuid, DeviceNumber device))                                      \
  F(primaryContextRetain, cuDevicePrimaryCtxRetain, (Context * context, DeviceNumber device))                \
  F(primaryContextRelease, cuDevicePrimaryCtxRelease_v2, (DeviceNumber device))                              \
  F(setCurrent, cuCtxSetCurrent, (Context context))                                                          \
  F(getCurrent, cuCtxGetCurrent, (Context * context))                                                        \
  F(memGetInfo, cuMemGetInfo_v2, (size_t *free, size_t *total))                                              \
  F(memAlloc, cuMemAlloc_v2, (DeviceAddress * address, size_t bytes))                                        \
  F(memFree, cuMemFree_v2, (DeviceAddress address))                                                          \
  F(memAllocHost, cuMemAllocHost_v2, (void **address, size_t bytes))                                         \
  F(memFreeHost, cuMemFreeHost, (void *address))                                                             \
  F(copyToDevice, cuMemcpyHtoDAsync_v2, (DeviceAddress to, const void *from, size_t bytes, Stream stream))   \
  F(copyToHost, cuMemcpyDtoHAsync_v2, (void *to, DeviceAddress from, size_t bytes, Stream stream))           \
  F(copyOnDevice, cuMemcpyDtoDAsync_v2, (DeviceAddress to, DeviceAddress from, size_t bytes, Stream stream)) \
  F(fill, cuMemsetD32Async, (DeviceAddress to, unsigned pattern, size_t words, Stream stream))               \
  F(streamCreate, cuStreamCreate, (Stream * stream, unsigned flags))                                         \
  F(streamDestroy, cuStreamDestroy_v2, (Stream stream))                                                      \
  F(streamSynchronize, cuStreamSynchronize, (Stream stream))                                                 \
  F(streamWaitEvent, cuStreamWaitEvent, (Stream stream, Event event, unsigned flags))                        \
  F(eventCreate, cuEventCreate, (Event * event, unsigned flags))                                             \
  F(eventDestroy, cuEventDestroy_v2, (Event event))                                                          \
  F(eventRecord, cuEventRecord, (Event event, Stream stream))                                                \
  F(eventSynchronize, cuEventSynchronize, (Event event))                                                     \
  F(eventQuery, cuEventQuery, (Event event))                                                                 \
  F(eventElapsedTime, cuEventElapsedTime, (float *milliseconds, Event from, Event to))                       \
  F(moduleLoad, cuModuleLoadDataEx,                                                                          \
    (Module * module, const void *image, unsigned options, int *names, void **values))                       \
  F(moduleUnload, cuModuleUnload, (Module module))                                                           \
  F(moduleGetFunction, cuModuleGetFunction, (Function * function, Module module, const char *name))          \
  F(functionSetAttribute, cuFuncSetAttribute, (Function function, int attribute, int value))                 \
  F(launchKernel, cuLaunchKernel,                                                                            \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,    \
     unsigned blockZ, unsigned sharedBytes, Stream stream, void **arguments, void **extra))                  \
  F(beginCapture, cuStreamBeginCapture_v2, (Stream stream, unsigned mode))                                   \
  F(endCapture, cuStreamEndCapture, (Stream stream, Graph * graph))                                          \
  F(graphInstantiate, cuGraphInstantiateWithFlags,                                                           \
    (GraphExec * executable, Graph graph, unsigned long long flags))                                         \
  F(graphLaunch, cuGraphLaunch, (GraphExec executable, Stream stream))                                       \
  F(graphDestroy, cuGraphDestroy, (Graph graph))                                                             \
  F(graphExecDestroy, cuGraphExecDestroy, (GraphExec executable))

// Lists functions that older drivers lack.
#define KINEMA_CUDA_NEWER_FUNCTIONS(F)                                                                       \
  F(launchKernelWith, cuLaunchKernelEx,                                                                      \
    (const LaunchConfig *config, Function function, void **arguments, void **extra))                         \
  F(tensorMapEncode, cuTensorMapEncodeTiled,                                                                 \
    (TensorMap * map, int type, uint32_t rank, void *address, const uint64_t *sizes,                         \
     const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave, int swizzle,       \
     int promotion, int fill))

struct Driver {
#define KINEMA_CUDA_MEMBER(member, symbol, parameters) Result(*member) parameters = nullptr;
  KINEMA_CUDA_FUNCTIONS(KINEMA_CUDA_MEMBER)
  KINEMA_CUDA_NEWER_FUNCTIONS(KINEMA_CUDA_MEMBER) // null where the driver has none
#undef KINEMA_CUDA_MEMBER
};

// Returns the driver, initialised; the first call opens it. Throws Error where there is none or it has no
// GPU.
const Driver &driver();

// Returns whether there is a driver with a GPU.
bool isPresent();

// Throws Error, saying that `what` was being done, where the result is an error.
void check(Result result, const char *what);

// These two give "CUDA_ERROR_ILLEGAL_ADDRESS" and "an illegal memory access was encountered".
const char *nameOf(Result result);
const char *describe(Result result);

} // namespace kinema::cuda
