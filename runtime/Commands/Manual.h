// Makes the pages of man from what the commands say of themselves.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace kinema {

// Returns the page of a program, or of one of its commands, in roff.
std::string manualPage(const CLI::App &program);
std::string manualPage(const CLI::App &program, const CLI::App &command);

// Adds the command `manual`, which writes the pages of all commands into a folder.
void addManual(CLI::App &app);

} // namespace kinema
