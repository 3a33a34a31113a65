// A library in place of NCCL for the GPUs of the library in place of NVIDIA's driver (StandIn.cpp), of which
// each process has one. It checks what each call is given, and that all ranks ask for the same sums in the
// same order; what is to be added up passes through files. What must not be is told on stderr and is an error
// of the call. KINEMA_STANDIN_NCCL names what goes wrong: id, init, weight, group, sum, start, async;
// "order", with which ranks ask for different sums; "hang", with which the sums of the first rank never come;
// "apart", with which the second rank never joins.
// With "early" nothing goes wrong, but sums are made as soon as they may be, rather than as late.
#include "runtime/Cuda/Nccl.h"
#include "runtime/Support/Floats.h"
#include "test/runtime/Cuda/StandInGraph.h"
#include "test/runtime/Cuda/StandInSettings.h"

#include <fmt/format.h>

#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace kinema;
using namespace kinema::nccl;
using namespace kinema::standin;

namespace {

constexpr Result systemError = 2, invalidUsage = 5, remoteError = 6;
constexpr cuda::Result launchFailed = 719;
constexpr Operation firstOwn = 100; // of the operations that are made

Result complain(const std::string &what) {
  fmt::print(stderr, "stand-in for NCCL: {}\n", what);
  return invalidUsage;
}

template <typename Function> Function *ofDriver(const char *name) {
  static void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  return reinterpret_cast<Function *>(dlsym(driver, name));
}

bool lies(const void *address, size_t bytes) {
  static auto *holds = ofDriver<bool(cuda::DeviceAddress, size_t)>("kinemaStandInHolds");
  return holds(reinterpret_cast<cuda::DeviceAddress>(address), bytes);
}

cuda::Result enqueue(cuda::Stream stream, const Action &action) {
  static auto *queue = ofDriver<cuda::Result(cuda::Stream, const Action *)>("kinemaStandInEnqueue");
  return queue(stream, &action);
}

bool isCaptured(cuda::Stream stream) {
  static auto *captures = ofDriver<bool(cuda::Stream)>("kinemaStandInCaptures");
  return captures(stream);
}

void progress(cuda::Stream stream) {
  static auto *progress = ofDriver<cuda::Result(cuda::Stream)>("kinemaStandInProgress");
  progress(stream);
}

} // namespace

struct ncclComm {
  std::string folder; // that the ranks share
  int rank = 0, count = 1;
  int64_t asked = 0, done = 0; // sums that no graph has, and all that are done
  int64_t doneInGraphs = 0;
  std::shared_ptr<int> graphs = std::make_shared<int>(); // which each sum of a graph shares
  bool left = false;                     // its sums that are still under way end without a result
  std::map<Operation, float> operations; // their factors

  std::string file(int64_t sum, int rank) const { return fmt::format("{}/{}.{}", folder, sum, rank); }
};

namespace {

std::set<Communicator> communicators;
int groups = 0; // that are open
struct Call {
  cuda::Stream stream;
  Action action;
};
std::vector<Call> grouped;

enum class Kind : uint64_t { Sum, WeightedSum, RoundedSum, Gather };

const char *nameOf(Kind kind) {
  return kind == Kind::Sum           ? "as they are"
         : kind == Kind::WeightedSum ? "with a factor"
         : kind == Kind::RoundedSum  ? "of bfloat16"
                                     : "gathered";
}

size_t bytesOfElement(Kind kind) {
  return kind == Kind::Gather ? 1 : kind == Kind::RoundedSum ? sizeof(uint16_t) : sizeof(float);
}

// What a rank contributes.
struct Part {
  uint64_t elements = 0;
  Kind kind = Kind::Sum;
  std::vector<char> values;
};

// The file appears at once as a whole.
void write(const std::string &path, const Part &part) {
  std::ofstream file(path + ".part", std::ios::binary);
  file.write(reinterpret_cast<const char *>(&part.elements), sizeof part.elements);
  file.write(reinterpret_cast<const char *>(&part.kind), sizeof part.kind);
  file.write(part.values.data(), static_cast<std::streamsize>(part.values.size()));
  file.close();
  std::filesystem::rename(path + ".part", path);
}

Part read(const std::string &path) {
  Part part;
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char *>(&part.elements), sizeof part.elements);
  file.read(reinterpret_cast<char *>(&part.kind), sizeof part.kind);
  part.values.assign(std::istreambuf_iterator<char>(file), {});
  return part;
}

// Something that all ranks do together, as one of them sees it.
struct Exchange {
  ncclComm *comm;
  std::shared_ptr<int> graphs; // where it is captured
  Kind kind;
  const void *from;
  void *to;
  size_t elements; // f32 or, rounded, bfloat16; bytes of a gather
  float factor = 1;

  void give(int64_t number) const {
    const auto *begin = static_cast<const char *>(from);
    Part own{elements, kind, {begin, begin + elements * bytesOfElement(kind)}};
    if (kind == Kind::WeightedSum)
      for (size_t i = 0; i < elements; ++i)
        reinterpret_cast<float *>(own.values.data())[i] *= factor;
    write(comm->file(number, comm->rank), own);
  }

  void take(const Part &part, int rank) const {
    if (kind == Kind::Gather) {
      std::memcpy(static_cast<char *>(to) + elements * static_cast<size_t>(rank), part.values.data(),
                  elements);
      return;
    }
    if (kind == Kind::RoundedSum)
      return add(part, rank, static_cast<uint16_t *>(to),
                 [](uint16_t a, uint16_t b) { return toBF16(fromBF16(a) + fromBF16(b)); });
    add(part, rank, static_cast<float *>(to), std::plus<float>());
  }

  template <typename Number, typename Plus>
  void add(const Part &part, int rank, Number *sums, Plus plus) const {
    const auto *values = reinterpret_cast<const Number *>(part.values.data());
    for (size_t i = 0; i < elements; ++i)
      sums[i] = rank == 0 ? values[i] : plus(sums[i], values[i]);
  }

  // Goes through the ranks in their order, once all have given their parts. Who has given a part has read
  // those of the exchange before.
  cuda::Result carryOut() const {
    if (comm->left)
      return cuda::success;
    if (ncclIs("hang") && comm->rank == 0 && kind != Kind::Gather)
      return cuda::notReady;
    const int64_t number = comm->done;
    auto isThere = [&](int rank) { return std::filesystem::exists(comm->file(number, rank)); };
    if (!isThere(comm->rank))
      give(number);
    for (int rank = 0; rank < comm->count; ++rank)
      if (!isThere(rank))
        return cuda::notReady;
    for (int rank = 0; rank < comm->count; ++rank) {
      const Part part = read(comm->file(number, rank));
      if (part.elements != elements || part.kind != kind) {
        complain(fmt::format("sum {} is of {} numbers ({}) on rank {}, and of {} ({}) on rank {}", number,
                             elements, nameOf(kind), comm->rank, part.elements, nameOf(part.kind), rank));
        return launchFailed;
      }
      take(part, rank);
    }
    if (number > 0)
      std::filesystem::remove(comm->file(number - 1, comm->rank));
    ++comm->done;
    comm->doneInGraphs += graphs != nullptr;
    return cuda::success;
  }
};

// Has the exchange done when the stream comes to it.
Result start(const Exchange &exchange, cuda::Stream stream) {
  exchange.comm->asked += exchange.graphs == nullptr;
  const Call call{stream, [exchange] { return exchange.carryOut(); }};
  if (groups > 0)
    grouped.push_back(call);
  else if (enqueue(stream, call.action) != cuda::success)
    return invalidUsage;
  return success;
}

// Returns whether all ranks have left a file of this name, for which it waits so many seconds.
bool allHave(const ncclComm &comm, const std::string &name, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (int rank = 0; rank < comm.count;) {
    if (std::filesystem::exists(fmt::format("{}/{}.{}", comm.folder, name, rank)))
      ++rank;
    else if (Clock::now() > end)
      return false;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void leaveFile(const ncclComm &comm, const std::string &name) {
  std::ofstream(fmt::format("{}/{}.{}", comm.folder, name, comm.rank)) << comm.count;
}

} // namespace

extern "C" {

const char *ncclGetErrorString(Result result) {
  return result == systemError   ? "unhandled system error"
         : result == remoteError ? "remote process exited or there was a network error"
                                 : "invalid usage";
}

Result ncclGetVersion(int *version) {
  const char *told = std::getenv("KINEMA_STANDIN_NCCL_VERSION");
  *version = told ? std::atoi(told) : 22809;
  return success;
}

// Ranks that have the same address in NCCL_COMM_ID have the same folder.
Result ncclGetUniqueId(UniqueId *id) {
  const char *address = std::getenv("NCCL_COMM_ID");
  std::string folder = std::filesystem::temp_directory_path() /
                       (address ? fmt::format("nccl-standin-{}", address) : "nccl-standin-XXXXXX");
  std::error_code error;
  const bool isThere = address ? std::filesystem::create_directories(folder, error) || !error
                               : mkdtemp(folder.data()) != nullptr;
  if (!isThere || folder.size() >= sizeof id->internal)
    return complain("its folder cannot be made");
  std::strcpy(id->internal, folder.c_str());
  return ncclIs("id") ? systemError : success;
}

Result ncclCommInitRank(Communicator *made, int count, UniqueId id, int rank) {
  if (rank < 0 || rank >= count || !std::filesystem::is_directory(id.internal))
    return complain(fmt::format("rank {} of {} joins with an id that is none", rank, count));
  const char *algorithm = std::getenv("NCCL_ALGO");
  if (!algorithm || std::strcmp(algorithm, "Ring") != 0)
    return complain("sums have no order that is known: NCCL_ALGO is not Ring");
  if (ncclIs("init"))
    return systemError;
  auto *comm = new ncclComm;
  comm->folder = id.internal;
  comm->rank = rank;
  comm->count = count;
  if (ncclIs("apart") && rank == 1)
    std::this_thread::sleep_for(std::chrono::seconds(60));
  leaveFile(*comm, "joined");
  if (!allHave(*comm, "joined", 60))
    return complain("not all ranks have joined");
  *made = *communicators.insert(comm).first;
  return success;
}

static Result leave(Communicator comm) {
  if (!communicators.erase(comm))
    return complain("ranks that have not joined are left");
  leaveFile(*comm, "left");
  std::error_code ignored;
  if (allHave(*comm, "left", 0)) // the last one
    std::filesystem::remove_all(comm->folder, ignored);
  comm->left = true;
  return success;
}

Result ncclCommDestroy(Communicator comm) {
  if (!communicators.contains(comm))
    return leave(comm);
  const int64_t sums = comm->asked - (comm->done - comm->doneInGraphs);
  if (sums != 0 || !comm->operations.empty())
    complain(fmt::format("left behind: {} sums, {} operations", sums, comm->operations.size()));
  if (comm->graphs.use_count() > 1)
    complain("a graph has sums of ranks that are left");
  return leave(comm);
}

Result ncclCommAbort(Communicator comm) { return leave(comm); }

Result ncclCommGetAsyncError(Communicator comm, Result *error) {
  *error = ncclIs("async") ? remoteError : inProgress;
  return communicators.contains(comm) ? success : complain("ranks that have not joined are asked for errors");
}

Result ncclGroupStart() {
  ++groups;
  return ncclIs("group") ? systemError : success;
}

Result ncclGroupEnd() {
  if (groups == 0 || --groups > 0)
    return groups == 0 ? complain("a group ends that was not begun") : success;
  for (const auto &[stream, action] : std::exchange(grouped, {})) {
    if (enqueue(stream, action) != cuda::success)
      return invalidUsage;
    if (ncclIs("early"))
      progress(stream);
  }
  return ncclIs("start") ? systemError : success;
}

Result ncclRedOpCreatePreMulSum(Operation *operation, void *factor, int type, int residence,
                                Communicator comm) {
  if (!communicators.contains(comm) || type != float32 || residence != scalarOfHost)
    return complain(
        "a weighted sum of ranks that have not joined, of another type or with a factor elsewhere");
  *operation = firstOwn;
  while (comm->operations.contains(*operation))
    ++*operation;
  comm->operations[*operation] = *static_cast<float *>(factor);
  return ncclIs("weight") ? systemError : success;
}

Result ncclRedOpDestroy(Operation operation, Communicator comm) {
  return communicators.contains(comm) && comm->operations.erase(operation)
             ? success
             : complain("an operation is forgotten that was not made");
}

Result ncclAllReduce(const void *from, void *to, size_t count, int type, Operation operation,
                     Communicator comm, cuda::Stream stream) {
  const bool isRounded = type == bfloat16 && operation == nccl::sum;
  if (!communicators.contains(comm) || (type != float32 && !isRounded) || groups == 0)
    return complain("a sum of ranks that have not joined, of another type or outside a group");
  if (operation != nccl::sum && !comm->operations.contains(operation))
    return complain(fmt::format("operation {} does not exist", operation));
  const bool isWeighted = operation != nccl::sum;
  const Kind kind = isRounded ? Kind::RoundedSum : isWeighted ? Kind::WeightedSum : Kind::Sum;
  if (count == 0 || !lies(from, count * bytesOfElement(kind)) || !lies(to, count * bytesOfElement(kind)))
    return complain("what is to be added up lies outside the GPU's memory");
  if (ncclIs("order") && comm->rank == 1 && count > 1)
    --count;
  start({comm, isCaptured(stream) ? comm->graphs : nullptr, kind, from, to, count,
         isWeighted ? comm->operations.at(operation) : 1.0f},
        stream);
  return ncclIs("sum") ? systemError : success;
}

Result ncclAllGather(const void *from, void *to, size_t count, int type, Communicator comm,
                     cuda::Stream stream) {
  if (!communicators.contains(comm) || type != byte || count == 0 || !lies(from, count) ||
      !lies(to, count * static_cast<size_t>(comm->count)))
    return complain("what is to be gathered is of another type or lies outside the GPU's memory");
  return start({comm, isCaptured(stream) ? comm->graphs : nullptr, Kind::Gather, from, to, count}, stream);
}

} // extern "C"
