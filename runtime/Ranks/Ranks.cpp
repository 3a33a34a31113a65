#include "runtime/Ranks/Ranks.h"

#include "runtime/Cuda/Driver.h"
#include "runtime/Device/Device.h"
#include "runtime/Ranks/MpiRanks.h"
#include "runtime/Ranks/NcclRanks.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace kinema {
namespace {

// The number of ranks, in the variables by which those who start them say it: Open MPI's mpirun; MPICH's and
// Intel MPI's, and srun --mpi=pmi2; srun --mpi=pmix.
constexpr std::array<const char *, 3> counts = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};

// The number of a rank on its machine, in the variables of the same programs.
constexpr std::array<const char *, 3> places = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                                "SLURM_LOCALID"};

// torchrun's variables, which say nothing unless it has started this process.
std::optional<std::string> saidByTorchrun(const char *name) {
  const char *value = std::getenv("TORCHELASTIC_RUN_ID") ? std::getenv(name) : nullptr;
  return value ? std::optional<std::string>(value) : std::nullopt;
}

int numberSaidByTorchrun(const char *name) { return std::atoi(saidByTorchrun(name).value_or("0").c_str()); }

int ranksOfTorchrun() { return numberSaidByTorchrun("WORLD_SIZE"); }

int ranksOfMpi() {
  for (const char *name : counts)
    if (const char *value = std::getenv(name))
      if (int count = std::atoi(value); count > 1)
        return count;
  return 1;
}

// The port behind that of torchrun's own store, unless the user has named an address for NCCL.
std::string addressForNccl() {
  if (const char *named = std::getenv("NCCL_COMM_ID"))
    return named;
  const std::string host = saidByTorchrun("MASTER_ADDR").value_or("");
  const int port = numberSaidByTorchrun("MASTER_PORT");
  if (host.empty() || port <= 0)
    refuse("torchrun has started this process without MASTER_ADDR and MASTER_PORT, by which its ranks meet: "
           "name an "
           "address of the first rank's machine in NCCL_COMM_ID, as host:port");
  const bool isIPv6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", isIPv6 ? "[" : "", host, isIPv6 ? "]" : "", port + 1);
}

std::unique_ptr<Ranks> join() {
  const int count = ranksOfTorchrun();
  if (count <= 1)
    return ranksOfMpi() > 1 ? joinByMpi() : nullptr;
  if (!cuda::isPresent())
    refuse(
        "torchrun has started this process, whose ranks meet through NCCL, on GPUs; this machine has none: "
        "start them by mpirun -n {} in its place",
        count);
  return joinByNccl(numberSaidByTorchrun("RANK"), count, gpuOfRank(), addressForNccl());
}

Ranks *joined = nullptr; // once they are

} // namespace

void Ranks::endUnjoined() {
  std::fputs(
      fmt::format(
          "error: rank {} of {}: the other ranks' GPUs have not joined this one's for {:.0f} s: a rank "
          "has died or hangs; where they need more time, KINEMA_RANK_SECONDS says how long to wait\n",
          rank(), count(), patience())
          .c_str(),
      stderr);
  abort(Error::workFailed);
}

std::vector<std::string> Ranks::gather(std::string_view text) {
  const auto ranks = static_cast<size_t>(count());
  std::vector<uint64_t> sizes(ranks);
  const uint64_t size = text.size();
  allGather(&size, sizes.data(), sizeof size);
  const size_t most = std::max<size_t>(1, *std::ranges::max_element(sizes));
  std::string padded(text), received(most * ranks, '\0');
  padded.resize(most);
  allGather(padded.data(), received.data(), most);
  std::vector<std::string> parts;
  for (size_t i = 0; i < ranks; ++i)
    parts.push_back(received.substr(i * most, sizes[i]));
  return parts;
}

double Ranks::patience() {
  constexpr double usual = 600, longest = 1e8; // which clocks can add to
  const char *value = std::getenv("KINEMA_RANK_SECONDS");
  const double seconds = value ? std::atof(value) : usual;
  return seconds > 0 ? std::min(seconds, longest) : usual;
}

int startedRanks() { return ranksOfTorchrun() > 1 ? ranksOfTorchrun() : ranksOfMpi(); }

int rankOnMachine() {
  if (ranksOfTorchrun() > 1) // which srun may have started, once on each machine
    return std::max(0, numberSaidByTorchrun("LOCAL_RANK"));
  for (const char *name : places)
    if (const char *value = std::getenv(name))
      return std::max(0, std::atoi(value));
  return 0;
}

int gpuOfRank() {
  const auto gpus = startedRanks() > 1 ? static_cast<int>(cudaGpus().size()) : 0;
  return gpus > 0 ? rankOnMachine() % gpus : 0;
}

Ranks *ranksOfProcess() {
  static const std::unique_ptr<Ranks> ranks = join();
  joined = ranks.get();
  return joined;
}

bool isFirstRank() {
  const Ranks *ranks = ranksOfProcess();
  return !ranks || ranks->isFirst();
}

Ranks *joinedRanks() { return joined; }

int leaveRanks(int status) {
  if (joined && status != 0)
    joined->abort(status);
  return status;
}

} // namespace kinema
