#include "runtime/Ranks/MpiRanks.h"

#include "runtime/Ranks/MpiLibrary.h"
#include "runtime/Ranks/SentNumbers.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace kinema {
namespace {

class MpiRanks : public Ranks {
public:
  MpiRanks(const MpiLibrary &mpi, int rank, int count, bool anyThread)
      : Ranks(rank, count), mpi(mpi), anyThread(anyThread) {}
  ~MpiRanks() override { mpi.finalize(); }

  void sum(std::span<float> values, Wire wire) override;
  std::string library() const override { return "MPI"; }
  bool serveAnyThread() const override { return anyThread; }
  void giveUp() override { givenUp = true; }
  [[noreturn]] void abort(int status) override {
    mpi.abort(mpi.world, status);
    std::_Exit(status);
  }

private:
  // What is sent and received, kept from sum to sum.
  template <typename Sent> struct Buffers {
    std::vector<Sent> sent, received;
  };
  template <typename Sent> void sumAs(std::span<float> values, Buffers<Sent> &buffers);
  void exchange(const void *from, void *to, size_t bytesEach);
  void allGather(const void *from, void *to, size_t bytesEach) override;
  void await(MpiLibrary::Request request);

  const MpiLibrary &mpi;
  const bool anyThread;
  Buffers<float> ofFloats;
  Buffers<uint16_t> ofBfloats;
  std::atomic<bool> givenUp = false;
};

// Returns when the request has been carried out. It looks at it often at first, and then leaves the core to
// others between one look and the next: ranks may share it.
void MpiRanks::await(MpiLibrary::Request request) {
  constexpr int eager = 200;
  const double start = now();
  for (int64_t looks = 0;; ++looks) {
    int done = 0;
    if (mpi.test(&request, &done, mpi.ignoredStatus) != 0)
      fail("MPI reports an error in what the ranks exchange");
    if (done)
      return;
    if (givenUp)
      fail("this rank no longer waits for the others");
    if (looks < eager)
      continue;
    std::this_thread::sleep_for(std::chrono::microseconds(looks < 2 * eager ? 20 : 200));
    if (now() - start > patience())
      fail("the other ranks have not answered for {:.0f} s: one of them has died or hangs; where they need "
           "more "
           "time, KINEMA_RANK_SECONDS says how long to wait",
           patience());
  }
}

// Gives each rank its part of `from` and takes the parts that they have for this one.
// from, to: [count, bytesEach]
void MpiRanks::exchange(const void *from, void *to, size_t bytesEach) {
  MpiLibrary::Request request = nullptr;
  const int bytes = static_cast<int>(bytesEach);
  if (mpi.alltoall(from, bytes, mpi.byte, to, bytes, mpi.byte, mpi.world, &request) != 0)
    fail("MPI cannot exchange {} bytes", bytes);
  await(request);
}

void MpiRanks::allGather(const void *from, void *to, size_t bytesEach) {
  MpiLibrary::Request request = nullptr;
  const int bytes = static_cast<int>(bytesEach);
  if (mpi.allgather(from, bytes, mpi.byte, to, bytes, mpi.byte, mpi.world, &request) != 0)
    fail("MPI cannot gather {} bytes", bytes);
  await(request);
}

void MpiRanks::sum(std::span<float> values, Wire wire) {
  wire == Wire::Float32 ? sumAs(values, ofFloats) : sumAs(values, ofBfloats);
}

// Each rank adds up one part of the values, which the others send it, and all then have the sums. A rank
// sends and receives 2 (count - 1) / count times the values' bytes, the least that is possible.
template <typename Sent> void MpiRanks::sumAs(std::span<float> values, Buffers<Sent> &buffers) {
  constexpr size_t mostOfPart = size_t{1} << 20; // numbers, so that a piece takes little memory
  auto &[sent, received] = buffers;
  const auto ranks = static_cast<size_t>(count());
  while (!values.empty()) {
    const size_t part = std::min(mostOfPart, (values.size() + ranks - 1) / ranks);
    const std::span<float> piece = values.first(std::min(values.size(), part * ranks));
    sent.assign(part * ranks, Sent());
    std::ranges::transform(piece, sent.begin(), sentOf<Sent>);
    received.resize(part * ranks);
    exchange(sent.data(), received.data(), part * sizeof(Sent));
    for (size_t i = 0; i < part; ++i) {
      float sum = valueOf(received[i]);
      for (size_t from = 1; from < ranks; ++from)
        sum += valueOf(received[from * part + i]);
      sent[i] = sentOf<Sent>(sum);
    }
    allGather(sent.data(), received.data(), part * sizeof(Sent));
    std::transform(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(piece.size()),
                   piece.begin(), [](Sent value) { return valueOf(value); });
    values = values.subspan(piece.size());
  }
}

} // namespace

std::unique_ptr<Ranks> joinByMpi() {
  const MpiLibrary &mpi = mpiLibrary();
  constexpr int serialised = 2; // MPI_THREAD_SERIALIZED, in both ABIs
  int provided = 0, rank = 0, count = 0;
  if (mpi.initThread(nullptr, nullptr, serialised, &provided) != 0)
    fail("MPI ({}) cannot be initialised", mpi.file);
  mpi.commRank(mpi.world, &rank);
  mpi.commSize(mpi.world, &count);
  if (count != startedRanks())
    fail("{} ranks were started, but MPI ({}) knows of {}: that is not the library of the program that "
         "started them; name the right one in KINEMA_MPI_LIBRARY",
         startedRanks(), mpi.file, count);
  return std::make_unique<MpiRanks>(mpi, rank, count, provided >= serialised);
}

} // namespace kinema
