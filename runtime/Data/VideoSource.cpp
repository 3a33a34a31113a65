#include "runtime/Data/VideoSource.h"

#include "runtime/Data/ClipInput.h"
#include "runtime/Data/FileStamp.h"
#include "runtime/Data/VideoFile.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Data/Workers.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <tuple>

namespace kinema {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Frame indices are kept up to this many bytes: 8 a frame.
constexpr int64_t indexMemory = int64_t{64} << 20;

// Clips of one video that follow each other are decoded together as long as their frames take no more bytes.
constexpr int64_t framesMemory = int64_t{64} << 20;

// The frames of a clip take at most so many bytes; a long, narrow video that is scaled by its short side
// would take any number.
constexpr int64_t mostFramesMemory = int64_t{2} << 30;

// An Input is one of the network's inputs.
struct Input {
  InputForm form;
  int64_t floats; // values of a clip
  std::unique_ptr<ClipInput> maker;
};

std::vector<Input> makeInputs(const LoaderOptions &options, const DataRecipe &data, PictureSize crop) {
  std::vector<InputForm> forms = options.inputs;
  if (forms.empty())
    forms = {{"rgb", 3, data.frames, 1}};
  if (int64_t frames = clipFrames(forms); frames > data.frames)
    fail("clips have {} frames, the inputs span {}", data.frames, frames);
  std::vector<Input> inputs;
  for (const InputForm &form : forms)
    inputs.push_back({form, form.channels * form.frames * crop.height * crop.width,
                      makeClipInput(form, data, options.flow)});
  return inputs;
}

FramesAround aroundAll(std::span<const Input> inputs) {
  FramesAround all;
  for (const Input &input : inputs) {
    const FramesAround own = input.maker->around();
    all = {std::max(all.before, own.before), std::max(all.behind, own.behind)};
  }
  return all;
}

// A Slot is a batch that is being filled, or that waits to be taken.
struct Slot {
  Batch batch;
  std::vector<std::string> reasons; // [N]; why a clip could not be read, or empty
  int64_t missing = 0;              // clips not yet done
};

// A Position is the place of a clip, such as the next one to decode: clips follow each other in a batch,
// batches in an epoch, and epochs one after the other.
struct Position {
  int64_t epoch = 0, batch = 0, clip = 0;
};

// Keeps opened videos that no thread is using, since neighbouring clips of an evaluation come from one video.
class IdleReaders {
public:
  std::unique_ptr<VideoReader> take(int64_t video) {
    for (size_t i = 0; i < readers.size(); ++i)
      if (readers[i].first == video) {
        auto reader = std::move(readers[i].second);
        readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(i));
        return reader;
      }
    return nullptr;
  }
  // Returns the reader to close, if any: the one that has been idle for longest.
  std::unique_ptr<VideoReader> give(int64_t video, std::unique_ptr<VideoReader> reader, size_t limit) {
    readers.emplace_back(video, std::move(reader));
    if (readers.size() <= limit)
      return nullptr;
    auto oldest = std::move(readers.front().second);
    readers.erase(readers.begin());
    return oldest;
  }

private:
  std::vector<std::pair<int64_t, std::unique_ptr<VideoReader>>> readers;
};

} // namespace

struct VideoSource::State {
  VideoList list;
  ClipSampler sampler;
  DataRecipe data;
  std::vector<Input> inputs;
  int64_t batchSize, share, shares;
  int64_t clipsTogether = 1; // so many clips of one video are decoded in one pass, at the most
  int threadCount;
  std::shared_ptr<FrameCache> cache; // may be null

  // The mutex guards all that follows. Batches are filled in order into a ring of slots; `taken` batches have
  // been handed out since the last seek and `begun` have a slot.
  mutable std::mutex mutex;
  std::condition_variable workArrived, slotDone;
  std::vector<Slot> ring;
  int64_t taken = 0, begun = 0;
  Position delivery; // place of the batch that `next` hands out
  Position work;     // place of the clip that a worker takes
  int busy = 0;      // workers that are busy with a clip
  bool stopping = false, paused = true, endOfEpoch = false;
  IdleReaders idle;
  std::map<int64_t, std::string> unopenable; // videos that cannot be opened, and why
  std::map<int64_t, std::shared_ptr<const FrameIndex>> indices;
  int64_t indexBytes = 0;
  std::map<int64_t, uint64_t> contents; // digests of videos, as far as they are known
  std::exception_ptr failure; // thrown in a worker, for want of memory or time; `next` throws it again
  std::set<int64_t> reported;
  std::vector<Unreadable> unreadable;
  LoaderStatistics statistics;
  std::vector<std::jthread> workers;

  State(VideoList videos, ClipSampler clips, std::vector<Input> made, const Recipe &recipe,
        const LoaderOptions &options);
  ~State();
  int64_t batches() const { return (sampler.clips() + batchSize * shares - 1) / (batchSize * shares); }
  // Returns the number of a batch's first clip among those of all shares.
  int64_t firstClipOf(int64_t batch) const { return (batch * shares + share) * batchSize; }
  int64_t clipsIn(int64_t batch) const {
    return std::clamp<int64_t>(sampler.clips() - firstClipOf(batch), 0, batchSize);
  }
  bool workAvailable() const;
  Slot &beginBatch();
  std::vector<ClipDraw> takeWork();
  void worker();
  void decode(std::span<const ClipDraw> draws, Slot &slot, std::vector<uint8_t> &scratch);
  bool tryFill(std::span<const ClipDraw> draws, Slot &slot, std::vector<uint8_t> &scratch);
  void fill(std::span<const ClipDraw> draws, std::vector<uint8_t> &scratch, Batch &batch);
  int64_t bytesOfFrames() const;
  int64_t bytesOfBatch() const;
  std::unique_ptr<VideoReader> open(int64_t video);
  uint64_t contentOf(int64_t video);
  void closeUp(Slot &slot);
  void advance(Position &position) const;
};

VideoSource::State::State(VideoList videos, ClipSampler clips, std::vector<Input> made, const Recipe &recipe,
                          const LoaderOptions &options)
    : list(std::move(videos)), sampler(std::move(clips)), data(recipe.data), inputs(std::move(made)),
      batchSize(options.batch), share(options.share), shares(options.shares),
      threadCount(threadsOrCores(options.threads)), cache(options.cache), unopenable(list.unreadable) {
  for (const auto &[video, reason] : unopenable)
    reported.insert(video); // by whoever knew it
  if (batchSize <= 0)
    refuse("a batch of {} clips", batchSize);
  clipsTogether =
      std::clamp<int64_t>(framesMemory / bytesOfFrames(), 1, std::min(batchSize, sampler.clipsInARow()));
  // More batches than keep all threads busy while one batch is taken would be of no use.
  const int64_t useful = 2 + (2 * threadCount * clipsTogether + batchSize - 1) / batchSize;
  ring.resize(static_cast<size_t>(std::clamp<int64_t>(options.memory / bytesOfBatch(), 2, useful)));
  const auto ahead = static_cast<int64_t>(ring.size() - 1) * batchSize;
  clipsTogether = std::clamp<int64_t>(ahead / threadCount, 1, clipsTogether);
}

// Returns the bytes of a clip's frames, and those around them, scaled and not yet cut.
int64_t VideoSource::State::bytesOfFrames() const {
  const PictureSize crop = sampler.crop();
  const PictureSize picture = scaledSize(crop, std::max(data.shortSide, data.shortTo), data.resize);
  return data.frames * sampler.around().count() * picture.height * picture.width * 3;
}

int64_t VideoSource::State::bytesOfBatch() const {
  int64_t floats = 0;
  for (const Input &input : inputs)
    floats += input.floats;
  return batchSize * floats * static_cast<int64_t>(sizeof(float));
}

VideoSource::State::~State() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  workArrived.notify_all();
  workers.clear(); // waits for them
}

// Moves a position from the end of a batch to the next one.
void VideoSource::State::advance(Position &position) const {
  position.clip = 0;
  if (++position.batch == batches())
    position = {position.epoch + (sampler.isForTraining() ? 1 : 0), 0, 0};
}

bool VideoSource::State::workAvailable() const {
  return !paused && (work.clip > 0 || begun - taken < static_cast<int64_t>(ring.size()));
}

Slot &VideoSource::State::beginBatch() {
  Slot &slot = ring[begun++ % ring.size()];
  slot.batch.inputs.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    slot.batch.inputs[i].resize(static_cast<size_t>(batchSize * inputs[i].floats));
  slot.batch.labels.assign(batchSize, -1);
  slot.batch.videos.assign(batchSize, -1);
  slot.batch.valid = 0;
  slot.reasons.assign(batchSize, {});
  slot.missing = clipsIn(work.batch);
  return slot;
}

// Takes the next clips of the batch that is being filled: one, or those of one video that come in a row.
std::vector<ClipDraw> VideoSource::State::takeWork() {
  const int64_t first = firstClipOf(work.batch) + work.clip, row = sampler.clipsInARow();
  const int64_t count = std::min({clipsTogether, row - first % row, clipsIn(work.batch) - work.clip});
  std::vector<ClipDraw> draws;
  for (int64_t i = 0; i < count; ++i)
    draws.push_back(sampler.draw(work.epoch, first + i));
  work.clip += count;
  if (work.clip == clipsIn(work.batch))
    advance(work);
  return draws;
}

void VideoSource::State::worker() {
  std::vector<uint8_t> scratch;
  std::unique_lock lock(mutex);
  for (;;) {
    workArrived.wait(lock, [&] { return stopping || workAvailable(); });
    if (stopping)
      return;
    Slot &slot = work.clip == 0 ? beginBatch() : ring[(begun - 1) % ring.size()];
    const std::vector<ClipDraw> draws = takeWork();
    ++busy;
    lock.unlock();
    const Clock::time_point begin = Clock::now();
    decode(draws, slot, scratch);
    const double seconds = secondsSince(begin);
    lock.lock();
    --busy;
    const auto count = static_cast<int64_t>(draws.size());
    statistics.clips += count;
    statistics.decodeSeconds += seconds;
    slot.missing -= count;
    if (slot.missing == 0 || paused || failure)
      slotDone.notify_all();
  }
}

// Fills clips of a slot; each clip has its own part of the slot, so this needs no lock. Where not all frames
// can be decoded, each clip is tried by itself, so that a clip's fate does not depend on those beside it.
void VideoSource::State::decode(std::span<const ClipDraw> draws, Slot &slot, std::vector<uint8_t> &scratch) {
  if (draws.empty())
    return;
  for (const ClipDraw &draw : draws) {
    slot.batch.videos[draw.n % batchSize] = draw.video;
    slot.batch.labels[draw.n % batchSize] = list.videos[draw.video].label;
  }
  if (!tryFill(draws, slot, scratch) && draws.size() > 1)
    for (size_t i = 0; i < draws.size(); ++i)
      tryFill(draws.subspan(i, 1), slot, scratch);
}

// Returns whether the clips could be read; if not, the first one's reason says why.
bool VideoSource::State::tryFill(std::span<const ClipDraw> draws, Slot &slot, std::vector<uint8_t> &scratch) {
  const int64_t first = draws.front().n % batchSize;
  slot.reasons[first].clear();
  try {
    fill(draws, scratch, slot.batch);
    return true;
  } catch (const TooSlow &) {
    std::lock_guard lock(mutex);
    failure = std::current_exception();
  } catch (const Error &error) {
    slot.reasons[first] = error.what();
    return false;
  } catch (...) {
    std::lock_guard lock(mutex);
    failure = std::current_exception();
  }
  return true; // nothing more is to be tried
}

namespace {

// Returns the frames that an input takes of a clip, where `all` has each of its frames with those `around`
// it.
std::vector<int64_t> framesOf(const Input &input, std::span<const int64_t> all, FramesAround around) {
  const FramesAround own = input.maker->around();
  std::vector<int64_t> numbers;
  for (int64_t t = 0; t < input.form.frames; ++t) {
    const int64_t first = t * input.form.every * around.count() + around.before - own.before;
    const auto near = all.subspan(static_cast<size_t>(first), static_cast<size_t>(own.count()));
    numbers.insert(numbers.end(), near.begin(), near.end());
  }
  return numbers;
}

// Collects the frames of several clips, so that each is decoded once in each size.
class FrameCollection {
public:
  void add(int64_t frame, PictureSize size) {
    if (places.try_emplace({frame, size.height, size.width}, bytes).second)
      bytes += int64_t{3} * size.height * size.width;
  }
  // `cache` may be null.
  void read(VideoReader &reader, FrameCache *cache, std::vector<uint8_t> &scratch) {
    if (bytes > mostFramesMemory)
      fail("{}: the scaled frames of a clip take {} MiB, more than {}: set data.resize, or a smaller short "
           "side",
           reader.info().file, bytes >> 20, mostFramesMemory >> 20);
    scratch.resize(static_cast<size_t>(bytes));
    memory = scratch.data();
    std::vector<WantedFrame> wanted;
    const FrameName video = cache ? nameOf(reader.info()) : FrameName();
    if (video.decoder.empty())
      cache = nullptr;
    for (const auto &[key, place] : places) {
      const auto &[frame, height, width] = key;
      const WantedFrame one{frame, {height, width}, memory + place};
      if (!cache || !cache->read(nameOf(video, one), pixelsOf(one)))
        wanted.push_back(one);
    }
    reader.read(wanted);
    if (cache)
      for (const WantedFrame &one : wanted)
        cache->keep(nameOf(video, one), pixelsOf(one));
  }
  const uint8_t *at(int64_t frame, PictureSize size) const {
    return memory + places.at({frame, size.height, size.width});
  }

private:
  // Returns what the names of all frames of a video have in common. It has no decoder where frames are not
  // kept: uncompressed videos are read as quickly, and a video whose file is another one by now, or gone,
  // would give its frames to that one.
  static FrameName nameOf(const VideoInfo &info) {
    FrameName name;
    if (!info.stamp.exists() || stampOf(info.file) != info.stamp)
      return name;
    name.video = fmt::format("{} {} {}", info.file, info.stamp.bytes, info.stamp.modified);
    name.decoder = requireDecoder(info.file);
    return name;
  }
  static FrameName nameOf(FrameName video, const WantedFrame &frame) {
    video.frame = frame.frame;
    video.size = frame.size;
    return video;
  }
  static std::span<uint8_t> pixelsOf(const WantedFrame &frame) {
    return {frame.rgb, static_cast<size_t>(3) * frame.size.height * frame.size.width};
  }

  std::map<std::tuple<int64_t, int, int>, int64_t> places; // (frame, height, width) -> byte in `memory`
  int64_t bytes = 0;
  uint8_t *memory = nullptr;
};

} // namespace

// Fills clips of one video.
void VideoSource::State::fill(std::span<const ClipDraw> draws, std::vector<uint8_t> &scratch, Batch &batch) {
  const int64_t video = draws.front().video;
  std::unique_ptr<VideoReader> reader = open(video);
  const VideoInfo &info = reader->info();
  std::vector<ClipView> views;
  std::vector<std::vector<int64_t>> numbers; // for each clip and input, clip by clip
  FrameCollection frames;
  for (const ClipDraw &draw : draws) {
    try {
      views.push_back(sampler.view(draw, {info.height, info.width}));
    } catch (const Error &error) {
      fail("{}: {}", info.file, error.what());
    }
    const std::vector<int64_t> all = sampler.frames(draw, *reader);
    for (const Input &input : inputs) {
      numbers.push_back(framesOf(input, all, sampler.around()));
      if (input.maker->source() == ClipInput::Source::Pictures)
        for (int64_t frame : numbers.back())
          frames.add(frame, input.maker->pictureSize(views.back()));
    }
  }
  frames.read(*reader, cache.get(), scratch);
  const uint64_t content = contentOf(video);
  for (size_t i = 0; i < draws.size(); ++i)
    for (size_t k = 0; k < inputs.size(); ++k) {
      const ClipInput &maker = *inputs[k].maker;
      const std::vector<int64_t> &own = numbers[i * inputs.size() + k];
      std::vector<const uint8_t *> pictures;
      if (maker.source() == ClipInput::Source::Pictures)
        for (int64_t frame : own)
          pictures.push_back(frames.at(frame, maker.pictureSize(views[i])));
      maker.make({own, pictures, content, views[i], sampler.crop()},
                 batch.inputs[k].data() + draws[i].n % batchSize * inputs[k].floats);
    }
  std::unique_ptr<VideoReader> surplus;
  std::lock_guard lock(mutex);
  surplus = idle.give(video, std::move(reader), static_cast<size_t>(threadCount));
}

// Returns the digest of a video's file, or 0 where no input needs it.
uint64_t VideoSource::State::contentOf(int64_t video) {
  if (std::ranges::none_of(
          inputs, [](const Input &input) { return input.maker->source() == ClipInput::Source::Content; }))
    return 0;
  {
    std::lock_guard lock(mutex);
    if (auto known = contents.find(video); known != contents.end())
      return known->second;
  }
  const uint64_t content = kinema::contentOf(list, video);
  std::lock_guard lock(mutex);
  contents.emplace(video, content);
  return content;
}

// Opens a video. If a video cannot be opened, that is remembered; if one of its clips cannot be read, each
// clip is still tried, so that a clip's fate does not depend on the clips before it.
std::unique_ptr<VideoReader> VideoSource::State::open(int64_t video) {
  std::shared_ptr<const FrameIndex> index;
  {
    std::lock_guard lock(mutex);
    if (auto known = unopenable.find(video); known != unopenable.end())
      throw Error(known->second);
    if (auto reader = idle.take(video))
      return reader;
    if (auto known = indices.find(video); known != indices.end())
      index = known->second;
  }
  try {
    if (!index && list.index && list.indexed[video])
      index = list.index->frames(list.videos[video].name);
    auto reader = std::make_unique<VideoReader>(list.videos[video].path, index);
    std::lock_guard lock(mutex);
    if (indexBytes < indexMemory && indices.emplace(video, reader->index()).second)
      indexBytes += reader->index()->bytes();
    return reader;
  } catch (const TooSlow &) {
    throw;
  } catch (const Error &error) {
    std::lock_guard lock(mutex);
    unopenable.emplace(video, error.what());
    throw;
  }
}

// Leaves out the clips that could not be read and masks the end of the batch.
void VideoSource::State::closeUp(Slot &slot) {
  Batch &batch = slot.batch;
  int64_t kept = 0;
  for (int64_t clip = 0; clip < batchSize && batch.videos[clip] >= 0; ++clip) {
    const int64_t video = batch.videos[clip];
    if (!slot.reasons[clip].empty()) {
      if (reported.insert(video).second)
        unreadable.push_back(
            {video, list.videos[video].path, withoutName(slot.reasons[clip], list.videos[video].path)});
      continue;
    }
    if (kept != clip)
      for (size_t i = 0; i < inputs.size(); ++i)
        std::copy_n(batch.inputs[i].begin() + clip * inputs[i].floats, inputs[i].floats,
                    batch.inputs[i].begin() + kept * inputs[i].floats);
    batch.labels[kept] = batch.labels[clip];
    batch.videos[kept++] = video;
  }
  batch.valid = kept;
  for (size_t i = 0; i < inputs.size(); ++i)
    std::fill(batch.inputs[i].begin() + kept * inputs[i].floats, batch.inputs[i].end(), 0.0f);
  std::fill(batch.labels.begin() + kept, batch.labels.end(), -1);
  std::fill(batch.videos.begin() + kept, batch.videos.end(), -1);
}

VideoSource::VideoSource(std::unique_ptr<State> state) : state(std::move(state)) {}
VideoSource::~VideoSource() = default;

std::unique_ptr<VideoSource> VideoSource::training(VideoList list, const Recipe &recipe,
                                                   const LoaderOptions &options) {
  auto inputs = makeInputs(options, recipe.data, sizeOf(recipe.data.crop));
  auto sampler =
      ClipSampler::training(recipe.data, static_cast<int64_t>(list.videos.size()), recipe.train.clips,
                            static_cast<uint64_t>(recipe.train.seed), aroundAll(inputs));
  return std::unique_ptr<VideoSource>(new VideoSource(
      std::make_unique<State>(std::move(list), std::move(sampler), std::move(inputs), recipe, options)));
}

std::unique_ptr<VideoSource> VideoSource::evaluation(VideoList list, const Recipe &recipe,
                                                     const LoaderOptions &options) {
  auto inputs = makeInputs(options, recipe.data, sizeOf(recipe.eval.crop));
  auto sampler = ClipSampler::evaluation(recipe.data, recipe.eval, static_cast<int64_t>(list.videos.size()),
                                         static_cast<uint64_t>(recipe.train.seed), aroundAll(inputs));
  return std::unique_ptr<VideoSource>(new VideoSource(
      std::make_unique<State>(std::move(list), std::move(sampler), std::move(inputs), recipe, options)));
}

int64_t VideoSource::batches() const { return state->batches(); }
int64_t VideoSource::clips() const { return state->sampler.clips(); }
int64_t VideoSource::videos() const { return static_cast<int64_t>(state->list.videos.size()); }
std::string VideoSource::videoName(int64_t video) const { return state->list.videos.at(video).path; }
std::vector<int32_t> VideoSource::videoLabels(int64_t video) const {
  return state->list.videos.at(video).labels();
}
int64_t VideoSource::knownMissing() const { return static_cast<int64_t>(state->list.unreadable.size()); }
int VideoSource::threads() const { return state->threadCount; }

void VideoSource::seek(int64_t epoch, int64_t batch) {
  State &s = *state;
  if (epoch < 0 || batch < 0 || batch > s.batches())
    fail("no batch {} in epoch {}: an epoch has {}", batch, epoch, s.batches());
  std::unique_lock lock(s.mutex);
  const bool atEnd = batch == s.batches();
  Position wanted = atEnd ? Position{epoch + 1, 0, 0} : Position{epoch, batch, 0};
  if (!s.sampler.isForTraining())
    wanted.epoch = 0;
  s.endOfEpoch = atEnd;
  if (!s.paused && s.delivery.epoch == wanted.epoch && s.delivery.batch == wanted.batch)
    return;
  s.paused = true;
  s.slotDone.wait(lock, [&] { return s.busy == 0; });
  s.delivery = s.work = wanted;
  s.taken = s.begun = 0;
  s.paused = false;
  while (static_cast<int>(s.workers.size()) < s.threadCount)
    s.workers.emplace_back([&s] { s.worker(); });
  s.workArrived.notify_all();
}

bool VideoSource::next(Batch &batch) {
  State &s = *state;
  bool started;
  {
    std::lock_guard lock(s.mutex);
    started = !s.paused;
  }
  if (!started)
    seek(0, 0);
  std::unique_lock lock(s.mutex);
  if (s.endOfEpoch) {
    s.endOfEpoch = false;
    return false;
  }
  Slot &slot = s.ring[s.taken % s.ring.size()];
  const Clock::time_point begin = Clock::now();
  s.slotDone.wait(lock, [&] { return s.failure || (s.begun > s.taken && slot.missing == 0); });
  if (s.failure)
    std::rethrow_exception(s.failure);
  s.statistics.waitSeconds += secondsSince(begin);
  s.closeUp(slot);
  std::swap(batch, slot.batch);
  ++s.taken;
  s.advance(s.delivery);
  s.endOfEpoch = s.delivery.batch == 0;
  s.workArrived.notify_all();
  return true;
}

std::vector<Unreadable> VideoSource::takeUnreadable() {
  std::lock_guard lock(state->mutex);
  return std::exchange(state->unreadable, {});
}

int64_t VideoSource::memory() const {
  const State &s = *state;
  return static_cast<int64_t>(s.ring.size()) * s.bytesOfBatch() +
         s.threadCount * s.clipsTogether * s.bytesOfFrames();
}

LoaderStatistics VideoSource::statistics() const {
  std::lock_guard lock(state->mutex);
  return state->statistics;
}

} // namespace kinema
