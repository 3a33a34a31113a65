// Tests a network on all clips of all videos of a list.
#pragma once

#include "runtime/Program/Program.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Support/Progress.h"
#include "runtime/Training/Batch.h"
#include "runtime/Training/Features.h"
#include "runtime/Training/Metrics.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace kinema {

struct Evaluation {
  ClipMetrics clips;
  VideoMetrics videos;
  VideoScores scores;
  std::optional<double> meanAveragePrecision; // of several labels, and where the recipe's report has it
  std::vector<LayerFeatures> features;
  std::vector<Unreadable> unreadable; // left out of all figures; each is told once in its source's life
  int64_t missing = 0;                // videos that were left out, told before or not
  double seconds = 0;
  double waiting = 0; // share of the time spent waiting for data
};

// Reports each video that was found unreadable as a line "cannot read NAME: REASON; it is left out".
void reportUnreadable(const std::vector<Unreadable> &unreadable, Progress &progress);

// Returns whether more videos of a list are missing than the recipe allows.
bool tooManyMissing(int64_t missing, int64_t videos, const DataRecipe &data);
// Throws Error where more videos of a list are missing than the recipe allows; `list` names it.
void checkMissing(const std::string &list, int64_t missing, int64_t videos, const DataRecipe &data);

// Copies a batch into the program's inputs. Throws Error if their shapes differ from the package's.
void setInputs(Program &program, const Batch &batch);

// Returns the output of "infer" that scores the classes: "logits" or, of a network that ends in a softmax,
// "probabilities".
const ArenaTensor &scoresOf(const Manifest &manifest);

// Runs "prepare", then "infer" on every batch of the source from its start. Throws Error if no clip at all
// could be read, or when interrupted. `layers` are those whose features are collected. Where there are ranks,
// the source is this one's share, and all of them return the evaluation of all clips, without features.
Evaluation evaluate(Program &program, BatchSource &source, const Recipe &recipe, Progress &progress,
                    const std::string &phase = "testing", const std::vector<std::string> &layers = {},
                    Ranks *ranks = nullptr);

// Joins the evaluations of two networks on the same videos, of which it takes those that both could read. The
// result has no clips; VideoScores::fused says what `share` is.
Evaluation fuse(const Evaluation &first, const Evaluation &second, double share);

// Returns the figures that the recipe reports, as lines of text; of an evaluation without clips, those of
// videos.
std::string describe(const Evaluation &evaluation, const EvalRecipe &recipe);

// Returns all figures: clips, videos, clip_top1, clip_top5, video_top1, video_top5, loss, unreadable,
// confusion, and video_map where it was computed; of an evaluation without clips, those of videos.
nlohmann::json toJson(const Evaluation &evaluation);

} // namespace kinema
