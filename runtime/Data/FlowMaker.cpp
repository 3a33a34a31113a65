#include "runtime/Data/FlowMaker.h"

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/FlowLibrary.h"
#include "runtime/Data/FlowStore.h"
#include "runtime/Data/VideoFile.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <span>

namespace kinema {
namespace {

// So many bytes of frames are decoded in one go, at the least two frames.
constexpr int64_t framesMemory = int64_t{16} << 20;

// Says that a video is at fault, rather than the folder or this machine.
struct VideoFault : Error {
  using Error::Error;
};

// Does what may fail because of a video. Memory is short, too, where a file asks for much.
template <typename Action> void withVideo(const std::string &path, const Action &action) {
  try {
    action();
  } catch (const std::exception &error) {
    throw VideoFault(fmt::format("{}: {}", path, withoutName(error.what(), path)));
  }
}

class Maker {
public:
  Maker(const VideoList &list, const DataRecipe &data, const std::string &folder)
      : list(list), data(data), store(folder, data), implementation(flowImplementation()) {}

  // Finds or computes the flow of a video.
  void make(int64_t video);

  FlowReport report;

private:
  std::unique_ptr<VideoReader> open(int64_t video, FlowDescription &wanted) const;
  bool begin(uint64_t content);
  bool isThere(const FlowDescription &wanted);
  void compute(VideoReader &reader, const FlowDescription &wanted) const;
  void count(const FlowDescription &description, int64_t FlowReport::*kind);

  const VideoList &list;
  const DataRecipe &data;
  const FlowStore store;
  const std::string implementation;
  std::mutex mutex;         // guards `report` and `begun`
  std::set<uint64_t> begun; // contents that a thread has taken, since several videos may be the same file
};

// Opens a video and says which flow of it is wanted.
std::unique_ptr<VideoReader> Maker::open(int64_t video, FlowDescription &wanted) const {
  const std::string &path = list.videos[video].path, &name = list.videos[video].name;
  if (auto known = list.unreadable.find(video); known != list.unreadable.end())
    throw VideoFault(fmt::format("{}: {}", path, withoutName(known->second, path)));
  std::unique_ptr<VideoReader> reader;
  withVideo(path, [&] {
    wanted.content = contentOf(list, video);
    const bool isIndexed = list.index && list.indexed[video];
    reader = std::make_unique<VideoReader>(path, isIndexed ? list.index->frames(name) : nullptr);
  });
  const VideoInfo &info = reader->info();
  wanted.size = scaledSize({info.height, info.width}, data.shortSide, data.resize);
  wanted.recipe = store.settings();
  wanted.implementation = implementation;
  return reader;
}

// Returns whether the content has not been taken before.
bool Maker::begin(uint64_t content) {
  std::lock_guard lock(mutex);
  return begun.insert(content).second;
}

// Returns whether the flow is there already. Flow that was computed in another way is never overwritten.
bool Maker::isThere(const FlowDescription &wanted) {
  const std::string path = store.pathOf(wanted.content);
  if (!std::filesystem::exists(path))
    return false;
  try {
    FlowFile file(path);
  } catch (const Error &error) {
    std::lock_guard lock(mutex);
    report.damaged.push_back(error.what());
    return false;
  }
  const std::string before = store.open(wanted.content, wanted.size)->description().implementation;
  if (before != implementation)
    fail("{}: the flow was computed by {}, and here there is {}, whose bits may be others; compute it into "
         "another folder",
         path, before, implementation);
  return true;
}

// Lists the video's frames at the recipe's rate, each once.
std::vector<int64_t> framesOf(const VideoReader &reader, double rate) {
  std::vector<int64_t> frames;
  for (int64_t number = 0; number < reader.countAtRate(rate); ++number)
    if (int64_t frame = reader.frameAtRate(rate, number); frames.empty() || frame != frames.back())
      frames.push_back(frame);
  return frames;
}

void Maker::compute(VideoReader &reader, const FlowDescription &wanted) const {
  const auto &[height, width] = wanted.size;
  const std::vector<int64_t> frames = framesOf(reader, data.fps);
  const size_t frameBytes = size_t{3} * height * width;
  const size_t together = std::max<size_t>(1, framesMemory / frameBytes);
  FlowWriter file(store.pathOf(wanted.content), wanted);
  std::vector<uint8_t> pictures; // the last frame of those before, then the next ones
  withVideo(reader.info().file, [&] { pictures.resize((1 + together) * frameBytes); });
  uint8_t *next = pictures.data() + frameBytes;
  for (size_t first = 0; first < frames.size(); first += together) {
    const auto some = std::span(frames).subspan(first, std::min(together, frames.size() - first));
    withVideo(reader.info().file, [&] { reader.read(some, height, width, next); });
    for (size_t i = first == 0 ? 1 : 0; i < some.size(); ++i) {
      const uint8_t *to = next + i * frameBytes;
      file.add(frames[first + i - 1], frames[first + i], flowBetween(data, wanted.size, to - frameBytes, to));
    }
    std::memcpy(pictures.data(), next + (some.size() - 1) * frameBytes, frameBytes);
  }
  file.commit();
}

void Maker::count(const FlowDescription &description, int64_t FlowReport::*kind) {
  const auto file = store.open(description.content, description.size);
  std::lock_guard lock(mutex);
  ++(report.*kind);
  report.fields += file->fields();
  report.bytes += file->bytes();
}

void Maker::make(int64_t video) {
  try {
    FlowDescription wanted;
    const std::unique_ptr<VideoReader> reader = open(video, wanted);
    if (!begin(wanted.content))
      return;
    const bool known = isThere(wanted);
    if (!known)
      compute(*reader, wanted);
    count(wanted, known ? &FlowReport::known : &FlowReport::made);
  } catch (const VideoFault &fault) {
    std::lock_guard lock(mutex);
    report.problems.emplace_back(fault.what());
  }
}

} // namespace

FlowReport makeFlow(const VideoList &list, const DataRecipe &data, const std::string &folder, int threads,
                    const ProgressCallback &progress) {
  for (const LabelledVideo &video : list.videos)
    requireDecoder(video.path);
  Maker maker(list, data, folder);
  removeLeftoversIn(folder, FlowStore::extension);
  const auto total = static_cast<int64_t>(list.videos.size());
  std::mutex mutex; // guards `done` and `progress`
  int64_t done = 0;
  runInParallel(total, threads, [&](int64_t video) {
    maker.make(video);
    std::lock_guard lock(mutex);
    ++done;
    if (progress)
      progress(done, total);
  });
  std::ranges::sort(maker.report.problems);
  return std::move(maker.report);
}

} // namespace kinema
