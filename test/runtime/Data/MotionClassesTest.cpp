#include "runtime/Data/MotionClasses.h"
#include "runtime/Data/MotionScene.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

using namespace kinema;

namespace {

using Rule = PlayingOrder::Rule;

// All orders of a rule; numbers that are none repeat others.
std::vector<PlayingOrder> ordersOf(Rule rule, int frames) {
  std::map<int, PlayingOrder> orders;
  for (uint64_t random = 0; random < 1000; ++random) {
    const PlayingOrder order = anyOrder(rule, frames, random);
    orders[order.number] = order;
  }
  std::vector<PlayingOrder> all;
  for (const auto &[number, order] : orders)
    all.push_back(order);
  return all;
}

TEST(MotionClasses, FamiliesHaveTheirClasses) {
  EXPECT_EQ(motionClasses(MotionFamily::Pairs).size(), 10u);
  EXPECT_EQ(motionClasses(MotionFamily::Orbits).size(), 4u);
  EXPECT_EQ(motionClasses(MotionFamily::Swings).size(), 4u);
  EXPECT_EQ(motionClasses(MotionFamily::Events).size(), 6u);
  EXPECT_EQ(motionClasses(MotionFamily::Events)[2].name, "grow_slide_turn");
  std::set<std::string> names;
  for (const MotionFamilyName &each : motionFamilies())
    for (const MotionClass &motion : motionClasses(each.family))
      EXPECT_TRUE(names.insert(motion.name).second) << motion.name;
}

TEST(MotionClasses, OrdersArePermutations) {
  for (const MotionFamilyName &each : motionFamilies())
    for (int frames : {20, 16, 25, 32})
      for (const MotionClass &motion : motionClasses(each.family)) {
        std::vector<int> shown(frames, 0);
        for (int time = 0; time < frames; ++time)
          ++shown.at(motion.order.frameAt(time, frames));
        EXPECT_THAT(shown, testing::Each(1)) << motion.name << " of " << frames;
      }
}

TEST(MotionClasses, SaysWhichFramesAFamilyNeeds) {
  EXPECT_EQ(whyNotFrames(MotionFamily::Pairs, 2), "");
  EXPECT_EQ(whyNotFrames(MotionFamily::Events, 18), "");
  EXPECT_EQ(whyNotFrames(MotionFamily::Events, 17), "videos of events need at least 18 frames");
  EXPECT_EQ(whyNotFrames(MotionFamily::Orbits, 16), "");
  EXPECT_THAT(whyNotFrames(MotionFamily::Orbits, 24), testing::HasSubstr("must be no multiple of 3"));
}

// What is shown beside the sprite has an order of its own. Drawn from all of the rule, the frames of both
// together are the same for all classes, as a set without its order.
TEST(MotionClasses, OrdersOfOthersSayNothing) {
  const int frames = 24, orbiting = 16;
  for (const MotionFamilyName &each : motionFamilies()) {
    const int count = each.family == MotionFamily::Orbits ? orbiting : frames;
    std::map<Motion, std::set<std::multiset<std::multiset<std::pair<int, int>>>>> found;
    for (const MotionClass &motion : motionClasses(each.family)) {
      std::multiset<std::multiset<std::pair<int, int>>> bags;
      for (const PlayingOrder &other : ordersOf(motion.order.rule, count)) {
        std::multiset<std::pair<int, int>> bag;
        for (int time = 0; time < count; ++time)
          bag.insert({motion.order.frameAt(time, count), other.frameAt(time, count)});
        bags.insert(bag);
      }
      EXPECT_GT(bags.size(), 1u);
      found[motion.motion].insert(bags);
    }
    for (const auto &[motion, bags] : found)
      EXPECT_EQ(bags.size(), 1u) << each.name;
  }
}

class MotionSceneTest : public testing::Test {
protected:
  std::vector<std::string> shown(const MotionScene &scene, PlayingOrder order) {
    std::vector<std::string> pictures;
    for (int time = 0; time < frames; ++time) {
      std::string rgb(32 * 36 * 3, 0);
      scene.render(time, reinterpret_cast<uint8_t *>(rgb.data()), order);
      pictures.push_back(rgb);
    }
    return pictures;
  }

  const int frames = 20;
  const std::vector<uint8_t> pixels = std::vector<uint8_t>(28 * 28, 200);
  const Sprite sprite{28, pixels.data()};
};

// Videos of a scene hold the same pictures, behind bars, too, and show them differently.
TEST_F(MotionSceneTest, ClassesOfASceneShowTheSamePictures) {
  for (const MotionFamilyName &each : motionFamilies())
    for (uint64_t number = 0; number < 3; ++number) {
      std::map<Motion, std::set<std::vector<std::string>>> sorted, played;
      for (const MotionClass &motion : motionClasses(each.family)) {
        const MotionScene scene(motion.motion, sprite, {32, 36}, frames, 1, number, {.bars = 2});
        std::vector<std::string> pictures = shown(scene, motion.order);
        EXPECT_TRUE(played[motion.motion].insert(pictures).second) << motion.name;
        std::sort(pictures.begin(), pictures.end());
        sorted[motion.motion].insert(pictures);
      }
      for (const auto &[motion, sets] : sorted)
        EXPECT_EQ(sets.size(), 1u) << each.name;
    }
}

TEST_F(MotionSceneTest, EachDifficultyIsSeen) {
  auto first = [&](const MotionDifficulty &difficulty) {
    SceneProps props;
    props.others.assign(static_cast<size_t>(difficulty.others), sprite);
    return shown(MotionScene(Motion::Orbit, sprite, {32, 36}, frames, 1, 5, difficulty, props),
                 {Rule::Stride, 1});
  };
  const std::vector<std::string> plain = first({});
  for (const MotionDifficulty &difficulty : {MotionDifficulty{.others = 3}, MotionDifficulty{.camera = 0.3},
                                             MotionDifficulty{.bars = 2}, MotionDifficulty{.noise = 5}}) {
    const std::vector<std::string> harder = first(difficulty);
    EXPECT_EQ(harder, first(difficulty));
    for (int time : {0, 7, 15})
      EXPECT_NE(harder[time], plain[time]);
  }
  // Noise is drawn anew for each time and each class.
  const MotionScene noisy(Motion::Swings, sprite, {32, 36}, frames, 1, 5, {.noise = 5});
  EXPECT_NE(shown(noisy, {Rule::Halves, 0})[15], shown(noisy, {Rule::Halves, 1})[15]);
}

// An orbit comes by everywhere; swings and events come back to where they began.
TEST_F(MotionSceneTest, PathsAreClosed) {
  for (uint64_t number = 0; number < 20; ++number) {
    const MotionScene orbit(Motion::Orbit, sprite, {32, 36}, frames, 1, number);
    EXPECT_NEAR((orbit.pose(0).x + orbit.pose(10).x) / 2, (orbit.pose(3).x + orbit.pose(13).x) / 2, 1e-9);
    const MotionScene events(Motion::Events, sprite, {32, 36}, 30, 1, number);
    const EventTimes times(30);
    for (int part = 0; part < 3; ++part) {
      const Pose rest = events.pose(0), far = events.pose(times.first + 5 * part + 2);
      EXPECT_NEAR(events.pose(times.first + 5 * part).size, events.pose(times.first + 5 * part + 4).size,
                  1e-9);
      EXPECT_EQ(std::abs(far.x - rest.x) + std::abs(far.y - rest.y) > 3, part == 0);
      EXPECT_EQ(far.size / rest.size > 1.5, part == 1);
      EXPECT_EQ(far.angle - rest.angle > 1.5, part == 2);
    }
    EXPECT_EQ(events.pose(0).x, events.pose(29).x);
    const MotionScene swings(Motion::Swings, sprite, {32, 36}, frames, 1, number);
    // Out in a third of the time, back in two thirds.
    EXPECT_NEAR(swings.pose(1).x, swings.pose(8).x, 1e-9);
    EXPECT_NEAR(swings.pose(2).y, swings.pose(6).y, 1e-9);
    EXPECT_GT(std::hypot(swings.pose(3).x - swings.pose(0).x, swings.pose(3).y - swings.pose(0).y), 8);
  }
}

} // namespace
