#include "runtime/Commands/Commands.h"

#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Commands/Info.h"
#include "runtime/Data/ClassNames.h"
#include "runtime/Data/ClipInput.h"
#include "runtime/Data/FlowStore.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Data/VideoSource.h"
#include "runtime/Package/RecipeRules.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/Checkpoint.h"
#include "runtime/Training/KeptCheckpoints.h"
#include "runtime/Training/Targets.h"
#include "runtime/Training/Trainer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <sstream>

using nlohmann::json;

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

void requireWeights(const Package &package, const std::string &weights,
                    const std::string &option = "--weights") {
  if (weights.empty() && !package.has(weightsEntry))
    refuse("package {} carries no weights; name a file with {}", package.path(), option);
}

// Loads weights from a file or else from the package.
void loadWeights(Program &program, const Package &package, const std::string &weights,
                 const std::string &names) {
  if (!weights.empty())
    return program.loadWeights(readTensors(weights), weights, findNaming(names));
  program.loadWeights(parseTensors(package.read(weightsEntry), package.path()), package.path());
}

// Returns how a list is to be read; `known` are names of classes that count where no file has names.
ListOptions listOptions(const ListFlags &flags, ListPart part, const Manifest &manifest, const Recipe &recipe,
                        std::vector<std::string> known = {}) {
  ListOptions options = flags.readOptions(part, manifest.classes);
  options.severalLabels = hasSeveralLabels(recipe.train);
  options.knownClasses = std::move(known);
  options.findMissing = true;
  return options;
}

VideoList readVideos(const std::string &list, const ListOptions &options, const ListFlags &flags) {
  VideoList videos = readVideoList(list, options);
  if (std::string index = indexPath(list, flags.index); std::filesystem::exists(index))
    useIndex(videos, index);
  if (!videos.hasLabels())
    fail("{}: not all of its videos have labels, without which they cannot be used here", list);
  for (const LabelledVideo &video : videos.videos)
    requireDecoder(video.path);
  return videos;
}

bool hasFlow(const Manifest &manifest) {
  return std::ranges::any_of(manifest.inputs, [](const InputTensor &input) { return input.kind == "flow"; });
}

// Throws Error where a folder of stored flow is named for a network that takes no flow.
void requireUseOf(const std::string &flow, const Manifest &manifest) {
  if (!flow.empty() && !hasFlow(manifest))
    refuse("--flow {}: {} has no input of kind flow", flow, manifest.name);
}

// Has the videos left out that have no stored flow, where the network takes its flow from a folder.
void useFlow(VideoList &list, const std::string &folder, const Manifest &manifest, const Recipe &recipe) {
  if (!folder.empty() && hasFlow(manifest))
    FlowStore(folder, recipe.data).leaveOutOthers(list);
}

// Throws Error where so many videos of the list are known to be missing that the recipe does not allow it.
void checkKnownMissing(const VideoList &list, const Recipe &recipe) {
  if (list.unreadable.size() == list.videos.size())
    fail("{}: none of its {} videos can be read, such as {}: {}; --root names the folder of the videos",
         list.file, list.videos.size(), list.videos.front().path, list.unreadable.begin()->second);
  checkMissing(list.file, static_cast<int64_t>(list.unreadable.size()),
               static_cast<int64_t>(list.videos.size()), recipe.data);
}

// Lists what is to be said of a list: what it is, and what is odd about it.
void addNotes(const VideoList &list, std::vector<std::string> &notes) {
  notes.push_back(describe(list));
  notes.insert(notes.end(), list.notes.begin(), list.notes.end());
  if (std::string remark = labelRemark(list); !remark.empty())
    notes.push_back(remark);
}

// Reads the names of the classes that a network was trained on from the file of its weights or else from
// those that the package carries, if there is one yet.
std::vector<std::string> classesOf(const std::string &weights, const Package *package = nullptr) {
  if (!weights.empty())
    return classNamesIn(readTensorHeader(weights));
  if (package && package->has(weightsEntry))
    return classNamesIn(parseTensors(package->read(weightsEntry), package->path()));
  return {};
}

// Returns how two lists of classes differ, or an empty string. One that is empty has numbers alone.
std::string differentClasses(const std::vector<std::string> &a, const std::vector<std::string> &b) {
  for (size_t label = 0; label < std::min(a.size(), b.size()); ++label)
    if (a[label] != b[label])
      return fmt::format("class {} is '{}' in the one and '{}' in the other", label, a[label], b[label]);
  return "";
}

template <typename Options> LoaderOptions loaderOptions(const Manifest &manifest, const Options &from) {
  LoaderOptions options;
  options.batch = manifest.batch;
  options.threads = from.loaders;
  options.inputs = formsOf(manifest.inputs);
  options.flow = from.flow;
  return options;
}

// Checks that videos give what the network takes, and that frames and crop are those that the package was
// compiled for. `flow` is the folder of stored flow; `train` means the crop of training, else that of
// evaluation.
void checkClips(const Manifest &manifest, const Recipe &recipe, const std::string &flow, bool train) {
  const std::vector<InputForm> forms = formsOf(manifest.inputs);
  for (const InputForm &form : forms)
    makeClipInput(form, recipe.data, flow);
  refuseContradictions(recipe.data, train ? EvalRecipe() : recipe.eval);
  for (const InputTensor &input : manifest.inputs) { // [N, C, T, H, W]
    const RecipeSize size{input.shape[3], input.shape[4]};
    auto faults = otherSizesThan(clipFrames(forms), size, recipe, train, !train);
    if (!faults.empty())
      refuse("{}: {}, as the package was compiled: {}, or compile the spec with --frames and --size",
             faults.front().field, faults.front().message, faults.front().hint);
  }
}

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

void printConfusion(const VideoMetrics &videos, int64_t classes, const std::vector<std::string> &names) {
  size_t width = 5;
  for (const std::string &name : names)
    width = std::max(width, name.size());
  for (int64_t label = 0; label < classes; ++label) {
    bool named = label < static_cast<int64_t>(names.size());
    std::string line = fmt::format("{:<{}}", named ? names[label] : fmt::to_string(label), width + 1);
    for (int64_t said = 0; said < classes; ++said)
      line += fmt::format("{:>5}", videos.confusion[label * classes + said]);
    fmt::print("{}\n", line);
  }
}

struct Prediction {
  std::string video;
  std::vector<std::pair<std::string, double>> top; // class, probability
};

std::vector<Prediction> topClasses(const std::vector<std::string> &videos, const VideoScores &scores,
                                   const std::vector<std::string> &names, int64_t top) {
  std::vector<Prediction> predictions;
  for (const VideoScore &video : scores.all()) {
    const std::vector<double> &own = video.scores;
    std::vector<int64_t> order(own.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int64_t a, int64_t b) { return own[a] > own[b] || (own[a] == own[b] && a < b); });
    order.resize(std::min<size_t>(order.size(), top));
    Prediction &prediction = predictions.emplace_back();
    prediction.video = videos[video.video];
    for (int64_t label : order)
      prediction.top.emplace_back(label < static_cast<int64_t>(names.size()) ? names[label]
                                                                             : fmt::format("class {}", label),
                                  own[label]);
  }
  return predictions;
}

void print(const std::vector<Prediction> &predictions, bool asJson) {
  json document = json::array();
  for (const Prediction &prediction : predictions) {
    if (!asJson)
      fmt::print("{}\n", prediction.video);
    json classes = json::array();
    for (const auto &[name, probability] : prediction.top)
      if (asJson)
        classes.push_back({{"class", name}, {"probability", probability}});
      else
        fmt::print("  {:5.1f}%  {}\n", 100 * probability, name);
    document.push_back({{"video", prediction.video}, {"classes", classes}});
  }
  if (asJson)
    fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
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

// Checks weights from a file, as far as its header tells. With `partial`, some of them are enough.
void checkWeights(const Manifest &manifest, const std::string &weights, const std::string &names,
                  bool partial = false, const MatchOptions &options = {}) {
  Naming naming = findNaming(names);
  if (weights.empty())
    return;
  TensorFile file = readTensorHeader(weights);
  if (partial)
    requireAny(findWeights(manifest, file, naming, options), manifest, file, weights, naming);
  else
    matchWeights(manifest, file, weights, naming);
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

// An EvaluationPlan is what an evaluation of a list, or of videos without labels, needs.
struct EvaluationPlan {
  Recipe recipe;
  VideoList videos;
  std::vector<std::string> names; // of the classes, where they are known
  std::vector<std::string> notes;
};

// `package` is null where it is not made yet.
EvaluationPlan planEvaluation(const EvalOptions &options, const Manifest &manifest, const Package *package) {
  EvaluationPlan plan{recipeWith(manifest.recipe, options.settings), {}, {}, {}};
  checkClips(manifest, plan.recipe, options.flow, false);
  const std::vector<std::string> trained = classesOf(options.weights, package);
  plan.videos = readVideos(options.testList,
                           listOptions(options, ListPart::Test, manifest, plan.recipe, trained), options);
  useFlow(plan.videos, options.flow, manifest, plan.recipe);
  checkKnownMissing(plan.videos, plan.recipe);
  plan.names = plan.videos.classes;
  addNotes(plan.videos, plan.notes);
  if (plan.videos.sorted && static_cast<int64_t>(plan.names.size()) != manifest.classes)
    fail("{}: it has videos of {} classes, {} knows {}, and nothing says which: name the file of all of them "
         "with --labels",
         options.testList, plan.names.size(), manifest.name, manifest.classes);
  if (std::string text = differentClasses(trained, plan.names); !text.empty())
    plan.notes.push_back(fmt::format("{} was trained on other classes than those of {}: {}",
                                     options.weights.empty() ? package->path() : options.weights,
                                     options.testList, text));
  checkWeights(manifest, options.weights, options.names);
  if (!options.features.empty())
    checkWritable(options.features);
  return plan;
}

EvaluationPlan planPrediction(const PredictOptions &options, const Manifest &manifest,
                              const Package *package) {
  EvaluationPlan plan{recipeWith(manifest.recipe, options.settings), {}, {}, {}};
  requireUseOf(options.flow, manifest);
  checkClips(manifest, plan.recipe, options.flow, false);
  for (const std::string &file : {options.scores, options.features})
    if (!file.empty())
      checkWritable(file);
  if (options.top < 1)
    refuse("--top must be at least 1, found {}", options.top);
  plan.names = !options.labels.empty() ? readClassNames(options.labels) : classesOf(options.weights, package);
  if (!options.labels.empty() && static_cast<int64_t>(plan.names.size()) != manifest.classes)
    fail("{} names {} classes, {} has {}", options.labels, plan.names.size(), manifest.name,
         manifest.classes);
  for (const std::string &video : options.videos) {
    requireDecoder(video);
    // Nothing is made of the label, which nobody knows.
    plan.videos.videos.push_back({.path = video, .label = 0, .name = video});
  }
  useFlow(plan.videos, options.flow, manifest, plan.recipe);
  checkWeights(manifest, options.weights, options.names);
  return plan;
}

// Returns the manifest by which a command is checked before the package's code is loaded.
Manifest networkOf(const Package &package) { return readManifests(package).front(); }

// Writes the features that were asked for.
void writeFeatures(const FeatureFlags &flags, const Evaluation &evaluation, const BatchSource &source,
                   bool labelled) {
  if (!flags.features.empty())
    writeTensors(flags.features, featuresFile(evaluation, source, labelled));
}

// A TestedNetwork is a network of an evaluation. The constructor makes all checks, and `test` does the work.
struct TestedNetwork {
  EvalOptions options;
  Package package;
  Manifest manifest;
  EvaluationPlan plan;
  std::unique_ptr<VideoSource> source = {};
  Evaluation found = {};

  explicit TestedNetwork(const EvalOptions &options)
      : options(options), package(options.package), manifest(networkOf(package)),
        plan(planEvaluation(options, manifest, &package)) {
    requireWeights(package, options.weights, options.weightsOption);
    featuresOf(manifest, options.layers);
  }

  void test() {
    Program program(package, {.threads = options.threads, .device = options.device});
    loadWeights(program, package, options.weights, options.names);
    source = VideoSource::evaluation(std::move(plan.videos), plan.recipe,
                                     loaderOptions(program.manifest(), options));
    Progress progress;
    for (const std::string &note : plan.notes)
      progress.note(note);
    found = evaluate(program, *source, plan.recipe, progress, "testing", options.layers);
  }

  // Names the network and its weights.
  std::string describe() const {
    return fmt::format("{} with {}", manifest.name,
                       options.weights.empty() ? "its own weights" : options.weights);
  }
};

// Throws Error unless all networks tell the same classes apart.
void checkSameClasses(const std::vector<TestedNetwork> &networks) {
  const TestedNetwork &first = networks.front(), &last = networks.back();
  if (first.manifest.classes != last.manifest.classes)
    fail("{} knows {} classes, {} knows {}: their scores cannot be joined", first.manifest.name,
         first.manifest.classes, last.manifest.name, last.manifest.classes);
  auto trained = [](const TestedNetwork &network) {
    return classesOf(network.options.weights, &network.package);
  };
  if (std::string text = differentClasses(trained(first), trained(last)); !text.empty())
    fail("the weights of {} and {} are for different classes: {}", first.manifest.name, last.manifest.name,
         text);
}

void printJson(const std::vector<TestedNetwork> &networks, const Evaluation &whole) {
  json document = toJson(whole);
  if (const std::vector<std::string> &names = networks.front().plan.names; !names.empty())
    document["classes"] = names;
  if (networks.size() > 1)
    for (const TestedNetwork &network : networks)
      document["alone"].push_back(toJson(network.found));
  fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
}

void print(const std::vector<TestedNetwork> &networks, const Evaluation &whole, double share) {
  const EvalRecipe &recipe = networks.front().plan.recipe.eval;
  if (networks.size() > 1) {
    for (const TestedNetwork &network : networks)
      fmt::print("{}: {}\n", network.describe(), describe(network.found, network.plan.recipe.eval));
    fmt::print("both, with weights of {:.4g} and {:.4g}: ", 1 - share, share);
  }
  fmt::print("{}", describe(whole, recipe));
}

} // namespace

EvalOptions EvalOptions::ofSecond() const {
  EvalOptions second = *this;
  second.package = with;
  second.weights = withWeights;
  second.names = withNames;
  second.weightsOption = "--with-weights";
  second.with.clear();
  return second;
}

ListOptions ListFlags::readOptions(ListPart part, int64_t classes) const {
  ListOptions options;
  options.root = part == ListPart::Test && !testRoot.empty() ? testRoot : root;
  options.format = format;
  options.labels = labels;
  options.split = split;
  options.part = part;
  options.classes = classes;
  return options;
}

void check(const TrainOptions &options, const Manifest &network) { planTraining(options, network); }
void check(const EvalOptions &options, const Manifest &network) {
  planEvaluation(options, network, nullptr);
  if (!options.out.empty())
    prepareEvaluation(options.out);
}
void check(const PredictOptions &options, const Manifest &network) {
  planPrediction(options, network, nullptr);
}

void check(const RunCommandOptions &options, const Manifest &network) {
  checkWeights(network, options.weights, options.names);
  checkWritable(options.output);
}

void train(const TrainOptions &options) {
  Package package(options.package);
  Manifest network = networkOf(package);
  if (!options.lock)
    check(options, network);
  std::shared_ptr<FolderLock> lock = options.lock ? options.lock : std::make_shared<FolderLock>(options.out);
  TrainingPlan plan = planTraining(options, network); // planned now that nobody else can change the folder
  const Recipe &recipe = plan.start.recipe;
  Progress progress;
  if (!lock->remark().empty())
    progress.note(lock->remark());
  for (const std::string &note : plan.notes)
    progress.note(note);

  progress.begin("loading the network and its weights");
  Program program(package, {.threads = options.threads, .device = options.device});
  const Manifest &manifest = program.manifest();
  if (options.resume)
    loadCheckpoint(program, checkpointIn(options.out));
  else
    program.initialise(recipe.train.seed);
  const std::string matched = startFrom(program, package, options, progress);

  const std::vector<std::string> classes = plan.train.classes;
  auto source = VideoSource::training(std::move(plan.train), recipe, loaderOptions(manifest, options));
  std::unique_ptr<VideoSource> test;
  if (plan.test)
    test = VideoSource::evaluation(std::move(*plan.test), recipe, loaderOptions(manifest, options));

  progress.note(fmt::format("{}: {} parameters, {} clips a step, {} clips an epoch, {}", manifest.name,
                            trainedValues(manifest), manifest.batch, source->clips(),
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
                   .profiledSteps = options.profile ? profiledSteps : 0},
                  progress);
  if (options.resume) {
    const TrainingState &state = plan.start.state;
    trainer.resume(state);
    progress.note(fmt::format("going on with epoch {}, batch {}", state.epoch + 1, state.batch + 1));
  }
  catchInterrupts();
  prepareFolder(options);
  if (!matched.empty())
    writeFile(run_files::in(options.out, run_files::weights), matched);
  Peak peak = options.profile ? program.measurePeak() : Peak{};
  TrainingResult result;
  try {
    result = trainer.run();
  } catch (const Error &) {
    printProfile(program, options, peak);
    throw;
  }
  printProfile(program, options, peak);
  if (result.test)
    fmt::print("{}", describe(*result.test, recipe.eval));
  if (result.unreadable > 0)
    fmt::print("trained without {} of {} videos, which could not be read\n", result.unreadable,
               source->videos());
  fmt::print("weights and curves are in {}\n", options.out);
}

void eval(const EvalOptions &options) {
  std::vector<TestedNetwork> networks;
  networks.emplace_back(options);
  if (!options.with.empty())
    networks.emplace_back(options.ofSecond());
  checkSameClasses(networks);
  if (std::ranges::none_of(networks, [](const TestedNetwork &network) { return hasFlow(network.manifest); }))
    requireUseOf(options.flow, networks.front().manifest);
  if (!options.out.empty())
    prepareEvaluation(options.out); // before the work, in case nothing can be written there
  catchInterrupts();
  for (TestedNetwork &network : networks)
    network.test();
  const TestedNetwork &first = networks.front();
  Evaluation whole = first.found;
  if (networks.size() > 1)
    whole = fuse(first.found, networks.back().found, options.withShare);
  if (options.json)
    printJson(networks, whole);
  else
    print(networks, whole, options.withShare);
  if (options.confusion && !options.json)
    printConfusion(whole.videos, first.manifest.classes, first.plan.names);
  if (!options.out.empty())
    writeEvaluation(options.out, whole, *first.source, first.plan.names);
  writeFeatures(options, whole, *first.source, /*labelled=*/true);
  for (const TestedNetwork &network : networks)
    checkMissing(options.testList, network.found.missing, network.source->videos(), network.plan.recipe.data);
}

void predict(const PredictOptions &options) {
  Package package(options.package);
  EvaluationPlan plan = planPrediction(options, networkOf(package), &package);
  requireWeights(package, options.weights);
  featuresOf(networkOf(package), options.layers);
  Program program(package, {.threads = options.threads, .device = options.device});
  const Manifest &manifest = program.manifest();
  loadWeights(program, package, options.weights, options.names);

  auto source =
      VideoSource::evaluation(std::move(plan.videos), plan.recipe, loaderOptions(manifest, options));
  Progress progress;
  catchInterrupts();
  Evaluation evaluation =
      evaluate(program, *source, plan.recipe, progress, "prediction", options.layers);
  if (!options.scores.empty())
    writeFile(options.scores, scoresText(evaluation, *source, plan.names, /*labelled=*/false));
  writeFeatures(options, evaluation, *source, /*labelled=*/false);
  print(topClasses(options.videos, evaluation.scores, plan.names, options.top), options.json);
  if (!evaluation.unreadable.empty())
    fail("cannot read {}: {}", evaluation.unreadable.front().name, evaluation.unreadable.front().reason);
}

void run(const RunCommandOptions &options) {
  check(options, networkOf(Package(options.package)));
  Progress().begin("computing");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  runTensors(program, options);
}

void info(const InfoOptions &options) {
  Package package(options.package);
  std::vector<Manifest> manifests = readManifests(package);
  if (options.json) {
    json document = toJson(manifests.front());
    for (const Manifest &manifest : manifests)
      document["targets"].push_back(manifest.target);
    fmt::print("{}\n", document.dump(1, ' ', false, json::error_handler_t::replace));
    return;
  }
  for (const Manifest &manifest : manifests)
    fmt::print("{}{}", &manifest == &manifests.front() ? "" : "\n", describe(manifest));
}

void bench(const BenchCommandOptions &options) {
  Progress().begin("measuring");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  BenchResult result = benchmark(program, options);
  if (options.json) {
    fmt::print("{}\n", toJson(program, result).dump(1, ' ', false, json::error_handler_t::replace));
    return;
  }
  fmt::print("{}, batch {}, {}, {} of memory, the process {} at most\n", program.manifest().name,
             program.manifest().batch, program.describeDevice(), formatBytes(program.deviceMemory()),
             formatBytes(result.peakMemory));
  if (result.peak.threads > 0)
    fmt::print("this machine's peak: {}\n", describe(result.peak));
  for (const EntryTime &time : result.entries) {
    fmt::print("\n{}", describe(program, time, result.peak));
    if (options.perKernel)
      fmt::print("{}", describeLaunches(program, time.entry, result.peak, options.rows));
  }
}

void verify(const VerifyCommandOptions &options) {
  Progress().begin("comparing each launch with its plain twin");
  Program program(Package(options.package), {.threads = options.threads, .device = options.device});
  VerifyResult result = verify(program, options);
  if (options.json)
    fmt::print("{}\n", toJson(program, result).dump(1, ' ', false, json::error_handler_t::replace));
  else
    fmt::print("{}", describe(program, result));
  if (!result.findings.empty())
    fail("{} on {}: {} wrong results", program.manifest().name, program.describeDevice(),
         result.findings.size());
}

} // namespace kinema
