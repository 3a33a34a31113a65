// Joins a GPU with those of other ranks, through NCCL.
#pragma once

#include "runtime/Cuda/Driver.h"
#include "runtime/Cuda/Nccl.h"
#include "runtime/Cuda/Rounding.h"
#include "runtime/Device/Device.h"

#include <atomic>
#include <optional>
#include <span>

namespace kinema::cuda {

// What ranks add up on their GPUs, on a stream of its own. All functions throw Error and are called by all
// ranks in the same order, in a thread that is in the GPU's context.
class CudaGroup {
public:
  // Waits for the other ranks, which join at the same time, for as long as the group is patient.
  explicit CudaGroup(const DeviceGroup &group);
  // Ends what is still under way, for which other ranks may wait in vain.
  ~CudaGroup();
  CudaGroup(const CudaGroup &) = delete;
  CudaGroup &operator=(const CudaGroup &) = delete;

  // A part of the GPU's memory.
  struct Sum {
    DeviceAddress address = 0;
    size_t elements = 0;              // f32
    std::optional<float> factor = {}; // as ArenaSum's
    bool rounded = false;             // as ArenaSum's; of a group that was made for so many
  };
  // Starts adding up what the stream `behind` leaves when it has done what it was given.
  void addUp(std::span<const Sum> sums, Stream behind);
  // Starts having each rank take what all of them have, once the stream `behind` has done what it was given.
  // from: [bytes], to: [count, bytes]
  void gather(DeviceAddress from, DeviceAddress to, size_t bytes, Stream behind);
  // Has what is given to the stream from now on come after all that was started here.
  void putBefore(Stream stream);
  // Counts the bytes of the GPU's memory that the group takes.
  int64_t memory() const { return rounding ? rounding->bytes() : 0; }
  // Returns when the event has come. Throws Error where that takes longer than the group's patience, or where
  // NCCL reports an error.
  void await(Event event);
  // Returns, in the same way, when the stream has done what it was given.
  void await(Stream stream);
  // Has a wait, in which another thread is, end at once with an Error, and all later ones.
  void giveUp() { givenUp = true; }

private:
  void connect();
  void begin(Stream behind);
  void startSums(std::span<const Sum> sums, size_t roundedElements);
  void checkNccl(nccl::Result result, const char *what) const;

  const Driver &api;
  const nccl::Library &nccl;
  double patience;
  Stream stream = nullptr;
  Event computed = nullptr, summed = nullptr, reached = nullptr;
  nccl::Communicator communicator = nullptr;
  std::optional<Rounding> rounding;
  std::atomic<bool> givenUp = false;
};

// Returns what names a group of ranks to NCCL, for DeviceGroup::id.
std::string makeGroupId();

} // namespace kinema::cuda
