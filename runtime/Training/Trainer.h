// Trains by stochastic gradients, as the recipe says, with everything that a long run needs: progress,
// tests, checkpoints, curves.
#pragma once

#include "runtime/Plots/Curves.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Progress.h"
#include "runtime/Training/Batch.h"
#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/ClipLabels.h"
#include "runtime/Training/Evaluator.h"
#include "runtime/Training/RankSums.h"
#include "runtime/Training/RunLog.h"
#include "runtime/Training/StepSums.h"

#include <functional>
#include <optional>
#include <set>
#include <string>

namespace kinema {

struct TrainerOptions {
  std::string folder;               // for checkpoints, curves and logs
  double saveSeconds = 600;         // between checkpoints within an epoch; each epoch ends with one too
  int64_t testEvery = 1;            // epochs
  int64_t keep = 0;                 // how many epochs' last checkpoints stay (KeptCheckpoints.h)
  RunOrigin origin;                 // for the checkpoints
  std::vector<std::string> classes; // names of the classes, which go with the weights; empty: not known
  std::vector<double> classWeights; // in the loss, [classes]; empty: all the same
  std::function<void(const Evaluation &)> tested; // called with the result of each test; may be empty
  int64_t profiledSteps = 0; // how many steps, from the first, have their launches timed (Program::times)
  // The processes that train together, of which the first one writes the files; null: this process alone.
  // `train` and `test` are this rank's share then, and the package is a distributed one.
  Ranks *ranks = nullptr;
  StepSumsOptions sums; // how they add up what a step computes
};

struct TrainingResult {
  TrainingState state;
  std::optional<Evaluation> test; // result of the last epoch that was tested
  int64_t unreadable = 0;         // training videos that were left out
};

// Trains `program` on the batches of `train`. Bits depend on the package, the recipe and the data alone, not
// on threads, nor on where a run was stopped and went on.
class Trainer {
public:
  // `test` may be null. Training starts from the parameters that the program has. All arguments by reference
  // or pointer must outlive the trainer.
  Trainer(Program &program, BatchSource &train, BatchSource *test, Recipe recipe, TrainerOptions options,
          Progress &progress);

  // Goes on from a checkpoint's state, whose parameters the program must have already. Where it was saved by
  // another number of ranks, in the middle of a step of this one's, that step's clips all come again.
  void resume(const TrainingState &from);

  // Trains to the recipe's last epoch. Throws Error when interrupted (after it has written a checkpoint) and
  // when the loss is not a number (the last checkpoint stays).
  TrainingResult run();

  std::string lastCheckpoint() const { return run_files::in(options.folder, run_files::last); }
  std::string bestCheckpoint() const { return run_files::in(options.folder, run_files::best); }

private:
  // Sums up what an epoch costs, for progress and curves. It is not part of a checkpoint.
  struct Costs {
    double start = 0, waited = 0;
    int64_t clips = 0, batches = 0;
    double stepEnd = 0, stepWaited = 0; // when the latest step was begun, and `waited` then
    double stepCopied = 0;              // while the latest step's clips were handed to the device
  };

  // A Pending is a step that was started; its results are read while the next one runs.
  struct Pending {
    std::vector<CopyId> losses;
    CopyId logits;
    std::vector<ClipLabels> labels;
    std::vector<int64_t> videos;
    std::optional<CopyId> gradientNorm; // of a step that ends an update, where the loss is scaled
    int64_t valid = 0;                  // clips of this process that count
    StepRow row;                        // but for the loss
  };

  void runEpoch();
  bool nextBatch();
  int64_t batchesOfStep() const { return options.ranks ? options.ranks->count() : 1; }
  bool isFirst() const { return !options.ranks || options.ranks->isFirst(); }
  void agree();
  float shareOfStep() const;
  int64_t numberOf(int64_t step) const;
  double rateAt(int64_t batchOfEpoch) const;
  Hyper hyperOfStep(double rate);
  void compute(const Hyper &hyper);
  void step();
  StepRow rowOfStep(double rate);
  void settle(); // reads the results of the step that was started last
  StepFindings findingsOf(const Pending &step);
  void checkLoss(double loss, const Pending &step) const;
  void checkGradients(const Pending &step);
  int64_t stepsBefore(int64_t epoch) const { return epoch * trainSource.batches(); }
  void saveIfDue();
  void save();
  void saveTo(const std::string &path);
  void saveEpoch();
  bool hasAverage() const { return recipe.train.average > 0 && state.count.updates > 0; }
  void computeStatistics();
  void test();
  void finishEpoch();
  void showProgress();
  std::string without(const char *separator) const;
  void stopIfMissing(const std::string &list, int64_t missing, int64_t videos);
  double secondsLeft() const;

  Program &program;
  BatchSource &trainSource;
  BatchSource *testSource;
  Recipe recipe;
  TrainerOptions options;
  Progress &progress;

  TrainingState state;
  std::optional<CurveWriter> curves;
  std::optional<RunLog> log;
  std::optional<Evaluation> lastTest;
  Costs costs;
  double testSeconds = 0; // seconds of the last test
  int64_t stepsDone = 0;  // steps that this trainer has done
  int64_t unreadable = 0; // training videos that this trainer found unreadable
  double lastSave = 0;
  Batch batch;
  StepNews news;                 // before the latest step
  std::optional<StepSums> sums;  // where there are ranks
  std::vector<Unreadable> found; // videos that turned out to be unreadable, which nobody has been told of
  std::set<int64_t> missing;     // videos that this training found unreadable
  std::optional<Pending> pending;
  std::vector<float> logits;
};

} // namespace kinema
