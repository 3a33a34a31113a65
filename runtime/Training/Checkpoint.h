// All that a training needs to go on bit for bit after it was stopped, in one safetensors file: parameters
// under their names, "momentum.NAME", and the rest as metadata.
#pragma once

#include "runtime/Package/Recipe.h"
#include "runtime/Program/Program.h"
#include "runtime/Training/Metrics.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

// Where a training stands. Random numbers need no state: they are functions of the seed (in the recipe) and
// of these.
struct TrainingState {
  int64_t epoch = 0;      // of the next step, from 0
  int64_t batch = 0;      // of the next step in that epoch: the loader's position
  ClipMetrics sums;       // of the epoch so far
  double best = -1;       // the best accuracy on the test list
  int64_t bestEpoch = -1; // its epoch
};

// What a run was made of, to see whether one that goes on is the same.
struct RunOrigin {
  struct List {
    std::string file; // for messages
    int64_t videos = 0;
    std::string digest; // VideoList::digest
    bool operator==(const List &other) const { return digest == other.digest; }
  };
  std::string network;               // Manifest::network
  List train, test;                  // test: empty where there is none
  std::vector<std::string> settings; // "train.rate=0.1": what was asked for besides the spec
};

struct Checkpoint {
  TrainingState state;
  Recipe recipe; // that the run was trained with
  RunOrigin origin;
};

// Writes in full or not at all.
void saveCheckpoint(Program &program, const Checkpoint &checkpoint, const std::string &path);

// Looks at all but the values of tensors. Throws Error if the file is no checkpoint, or of another network as
// far as names and shapes tell.
Checkpoint readCheckpoint(const Manifest &manifest, const std::string &path);

// Loads parameters and momentum into the program as well.
Checkpoint loadCheckpoint(Program &program, const std::string &path);

} // namespace kinema
