// Tells a training step what its clips show: one label each, or targets and shares, as the package was
// compiled to take them (docs/package.md, "Labels" and "Targets").
#pragma once

#include "runtime/Package/Recipe.h"
#include "runtime/Program/Program.h"
#include "runtime/Training/ClipLabels.h"

#include <span>
#include <string>
#include <vector>

namespace kinema {

// How true each class is of each clip, and how much each clip counts in the loss.
struct Targets {
  std::vector<float> targets; // [N, classes]
  std::vector<float> shares;  // [N]; 0: masked
};

// Returns the targets of clips whose classes are true as `truths` says, [N, classes]; a clip whose `counts`
// is 0 is masked. Classes weigh as `classWeights` says, [classes]; none: all the same.
//
// For cross_entropy the loss is then PyTorch's CrossEntropyLoss(weight, label_smoothing), with the mean over
// the weights of the clips that count; for binary_cross_entropy it is BCEWithLogitsLoss, with the mean over
// their classes.
Targets targetsOf(std::span<const float> truths, std::span<const char> counts, const TrainRecipe &recipe,
                  std::span<const double> classWeights);

// Returns how true each class is of each clip, [N, classes], by the clips' labels.
std::vector<float> truthsOf(std::span<const ClipLabels> labels, int64_t classes);

// Tells the program the labels of a batch, [N].
void setLabels(Program &program, std::span<const ClipLabels> labels, const TrainRecipe &recipe,
               std::span<const double> classWeights);

// Tells the program how true each class is of each clip, [N, classes]; all clips count.
void setTruths(Program &program, std::span<const float> truths, const TrainRecipe &recipe,
               std::span<const double> classWeights);

// Returns weights that make up for how many videos each class has: videos / (classes * videos of the class),
// as scikit-learn's `balanced`. A class without videos has the weight 0 and is none of the classes.
std::vector<double> balancedWeights(std::span<const int32_t> labels, int64_t classes);

// Reads a file of one weight a class, in the order of the labels, which blanks or ends of lines separate.
// Throws Error.
std::vector<double> readClassWeights(const std::string &file, int64_t classes);

} // namespace kinema
