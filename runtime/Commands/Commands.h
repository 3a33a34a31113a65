// The runtime's commands, for its own program and for `kinema`, which compiles a spec first and then calls
// these with the package it made. Results go to stdout, progress to stderr; errors are thrown as Error.
#pragma once

#include "runtime/Commands/Bench.h"
#include "runtime/Commands/Run.h"
#include "runtime/Commands/Verify.h"
#include "runtime/Support/FolderLock.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kinema {

// What all commands on a package take.
struct PackageOptions {
  std::string package; // a file, or a program that carries one
  int threads = 0;     // for kernels; 0: all
  std::string device;  // as in ProgramOptions
};

struct TrainOptions : PackageOptions {
  std::string trainList, testList;   // test: may be empty
  std::string out;                   // folder
  bool keepPackage = false;          // as OUT/network.kinema
  std::string weights, names;        // to start from; empty: initialised
  bool partial = false;              // what the weights lack or have in another shape stays initialised
  std::vector<std::string> settings; // "train.rate=0.1"
  bool resume = false;               // go on from `out`, with the recipe that it was trained with
  std::vector<std::string> changed;  // what is meant to differ from that run: train, test, network, recipe
  bool overwrite = false;            // begin anew although `out` holds a run
  int loaders = 0;                   // threads that decode; 0: all cores
  int64_t testEvery = 1;             // epochs
  double saveMinutes = 10;           // between checkpoints within an epoch
  bool profile = false;              // time launches and print where the time of a step goes
  std::shared_ptr<FolderLock> lock;  // of `out`, if it is held already
};

struct EvalOptions : PackageOptions {
  std::string testList, weights, names;
  std::vector<std::string> settings;
  bool json = false, confusion = false;
  int loaders = 0;
};

struct PredictOptions : PackageOptions {
  std::vector<std::string> videos;
  std::string weights, names;
  std::string labels; // names of the classes, one a line
  std::vector<std::string> settings;
  int64_t top = 5;
  bool json = false;
  int loaders = 0;
};

struct RunCommandOptions : PackageOptions, RunOptions {};

struct InfoOptions : PackageOptions {
  bool json = false;
};

struct BenchCommandOptions : PackageOptions, BenchOptions {
  bool json = false;
  int64_t rows = 20; // of the table of launches; 0: all
};

struct VerifyCommandOptions : PackageOptions, VerifyOptions {
  bool json = false;
};

// What can be found out before the network's code is there: that files, lists, weights and options are there,
// say what they should, and go together. `network`: what its spec says (name, batch, classes, inputs,
// parameters, recipe), the rest need not be there. The commands check the same. Throws Error.
void check(const TrainOptions &options, const Manifest &network);
void check(const EvalOptions &options, const Manifest &network);
void check(const PredictOptions &options, const Manifest &network);
void check(const RunCommandOptions &options, const Manifest &network);

void train(const TrainOptions &options);
void eval(const EvalOptions &options);
void predict(const PredictOptions &options);
void run(const RunCommandOptions &options);
void info(const InfoOptions &options);
void bench(const BenchCommandOptions &options);
void verify(const VerifyCommandOptions &options);

} // namespace kinema
