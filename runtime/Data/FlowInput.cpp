#include "runtime/Data/FlowInput.h"

#include "runtime/Data/FlowLibrary.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace kinema {
namespace {

// Cuts the part of a field that a clip shows out of it.
class FieldCutter {
public:
  FieldCutter(const ClipView &view, PictureSize crop)
      : size(view.steady), region(scaled(view.region.height, view.picture.height, size.height, 1),
                                  scaled(view.region.width, view.picture.width, size.width, 1)),
        origin(
            std::min(scaled(view.origin.top, view.picture.height, size.height, 0),
                     size.height - region.height),
            std::min(scaled(view.origin.left, view.picture.width, size.width, 0), size.width - region.width)),
        flip(view.flip), crop(crop), resampler(region, crop) {}

  // axis: 0 for displacements to the right, 1 for those down; to: [crop.height, crop.width]
  void apply(const FlowField &field, int axis, float *to) const {
    const int64_t plane = int64_t{size.height} * size.width;
    const int64_t first = axis * plane + int64_t{origin.top} * size.width + origin.left;
    resampler.apply(field.data() + first, size.width, flip, to);
    const float growth = axis == 0 ? static_cast<float>(crop.width) / static_cast<float>(region.width)
                                   : static_cast<float>(crop.height) / static_cast<float>(region.height);
    const float scale = (axis == 0 && flip ? -growth : growth) / flowSteps;
    for (float &value : std::span(to, static_cast<size_t>(crop.height) * crop.width))
      value *= scale;
  }

private:
  // Returns a length in pictures of size `from` as one in pictures of size `to`, in whole pixels.
  static int scaled(int length, int from, int to, int least) {
    return from == to ? length
                      : std::clamp(static_cast<int>(std::lround(double(length) * to / from)), least, to);
  }

  PictureSize size, region;
  CropOrigin origin;
  bool flip;
  PictureSize crop;
  Resampler resampler;
};

} // namespace

FlowInput::FlowInput(const InputForm &form, const DataRecipe &data, const std::string &folder)
    : fields(form.channels / 2), data(data) {
  if (folder.empty())
    requireFlow();
  else
    store.emplace(folder, data);
}

void FlowInput::make(const InputFrames &frames, float *tensor) const {
  const PictureSize size = frames.view.steady;
  const std::unique_ptr<FlowFile> file = store ? store->open(frames.content, size) : nullptr;
  std::map<std::pair<int64_t, int64_t>, FlowField> known; // the fields of neighbouring frames overlap
  auto fieldAt = [&](size_t i) -> const FlowField & {
    const int64_t from = frames.numbers[i], to = frames.numbers[i + 1];
    auto [field, isNew] = known.try_emplace({from, to});
    if (isNew && from == to)
      field->second.assign(static_cast<size_t>(flowNumbers(size)), 0);
    else if (isNew)
      field->second =
          file ? file->read(from, to) : flowBetween(data, size, frames.pictures[i], frames.pictures[i + 1]);
    return field->second;
  };
  const FieldCutter cutter(frames.view, frames.crop);
  const int64_t pixels = int64_t{frames.crop.height} * frames.crop.width, near = around().count();
  const int64_t count = static_cast<int64_t>(frames.numbers.size()) / near; // T
  for (int64_t t = 0; t < count; ++t)
    for (int64_t k = 0; k < fields; ++k) {
      const FlowField &field = fieldAt(static_cast<size_t>(t * near + k));
      for (int axis = 0; axis < 2; ++axis)
        cutter.apply(field, axis, tensor + ((2 * k + axis) * count + t) * pixels);
    }
}

} // namespace kinema
