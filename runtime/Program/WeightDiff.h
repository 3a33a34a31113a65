// Compares the tensors of two files of weights.
#pragma once

#include "runtime/Package/Safetensors.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

// A TensorPair is two tensors of one name that differ in type or shape, or a tensor that one file alone has,
// whose other side is null. It points into the files.
struct TensorPair {
  const FileTensor *a = nullptr, *b = nullptr;

  const std::string &name() const { return a ? a->name : b->name; }
};

struct WeightDifference {
  std::vector<TensorPair> tensors; // in the order of A, then what B alone has
  int64_t alike = 0;               // tensors of one name, type and shape
  int64_t otherValues = 0;         // how many of these hold other values
  std::string most;                // of these, the one of the largest difference
  double by = 0;                   // that difference, if it is one of numbers
  std::string classesA, classesB;  // the names of the classes, if they differ

  bool isEmpty() const { return tensors.empty() && otherValues == 0 && classesA == classesB; }
};

// Compares names, types and shapes, and the values of tensors that have elements on both sides.
WeightDifference compareWeights(const TensorFile &a, const TensorFile &b);

// Returns the difference for people, who know the two sides as A and B.
std::string describe(const WeightDifference &difference);

} // namespace kinema
