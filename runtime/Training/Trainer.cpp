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
  if (this->options.ranks && !manifest.distributed())
    fail("package {} was compiled for one process, and {} ranks train it: compile it with --distributed",
         manifest.name, this->options.ranks->count());
  if (this->options.ranks)
    sums.emplace(program, *this->options.ranks, this->options.sums);
  if (trainSource.batches() == 0)
    fail("the training list has no clips");
  logits.resize(manifest.output("train_step", "logits").elements());
  unreadable = trainSource.knownMissing();
  if (manifest.scalesLoss())
    state.lossScale = LossScale::of(this->recipe.train);
  if (isFirst())
    makeDirectory(this->options.folder);
}

void Trainer::resume(const TrainingState &from) {
  const std::optional<LossScale> begins = state.lossScale;
  state = from;
  if (state.lossScale.has_value() != begins.has_value()) // the precision is another one
    state.lossScale = begins;
  if (state.lossScale)
    state.lossScale->follow(recipe.train);
  const bool isAtEnd = from.batch * program.manifest().batch >= trainSource.clips();
  state.batch = isAtEnd ? trainSource.batches() : from.batch / batchesOfStep();
}

TrainingResult Trainer::run() {
  if (sums)
    progress.note(fmt::format("the ranks add up their gradients in {}", sums->describe()));
  if (isFirst()) {
    curves.emplace(options.folder, program.manifest().name, state.epoch);
    log.emplace(options.folder, state.epoch, stepsBefore(state.epoch) + state.batch);
  }
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
    agree();
    if (news.clips > 0)
      step();
    ++state.batch;
    showProgress();
    saveIfDue();
  }
  finishEpoch();
}

bool Trainer::nextBatch() {
  double before = now();
  const bool isThere = trainSource.next(batch);
  costs.waited += now() - before;
  for (Unreadable &video : trainSource.takeUnreadable())
    found.push_back(std::move(video));
  return isThere;
}

// Has all ranks know what the next step is of, and reports the videos that one of them could not read.
void Trainer::agree() {
  news = newsOfAll(options.ranks, {.clips = batch.valid,
                                   .stops = interruption() != nullptr,
                                   .saves = now() - lastSave >= options.saveSeconds,
                                   .unreadable = std::exchange(found, {})});
  std::erase_if(news.unreadable,
                [&](const Unreadable &video) { return !missing.insert(video.video).second; });
  if (news.unreadable.empty())
    return;
  unreadable += static_cast<int64_t>(news.unreadable.size());
  reportUnreadable(news.unreadable, progress);
  stopIfMissing(options.origin.train.file, unreadable, trainSource.videos());
}

// Returns what the next step is told. Each rank's gradient counts by its share of the clips, and what they
// add up of earlier batches, which all of them have, counts once.
Hyper Trainer::hyperOfStep(double rate) {
  Hyper hyper = nextHyper(recipe.train, state.count);
  hyper.rate = static_cast<float>(rate);
  setDraws(hyper, recipe.train.seed, numberOf(stepsBefore(state.epoch) + state.batch));
  if (options.ranks) {
    hyper.share *= shareOfStep();
    hyper.keep /= static_cast<float>(options.ranks->count());
  }
  if (state.lossScale)
    state.lossScale->tell(hyper);
  return hyper;
}

// Returns the learning rate of a batch of this epoch.
double Trainer::rateAt(int64_t batchOfEpoch) const {
  return learningRate(recipe.train, state.epoch, batchOfEpoch, trainSource.batches(),
                      static_cast<int>(batchesOfStep()));
}

// Returns the number of this rank's batch in a step, by which ranks draw numbers of their own.
int64_t Trainer::numberOf(int64_t step) const {
  return options.ranks ? step * options.ranks->count() + options.ranks->rank() : step;
}

// Returns this rank's share of the step's clips.
float Trainer::shareOfStep() const {
  return static_cast<float>(static_cast<double>(batch.valid) / static_cast<double>(news.clips));
}

// Starts the step's launches. A rank without clips computes no gradient: of what is added up it has what
// earlier batches have left.
void Trainer::compute(const Hyper &hyper) {
  if (!options.ranks)
    return program.runStep();
  const bool computes = batch.valid > 0;
  const bool even = news.clips == options.ranks->count() * program.manifest().batch;
  sums->run(computes, {.share = shareOfStep(), .present = computes ? 1 : hyper.keep, .even = even});
  program.run("update");
}

void Trainer::step() {
  const Manifest &manifest = program.manifest();
  std::vector<ClipLabels> labels;
  const double copying = now();
  if (batch.valid > 0) {
    labels =
        prepareBatch(batch, trainSource, recipe.train, manifest.inputs, state.epoch, numberOf(state.batch));
    setInputs(program, batch);
    setLabels(program, labels, recipe.train, options.classWeights);
  }
  costs.stepCopied = now() - copying;
  const double rate = rateAt(state.batch);
  const Hyper hyper = hyperOfStep(rate);
  program.setHyper(hyper);
  program.setProfile(stepsDone++ < options.profiledSteps);
  compute(hyper);
  program.setProfile(false);
  Pending started;
  started.labels = std::move(labels);
  started.videos = batch.videos;
  started.valid = batch.valid;
  started.row = rowOfStep(rate);
  for (const ArenaTensor *loss : manifest.losses())
    started.losses.push_back(program.beginGet(*loss));
  started.logits = program.beginGet(manifest.output("train_step", "logits"));
  if (state.lossScale && hyper.apply != 0)
    started.gradientNorm = program.beginGet(manifest.gradientNorm());
  settle();
  pending = std::move(started);
  costs.clips += news.clips;
  ++costs.batches;
}

StepRow Trainer::rowOfStep(double rate) {
  const double end = now();
  StepRow row{.step = stepsBefore(state.epoch) + state.batch + 1,
              .epoch = state.epoch + 1,
              .batch = state.batch + 1,
              .rate = rate,
              .clips = news.clips,
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
  const StepFindings all = findingsOfAll(options.ranks, findingsOf(step));
  checkLoss(all.loss, step);
  checkGradients(step);
  state.sums.add(all.clips);
  step.row.loss = all.loss;
  if (log)
    log->add(step.row);
}

// Reads the results of a step. A rank without clips waits for the step, too, rather than run ahead of the
// others.
StepFindings Trainer::findingsOf(const Pending &step) {
  const Manifest &manifest = program.manifest();
  StepFindings found;
  found.valid = step.valid;
  const auto outputs = manifest.losses();
  float loss = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    float part = 0;
    program.finishGet(step.losses[i], *outputs[i], {&part, 1});
    loss += part;
  }
  found.loss = loss;
  program.finishGet(step.logits, manifest.output("train_step", "logits"), logits);
  if (step.valid == 0)
    return {};
  found.clips.add(logits, step.labels, hasSeveralLabels(recipe.train));
  return found;
}

void Trainer::checkLoss(double loss, const Pending &step) const {
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
       "checkpoint; try a smaller train.rate or a longer train.warmup{}",
       loss, step.row.epoch, step.row.batch, fmt::join(names, ", "),
       more > 0 ? fmt::format(" and {} more", more) : "", lastCheckpoint(),
       state.lossScale ? ", or compute.precision bf16, whose numbers reach further" : "");
}

// Follows the scale of the loss. All ranks find the same norm.
void Trainer::checkGradients(const Pending &step) {
  if (!step.gradientNorm)
    return;
  float norm = 0;
  program.finishGet(*step.gradientNorm, program.manifest().gradientNorm(), {&norm, 1});
  if (!state.lossScale->found(norm, recipe.train))
    fail("{}, in epoch {}, batch {}: training stops, {} holds the last checkpoint; try a smaller train.rate, "
         "or "
         "compute.precision bf16",
         gradientsNotFinite, step.row.epoch, step.row.batch, lastCheckpoint());
}

void Trainer::saveIfDue() {
  const char *signal = interruption();
  const bool stops = options.ranks ? news.stops : signal != nullptr;
  if (!stops && !(options.ranks ? news.saves : now() - lastSave >= options.saveSeconds))
    return;
  save();
  if (stops)
    fail("stopped by {} after batch {} of epoch {}{}: go on with --resume, {} holds everything", signal,
         state.batch, state.epoch + 1, without(", "), lastCheckpoint());
}

void Trainer::save() { saveTo(lastCheckpoint()); }

void Trainer::saveTo(const std::string &path) {
  settle(); // so that what is saved has been checked
  lastSave = now();
  if (!isFirst())
    return;
  log->flush();
  TrainingState saved = state;
  saved.batch *= batchesOfStep();
  saveCheckpoint(program, {saved, recipe, options.origin, options.classes}, path);
}

// Saves the end of an epoch. The latest checkpoint changes last: a run that is killed before does the end of
// the epoch again, with the same files.
void Trainer::saveEpoch() {
  if (options.keep == 0)
    return save();
  const std::string kept = epochCheckpoint(options.folder, state.epoch);
  saveTo(kept);
  if (!isFirst())
    return;
  removeEpochCheckpoints(options.folder, state.epoch - options.keep);
  linkFile(kept, lastCheckpoint());
}

// Computes the running statistics of batch norms anew, from the batches that training comes to next, unmixed
// as inference sees clips.
void Trainer::computeStatistics() {
  if (recipe.train.preciseBatchNorm == 0 || !program.manifest().entries.contains("statistics"))
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
  mergeOverRanks(options.ranks, statistics);
  statistics.store(program);
  agree();
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
  lastTest = evaluate(program, *testSource, recipe, progress,
                      fmt::format("testing epoch {}", state.epoch + 1), {}, options.ranks);
  testSeconds = now() - start;
  if (options.tested && isFirst())
    options.tested(*lastTest);
  const bool several = hasSeveralLabels(recipe.train);
  const double accuracy =
      several ? *lastTest->meanAveragePrecision : lastTest->videos.share(lastTest->videos.top1);
  const bool isBest = accuracy > state.best;
  TensorFile weights = isBest && isFirst() ? program.storeWeights() : TensorFile();
  if (averaged) {
    program.exchangeAverages();
    present.store(program);
  }
  stopIfMissing(options.origin.test.file, lastTest->missing, testSource->videos());
  if (!isBest)
    return;
  state.best = accuracy;
  state.bestEpoch = state.epoch;
  if (!isFirst())
    return;
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
  agree();
  if (options.ranks)
    checkSameParameters(program, *options.ranks, fmt::format("after epoch {}", state.epoch + 1));
  if (state.sums.clips == 0)
    fail("epoch {}: none of {} videos could be read", state.epoch + 1, trainSource.videos());
  EpochRow row;
  row.epoch = state.epoch + 1;
  row.rate = rateAt(trainSource.batches() - 1);
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
  if (state.lossScale)
    line += fmt::format("  loss scale {}", state.lossScale->latest);
  if (state.lossScale && state.lossScale->skipped > 0)
    line += fmt::format(", {} updates left out", state.lossScale->skipped);
  progress.note(line + fmt::format("  rate {:.3g}  {:.1f} clips/s  waiting {:.0f}%  {}", row.rate,
                                   row.clipsPerSecond, 100 * row.waiting, formatDuration(row.seconds)));
  if (isFirst()) {
    curves->add(row);
    log->add(row, stepsBefore(state.epoch + 1));
  }
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
  shown.rate = rateAt(state.batch);
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
