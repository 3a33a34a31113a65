// Joins a GPU with those of other ranks, through NCCL.
#pragma once

#include "runtime/Cuda/Driver.h"
#include "runtime/Cuda/Nccl.h"
#include "runtime/Device/Device.h"

#include <optional>
#include <span>

namespace kinema::cuda {

// What ranks add up on their GPUs, on a stream of its own. All functions throw Error and are called by all
// ranks in the same order, in a thread that is in the GPU's context.
class CudaGroup {
public:
  // Waits for the other ranks, which join at the same time, without a limit of time: NCCL has none.
  explicit CudaGroup(const DeviceGroup &group);
  // Ends what is still under way, for which other ranks may wait in vain.
  ~CudaGroup();
  CudaGroup(const CudaGroup &) = delete;
  CudaGroup &operator=(const CudaGroup &) = delete;

  // A part of the GPU's memory.
  struct Sum {
    DeviceAddress address = 0;
    size_t elements = 0;         // f32
    std::optional<float> factor; // as ArenaSum's
  };
  // Starts adding up what the stream `behind` leaves when it has done what it was given.
  void addUp(std::span<const Sum> sums, Stream behind);
  // Has what is given to the stream from now on come after all sums.
  void putBefore(Stream stream);
  // Returns when the event has come. Throws Error where that takes longer than the group's patience, or where
  // NCCL reports an error.
  void await(Event event);
  // Returns, in the same way, when the stream has done what it was given.
  void await(Stream stream);

private:
  void checkNccl(nccl::Result result, const char *what) const;
  void checkDriver(Result result, const char *what) const;

  const Driver &api;
  const nccl::Library &nccl;
  double patience;
  Stream stream = nullptr;
  Event computed = nullptr, summed = nullptr, reached = nullptr;
  nccl::Communicator communicator = nullptr;
};

} // namespace kinema::cuda
