// Names what runs the machine code of a package.
#pragma once

#include <string_view>

namespace kinema {

enum class TargetKind { Cpu, Cuda };

constexpr std::string_view nameOf(TargetKind kind) { return kind == TargetKind::Cpu ? "cpu" : "cuda"; }

} // namespace kinema
