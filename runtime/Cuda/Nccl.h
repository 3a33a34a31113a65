// Declares as much of NCCL's interface as the runtime calls. The library is opened when ranks first want to
// join their GPUs. Names, types and values are those of nccl.h, which is not needed to build; where it is
// present, a test compares.
#pragma once

#include "runtime/Cuda/Driver.h"

#include <cstddef>
#include <string>

struct ncclComm;

namespace kinema::nccl {

using Result = int; // ncclResult_t
using Communicator = ncclComm *;
using Operation = int; // ncclRedOp_t

// ncclUniqueId
struct UniqueId {
  char internal[128];
};

// These are values of the interface's enumerations.
inline constexpr Result success = 0, inProgress = 7;
inline constexpr int byte = 1, float32 = 7, bfloat16 = 9; // ncclUint8, ncclFloat32, ncclBfloat16
inline constexpr Operation sum = 0;
inline constexpr int scalarOfHost = 1; // ncclScalarHostImmediate

// Lists the functions by their names in the library, as KINEMA_NCCL_FUNCTION(name of the member, symbol,
// parameters).
#define KINEMA_NCCL_FUNCTIONS(F)                                                                             \
  F(getVersion, ncclGetVersion, (int *version))                                                              \
  F(getUniqueId, ncclGetUniqueId, (UniqueId * id))                                                           \
  F(commInitRank, ncclCommInitRank, (Communicator * communicator, int count, UniqueId id, int rank))         \
  F(commDestroy, ncclCommDestroy, (Communicator communicator))                                               \
  F(commAbort, ncclCommAbort, (Communicator communicator))                                                   \
  F(commGetAsyncError, ncclCommGetAsyncError, (Communicator communicator, Result * error))                   \
  F(groupStart, ncclGroupStart, ())                                                                          \
  F(groupEnd, ncclGroupEnd, ())                                                                              \
  F(makeWeightedSum, ncclRedOpCreatePreMulSum,                                                               \
    (Operation * operation, void *factor, int type, int residence, Communicator communicator))               \
  F(destroyOperation, ncclRedOpDestroy, (Operation operation, Communicator communicator))                    \
  F(allGather, ncclAllGather,                                                                                \
    (const void *from, void *to, size_t count, int type, Communicator communicator, cuda::Stream stream))    \
  F(allReduce, ncclAllReduce,                                                                                \
    (const void *from, void *to, size_t count, int type, Operation operation, Communicator communicator,     \
     cuda::Stream stream))

struct Library {
#define KINEMA_NCCL_MEMBER(member, symbol, parameters) Result(*member) parameters = nullptr;
  KINEMA_NCCL_FUNCTIONS(KINEMA_NCCL_MEMBER)
#undef KINEMA_NCCL_MEMBER
  const char *(*getErrorString)(Result result) = nullptr;
  std::string file;    // as it was opened
  std::string version; // "2.28.9"
};

// Returns the library; the first call opens it. Throws Error where there is none, or one that lacks a
// function. KINEMA_NCCL_LIBRARY names another file than libnccl.so.2 in the library path.
const Library &library();

} // namespace kinema::nccl
