#include "runtime/Data/MotionVideos.h"

#include "runtime/Data/FFmpeg.h"
#include "runtime/Data/MotionScene.h"
#include "runtime/Data/MotionSprites.h"
#include "runtime/Data/Workers.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Random.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

namespace kinema {

namespace fs = std::filesystem;

namespace {

struct Split {
  const char *name;
  const char *sprites; // what the names of their files begin with
  int64_t videos;      // of each class
};

// A class of the set. What a label leaves open is drawn for each video.
struct VideoClass {
  std::string name;
  std::optional<MotionClass> motion;
  std::optional<int> kind; // of thing that the sprite shows
};

// Classes that share their scenes, neighbours among all.
struct ClassGroup {
  size_t first = 0, count = 0;
};

// A SceneJob is the making of one scene, which gives a video for each class of a group.
struct SceneJob {
  int split = 0;
  size_t group = 0;
  int64_t number = 0;
};

std::vector<VideoClass> classesOf(const MotionOptions &options) {
  std::vector<VideoClass> classes;
  const auto addMotions = [&](std::optional<int> kind) {
    for (const MotionClass &motion : motionClasses(options.family))
      classes.push_back(
          {kind ? fmt::format("{}_{}", motion.name, spriteKinds()[*kind]) : motion.name, motion, kind});
  };
  const int all = options.label == MotionLabel::Both ? 3 : static_cast<int>(spriteKinds().size());
  const int kinds = options.kinds ? options.kinds : all;
  if (options.label == MotionLabel::Motion)
    addMotions({});
  for (int kind = 0; kind < kinds && options.label == MotionLabel::Both; ++kind)
    addMotions(kind);
  for (int kind = 0; kind < kinds && options.label == MotionLabel::Appearance; ++kind)
    classes.push_back({spriteKinds()[kind], {}, kind});
  return classes;
}

std::vector<ClassGroup> groupsOf(const std::vector<VideoClass> &classes) {
  std::vector<ClassGroup> groups;
  for (size_t label = 0; label < classes.size(); ++label) {
    const VideoClass &at = classes[label];
    const bool same = label > 0 && at.motion && at.kind == classes[label - 1].kind &&
                      at.motion->motion == classes[label - 1].motion->motion;
    if (same)
      ++groups.back().count;
    else
      groups.push_back({label, 1});
  }
  return groups;
}

class Maker {
public:
  explicit Maker(const MotionOptions &options)
      : options(options), classes(classesOf(options)), groups(groupsOf(classes)),
        splits{{"train", "train", options.train}, {"test", "t10k", options.test}} {}

  MotionSummary run(const ProgressCallback &progress);

private:
  void checkOptions() const;
  void claimDirectory() const;
  std::string description() const;
  std::vector<SceneJob> jobs() const;
  void makeScene(const SceneJob &job);
  int64_t encode(const MotionScene &scene, PlayingOrder order, const fs::path &file) const;
  std::string videoName(int split, size_t label, int64_t number) const;
  void writeText(const char *name, const std::string &text) const;
  void writeLists() const;
  std::string aboutClasses() const;
  void writeReadme() const;

  MotionOptions options;
  std::vector<VideoClass> classes;
  std::vector<ClassGroup> groups;
  Split splits[2];
  std::optional<MotionSprites> sprites[2];
  std::optional<MotionTextures> textures;
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
  inRange("the number of kinds", options.kinds, 0, static_cast<int64_t>(spriteKinds().size()));
  inRange("the number of other sprites", options.difficulty.others, 0, 8);
  inRange("the number of bars", options.difficulty.bars, 0, 8);
  if (const std::string why = whyNotFrames(options.family, options.frames); !why.empty())
    refuse("make-motion: {}", why);
  if (options.kinds && options.label == MotionLabel::Motion)
    refuse("make-motion: --kinds says how many kinds of sprites are told apart, but the label is the motion "
           "alone");
  auto share = [](const char *name, double value, double high) {
    if (!(value >= 0 && value <= high))
      refuse("make-motion: {} is {}; it must be from 0 to {}", name, value, high);
  };
  share("the share of the camera", options.difficulty.camera, 1);
  share("the noise", options.difficulty.noise, 128);
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
  // What is not asked for is left out, so that folders made before there was a choice can be completed.
  if (options.family != MotionFamily::Pairs)
    json["family"] = nameOf(options.family);
  if (options.label != MotionLabel::Motion)
    json["label"] = options.label == MotionLabel::Both ? "both" : "appearance";
  if (options.kinds)
    json["kinds"] = options.kinds;
  const MotionDifficulty &difficulty = options.difficulty;
  if (difficulty.others)
    json["others"] = difficulty.others;
  if (difficulty.camera > 0)
    json["camera"] = difficulty.camera;
  if (difficulty.bars)
    json["bars"] = difficulty.bars;
  if (difficulty.noise > 0)
    json["noise"] = difficulty.noise;
  if (textures)
    json["textures"] = textures->digest();
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
  return fmt::format("{}/{}/{:04}.mp4", splits[split].name, classes[label].name, number);
}

std::vector<SceneJob> Maker::jobs() const {
  std::vector<SceneJob> jobs;
  for (int split = 0; split < 2; ++split)
    for (int64_t number = 0; number < splits[split].videos; ++number)
      for (size_t group = 0; group < groups.size(); ++group)
        jobs.push_back({split, group, number});
  return jobs;
}

// Writes the video and returns the bytes of its file.
int64_t Maker::encode(const MotionScene &scene, PlayingOrder order, const fs::path &file) const {
  const fs::path part = file.string() + ".part";
  ffmpeg::H264Options format;
  format.width = options.width;
  format.height = options.height;
  format.fps = options.fps;
  ffmpeg::H264Output output(part.string(), format);
  std::vector<uint8_t> rgb(static_cast<size_t>(options.height) * options.width * 3);
  for (int frame = 0; frame < options.frames; ++frame) {
    scene.render(frame, rgb.data(), order);
    output.write(rgb.data());
  }
  output.finish();
  const int64_t bytes = static_cast<int64_t>(fs::file_size(part));
  fs::rename(part, file);
  return bytes;
}

void Maker::makeScene(const SceneJob &job) {
  const MotionSprites &pool = *sprites[job.split];
  const ClassGroup group = groups[job.group];
  const uint64_t scene = static_cast<uint64_t>(job.split) << 40 | static_cast<uint64_t>(job.group) << 32 |
                         static_cast<uint64_t>(job.number);
  const uint64_t choice = random::stream(random::Purpose::Motion, uint64_t{1} << 47 | scene);
  auto below = [&](uint64_t count, uint64_t counter) {
    return static_cast<int64_t>(random::below(count, options.seed, choice, counter));
  };
  const VideoClass &shared = classes[group.first];
  const int64_t first =
      shared.kind ? pool.of(*shared.kind)[below(pool.of(*shared.kind).size(), 0)] : below(pool.count(), 0);
  SceneProps props;
  for (int i = 0; i < options.difficulty.others; ++i)
    props.others.push_back(pool[below(pool.count(), 1 + i)]);
  if (textures) {
    const std::vector<const Texture *> pictures = textures->of(job.split);
    props.texture = pictures[below(pictures.size(), 17)];
  }
  const auto motions = motionClasses(options.family);
  const MotionClass any = motions[below(motions.size(), 16)];
  std::optional<MotionScene> drawn;
  for (size_t label = group.first; label < group.first + group.count; ++label) {
    const MotionClass &motion = classes[label].motion.value_or(any);
    const fs::path file = fs::path(options.directory) / videoName(job.split, label, job.number);
    int64_t bytes = -1;
    if (!fs::exists(file)) {
      if (!drawn)
        drawn.emplace(motion.motion, pool[first], PictureSize{options.height, options.width}, options.frames,
                      options.seed, scene, options.difficulty, props);
      bytes = encode(*drawn, motion.order, file);
    }
    std::lock_guard lock(mutex);
    bytes < 0 ? ++summary.kept : ++summary.written;
    summary.bytes += std::max<int64_t>(bytes, 0);
  }
}

void Maker::writeLists() const {
  std::string names;
  for (const VideoClass &each : classes)
    names += fmt::format("{}\n", each.name);
  writeText("classes.txt", names);
  for (int split = 0; split < 2; ++split) {
    std::string list;
    for (int64_t number = 0; number < splits[split].videos; ++number)
      for (size_t label = 0; label < classes.size(); ++label)
        list += fmt::format("{} {}\n", videoName(split, label, number), label);
    if (!list.empty())
      writeText(fmt::format("{}.txt", splits[split].name).c_str(), list);
  }
}

std::string Maker::aboutClasses() const {
  const char *order = "A network that does not\nsee the order of frames can therefore only guess among the "
                      "classes of a group.\n";
  if (options.label == MotionLabel::Appearance)
    return "The label is what the sprite shows; it moves in any way.\n";
  if (options.family == MotionFamily::Pairs && options.label == MotionLabel::Motion)
    return "The classes (classes.txt) come in pairs: right/left, down/up, clockwise/counterclockwise,\n"
           "zoom_in/zoom_out, slide_then_grow/shrink_then_slide. Video NUMBER of the second class of a "
           "pair shows\nthe frames of video NUMBER of the first in opposite order. A network that does "
           "not see the order of frames\ncan therefore not tell the two apart: it gets half of them "
           "right.\n";
  std::string text =
      "Videos of the same NUMBER show the same frames in different orders in these groups of classes:\n";
  for (const ClassGroup &group : groups)
    for (size_t i = 0; i < group.count; ++i)
      text += (i ? ", " : "  ") + classes[group.first + i].name + (i + 1 == group.count ? "\n" : "");
  return text + order;
}

void Maker::writeReadme() const {
  const char *label[] = {"the\nmotion alone", "what\nthey show", "what they\nshow and their motion"};
  writeText(
      "README.txt",
      fmt::format("Motion videos: sprites of Fashion-MNIST over textured backgrounds. The label is {}.\n\n"
                  "{} training and {} test videos a class, {} frames of {}x{} at {} a second, seed {}.\n"
                  "The test videos show sprites that occur in no training video.\n\n"
                  "{}\n"
                  "Train without horizontal flips (flip 0): a flipped 'right' is a 'left'.\n"
                  "Made by `kinema data make-motion` with the options in motion.json.\n",
                  label[static_cast<int>(options.label)], options.train, options.test, options.frames,
                  options.height, options.width, options.fps, options.seed, aboutClasses()));
}

MotionSummary Maker::run(const ProgressCallback &progress) {
  checkOptions();
  for (int split = 0; split < 2; ++split)
    if (splits[split].videos > 0)
      sprites[split].emplace(options.sprites, splits[split].sprites, options.label != MotionLabel::Motion);
  if (!options.textures.empty())
    textures.emplace(options.textures, PictureSize{options.height, options.width});
  claimDirectory();
  for (int split = 0; split < 2; ++split)
    for (const VideoClass &each : classes)
      if (splits[split].videos > 0)
        fs::create_directories(fs::path(options.directory) / splits[split].name / each.name);
  const std::vector<SceneJob> scenes = jobs();
  const int64_t total = static_cast<int64_t>(classes.size()) * (options.train + options.test);
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
