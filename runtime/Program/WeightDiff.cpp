#include "runtime/Program/WeightDiff.h"

#include "runtime/Support/Columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace kinema {
namespace {

// Returns the largest difference of two tensors of one type and shape.
double largestDifference(const FileTensor &a, const FileTensor &b) {
  double largest = 0;
  auto compare = [&](auto x, auto y) {
    for (size_t i = 0; i < x.size(); ++i) {
      const double by = std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i]));
      largest = std::max(largest, std::isnan(by) ? std::numeric_limits<double>::infinity() : by);
    }
  };
  if (a.type == ElementType::F32)
    compare(a.as<float>(), b.as<float>());
  else if (a.type == ElementType::I32)
    compare(a.as<int32_t>(), b.as<int32_t>());
  else
    compare(a.as<int64_t>(), b.as<int64_t>());
  return largest;
}

void compareValues(const FileTensor &a, const FileTensor &b, WeightDifference &difference) {
  if (a.bytes.empty() || b.bytes.empty() || a.bytes == b.bytes)
    return;
  ++difference.otherValues;
  const double by = largestDifference(a, b);
  if (difference.most.empty() || by > difference.by) {
    difference.most = a.name;
    difference.by = by;
  }
}

std::string classesOf(const TensorFile &file) {
  auto found = file.metadata.find(classesKey);
  return found == file.metadata.end() ? "" : found->second;
}

} // namespace

WeightDifference compareWeights(const TensorFile &a, const TensorFile &b) {
  WeightDifference difference;
  std::set<std::string> names;
  for (const FileTensor &tensor : a.tensors) {
    names.insert(tensor.name);
    const FileTensor *other = b.find(tensor.name);
    if (!other || other->type != tensor.type || other->shape != tensor.shape) {
      difference.tensors.push_back({&tensor, other});
      continue;
    }
    ++difference.alike;
    compareValues(tensor, *other, difference);
  }
  for (const FileTensor &tensor : b.tensors)
    if (!names.contains(tensor.name))
      difference.tensors.push_back({nullptr, &tensor});
  difference.classesA = classesOf(a);
  difference.classesB = classesOf(b);
  return difference;
}

std::string describe(const WeightDifference &difference) {
  auto side = [](const FileTensor *tensor) { return tensor ? describe(tensor->type, tensor->shape) : "-"; };
  std::vector<std::vector<std::string>> rows = {{"tensor", "A", "B"}};
  for (const TensorPair &pair : difference.tensors)
    rows.push_back({pair.name(), side(pair.a), side(pair.b)});
  std::string text = fmt::format("{} tensors have one name and shape, {} have not\n", difference.alike,
                                 difference.tensors.size());
  if (!difference.tensors.empty())
    text += "\n" + inColumns(rows);
  if (difference.otherValues > 0)
    text += fmt::format("\n{} of the tensors of one shape hold other values, {} by most: {:.6g}\n",
                        difference.otherValues, difference.most, difference.by);
  if (difference.classesA != difference.classesB)
    text += "\nthe names of their classes differ\n";
  return text;
}

} // namespace kinema
