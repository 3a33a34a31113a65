#include "runtime/Data/FlowField.h"

#include "runtime/Data/Colours.h"
#include "runtime/Data/FlowLibrary.h"

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

std::vector<uint8_t> grayPicture(PictureSize size, const uint8_t *rgb) {
  std::vector<uint8_t> gray(static_cast<size_t>(size.height) * size.width);
  for (uint8_t &pixel : gray) {
    pixel = static_cast<uint8_t>(std::lrintf(grayOf(rgb[0], rgb[1], rgb[2])));
    rgb += 3;
  }
  return gray;
}

} // namespace

FlowField flowBetween(const DataRecipe &data, PictureSize size, const uint8_t *from, const uint8_t *to) {
  const std::vector<uint8_t> first = grayPicture(size, from), second = grayPicture(size, to);
  std::vector<float> displacements(static_cast<size_t>(flowNumbers(size)));
  computeFlow(data, size, first.data(), second.data(), displacements.data());
  const auto bound = static_cast<float>(data.flowBound);
  const float scale = flowSteps / bound;
  FlowField field(displacements.size());
  const size_t pixels = first.size();
  for (size_t i = 0; i < pixels; ++i)
    for (size_t axis = 0; axis < 2; ++axis)
      field[axis * pixels + i] =
          static_cast<int8_t>(std::lrintf(std::clamp(displacements[2 * i + axis], -bound, bound) * scale));
  return field;
}

} // namespace kinema
