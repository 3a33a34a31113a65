#include "runtime/Training/Targets.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace kinema {
namespace {

// Writes the targets of one clip for cross_entropy; returns the clip's weight.
double fillTargets(std::span<const float> truths, const TrainRecipe &recipe,
                   std::span<const double> classWeights, std::span<float> targets) {
  const auto classes = static_cast<double>(truths.size());
  double weight = 0;
  for (size_t c = 0; c < truths.size(); ++c) {
    const double own = classWeights.empty() ? 1 : classWeights[c];
    weight += own * truths[c];
    targets[c] = static_cast<float>(own * ((1 - recipe.smoothing) * truths[c] + recipe.smoothing / classes));
  }
  return weight;
}

} // namespace

Targets targetsOf(std::span<const float> truths, std::span<const char> counts, const TrainRecipe &recipe,
                  std::span<const double> classWeights) {
  const size_t clips = counts.size(), classes = truths.size() / clips;
  Targets result{std::vector<float>(truths.size()), std::vector<float>(clips)};
  double total = 0;
  for (size_t clip = 0; clip < clips; ++clip) {
    if (counts[clip] == 0)
      continue;
    std::span<const float> own = truths.subspan(clip * classes, classes);
    std::span<float> targets = std::span(result.targets).subspan(clip * classes, classes);
    if (hasSeveralLabels(recipe)) {
      std::copy(own.begin(), own.end(), targets.begin());
      total += static_cast<double>(classes);
    } else {
      total += fillTargets(own, recipe, classWeights, targets);
    }
  }
  for (size_t clip = 0; clip < clips; ++clip)
    if (counts[clip] != 0 && total > 0)
      result.shares[clip] = static_cast<float>(1 / total);
  return result;
}

namespace {

void set(Program &program, const Targets &targets) {
  program.set(*program.manifest().targets, targets.targets);
  program.set(*program.manifest().shares, targets.shares);
}

} // namespace

std::vector<float> truthsOf(std::span<const ClipLabels> labels, int64_t classes) {
  std::vector<float> truths(labels.size() * static_cast<size_t>(classes));
  for (size_t clip = 0; clip < labels.size(); ++clip)
    for (auto [label, share] : labels[clip]) {
      float &truth = truths[clip * static_cast<size_t>(classes) + static_cast<size_t>(label)];
      truth = std::min(1.0f, truth + static_cast<float>(share));
    }
  return truths;
}

void setTruths(Program &program, std::span<const float> truths, const TrainRecipe &recipe,
               std::span<const double> classWeights) {
  const std::vector<char> counts(static_cast<size_t>(program.manifest().batch), 1);
  set(program, targetsOf(truths, counts, recipe, classWeights));
}

void setLabels(Program &program, std::span<const ClipLabels> labels, const TrainRecipe &recipe,
               std::span<const double> classWeights) {
  const Manifest &manifest = program.manifest();
  if (!manifest.targets) {
    std::vector<int32_t> numbers;
    for (const ClipLabels &own : labels)
      numbers.push_back(own.empty() ? -1 : own.front().label);
    return program.set(*manifest.labels, numbers);
  }
  std::vector<char> counts;
  for (const ClipLabels &own : labels)
    counts.push_back(!own.empty());
  set(program, targetsOf(truthsOf(labels, manifest.classes), counts, recipe, classWeights));
}

std::vector<double> balancedWeights(std::span<const int32_t> labels, int64_t classes) {
  std::vector<double> weights(static_cast<size_t>(classes));
  for (int32_t label : labels)
    ++weights[static_cast<size_t>(label)];
  const auto present = static_cast<double>(
      std::count_if(weights.begin(), weights.end(), [](double videos) { return videos > 0; }));
  for (double &weight : weights)
    weight = weight > 0 ? static_cast<double>(labels.size()) / (present * weight) : 0;
  return weights;
}

std::vector<double> readClassWeights(const std::string &file, int64_t classes) {
  const std::string text = readFile(file);
  constexpr const char *blanks = " \t\r\n";
  std::vector<double> weights;
  for (size_t begin = text.find_first_not_of(blanks); begin != std::string::npos;
       begin = text.find_first_not_of(blanks, begin)) {
    const size_t end = std::min(text.find_first_of(blanks, begin), text.size());
    const char *first = text.data() + begin, *last = text.data() + end;
    double &weight = weights.emplace_back();
    if (auto [rest, code] = std::from_chars(first, last, weight);
        code != std::errc() || rest != last || !(weight >= 0 && weight <= 1e6))
      fail("{}: '{}' is no weight of a class: expected a number from 0 to 1e6 for each class", file,
           std::string_view(first, std::min<size_t>(end - begin, 40)));
    begin = end;
  }
  if (static_cast<int64_t>(weights.size()) != classes)
    fail("{}: it has {} weights, expected one for each of {} classes", file, weights.size(), classes);
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; }))
    fail("{}: all its weights are 0", file);
  return weights;
}

} // namespace kinema
