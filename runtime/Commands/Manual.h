// Makes the pages of man and the completions of shells from what the commands say of themselves.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace kinema {

// Returns the page of a program, or of one of its commands, in roff.
std::string manualPage(const CLI::App &program);
std::string manualPage(const CLI::App &program, const CLI::App &command);

// Returns a script for bash that completes the program's commands and options, and files elsewhere.
std::string bashCompletion(const CLI::App &program);

// Adds the command `completion`, which prints such a script, and `manual`, which writes the pages of all
// commands into a folder.
void addManual(CLI::App &app);

} // namespace kinema
