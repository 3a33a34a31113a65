#include "runtime/Commands.h"

#include "runtime/Data/VideoSource.h"
#include "runtime/Error.h"
#include "runtime/Files.h"
#include "runtime/Info.h"
#include "runtime/Interrupt.h"
#include "runtime/Names.h"
#include "runtime/Trainer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>

using nlohmann::json;

namespace kinema {
namespace {

// What a training run leaves in its folder.
constexpr const char *runFiles[] = {"last.safetensors", "best.safetensors", "curves.csv", "curves.svg",
                                    "network.kinema"};

// Of a run with --profile. The steps behind them are not slowed down and take no memory for times.
constexpr int64_t profiledSteps = 1000;

constexpr const char *weightsEntry = "weights.safetensors";

// Weights from a file or else from the package.
void loadWeights(Program &program, const Package &package, const std::string &weights,
                 const std::string &names) {
  if (!weights.empty())
    return program.loadWeights(readTensors(weights), weights, findNames(names));
  if (!package.has(weightsEntry))
    refuse("package {} carries no weights; name a file with --weights", package.path());
  program.loadWeights(parseTensors(package.read(weightsEntry), package.path()), package.path());
}

std::vector<std::string> namesBeside(const std::string &list) {
  std::string file = classNamesBeside(list);
  return file.empty() ? std::vector<std::string>() : readClassNames(file);
}

VideoList readVideos(const std::string &list, const Manifest &manifest) {
  return readVideoList(list, manifest.classes, namesBeside(list));
}

LoaderOptions loaderOptions(const Manifest &manifest, int threads) {
  LoaderOptions options;
  options.batch = manifest.batch;
  options.threads = threads;
  return options;
}

// Videos give one input of colours, whose frames and crop must be what the package was compiled for. train:
// the crop of training, else of evaluation.
void checkClips(const Manifest &manifest, const Recipe &recipe, bool train) {
  std::vector<std::string> kinds;
  for (const InputTensor &input : manifest.inputs)
    kinds.push_back(input.kind);
  if (kinds != std::vector<std::string>{"rgb"})
    fail("videos are read as one input of kind rgb, {} has {} ({}): compute its tensors yourself and use run",
         manifest.name, kinds.size(), fmt::join(kinds, ", "));
  const std::vector<int64_t> &shape = manifest.input().shape; // [N, C, T, H, W]
  const auto &crop = train ? recipe.data.crop : recipe.eval.crop;
  if (recipe.data.frames != shape[2])
    refuse("data.frames is {}, the package was compiled for {}: compile the spec anew with the other number",
           recipe.data.frames, shape[2]);
  const auto &resize = recipe.data.resize;
  if (recipe.data.shortSide == 0 && (resize[0] < crop[0] || resize[1] < crop[1]))
    refuse("data.resize is {}x{}, smaller than the crop of {}x{}", resize[0], resize[1], crop[0], crop[1]);
  if (crop[0] != shape[3] || crop[1] != shape[4])
    refuse("{}.crop is {}x{}, the package was compiled for {}x{}", train ? "data" : "eval", crop[0], crop[1],
           shape[3], shape[4]);
}

std::unique_ptr<VideoSource> testSource(const Manifest &manifest, const std::string &list,
                                        const Recipe &recipe, int loaders) {
  checkClips(manifest, recipe, false);
  VideoList videos = readVideos(list, manifest);
  return VideoSource::evaluation(std::move(videos), recipe, loaderOptions(manifest, loaders));
}

// What the code was made for cannot be changed afterwards.
void checkCompiled(const Manifest &manifest, const Recipe &recipe) {
  auto check = [&](const char *field, auto wanted, auto compiled) {
    if (wanted != compiled)
      refuse("train.{} is {}, the package was compiled for {}: compile the spec anew with the other number",
             field, wanted, compiled);
  };
  check("batch", recipe.train.batch, manifest.recipe.train.batch);
  check("smoothing", recipe.train.smoothing, manifest.recipe.train.smoothing);
}

void applySettings(const std::vector<std::string> &settings, Recipe &recipe) {
  for (const std::string &setting : settings)
    applySetting(recipe, setting);
}

void startFrom(Program &program, const Package &package, const TrainOptions &options, Progress &progress) {
  if (options.weights.empty())
    return;
  if (!options.partial)
    return loadWeights(program, package, options.weights, options.names);
  auto unmatched = program.loadMatchingWeights(readTensors(options.weights), findNames(options.names));
  if (unmatched.missing.size() == program.manifest().parameters.size())
    fail("{} has none of the parameters of {}", options.weights, program.manifest().name);
  if (!unmatched.missing.empty())
    progress.note(fmt::format("initialised: {}", fmt::join(unmatched.missing, ", ")));
  if (!unmatched.unused.empty())
    progress.note(fmt::format("of {} not used: {}", options.weights, fmt::join(unmatched.unused, ", ")));
}

// Nothing is wrong with the run: its folder gets the package, and loses what does not belong to it.
void prepareFolder(const TrainOptions &options) {
  makeDirectory(options.out);
  for (const char *name : runFiles) {
    std::string path = fmt::format("{}/{}", options.out, name);
    removeLeftovers(path);
    if (options.overwrite)
      std::filesystem::remove(path);
  }
  if (options.keepPackage)
    writeFile(options.out + "/network.kinema", readFile(options.package));
}

std::string checkpointIn(const std::string &folder) { return folder + "/last.safetensors"; }

// Where the time of the steps went, as far as there were any.
void printProfile(const Program &program, const TrainOptions &options, const Peak &peak) {
  const std::vector<LaunchTime> &times = program.times("train_step");
  if (!options.profile || times.front().seconds.empty())
    return;
  fmt::print("the launches of a step, medians of {}", times.front().seconds.size());
  fmt::print("{}\n{}", peak.threads > 0 ? "; this machine's peak: " + describe(peak) : "",
             describeLaunches(program, "train_step", peak, 0));
}

void printConfusion(const VideoMetrics &videos, int64_t classes, const std::string &list) {
  std::vector<std::string> names = namesBeside(list);
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
  for (size_t video = 0; video < videos.size(); ++video) {
    std::vector<double> own = scores.scores(static_cast<int64_t>(video));
    if (own.empty())
      continue;
    std::vector<int64_t> order(own.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int64_t a, int64_t b) { return own[a] > own[b] || (own[a] == own[b] && a < b); });
    order.resize(std::min<size_t>(order.size(), top));
    Prediction &prediction = predictions.emplace_back();
    prediction.video = videos[video];
    for (int64_t label : order)
      prediction.top.emplace_back(names.empty() ? fmt::format("class {}", label) : names[label], own[label]);
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

} // namespace

void checkFolder(const TrainOptions &options) {
  std::string checkpoint = checkpointIn(options.out);
  bool exists = std::filesystem::exists(checkpoint);
  if (options.resume && !exists)
    refuse("there is nothing to resume: {} does not exist", checkpoint);
  if (options.resume && !options.weights.empty())
    refuse("--resume takes its weights from {}: leave --weights out", checkpoint);
  if (!options.resume && exists && !options.overwrite)
    refuse(
        "{} holds a run already: go on with --resume, begin anew with --overwrite, or choose another --out",
        options.out);
}

void train(const TrainOptions &options) {
  Package package(options.package);
  Program program(package, {.threads = options.threads, .device = options.device});
  const Manifest &manifest = program.manifest();
  Recipe recipe = manifest.recipe;
  Progress progress;
  checkFolder(options);

  TrainingState state;
  if (options.resume)
    state = loadCheckpoint(program, checkpointIn(options.out), recipe);
  Recipe wanted = manifest.recipe;
  applySettings(options.settings, wanted);
  applySettings(options.settings, recipe);
  for (const std::string &text : differences(recipe, wanted))
    progress.note(fmt::format("the checkpoint's recipe is kept: {} in the package", text));
  if (options.resume && state.epoch >= recipe.train.epochs)
    refuse("there is nothing to resume: {} of {} epochs are done; ask for more with --epochs", state.epoch,
           recipe.train.epochs);
  checkCompiled(manifest, recipe);
  checkClips(manifest, recipe, true);
  if (!options.resume)
    program.initialise(recipe.train.seed);
  startFrom(program, package, options, progress);

  VideoList videos = readVideos(options.trainList, manifest);
  auto source = VideoSource::training(std::move(videos), recipe, loaderOptions(manifest, options.loaders));
  std::unique_ptr<VideoSource> test;
  if (!options.testList.empty())
    test = testSource(manifest, options.testList, recipe, options.loaders);

  progress.note(fmt::format("{}: {} parameters, {} clips a step, {} clips an epoch, {}", manifest.name,
                            trainedValues(manifest), manifest.batch, source->clips(),
                            program.describeDevice()));
  Trainer trainer(
      program, *source, test.get(), recipe,
      {options.out, 60 * options.saveMinutes, options.testEvery, options.profile ? profiledSteps : 0},
      progress);
  if (options.resume) {
    trainer.resume(state);
    progress.note(fmt::format("going on with epoch {}, batch {}", state.epoch + 1, state.batch + 1));
  }
  catchInterrupts();
  prepareFolder(options);
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
  fmt::print("weights and curves are in {}\n", options.out);
}

void eval(const EvalOptions &options) {
  Package package(options.package);
  Program program(package, {.threads = options.threads, .device = options.device});
  const Manifest &manifest = program.manifest();
  Recipe recipe = manifest.recipe;
  applySettings(options.settings, recipe);
  loadWeights(program, package, options.weights, options.names);
  auto source = testSource(manifest, options.testList, recipe, options.loaders);
  Progress progress;
  catchInterrupts();
  Evaluation evaluation = evaluate(program, *source, recipe.eval, progress);
  if (options.json)
    fmt::print("{}\n", toJson(evaluation).dump(1, ' ', false, json::error_handler_t::replace));
  else
    fmt::print("{}", describe(evaluation, recipe.eval));
  if (options.confusion && !options.json)
    printConfusion(evaluation.videos, manifest.classes, options.testList);
}

void predict(const PredictOptions &options) {
  Package package(options.package);
  Program program(package, {.threads = options.threads, .device = options.device});
  const Manifest &manifest = program.manifest();
  Recipe recipe = manifest.recipe;
  applySettings(options.settings, recipe);
  checkClips(manifest, recipe, false);
  if (options.top < 1)
    refuse("--top must be at least 1, found {}", options.top);
  std::vector<std::string> names;
  if (!options.labels.empty())
    names = readClassNames(options.labels);
  if (!names.empty() && static_cast<int64_t>(names.size()) != manifest.classes)
    fail("{} names {} classes, {} has {}", options.labels, names.size(), manifest.name, manifest.classes);
  loadWeights(program, package, options.weights, options.names);

  VideoList list;
  for (const std::string &video : options.videos)
    list.videos.push_back({video, 0}); // of the label, which nobody knows, nothing is made
  auto source = VideoSource::evaluation(std::move(list), recipe, loaderOptions(manifest, options.loaders));
  VideoScores scores(manifest.classes, recipe.eval.average == "logits");
  Progress progress;
  catchInterrupts();
  Evaluation evaluation = evaluate(program, *source, recipe.eval, progress, "prediction",
                                   [&](const Batch &batch, std::span<const float> logits) {
                                     scores.add(logits, batch.labels, batch.videos);
                                   });
  print(topClasses(options.videos, scores, names, options.top), options.json);
  if (!evaluation.unreadable.empty())
    fail("cannot read {}: {}", evaluation.unreadable.front().name, evaluation.unreadable.front().reason);
}

void run(const RunCommandOptions &options) {
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

} // namespace kinema
