#include "runtime/Emulator/Agents.h"

#include <fmt/format.h>

using namespace kinema::emulator;

std::string Agents::nameOf(const Thread &thread) const {
  std::string name = fmt::format("thread {}", thread.number);
  return threads.blockCount() == 1 ? name
                                   : fmt::format("{} of block {}", name, threads.blockOf(thread).number);
}

std::string Agents::describe(Moment moment) const {
  size_t agent = moment.agent;
  if (isThread(moment.agent))
    return nameOf(threads[agent]);
  if (agent < firstOfGroups)
    return fmt::format("a copy that counts for the mbarrier at {}, in its phase {},",
                       mbarriers[agent - threads.size()], moment.time - 1);
  if (isProduct(moment.agent))
    return fmt::format("a matrix product of warpgroup {}", (agent - firstOfGroups) / warpsOfGroup);
  if (agent >= firstTensorLoads)
    return "a tcgen05.ld of " + nameOf(threads[agent - firstTensorLoads]);
  if (agent >= firstTensorProducts)
    return "a tcgen05.mma of " + nameOf(threads[agent - firstTensorProducts]);
  if (agent >= firstAsync)
    return "a cp.async of " + nameOf(threads[agent - firstAsync]);
  return "a bulk copy of " + nameOf(threads[agent - (agent < firstStores ? firstBulk : firstStores)]);
}
