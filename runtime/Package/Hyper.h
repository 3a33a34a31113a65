// Defines the numbers that a training step is told before it runs (docs/package.md, "Hyper").
#pragma once

#include <string_view>

namespace kinema {

struct Hyper {
  float rate = 0, momentum = 0, nesterov = 0, decay = 0;
  float seed = 0, step = 0; // for the random numbers of dropout; whole numbers below 2^24
};

// Names one of these numbers. A package lists the names of those that its step reads.
struct HyperField {
  std::string_view name;
  float Hyper::*value;
};
inline constexpr HyperField hyperFields[] = {
    {"rate", &Hyper::rate},   {"momentum", &Hyper::momentum}, {"nesterov", &Hyper::nesterov},
    {"decay", &Hyper::decay}, {"seed", &Hyper::seed},         {"step", &Hyper::step},
};

} // namespace kinema
