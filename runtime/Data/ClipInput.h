// Makes the tensors of a network's inputs of a clip's frames. All inputs of a clip are made of the same
// frames and get the same crop, flip and colours.
//
// A kind of input is a class derived from ClipInput, a row of the table in ClipInput.cpp, and one of
// `inputKinds` (runtime/Package/InputKinds.h). It asks for the frames that it needs around each of its own by
// `around`; those are decoded with the clip's, once for all inputs, and `make` gets them.
#pragma once

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/FramesAround.h"
#include "runtime/Package/InputKinds.h"

#include <memory>

namespace kinema {

// Holds the frames of one input of a clip, and says what becomes of them.
struct InputFrames {
  // [T, around().count()], in the video's order: each of the input's T frames with those around it. A picture
  // is [view.picture.height, view.picture.width, 3]. At a video's ends, its first or last frame stands for
  // those that there are none of.
  std::span<const uint8_t *const> pictures;
  const ClipView &view;
  PictureSize crop;
};

// A ClipInput is one input of a network. Its functions are called by several threads at once.
class ClipInput {
public:
  virtual ~ClipInput() = default;

  virtual FramesAround around() const { return {}; }

  // tensor: [C, T, crop.height, crop.width]; every value is written. Throws Error (without the video's name)
  // where no tensor can be made of these frames, which leaves the clip out.
  virtual void make(const InputFrames &frames, float *tensor) const = 0;
};

// Makes an input of the form's kind. Throws Error with status 2 where videos give no such input, or where
// `data` contradicts itself.
std::unique_ptr<ClipInput> makeClipInput(const InputForm &form, const DataRecipe &data);

} // namespace kinema
