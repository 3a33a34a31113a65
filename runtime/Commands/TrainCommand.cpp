// Implements the command `train`.
#include "runtime/Commands/Commands.h"
#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Commands/Info.h"
#include "runtime/Commands/NetworkInputs.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/KeptCheckpoints.h"
#include "runtime/Training/Targets.h"
#include "runtime/Training/Trainer.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

namespace kinema {
namespace {

// Returns the files that a training run leaves in its folder.
std::vector<std::string> runFiles(const std::string &folder) {
  using namespace run_files;
  std::vector<std::string> files;
  for (const char *name : {last, best, curves, curvesPicture, steps, events, package, weights})
    files.push_back(in(folder, name));
  for (const char *name : evaluation_files::all)
    files.push_back(in(in(folder, test), name));
  return files;
}

// A run with --profile times so many steps. Later steps are not slowed down and take no memory for times.
constexpr int64_t profiledSteps = 1000;

// Checks that the recipe leaves alone what the code was made for, which cannot be changed afterwards.
void checkCompiled(const Manifest &manifest, const Recipe &recipe) {
  const TrainRecipe &compiled = manifest.recipe.train;
  auto check = [&](const char *field, const auto &wanted, const auto &compiled) {
    if (wanted != compiled)
      refuse("train.{} is {}, the package was compiled for {}: compile the spec anew with the other value",
             field, wanted, compiled);
  };
  refuseContradictions(recipe.train);
  check("batch", recipe.train.batch, compiled.batch);
  check("loss", recipe.train.loss, compiled.loss);
  check("of", fmt::format("[{}]", fmt::join(recipe.train.of, " ")),
        fmt::format("[{}]", fmt::join(compiled.of, " ")));
  if (recipe.train.preciseBatchNorm > 0 && compiled.preciseBatchNorm == 0)
    refuse(
        "the package was compiled without precise batch norm: compile the spec anew with train.precise_bn");
  if (manifest.targets)
    return;
  check("smoothing", recipe.train.smoothing, compiled.smoothing);
  check("class_weights", recipe.train.classWeights, compiled.classWeights);
  if (mixesClips(recipe.train))
    refuse("the package was compiled for clips that are not mixed: compile the spec anew with train.mixup or "
           "train.cutmix");
}

// Returns how much each class weighs in the loss of a training; nothing if all weigh the same.
std::vector<double> classWeightsOf(const TrainOptions &options, const TrainRecipe &recipe,
                                   const VideoList &list, int64_t classes) {
  if (recipe.classWeights == "balanced") {
    std::vector<int32_t> labels;
    for (const LabelledVideo &video : list.videos)
      labels.push_back(video.label);
    return balancedWeights(labels, classes);
  }
  if (recipe.classWeights == "none")
    return {};
  if (options.classWeights.empty())
    refuse("train.class_weights is file: name the file with --class-weights");
  return readClassWeights(options.classWeights, classes);
}

MatchOptions matchOptions(const TrainOptions &options) { return {.crossModality = options.crossModality}; }

// Loads the weights that training starts from, if there are any. Returns what is to be kept of how they were
// matched; an empty string where they are the network's own.
std::string startFrom(Program &program, const Package &package, const TrainOptions &options,
                      Progress &progress) {
  if (options.weights.empty())
    return "";
  if (!options.partial) {
    loadWeights(program, package, options.weights, options.names);
    return "";
  }
  TensorFile file = readTensors(options.weights);
  Naming naming = findNaming(options.names);
  WeightMatch match = findWeights(program.manifest(), file, naming, matchOptions(options));
  requireAny(match, program.manifest(), file, options.weights, naming);
  program.loadMatchingWeights(match);
  std::istringstream table(describe(match, options.weights));
  for (std::string line; std::getline(table, line);)
    progress.note(line);
  return listOf(match, options.weights);
}

// Gives the run's folder the package and removes what does not belong to the run. It is called when
// everything else has been checked.
void prepareFolder(const TrainOptions &options) {
  makeDirectory(options.out);
  removeEpochCheckpoints(options.out, options.overwrite ? INT64_MAX : 0);
  for (const std::string &path : runFiles(options.out)) {
    removeLeftovers(path);
    if (options.overwrite)
      std::filesystem::remove(path);
  }
  if (options.keepPackage)
    writeFile(run_files::in(options.out, run_files::package), readFile(options.package));
}

std::string checkpointIn(const std::string &folder) { return run_files::in(folder, run_files::last); }

// Prints where the time of the steps went, if there were any.
void printProfile(const Program &program, const TrainOptions &options, const Peak &peak) {
  const std::vector<LaunchTime> &times = program.times("train_step");
  if (!options.profile || times.front().seconds.empty())
    return;
  fmt::print("the launches of a step, medians of {}", times.front().seconds.size());
  fmt::print("{}\n{}", peak.threads > 0 ? "; this machine's peak: " + describe(peak) : "",
             describeLaunches(program, "train_step", peak, 0));
}

// Checks that the folder of a training run is new, or that its run is the one to go on with.
void checkFolder(const TrainOptions &options) {
  std::string checkpoint = checkpointIn(options.out);
  bool exists = std::filesystem::exists(checkpoint);
  if (options.resume && !exists)
    refuse("there is nothing to resume: {} does not exist", checkpoint);
  if (options.resume && !options.weights.empty())
    refuse("--resume takes its weights from {}: leave --weights out", checkpoint);
  if (!options.resume && !options.changed.empty())
    refuse("--changed says what differs from the run that --resume goes on with: add --resume");
  if (!options.resume && exists && !options.overwrite)
    refuse(
        "{} holds a run already: go on with --resume, begin anew with --overwrite, or choose another --out",
        options.out);
}

// A TrainingPlan is a training before the first step.
struct TrainingPlan {
  VideoList train;
  std::optional<VideoList> test;
  std::vector<double> classWeights; // TrainerOptions::classWeights
  Checkpoint start;                 // where a run that goes on stands, or the beginning of a new one
  std::vector<std::string> notes;
};

// Returns the latest setting of each field, in the order of the fields' names, since a run that goes on with
// the settings that it has already is the same run.
std::vector<std::string> latest(const std::vector<std::string> &settings) {
  std::map<std::string, std::string> fields;
  for (const std::string &setting : settings)
    fields[setting.substr(0, setting.find('='))] = setting;
  std::vector<std::string> kept;
  for (const auto &[field, setting] : fields)
    kept.push_back(setting);
  return kept;
}

RunOrigin::List originOf(const VideoList &list) {
  return {list.file, static_cast<int64_t>(list.videos.size()), list.digest.text()};
}

// Returns the digest of a file's content.
std::string digestOf(const std::string &file) {
  Digest digest;
  digest.add(readFile(file));
  return digest.text();
}

// Returns what decodes the videos of a training; empty where they are all uncompressed.
std::string decoderOf(const TrainingPlan &plan) {
  std::vector<const VideoList *> lists = {&plan.train};
  if (plan.test)
    lists.push_back(&*plan.test);
  for (const VideoList *list : lists)
    for (const LabelledVideo &video : list->videos)
      if (std::string decoder = requireDecoder(video.path); !decoder.empty())
        return decoder;
  return "";
}

std::string describe(const RunOrigin::List &list) {
  return list.digest.empty() ? "none" : fmt::format("{} with {} videos", list.file, list.videos);
}

// Throws Error where `now` differs from the run that is to go on in something that the options do not say is
// meant to differ.
void checkSameRun(const TrainOptions &options, const RunOrigin &before, const RunOrigin &now,
                  const std::vector<std::string> &recipeDifferences) {
  std::vector<std::string> wrong, names;
  auto compare = [&](const char *name, bool same, const std::string &text) {
    if (same || std::ranges::find(options.changed, name) != options.changed.end())
      return;
    wrong.push_back(text);
    names.emplace_back(name);
  };
  auto lists = [](const char *name, const RunOrigin::List &then, const RunOrigin::List &now) {
    return fmt::format("its {} list was {}, now it is {}{}", name, describe(then), describe(now),
                       describe(then) == describe(now) ? " of other lines" : "");
  };
  compare("train", before.train == now.train, lists("train", before.train, now.train));
  compare("test", before.test == now.test, lists("test", before.test, now.test));
  compare("network", before.network == now.network, "its network was another one of the same parameters");
  compare("class_weights", before.classWeights == now.classWeights, "its file of class weights had others");
  constexpr size_t most = 4;
  const size_t shown = std::min(most, recipeDifferences.size());
  compare("recipe", recipeDifferences.empty(),
          fmt::format("the spec's recipe was another one: {}{}",
                      fmt::join(recipeDifferences.begin(), recipeDifferences.begin() + shown, ", "),
                      shown < recipeDifferences.size()
                          ? fmt::format(" and {} more", recipeDifferences.size() - shown)
                          : ""));
  if (!wrong.empty())
    refuse("{} holds another run: {}; if that is meant, add --changed {}", options.out,
           fmt::join(wrong, "; "), fmt::join(names, ","));
}

// Plans to go on with a run. It has the recipe that it began with, changed by the settings that it was given
// then and is given now.
void planResumption(const TrainOptions &options, const Manifest &manifest, TrainingPlan &plan) {
  Checkpoint checkpoint = readCheckpoint(manifest, checkpointIn(options.out));
  Recipe spec = manifest.recipe;
  Recipe kept = recipeWith(checkpoint.recipe, options.settings);
  Recipe expected = recipeWith(recipeWith(spec, checkpoint.origin.settings), options.settings);
  kept.train.epochs = expected.train.epochs; // a spec that asks for more epochs goes on with the same run
  checkSameRun(options, checkpoint.origin, plan.start.origin, differences(expected, kept));
  if (const std::string &before = checkpoint.origin.decoder, &now = plan.start.origin.decoder;
      before != now && !before.empty())
    plan.notes.push_back(fmt::format("{} decoded the videos before, and {} does now: pixels may differ",
                                     before, now.empty() ? "Kinema" : now));
  bool changed = std::ranges::find(options.changed, "recipe") != options.changed.end();
  Recipe wanted = recipeWith(spec, options.settings);
  plan.start.state = checkpoint.state;
  plan.start.recipe = changed ? wanted : kept;
  if (!changed) {
    std::vector<std::string> settings = checkpoint.origin.settings;
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    plan.start.origin.settings = latest(settings);
  }
  for (const std::string &text : differences(plan.start.recipe, wanted))
    plan.notes.push_back(fmt::format("the checkpoint's recipe is kept: {} in the package", text));
  if (plan.start.state.epoch >= plan.start.recipe.train.epochs)
    refuse("there is nothing to resume: {} of {} epochs are done; ask for more with --epochs",
           plan.start.state.epoch, plan.start.recipe.train.epochs);
}

// Reads the lists of a training, whose classes must be the same.
void readLists(const TrainOptions &options, const Manifest &manifest, TrainingPlan &plan) {
  const Recipe &recipe = plan.start.recipe;
  plan.train =
      readVideos(options.trainList, listOptions(options, ListPart::Train, manifest, recipe), options);
  useFlow(plan.train, options.flow, manifest, plan.start.recipe);
  addNotes(plan.train, plan.notes);
  const std::vector<std::string> &classes = plan.train.classes;
  if (plan.train.sorted && static_cast<int64_t>(classes.size()) < manifest.classes)
    plan.notes.push_back(
        fmt::format("{}: its {} classes are the first of the {} of {}; if there are more, name the "
                    "file of all of them with --labels",
                    options.trainList, classes.size(), manifest.classes, manifest.name));
  if (std::string text = differentClasses(classesOf(options.weights), classes);
      !options.partial && !text.empty())
    plan.notes.push_back(fmt::format("{} was trained on other classes than those of {}: {}", options.weights,
                                     options.trainList, text));
  if (options.testList.empty())
    return;
  plan.test =
      readVideos(options.testList, listOptions(options, ListPart::Test, manifest, recipe, classes), options);
  useFlow(*plan.test, options.flow, manifest, plan.start.recipe);
  addNotes(*plan.test, plan.notes);
  if (std::string text = differentClasses(classes, plan.test->classes); !text.empty())
    fail("{} and {} have different classes: {}; name the file of both with --labels", options.trainList,
         options.testList, text);
}

TrainingPlan planTraining(const TrainOptions &options, const Manifest &manifest) {
  if (isFirstRank()) // which alone changes it
    checkFolder(options);
  requireUseOf(options.flow, manifest);
  TrainingPlan plan;
  plan.start.recipe = recipeWith(manifest.recipe, options.settings);
  readLists(options, manifest, plan);
  plan.start.origin = {manifest.network,
                       originOf(plan.train),
                       plan.test ? originOf(*plan.test) : RunOrigin::List(),
                       decoderOf(plan),
                       options.classWeights.empty() ? "" : digestOf(options.classWeights),
                       latest(options.settings)};
  if (options.resume)
    planResumption(options, manifest, plan);
  checkCompiled(manifest, plan.start.recipe);
  plan.classWeights = classWeightsOf(options, plan.start.recipe.train, plan.train, manifest.classes);
  checkClips(manifest, plan.start.recipe, options.flow, true);
  if (plan.test)
    checkClips(manifest, plan.start.recipe, options.flow, false);
  checkWeights(manifest, options.weights, options.names, options.partial, matchOptions(options));
  checkKnownMissing(plan.train, plan.start.recipe);
  if (plan.test)
    checkKnownMissing(*plan.test, plan.start.recipe);
  return plan;
}

} // namespace

void check(const TrainOptions &options, const Manifest &network) { planTraining(options, network); }

void train(const TrainOptions &options) {
  Ranks *const ranks = ranksOfProcess();
  if (!ranks && wireOf(options.compress) == Wire::Bfloat16)
    refuse("--compress bf16: one process sends no gradients: leave it out, or start several by mpirun");
  const bool isFirst = isFirstRank();
  Package package(options.package);
  Manifest network = networkOf(package);
  std::shared_ptr<FolderLock> lock = options.lock;
  if (!lock && isFirst) {
    check(options, network);
    lock = std::make_shared<FolderLock>(options.out);
  }
  TrainingPlan plan = planTraining(options, network); // planned now that nobody else can change the folder
  const Recipe &recipe = plan.start.recipe;
  Progress progress(isFirst ? stderr : nullptr);
  if (lock && !lock->remark().empty())
    progress.note(lock->remark());
  for (const std::string &note : plan.notes)
    progress.note(note);

  progress.begin("loading the network and its weights");
  Program program(package, {.threads = options.threads, .device = options.device, .gpu = gpuOfRank()});
  const Manifest &manifest = program.manifest();
  if (options.resume)
    loadCheckpoint(program, checkpointIn(options.out));
  else
    program.initialise(recipe.train.seed);
  const std::string matched = startFrom(program, package, options, progress);

  const std::vector<std::string> classes = plan.train.classes;
  LoaderOptions loading = shareOf(loaderOptions(manifest, options), ranks);
  loading.cache = options.openCache();
  auto source = VideoSource::training(std::move(plan.train), recipe, loading);
  std::unique_ptr<VideoSource> test;
  if (plan.test)
    test = VideoSource::evaluation(std::move(*plan.test), recipe, loading);

  progress.note(fmt::format("{}: {} parameters, {} clips a step{}, {} clips an epoch, {}", manifest.name,
                            trainedValues(manifest), manifest.batch,
                            ranks ? fmt::format(" of each of {} ranks", ranks->count()) : "", source->clips(),
                            program.describeDevice()));
  const std::string found = run_files::in(options.out, run_files::test);
  auto keep = [&](const Evaluation &evaluation) {
    prepareEvaluation(found);
    writeEvaluation(found, evaluation, *test, classes);
  };
  Trainer trainer(program, *source, test.get(), recipe,
                  {.folder = options.out,
                   .saveSeconds = 60 * options.saveMinutes,
                   .testEvery = options.testEvery,
                   .keep = options.keep,
                   .origin = plan.start.origin,
                   .classes = classes,
                   .classWeights = plan.classWeights,
                   .tested = keep,
                   .profiledSteps = options.profile ? profiledSteps : 0,
                   .ranks = ranks,
                   .sums = {.bucketBytes = options.bucketMegabytes > 0
                                               ? static_cast<int64_t>(1e6 * options.bucketMegabytes)
                                               : usualBucketBytes,
                            .wire = wireOf(options.compress),
                            .profiles = options.profile}},
                  progress);
  if (options.resume) {
    const TrainingState &state = plan.start.state;
    trainer.resume(state);
    progress.note(fmt::format("going on with epoch {}, batch {}", state.epoch + 1, state.batch + 1));
  }
  catchInterrupts();
  if (ranks)
    ranks->gather(""); // nobody changes the folder before all have read what they need
  if (isFirst)
    prepareFolder(options);
  if (isFirst && !matched.empty())
    writeFile(run_files::in(options.out, run_files::weights), matched);
  Peak peak = options.profile ? program.measurePeak() : Peak{};
  TrainingResult result;
  try {
    result = trainer.run();
  } catch (const Error &) {
    printProfile(program, options, peak);
    throw;
  }
  if (!isFirst)
    return;
  printProfile(program, options, peak);
  if (result.test)
    fmt::print("{}", describe(*result.test, recipe.eval));
  if (result.unreadable > 0)
    fmt::print("trained without {} of {} videos, which could not be read\n", result.unreadable,
               source->videos());
  if (loading.cache)
    fmt::print("{} frames came from {}, which {} were added to{}{}\n", loading.cache->reads(), options.cache,
               loading.cache->kept(), loading.cache->isFull() ? "; others had no room" : "",
               ranks ? "; those of the other ranks are not counted" : "");
  fmt::print("weights and curves are in {}\n", options.out);
}

} // namespace kinema
