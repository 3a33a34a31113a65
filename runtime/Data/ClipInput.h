// Makes the tensors of a network's inputs of a clip's frames. All inputs of a clip are made of the same
// frames and get the same crop, flip and colours.
//
// A kind of input is a class derived from ClipInput, a row of the table in ClipInput.cpp, and one of
// `inputKinds` (runtime/Package/InputKinds.h). It asks for the frames that it needs around each of its own by
// `around`; those are decoded with the clip's, once for all inputs, and `make` gets them. One that takes what
// is stored of a video says so by `source`.
#pragma once

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/FramesAround.h"
#include "runtime/Package/InputKinds.h"

#include <memory>
#include <string>

namespace kinema {

// Holds the frames of one input of a clip, and says what becomes of them.
struct InputFrames {
  // [T, around().count()], in the video's order: each of the input's T frames with those around it, by their
  // numbers in the video. At a video's ends, its first or last frame stands for those that there are none of.
  std::span<const int64_t> numbers;
  // The same frames, of size pictureSize(view), [height, width, 3]; none where `source` is the content.
  std::span<const uint8_t *const> pictures;
  uint64_t content = 0; // the digest of the video's file, where `source` is the content
  const ClipView &view;
  PictureSize crop;
};

// A ClipInput is one input of a network. Its functions are called by several threads at once.
class ClipInput {
public:
  virtual ~ClipInput() = default;

  virtual FramesAround around() const { return {}; }

  // Says what the tensors are made of: the pictures, or what is stored under the digest of the video's
  // content.
  enum class Source { Pictures, Content };
  virtual Source source() const { return Source::Pictures; }

  // Returns the size to which the frames are scaled.
  virtual PictureSize pictureSize(const ClipView &view) const { return view.picture; }

  // tensor: [C, T, crop.height, crop.width]; every value is written. Throws Error (without the video's name)
  // where no tensor can be made of these frames, which leaves the clip out.
  virtual void make(const InputFrames &frames, float *tensor) const = 0;
};

// Makes an input of the form's kind; optical flow is taken from the folder `flow`, if it is named. Throws
// Error with status 2 where videos give no such input, or where `data` contradicts itself, and with status 1
// where this machine lacks what is needed for it.
std::unique_ptr<ClipInput> makeClipInput(const InputForm &form, const DataRecipe &data,
                                         const std::string &flow = "");

} // namespace kinema
