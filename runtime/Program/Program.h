// Puts a package on a device: its tensors are reached by name, and its entries run.
#pragma once

#include "runtime/Device/Device.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Program/WeightMatch.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// Holds what one launch of an entry took in each run that was profiled.
struct LaunchTime {
  const Launch *launch = nullptr; // points into the manifest
  std::vector<double> seconds;
};

struct ProgramOptions {
  int threads = 0;         // 0: all
  bool profile = false;    // whether each launch is timed
  std::string device = ""; // as makeDevice takes it
  int gpu = 0;             // that "auto" and "cuda" mean
};

// A Program is a package on a device. All functions throw Error. Memory is allocated while loading, not while
// running.
class Program {
public:
  explicit Program(const Package &package, const ProgramOptions &options = {});

  const Manifest &manifest() const { return contents; }
  std::string describeDevice() const { return device->describe(); }
  // Counts the bytes of the device's memory in use.
  int64_t deviceMemory() const { return device->memory(); }
  Peak measurePeak() { return device->measurePeak(); }
  bool launchesAhead() const { return device->launchesAhead(); }

  // Has the calling thread be one that may call all functions here; the one that made the program is one.
  void enterThread() { device->enterThread(); }

  // Starts an entry's launches, which run in order; what is read afterwards waits for them. With the
  // environment variable KINEMA_POISON=1, the memory that the entry may not count on (docs/package.md,
  // "Arena") is first filled with NaN.
  void run(const std::string &entry);
  // Has an entry's launches run in parts, each of which ends before one of these launches, whose numbers
  // ascend; the last one is the number of all. It is called before any of them runs.
  void split(const std::string &entry, std::span<const int64_t> ends);
  // Starts one part of an entry, whose parts have to be started in order: together they are a `run`.
  void runPart(const std::string &entry, size_t part);
  // Makes an entry ready to run as a whole with sums between its launches, where the device can do that;
  // returns whether it can. The sums ascend by the launches before them.
  bool prepareWithSums(const std::string &entry, std::span<const SequenceSums> sums);
  void runWithSums(const std::string &entry);
  bool capturesSums() const { return device->capturesSums(); }
  // Runs a whole training step of this process alone, its update included.
  void runStep();
  // These run an entry launch by launch: `begin`, then each launch, or one of its twins, by its number, from
  // 0.
  void begin(const std::string &entry);
  void launch(const std::string &entry, int64_t number);
  void launchTwin(const std::string &entry, int64_t number, size_t twin);
  // These copy bytes of the arena as they are stored.
  void copyOut(int64_t offset, std::span<char> to) { device->copyOut(offset, to.data(), to.size()); }
  void copyIn(int64_t offset, std::span<const char> from) {
    device->copyIn(offset, from.data(), from.size());
  }
  // These are the device's (Device.h).
  DeviceLink link() { return device->link(); }
  std::string makeGroup() { return device->makeGroup(); }
  void join(const DeviceGroup &group) { device->join(group); }
  void addUp(std::span<const ArenaSum> sums) { device->addUp(sums); }
  void awaitSums() { device->awaitSums(); }
  // Returns when all that was started has ended.
  void wait() { device->wait(); }

  // These copy tensors in and out of the arena, row-major and without padding. The span must have the
  // tensor's number of elements.
  void set(const ArenaTensor &tensor, std::span<const float> values);
  void set(const ArenaTensor &tensor, std::span<const int32_t> values);
  // Fills a tensor with zeros.
  void clear(const ArenaTensor &tensor) { device->fill(tensor.offset, tensor.bytes, 0); }
  void get(const ArenaTensor &tensor, std::span<float> values);
  std::vector<float> get(const ArenaTensor &tensor);
  float getScalar(const ArenaTensor &tensor);
  // These two copy a tensor out in two parts: the values are those of the moment of `beginGet`, whatever is
  // started before `finishGet`, which is called once.
  CopyId beginGet(const ArenaTensor &tensor);
  void finishGet(CopyId copy, const ArenaTensor &tensor, std::span<float> values);

  // Returns the memory of a tensor, in its order, where it lies in this machine's memory, else null.
  void *memoryOf(const ArenaTensor &tensor) { return device->hostMemory(tensor.offset, tensor.bytes); }

  void setHyper(const Hyper &hyper);

  // Fills every parameter from its initialisation and sets all states of updates to zero. A parameter's
  // values depend on the seed and its index in the manifest alone.
  void initialise(uint64_t seed);

  // Loads parameters by their names in the file, as matchWeights finds them, and then runs "prepare".
  void loadWeights(const TensorFile &file, const std::string &origin, const Naming &naming = {});
  void loadWeights(TensorReader &file, const std::string &origin, const Naming &naming = {});
  // Loads the parameters that have a tensor, leaves the others as they are, and then runs "prepare". The
  // match is of this program's manifest.
  void loadMatchingWeights(const WeightMatch &match);
  TensorFile storeWeights(const Naming &naming = {});
  // Exchanges each parameter with the average that updates keep of it, where there is one. "prepare" has to
  // run before "infer" then.
  void exchangeAverages();
  // Copies one parameter, state or output into a tensor for a file, in the shape that it has there.
  FileTensor store(const ArenaTensor &tensor, const std::string &name);

  // Sets whether launches are timed from now on, each by itself.
  void setProfile(bool on) { profile = on; }
  // Returns the seconds that each of `runs` runs of an entry takes on the device, started one after the other
  // without a wait between.
  std::vector<double> time(const std::string &entry, int64_t runs);
  // Returns the times of an entry's launches, in order, over all runs that were profiled.
  const std::vector<LaunchTime> &times(const std::string &entry) const;

private:
  template <typename BytesOfTensor>
  void loadWeights(const TensorFile &header, const std::string &origin, const Naming &naming,
                   BytesOfTensor bytesOfTensor);
  struct Part {
    int64_t begin = 0, end = 0; // of the entry's launches
    SequenceId sequence = 0;
  };
  struct Entry {
    std::vector<LaunchId> launches;
    ArenaRange counters;                      // empty where none of the launches counts
    std::vector<std::vector<LaunchId>> twins; // those of each launch
    std::vector<Part> parts;
    std::optional<SequenceId> withSums;
    std::vector<LaunchTime> times;
  };

  void loadEntries();
  LaunchId prepare(const std::string &kernel, std::span<const int64_t> args, const std::string &layer);
  void findUnkept();
  void fillUnkept(const std::string &entry);
  void addPart(const std::string &name, Entry &entry, int64_t end);
  void runProfiled(Entry &entry, const Part &part);
  void write(const ArenaTensor &tensor, const void *values, size_t elements);
  void read(const ArenaTensor &tensor, void *values, size_t elements);
  Entry &findEntry(const std::string &name);

  Manifest contents;
  std::unique_ptr<Device> device;
  bool profile;
  bool poison;
  std::vector<Segment> unkept; // memory that no entry may count on when it begins
  std::map<std::string, Entry> entries;
  std::vector<char> staging; // one tensor as it is stored
};

// Returns the parameter's values as initialised, row-major.
std::vector<float> initialValues(const Parameter &parameter, uint64_t seed, uint64_t index);

// A package may carry weights under this name: a safetensors file with the network's own names.
inline constexpr const char *weightsEntry = "weights.safetensors";

// Returns what a package carries of the weights in a file, whose tensors matchWeights finds, with the names
// of their classes.
std::string weightsForPackage(const Manifest &contents, const std::string &path, const Naming &naming = {});

} // namespace kinema
