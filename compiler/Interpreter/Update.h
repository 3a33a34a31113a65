// Computes updates of parameters, as `clip.update` defines them, in naive loops in double.
#ifndef KINEMA_COMPILER_INTERPRETER_UPDATE_H
#define KINEMA_COMPILER_INTERPRETER_UPDATE_H

#include "compiler/Interpreter/Tensor.h"
#include "dialects/Clip/Clip.h"

namespace kinema::numerics {

/// Returns the norm of all elements together, a vector of one.
Tensor norm(const std::vector<const Tensor *> &tensors);

/// Says how an update is done: by which rule, and with which numbers.
struct UpdateSettings {
  clip::UpdateForm form;
  std::function<double(clip::HyperField)> field; // of `%hyper`
  double rateFactor = 1, decayFactor = 1, maxNorm = 0;
};

/// Takes the tensors of a `clip.update`, and returns its results.
std::vector<Tensor> update(const std::vector<const Tensor *> &tensors, const UpdateSettings &settings);

} // namespace kinema::numerics

#endif
