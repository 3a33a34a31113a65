#include "tools/kinema/InspectPackage.h"

#include "runtime/Commands/Info.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "tools/kinema/Disassembly.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using nlohmann::json;

namespace kinema {
namespace {

std::string meaningOf(const std::string &entry) {
  if (isManifest(entry))
    return "tensors, kernels and launches, the recipe (docs/package.md)";
  if (entry == specEntry)
    return "the text that it was compiled from";
  if (entry == weightsEntry)
    return "weights";
  if (entry == "code/emulator.so")
    return "the GPU's kernels for the emulator";
  if (entry.ends_with(".ptx"))
    return "the GPU's kernels as text, which the driver can compile";
  if (entry.ends_with(".cubin"))
    return "the GPU's kernels, machine code";
  return entry.ends_with(".so") ? "the CPU's kernels, machine code" : "";
}

std::string fileTable(const Package &package) {
  std::string text;
  for (const std::string &entry : package.entries())
    text +=
        fmt::format("{:<24} {:>10}   {}\n", entry, formatBytes(package.open(entry)->bytes), meaningOf(entry));
  return text;
}

/// Returns, for instance, "stem.spatial and 3 more".
std::string layersText(const std::vector<std::string> &layers) {
  if (layers.empty())
    return "";
  return layers.size() == 1 ? layers.front()
                            : fmt::format("{} and {} more", layers.front(), layers.size() - 1);
}

/// Returns a kernel's launches, each with its entry.
std::vector<std::pair<std::string, const Launch *>> launchesOf(const Manifest &manifest,
                                                               const std::string &kernel) {
  std::vector<std::pair<std::string, const Launch *>> found;
  for (const auto &[entry, launches] : manifest.entries)
    for (const Launch &launch : launches)
      if (launch.kernel == kernel)
        found.emplace_back(entry, &launch);
  return found;
}

std::string kernelTable(const Manifest &manifest) {
  std::string text = fmt::format("{:<8} {:<13} {:<16} {:>7} {:>7} {:>8} {:>8}   {}\n", "kernel", "op",
                                 "schedule", "blocks", "threads", "scratch", "launches", "layers");
  std::vector<std::string> names;
  for (const auto &[name, kernel] : manifest.kernels)
    names.push_back(name);
  std::sort(names.begin(), names.end(), [](const std::string &a, const std::string &b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b); // k2 comes before k10
  });
  for (const std::string &name : names) {
    const Kernel &kernel = manifest.kernels.at(name);
    text += fmt::format("{:<8} {:<13} {:<16} {:>7} {:>7} {:>8} {:>8}   {}\n", name, kernel.op,
                        kernel.schedule, kernel.grid, kernel.block ? fmt::to_string(kernel.block) : "-",
                        kernel.scratch, launchesOf(manifest, name).size(), layersText(kernel.layers));
  }
  return text;
}

std::string launchRow(const Launch &launch) {
  std::string times = launch.floor > 0
                          ? fmt::format("{:>8.1f} us {:>8.1f} us", 1e6 * launch.floor, 1e6 * launch.predicted)
                          : fmt::format("{:>11} {:>11}", "-", "-");
  return fmt::format("{:>10} {:>10} {:>9.3f} {}   {}\n", formatBytes(launch.reads),
                     formatBytes(launch.writes), 1e-9 * static_cast<double>(launch.macs), times,
                     launch.layer);
}

std::string launchHead() {
  return fmt::format("{:>10} {:>10} {:>9} {:>11} {:>11}   {}\n", "reads", "writes", "G macs", "floor",
                     "predicted", "layer");
}

std::string launchTables(const Manifest &manifest) {
  std::string text;
  for (const auto &[entry, launches] : manifest.entries) {
    text += fmt::format("\n{:<12} {:<8} {}", entry, "kernel", launchHead());
    for (const Launch &launch : launches)
      text += fmt::format("{:<12} {:<8} {}", "", launch.kernel, launchRow(launch));
  }
  return text;
}

std::string describeKernel(const Package &package, const Manifest &manifest, const std::string &name,
                           const std::string &toolkit) {
  const Kernel &kernel = manifest.kernels.at(name);
  std::string text =
      fmt::format("{} for {}: {}, schedule {}\n", name, manifest.target, kernel.op, kernel.schedule);
  text += fmt::format("layers      {}\n", fmt::join(kernel.layers, ", "));
  text += fmt::format("blocks      {}{}\n", kernel.grid,
                      kernel.block ? fmt::format(" of {} threads", kernel.block) : "");
  text +=
      fmt::format("scratch     {} of a {}\n", formatBytes(kernel.scratch), kernel.block ? "block" : "thread");
  std::vector<std::string> buffers;
  for (int64_t bytes : kernel.buffers)
    buffers.push_back(formatBytes(bytes));
  text += fmt::format("arguments   {}\n\n{:<12} {}", fmt::join(buffers, ", "), "launch of", launchHead());
  for (const auto &[entry, launch] : launchesOf(manifest, name))
    text += fmt::format("{:<12} {}", entry, launchRow(*launch));
  Disassembly code = disassemble(package, manifest, kernel.symbol, toolkit);
  if (code.text.empty())
    fail("{} has no code of kernel {}", package.path(), name);
  return text + fmt::format("\n{}\n{}", code.source, code.text);
}

void printKernel(const Package &package, const std::vector<Manifest> &manifests,
                 const InspectPackageOptions &options) {
  bool found = false;
  for (const Manifest &manifest : manifests) {
    if (!manifest.kernels.contains(options.kernel))
      continue;
    fmt::print("{}{}", found ? "\n" : "", describeKernel(package, manifest, options.kernel, options.toolkit));
    found = true;
  }
  if (!found)
    refuse("{} has no kernel {}; `kinema inspect {}` lists them", options.package, options.kernel,
           options.package);
}

json kernelsJson(const Manifest &manifest) {
  json kernels = json::array();
  for (const auto &[name, kernel] : manifest.kernels) {
    kernels.push_back({{"kernel", name},
                       {"op", kernel.op},
                       {"schedule", kernel.schedule},
                       {"blocks", kernel.grid},
                       {"scratch", kernel.scratch},
                       {"launches", launchesOf(manifest, name).size()},
                       {"layers", kernel.layers}});
    if (kernel.block)
      kernels.back()["threads"] = kernel.block;
  }
  return kernels;
}

void printJson(const Package &package, const std::vector<Manifest> &manifests) {
  json document = {{"files", json::array()}, {"targets", json::array()}};
  for (const std::string &entry : package.entries())
    document["files"].push_back({{"name", entry}, {"bytes", package.open(entry)->bytes}});
  for (const Manifest &manifest : manifests) {
    json target = toJson(manifest);
    target["kernels"] = kernelsJson(manifest);
    document["targets"].push_back(std::move(target));
  }
  fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
}

} // namespace

void inspectPackage(const InspectPackageOptions &options) {
  Package package(options.package);
  std::vector<Manifest> manifests = readManifests(package);
  if (!options.kernel.empty())
    return printKernel(package, manifests, options);
  if (options.json)
    return printJson(package, manifests);
  fmt::print("{}", fileTable(package));
  for (const Manifest &manifest : manifests) {
    fmt::print("\n{}\n{}", describe(manifest), kernelTable(manifest));
    if (options.launches)
      fmt::print("{}", launchTables(manifest));
  }
}

} // namespace kinema
