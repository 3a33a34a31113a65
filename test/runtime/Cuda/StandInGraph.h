// Graphs of the library in place of NVIDIA's driver: what each stream of a capture does, and how far a graph
// that is under way has come.
#ifndef KINEMA_TEST_RUNTIME_CUDA_STANDINGRAPH_H
#define KINEMA_TEST_RUNTIME_CUDA_STANDINGRAPH_H

#include "runtime/Cuda/Driver.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace kinema::standin {

using Action = std::function<cuda::Result()>; // notReady: it goes on when somebody waits again

// Something that a branch of a graph does: an action, or a wait for so many of another branch's.
struct Step {
  Action action;
  size_t branch = 0, position = 0;
};
// What each captured stream does; the first is the one that the capture began with.
using Branches = std::vector<std::vector<Step>>;

// A graph that is under way.
struct Running {
  std::shared_ptr<const Branches> branches;
  std::vector<size_t> done; // of each branch

  // Carries out a branch's steps before this position, and those of others that they wait for.
  cuda::Result drain(size_t branch, size_t position) {
    for (; done[branch] < position; ++done[branch]) {
      const Step &step = (*branches)[branch][done[branch]];
      if (cuda::Result result = step.action ? step.action() : drain(step.branch, step.position);
          result != cuda::success)
        return result;
    }
    return cuda::success;
  }
  // Carries out what the other branches need not wait for.
  void progress() {
    for (size_t branch = 1; branch < done.size(); ++branch)
      for (; done[branch] < (*branches)[branch].size(); ++done[branch]) {
        const Step &step = (*branches)[branch][done[branch]];
        if (step.action ? step.action() != cuda::success : done[step.branch] < step.position)
          break;
      }
  }
};

} // namespace kinema::standin

#endif
