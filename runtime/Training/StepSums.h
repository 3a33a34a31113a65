// Adds up what the steps of several ranks compute, while they compute it.
#pragma once

#include "runtime/Program/Program.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Training/Buckets.h"

#include <memory>
#include <string>
#include <vector>

namespace kinema {

// Runs the first part of a distributed step and adds up, over all ranks, what each of them has, so that all
// update the same parameters by the same gradients. The program and the ranks must outlive it; its memory is
// taken when it is made. Only the thread that runs it may use the ranks, and not while it runs.
class StepSums {
public:
  // How much a rank's values count. Its gradients have the factor Hyper::share already; `present` is another
  // one, which is not 1 where the rank had no clips and computed none. The running statistics of batch norms
  // become the means of the ranks', weighted by their `share` of the step's clips.
  struct Factors {
    float share = 1, present = 1;
  };

  // Buckets have about so many bytes; their gradients are sent by `wire`. Throws Error unless all ranks add
  // up the same ones in the same way.
  StepSums(Program &program, Ranks &ranks, int64_t bucketBytes = usualBucketBytes, Wire wire = Wire::Float32);
  ~StepSums();

  // Runs train_step if the rank `computes` gradients, and adds up. What is started afterwards finds the sums.
  void run(bool computes, Factors factors);

  // Returns, for instance, "4 buckets through MPI, while the step goes on".
  std::string describe() const;

  class Way;

private:
  Program &program;
  std::vector<Bucket> buckets;
  std::unique_ptr<Way> way;
};

} // namespace kinema
