// Implements the commands `eval` and `predict`.
#include "runtime/Commands/Commands.h"
#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Commands/NetworkInputs.h"
#include "runtime/Data/ClassNames.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/Evaluator.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

using nlohmann::json;

namespace kinema {
namespace {

void printConfusion(const VideoMetrics &videos, int64_t classes, const std::vector<std::string> &names) {
  size_t width = 5;
  for (const std::string &name : names)
    width = std::max(width, name.size());
  for (int64_t label = 0; label < classes; ++label) {
    std::string line = fmt::format("{:<{}}", nameOfClass(names, label), width + 1);
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
      prediction.top.emplace_back(nameOfClass(names, label, "class "), own[label]);
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
  plan.videos = unlabelledVideos(options.videos);
  useFlow(plan.videos, options.flow, manifest, plan.recipe);
  checkWeights(manifest, options.weights, options.names);
  return plan;
}

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
    Program program(package, {.threads = options.threads, .device = options.device, .gpu = gpuOfRank()});
    loadWeights(program, package, options.weights, options.names);
    Ranks *const ranks = ranksOfProcess();
    LoaderOptions loading = shareOf(loaderOptions(program.manifest(), options), ranks);
    loading.cache = options.openCache();
    source = VideoSource::evaluation(std::move(plan.videos), plan.recipe, loading);
    Progress progress(isFirstRank() ? stderr : nullptr);
    for (const std::string &note : plan.notes)
      progress.note(note);
    found = evaluate(program, *source, plan.recipe, progress, "testing", options.layers, ranks);
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

void check(const EvalOptions &options, const Manifest &network) {
  planEvaluation(options, network, nullptr);
  if (ranksOfProcess() && !options.features.empty())
    refuse("--features: features are written by one process alone: start it without mpirun");
  if (!options.out.empty() && isFirstRank())
    prepareEvaluation(options.out);
}

void check(const PredictOptions &options, const Manifest &network) {
  planPrediction(options, network, nullptr);
}

void eval(const EvalOptions &options) {
  std::vector<TestedNetwork> networks;
  networks.emplace_back(options);
  if (!options.with.empty())
    networks.emplace_back(options.ofSecond());
  checkSameClasses(networks);
  if (std::ranges::none_of(networks, [](const TestedNetwork &network) { return hasFlow(network.manifest); }))
    requireUseOf(options.flow, networks.front().manifest);
  if (!options.out.empty() && isFirstRank())
    prepareEvaluation(options.out); // before the work, in case nothing can be written there
  catchInterrupts();
  for (TestedNetwork &network : networks)
    network.test();
  if (!isFirstRank())
    return;
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
  Evaluation evaluation = evaluate(program, *source, plan.recipe, progress, "prediction", options.layers);
  if (!options.scores.empty())
    writeFile(options.scores, scoresText(evaluation, *source, plan.names, /*labelled=*/false));
  writeFeatures(options, evaluation, *source, /*labelled=*/false);
  print(topClasses(options.videos, evaluation.scores, plan.names, options.top), options.json);
  if (!evaluation.unreadable.empty())
    fail("cannot read {}: {}", evaluation.unreadable.front().name, evaluation.unreadable.front().reason);
}

} // namespace kinema
