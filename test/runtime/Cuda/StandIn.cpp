// A library in place of NVIDIA's driver (libcuda.so.1) on machines without a GPU: checks what each call is
// given, and runs kernels in the emulator. The package whose kernels they are is named by
// KINEMA_STANDIN_PACKAGE, one that was compiled with --emulator. Everything asynchronous happens as late as
// it may: when somebody waits, and then only what was waited for. What must not be is told on stderr and is
// an error of the call.
#include "runtime/Cuda/Driver.h"
#include "runtime/Emulator/Code.h"
#include "runtime/Emulator/TensorMap.h"
#include "runtime/Package/Package.h"
#include "test/runtime/Cuda/StandInGraph.h"
#include "test/runtime/Cuda/StandInPtx.h"
#include "test/runtime/Cuda/StandInRounding.h"
#include "test/runtime/Cuda/StandInSettings.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <variant>

using namespace kinema;
using namespace kinema::cuda;
using namespace kinema::standin;

namespace {

constexpr Result invalidValue = 1, launchFailed = 719, notFound = 500;
constexpr size_t totalBytes = size_t{4} << 30;
constexpr int sharedWithoutAttribute = 49152, maxThreadsOfBlock = 1024;

Result complain(const std::string &what) {
  fmt::print(stderr, "stand-in for the driver: {}\n", what);
  return invalidValue;
}

} // namespace

struct CUgraph_st;

struct CUevent_st {
  CUstream_st *stream = nullptr; // of its last record
  size_t position = 0;           // actions of the stream that come before it
  bool timed = false;
  CUgraph_st *graph = nullptr; // in which it was captured: then the position is in the branch of that number
  size_t branch = 0;
};

struct CUstream_st {
  std::deque<Action> actions;
  size_t done = 0, queued = 0;
  CUgraph_st *graph = nullptr; // that is captured, and which of its branches is this stream's
  size_t branch = 0;
  bool afterKernel = false; // whether what was captured last is a kernel
};

struct CUfunc_st {
  std::string name;
  const emulator::Kernel *kernel = nullptr;
  std::vector<bool> parameters; // of each, whether it is a tensor map, by value, in place of an address
  bool waits = false;           // for the launch before its own, before it touches global memory
  int dynamicShared = sharedWithoutAttribute;
};

struct CUgraph_st {
  Branches branches = Branches(1);
  std::vector<size_t> joined = {0}; // of each branch, how many steps others wait for
  int launches = 0, early = 0;      // kernels, and those that may begin before the one before them has ended
};

struct CUgraphExec_st {
  std::shared_ptr<const Branches> branches;
};

struct CUmod_st {
  emulator::Code code;
  std::string text; // PTX
  std::map<std::string, CUfunc_st> functions;
};

struct CUctx_st {};

namespace {

struct State {
  CUctx_st context;
  int contexts = 0;
  std::map<DeviceAddress, size_t> memory;
  std::map<const char *, size_t> pinned;
  std::set<CUstream_st *> streams;
  std::set<CUevent_st *> events;
  std::set<CUmod_st *> modules;
  std::set<CUgraph_st *> graphs;
  std::set<CUgraphExec_st *> executables;
  Result sticky = success; // of what was executed asynchronously
} state;

thread_local bool current = false; // whether the thread is in the context

template <typename Map, typename Key> bool holds(const Map &ranges, Key begin, size_t bytes) {
  auto range = ranges.upper_bound(begin);
  if (range == ranges.begin())
    return false;
  --range;
  return begin + bytes <= range->first + range->second;
}

Result drain(CUstream_st *stream, size_t position) {
  while (stream->done < position && state.sticky == success) {
    const Result result = stream->actions.front()();
    if (result == notReady)
      return notReady;
    stream->actions.pop_front();
    ++stream->done;
    state.sticky = result;
  }
  return state.sticky;
}

// Waits even for what other processes have to do first.
Result drainAll(CUstream_st *stream, size_t position) {
  Result result = success;
  while ((result = drain(stream, position)) == notReady)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return result;
}

Result enqueue(CUstream_st *stream, Action action) {
  if (!current)
    return complain("a call without a current context");
  if (!state.streams.count(stream))
    return complain("a call with a stream that does not exist");
  if (stream->graph) {
    stream->graph->branches[stream->branch].push_back({std::move(action)});
    return success;
  }
  stream->actions.push_back(std::move(action));
  ++stream->queued;
  return state.sticky;
}

// An argument of a launch: an address or, as it was when the launch was asked for, a tensor map.
using Argument = std::variant<DeviceAddress, emulator::TensorMap>;

Result execute(const CUfunc_st &function, int64_t grid, unsigned block, unsigned shared,
               const std::vector<Argument> &arguments) {
  emulator::Launch launch;
  launch.kernel = function.kernel;
  launch.grid = grid;
  launch.dynamicShared = shared;
  if (block != unsigned(function.kernel->threads[0]))
    return complain(fmt::format("kernel {} is made for {} threads a block, was launched with {}",
                                function.name, function.kernel->threads[0], block));
  for (auto [address, bytes] : state.memory)
    launch.memory.push_back({reinterpret_cast<std::byte *>(address), int64_t(bytes)});
  for (const Argument &given : arguments) {
    if (auto *map = std::get_if<emulator::TensorMap>(&given)) {
      if (map->magic != emulator::TensorMap::valid || !holds(state.memory, map->address, map->span()))
        return complain(
            fmt::format("kernel {} was given a tensor map of what is not the GPU's", function.name));
      launch.args.push_back(const_cast<emulator::TensorMap *>(map));
      continue;
    }
    DeviceAddress argument = std::get<DeviceAddress>(given);
    if (!holds(state.memory, argument, 0) &&
        !holds(state.pinned, reinterpret_cast<const char *>(argument), sizeof(uint64_t)))
      return complain(fmt::format("kernel {} was given an address that is none of the GPU's", function.name));
    launch.args.push_back(reinterpret_cast<void *>(argument));
  }
  if (isSet("KINEMA_STANDIN_FAIL", function.name))
    return launchFailed;
  // As a watchdog's: what thread 35 of block 2 would leave.
  const char *site = std::getenv("KINEMA_STANDIN_SITE");
  if (site && isSet("KINEMA_STANDIN_HANG", function.name)) {
    *reinterpret_cast<uint64_t *>(std::get<DeviceAddress>(arguments.back())) =
        (std::strtoull(site, nullptr, 10) + 1) << 40 | 2 << 16 | 35;
    return launchFailed;
  }
  auto violation = emulator::run(launch);
  if (violation)
    complain(violation->what);
  return violation ? launchFailed : success;
}

Result copy(void *to, const void *from, size_t bytes, Stream stream) {
  return enqueue(stream, [=] {
    std::memcpy(to, from, bytes);
    return success;
  });
}

void *hostOf(DeviceAddress address) { return reinterpret_cast<void *>(address); }

template <typename Handle> Result forget(std::set<Handle *> &all, Handle *handle, const char *what) {
  if (!all.erase(handle))
    return complain(fmt::format("{} that does not exist is destroyed", what));
  delete handle;
  return success;
}

} // namespace

// What a library in place of NCCL asks of this one (NcclStandIn.cpp).
extern "C" {
Result kinemaStandInEnqueue(Stream stream, const Action *action) { return enqueue(stream, *action); }
bool kinemaStandInCaptures(Stream stream) { return stream->graph != nullptr; }
Result kinemaStandInProgress(Stream stream) { return drain(stream, stream->queued); }
bool kinemaStandInHolds(DeviceAddress address, size_t bytes) { return holds(state.memory, address, bytes); }
}

extern "C" {

Result cuInit(unsigned flags) { return flags == 0 && !lacks("start") ? success : invalidValue; }

Result cuGetErrorName(Result error, const char **text) {
  *text = error == launchFailed  ? "CUDA_ERROR_LAUNCH_FAILED"
          : error == outOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
                                 : "CUDA_ERROR_INVALID_VALUE";
  return success;
}

Result cuGetErrorString(Result error, const char **text) {
  *text = error == launchFailed  ? "unspecified launch failure"
          : error == outOfMemory ? "out of memory"
                                 : "invalid argument";
  return success;
}

Result cuDriverGetVersion(int *version) {
  *version = lacks("early launches") ? 12000 : 13000;
  return success;
}

Result cuDeviceGetCount(int *count) {
  *count = lacks("GPUs") ? 0 : gpus();
  return success;
}

Result cuDeviceGet(DeviceNumber *device, int ordinal) {
  if (lacks("GPU"))
    return invalidValue;
  *device = ordinal;
  return ordinal < gpus() ? success : complain(fmt::format("there are {} GPUs", gpus()));
}

// The GPUs of all processes are those of one machine.
Result cuDeviceGetUuid(Uuid *uuid, DeviceNumber device) {
  *uuid = {"a stand-in"};
  uuid->bytes[sizeof uuid->bytes - 1] = static_cast<char>(device);
  return lacks("UUIDs") ? invalidValue : success;
}

Result cuDeviceGetName(char *name, int length, DeviceNumber) {
  std::strncpy(name, "stand-in for an H200", length);
  return success;
}

Result cuDeviceGetAttribute(int *value, int attribute, DeviceNumber) {
  static const int capability = capabilityTold();
  static const std::map<int, int> values = {{attributeMultiprocessors, 132},
                                            {attributeMajor, capability / 10},
                                            {attributeMinor, capability % 10},
                                            {attributeMaxSharedPerBlock, maxShared()}};
  auto found = values.find(attribute);
  if (found == values.end())
    return complain(fmt::format("device attribute {} is not known", attribute));
  *value = found->second;
  return success;
}

Result cuDevicePrimaryCtxRetain(Context *context, DeviceNumber) {
  *context = &state.context;
  ++state.contexts;
  return success;
}

Result cuDevicePrimaryCtxRelease_v2(DeviceNumber) {
  if (--state.contexts == 0 &&
      !(state.memory.empty() && state.pinned.empty() && state.streams.empty() && state.events.empty() &&
        state.modules.empty() && state.graphs.empty() && state.executables.empty()))
    return complain(
        fmt::format("left behind: {} allocations, {} pinned, {} streams, {} events, {} modules, {} graphs, "
                    "{} executable graphs",
                    state.memory.size(), state.pinned.size(), state.streams.size(), state.events.size(),
                    state.modules.size(), state.graphs.size(), state.executables.size()));
  return success;
}

Result cuCtxSetCurrent(Context context) {
  current = context == &state.context;
  return success;
}

Result cuCtxGetCurrent(Context *context) {
  *context = current ? &state.context : nullptr;
  return success;
}

Result cuMemGetInfo_v2(size_t *free, size_t *total) {
  *total = *free = totalBytes;
  for (auto [address, bytes] : state.memory)
    *free -= bytes;
  if (const char *bytes = std::getenv("KINEMA_STANDIN_FREE"))
    *free = std::strtoull(bytes, nullptr, 10);
  return success;
}

Result cuMemAlloc_v2(DeviceAddress *address, size_t bytes) {
  void *memory = bytes ? std::aligned_alloc(512, (bytes + 511) / 512 * 512) : nullptr;
  if (!memory)
    return outOfMemory;
  std::memset(memory, 0xFF, bytes); // NaNs
  *address = reinterpret_cast<DeviceAddress>(memory);
  state.memory[*address] = bytes;
  return success;
}

Result cuMemFree_v2(DeviceAddress address) {
  if (!state.memory.erase(address))
    return complain("memory is freed that was not allocated");
  std::free(hostOf(address));
  return success;
}

Result cuMemAllocHost_v2(void **address, size_t bytes) {
  *address = std::malloc(bytes);
  state.pinned[static_cast<const char *>(*address)] = bytes;
  return *address ? success : outOfMemory;
}

Result cuMemFreeHost(void *address) {
  if (!state.pinned.erase(static_cast<const char *>(address)))
    return complain("pinned memory is freed that was not allocated");
  std::free(address);
  return success;
}

Result cuMemcpyHtoDAsync_v2(DeviceAddress to, const void *from, size_t bytes, Stream stream) {
  if (!holds(state.memory, to, bytes) || !holds(state.pinned, static_cast<const char *>(from), bytes))
    return complain("a copy to the GPU lies outside pinned memory or the GPU's");
  return copy(hostOf(to), from, bytes, stream);
}

Result cuMemcpyDtoHAsync_v2(void *to, DeviceAddress from, size_t bytes, Stream stream) {
  if (!holds(state.memory, from, bytes) || !holds(state.pinned, static_cast<const char *>(to), bytes))
    return complain("a copy from the GPU lies outside pinned memory or the GPU's");
  return copy(to, hostOf(from), bytes, stream);
}

Result cuMemcpyDtoDAsync_v2(DeviceAddress to, DeviceAddress from, size_t bytes, Stream stream) {
  if (!holds(state.memory, from, bytes) || !holds(state.memory, to, bytes))
    return complain("a copy on the GPU lies outside its memory");
  return copy(hostOf(to), hostOf(from), bytes, stream);
}

Result cuMemsetD32Async(DeviceAddress to, unsigned pattern, size_t words, Stream stream) {
  if (!holds(state.memory, to, 4 * words) || to % 4)
    return complain("a fill lies outside the GPU's memory or is not aligned");
  return enqueue(stream, [=] {
    std::fill_n(static_cast<unsigned *>(hostOf(to)), words, pattern);
    return success;
  });
}

Result cuStreamCreate(Stream *stream, unsigned flags) {
  if (flags != streamNonBlocking)
    return complain("a stream that waits for the default stream");
  *stream = *state.streams.insert(new CUstream_st).first;
  return success;
}

Result cuStreamDestroy_v2(Stream stream) { return forget(state.streams, stream, "a stream"); }

Result cuStreamSynchronize(Stream stream) {
  if (!state.streams.count(stream) || stream->graph)
    return complain("a wait for a stream that does not exist or is captured");
  return drainAll(stream, stream->queued);
}

Result cuEventCreate(Event *event, unsigned flags) {
  if (flags & ~eventDisableTiming)
    return complain("an event with unknown flags");
  *event = *state.events.insert(new CUevent_st).first;
  (*event)->timed = !(flags & eventDisableTiming);
  return success;
}

Result cuEventDestroy_v2(Event event) { return forget(state.events, event, "an event"); }

Result cuEventRecord(Event event, Stream stream) {
  if (!state.events.count(event) || !state.streams.count(stream))
    return complain("a record of an event or on a stream that does not exist");
  event->stream = stream;
  event->graph = stream->graph;
  event->branch = stream->branch;
  event->position = stream->graph ? stream->graph->branches[stream->branch].size() : stream->queued;
  return state.sticky;
}

// Waits in a capture for what was captured there; a stream that was not captured joins it so.
static Result waitInCapture(Stream stream, Event event) {
  CUgraph_st *graph = event->graph;
  if (!graph || (stream->graph && stream->graph != graph))
    return complain("a wait in a capture for what is not captured there");
  if (!stream->graph) {
    stream->graph = graph;
    stream->branch = graph->branches.size();
    graph->branches.emplace_back();
    graph->joined.push_back(0);
  }
  graph->branches[stream->branch].push_back({nullptr, event->branch, event->position});
  graph->joined[event->branch] = std::max(graph->joined[event->branch], event->position);
  stream->afterKernel = false;
  return success;
}

Result cuStreamWaitEvent(Stream stream, Event event, unsigned flags) {
  if (!state.events.count(event) || flags)
    return complain("a wait for an event that does not exist");
  if (stream->graph || event->graph)
    return waitInCapture(stream, event);
  CUstream_st *other = event->stream;
  size_t position = event->position;
  if (!other)
    return success;
  return enqueue(stream, [=] { // a stream that is gone by then has been waited for
    return state.streams.count(other) ? drain(other, position) : success;
  });
}

Result cuEventSynchronize(Event event) {
  if (!state.events.count(event) || event->graph)
    return complain("a wait for an event that does not exist or is captured");
  return event->stream ? drainAll(event->stream, event->position) : success;
}

Result cuEventQuery(Event event) {
  if (!state.events.count(event) || event->graph)
    return complain("a question about an event that does not exist or is captured");
  return event->stream ? drain(event->stream, event->position) : success;
}

// A microsecond for each action between the two.
Result cuEventElapsedTime(float *milliseconds, Event from, Event to) {
  for (Event event : {from, to})
    if (!state.events.count(event) || !event->timed || !event->stream)
      return complain("a time is asked of an event that does not exist, takes none or was not recorded");
  if (from->stream != to->stream || to->stream->done < to->position)
    return complain("a time is asked between two streams or of an event that was not waited for");
  *milliseconds = 1e-3f * static_cast<float>(to->position - from->position);
  return success;
}

Result cuModuleLoadDataEx(Module *module, const void *image, unsigned, int *, void **) {
  if (std::strstr(static_cast<const char *>(image), roundKernel)) {
    *module = *state.modules.insert(new CUmod_st).first;
    (*module)->text = static_cast<const char *>(image);
    return success;
  }
  std::string_view begin(static_cast<const char *>(image), 4);
  try {
    Package package(packageFile());
    bool isElf = begin == "\177ELF";
    if (!isElf && std::string_view(static_cast<const char *>(image)) != textOf(package))
      return complain("a module that is neither a cubin nor the package's PTX");
    auto loaded = std::make_unique<CUmod_st>();
    // A cubin of test/tools/kinema/Inputs/ptxas has its own kernels alone.
    std::string text = isElf ? static_cast<const char *>(image) + begin.size() : "";
    loaded->text = text.find(".entry") != std::string::npos ? text : textOf(package);
    loaded->code.load(package.read("code/emulator.so"), "code/emulator.so");
    *module = *state.modules.insert(loaded.release()).first;
    return success;
  } catch (const std::exception &error) {
    return complain(error.what());
  }
}

Result cuModuleUnload(Module module) { return forget(state.modules, module, "a module"); }

Result cuModuleGetFunction(Function *function, Module module, const char *name) {
  auto parameters = state.modules.count(module) ? parametersOf(module->text, name) : std::nullopt;
  if (!parameters)
    return notFound;
  auto [found, isNew] = module->functions.try_emplace(name);
  if (isRounding(name))
    found->second.name = name;
  else if (isNew)
    found->second = {name, &module->code.find(name), *parameters, waitsFirst(module->text, name),
                     sharedWithoutAttribute};
  *function = &found->second;
  return success;
}

Result cuFuncSetAttribute(Function function, int attribute, int value) {
  if (attribute != functionMaxDynamicShared || value < 0 || value > maxShared())
    return complain(fmt::format("attribute {} of a function is set to {}", attribute, value));
  function->dynamicShared = value;
  return success;
}

// A row of blocks has a tensor.
static Result launchRounding(const std::string &kernel, unsigned rows, Stream stream, void **arguments) {
  const auto table = *static_cast<RoundingTable *>(arguments[0]);
  const auto rounded = *static_cast<DeviceAddress *>(arguments[1]);
  if (rows == 0 || rows > RoundingTable::mostTensors)
    return complain(fmt::format("kernel {} is launched with {} rows of blocks", kernel, rows));
  uint32_t next = table.tensors[0].first;
  for (const auto &[address, first, count] : std::span(table.tensors).first(rows)) {
    if (first != std::exchange(next, first + count))
      return complain(fmt::format("kernel {} was given tensors that do not lie behind each other", kernel));
    if (!holds(state.memory, address, count * sizeof(float)) ||
        !holds(state.memory, rounded + first * sizeof(uint16_t), count * sizeof(uint16_t)))
      return complain(fmt::format("kernel {} was given numbers that are not the GPU's", kernel));
  }
  return enqueue(stream, [=] {
    roundOrWiden(kernel, std::span(table.tensors).first(rows), rounded);
    return success;
  });
}

Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                      unsigned blockY, unsigned blockZ, unsigned shared, Stream stream, void **arguments,
                      void **extra) {
  if (isRounding(function->name) && gridX && gridZ == 1 && blockX && blockX <= maxThreadsOfBlock &&
      blockY == 1 && blockZ == 1 && shared == 0 && !extra)
    return launchRounding(function->name, gridY, stream, arguments);
  if (!gridX || gridY != 1 || gridZ != 1 || !blockX || blockY != 1 || blockZ != 1 ||
      blockX > maxThreadsOfBlock || extra)
    return complain(
        fmt::format("kernel {} is launched with a grid of {} x {} x {} blocks of {} x {} x {} threads",
                    function->name, gridX, gridY, gridZ, blockX, blockY, blockZ));
  if (int(shared) > function->dynamicShared)
    return complain(fmt::format("kernel {} is launched with {} bytes of shared memory, {} are allowed",
                                function->name, shared, function->dynamicShared));
  std::vector<Argument> values;
  for (size_t i = 0; i < function->parameters.size(); ++i)
    if (function->parameters[i])
      values.push_back(*static_cast<emulator::TensorMap *>(arguments[i]));
    else
      values.push_back(*static_cast<DeviceAddress *>(arguments[i]));
  if (stream->graph) {
    ++stream->graph->launches;
    stream->afterKernel = true;
  }
  return enqueue(stream, [=] { return execute(*function, gridX, blockX, shared, values); });
}

static_assert(sizeof(cuda::TensorMap) == sizeof(emulator::TensorMap));

Result cuTensorMapEncodeTiled(cuda::TensorMap *map, int type, uint32_t rank, void *address,
                              const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                              const uint32_t *steps, int interleave, int swizzle, int promotion, int fill) {
  if (reinterpret_cast<uintptr_t>(map) % alignof(cuda::TensorMap) || type != tensorOfWords || interleave ||
      swizzle || fill || promotion != tensorPromotion || rank > emulator::mostDimensions)
    return complain("a tensor is described in another way than the runtime does");
  emulator::TensorParameters p;
  p.address = address;
  p.elementBytes = sizeof(uint64_t);
  p.rank = int(rank);
  std::copy_n(sizes, rank, p.dims.begin());
  std::copy_n(strides, rank - 1, p.strides.begin() + 1);
  std::copy_n(box, rank, p.box.begin());
  std::copy_n(steps, rank, p.steps.begin());
  try {
    emulator::TensorMap encoded = emulator::encode(p);
    std::memcpy(static_cast<void *>(map), &encoded, sizeof encoded);
  } catch (const std::exception &error) {
    return complain(error.what());
  }
  return success;
}

Result cuLaunchKernelEx(const LaunchConfig *config, Function function, void **arguments, void **extra) {
  const LaunchAttribute *attribute = config->attributes;
  if (config->attributeCount != 1 || attribute->name != launchEarly || attribute->value[0] != 1)
    return complain(fmt::format("kernel {} is launched with other attributes than one", function->name));
  if (!function->waits)
    return complain(fmt::format("kernel {} may begin early, and does not wait", function->name));
  if (!config->stream->graph || !config->stream->afterKernel)
    return complain(fmt::format("kernel {} may begin early, and not behind a kernel", function->name));
  ++config->stream->graph->early;
  return cuLaunchKernel(function, config->gridX, config->gridY, config->gridZ, config->blockX, config->blockY,
                        config->blockZ, config->sharedBytes, config->stream, arguments, extra);
}

Result cuStreamBeginCapture_v2(Stream stream, unsigned mode) {
  if (!state.streams.count(stream) || stream->graph || mode != captureThreadLocal)
    return complain("a capture of a stream that does not exist, is captured already, or in another mode");
  stream->graph = *state.graphs.insert(new CUgraph_st).first;
  stream->branch = 0;
  stream->afterKernel = false;
  return success;
}

Result cuStreamEndCapture(Stream stream, Graph *graph) {
  if (!state.streams.count(stream) || !stream->graph || stream->branch != 0)
    return complain("the end of a capture that was not begun");
  *graph = stream->graph;
  for (size_t branch = 1; branch < (*graph)->branches.size(); ++branch)
    if ((*graph)->joined[branch] < (*graph)->branches[branch].size())
      return complain("a capture ends before what another stream does in it");
  for (CUstream_st *other : state.streams)
    if (other->graph == *graph)
      other->graph = nullptr;
  for (CUevent_st *event : state.events)
    if (event->graph == *graph)
      *event = {.timed = event->timed};
  return success;
}

Result cuGraphInstantiateWithFlags(GraphExec *executable, Graph graph, unsigned long long flags) {
  if (!state.graphs.count(graph) || flags)
    return complain("a graph that does not exist is instantiated");
  if (std::getenv("KINEMA_STANDIN_TELL"))
    std::fprintf(stderr, "a graph whose kernels begin early: %d; late: %d\n", graph->early,
                 graph->launches - graph->early);
  *executable =
      *state.executables.insert(new CUgraphExec_st{std::make_shared<Branches>(graph->branches)}).first;
  return success;
}

Result cuGraphLaunch(GraphExec executable, Stream stream) {
  if (!state.executables.count(executable))
    return complain("a graph that does not exist is launched");
  const size_t steps = executable->branches->front().size();
  auto running = std::make_shared<Running>(
      Running{executable->branches, std::vector<size_t>(executable->branches->size())});
  for (size_t i = 0; i < steps; ++i)
    if (Result result = enqueue(stream,
                                [=] {
                                  const Result done = running->drain(0, i + 1);
                                  if (done == success && ncclIs("early"))
                                    running->progress();
                                  return done;
                                });
        result != success)
      return result;
  return success;
}

Result cuGraphDestroy(Graph graph) { return forget(state.graphs, graph, "a graph"); }
Result cuGraphExecDestroy(GraphExec executable) {
  return forget(state.executables, executable, "an executable graph");
}

} // extern "C"
