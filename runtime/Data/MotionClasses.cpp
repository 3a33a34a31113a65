#include "runtime/Data/MotionClasses.h"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace kinema {

namespace {

using Rule = PlayingOrder::Rule;

constexpr int permutations[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

std::vector<MotionClass> pairs() {
  const std::array<std::pair<const char *, const char *>, 5> names = {
      {{"right", "left"},
       {"down", "up"},
       {"clockwise", "counterclockwise"},
       {"zoom_in", "zoom_out"},
       {"slide_then_grow", "shrink_then_slide"}}};
  std::vector<MotionClass> classes;
  for (size_t pair = 0; pair < names.size(); ++pair) {
    const Motion motion = static_cast<Motion>(pair);
    classes.push_back({names[pair].first, motion, {Rule::Reversal, 0}});
    classes.push_back({names[pair].second, motion, {Rule::Reversal, 1}});
  }
  return classes;
}

std::vector<MotionClass> orbits() {
  return {{"orbit_slowly", Motion::Orbit, {Rule::Stride, 1}},
          {"orbit_slowly_back", Motion::Orbit, {Rule::Stride, -1}},
          {"orbit_quickly", Motion::Orbit, {Rule::Stride, 3}},
          {"orbit_quickly_back", Motion::Orbit, {Rule::Stride, -3}}};
}

std::vector<MotionClass> swings() {
  std::vector<MotionClass> classes;
  for (int number = 0; number < 4; ++number)
    classes.push_back({fmt::format("{}_{}", number & 1 ? "back" : "out", number & 2 ? "back" : "out"),
                       Motion::Swings,
                       {Rule::Halves, number}});
  return classes;
}

std::vector<MotionClass> events() {
  const char *names[] = {"slide", "grow", "turn"};
  std::vector<MotionClass> classes;
  for (int number = 0; number < 6; ++number) {
    const int *order = permutations[number];
    classes.push_back({fmt::format("{}_{}_{}", names[order[0]], names[order[1]], names[order[2]]),
                       Motion::Events,
                       {Rule::Events, number}});
  }
  return classes;
}

int reversedIn(int part, int time, int length) {
  return part * length + (length - 1 - (time - part * length));
}

} // namespace

std::span<const MotionClass> motionClasses(MotionFamily family) {
  static const std::vector<MotionClass> classes[] = {pairs(), orbits(), swings(), events()};
  return classes[static_cast<size_t>(family)];
}

std::span<const MotionFamilyName> motionFamilies() {
  static constexpr MotionFamilyName families[] = {{"pairs", MotionFamily::Pairs},
                                                  {"orbits", MotionFamily::Orbits},
                                                  {"swings", MotionFamily::Swings},
                                                  {"events", MotionFamily::Events}};
  return families;
}

const char *nameOf(MotionFamily family) { return motionFamilies()[static_cast<size_t>(family)].name; }

int PlayingOrder::frameAt(int time, int frames) const {
  switch (rule) {
  case Rule::Reversal:
    return number ? frames - 1 - time : time;
  case Rule::Stride:
    return static_cast<int>(((int64_t{number} * time) % frames + frames) % frames);
  case Rule::Halves: {
    const int length = frames / 2, part = time / length;
    return part < 2 && (number >> part & 1) ? reversedIn(part, time, length) : time;
  }
  case Rule::Events: {
    const EventTimes times(frames);
    const int part = times.eventAt(time);
    return part < 0 ? time : time + (permutations[number][part] - part) * times.length;
  }
  }
  return time;
}

PlayingOrder anyOrder(Rule rule, int frames, uint64_t random) {
  switch (rule) {
  case Rule::Reversal:
    return {rule, static_cast<int>(random % 2)};
  case Rule::Halves:
    return {rule, static_cast<int>(random % 4)};
  case Rule::Events:
    return {rule, static_cast<int>(random % 6)};
  case Rule::Stride: {
    std::vector<int> strides;
    for (int stride = 1; stride < frames; ++stride)
      if (std::gcd(stride, frames) == 1)
        strides.push_back(stride);
    return {rule, strides[random % strides.size()]};
  }
  }
  return {};
}

std::string whyNotFrames(MotionFamily family, int frames) {
  const int least[] = {2, 8, 8, 18};
  if (frames < least[static_cast<size_t>(family)])
    return fmt::format("videos of {} need at least {} frames", nameOf(family),
                       least[static_cast<size_t>(family)]);
  if (family == MotionFamily::Orbits && frames % 3 == 0)
    return fmt::format("every third of {} frames does not come by all of them: the frames of orbits must be "
                       "no multiple of 3",
                       frames);
  return "";
}

} // namespace kinema
