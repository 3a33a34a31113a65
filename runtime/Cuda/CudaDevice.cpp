// Makes an NVIDIA GPU a device, by means of the driver API. One stream computes; another brings copies in
// beside it, through pinned memory and a staging area on the GPU, so that a batch travels while the step
// before it runs.
#include "runtime/Cuda/CudaGroup.h"
#include "runtime/Cuda/Driver.h"
#include "runtime/Cuda/Nccl.h"
#include "runtime/Device/CudaTargets.h"
#include "runtime/Device/Device.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace kinema {
namespace {

using namespace cuda;

constexpr int64_t slotBytes = int64_t{32} << 20; // bytes of one piece of a copy
constexpr size_t maxSlots = 8;
constexpr size_t logBytes = 8192;

bool wantsSynchronous() {
  const char *value = std::getenv("KINEMA_CUDA_SYNC");
  return value && value == std::string_view("1");
}

// Early launches can be switched off, to see what they are worth.
bool wantsEarly() {
  const char *value = std::getenv("KINEMA_CUDA_EARLY");
  return !value || value != std::string_view("0");
}

double gigabytes(int64_t bytes) { return static_cast<double>(bytes) * 1e-9; }

// Returns, for instance, "sm_90", or an empty string where the driver does not say.
std::string architectureOf(DeviceNumber device) {
  int major = 0, minor = 0;
  if (driver().deviceGetAttribute(&major, attributeMajor, device) != success ||
      driver().deviceGetAttribute(&minor, attributeMinor, device) != success)
    return "";
  return fmt::format("sm_{}{}", major, minor);
}

// Returns the most shared memory that a block may have; null where the driver does not say.
std::optional<int64_t> sharedBytesOf(DeviceNumber device) {
  int bytes = 0;
  if (driver().deviceGetAttribute(&bytes, attributeMaxSharedPerBlock, device) != success)
    return std::nullopt;
  return bytes;
}

// Holds pinned memory and its counterpart on the GPU, with the events after which each may be used again.
struct Slot {
  void *host = nullptr;
  DeviceAddress device = 0;
  Event arrived = nullptr, free = nullptr;
  bool used = false;
};

struct Fetch {
  void *host = nullptr;
  int64_t capacity = 0, bytes = 0;
  Event done = nullptr;
  bool busy = false;
};

class CudaDevice final : public Device {
public:
  CudaDevice(int ordinal, const std::string &target);
  ~CudaDevice() override;

  std::string describe() const override { return name + otherCode; }
  void enterThread() override { check(api.setCurrent(context), "entering the context"); }
  void allocate(int64_t bytes) override;
  void copyIn(int64_t offset, const void *from, int64_t bytes) override;
  void copyOut(int64_t offset, void *to, int64_t bytes) override {
    finishCopyOut(beginCopyOut(offset, bytes), to);
  }
  CopyId beginCopyOut(int64_t offset, int64_t bytes) override;
  void finishCopyOut(CopyId id, void *to) override;
  void fill(int64_t offset, int64_t bytes, uint32_t pattern) override;
  void loadCode(std::string_view content, const std::string &origin) override;
  void watch(const std::vector<std::string> &names) override;
  void beginLaunchesEarly() override;
  LaunchId prepare(const LaunchDescription &description) override;
  SequenceId prepareSequence(const std::string &name, std::span<const LaunchId> ids,
                             ArenaRange zeroed) override;
  std::optional<SequenceId> prepareSequenceWithSums(const std::string &name, std::span<const LaunchId> ids,
                                                    ArenaRange zeroed,
                                                    std::span<const SequenceSums> sums) override;
  bool capturesSums() const override { return !synchronous; }
  void launch(LaunchId id) override;
  void run(SequenceId id) override;
  void wait() override;
  DeviceLink link() override;
  std::string makeGroup() override { return makeGroupId(); }
  void join(const DeviceGroup &group) override { joined.emplace(group); }
  void addUp(std::span<const ArenaSum> sums) override;
  void awaitSums() override { joined.value().putBefore(compute); }
  void mark(int64_t number) override;
  double secondsBetween(int64_t from, int64_t to) override;
  bool launchesAhead() const override { return true; }
  int64_t memory() const override {
    return arenaBytes + static_cast<int64_t>(slots.size()) * slotBytes + (joined ? joined->memory() : 0);
  }

private:
  struct Ready {
    std::string name; // of the kernel and its layer, for messages
    Function function;
    unsigned grid, block, shared;
    std::vector<DeviceAddress> arguments; // the record of a watchdog is the last one
    std::vector<cuda::TensorMap> maps;    // behind those of the description
    std::vector<void *> pointers;         // to all of these
  };
  struct Sequence {
    std::string name;
    std::vector<LaunchId> launches;
    ArenaRange zeroed; // filled at the start of the graph
    std::vector<SequenceSums> sums = {};
    GraphExec graph = nullptr;
  };

  std::string whereItWaits() const;
  Function find(const std::string &symbol);
  // Throws Error, saying that `what` was being done, where the result is an error.
  void check(Result result, std::string_view what);
  DeviceAddress at(int64_t offset, int64_t bytes) const;
  Slot &takeSlot();
  void await(Event event, const std::string &what);
  void clear(ArenaRange range);
  SequenceId addSequence(Sequence sequence);
  GraphExec capture(const Sequence &sequence);
  cuda::TensorMap encode(const BoxMap &map, const Ready &ready);
  void start(const Ready &ready, bool early = false);

  const Driver &api;
  DeviceNumber device = 0;
  Context context = nullptr;
  std::string name;
  std::string otherCode; // says what the code is for, where that is another GPU
  std::string target;    // of the code
  Stream compute = nullptr, copies = nullptr;
  DeviceAddress arena = 0;
  int64_t arenaBytes = 0;
  std::vector<Module> modules;
  bool synchronous = wantsSynchronous();
  bool early = false; // whether launches of a graph may begin before the ones before them have ended
  std::string running = "nothing"; // what was started last
  std::vector<Slot> slots;
  size_t nextSlot = 0;
  std::vector<Fetch> fetches;
  std::map<std::string, Function> functions;
  std::vector<Ready> launches;
  std::vector<Sequence> sequences;
  std::vector<Event> moments;
  std::optional<CudaGroup> joined; // with the GPUs of other ranks
  // The watchdog writes this word. It lies in this machine's memory, which survives what ends a kernel.
  volatile uint64_t *record = nullptr;
  std::vector<std::string> sites;
};

//===-- The GPU -----------------------------------------------------------===//

CudaDevice::CudaDevice(int ordinal, const std::string &target) : api(driver()), target(target) {
  int count = 0;
  check(api.deviceGetCount(&count), "counting GPUs");
  if (ordinal >= count)
    fail("there is no GPU {}: this machine has {}, numbered from 0", ordinal, count);
  check(api.deviceGet(&device, ordinal), "finding the GPU");
  char text[128] = {};
  check(api.deviceGetName(text, sizeof text - 1, device), "asking for the GPU's name");
  name = fmt::format("GPU {}, {}", ordinal, text);
  const std::string architecture = architectureOf(device);
  const CudaFit fit = cudaFit(target, architecture);
  if (fit == CudaFit::None)
    fail("{} is {}, the package's code is for {}; compile it for this GPU", name, architecture, target);
  if (fit != CudaFit::Exact)
    otherCode = fmt::format(" ({} for {})", fit == CudaFit::AsText ? "PTX" : "code", target);
  check(api.primaryContextRetain(&context, device), "making a context");
  check(api.setCurrent(context), "entering the context");
  check(api.streamCreate(&compute, streamNonBlocking), "making a stream");
  check(api.streamCreate(&copies, streamNonBlocking), "making a stream");
}

// NCCL wants graphs with its sums to go before its communicators, and these before waits for what other
// ranks may have left undone.
CudaDevice::~CudaDevice() {
  for (Sequence &sequence : sequences)
    if (sequence.graph)
      api.graphExecDestroy(sequence.graph);
  joined.reset();
  api.streamSynchronize(copies);
  api.streamSynchronize(compute);
  for (Slot &slot : slots) {
    api.memFreeHost(slot.host);
    api.memFree(slot.device);
    api.eventDestroy(slot.arrived);
    api.eventDestroy(slot.free);
  }
  for (Fetch &fetch : fetches) {
    api.memFreeHost(fetch.host);
    api.eventDestroy(fetch.done);
  }
  for (Event moment : moments)
    api.eventDestroy(moment);
  if (record)
    api.memFreeHost(const_cast<uint64_t *>(record));
  for (Module module : modules)
    api.moduleUnload(module);
  if (arena)
    api.memFree(arena);
  api.streamDestroy(copies);
  api.streamDestroy(compute);
  api.primaryContextRelease(device);
}

void CudaDevice::check(Result result, std::string_view what) {
  if (result != success)
    fail("{}: {} failed: {} ({}){}", name.empty() ? "the NVIDIA driver" : name, what, cuda::describe(result),
         nameOf(result), whereItWaits());
}

// Says what the watchdog of a kernel has written (the pass watch-nvgpu-waits); returns an empty string where
// it has written nothing.
std::string CudaDevice::whereItWaits() const {
  uint64_t told = record ? *record : 0;
  if (told == 0)
    return "";
  uint64_t site = (told >> 40) - 1, block = told >> 16 & 0xFFFFFF, thread = told & 0xFFFF;
  return fmt::format("; thread {} of block {} waits for ever in kernel {}", thread, block,
                     site < sites.size() ? sites[site] : fmt::format("at site {}", site));
}

void CudaDevice::watch(const std::vector<std::string> &names) {
  void *memory = nullptr;
  check(api.memAllocHost(&memory, sizeof(uint64_t)), "allocating the watchdog's record");
  record = static_cast<volatile uint64_t *>(memory);
  *record = 0;
  sites = names;
}

void CudaDevice::allocate(int64_t bytes) {
  size_t free = 0, total = 0;
  check(api.memGetInfo(&free, &total), "asking for free memory");
  int64_t needed = bytes + 2 * slotBytes;
  if (needed > static_cast<int64_t>(free))
    fail("{} has {:.2f} GB of {:.2f} GB free, the network needs {:.2f} GB: compile it with a smaller --batch",
         name, gigabytes(static_cast<int64_t>(free)), gigabytes(static_cast<int64_t>(total)),
         gigabytes(needed));
  arenaBytes = std::max<int64_t>(bytes, 4);
  check(api.memAlloc(&arena, arenaBytes), "allocating the arena");
  fill(0, arenaBytes / 4 * 4, 0);
}

DeviceAddress CudaDevice::at(int64_t offset, int64_t bytes) const {
  if (offset < 0 || bytes < 0 || bytes > arenaBytes - offset)
    fail("{} bytes at {} lie outside the arena of {}", bytes, offset, arenaBytes);
  return arena + offset;
}

//===-- Copies ------------------------------------------------------------===//

// Returns a new slot while there are few, else the one that was used longest ago, once it is free.
Slot &CudaDevice::takeSlot() {
  if (slots.size() < maxSlots && (slots.empty() || slots[nextSlot].used)) {
    Slot slot;
    check(api.memAllocHost(&slot.host, slotBytes), "allocating pinned memory");
    check(api.memAlloc(&slot.device, slotBytes), "allocating memory for copies");
    check(api.eventCreate(&slot.arrived, eventDisableTiming), "making an event");
    check(api.eventCreate(&slot.free, eventDisableTiming), "making an event");
    nextSlot = slots.size();
    slots.push_back(slot);
  }
  Slot &slot = slots[nextSlot];
  nextSlot = (nextSlot + 1) % slots.size();
  if (slot.used)
    await(slot.free, "waiting for a copy behind " + running);
  slot.used = true;
  return slot;
}

void CudaDevice::copyIn(int64_t offset, const void *from, int64_t bytes) {
  DeviceAddress to = at(offset, bytes);
  for (int64_t done = 0; done < bytes; done += slotBytes) {
    int64_t part = std::min(slotBytes, bytes - done);
    Slot &slot = takeSlot();
    std::memcpy(slot.host, static_cast<const char *>(from) + done, part);
    check(api.copyToDevice(slot.device, slot.host, part, copies), "copying to the GPU");
    check(api.eventRecord(slot.arrived, copies), "marking a copy");
    check(api.streamWaitEvent(compute, slot.arrived, 0), "waiting for a copy");
    check(api.copyOnDevice(to + done, slot.device, part, compute), "copying on the GPU");
    check(api.eventRecord(slot.free, compute), "marking a copy");
  }
}

CopyId CudaDevice::beginCopyOut(int64_t offset, int64_t bytes) {
  DeviceAddress from = at(offset, bytes);
  auto idle = std::find_if(fetches.begin(), fetches.end(),
                           [&](const Fetch &fetch) { return !fetch.busy && fetch.capacity >= bytes; });
  if (idle == fetches.end()) {
    Fetch fetch;
    fetch.capacity = std::max<int64_t>(bytes, 4096);
    check(api.memAllocHost(&fetch.host, fetch.capacity), "allocating pinned memory");
    check(api.eventCreate(&fetch.done, eventDisableTiming), "making an event");
    idle = fetches.insert(fetches.end(), fetch);
  }
  idle->busy = true;
  idle->bytes = bytes;
  check(api.copyToHost(idle->host, from, bytes, compute), "copying from the GPU");
  check(api.eventRecord(idle->done, compute), "marking a copy");
  return idle - fetches.begin();
}

void CudaDevice::finishCopyOut(CopyId id, void *to) {
  Fetch &fetch = fetches.at(id);
  await(fetch.done, "copying from the GPU behind " + running);
  std::memcpy(to, fetch.host, fetch.bytes);
  fetch.busy = false;
}

void CudaDevice::fill(int64_t offset, int64_t bytes, uint32_t pattern) {
  check(api.fill(at(offset, bytes), pattern, bytes / 4, compute), "filling memory");
}

void CudaDevice::clear(ArenaRange range) {
  if (range.bytes > 0)
    fill(range.offset, range.bytes, 0);
}

//===-- Code and launches -------------------------------------------------===//

void CudaDevice::loadCode(std::string_view content, const std::string &origin) {
  std::string image(content); // ends with a zero, as the text of PTX must
  std::string log(logBytes, '\0');
  int names[] = {jitErrorLog, jitErrorLogBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(logBytes)};
  Module module = nullptr;
  Result result = api.moduleLoad(&module, image.data(), 2, names, values);
  log.resize(std::strlen(log.c_str()));
  if (result != success)
    fail("{} cannot load {}: {} ({}){}{}", name, origin, cuda::describe(result), nameOf(result),
         log.empty() ? "" : "\n", log);
  modules.push_back(module);
}

Function CudaDevice::find(const std::string &symbol) {
  for (Module module : modules)
    if (Function function = nullptr; api.moduleGetFunction(&function, module, symbol.c_str()) == success)
      return function;
  fail("the package's code has no kernel {}", symbol);
}

LaunchId CudaDevice::prepare(const LaunchDescription &description) {
  Ready ready;
  ready.name = description.layer.empty() ? description.symbol
                                         : fmt::format("{} ({})", description.symbol, description.layer);
  auto [found, isNew] = functions.try_emplace(description.symbol);
  if (isNew) {
    found->second = find(description.symbol);
    if (const auto most = sharedBytesOf(device); most && description.scratch > *most)
      fail("{} gives a block {} bytes of shared memory, kernel {} of the code for {} needs {}; compile the "
           "package for this GPU",
           name, *most, ready.name, target, description.scratch);
    if (description.scratch > 0)
      check(api.functionSetAttribute(found->second, functionMaxDynamicShared,
                                     static_cast<int>(description.scratch)),
            fmt::format("giving {} bytes of shared memory to kernel {}", description.scratch, ready.name));
  }
  ready.function = found->second;
  ready.grid = static_cast<unsigned>(description.grid);
  ready.block = static_cast<unsigned>(description.block);
  ready.shared = static_cast<unsigned>(description.scratch);
  for (int64_t offset : description.args)
    ready.arguments.push_back(at(offset, 0));
  for (const BoxMap &map : description.maps)
    ready.maps.push_back(encode(map, ready));
  if (record) // pinned memory has the same address on the GPU
    ready.arguments.push_back(reinterpret_cast<DeviceAddress>(record));
  launches.push_back(std::move(ready));
  Ready &kept = launches.back(); // whose vectors keep their places when launches move
  for (DeviceAddress &argument : kept.arguments)
    kept.pointers.push_back(&argument);
  std::vector<void *> maps;
  for (cuda::TensorMap &map : kept.maps)
    maps.push_back(&map);
  kept.pointers.insert(kept.pointers.begin() + static_cast<ptrdiff_t>(description.args.size()), maps.begin(),
                       maps.end());
  return static_cast<LaunchId>(launches.size()) - 1;
}

// Returns what the copy engine reads of an argument of the launch.
cuda::TensorMap CudaDevice::encode(const BoxMap &map, const Ready &ready) {
  if (!api.tensorMapEncode)
    fail("kernel {} needs a driver that knows tensor maps; install version 525 or a newer one", ready.name);
  BoxMapAxes axes(map);
  cuda::TensorMap encoded;
  void *address = reinterpret_cast<void *>(ready.arguments[static_cast<size_t>(map.buffer)]);
  check(api.tensorMapEncode(&encoded, cuda::tensorOfWords, axes.rank, address, axes.sizes.data(),
                            axes.strides.data() + 1, axes.box.data(), axes.steps.data(), cuda::tensorPlain,
                            cuda::tensorPlain, cuda::tensorPromotion, cuda::tensorPlain),
        "describing a tensor to kernel " + ready.name);
  return encoded;
}

// `early`: the kernel waits by itself for the one before it.
void CudaDevice::start(const Ready &ready, bool early) {
  if (ready.grid == 0)
    return;
  auto arguments = const_cast<void **>(ready.pointers.data());
  LaunchAttribute attribute = {launchEarly, 0, {1}};
  LaunchConfig config = {ready.grid, 1, 1, ready.block, 1, 1, ready.shared, compute, &attribute, 1};
  check(early ? api.launchKernelWith(&config, ready.function, arguments, nullptr)
              : api.launchKernel(ready.function, ready.grid, 1, 1, ready.block, 1, 1, ready.shared, compute,
                                 arguments, nullptr),
        "launching kernel " + ready.name);
}

void CudaDevice::beginLaunchesEarly() {
  constexpr int firstVersion = 12030; // whose graphs have such launches
  int version = 0;
  early = wantsEarly() && api.launchKernelWith && api.driverGetVersion(&version) == success &&
          version >= firstVersion;
}

void CudaDevice::launch(LaunchId id) {
  running = "kernel " + launches[id].name;
  start(launches[id]);
}

SequenceId CudaDevice::prepareSequence(const std::string &sequenceName, std::span<const LaunchId> ids,
                                       ArenaRange zeroed) {
  return addSequence({sequenceName, {ids.begin(), ids.end()}, zeroed});
}

SequenceId CudaDevice::addSequence(Sequence sequence) {
  if (!synchronous && !sequence.launches.empty())
    sequence.graph = capture(sequence);
  sequences.push_back(std::move(sequence));
  return static_cast<SequenceId>(sequences.size()) - 1;
}

std::optional<SequenceId> CudaDevice::prepareSequenceWithSums(const std::string &sequenceName,
                                                              std::span<const LaunchId> ids,
                                                              ArenaRange zeroed,
                                                              std::span<const SequenceSums> sums) {
  if (synchronous || !joined || ids.empty())
    return std::nullopt;
  return addSequence({sequenceName, {ids.begin(), ids.end()}, zeroed, {sums.begin(), sums.end()}});
}

// Pointers never change, so that one capture serves all runs of a sequence. Sums are captured on the stream
// of the ranks' group, which the graph joins at its end at the latest.
GraphExec CudaDevice::capture(const Sequence &sequence) {
  Graph graph = nullptr;
  GraphExec executable = nullptr;
  check(api.beginCapture(compute, captureThreadLocal), "capturing " + sequence.name);
  clear(sequence.zeroed);
  bool behindKernel = false; // else it waits for what is no kernel, and cannot begin early
  auto next = sequence.sums.begin();
  for (size_t i = 0; i <= sequence.launches.size(); ++i) {
    for (; next != sequence.sums.end() && next->behind == static_cast<int64_t>(i); ++next) {
      addUp(next->sums);
      if (next->awaited)
        awaitSums();
      behindKernel &= !next->awaited;
    }
    if (i == sequence.launches.size())
      break;
    const Ready &ready = launches[sequence.launches[i]];
    start(ready, early && behindKernel);
    behindKernel |= ready.grid > 0;
  }
  if (!sequence.sums.empty())
    awaitSums();
  check(api.endCapture(compute, &graph), "capturing " + sequence.name);
  Result result = api.graphInstantiate(&executable, graph, 0);
  api.graphDestroy(graph);
  check(result, "making a graph of " + sequence.name);
  return executable;
}

void CudaDevice::run(SequenceId id) {
  const Sequence &sequence = sequences[id];
  if (sequence.graph) {
    running = sequence.name + " (KINEMA_CUDA_SYNC=1 names the kernel)";
    return check(api.graphLaunch(sequence.graph, compute), "starting " + sequence.name);
  }
  clear(sequence.zeroed);
  for (LaunchId launchId : sequence.launches) {
    launch(launchId);
    wait();
  }
}

void CudaDevice::wait() {
  if (joined)
    joined->await(compute);
  check(api.streamSynchronize(compute), running);
}

// What is waited for may stand behind sums of other ranks, for which a rank does not wait for ever.
void CudaDevice::await(Event event, const std::string &what) {
  if (joined)
    joined->await(event);
  check(api.eventSynchronize(event), what);
}

//===-- Other ranks -------------------------------------------------------===//

DeviceLink CudaDevice::link() {
  DeviceLink link;
  try {
    Uuid uuid{};
    check(api.deviceGetUuid(&uuid, device), "asking for the GPU's UUID");
    for (char byte : uuid.bytes)
      link.device += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    link.library = "NCCL " + nccl::library().version;
  } catch (const Error &error) {
    link.obstacle = error.what();
  }
  return link;
}

void CudaDevice::addUp(std::span<const ArenaSum> sums) {
  std::vector<CudaGroup::Sum> places;
  for (const ArenaSum &sum : sums)
    places.push_back({at(sum.offset, sum.elements * static_cast<int64_t>(sizeof(float))),
                      static_cast<size_t>(sum.elements), sum.factor, sum.rounded});
  joined.value().addUp(places, compute);
}

void CudaDevice::mark(int64_t number) {
  while (static_cast<int64_t>(moments.size()) <= number) {
    Event moment = nullptr;
    check(api.eventCreate(&moment, eventDefault), "making an event");
    moments.push_back(moment);
  }
  check(api.eventRecord(moments[number], compute), "marking a moment");
}

double CudaDevice::secondsBetween(int64_t from, int64_t to) {
  float milliseconds = 0;
  await(moments.at(to), running);
  check(api.eventElapsedTime(&milliseconds, moments.at(from), moments.at(to)), "timing " + running);
  return 1e-3 * milliseconds;
}

} // namespace

std::unique_ptr<Device> makeCudaDevice(int ordinal, const std::string &target) {
  return std::make_unique<CudaDevice>(ordinal, target);
}

std::optional<CudaGpu> findCudaGpu(int number) {
  int count = 0;
  DeviceNumber device = 0;
  if (!cuda::isPresent() || driver().deviceGetCount(&count) != success || number >= count ||
      driver().deviceGet(&device, number) != success)
    return std::nullopt;
  char name[128] = {};
  if (driver().deviceGetName(name, sizeof name - 1, device) != success)
    return std::nullopt;
  return CudaGpu{name, architectureOf(device), sharedBytesOf(device)};
}

std::vector<CudaGpu> cudaGpus() {
  std::vector<CudaGpu> gpus;
  int count = 0;
  if (!cuda::isPresent() || driver().deviceGetCount(&count) != success)
    return gpus;
  for (int number = 0; number < count; ++number)
    if (auto gpu = findCudaGpu(number))
      gpus.push_back(std::move(*gpu));
  return gpus;
}

} // namespace kinema
