#include "test/compiler/Target/NVGPU/MachineCodeKinds.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace kinema::testing;
using nlohmann::json;

namespace {

json loopsJson(const std::vector<LoopCounts> &loops) {
  json list = json::array();
  for (const LoopCounts &l : loops)
    list.push_back({l.instructions, l.waits, l.positions, l.products, l.drains, l.loads});
  return list;
}

std::vector<LoopCounts> loopsOf(const json &list) {
  std::vector<LoopCounts> loops;
  for (const json &l : list)
    loops.push_back({l[0], l[1], l[2], l[3], l[4], l[5]});
  return loops;
}

/// Rounds as the file does.
double rounded(double value) { return std::round(value * 10) / 10; }

/// Takes `count` for each of `others` where that is fewer than what is known; 0 stands for nothing.
void lower(double &known, int64_t count, int64_t others) {
  if (others == 0)
    return;
  double each = rounded(double(count) / double(others));
  known = known > 0 ? std::min(known, each) : each;
}

} // namespace

void kinema::testing::to_json(json &j, const KernelCounts &counts) {
  j = {loopsJson(counts.staging), loopsJson(counts.products), counts.local, counts.early};
}

void kinema::testing::from_json(const json &j, KernelCounts &counts) {
  counts = {loopsOf(j[0]), loopsOf(j[1]), j[2], j[3]};
}

void KindCounts::add(const KernelCounts &counts) {
  ++kernels;
  for (const LoopCounts &loop : counts.staging) {
    ++waits[loop.waits];
    instructions = std::max(instructions, rounded(double(loop.instructions) / double(loop.positions)));
  }
  for (const LoopCounts &loop : counts.products) {
    lower(products, loop.products, loop.drains);
    lower(productsOfLoad, loop.products, loop.loads);
    if (loop.loads > 0)
      instructionsOfProduct =
          std::max(instructionsOfProduct, rounded(double(loop.instructions) / double(loop.products)));
  }
  local += counts.local;
}

// Numbers that are zero for a kind are left out.
void kinema::testing::to_json(json &j, const KindCounts &kind) {
  j = {{"kernels", kind.kernels}};
  for (auto [count, loops] : kind.waits)
    j["staging loops by waits for memory"][fmt::to_string(count)] = loops;
  if (kind.instructions > 0)
    j["instructions of a staged position"] = kind.instructions;
  if (kind.products > 0)
    j["products for each wait"] = kind.products;
  if (kind.productsOfLoad > 0)
    j["products for each load"] = kind.productsOfLoad;
  if (kind.instructionsOfProduct > 0)
    j["instructions of a product"] = kind.instructionsOfProduct;
  if (kind.local > 0)
    j["accesses of local memory"] = kind.local;
}

void kinema::testing::from_json(const json &j, KindCounts &kind) {
  kind = {j.value("kernels", int64_t{0}),
          {},
          j.value("instructions of a staged position", 0.0),
          j.value("products for each wait", 0.0),
          j.value("products for each load", 0.0),
          j.value("instructions of a product", 0.0),
          j.value("accesses of local memory", int64_t{0})};
  json waits = j.value("staging loops by waits for memory", json::object());
  for (const auto &[count, loops] : waits.items())
    kind.waits[std::stoll(count)] = loops;
}

std::vector<std::string> kinema::testing::differences(const Kinds &known, const Kinds &found) {
  std::vector<std::string> lines;
  for (const auto &[name, kind] : found) {
    auto before = known.find(name);
    if (before == known.end())
      lines.push_back(fmt::format("{}: {}, a kind that is not known", name, json(kind).dump()));
    else if (before->second != kind)
      lines.push_back(fmt::format("{}: {}, known {}", name, json(kind).dump(), json(before->second).dump()));
  }
  for (const auto &[name, kind] : known)
    if (!found.count(name))
      lines.push_back(fmt::format("{}: there is no such kernel any more", name));
  return lines;
}
