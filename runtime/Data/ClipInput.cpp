#include "runtime/Data/ClipInput.h"

#include "runtime/Data/FlowInput.h"
#include "runtime/Support/Error.h"

namespace kinema {
namespace {

// Is the colours themselves, normalised.
class RgbInput : public ClipInput {
public:
  explicit RgbInput(const DataRecipe &data) : transform(data.mean, data.std) {}

  void make(const InputFrames &frames, float *tensor) const override {
    transform.apply(frames.pictures, frames.view, frames.crop, tensor);
  }

private:
  ClipTransform transform;
};

// Is the brightness of the colours. Its mean is exactly that of the colours' means; its standard deviation is
// taken to be that of colours that rise and fall together, which they nearly do.
class GrayInput : public ClipInput {
public:
  explicit GrayInput(const DataRecipe &data) {
    checkNormalisation(data.mean, data.std);
    auto grayOfAll = [](const std::vector<double> &of) {
      return grayOf(static_cast<float>(of[0]), static_cast<float>(of[1]), static_cast<float>(of[2]));
    };
    mean = grayOfAll(data.mean);
    scale = 1 / grayOfAll(data.std);
  }

  void make(const InputFrames &frames, float *tensor) const override {
    const int64_t pixels = int64_t{frames.crop.height} * frames.crop.width;
    const FrameCutter cutter(frames.view, frames.crop);
    std::vector<float> colours(static_cast<size_t>(3 * pixels));
    const float *red = colours.data(), *green = red + pixels, *blue = green + pixels;
    for (const uint8_t *picture : frames.pictures) {
      cutter.apply(picture, pixels, colours.data());
      for (int64_t i = 0; i < pixels; ++i)
        *tensor++ = (grayOf(red[i], green[i], blue[i]) - mean) * scale;
    }
  }

private:
  float mean, scale;
};

template <typename Input>
std::unique_ptr<ClipInput> makeOf(const InputForm &form, const DataRecipe &data, const std::string &flow) {
  if constexpr (std::is_constructible_v<Input, const DataRecipe &>)
    return std::make_unique<Input>(data);
  else
    return std::make_unique<Input>(form, data, flow);
}

struct Maker {
  std::string_view kind;
  std::unique_ptr<ClipInput> (*make)(const InputForm &form, const DataRecipe &data, const std::string &flow);
};

constexpr Maker makers[] = {
    {"rgb", makeOf<RgbInput>}, {"gray", makeOf<GrayInput>}, {"flow", makeOf<FlowInput>}};

} // namespace

std::unique_ptr<ClipInput> makeClipInput(const InputForm &form, const DataRecipe &data,
                                         const std::string &flow) {
  if (const InputKind *kind = findInputKind(form.kind); kind && !kind->takes(form.channels))
    refuse("an input of kind {} has {}, found {}", form.kind, kind->wanted(), form.channels);
  for (const Maker &maker : makers)
    if (maker.kind == form.kind)
      return maker.make(form, data, flow);
  refuse("videos give no input of kind {}: compute its tensors yourself and use run", form.kind);
}

} // namespace kinema
