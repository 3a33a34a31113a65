#include "runtime/Data/MotionPath.h"

#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kinema {

static constexpr double pi = std::numbers::pi;

double MotionDraws::uniform(double low, double high) {
  return low + (high - low) * random::uniform(seed, stream, drawn++);
}

uint64_t MotionDraws::bits() { return random::bits(seed, stream, drawn++); }

MotionPath::MotionPath(Motion motion, PictureSize size, int frames, MotionDraws &draws)
    : motion(motion), frames(frames) {
  const double unit = std::min(size.height, size.width);
  // The middle is drawn in the same way for all classes, since one frame must not tell its class.
  middle.x = size.width / 2.0 + draws.uniform(-0.12, 0.12) * unit;
  middle.y = size.height / 2.0 + draws.uniform(-0.12, 0.12) * unit;
  middle.angle = draws.uniform(-pi, pi);
  middle.size = draws.uniform(0.42, 0.58) * unit;

  const double way = draws.uniform(0.4, 0.55) * unit, slant = draws.uniform(-0.2, 0.2),
               direction = draws.uniform(-pi, pi);
  const double degrees = draws.uniform(100, 200), zoom = draws.uniform(1.8, 2.4);
  auto travel = [&](double angle) {
    travelX = way * std::cos(angle);
    travelY = way * std::sin(angle);
  };
  switch (motion) {
  case Motion::Right:
    travel(slant);
    break;
  case Motion::Down:
    travel(pi / 2 + slant);
    break;
  case Motion::Clockwise:
    turn = degrees * pi / 180;
    break;
  case Motion::ZoomIn:
    growth = zoom;
    break;
  case Motion::SlideThenGrow:
    travel(direction);
    growth = zoom;
    break;
  case Motion::Orbit:
    turn = direction; // where it begins
    radius = way / 2;
    middle.size *= 0.6;
    break;
  case Motion::Swings: {
    const double second = draws.uniform(-pi, pi);
    travel(direction);
    secondX = way * std::cos(second);
    secondY = way * std::sin(second);
    middle.size *= 0.7;
    break;
  }
  case Motion::Events:
    travel(direction);
    growth = zoom;
    turn = degrees * pi / 180;
    middle.size *= 0.7;
    break;
  }
}

// Two swings from the middle, each out in a third of its time and back in the rest.
Pose MotionPath::swing(int frame) const {
  const int length = frames / 2, part = frame / length;
  const double time = static_cast<double>(frame % length) / length;
  const double out = part > 1 ? 0 : time < 1.0 / 3 ? 3 * time : 1.5 * (1 - time);
  Pose pose = middle;
  pose.x += (out - 0.5) * (part == 0 ? travelX : secondX);
  pose.y += (out - 0.5) * (part == 0 ? travelY : secondY);
  return pose;
}

// Three events, each there and back: a slide, a growth, a turn.
Pose MotionPath::event(int frame) const {
  const EventTimes times(frames);
  const int part = times.eventAt(frame);
  const double time = (frame - times.first - part * times.length + 0.5) / times.length;
  const double there = 1 - std::abs(2 * time - 1);
  Pose pose = middle;
  if (part == 0) {
    pose.x += there * travelX / 2;
    pose.y += there * travelY / 2;
  } else if (part == 1) {
    pose.size *= std::pow(growth, there);
  } else if (part == 2) {
    pose.angle += there * turn;
  }
  return pose;
}

Pose MotionPath::pose(int frame) const {
  if (motion == Motion::Swings)
    return swing(frame);
  if (motion == Motion::Events)
    return event(frame);
  Pose pose = middle;
  if (motion == Motion::Orbit) {
    const double angle = turn + 2 * pi * frame / frames;
    pose.x += radius * std::cos(angle);
    pose.y += radius * std::sin(angle);
    return pose;
  }
  const bool inTwoParts =
      motion == Motion::SlideThenGrow; // first the travel, then the growth, rather than both at once
  const double time = static_cast<double>(frame) / (frames - 1);
  const double early = inTwoParts ? std::min(1.0, 2 * time) : time;
  const double late = inTwoParts ? std::max(0.0, 2 * time - 1) : time;
  pose.x += (early - 0.5) * travelX;
  pose.y += (early - 0.5) * travelY;
  pose.angle += (late - 0.5) * turn;
  pose.size *= std::pow(growth, late - 0.5);
  return pose;
}

} // namespace kinema
