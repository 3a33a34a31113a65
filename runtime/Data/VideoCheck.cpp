#include "runtime/Data/VideoCheck.h"

#include "runtime/Data/VideoFile.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

namespace kinema {

int64_t CheckReport::unreadable() const {
  return std::count_if(videos.begin(), videos.end(),
                       [](const CheckedVideo &video) { return !video.problem.empty(); });
}

int64_t CheckReport::known() const {
  return std::count_if(videos.begin(), videos.end(), [](const CheckedVideo &video) { return video.known; });
}

namespace {

// Opens a video and decodes its ends. Throws Error.
void decodeEnds(const std::string &path, IndexEntry &entry) {
  VideoReader reader(path);
  entry.info = reader.info();
  entry.frames = *reader.index();
  const int64_t ends[] = {0, entry.info.frames - 1};
  constexpr int small = 16;
  bool scales = !UncompressedVideo::hasName(path);
  int height = scales ? small : entry.info.height, width = scales ? small : entry.info.width;
  std::vector<uint8_t> rgb(size_t(2) * height * width * 3);
  reader.read(ends, height, width, rgb.data());
}

class Checker {
public:
  Checker(const VideoList &list, const std::string &index) : list(list), index(index) {
    if (index.empty())
      return;
    entries = readIndex(index);
    part.emplace(index + ".part");
    for (const auto &[name, encoded] : part->before())
      entries.insert_or_assign(name, encoded);
  }

  CheckedVideo check(int64_t number);
  // Replaces the index by one that knows all that is known now.
  void finish() {
    if (!part)
      return;
    // Checks that were killed left these while they wrote; the part file keeps others out.
    for (const std::string &file : {index, badPath(index)})
      removeLeftovers(file);
    writeIndex(index, entries);
    part->remove();
  }

private:
  IndexEntry examine(const LabelledVideo &video, bool &known);
  std::optional<IndexEntry> before(const std::string &name, const FileStamp &stamp) {
    std::lock_guard lock(mutex);
    auto found = entries.find(name);
    return found == entries.end() ? std::nullopt : decode(found->second, stamp.bytes);
  }
  void keep(const IndexEntry &entry) {
    if (!part)
      return;
    std::string encoded = encode(entry);
    std::lock_guard lock(mutex);
    auto found = entries.find(entry.name);
    if (found != entries.end() && found->second == encoded)
      return;
    part->append(encoded);
    entries.insert_or_assign(entry.name, std::move(encoded));
  }

  const VideoList &list;
  std::string index;
  std::mutex mutex; // guards what follows
  IndexEntries entries;
  std::optional<IndexAppender> part;
};

// Finds out about a video; `known` becomes whether what was known of it still counts, which it does if the
// file is the same by its stamp or, after it was copied or touched, by its content. Throws where that cannot
// be said for good: the file is not there, or cannot be read to its end.
IndexEntry Checker::examine(const LabelledVideo &video, bool &known) {
  IndexEntry entry;
  entry.name = video.name;
  entry.stamp = stampOf(video.path);
  std::optional<IndexEntry> old = before(video.name, entry.stamp);
  known = old && entry.stamp.exists() && old->stamp == entry.stamp;
  if (known)
    return *std::move(old);
  if (part)
    entry.content = contentOf(video.path);
  known = old && old->stamp.bytes == entry.stamp.bytes && old->content == entry.content;
  if (known) {
    old->stamp = entry.stamp;
    return *std::move(old);
  }
  try {
    decodeEnds(video.path, entry);
  } catch (const TooSlow &) {
    throw;
  } catch (const Error &error) {
    if (!entry.stamp.exists())
      throw;
    entry.problem = withoutName(error.what(), video.path);
  }
  return entry;
}

CheckedVideo Checker::check(int64_t number) {
  const LabelledVideo &video = list.videos[number];
  CheckedVideo checked;
  checked.info.file = video.path;
  IndexEntry entry;
  try {
    entry = examine(video, checked.known);
  } catch (const std::exception &error) { // memory is short, too, where a file asks for much
    checked.problem = fmt::format("{}: {}", video.path, withoutName(error.what(), video.path));
    return checked;
  }
  keep(entry);
  checked.info = entry.info;
  checked.info.file = video.path;
  if (!entry.problem.empty())
    checked.problem = fmt::format("{}: {}", video.path, entry.problem);
  return checked;
}

} // namespace

CheckReport checkVideos(const VideoList &list, int threads, const ProgressCallback &progress,
                        const std::string &index) {
  CheckReport report;
  report.videos.resize(list.videos.size());
  const int64_t total = static_cast<int64_t>(list.videos.size());
  for (const LabelledVideo &video : list.videos)
    requireDecoder(video.path);
  Checker checker(list, index);
  std::mutex mutex; // guards `done` and `progress`
  int64_t done = 0;
  runInParallel(total, threads, [&](int64_t video) {
    report.videos[video] = checker.check(video);
    std::lock_guard lock(mutex);
    ++done;
    if (progress)
      progress(done, total);
  });
  checker.finish();
  return report;
}

std::string unreadableLines(const CheckReport &report) {
  std::string text;
  for (const CheckedVideo &video : report.videos)
    if (!video.problem.empty())
      text += video.problem + "\n";
  return text;
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
    const auto &[info, problem, known] = report.videos[i];
    if (!problem.empty())
      continue;
    ++codecs[info.codec];
    ++sizes[fmt::format("{}x{}", info.height, info.width)];
    for (int32_t label : list.videos[i].labels())
      ++labels[label];
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
  constexpr size_t most = 10; // lines of a kind
  std::string text;
  auto tell = [&](const char *what, const std::vector<std::string> &lines) {
    for (size_t i = 0; i < std::min(most, lines.size()); ++i)
      text += fmt::format("{}: {}\n", what, lines[i]);
    if (lines.size() > most)
      text += fmt::format("{}: {} more\n", what, lines.size() - most);
  };
  std::vector<std::string> problems, notes;
  for (const CheckedVideo &video : report.videos)
    if (!video.problem.empty())
      problems.push_back(video.problem);
    else if (std::string remark = remarks(video.info, clipFrames); !remark.empty())
      notes.push_back(fmt::format("{}: {}", video.info.file, remark));
  tell("unreadable", problems);
  tell("note", notes);
  if (std::string remark = labelRemark(list); !remark.empty())
    text += fmt::format("note: {}\n", remark);
  text += totals(report, list);
  text += fmt::format("{}: {} videos, {} unreadable\n", list.file, report.videos.size(), report.unreadable());
  return text;
}

} // namespace kinema
