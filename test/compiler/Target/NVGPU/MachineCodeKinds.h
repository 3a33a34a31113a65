// What the machine code of the networks' kernels does, by kind of kernel, and how it compares with what is
// known of it: a file that is kept beside the tests, so that no change makes kernels slower unseen.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_MACHINECODEKINDS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_MACHINECODEKINDS_H

#include "test/compiler/Target/NVGPU/Sass.h"

#include <nlohmann/json.hpp>

namespace kinema::testing {

void to_json(nlohmann::json &j, const KernelCounts &counts);
void from_json(const nlohmann::json &j, KernelCounts &counts);

/// The kernels of one kind, such as "conv forward sm90.halo", together.
struct KindCounts {
  int64_t kernels = 0;
  std::map<int64_t, int64_t> waits; // staging loops, by how often a pass waits for memory
  double instructions = 0;          // of a staged position, the most that a loop takes
  double products = 0;              // for each wait, the fewest of a loop; 0: there are none
  double productsOfLoad = 0;        // for each load of fragments, likewise
  double instructionsOfProduct = 0; // the most of a loop that loads fragments
  int64_t local = 0;                // loads and stores of local memory

  void add(const KernelCounts &counts);
  bool operator==(const KindCounts &) const = default;
};
using Kinds = std::map<std::string, KindCounts>;

void to_json(nlohmann::json &j, const KindCounts &kind);
void from_json(const nlohmann::json &j, KindCounts &kind);

/// A line for each kind that differs from what is known, with both; and for each that is no longer there.
std::vector<std::string> differences(const Kinds &known, const Kinds &found);

} // namespace kinema::testing

#endif
