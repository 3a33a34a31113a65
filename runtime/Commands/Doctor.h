// Says what this machine has of what Kinema can use, and what is missing for what.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace kinema {

// A Provision is one thing that was looked for.
struct Provision {
  std::string what;
  bool there = false;
  std::string detail;  // which one it is, or why it is not there and how to get it
  std::string purpose; // what it is needed for, as "to read videos"
};

// Looks at the processor, at GPUs and their driver, and for the libraries that are opened when they are
// needed.
std::vector<Provision> examineMachine();

// Returns one line: what it is and what it is for, or "missing".
std::string describe(const Provision &provision);

// Adds the command `doctor`, which prints what was found; `more` is what the program has looked for besides.
void addDoctor(CLI::App &app, std::function<std::vector<Provision>()> more = {});

} // namespace kinema
