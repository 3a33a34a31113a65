#include "runtime/Data/MotionScene.h"

#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>

namespace kinema {

// Where scenes of pairs have a camera that moves, it slides, as one of them does; elsewhere it moves as the
// sprite may.
static Motion cameraOf(Motion motion) { return motion < Motion::Orbit ? Motion::SlideThenGrow : motion; }

static PlayingOrder::Rule ruleOf(Motion motion) {
  switch (motion) {
  case Motion::Orbit:
    return PlayingOrder::Rule::Stride;
  case Motion::Swings:
    return PlayingOrder::Rule::Halves;
  case Motion::Events:
    return PlayingOrder::Rule::Events;
  default:
    return PlayingOrder::Rule::Reversal;
  }
}

MotionScene::MotionScene(Motion motion, Sprite sprite, PictureSize size, int frames, uint64_t seed,
                         uint64_t scene, const MotionDifficulty &difficulty, const SceneProps &props)
    : size(size), frames(frames), sprite(sprite), seed(seed), scene(scene), difficulty(difficulty),
      draws(seed, random::stream(random::Purpose::Motion, scene)), path(motion, size, frames, draws) {
  drawBackground();
  if (props.texture)
    cutBackground(*props.texture);
  for (size_t i = 0; i < props.others.size(); ++i)
    addOther(motion, props.others[i], FirstOther + i);
  if (difficulty.camera > 0) {
    addOther(cameraOf(motion), sprite, CameraPart);
    camera.push_back(others.back());
    others.pop_back();
  }
  addBars(difficulty.bars);
}

uint64_t MotionScene::streamOf(uint64_t part) const {
  return random::stream(random::Purpose::Motion, scene | part << 41);
}

void MotionScene::drawBackground() {
  background.assign(static_cast<size_t>(size.height) * size.width * 3, 0);
  const double unit = std::min(size.height, size.width);
  for (int channel = 0; channel < 3; ++channel) {
    tint[channel] = draws.uniform(150, 255);
    const double level = draws.uniform(35, 95);
    for (size_t i = channel; i < background.size(); i += 3)
      background[i] = static_cast<float>(level);
    addTexture(channel, unit / 3, 30);
    addTexture(channel, unit / 9, 18);
    addTexture(channel, unit / 20, 10);
  }
  inverted = draws.uniform(0, 1) < 0.5;
}

// Adds smooth noise: random values on a grid of `cell` pixels, interpolated.
void MotionScene::addTexture(int channel, double cell, double strength) {
  const int columns = static_cast<int>(size.width / cell) + 2,
            rows = static_cast<int>(size.height / cell) + 2;
  std::vector<double> grid(static_cast<size_t>(rows) * columns);
  for (double &value : grid)
    value = draws.uniform(-strength, strength);
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

// Takes a part of a picture, darkened so that sprites stand out as they do before noise.
void MotionScene::cutBackground(const Texture &texture) {
  MotionDraws own(seed, streamOf(TexturePart));
  const int top = static_cast<int>(own.uniform(0, 1) * (texture.size.height - size.height + 1));
  const int left = static_cast<int>(own.uniform(0, 1) * (texture.size.width - size.width + 1));
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width * 3; ++x)
      background[static_cast<size_t>(y) * size.width * 3 + x] =
          0.55f * texture.rgb[(static_cast<size_t>(top + y) * texture.size.width + left) * 3 + x];
}

void MotionScene::addOther(Motion motion, Sprite picture, uint64_t part) {
  MotionDraws own(seed, streamOf(part));
  // Of pairs, each other sprite has a motion of its own.
  const Motion drawn =
      part != CameraPart && motion < Motion::Orbit ? static_cast<Motion>(own.bits() % 5) : motion;
  Other other{
      picture, MotionPath(drawn, size, frames, own), anyOrder(ruleOf(motion), frames, own.bits()), {}};
  for (double &channel : other.tint)
    channel = own.uniform(90, 200);
  others.push_back(other);
}

void MotionScene::addBars(int count) {
  MotionDraws own(seed, streamOf(BarsPart));
  const double unit = std::min(size.height, size.width);
  for (int i = 0; i < count; ++i) {
    const bool upright = own.uniform(0, 1) < 0.5;
    const double width = own.uniform(0.06, 0.12) * unit,
                 from = own.uniform(0, (upright ? size.width : size.height) - width);
    bars.push_back({upright, from, from + width, own.uniform(20, 235)});
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

// Copies the background, moved by so many pixels; beyond its edges it is mirrored.
void MotionScene::copyBackground(double right, double down, double *canvas) const {
  if (right == 0 && down == 0) {
    std::copy(background.begin(), background.end(), canvas);
    return;
  }
  auto mirrored = [](double at, int extent) {
    const double period = 2.0 * (extent - 1), folded = std::fmod(std::fmod(at, period) + period, period);
    return folded < extent - 1 ? folded : period - folded;
  };
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double column = mirrored(x - right, size.width), row = mirrored(y - down, size.height);
      const int left = std::min(static_cast<int>(column), size.width - 2),
                top = std::min(static_cast<int>(row), size.height - 2);
      const double acrossShare = column - left, downShare = row - top;
      const float *corner = &background[(static_cast<size_t>(top) * size.width + left) * 3];
      const float *below = corner + static_cast<size_t>(size.width) * 3;
      for (int channel = 0; channel < 3; ++channel) {
        const double upper = corner[channel] + acrossShare * (corner[channel + 3] - corner[channel]);
        const double lower = below[channel] + acrossShare * (below[channel + 3] - below[channel]);
        canvas[(static_cast<size_t>(y) * size.width + x) * 3 + channel] = upper + downShare * (lower - upper);
      }
    }
}

void MotionScene::drawSprite(const Sprite &picture, const Pose &at, const double *colour,
                             double *canvas) const {
  constexpr double opaque = 48; // sprite values from here on hide what is behind
  const double scale = picture.side / at.size, cosine = std::cos(at.angle), sine = std::sin(at.angle);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double right = x + 0.5 - at.x, down = y + 0.5 - at.y;
      const double value =
          sample(picture, (cosine * right + sine * down) * scale, (cosine * down - sine * right) * scale);
      if (value == 0)
        continue;
      const double cover = std::min(1.0, value / opaque), light = 0.45 + 0.55 * value / 255;
      double *pixel = canvas + (static_cast<size_t>(y) * size.width + x) * 3;
      for (int channel = 0; channel < 3; ++channel)
        pixel[channel] = (1 - cover) * pixel[channel] + cover * light * colour[channel];
    }
}

void MotionScene::drawBars(double *canvas) const {
  for (const Bar &bar : bars)
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x) {
        const double at = (bar.upright ? x : y) + 0.5;
        if (at >= bar.from && at < bar.to)
          std::fill_n(canvas + (static_cast<size_t>(y) * size.width + x) * 3, 3, bar.level);
      }
}

// Adds the noise, and rounds.
void MotionScene::finish(const double *canvas, int time, PlayingOrder order, uint8_t *rgb) const {
  const size_t pixels = static_cast<size_t>(size.height) * size.width;
  // Each class has noise of its own.
  const uint64_t first =
      ((static_cast<uint64_t>(order.rule) << 8 | static_cast<uint8_t>(order.number)) * frames + time) *
      pixels;
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    const double noise = difficulty.noise > 0
                             ? difficulty.noise * random::normal(seed, streamOf(NoisePart), first + pixel)
                             : 0;
    for (size_t i = 3 * pixel; i < 3 * pixel + 3; ++i) {
      const double shown = (inverted ? 255 - canvas[i] : canvas[i]) + noise;
      rgb[i] = static_cast<uint8_t>(std::lround(std::clamp(shown, 0.0, 255.0)));
    }
  }
}

void MotionScene::render(int time, uint8_t *rgb, PlayingOrder order) const {
  double right = 0, down = 0;
  for (const Other &moving : camera) {
    const Pose pose = moving.path.pose(moving.order.frameAt(time, frames));
    right = difficulty.camera * (pose.x - moving.path.centre().x);
    down = difficulty.camera * (pose.y - moving.path.centre().y);
  }
  std::vector<double> canvas(background.size());
  copyBackground(right, down, canvas.data());
  auto draw = [&](const Sprite &picture, Pose pose, double share, const double *colour) {
    pose.x += right;
    pose.y += down;
    pose.size *= share;
    drawSprite(picture, pose, colour, canvas.data());
  };
  for (const Other &other : others)
    draw(other.sprite, other.path.pose(other.order.frameAt(time, frames)), 0.6, other.tint);
  draw(sprite, path.pose(order.frameAt(time, frames)), 1, tint);
  drawBars(canvas.data());
  finish(canvas.data(), time, order, rgb);
}

} // namespace kinema
