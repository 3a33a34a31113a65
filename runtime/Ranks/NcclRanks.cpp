#include "runtime/Ranks/NcclRanks.h"

#include "runtime/Cuda/CudaGroup.h"
#include "runtime/Ranks/SentNumbers.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace kinema {
namespace {

using namespace cuda;

constexpr const char *addressVariable = "NCCL_COMM_ID";
constexpr size_t usualBytes = size_t{1} << 22; // of a rank: more than most of what they tell each other

// Has the thread be in a context of the driver, and then again in the one that it was in.
class InContext {
public:
  InContext(const Driver &api, Context context) : api(api) {
    api.getCurrent(&before);
    api.setCurrent(context);
  }
  ~InContext() { api.setCurrent(before); }
  InContext(const InContext &) = delete;
  InContext &operator=(const InContext &) = delete;

private:
  const Driver &api;
  Context before = nullptr;
};

// What ranks give each other passes through two buffers of the GPU, and one of this machine that it can
// reach.
class NcclRanks final : public Ranks {
public:
  NcclRanks(int rank, int count, int gpu, const std::string &address);
  ~NcclRanks() override;

  void sum(std::span<float> values, Wire wire) override;
  std::string library() const override { return "NCCL"; }
  void giveUp() override { group->giveUp(); }
  // Whoever started the ranks ends the others.
  [[noreturn]] void abort(int status) override { std::_Exit(status); }

private:
  void check(Result result, const char *what) const;
  void reserve(size_t bytesEach);
  void allGather(const void *from, void *to, size_t bytesEach) override;
  template <typename Sent> void sumAs(std::span<float> values);

  const Driver &api;
  DeviceNumber device = 0;
  Context context = nullptr;
  Stream stream = nullptr;
  DeviceAddress own = 0, all = 0; // [bytes], [count, bytes]
  void *host = nullptr;           // [count, bytes]
  size_t bytes = 0;
  std::optional<CudaGroup> group;
};

// NCCL takes the address from the environment, for this group alone: those that are made later are named by
// the ranks themselves.
NcclRanks::NcclRanks(int rank, int count, int gpu, const std::string &address)
    : Ranks(rank, count), api(driver()) {
  check(api.deviceGet(&device, gpu), "finding the GPU");
  check(api.primaryContextRetain(&context, device), "making a context");
  const InContext inContext(api, context);
  check(api.streamCreate(&stream, streamNonBlocking), "making a stream");
  setenv(addressVariable, address.c_str(), /*overwrite=*/1);
  group.emplace(DeviceGroup{
      .id = makeGroupId(), .rank = rank, .count = count, .patience = patience(), .unjoined = [this] {
        endUnjoined();
      }});
  unsetenv(addressVariable);
  reserve(usualBytes);
}

NcclRanks::~NcclRanks() {
  const InContext inContext(api, context);
  group.reset();
  api.memFree(own);
  api.memFree(all);
  api.memFreeHost(host);
  api.streamDestroy(stream);
  api.primaryContextRelease(device);
}

void NcclRanks::check(Result result, const char *what) const {
  if (result != success)
    fail("the ranks' GPU: {} failed: {} ({})", what, cuda::describe(result), nameOf(result));
}

// It grows by doubling, since memory is given and taken when the whole GPU has nothing to do.
void NcclRanks::reserve(size_t bytesEach) {
  if (bytesEach <= bytes)
    return;
  bytesEach = std::max(bytesEach, 2 * bytes);
  if (bytes > 0) {
    check(api.memFree(own), "freeing memory");
    check(api.memFree(all), "freeing memory");
    check(api.memFreeHost(host), "freeing pinned memory");
  }
  bytes = bytesEach;
  const auto ranks = static_cast<size_t>(count());
  check(api.memAlloc(&own, bytes), "allocating memory for other ranks");
  check(api.memAlloc(&all, bytes * ranks), "allocating memory for other ranks");
  check(api.memAllocHost(&host, bytes * ranks), "allocating pinned memory");
}

// This communicator is another one than that by which devices add up, so its kernels run beside theirs. All
// ranks ask for the same of both in the same order, and this one waits for its own at once.
void NcclRanks::allGather(const void *from, void *to, size_t bytesEach) {
  const InContext inContext(api, context);
  reserve(bytesEach);
  std::memcpy(host, from, bytesEach);
  check(api.copyToDevice(own, host, bytesEach, stream), "copying to the GPU");
  group->gather(own, all, bytesEach, stream);
  group->putBefore(stream);
  group->await(stream);
  check(api.copyToHost(host, all, bytesEach * static_cast<size_t>(count()), stream), "copying from the GPU");
  check(api.streamSynchronize(stream), "copying from the GPU");
  std::memcpy(to, host, bytesEach * static_cast<size_t>(count()));
}

void NcclRanks::sum(std::span<float> values, Wire wire) {
  wire == Wire::Float32 ? sumAs<float>(values) : sumAs<uint16_t>(values);
}

// Each rank adds up what all have, in their order: NCCL's own sums have another one.
template <typename Sent> void NcclRanks::sumAs(std::span<float> values) {
  constexpr size_t mostOfPiece = usualBytes / sizeof(float); // numbers
  std::vector<Sent> sent, received;
  while (!values.empty()) {
    const std::span<float> piece = values.first(std::min(mostOfPiece, values.size()));
    sent.resize(piece.size());
    std::ranges::transform(piece, sent.begin(), sentOf<Sent>);
    received.resize(piece.size() * static_cast<size_t>(count()));
    allGather(sent.data(), received.data(), piece.size() * sizeof(Sent));
    for (size_t i = 0; i < piece.size(); ++i) {
      float sum = valueOf(received[i]);
      for (size_t from = 1; from < static_cast<size_t>(count()); ++from)
        sum += valueOf(received[from * piece.size() + i]);
      piece[i] = valueOf(sentOf<Sent>(sum));
    }
    values = values.subspan(piece.size());
  }
}

} // namespace

std::unique_ptr<Ranks> joinByNccl(int rank, int count, int gpu, const std::string &address) {
  return std::make_unique<NcclRanks>(rank, count, gpu, address);
}

} // namespace kinema
