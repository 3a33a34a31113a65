// Makes inputs of kind flow: at each frame of a clip, the fields of optical flow from it to the next frame of
// the video, from that to the one after it, and so on.
#pragma once

#include "runtime/Data/ClipInput.h"
#include "runtime/Data/FlowField.h"
#include "runtime/Data/FlowStore.h"

#include <optional>
#include <string>

namespace kinema {

// Fields are computed of the frames, or taken from a folder where they were computed beforehand, which gives
// the same bits. They are computed of whole frames, scaled by `data.resize` or `data.short` alone. The part
// of them that a clip shows is scaled to the crop, and its displacements with it; where the clip is flipped,
// those to the right become ones to the left. Colours change nothing.
class FlowInput : public ClipInput {
public:
  // `folder` is that of the stored flow, or empty. Throws Error where flow can be neither read nor computed.
  FlowInput(const InputForm &form, const DataRecipe &data, const std::string &folder);

  FramesAround around() const override { return {.behind = fields}; }
  Source source() const override { return store ? Source::Content : Source::Pictures; }
  PictureSize pictureSize(const ClipView &view) const override { return view.steady; }

  // tensor: [2 k, T, crop.height, crop.width]: of each of the k fields, the displacements to the right and
  // those down, as shares of data.flow_bound
  void make(const InputFrames &frames, float *tensor) const override;

private:
  int64_t fields; // k
  DataRecipe data;
  std::optional<FlowStore> store;
};

} // namespace kinema
