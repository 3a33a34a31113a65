// Reads what a training left in its folder.
#pragma once

#include "runtime/Plots/Curves.h"
#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/RunLog.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kinema {

// A JudgedVideo is a line of an evaluation's videos.jsonl.
struct JudgedVideo {
  std::string video;               // its file, as the evaluation opened it
  int64_t label = 0, rank = 0;     // rank of the label among the classes; 0: it came first
  int64_t said = 0;                // the class that came first
  double score = 0, saidScore = 0; // probabilities of these two classes
  // All labels with their ranks. Of several, `label` is the one that the network found most probable.
  std::vector<std::pair<int64_t, int64_t>> labels;
};

// Reads a videos.jsonl. Throws Error with the line that is none of its.
std::vector<JudgedVideo> readJudgedVideos(const std::string &path);

struct RunRecord {
  CheckpointRecord checkpoint;
  std::vector<EpochRow> epochs;
  std::vector<StepRow> steps;      // empty where the run kept no log of steps
  std::vector<JudgedVideo> videos; // of the last test; empty where there was none
  std::string spec;                // the text of the network; empty where the folder has no package

  int64_t classes() const; // at least as many as labels are known of
  // Returns a class's name, or "class N" where it has none.
  std::string nameOf(int64_t label) const;
};

// Reads a run's folder. Throws Error where it holds no run or where one of its files is damaged.
RunRecord readRun(const std::string &folder);

} // namespace kinema
