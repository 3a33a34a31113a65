// Computes the running statistics of batch norms anew, from the statistics of several batches: precise batch
// norm, as SlowFast and fvcore have it.
#pragma once

#include "runtime/Program/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

namespace kinema {

// Merges the means and variances of batches: the mean of the means, and the variance of all elements
// together, which is the mean of the variances and the variance of the means.
class MergedMoments {
public:
  explicit MergedMoments(size_t channels) : means(channels), variances(channels), spread(channels) {}

  // Adds those of a batch, [channels] each.
  void add(std::span<const float> mean, std::span<const float> variance);
  std::vector<float> mean() const;
  std::vector<float> variance() const;

private:
  double batches = 0;
  std::vector<double> means;     // of the means so far
  std::vector<double> variances; // sums of the variances
  std::vector<double> spread;    // sums of the means' squared differences from their mean
};

class BatchStatistics {
public:
  explicit BatchStatistics(const Manifest &manifest);

  // Adds the statistics that the entry "statistics" has left in the program.
  void add(Program &program);
  // Says what was added, as one batch, and adds what was said elsewhere.
  nlohmann::json toJson() const;
  void addFrom(const nlohmann::json &told);
  void clear();
  // Makes what was added the running statistics.
  void store(Program &program) const;

private:
  struct Norm {
    const Parameter *mean, *variance;
    MergedMoments moments;
  };
  std::vector<Norm> norms;
};

} // namespace kinema
