// Draws one made-up scene of the motion data set: a sprite that moves over a textured background, and what
// makes it harder to see.
#pragma once

#include "runtime/Data/MotionPath.h"
#include "runtime/Data/MotionTextures.h"

#include <cstdint>
#include <vector>

namespace kinema {

// A Sprite is a square grey picture; 0 is transparent.
struct Sprite {
  int side = 0;
  const uint8_t *pixels = nullptr; // [side, side], not owned
};

// Says what makes a motion hard to see. Each leaves the rule alone that single frames, and all frames of a
// video without their order, say nothing of the class: what moves besides the sprite is shown in orders of
// its own (PlayingOrder), bars stand still, and the noise of each frame is independent.
struct MotionDifficulty {
  int others = 0;    // smaller sprites that move as the first one may, behind it; at most 8
  double camera = 0; // how far the picture moves as a whole, as a share of what the sprite may
  int bars = 0;      // that stand before the scene and hide parts of it; at most 8
  double noise = 0;  // of each pixel, its standard deviation in grey levels
};

// What a scene shows beside its first sprite. Nothing is owned.
struct SceneProps {
  std::vector<Sprite> others;       // as many as the difficulty says
  const Texture *texture = nullptr; // the background is a part of it, darkened; none: smooth noise
};

class MotionScene {
public:
  // Everything but the pictures is drawn from (seed, scene); two scenes with different numbers below 2^41 are
  // independent. `frames` is as `whyNotFrames` allows.
  MotionScene(Motion motion, Sprite sprite, PictureSize size, int frames, uint64_t seed, uint64_t scene,
              const MotionDifficulty &difficulty = {}, const SceneProps &props = {});

  // Returns where the sprite is in frame 0 .. frames-1 of the scene in its own order.
  Pose pose(int frame) const { return path.pose(frame); }

  // Draws what is shown at a time. rgb: [height, width, 3]
  void render(int time, uint8_t *rgb, PlayingOrder order = {}) const;

private:
  struct Other {
    Sprite sprite;
    MotionPath path;
    PlayingOrder order;
    double tint[3];
  };
  struct Bar {
    bool upright;
    double from, to; // in pixels
    double level;
  };
  // Parts of a scene that have random numbers of their own.
  enum Part : uint64_t { FirstOther = 1, CameraPart = 9, BarsPart = 10, NoisePart = 11, TexturePart = 12 };

  uint64_t streamOf(uint64_t part) const;
  void drawBackground();
  void addTexture(int channel, double cell, double strength);
  void cutBackground(const Texture &texture);
  void addOther(Motion motion, Sprite sprite, uint64_t part);
  void addBars(int count);
  void copyBackground(double right, double down, double *canvas) const;
  void drawSprite(const Sprite &sprite, const Pose &pose, const double *tint, double *canvas) const;
  void drawBars(double *canvas) const;
  void finish(const double *canvas, int time, PlayingOrder order, uint8_t *rgb) const;

  PictureSize size;
  int frames;
  Sprite sprite;
  uint64_t seed, scene;
  MotionDifficulty difficulty;
  MotionDraws draws;
  MotionPath path;

  double tint[3] = {};           // of the sprite, 0..255
  bool inverted = false;         // dark sprites before a light background
  std::vector<float> background; // [height, width, 3], 0..255
  std::vector<Other> others;
  std::vector<Other> camera; // one, which is not drawn, or none
  std::vector<Bar> bars;
};

} // namespace kinema
