#include "runtime/Training/KeptCheckpoints.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace kinema {
namespace {

constexpr std::string_view prefix = "epoch-", suffix = ".safetensors";

// Returns the epoch of a name that epochCheckpoint gives, with or without the ending of a temporary file.
std::optional<int64_t> epochOf(const std::string &folder, const std::string &name) {
  if (!name.starts_with(prefix))
    return {};
  int64_t epoch = 0;
  auto [end, code] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), epoch);
  const std::string path = folder + "/" + name;
  if (code != std::errc() || epoch < 1 || !path.starts_with(epochCheckpoint(folder, epoch)))
    return {};
  return epoch;
}

} // namespace

std::string epochCheckpoint(const std::string &folder, int64_t epoch) {
  return fmt::format("{}/{}{}{}", folder, prefix, epoch, suffix);
}

void removeEpochCheckpoints(const std::string &folder, int64_t epoch) {
  std::vector<int64_t> epochs;
  std::error_code code;
  for (const auto &entry : std::filesystem::directory_iterator(folder, code))
    if (std::optional<int64_t> found = epochOf(folder, entry.path().filename().string()))
      epochs.push_back(*found);
  for (int64_t found : epochs) {
    const std::string path = epochCheckpoint(folder, found);
    removeLeftovers(path);
    if (found > epoch)
      continue;
    std::filesystem::remove(path, code);
    if (code)
      fail("cannot remove {}: {}", path, code.message());
  }
}

} // namespace kinema
