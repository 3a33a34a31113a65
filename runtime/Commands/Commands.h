// Declares the runtime's commands, for its own program and for `kinema`, which compiles a spec first and then
// calls these with the package that it made. Results go to stdout, progress to stderr; errors are thrown as
// Error.
#pragma once

#include "runtime/Commands/Bench.h"
#include "runtime/Commands/Run.h"
#include "runtime/Commands/Verify.h"
#include "runtime/Data/FrameCache.h"
#include "runtime/Data/VideoList.h"
#include "runtime/Support/FolderLock.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kinema {

// Holds what all commands on a package take.
struct PackageOptions {
  std::string package; // a file, or a program that carries one
  int threads = 0;     // for kernels; 0: all
  std::string device;  // as in ProgramOptions
};

// Holds what the commands on lists of videos take.
struct ListFlags {
  std::string root, testRoot; // folders of the videos; testRoot: of the test list, if it has its own
  std::string format;         // of the lists; empty: recognised
  std::string labels;         // file with the names of the classes
  int64_t split = 1;          // of HMDB51
  std::string index;          // folder of the indices; empty: each beside its list

  // Returns how a list is read by these flags; with `classes`, labels are below it.
  ListOptions readOptions(ListPart part, int64_t classes) const;
};

// Says where decoded frames are kept. An empty folder: nowhere.
struct CacheFlags {
  std::string cache;
  double cacheGigabytes = 20;

  // Returns the cache, or null.
  std::shared_ptr<FrameCache> openCache() const;
};

struct TrainOptions : PackageOptions, ListFlags, CacheFlags {
  std::string trainList, testList;   // test: may be empty
  std::string out;                   // folder
  bool keepPackage = false;          // as OUT/network.kinema
  std::string weights, names;        // training starts from these weights; empty: from initialised ones
  std::string classWeights;          // file of the classes' weights in the loss; empty: none
  bool partial = false;              // parameters that the weights lack or misshape stay initialised
  bool crossModality = false;        // as in MatchOptions; goes with `partial`
  std::vector<std::string> settings; // "train.rate=0.1"
  bool resume = false;               // go on from `out`, with the recipe that it was trained with
  // What may differ from that run: train, test, network, recipe, class_weights.
  std::vector<std::string> changed;
  bool overwrite = false;           // begin anew although `out` holds a run
  int loaders = 0;                  // threads that decode; 0: all cores
  std::string flow;                 // folder of stored optical flow; empty: it is computed
  int64_t testEvery = 1;            // epochs
  double saveMinutes = 10;          // between two checkpoints within an epoch
  int64_t keep = 0;                 // how many epochs' checkpoints stay besides the latest
  std::string compress = "none";    // or bf16: how ranks send gradients
  double bucketMegabytes = 0;       // of gradients that ranks add up at a time; 0: as Kinema has it
  bool profile = false;             // time launches and print where the time of a step goes
  std::shared_ptr<FolderLock> lock; // the lock of `out`, if it is held already
};

// Says which layers' features go into which file. An empty file: none.
struct FeatureFlags {
  std::vector<std::string> layers;
  std::string features;
};

struct EvalOptions : PackageOptions, ListFlags, FeatureFlags, CacheFlags {
  std::string testList, weights, names;
  std::string weightsOption = "--weights"; // by which people name `weights`
  std::vector<std::string> settings;
  bool json = false, confusion = false;
  std::string out; // folder for what was found, video by video and class by class; empty: none
  int loaders = 0;
  std::string flow;
  // A second network, whose scores of the same videos are joined with those of the first; empty: none.
  std::string with, withWeights, withNames;
  double withShare = 0.5; // weight of its scores; the first's have what is left of 1

  // Returns the options by which the second network is evaluated alone.
  EvalOptions ofSecond() const;
};

struct PredictOptions : PackageOptions, FeatureFlags {
  std::vector<std::string> videos;
  std::string weights, names;
  std::string labels; // names of the classes, one a line
  std::vector<std::string> settings;
  int64_t top = 5;
  std::string scores; // file for the scores of all classes, a line a video; empty: none
  bool json = false;
  int loaders = 0;
  std::string flow;
};

struct RunCommandOptions : PackageOptions, RunOptions {};

struct InfoOptions : PackageOptions {
  bool json = false;
};

struct BenchCommandOptions : PackageOptions, BenchOptions {
  bool json = false;
  int64_t rows = 20; // length of the table of launches; 0: all
};

struct VerifyCommandOptions : PackageOptions, VerifyOptions {
  bool json = false;
};

// Finds out, before the network's code is there, whether files, lists, weights and options exist, are valid,
// and go together. `network` is what the spec says (name, batch, classes, inputs, parameters, recipe); the
// rest of it need not be there. The commands make the same checks. Throws Error.
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
