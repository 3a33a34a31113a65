// Declares the commands on files of weights, for `kinema weights` and for the runtime's own program.
#pragma once

#include "runtime/Package/Manifest.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>

namespace kinema {

struct ConvertOptions {
  std::string input, output;
  std::string from, to; // namings
  bool verbose = false; // list all tensors
};

// Renames the tensors and writes them. The network, which may be null, decides which parameter a tensor is
// where the names alone do not. Throws Error.
void convertWeights(const ConvertOptions &options, const Manifest *network);

struct InflateOptions {
  std::string input, output;
  std::string from;           // naming of the input
  bool centre = false;        // Inflation::Centre
  bool crossModality = false; // MatchOptions::crossModality
  bool verbose = false;       // list all tensors
};

// Makes the network's parameters, under its own names, of a 2D network's, as far as they fit; prints what was
// made of what. Throws Error where none fits.
void inflateWeights(const InflateOptions &options, const Manifest &network);

// Adds to a command what names the network, and returns what then reads it; nothing where none is named,
// which may be if it is not required. `kinema` and the runtime's program differ in this.
using NetworkOption = std::function<std::function<std::optional<Manifest>()>(CLI::App &, bool required)>;

// Adds `weights` with its commands.
void addWeights(CLI::App &app, const NetworkOption &network);

} // namespace kinema
