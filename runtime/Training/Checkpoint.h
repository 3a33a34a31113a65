// Keeps all that a training needs to go on bit for bit after it was stopped, in one safetensors file:
// parameters under their names, what updates keep about them as "momentum.NAME" and the like, and the rest as
// metadata.
#pragma once

#include "runtime/Package/Recipe.h"
#include "runtime/Program/Program.h"
#include "runtime/Training/LossScale.h"
#include "runtime/Training/Metrics.h"
#include "runtime/Training/Schedule.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kinema {

// Says where a training stands. Random numbers need no state: they are functions of the seed (in the recipe)
// and of these numbers.
struct TrainingState {
  int64_t epoch = 0; // that of the next step, from 0
  // That of the next step in its epoch: the loader's position. A checkpoint counts the package's batches, of
  // which a step of several ranks has as many as there are ranks.
  int64_t batch = 0;
  UpdateCount count;                  // of the updates so far
  std::optional<LossScale> lossScale; // where steps scale their loss
  ClipMetrics sums;                   // sums of the epoch so far
  double best = -1;                   // the best accuracy on the test list
  int64_t bestEpoch = -1;             // the epoch that reached it
};

// Says what a run was made of, to see whether a run that goes on is the same.
struct RunOrigin {
  struct List {
    std::string file; // for messages
    int64_t videos = 0;
    std::string digest; // VideoList::digest
    bool operator==(const List &other) const { return digest == other.digest; }
  };
  std::string network;               // Manifest::network
  List train, test;                  // test: empty where there is none
  std::string decoder;               // of the videos, such as "FFmpeg 5.1"; empty: none was needed
  std::string classWeights;          // digest of a file of class weights; empty where there is none
  std::vector<std::string> settings; // what was asked for besides the spec, such as "train.rate=0.1"
};

struct Checkpoint {
  TrainingState state;
  Recipe recipe; // the run was trained with it
  RunOrigin origin;
  std::vector<std::string> classes; // names of the classes, in the order of their labels; may be empty
};

// Keeps the names of the classes with weights, so that what the weights say can be told by names.
void nameClasses(const std::vector<std::string> &classes, TensorFile &weights);
// Returns the names of the classes that are kept with weights; none where there are none.
std::vector<std::string> classNamesIn(const TensorFile &weights);

// Writes a checkpoint in full or not at all.
void saveCheckpoint(Program &program, const Checkpoint &checkpoint, const std::string &path);

// Says of a run what its checkpoint knows besides tensors.
struct CheckpointRecord : Checkpoint {
  std::string network; // name of the network
};

// Reads what a checkpoint says of its run, whatever its network. Throws Error if the file is no checkpoint.
CheckpointRecord readCheckpointRecord(const std::string &path);

// Reads all but the values of tensors. Throws Error if the file is no checkpoint, or is that of another
// network as far as names and shapes tell.
Checkpoint readCheckpoint(const Manifest &manifest, const std::string &path);

// Reads the checkpoint and loads its parameters and their states into the program.
Checkpoint loadCheckpoint(Program &program, const std::string &path);

} // namespace kinema
