#include "runtime/Data/LoaderBench.h"

#include "runtime/Clock.h"
#include "runtime/Error.h"

namespace kinema {
namespace {

// The clips that are decoded while batches of `clips` clips at the least are taken, to an epoch's end: those
// that wait at its beginning and at its end are about as many.
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
  const LoaderStatistics before = source.statistics();
  speed.later = rate(source, clips);
  const LoaderStatistics after = source.statistics();
  speed.threadSeconds =
      (after.decodeSeconds - before.decodeSeconds) / static_cast<double>(after.clips - before.clips);
  return speed;
}

} // namespace kinema
