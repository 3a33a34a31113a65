#include "test/runtime/Data/VideoFiles.h"

#include "runtime/Data/FFmpeg.h"
#include "runtime/Data/MotionScene.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace kinema::test {

using ffmpeg::H264Options;
using ffmpeg::H264Output;

bool runFfmpeg(const std::string &arguments) {
  return std::system(("ffmpeg -nostdin -v error -y " + arguments).c_str()) == 0;
}

bool hasEncoder(const std::string &name) {
  return std::system(("ffmpeg -v error -encoders | grep -q ' " + name + " '").c_str()) == 0;
}

void makeVideo(const std::string &file, const std::string &arguments, int frames, const std::string &size) {
  if (!runFfmpeg(fmt::format("-f lavfi -i testsrc2=size={}:rate=25 -frames:v {} {} '{}'", size, frames,
                             arguments, file)))
    fail("{}: the ffmpeg command could not make it", file);
}

void makeH264(const std::string &file, int frames, int height, int width, uint64_t seed) {
  const uint8_t grey[] = {255};
  const MotionScene scene(Motion::Right, {1, grey}, {height, width}, std::max(2, frames), seed, 0);
  H264Options options;
  options.height = height;
  options.width = width;
  options.keyInterval = 8;
  H264Output output(file, options);
  std::vector<uint8_t> rgb(static_cast<size_t>(height) * width * 3);
  for (int frame = 0; frame < frames; ++frame) {
    scene.render(frame, rgb.data());
    output.write(rgb.data());
  }
  output.finish();
}

std::vector<uint8_t> decodeWithCommand(const std::string &file, const TemporaryFolder &folder,
                                       PictureSize size) {
  const std::string raw = folder / "decoded.rgb";
  if (!runFfmpeg(fmt::format("-i '{}' -map 0:v:0 -vsync passthrough "
                             "-sws_flags bilinear+accurate_rnd+bitexact+full_chroma_int+full_chroma_inp "
                             "{} -pix_fmt rgb24 -f rawvideo '{}'",
                             file, size.height ? fmt::format("-s {}x{}", size.width, size.height) : "", raw)))
    fail("{}: the ffmpeg command could not decode it", file);
  std::string bytes = readText(raw);
  return {bytes.begin(), bytes.end()};
}

std::string readText(const std::string &file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void writeText(const std::string &file, const std::string &text) {
  std::ofstream(file, std::ios::binary) << text;
}

} // namespace kinema::test
