// Makes the motion data set: H.264 videos of Fashion-MNIST sprites whose label is the motion alone (see
// MotionClasses.h), what the sprite shows, or both.
#pragma once

#include "runtime/Data/MotionScene.h"
#include "runtime/Data/Workers.h"

#include <cstdint>
#include <string>

namespace kinema {

// Says what a video's class is: how its sprite moves, what it shows (then it moves as any class of the
// family), or both.
enum class MotionLabel { Motion, Appearance, Both };

struct MotionOptions {
  std::string directory;
  int64_t train = 200, test = 40; // videos of each class
  int height = 64, width = 86;    // even
  int frames = 24;
  int fps = 25;
  uint64_t seed = 1;
  MotionFamily family = MotionFamily::Pairs;
  MotionLabel label = MotionLabel::Motion;
  int kinds =
      0; // of things that sprites show, where these are labels; 0: all of them for Appearance, three for Both
  MotionDifficulty difficulty;
  std::string
      textures;    // a folder of pictures (MotionTextures), parts of which are the backgrounds; empty: noise
  int threads = 0; // 0: one a core
  // This folder holds Fashion-MNIST's train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz. Training
  // videos show sprites of the first file, test videos those of the second. Where what they show is in the
  // label, it holds train-labels-idx1-ubyte.gz and t10k-labels-idx1-ubyte.gz, too.
  std::string sprites = "/usr/share/datasets/fashion-mnist";
};

struct MotionSummary {
  int64_t written = 0; // videos
  int64_t kept = 0;    // videos that an interrupted run had left
  int64_t bytes = 0;   // written
};

// Writes options.directory: train/CLASS/NUMBER.mp4, test/CLASS/NUMBER.mp4, train.txt, test.txt, classes.txt,
// README.txt and motion.json, which holds the options. The bytes depend on the options alone, not on
// `threads`. The folder must be new or empty, or hold an earlier run with the same options, which is then
// completed; otherwise the function throws Error with status 2 and touches nothing. The lists are written
// last.
MotionSummary makeMotionVideos(const MotionOptions &options, const ProgressCallback &progress = {});

} // namespace kinema
