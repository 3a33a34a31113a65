#include "runtime/Data/MotionScene.h"

#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kinema {

std::span<const MotionClass> motionClasses() {
  static constexpr MotionClass classes[] = {
      {"right", Motion::Right, false},
      {"left", Motion::Right, true},
      {"down", Motion::Down, false},
      {"up", Motion::Down, true},
      {"clockwise", Motion::Clockwise, false},
      {"counterclockwise", Motion::Clockwise, true},
      {"zoom_in", Motion::ZoomIn, false},
      {"zoom_out", Motion::ZoomIn, true},
      {"slide_then_grow", Motion::SlideThenGrow, false},
      {"shrink_then_slide", Motion::SlideThenGrow, true},
  };
  return classes;
}

MotionScene::MotionScene(Motion motion, Sprite sprite, PictureSize size, int frames, uint64_t seed,
                         uint64_t scene)
    : size(size), frames(frames), sprite(sprite), seed(seed),
      stream(random::stream(random::Purpose::Motion, scene)) {
  drawMotion(motion);
  drawBackground();
}

double MotionScene::uniform(double low, double high) {
  return low + (high - low) * random::uniform(seed, stream, drawn++);
}

void MotionScene::drawMotion(Motion motion) {
  constexpr double pi = std::numbers::pi;
  const double unit = std::min(size.height, size.width);
  // The middle is drawn in the same way for all classes, since one frame must not tell its class.
  middle.x = size.width / 2.0 + uniform(-0.12, 0.12) * unit;
  middle.y = size.height / 2.0 + uniform(-0.12, 0.12) * unit;
  middle.angle = uniform(-pi, pi);
  middle.size = uniform(0.42, 0.58) * unit;

  const double way = uniform(0.4, 0.55) * unit, slant = uniform(-0.2, 0.2), direction = uniform(-pi, pi);
  const double degrees = uniform(100, 200), zoom = uniform(1.8, 2.4);
  auto travel = [&](double angle, double distance) {
    travelX = distance * std::cos(angle);
    travelY = distance * std::sin(angle);
  };
  switch (motion) {
  case Motion::Right:
    travel(slant, way);
    break;
  case Motion::Down:
    travel(pi / 2 + slant, way);
    break;
  case Motion::Clockwise:
    turn = degrees * pi / 180;
    break;
  case Motion::ZoomIn:
    growth = zoom;
    break;
  case Motion::SlideThenGrow:
    inTwoParts = true;
    travel(direction, way);
    growth = zoom;
    break;
  }
}

Pose MotionScene::pose(int frame) const {
  const double time = static_cast<double>(frame) / (frames - 1);
  const double early = inTwoParts ? std::min(1.0, 2 * time) : time;
  const double late = inTwoParts ? std::max(0.0, 2 * time - 1) : time;
  Pose pose = middle;
  pose.x += (early - 0.5) * travelX;
  pose.y += (early - 0.5) * travelY;
  pose.angle += (late - 0.5) * turn;
  pose.size *= std::pow(growth, late - 0.5);
  return pose;
}

void MotionScene::drawBackground() {
  background.assign(static_cast<size_t>(size.height) * size.width * 3, 0);
  const double unit = std::min(size.height, size.width);
  for (int channel = 0; channel < 3; ++channel) {
    tint[channel] = uniform(150, 255);
    const double level = uniform(35, 95);
    for (size_t i = channel; i < background.size(); i += 3)
      background[i] = static_cast<float>(level);
    addTexture(channel, unit / 3, 30);
    addTexture(channel, unit / 9, 18);
    addTexture(channel, unit / 20, 10);
  }
  inverted = uniform(0, 1) < 0.5;
}

// Adds smooth noise: random values on a grid of `cell` pixels, interpolated.
void MotionScene::addTexture(int channel, double cell, double strength) {
  const int columns = static_cast<int>(size.width / cell) + 2,
            rows = static_cast<int>(size.height / cell) + 2;
  std::vector<double> grid(static_cast<size_t>(rows) * columns);
  for (double &value : grid)
    value = uniform(-strength, strength);
  auto smooth = [](double t) { return t * t * (3 - 2 * t); };
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const int row = static_cast<int>(y / cell), column = static_cast<int>(x / cell);
      const double down = smooth(y / cell - row), right = smooth(x / cell - column);
      const double *corner = &grid[static_cast<size_t>(row) * columns + column];
      double above = corner[0] + right * (corner[1] - corner[0]);
      double below = corner[columns] + right * (corner[columns + 1] - corner[columns]);
      background[(static_cast<size_t>(y) * size.width + x) * 3 + channel] +=
          static_cast<float>(above + down * (below - above));
    }
}

// Returns the sprite's value at (x, y), in its own pixels from its centre: bilinear, 0 outside.
static double sample(const Sprite &sprite, double x, double y) {
  x += (sprite.side - 1) / 2.0;
  y += (sprite.side - 1) / 2.0;
  const double left = std::floor(x), top = std::floor(y);
  auto at = [&](double column, double row) -> double {
    if (column < 0 || row < 0 || column >= sprite.side || row >= sprite.side)
      return 0;
    return sprite.pixels[static_cast<size_t>(row) * sprite.side + static_cast<size_t>(column)];
  };
  const double right = x - left, down = y - top;
  return (1 - down) * ((1 - right) * at(left, top) + right * at(left + 1, top)) +
         down * ((1 - right) * at(left, top + 1) + right * at(left + 1, top + 1));
}

void MotionScene::render(int frame, uint8_t *rgb) const {
  constexpr double opaque = 48; // sprite values from here on hide the background
  const Pose at = pose(frame);
  const double scale = sprite.side / at.size, cosine = std::cos(at.angle), sine = std::sin(at.angle);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double right = x + 0.5 - at.x, down = y + 0.5 - at.y;
      const double value =
          sample(sprite, (cosine * right + sine * down) * scale, (cosine * down - sine * right) * scale);
      const double cover = std::min(1.0, value / opaque), light = 0.45 + 0.55 * value / 255;
      const size_t pixel = (static_cast<size_t>(y) * size.width + x) * 3;
      for (int channel = 0; channel < 3; ++channel) {
        double shown = (1 - cover) * background[pixel + channel] + cover * light * tint[channel];
        shown = std::clamp(inverted ? 255 - shown : shown, 0.0, 255.0);
        rgb[pixel + channel] = static_cast<uint8_t>(std::lround(shown));
      }
    }
}

} // namespace kinema
