// The recipe a package carries: how clips are cut from videos, how the network is trained and evaluated
// (docs/package.md, "Recipe"). The defaults are the paper's.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

struct DataRecipe {
  int64_t frames = 16;                        // of a clip; 0: the input's
  int64_t every = 1;                          // take every n-th frame
  double fps = 0;                             // bring videos to this rate first; 0: the file's own
  std::string start = "random";               // first frame: random, first, middle
  std::array<int64_t, 2> resize = {128, 171}; // H, W
  int64_t shortSide = 0;                      // "short": > 0: scale the short side to it instead of `resize`
  std::array<int64_t, 2> crop = {112, 112};   // H, W; 0x0: the input's
  std::string at = "random";                  // place of the crop: random, centre
  double flip = 0.5;                          // probability of a horizontal flip
  std::vector<double> mean = {110.201, 100.64, 95.9966}; // [C] of 0..255 values
  std::vector<double> std = {58.1489, 56.4701, 55.3324}; // [C]
};

struct TrainRecipe {
  int64_t epochs = 45;
  int64_t clips = 0; // of an epoch; 0: one clip a video
  int64_t batch = 32;
  double momentum = 0.9;
  bool nesterov = false;
  double decay = 1e-4;
  double rate = 0.01;
  double warmup = 10;     // epochs of linear warm-up
  double every = 10;      // epochs from one step of the rate to the next; 0: none
  double factor = 0.1;    // of a step
  std::vector<double> at; // epochs of the steps; empty: `every`
  std::string loss = "cross_entropy";
  double smoothing = 0; // of labels
  int64_t seed = 1;
};

struct EvalRecipe {
  int64_t clips = 10;             // of a video
  int64_t segments = 0;           // > 0: a clip takes one frame from each of so many parts of the video
  std::string spread = "uniform"; // of the clips over the video: uniform, random
  std::array<int64_t, 2> crop = {112, 112}; // H, W; 0x0: the input's
  std::string at = "centre";                // place of the crop: centre, random, three
  std::string average = "scores";           // over a video's clips: scores (softmax), logits
  std::vector<std::string> report = {"clip_top1", "video_top1", "video_top5"};
};

/// How the package's code was made; cannot be changed any more.
struct ComputeRecipe {
  bool winograd = true;
};

struct Recipe {
  DataRecipe data;
  TrainRecipe train;
  EvalRecipe eval;
  ComputeRecipe compute;
};

// Reads the manifest's "recipe". Fields that are absent keep their defaults; an unknown field, a wrong type
// or a value out of range throws Error, naming the field as "train.rate".
Recipe parseRecipe(const nlohmann::json &json);

nlohmann::json toJson(const Recipe &recipe);

// The fields in which two recipes differ: "train.rate is 0.1, was 0.01".
std::vector<std::string> differences(const Recipe &recipe, const Recipe &before);

// "train.rate=0.1", "data.fps=auto", "eval.report=[clip_top1 video_top1]": SECTION.FIELD=VALUE. Throws
// Error with status 2, naming the nearest field where there is none of that name.
void applySetting(Recipe &recipe, std::string_view setting);

} // namespace kinema
