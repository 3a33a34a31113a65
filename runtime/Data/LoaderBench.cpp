#include "runtime/Data/LoaderBench.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"

#include <ctime>

namespace kinema {
namespace {

// Returns how many clips a second are decoded while whole epochs with at least `clips` clips are taken. About
// as many decoded clips wait at the beginning as at the end, so the clips that were decoded meanwhile count.
double rate(VideoSource &source, int64_t clips) {
  const int64_t before = source.statistics().clips;
  const double begin = now();
  Batch batch;
  for (int64_t taken = 0; taken < clips; taken += source.clips())
    while (source.next(batch)) {
    }
  const double seconds = now() - begin;
  for (const Unreadable &video : source.takeUnreadable())
    fail("cannot read {}: {}", video.name, video.reason);
  return static_cast<double>(source.statistics().clips - before) / seconds;
}

} // namespace

LoaderSpeed measureLoader(VideoSource &source, int64_t clips) {
  LoaderSpeed speed;
  speed.first = rate(source, 1);
  const int64_t before = source.statistics().clips;
  const std::clock_t begin = std::clock(); // processor time of all threads of the process
  speed.later = rate(source, clips);
  speed.coreSeconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC /
                      static_cast<double>(source.statistics().clips - before);
  return speed;
}

} // namespace kinema
