// Makes scripts that have shells complete a program's commands and options, and files elsewhere.
#pragma once

#include <CLI/CLI.hpp>

namespace kinema {

// Adds the command `completion`, which prints such a script for bash, zsh or fish.
void addCompletion(CLI::App &app);

} // namespace kinema
