// Logs a training step by step, for people's own scripts (JSON lines) and for TensorBoard.
#pragma once

#include "runtime/Plots/Curves.h"

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace kinema {

// A StepRow says what one step did.
struct StepRow {
  int64_t step = 0;             // steps that are done, this one included
  int64_t epoch = 0, batch = 0; // from 1
  double rate = 0;
  double loss = 0;    // of the step, with label smoothing where the recipe says so
  int64_t clips = 0;  // that counted
  double seconds = 0; // since the step before
  double waited = 0;  // seconds of these in which no batch was ready
  double copied = 0;  // seconds of these in which clips were handed to the device
};

// Reads the steps of a FOLDER/steps.jsonl, up to the first line that is none, which a killed run may have
// left. Throws Error where the file cannot be read.
std::vector<StepRow> readSteps(const std::string &path);

// A RunLog writes FOLDER/steps.jsonl, one object a step, and FOLDER/events.out.tfevents.kinema, with the
// scalars of steps and epochs. All functions throw Error where the files cannot be read or written.
class RunLog {
public:
  // Goes on with the logs that the folder holds, of which what comes behind `step` and behind so many
  // `epochs` is dropped: a run that goes on from a checkpoint does those steps, and the end of the epoch,
  // again.
  RunLog(const std::string &folder, int64_t epochs, int64_t step);

  void add(const StepRow &row);
  // Adds an epoch's figures to the event file, at `step`.
  void add(const EpochRow &row, int64_t step);

  // Hands what was added to the system, so that it is there if the process is killed.
  void flush();

private:
  void append(std::ofstream &file, const std::string &name, std::string_view bytes);

  std::string steps, events; // names
  std::ofstream stepsFile, eventsFile;
};

} // namespace kinema
