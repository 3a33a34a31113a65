// Declares the commands on lists of videos that need no network, for `kinema data` and for the runtime's own
// program.
#pragma once

#include <CLI/CLI.hpp>

namespace kinema {

void addDataCheck(CLI::App &data);
void addDataBench(CLI::App &data);

} // namespace kinema
