// Declares the flags of the commands, without the package or spec that they work on, which is where
// `kinema-runtime` and `kinema` differ.
#pragma once

#include "runtime/Commands/Commands.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace kinema {

// Returns what is said of an option that takes the naming of a file's tensors.
std::string namesMeaning(const char *file);

// Adds --layers, whose features do `what`.
CLI::Option *addLayers(CLI::App &app, std::vector<std::string> &layers, const char *what);

// Adds the flags that say how lists of videos are read.
void addListFlags(CLI::App &app, ListFlags &flags);

void addFlags(CLI::App &app, TrainOptions &options);
void addFlags(CLI::App &app, EvalOptions &options);
void addFlags(CLI::App &app, PredictOptions &options); // including the videos
void addFlags(CLI::App &app, RunCommandOptions &options);
void addFlags(CLI::App &app, InfoOptions &options);
void addFlags(CLI::App &app, BenchCommandOptions &options);
void addFlags(CLI::App &app, VerifyCommandOptions &options);

// Returns the commands of a program, or of one of its commands, that `--help` lists.
std::vector<const CLI::App *> commandsOf(const CLI::App &app);

// Parses the command line and runs what the subcommands' callbacks do; returns the exit status. Whatever is
// thrown becomes one line on stderr, beginning with `program`. `--version` says what `madeOf` says besides.
int runCommandLine(CLI::App &app, int argc, char **argv, const std::string &program,
                   const std::string &madeOf = "");

} // namespace kinema
