// Adds up what the steps of several ranks compute, while they compute it.
#pragma once

#include "runtime/Program/Program.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Training/Buckets.h"

#include <memory>
#include <string>
#include <vector>

namespace kinema {

struct StepSumsOptions {
  int64_t bucketBytes = usualBucketBytes; // a bucket has about so many
  Wire wire = Wire::Float32;              // by which gradients are sent
  bool profiles = false;                  // launches of some steps are timed, each by itself
};

// Runs the first part of a distributed step and adds up, over all ranks, what each of them has, so that all
// update the same parameters by the same gradients. Where batch norms are synchronised, the ranks add up
// their statistics too, between the launches that make them and those that read them. The program and the
// ranks must outlive it; its memory is taken when it is made. Only the thread that runs it may use the ranks,
// and not while it runs.
class StepSums {
public:
  // How much a rank's values count. Its gradients have the factor Hyper::share already; `present` is another
  // one, which is not 1 where the rank had no clips and computed none. The running statistics of batch norms
  // become the means of the ranks', weighted by their `share` of the step's clips.
  struct Factors {
    float share = 1, present = 1;
    bool even = false; // all ranks have as many clips, a batch each
  };

  // Throws Error unless all ranks add up the same in the same way.
  StepSums(Program &program, Ranks &ranks, const StepSumsOptions &options);
  ~StepSums();

  // Runs train_step if the rank `computes` gradients, and adds up. What is started afterwards finds the sums.
  void run(bool computes, Factors factors);

  // Returns, for instance, "4 buckets through MPI, while the step goes on".
  std::string describe() const;

  class Way;

private:
  std::vector<SequenceSums> sumsOfEvenStep(int ranks, Wire wire) const;

  Program &program;
  std::vector<Bucket> buckets;
  std::vector<StepCut> cuts;
  std::unique_ptr<Way> way;
  bool asOne = false; // the device runs even steps as a whole, sums included
};

} // namespace kinema
