// Declares the subcommands of kinema. Each adds itself to the application; its work runs while the arguments
// are parsed.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace kinema {

void addInspect(CLI::App &app);
void addCompile(CLI::App &app);
void addBuild(CLI::App &app);
void addExport(CLI::App &app);
void addDiff(CLI::App &app);
void addFormat(CLI::App &app);
void addLsp(CLI::App &app);
void addExplore(CLI::App &app);
void addNew(CLI::App &app);
void addRuntimeCommands(CLI::App &app); // train, eval, predict, run, bench
void addTune(CLI::App &app);
void addData(CLI::App &app);
void addWeights(CLI::App &app);
void addDoctor(CLI::App &app);

/// Returns the release of LLVM that the compiler is made with, and the targets that it has, as lines.
std::string compilerVersion();

} // namespace kinema
