// Draws one made-up scene: a sprite that moves over a still, textured background. Its classes come in pairs
// that show the same frames in opposite order, so that only time's arrow tells the two of a pair apart.
#pragma once

#include "runtime/Data/ClipTransform.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kinema {

// Says how a scene moves, played forwards; each motion also has a class that plays it backwards.
enum class Motion { Right, Down, Clockwise, ZoomIn, SlideThenGrow };

struct MotionClass {
  const char *name;
  Motion motion;
  bool backwards;
};

// Returns the classes in the order of their labels. The classes of a pair are neighbours, the forward one
// first.
std::span<const MotionClass> motionClasses();

// A Sprite is a square grey picture; 0 is transparent.
struct Sprite {
  int side = 0;
  const uint8_t *pixels = nullptr; // [side, side], not owned
};

// Says where the sprite is.
struct Pose {
  double x = 0, y = 0; // its centre, in pixels from the picture's left and top
  double angle = 0;    // in radians, clockwise on the screen
  double size = 0;     // its side in pixels
};

class MotionScene {
public:
  // Everything but the sprite's picture is drawn from (seed, scene); two scenes with different numbers are
  // independent. `frames` >= 2.
  MotionScene(Motion motion, Sprite sprite, PictureSize size, int frames, uint64_t seed, uint64_t scene);

  // Returns where the sprite is in frame 0 .. frames-1 of the scene played forwards.
  Pose pose(int frame) const;

  // Draws a frame. rgb: [height, width, 3]
  void render(int frame, uint8_t *rgb) const;

private:
  void drawMotion(Motion motion);
  void drawBackground();
  void addTexture(int channel, double cell, double strength);
  double uniform(double low, double high);

  PictureSize size;
  int frames;
  Sprite sprite;
  uint64_t seed, stream, drawn = 0;

  Pose middle;                     // pose in the middle of the path
  double travelX = 0, travelY = 0; // pixels from the first to the last frame
  double turn = 0;                 // radians
  double growth = 1;               // last size over first
  bool inTwoParts = false;         // first the travel, then the growth, rather than both at once
  double tint[3] = {};             // of the sprite, 0..255
  bool inverted = false;           // dark sprite before a light background
  std::vector<float> background;   // [height, width, 3], 0..255
};

} // namespace kinema
