// The classes of the motion data set. A family of motions has kinds of scenes, and a class is a kind of scene
// with an order in which its frames are shown. The classes of a group share their scenes, so that their
// videos hold the same frames: only the order of these tells the classes apart, and a network that does not
// see it can only guess among them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// Pairs: five motions and their reversals. Orbits: around a circle at two speeds each way. Swings: there and
// back twice, each time out quickly or back quickly. Events: a slide, a growth and a turn, each there and
// back, in any sequence.
enum class MotionFamily { Pairs, Orbits, Swings, Events };

// Says how the sprite of a scene moves where the scene's frames are shown in their own order.
enum class Motion { Right, Down, Clockwise, ZoomIn, SlideThenGrow, Orbit, Swings, Events };

// A PlayingOrder is a permutation of a scene's frames. The orders of a rule are a group: where two things of
// a scene are shown in orders of their own, and one of these is uniformly drawn from all of its rule, the
// frames of both together say nothing of the other order.
struct PlayingOrder {
  enum class Rule {
    Reversal, // number 1: from the last frame to the first
    Stride,   // every number-th frame, around and around; number and the frames have no common divisor
    Halves,   // bit i of number: the i-th half is reversed
    Events,   // the three events in the sequence of the number-th permutation, 0 .. 5
  };
  Rule rule = Rule::Reversal;
  int number = 0;

  // Returns which of the scene's `frames` frames is shown at `time`, both from 0.
  int frameAt(int time, int frames) const;
};

// Says when the three events of a scene happen: one after the other from frame `first` on, each of `length`
// frames, in the middle half of all. Clips of three quarters of the frames see them, wherever they begin.
struct EventTimes {
  explicit EventTimes(int frames) : first(frames / 4), length(frames / 6) {}
  // Returns which event a frame belongs to, 0 to 2, or -1.
  int eventAt(int frame) const {
    return frame >= first && frame < first + 3 * length ? (frame - first) / length : -1;
  }
  int first, length;
};

struct MotionClass {
  std::string name;
  Motion motion;
  PlayingOrder order;
};

// Returns the classes of a family in the order of their labels. Those of a group, which have the same motion,
// are neighbours.
std::span<const MotionClass> motionClasses(MotionFamily family = MotionFamily::Pairs);

// Returns an order of the rule, uniformly drawn; `random` is.
PlayingOrder anyOrder(PlayingOrder::Rule rule, int frames, uint64_t random);

// Returns why videos of so many frames cannot show the family, or an empty string.
std::string whyNotFrames(MotionFamily family, int frames);

struct MotionFamilyName {
  const char *name;
  MotionFamily family;
};
std::span<const MotionFamilyName> motionFamilies();
const char *nameOf(MotionFamily family);

} // namespace kinema
