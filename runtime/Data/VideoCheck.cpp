#include "runtime/Data/VideoCheck.h"

#include "runtime/Data/Workers.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace kinema {

int64_t CheckReport::unreadable() const {
  return std::count_if(videos.begin(), videos.end(),
                       [](const CheckedVideo &video) { return !video.problem.empty(); });
}

static CheckedVideo checkVideo(const std::string &path) {
  CheckedVideo checked;
  checked.info.file = path;
  try {
    VideoReader reader(path);
    checked.info = reader.info();
    const int64_t ends[] = {0, checked.info.frames - 1};
    constexpr int small = 16;
    bool scales = !UncompressedVideo::hasName(path);
    int height = scales ? small : checked.info.height, width = scales ? small : checked.info.width;
    std::vector<uint8_t> rgb(size_t(2) * height * width * 3);
    reader.read(ends, height, width, rgb.data());
  } catch (const std::exception &error) {
    checked.problem = error.what();
  }
  return checked;
}

CheckReport checkVideos(const VideoList &list, int threads, const ProgressCallback &progress) {
  CheckReport report;
  report.videos.resize(list.videos.size());
  const int64_t total = static_cast<int64_t>(list.videos.size());
  for (const LabelledVideo &video : list.videos)
    requireDecoder(video.path);
  std::mutex mutex; // guards `done` and `progress`
  int64_t done = 0;
  runInParallel(total, threads, [&](int64_t video) {
    report.videos[video] = checkVideo(list.videos[video].path);
    std::lock_guard lock(mutex);
    ++done;
    if (progress)
      progress(done, total);
  });
  return report;
}

namespace {

template <typename Value> struct Range {
  Value low{}, high{};
  bool empty = true;

  void add(Value value) {
    low = empty ? value : std::min(low, value);
    high = empty ? value : std::max(high, value);
    empty = false;
  }
};

std::string counts(const std::map<std::string, int64_t> &numbers) {
  std::vector<std::string> parts;
  for (const auto &[name, number] : numbers)
    parts.push_back(fmt::format("{} {}", name, number));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string remarks(const VideoInfo &info, int64_t clipFrames) {
  std::vector<std::string> parts;
  if (info.truncated)
    parts.push_back(fmt::format("truncated: only {} frames can be read", info.frames));
  if (info.frames < clipFrames)
    parts.push_back(
        fmt::format("{} frames, fewer than a clip's {}: repeated from the start", info.frames, clipFrames));
  if (info.fps == 0)
    parts.push_back("no frame rate");
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Returns totals over the videos that can be read, as text.
std::string totals(const CheckReport &report, const VideoList &list) {
  std::map<std::string, int64_t> codecs, sizes;
  std::map<int32_t, int64_t> labels;
  Range<int64_t> frames;
  Range<double> fps;
  int64_t allFrames = 0;
  double seconds = 0;
  for (size_t i = 0; i < report.videos.size(); ++i) {
    const auto &[info, problem] = report.videos[i];
    if (!problem.empty())
      continue;
    ++codecs[info.codec];
    ++sizes[fmt::format("{}x{}", info.height, info.width)];
    ++labels[list.videos[i].label];
    frames.add(info.frames);
    fps.add(info.fps);
    allFrames += info.frames;
    seconds += info.seconds;
  }
  if (labels.empty())
    return "";
  Range<int64_t> perLabel;
  for (const auto &[label, number] : labels)
    perLabel.add(number);
  std::string text =
      fmt::format("frames: {} in all, {} to {} a video; {:.2f} to {:.2f} a second; {:.2f} hours\n", allFrames,
                  frames.low, frames.high, fps.low, fps.high, seconds / 3600);
  text += sizes.size() <= 8 ? fmt::format("sizes (H x W): {}\n", counts(sizes))
                            : fmt::format("sizes (H x W): {} different ones\n", sizes.size());
  text += fmt::format("codecs: {}\n", counts(codecs));
  text += fmt::format("labels: {} different ones, {} to {} videos each\n", labels.size(), perLabel.low,
                      perLabel.high);
  return text;
}

} // namespace

std::string describe(const CheckReport &report, const VideoList &list, int64_t clipFrames) {
  std::string text;
  for (const auto &[info, problem] : report.videos) {
    if (!problem.empty())
      text += fmt::format("unreadable: {}\n", problem);
    else if (std::string remark = remarks(info, clipFrames); !remark.empty())
      text += fmt::format("note: {}: {}\n", info.file, remark);
  }
  if (std::string remark = labelRemark(list); !remark.empty())
    text += fmt::format("note: {}\n", remark);
  text += totals(report, list);
  text += fmt::format("{}: {} videos, {} unreadable\n", list.file, report.videos.size(), report.unreadable());
  return text;
}

} // namespace kinema
