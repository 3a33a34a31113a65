#include "runtime/Cuda/CudaGroup.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/Deadline.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace kinema::cuda {
namespace {

// NCCL's rings add up in one order for a number of ranks; its trees and switches have others. Whoever wants
// those says so in the environment.
void askForRings() { setenv("NCCL_ALGO", "Ring", /*overwrite=*/0); }

nccl::UniqueId idOf(const std::string &text) {
  nccl::UniqueId id{};
  std::memcpy(id.internal, text.data(), std::min(text.size(), sizeof id.internal));
  return id;
}

} // namespace

std::string makeGroupId() {
  nccl::UniqueId id{};
  if (nccl::Result result = nccl::library().getUniqueId(&id); result != nccl::success)
    fail("NCCL {}: naming the ranks' group failed: {}", nccl::library().version,
         nccl::library().getErrorString(result));
  return {id.internal, sizeof id.internal};
}

CudaGroup::CudaGroup(const DeviceGroup &group)
    : api(driver()), nccl(nccl::library()), patience(group.patience) {
  askForRings();
  {
    const Deadline deadline(patience, group.unjoined); // NCCL has none
    checkNccl(nccl.commInitRank(&communicator, group.count, idOf(group.id), group.rank), "joining the ranks");
  }
  check(api.streamCreate(&stream, streamNonBlocking), "making a stream");
  check(api.eventCreate(&computed, eventDisableTiming), "making an event");
  check(api.eventCreate(&summed, eventDisableTiming), "making an event");
  check(api.eventCreate(&reached, eventDisableTiming), "making an event");
  if (group.roundedElements > 0)
    rounding.emplace(group.roundedElements);
  connect();
}

// NCCL connects ranks at their first sum, which it could not do while a graph is captured.
void CudaGroup::connect() {
  constexpr size_t elements = 64;
  DeviceAddress memory = 0;
  check(api.memAlloc(&memory, elements * sizeof(float)), "allocating memory for a first sum");
  check(api.fill(memory, 0, elements, stream), "filling memory for a first sum");
  const Sum first{memory, elements};
  addUp({&first, 1}, stream);
  await(stream);
  check(api.memFree(memory), "freeing memory of a first sum");
}

CudaGroup::~CudaGroup() {
  constexpr double longest = 1; // seconds for sums that all ranks have started
  api.eventRecord(summed, stream);
  const double start = now();
  bool done = false;
  while (!(done = api.eventQuery(summed) == success) && now() - start < longest)
    std::this_thread::yield();
  done ? nccl.commDestroy(communicator) : nccl.commAbort(communicator);
  api.streamSynchronize(stream); // what was aborted ends
  api.eventDestroy(computed);
  api.eventDestroy(summed);
  api.eventDestroy(reached);
  api.streamDestroy(stream);
}

void CudaGroup::checkNccl(nccl::Result result, const char *what) const {
  if (result != nccl::success)
    fail("NCCL {}: {} failed: {}", nccl.version, what, nccl.getErrorString(result));
}

void CudaGroup::begin(Stream behind) {
  check(api.eventRecord(computed, behind), "marking what ranks share");
  check(api.streamWaitEvent(stream, computed, 0), "waiting for what ranks share");
}

void CudaGroup::gather(DeviceAddress from, DeviceAddress to, size_t bytes, Stream behind) {
  begin(behind);
  checkNccl(nccl.allGather(reinterpret_cast<void *>(from), reinterpret_cast<void *>(to), bytes, nccl::byte,
                           communicator, stream),
            "gathering");
}

void CudaGroup::addUp(std::span<const Sum> sums, Stream behind) {
  begin(behind);
  std::vector<Rounding::Tensor> tensors;
  for (const Sum &sum : sums)
    if (sum.rounded)
      tensors.push_back({sum.address, sum.elements});
  if (tensors.empty())
    return startSums(sums, 0);
  startSums(sums, rounding->round(tensors, stream));
  rounding->widen(tensors, stream);
}

// Those that are rounded lie behind each other, and are added up as one.
void CudaGroup::startSums(std::span<const Sum> sums, size_t roundedElements) {
  std::vector<nccl::Operation> operations;
  for (const Sum &sum : sums) {
    nccl::Operation &operation = operations.emplace_back(nccl::sum);
    if (float factor = sum.factor.value_or(1); sum.factor)
      checkNccl(nccl.makeWeightedSum(&operation, &factor, nccl::float32, nccl::scalarOfHost, communicator),
                "making a weighted sum");
  }
  auto start = [&](DeviceAddress address, size_t elements, int type, nccl::Operation operation) {
    void *values = reinterpret_cast<void *>(address);
    checkNccl(nccl.allReduce(values, values, elements, type, operation, communicator, stream), "adding up");
  };
  checkNccl(nccl.groupStart(), "adding up");
  for (size_t i = 0; i < sums.size(); ++i)
    if (!sums[i].rounded)
      start(sums[i].address, sums[i].elements, nccl::float32, operations[i]);
  if (roundedElements > 0)
    start(rounding->rounded(), roundedElements, nccl::bfloat16, nccl::sum);
  checkNccl(nccl.groupEnd(), "adding up");
  for (nccl::Operation operation : operations)
    if (operation != nccl::sum)
      checkNccl(nccl.destroyOperation(operation, communicator), "forgetting a weighted sum");
}

void CudaGroup::putBefore(Stream before) {
  check(api.eventRecord(summed, stream), "marking sums");
  check(api.streamWaitEvent(before, summed, 0), "waiting for sums");
}

void CudaGroup::await(Stream awaited) {
  check(api.eventRecord(reached, awaited), "marking what is waited for");
  await(reached);
}

// It looks often at first, and then leaves the core to others between one look and the next.
void CudaGroup::await(Event event) {
  constexpr int eager = 1000;
  constexpr auto pause = std::chrono::microseconds(50);
  const double start = now();
  for (int64_t looks = 0; api.eventQuery(event) == notReady; ++looks) {
    if (givenUp)
      fail("this rank no longer waits for the others");
    if (looks < eager)
      continue;
    nccl::Result error = nccl::success;
    checkNccl(nccl.commGetAsyncError(communicator, &error), "asking for errors");
    if (error != nccl::inProgress)
      checkNccl(error, "adding up");
    if (now() - start > patience)
      fail("the other ranks' GPUs have not answered for {:.0f} s: a rank has died or hangs; where they need "
           "more time, KINEMA_RANK_SECONDS says how long to wait",
           patience);
    std::this_thread::sleep_for(pause);
  }
}

} // namespace kinema::cuda
