// Names what runs the machine code of a package.
#pragma once

#include <string>
#include <string_view>

namespace kinema {

enum class TargetKind { Cpu, Cuda };

constexpr std::string_view nameOf(TargetKind kind) { return kind == TargetKind::Cpu ? "cpu" : "cuda"; }

// Returns the package's entry that has a GPU's kernels as text.
inline std::string ptxEntry(std::string_view target) { return "code/" + std::string(target) + ".ptx"; }

} // namespace kinema
