// The recipe: how clips are cut, how the network is trained and evaluated. Sections of the spec fill it, the
// command line may override it, the package carries it (docs/package.md). The defaults are the paper's.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"
#include "dsl/Parser.h"

#include <array>
#include <map>

namespace kinema::dsl {

struct DataRecipe {
  int64_t frames = 0;                     // of a clip; 0: the input's T
  int64_t every = 1;                      // take every n-th frame
  double fps = 0;                         // resample videos to it first; 0: the file's own rate
  std::string start = "random";           // random, first, middle
  std::array<int64_t, 2> resize = {0, 0}; // H, W; zero: 128x171 where the crop is 112x112, and in proportion
  int64_t shortSide = 0;                  // > 0: scale the short side to it instead of `resize`
  std::array<int64_t, 2> crop = {0, 0};   // H, W; zero: the input's
  std::string at = "random";              // random, centre
  double flip = 0.5;                      // probability of a horizontal flip
  std::vector<double> mean = {110.201, 100.64, 95.9966}; // of 0..255 values, per channel
  std::vector<double> std = {58.1489, 56.4701, 55.3324};

  bool operator==(const DataRecipe &) const = default;
};

struct TrainRecipe {
  int64_t epochs = 45;
  int64_t clips = 0; // of an epoch; 0: one a video
  int64_t batch = 32;
  double momentum = 0.9;
  bool nesterov = false; // the plain rule, as the paper and PyTorch have it
  double decay = 1e-4;
  double rate = 0.01;
  double warmup = 10;     // epochs of linear warm-up
  double every = 10;      // epochs between steps; 0: none
  double factor = 0.1;    // of a step
  std::vector<double> at; // epochs of the steps; empty: `every`
  std::string loss = "cross_entropy";
  double smoothing = 0;
  int64_t seed = 1;

  bool operator==(const TrainRecipe &) const = default;
};

struct EvalRecipe {
  int64_t clips = 10;             // of a video
  int64_t segments = 0;           // > 0: one frame from each of so many parts instead of consecutive frames
  std::string spread = "uniform"; // uniform, random
  std::array<int64_t, 2> crop = {0, 0}; // H, W; zero: the input's
  std::string at = "centre";            // centre, random, three
  std::string average = "scores";       // scores, logits
  std::vector<std::string> report = {"clip_top1", "video_top1", "video_top5"};

  bool operator==(const EvalRecipe &) const = default;
};

struct ComputeRecipe {
  bool winograd = true; // tiles for 3x3 windows in fp32, where they are quicker

  bool operator==(const ComputeRecipe &) const = default;
};

struct Recipe {
  DataRecipe data;
  TrainRecipe train;
  EvalRecipe eval;
  ComputeRecipe compute;
  std::map<std::string, Location> places; // where "data.crop" and the like were given
};

/// Fills `recipe` from a section.
void apply(const Section &section, Recipe &recipe, Diagnostics &diagnostics);

/// `data.crop=224x224`, `train.rate=0.1`, `eval.clips=1`: SECTION.FIELD=VALUE with the names of
/// docs/package.md.
bool applyOverride(const Setting &setting, Recipe &recipe, Diagnostics &diagnostics);

/// What follows from the network's input, which stands at `input`: fills in the fields that are zero and
/// checks those that must agree.
void resolve(Recipe &recipe, int64_t frames, int64_t height, int64_t width, Location input,
             Diagnostics &diagnostics);

} // namespace kinema::dsl
