#include "runtime/Data/MotionVideos.h"

#include "runtime/Data/FFmpeg.h"
#include "runtime/Data/MotionScene.h"
#include "runtime/Data/Workers.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Random.h"

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>

namespace kinema {

namespace fs = std::filesystem;

namespace {

struct Sprites {
  int side = 0;
  int64_t count = 0;
  std::vector<uint8_t> pixels; // [count, side, side]

  Sprite operator[](int64_t index) const { return {side, &pixels[static_cast<size_t>(index) * side * side]}; }
};

// Reads square pictures in MNIST's idx format: four big-endian 32-bit numbers (0x803, count, rows, columns),
// then the pixels.
Sprites readSprites(const std::string &file) {
  std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(file.c_str(), "rb"), gzclose);
  if (!stream)
    fail("{}: {}: the sprites come from Debian's package dataset-fashion-mnist; name another folder with "
         "--sprites",
         file, std::strerror(errno));
  auto read = [&](void *target, size_t bytes) {
    if (gzread(stream.get(), target, static_cast<unsigned>(bytes)) != static_cast<int>(bytes))
      fail("{}: the file is damaged or shorter than its header says", file);
  };
  uint8_t header[16];
  read(header, sizeof header);
  auto number = [&](int at) {
    return uint32_t{header[at]} << 24 | uint32_t{header[at + 1]} << 16 | uint32_t{header[at + 2]} << 8 |
           header[at + 3];
  };
  const uint32_t count = number(4), rows = number(8), columns = number(12);
  if (number(0) != 0x803 || count == 0 || count > 1'000'000 || rows != columns || rows == 0 || rows > 256)
    fail("{}: not a file of square pictures in idx format", file);
  Sprites sprites{static_cast<int>(rows), count, std::vector<uint8_t>(size_t{count} * rows * columns)};
  read(sprites.pixels.data(), sprites.pixels.size());
  return sprites;
}

struct Split {
  const char *name;
  const char *spriteFile;
  int64_t videos; // of each class
};

// A SceneJob is the making of one scene, which gives two videos, one for each class of a pair.
struct SceneJob {
  int split = 0;
  int pair = 0;
  int64_t number = 0;
};

class Maker {
public:
  explicit Maker(const MotionOptions &options)
      : options(options), splits{{"train", "train-images-idx3-ubyte.gz", options.train},
                                 {"test", "t10k-images-idx3-ubyte.gz", options.test}} {}

  MotionSummary run(const ProgressCallback &progress);

private:
  void checkOptions() const;
  void claimDirectory() const;
  std::string description() const;
  std::vector<SceneJob> jobs() const;
  void makeScene(const SceneJob &job);
  int64_t encode(const MotionScene &scene, bool backwards, const fs::path &file) const;
  std::string videoName(int split, size_t label, int64_t number) const;
  void writeText(const char *name, const std::string &text) const;
  void writeLists() const;
  void writeReadme() const;

  MotionOptions options;
  Split splits[2];
  std::optional<Sprites> sprites[2];
  std::mutex mutex; // guards the summary
  MotionSummary summary;
};

void Maker::checkOptions() const {
  if (options.directory.empty())
    refuse("make-motion needs a folder to write to");
  if (options.train < 0 || options.test < 0 || options.train + options.test == 0)
    refuse("make-motion: {} training and {} test videos a class: nothing to make", options.train,
           options.test);
  if (options.train > 1'000'000 || options.test > 1'000'000)
    refuse("make-motion: at most 1000000 videos a class");
  auto inRange = [](const char *name, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high)
      refuse("make-motion: {} is {}; it must be from {} to {}", name, value, low, high);
  };
  inRange("the height", options.height, 16, 4096);
  inRange("the width", options.width, 16, 4096);
  inRange("the number of frames", options.frames, 2, 10000);
  inRange("fps", options.fps, 1, 1000);
  if (options.height % 2 || options.width % 2)
    refuse("make-motion: the size {}x{} must be even in both directions for H.264", options.height,
           options.width);
}

// Lists what the videos depend on.
std::string Maker::description() const {
  nlohmann::ordered_json json = {{"format", "kinema motion 1"}, {"train", options.train},
                                 {"test", options.test},        {"size", {options.height, options.width}},
                                 {"frames", options.frames},    {"fps", options.fps},
                                 {"seed", options.seed}};
  return json.dump(2) + "\n";
}

void Maker::claimDirectory() const {
  const fs::path directory = options.directory;
  std::error_code error;
  if (fs::exists(directory) && !fs::is_directory(directory))
    refuse("{}: exists and is not a folder", options.directory);
  if (fs::exists(directory) && !fs::is_empty(directory, error)) {
    std::ifstream stream(directory / "motion.json");
    std::string found((std::istreambuf_iterator<char>(stream)), {});
    if (found == description())
      return;
    if (found.empty())
      refuse("{}: is not empty and not a folder of motion videos; choose another", options.directory);
    refuse("{}: holds motion videos made with other options (see its motion.json); remove it or choose "
           "another folder",
           options.directory);
  }
  makeDirectory(options.directory);
  writeText("motion.json", description());
}

void Maker::writeText(const char *name, const std::string &text) const {
  writeFile((fs::path(options.directory) / name).string(), text);
}

std::string Maker::videoName(int split, size_t label, int64_t number) const {
  return fmt::format("{}/{}/{:04}.mp4", splits[split].name, motionClasses()[label].name, number);
}

std::vector<SceneJob> Maker::jobs() const {
  std::vector<SceneJob> jobs;
  for (int split = 0; split < 2; ++split)
    for (int64_t number = 0; number < splits[split].videos; ++number)
      for (size_t pair = 0; pair < motionClasses().size() / 2; ++pair)
        jobs.push_back({split, static_cast<int>(pair), number});
  return jobs;
}

// Writes the video and returns the bytes of its file.
int64_t Maker::encode(const MotionScene &scene, bool backwards, const fs::path &file) const {
  const fs::path part = file.string() + ".part";
  ffmpeg::H264Options format;
  format.width = options.width;
  format.height = options.height;
  format.fps = options.fps;
  ffmpeg::H264Output output(part.string(), format);
  std::vector<uint8_t> rgb(static_cast<size_t>(options.height) * options.width * 3);
  for (int frame = 0; frame < options.frames; ++frame) {
    scene.render(backwards ? options.frames - 1 - frame : frame, rgb.data());
    output.write(rgb.data());
  }
  output.finish();
  const int64_t bytes = static_cast<int64_t>(fs::file_size(part));
  fs::rename(part, file);
  return bytes;
}

void Maker::makeScene(const SceneJob &job) {
  const Sprites &pool = *sprites[job.split];
  const uint64_t scene = static_cast<uint64_t>(job.split) << 40 | static_cast<uint64_t>(job.pair) << 32 |
                         static_cast<uint64_t>(job.number);
  const uint64_t choice = random::stream(random::Purpose::Motion, uint64_t{1} << 47 | scene);
  const Sprite sprite = pool[random::below(pool.count, options.seed, choice, 0)];
  std::optional<MotionScene> drawn;
  for (size_t label = job.pair * 2; label < job.pair * 2u + 2; ++label) {
    const MotionClass &motion = motionClasses()[label];
    const fs::path file = fs::path(options.directory) / videoName(job.split, label, job.number);
    int64_t bytes = -1;
    if (!fs::exists(file)) {
      if (!drawn)
        drawn.emplace(motion.motion, sprite, PictureSize{options.height, options.width}, options.frames,
                      options.seed, scene);
      bytes = encode(*drawn, motion.backwards, file);
    }
    std::lock_guard lock(mutex);
    bytes < 0 ? ++summary.kept : ++summary.written;
    summary.bytes += std::max<int64_t>(bytes, 0);
  }
}

void Maker::writeLists() const {
  std::string classes;
  for (const MotionClass &motion : motionClasses())
    classes += fmt::format("{}\n", motion.name);
  writeText("classes.txt", classes);
  for (int split = 0; split < 2; ++split) {
    std::string list;
    for (int64_t number = 0; number < splits[split].videos; ++number)
      for (size_t label = 0; label < motionClasses().size(); ++label)
        list += fmt::format("{} {}\n", videoName(split, label, number), label);
    if (!list.empty())
      writeText(fmt::format("{}.txt", splits[split].name).c_str(), list);
  }
}

void Maker::writeReadme() const {
  writeText("README.txt",
            fmt::format(
                "Motion videos: sprites of Fashion-MNIST over still, textured backgrounds. The label is the "
                "motion alone.\n\n"
                "{} training and {} test videos a class, {} frames of {}x{} at {} a second, seed {}.\n"
                "The test videos show sprites that occur in no training video.\n\n"
                "The classes (classes.txt) come in pairs: right/left, down/up, clockwise/counterclockwise,\n"
                "zoom_in/zoom_out, slide_then_grow/shrink_then_slide. Video NUMBER of the second class of a "
                "pair shows\nthe frames of video NUMBER of the first in opposite order. A network that does "
                "not see the order of frames\ncan therefore not tell the two apart: it gets half of them "
                "right.\n\n"
                "Train without horizontal flips (flip 0): a flipped 'right' is a 'left'.\n"
                "Made by `kinema data make-motion` with the options in motion.json.\n",
                options.train, options.test, options.frames, options.height, options.width, options.fps,
                options.seed));
}

MotionSummary Maker::run(const ProgressCallback &progress) {
  checkOptions();
  for (int split = 0; split < 2; ++split)
    if (splits[split].videos > 0)
      sprites[split] = readSprites((fs::path(options.sprites) / splits[split].spriteFile).string());
  claimDirectory();
  for (int split = 0; split < 2; ++split)
    for (const MotionClass &motion : motionClasses())
      if (splits[split].videos > 0)
        fs::create_directories(fs::path(options.directory) / splits[split].name / motion.name);
  const std::vector<SceneJob> scenes = jobs();
  const int64_t total = static_cast<int64_t>(scenes.size()) * 2;
  runInParallel(static_cast<int64_t>(scenes.size()), options.threads, [&](int64_t job) {
    makeScene(scenes[job]);
    std::lock_guard lock(mutex);
    if (progress)
      progress(summary.written + summary.kept, total);
  });
  writeReadme();
  writeLists();
  return summary;
}

} // namespace

MotionSummary makeMotionVideos(const MotionOptions &options, const ProgressCallback &progress) {
  try {
    return Maker(options).run(progress);
  } catch (const fs::filesystem_error &error) {
    fail("{}: {}", error.path1().string(), error.code().message());
  }
}

} // namespace kinema
