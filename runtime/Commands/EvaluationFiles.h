// Writes what an evaluation found, video by video and class by class, into files.
#pragma once

#include "runtime/Training/Batch.h"
#include "runtime/Training/Evaluator.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

// Returns a JSON object a line for each video: `video`, its name; `label`, `class` where names are known, and
// `rank` of the label from 0, all three with `labelled` alone, and of several labels the one with the highest
// score, beside all `labels`; `said`, the class with the highest score;
// `clips`; and `scores`, [classes]. Names of classes may be empty.
std::string scoresText(const Evaluation &evaluation, const BatchSource &source,
                       const std::vector<std::string> &names, bool labelled);

// Returns the features of the videos: "features.LAYER" [videos, C] of each layer, with `labelled` also
// "labels" [videos], of several labels a video [videos, classes] of 0 and 1, and in the metadata, under
// "videos", the names of the videos as a JSON list.
TensorFile featuresFile(const Evaluation &evaluation, const BatchSource &source, bool labelled);

// Counts the videos of one class.
struct ClassCount {
  int64_t videos = 0, top1 = 0, top5 = 0;

  // Adds a video whose label has this rank among its scores, from 0.
  void add(int64_t rank) {
    ++videos;
    top1 += rank < 1;
    top5 += rank < 5;
  }
  // Returns which share of the videos so many right ones are; there must be videos.
  double share(int64_t right) const { return static_cast<double>(right) / static_cast<double>(videos); }
};

// Returns a table (CSV) with a row a class: label, name, videos, and of these how many and which share is
// right by the first and by the first five classes.
std::string classesText(const Evaluation &evaluation, const std::vector<std::string> &names);

// Returns the table (CSV) of the videos of each class (rows) by the class that was said (columns).
std::string confusionText(const Evaluation &evaluation, const std::vector<std::string> &names);

// Names what `writeEvaluation` writes.
namespace evaluation_files {
inline constexpr char videos[] = "videos.jsonl", classes[] = "classes.csv", confusion[] = "confusion.csv",
                      picture[] = "confusion.svg";
inline constexpr const char *all[] = {videos, classes, confusion, picture};
} // namespace evaluation_files

// Makes the folder for `writeEvaluation` and removes what killed evaluations left there of its files; throws
// Error where no file can be written there.
void prepareEvaluation(const std::string &folder);

// Writes the evaluation's files into the folder, each in full or not at
// all. Throws Error.
void writeEvaluation(const std::string &folder, const Evaluation &evaluation, const BatchSource &source,
                     const std::vector<std::string> &names);

} // namespace kinema
