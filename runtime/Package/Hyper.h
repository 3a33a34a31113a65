// Defines the numbers that a training step is told before it runs (docs/package.md, "Hyper").
#pragma once

#include <string_view>

namespace kinema {

struct Hyper {
  float rate = 0, momentum = 0, nesterov = 0, decay = 0;
  float seed = 0, step = 0; // for the random numbers of dropout; whole numbers below 2^24
  // These are AdamW's: by how much its means move towards the present, and by what they are multiplied since
  // they began at zero.
  float meanGain = 0, squareGain = 0, meanScale = 1, squareScale = 1, epsilon = 0;
  float trust = 0; // of LARS
  // These are for gradients of several batches: whether their sum keeps what it has, which share of it each
  // gradient makes, and whether the parameters are updated by it now.
  float keep = 0, share = 1, apply = 1;
  float averageGain = 0; // by how much the average of the weights moves towards them
  float lossScale = 1;   // by what the gradient of the loss is multiplied
};

// Names one of these numbers. A package lists the names of those that its step reads.
struct HyperField {
  std::string_view name;
  float Hyper::*value;
};
inline constexpr HyperField hyperFields[] = {
    {"rate", &Hyper::rate},
    {"momentum", &Hyper::momentum},
    {"nesterov", &Hyper::nesterov},
    {"decay", &Hyper::decay},
    {"seed", &Hyper::seed},
    {"step", &Hyper::step},
    {"mean_gain", &Hyper::meanGain},
    {"square_gain", &Hyper::squareGain},
    {"mean_scale", &Hyper::meanScale},
    {"square_scale", &Hyper::squareScale},
    {"epsilon", &Hyper::epsilon},
    {"trust", &Hyper::trust},
    {"keep", &Hyper::keep},
    {"share", &Hyper::share},
    {"apply", &Hyper::apply},
    {"average_gain", &Hyper::averageGain},
    {"loss_scale", &Hyper::lossScale},
};

} // namespace kinema
