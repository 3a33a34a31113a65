// Draws how a sprite of the motion data set moves.
#pragma once

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/MotionClasses.h"

#include <cstdint>

namespace kinema {

// Random numbers that are drawn one after the other from a stream.
class MotionDraws {
public:
  MotionDraws(uint64_t seed, uint64_t stream) : seed(seed), stream(stream) {}
  double uniform(double low, double high);
  uint64_t bits();

private:
  uint64_t seed, stream, drawn = 0;
};

// Says where the sprite is.
struct Pose {
  double x = 0, y = 0; // its centre, in pixels from the picture's left and top
  double angle = 0;    // in radians, clockwise on the screen
  double size = 0;     // its side in pixels
};

class MotionPath {
public:
  // `frames` is as `whyNotFrames` allows.
  MotionPath(Motion motion, PictureSize size, int frames, MotionDraws &draws);

  // Returns where the sprite is in frame 0 .. frames-1 of the scene in its own order.
  Pose pose(int frame) const;
  const Pose &centre() const { return middle; }

private:
  Pose swing(int frame) const;
  Pose event(int frame) const;

  Motion motion;
  int frames;
  Pose middle;                     // pose in the middle of the path
  double travelX = 0, travelY = 0; // pixels from the first to the last frame
  double secondX = 0, secondY = 0; // the same of the second swing
  double radius = 0;               // pixels, of an orbit
  double turn = 0;                 // radians
  double growth = 1;               // last size over first
};

} // namespace kinema
