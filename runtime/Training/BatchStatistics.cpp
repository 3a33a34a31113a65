#include "runtime/Training/BatchStatistics.h"

#include <nlohmann/json.hpp>

namespace kinema {

void MergedMoments::add(std::span<const float> mean, std::span<const float> variance) {
  ++batches;
  for (size_t c = 0; c < means.size(); ++c) {
    const double before = mean[c] - means[c];
    means[c] += before / batches;
    spread[c] += before * (mean[c] - means[c]);
    variances[c] += variance[c];
  }
}

std::vector<float> MergedMoments::mean() const { return {means.begin(), means.end()}; }

std::vector<float> MergedMoments::variance() const {
  std::vector<float> merged(means.size());
  for (size_t c = 0; c < merged.size(); ++c)
    merged[c] = static_cast<float>((variances[c] + spread[c]) / batches);
  return merged;
}

// The names of a norm's statistics differ in their ends alone (docs/language.md, "Names of weights").
BatchStatistics::BatchStatistics(const Manifest &manifest) {
  constexpr std::string_view ending = "running_mean";
  for (const Parameter &parameter : manifest.parameters) {
    if (parameter.role != Role::RunningMean || !parameter.name.ends_with(ending))
      continue;
    const std::string norm = parameter.name.substr(0, parameter.name.size() - ending.size());
    if (const Parameter *variance = manifest.findParameter(norm + "running_var"))
      norms.push_back({&parameter, variance, MergedMoments(static_cast<size_t>(parameter.elements()))});
  }
}

void BatchStatistics::add(Program &program) {
  for (Norm &norm : norms) {
    std::vector<float> mean(norm.mean->elements()), variance(norm.variance->elements());
    program.get(*norm.mean, mean);
    program.get(*norm.variance, variance);
    norm.moments.add(mean, variance);
  }
}

nlohmann::json BatchStatistics::toJson() const {
  auto list = nlohmann::json::array();
  for (const Norm &norm : norms)
    list.push_back({norm.moments.mean(), norm.moments.variance()});
  return list;
}

void BatchStatistics::addFrom(const nlohmann::json &told) {
  for (size_t i = 0; i < norms.size(); ++i)
    norms[i].moments.add(told.at(i).at(0).get<std::vector<float>>(),
                         told.at(i).at(1).get<std::vector<float>>());
}

void BatchStatistics::clear() {
  for (Norm &norm : norms)
    norm.moments = MergedMoments(static_cast<size_t>(norm.mean->elements()));
}

void BatchStatistics::store(Program &program) const {
  for (const Norm &norm : norms) {
    program.set(*norm.mean, norm.moments.mean());
    program.set(*norm.variance, norm.moments.variance());
  }
}

} // namespace kinema
