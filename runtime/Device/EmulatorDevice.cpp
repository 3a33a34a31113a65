// Makes the emulator a device: kernels made for a GPU run on the CPU with every access checked
// (runtime/Emulator).
#include "runtime/Device/HostDevice.h"
#include "runtime/Emulator/Code.h"
#include "runtime/Emulator/TensorMap.h"
#include "runtime/Support/Cores.h"
#include "runtime/Support/Error.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <vector>

namespace kinema {
namespace {

uint64_t seedFromEnvironment() {
  const char *text = std::getenv("KINEMA_EMULATOR_SEED");
  if (!text)
    return 0;
  uint64_t seed = 0;
  const char *end = text + std::strlen(text);
  if (std::from_chars(text, end, seed).ptr != end || text == end)
    refuse("KINEMA_EMULATOR_SEED must be a whole number, found '{}'", text);
  return seed;
}

emulator::Arithmetic arithmeticFromEnvironment() {
  const char *text = std::getenv("KINEMA_EMULATOR_PRODUCTS");
  if (!text || std::string_view(text) == "in-order")
    return emulator::Arithmetic::InOrder;
  if (std::string_view(text) != "truncating")
    refuse("KINEMA_EMULATOR_PRODUCTS must be 'in-order' or 'truncating', found '{}'", text);
  return emulator::Arithmetic::Truncating;
}

// Writes what kernels ask of memory to the file that the environment names, when the device goes.
class ProfileFile {
public:
  ProfileFile() {
    const char *path = std::getenv("KINEMA_EMULATOR_PROFILE");
    if (!path)
      return;
    file.open(path);
    if (!file)
      refuse("cannot write the file that KINEMA_EMULATOR_PROFILE names: {}", path);
  }
  ~ProfileFile() {
    for (auto &[name, entry] : entries)
      if (!entry.profile.counts().empty())
        file << emulator::describe(*entry.kernel, entry.profile) << '\n';
  }

  // Returns the profile of a kernel's launches; null where none is made.
  emulator::Profile *of(const emulator::Kernel &kernel) {
    if (!file.is_open())
      return nullptr;
    Entry &entry = entries[kernel.name];
    entry.kernel = &kernel;
    return &entry.profile;
  }

private:
  struct Entry {
    const emulator::Kernel *kernel = nullptr;
    emulator::Profile profile;
  };
  std::ofstream file;
  std::map<std::string, Entry> entries;
};

class EmulatorDevice final : public HostDevice {
public:
  explicit EmulatorDevice(int threads)
      : threads(threads), seed(seedFromEnvironment()), arithmetic(arithmeticFromEnvironment()) {}

  std::string describe() const override {
    bool truncates = arithmetic == emulator::Arithmetic::Truncating;
    return fmt::format("emulator of a GPU, {} thread{}, seed {}{}", threads, threads == 1 ? "" : "s", seed,
                       truncates ? ", truncating products" : "");
  }

  void loadCode(std::string_view content, const std::string &name) override { code.load(content, name); }

  LaunchId prepare(const LaunchDescription &description) override {
    emulator::Launch launch;
    launch.kernel = &code.find(description.symbol);
    launch.grid = description.grid;
    launch.dynamicShared = uint32_t(description.scratch);
    launch.seed = seed;
    launch.arithmetic = arithmetic;
    launch.workers = threads;
    launch.profile = profiles.of(*launch.kernel);
    launch.memory = {{reinterpret_cast<std::byte *>(arena.at(0, 0)), arena.size()}};
    for (int64_t offset : description.args)
      launch.args.push_back(arena.at(offset, 0));
    for (const BoxMap &map : description.maps)
      launch.args.push_back(&maps.emplace_back(emulator::encode(map, launch.args[map.buffer])));
    launches.push_back(std::move(launch));
    return static_cast<LaunchId>(launches.size()) - 1;
  }

  void launch(LaunchId id) override {
    if (auto violation = emulator::run(launches[id]))
      fail("{}", violation->what);
  }

private:
  int threads;
  uint64_t seed;
  emulator::Arithmetic arithmetic;
  emulator::Code code;
  ProfileFile profiles;                 // names kernels of the code, so it goes first
  std::deque<emulator::TensorMap> maps; // to which launches point
  std::vector<emulator::Launch> launches;
};

} // namespace

std::unique_ptr<Device> makeEmulatorDevice(int threads) {
  if (threads < 0 || threads > maxThreads)
    refuse("the number of threads must be between 1 and {}, found {}", maxThreads, threads);
  return std::make_unique<EmulatorDevice>(threads ? threads : availableCores());
}

} // namespace kinema
