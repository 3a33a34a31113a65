#include "runtime/Data/FrameClip.h"

#include "runtime/Data/ClipInput.h"
#include "runtime/Data/ClipSampler.h"
#include "runtime/Data/Resampler.h"
#include "runtime/Support/Error.h"

#include <cmath>

namespace kinema {
namespace {

int64_t pixelsOf(PictureSize size) { return int64_t{size.height} * size.width; }

// Scales frames; returns [count, to.height, to.width, 3].
std::vector<uint8_t> scaled(const DecodedFrames &frames, PictureSize to) {
  const Resampler resampler(frames.size, to);
  const int64_t pixels = pixelsOf(to);
  std::vector<float> planes(static_cast<size_t>(3 * pixels));
  std::vector<uint8_t> result;
  result.reserve(static_cast<size_t>(3 * pixels * frames.count));
  for (int64_t frame = 0; frame < frames.count; ++frame) {
    resampler.apply(frames.pixels + frame * 3 * pixelsOf(frames.size), frames.size.width, false, pixels,
                    planes.data());
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t colour = 0; colour < 3; ++colour)
        result.push_back(static_cast<uint8_t>(std::lround(planes[colour * pixels + pixel])));
  }
  return result;
}

} // namespace

void makeClip(const Manifest &manifest, const InputTensor &input, const DecodedFrames &frames,
              std::span<float> clip) {
  const Recipe &recipe = manifest.recipe;
  if (frames.count != recipe.data.frames)
    refuse("a clip of {} has {} frames, and was given {}", manifest.name, recipe.data.frames, frames.count);
  const std::unique_ptr<ClipInput> maker = makeClipInput(input.form(), recipe.data);
  if (maker->around().count() != 1)
    refuse("input {} is made of the frames around those of a clip: a loader makes it, of a video",
           input.name);
  constexpr int64_t videos = 1;
  const ClipSampler sampler =
      ClipSampler::evaluation(recipe.data, recipe.eval, videos, recipe.train.seed, maker->around());
  const ClipView view = sampler.view(ClipDraw(), frames.size);
  const PictureSize size = maker->pictureSize(view);
  std::vector<uint8_t> memory;
  if (size != frames.size)
    memory = scaled(frames, size);
  const uint8_t *first = memory.empty() ? frames.pixels : memory.data();
  std::vector<int64_t> numbers;
  std::vector<const uint8_t *> pictures;
  for (int64_t t = 0; t < input.form().frames; ++t) {
    numbers.push_back(t * input.every);
    pictures.push_back(first + numbers.back() * 3 * pixelsOf(size));
  }
  maker->make({numbers, pictures, 0, view, sampler.crop()}, clip.data());
}

} // namespace kinema
