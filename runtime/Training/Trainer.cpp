#include "runtime/Training/Trainer.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/BatchStatistics.h"
#include "runtime/Training/KeptCheckpoints.h"
#include "runtime/Training/Schedule.h"
#include "runtime/Training/Targets.h"
#include "runtime/Training/TrainingBatch.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace kinema {

Trainer::Trainer(Program &program, BatchSource &train, BatchSource *test, Recipe recipe,
                 TrainerOptions options, Progress &progress)
    : program(program), trainSource(train), testSource(test), recipe(std::move(recipe)),
      options(std::move(options)), progress(progress) {
  const Manifest &manifest = program.manifest();
  if (!manifest.train)
    fail("package {} was compiled for inference; compile it with --mode train", manifest.name);
  if (trainSource.batches() == 0)
    fail("the training list has no clips");
  logits.resize(manifest.output("train_step", "logits").elements());
  unreadable = trainSource.knownMissing();
  makeDirectory(this->options.folder);
}

void Trainer::resume(const TrainingState &from) { state = from; }

TrainingResult Trainer::run() {
  curves.emplace(options.folder, program.manifest().name, state.epoch);
  log.emplace(options.folder, state.epoch, stepsBefore(state.epoch) + state.batch);
  save(); // so that a folder that cannot be written shows before the work is done
  while (state.epoch < recipe.train.epochs)
    runEpoch();
  return {state, lastTest, unreadable};
}

void Trainer::runEpoch() {
  const double start = now();
  costs = {.start = start, .stepEnd = start};
  trainSource.seek(state.epoch, state.batch);
  while (nextBatch()) {
    if (batch.valid > 0)
      step();
    ++state.batch;
    showProgress();
    saveIfDue();
  }
  finishEpoch();
}

bool Trainer::nextBatch() {
  double before = now();
  bool found = trainSource.next(batch);
  costs.waited += now() - before;
  std::vector<Unreadable> missing = trainSource.takeUnreadable();
  unreadable += static_cast<int64_t>(missing.size());
  reportUnreadable(missing, progress);
  if (!missing.empty())
    stopIfMissing(options.origin.train.file, unreadable, trainSource.videos());
  return found;
}

void Trainer::step() {
  const Manifest &manifest = program.manifest();
  std::vector<ClipLabels> labels =
      prepareBatch(batch, trainSource, recipe.train, manifest.inputs, state.epoch, state.batch);
  const double copying = now();
  setInputs(program, batch);
  setLabels(program, labels, recipe.train, options.classWeights);
  costs.stepCopied = now() - copying;
  const int64_t number = stepsBefore(state.epoch) + state.batch;
  Hyper hyper = nextHyper(recipe.train, state.count);
  const double rate = learningRate(recipe.train, state.epoch, state.batch, trainSource.batches());
  hyper.rate = static_cast<float>(rate);
  setDraws(hyper, recipe.train.seed, number);
  program.setHyper(hyper);
  program.setProfile(stepsDone++ < options.profiledSteps);
  program.run("train_step");
  program.setProfile(false);
  std::vector<CopyId> losses;
  for (const ArenaTensor *loss : manifest.losses())
    losses.push_back(program.beginGet(*loss));
  Pending started{losses, program.beginGet(manifest.output("train_step", "logits")), std::move(labels),
                  batch.videos, rowOfStep(rate)};
  settle();
  pending = std::move(started);
  costs.clips += batch.valid;
  ++costs.batches;
}

StepRow Trainer::rowOfStep(double rate) {
  const double end = now();
  StepRow row{.step = stepsBefore(state.epoch) + state.batch + 1,
              .epoch = state.epoch + 1,
              .batch = state.batch + 1,
              .rate = rate,
              .clips = batch.valid,
              .seconds = end - costs.stepEnd,
              .waited = costs.waited - costs.stepWaited,
              .copied = costs.stepCopied};
  costs.stepEnd = end;
  costs.stepWaited = costs.waited;
  return row;
}

void Trainer::settle() {
  if (!pending)
    return;
  Pending step = std::move(*pending);
  pending.reset();
  const Manifest &manifest = program.manifest();
  float loss = 0;
  const auto outputs = manifest.losses();
  for (size_t i = 0; i < outputs.size(); ++i) {
    float part = 0;
    program.finishGet(step.losses[i], *outputs[i], {&part, 1});
    loss += part;
  }
  program.finishGet(step.logits, manifest.output("train_step", "logits"), logits);
  checkLoss(loss, step);
  state.sums.add(logits, step.labels, hasSeveralLabels(recipe.train));
  step.row.loss = loss;
  log->add(step.row);
}

void Trainer::checkLoss(float loss, const Pending &step) const {
  if (std::isfinite(loss))
    return;
  constexpr size_t most = 8;
  std::vector<std::string> names;
  for (int64_t video : step.videos)
    if (video >= 0)
      names.push_back(trainSource.videoName(video));
  const size_t more = names.size() - std::min(names.size(), most);
  names.resize(names.size() - more);
  fail("the loss is {} in epoch {}, batch {}, with clips of {}{}: training stops, {} holds the last "
       "checkpoint; try a smaller train.rate or a longer train.warmup",
       loss, step.row.epoch, step.row.batch, fmt::join(names, ", "),
       more > 0 ? fmt::format(" and {} more", more) : "", lastCheckpoint());
}

void Trainer::saveIfDue() {
  const char *signal = interruption();
  if (!signal && now() - lastSave < options.saveSeconds)
    return;
  save();
  if (signal)
    fail("stopped by {} after batch {} of epoch {}{}: go on with --resume, {} holds everything", signal,
         state.batch, state.epoch + 1, without(", "), lastCheckpoint());
}

void Trainer::save() { saveTo(lastCheckpoint()); }

void Trainer::saveTo(const std::string &path) {
  settle(); // so that what is saved has been checked
  log->flush();
  saveCheckpoint(program, {state, recipe, options.origin, options.classes}, path);
  lastSave = now();
}

// Saves the end of an epoch. The latest checkpoint changes last: a run that is killed before does the end of
// the epoch again, with the same files.
void Trainer::saveEpoch() {
  if (options.keep == 0)
    return save();
  const std::string kept = epochCheckpoint(options.folder, state.epoch);
  saveTo(kept);
  removeEpochCheckpoints(options.folder, state.epoch - options.keep);
  linkFile(kept, lastCheckpoint());
}

// Computes the running statistics of batch norms anew, from the batches that training comes to next, unmixed
// as inference sees clips.
void Trainer::computeStatistics() {
  if (recipe.train.preciseBatchNorm == 0)
    return;
  BatchStatistics statistics(program.manifest());
  trainSource.seek(state.epoch + 1, 0);
  int64_t left = recipe.train.preciseBatchNorm;
  while (left > 0) {
    if (const char *signal = interruption())
      fail("stopped by {} before the test of epoch {}: go on with --resume, {} holds everything", signal,
           state.epoch + 1, lastCheckpoint());
    if (!nextBatch())
      continue; // the next epoch's come now
    --left;
    if (batch.valid == 0)
      continue;
    repeatValidClips(batch);
    setInputs(program, batch);
    program.run("statistics");
    statistics.add(program);
  }
  statistics.store(program);
}

// Tests the network and keeps its weights if they are the best so far. Where there is an average of the
// weights, both are of it, and so are precise statistics of batch norms: the weights have theirs back
// afterwards. A test that throws ends the run, so that nothing has to be put back then.
void Trainer::test() {
  double start = now();
  const bool averaged = hasAverage();
  BatchStatistics present(program.manifest());
  if (averaged) {
    present.add(program);
    program.exchangeAverages();
  }
  computeStatistics();
  lastTest =
      evaluate(program, *testSource, recipe, progress, fmt::format("testing epoch {}", state.epoch + 1));
  testSeconds = now() - start;
  if (options.tested)
    options.tested(*lastTest);
  const bool several = hasSeveralLabels(recipe.train);
  const double accuracy =
      several ? *lastTest->meanAveragePrecision : lastTest->videos.share(lastTest->videos.top1);
  const bool isBest = accuracy > state.best;
  TensorFile weights = isBest ? program.storeWeights() : TensorFile();
  if (averaged) {
    program.exchangeAverages();
    present.store(program);
  }
  stopIfMissing(options.origin.test.file, lastTest->missing, testSource->videos());
  if (!isBest)
    return;
  state.best = accuracy;
  state.bestEpoch = state.epoch;
  weights.metadata = {{"package", program.manifest().name},
                      {"epoch", fmt::to_string(state.epoch + 1)},
                      {several ? "video_map" : "video_top1", fmt::to_string(accuracy)}};
  nameClasses(options.classes, weights);
  writeTensors(bestCheckpoint(), weights);
}

// The last checkpoint is written after the curves, so that a run that is killed between the two does the end
// of the epoch again.
void Trainer::finishEpoch() {
  settle();
  if (state.sums.clips == 0)
    fail("epoch {}: none of {} videos could be read", state.epoch + 1, trainSource.videos());
  EpochRow row;
  row.epoch = state.epoch + 1;
  row.rate = learningRate(recipe.train, state.epoch, trainSource.batches() - 1, trainSource.batches());
  row.trainLoss = state.sums.meanLoss();
  row.trainClipTop1 = state.sums.share(state.sums.top1);
  double seconds = std::max(now() - costs.start, 1e-9);
  row.clipsPerSecond = static_cast<double>(costs.clips) / seconds;
  row.waiting = costs.waited / seconds;
  row.unreadable = static_cast<double>(unreadable);

  const bool last = state.epoch + 1 == recipe.train.epochs;
  const bool tests = testSource && (last || (state.epoch + 1) % options.testEvery == 0);
  if (tests || last)
    save(); // so that a run that is stopped while it tests goes on with the test
  if (tests) {
    test();
    row.testLoss = lastTest->clips.meanLoss();
    row.testClipTop1 = lastTest->clips.share(lastTest->clips.top1);
    row.testVideoTop1 = lastTest->videos.share(lastTest->videos.top1);
    row.testVideoTop5 = lastTest->videos.share(lastTest->videos.top5);
  }
  if (last && (!tests || hasAverage()))
    computeStatistics();
  row.seconds = now() - costs.start;

  std::string line = fmt::format("epoch {}/{}  loss {:.4f}  clip top-1 {:.1f}%", row.epoch,
                                 recipe.train.epochs, row.trainLoss, 100 * row.trainClipTop1);
  if (!std::isnan(row.testLoss))
    line += fmt::format("  test: loss {:.4f}  clip {:.1f}%  video {:.1f}%", row.testLoss,
                        100 * row.testClipTop1, 100 * row.testVideoTop1);
  if (!std::isnan(row.testLoss) && lastTest->meanAveragePrecision)
    line += fmt::format("  mAP {:.1f}%", 100 * *lastTest->meanAveragePrecision);
  line += without("  ");
  progress.note(line + fmt::format("  rate {:.3g}  {:.1f} clips/s  waiting {:.0f}%  {}", row.rate,
                                   row.clipsPerSecond, 100 * row.waiting, formatDuration(row.seconds)));
  curves->add(row);
  log->add(row, stepsBefore(state.epoch + 1));
  ++state.epoch;
  state.batch = 0;
  state.sums = {};
  saveEpoch();
}

void Trainer::showProgress() {
  double seconds = std::max(now() - costs.start, 1e-9);
  ProgressState shown;
  shown.phase = fmt::format("epoch {}/{}", state.epoch + 1, recipe.train.epochs);
  shown.done = state.sums.clips;
  shown.total = trainSource.clips();
  shown.clipsPerSecond = static_cast<double>(costs.clips) / seconds;
  shown.loss = state.sums.meanLoss();
  shown.accuracy = state.sums.share(state.sums.top1);
  shown.rate = learningRate(recipe.train, state.epoch, state.batch, trainSource.batches());
  shown.waiting = costs.waited / seconds;
  shown.secondsLeft = secondsLeft();
  progress.update(shown);
}

// Says behind `separator` how many videos are left out, if any.
std::string Trainer::without(const char *separator) const {
  return unreadable > 0
             ? fmt::format("{}without {} of {} videos", separator, unreadable, trainSource.videos())
             : "";
}

// Ends the training where more videos are missing than the recipe allows. The checkpoint lets it go on when
// they are mended.
void Trainer::stopIfMissing(const std::string &list, int64_t missing, int64_t videos) {
  if (!tooManyMissing(missing, videos, recipe.data))
    return;
  save();
  checkMissing(list, missing, videos, recipe.data);
}

double Trainer::secondsLeft() const {
  if (costs.batches == 0)
    return -1;
  double batchSeconds = (now() - costs.start) / static_cast<double>(costs.batches);
  int64_t epochs = recipe.train.epochs - state.epoch;
  double batches = static_cast<double>(epochs) * static_cast<double>(trainSource.batches()) -
                   static_cast<double>(state.batch);
  int64_t tests = testSource ? (epochs + options.testEvery - 1) / options.testEvery : 0;
  return batches * batchSeconds + static_cast<double>(tests) * testSeconds;
}

} // namespace kinema
