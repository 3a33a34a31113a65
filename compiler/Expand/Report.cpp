#include "compiler/Expand/Report.h"

using namespace kinema;
using namespace kinema::expansion;

static constexpr const char *axisNames[] = {"T", "H", "W"};

std::string expansion::differences(const Activation &a, const Activation &b, bool channels) {
  std::string text;
  auto add = [&](const char *axis, int64_t left, int64_t right) {
    if (left != right)
      text += (text.empty() ? "" : ", ") + std::string(axis) + " " + std::to_string(left) + " and " +
              std::to_string(right);
  };
  if (channels)
    add("C", a.channels(), b.channels());
  for (int axis = 0; axis < 3; ++axis)
    add(axisNames[axis], a.size()[axis], b.size()[axis]);
  return text;
}

std::string expansion::historyOf(const Activation &value, int axis) {
  std::string text = std::string(axisNames[axis]) + " is " + std::to_string(value.size()[axis]);
  if (value.input[axis] == value.size()[axis] || value.input[axis] == 0)
    return text;
  text += ": " + std::to_string(value.input[axis]) + " at the input";
  int64_t previous = 0; // the factor that the list of lines belongs to
  for (const Activation::Reduction &reduction : value.reductions) {
    int64_t factor = reduction.factor[axis];
    uint32_t line = reduction.where.line;
    if (factor == 1 || line == 0)
      continue;
    if (factor == previous)
      text += ", " + std::to_string(line);
    else
      text += (factor == 2 ? ", halved at lines " : ", divided by " + std::to_string(factor) + " at lines ") +
              std::to_string(line);
    previous = factor;
  }
  return text;
}

std::string expansion::withOrigin(std::string text, dsl::Location origin, dsl::Location error,
                                  const dsl::Sources &sources) {
  if (!origin.known() || origin == error)
    return text;
  std::string line = std::to_string(origin.line);
  text += origin.file == error.file ? ", from line " + line
                                    : ", from " + sources.path(origin.file).str() + ":" + line;
  return text + ": " + sources.statementAt(origin).str();
}
