// Loads clips for the library, and evaluates videos.
#include "runtime/Data/FrameClip.h"
#include "runtime/Data/NetworkClips.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Library/Sessions.h"
#include "runtime/Training/Evaluator.h"
#include "runtime/Training/Targets.h"
#include "runtime/Training/TrainingBatch.h"

#include <limits>

using namespace kinema;
using namespace kinema::library;

namespace {

std::vector<std::string> textsOf(const char *const *texts, int64_t count, const char *what) {
  require(texts, what);
  if (count < 1)
    refuse("{} {} were given: at least one is needed", count, what);
  std::vector<std::string> all;
  for (int64_t i = 0; i < count; ++i) {
    require(texts[i], what);
    all.emplace_back(texts[i]);
  }
  return all;
}

std::vector<std::string> settingsOf(const char *const *settings) {
  std::vector<std::string> all;
  for (; settings && *settings; ++settings)
    all.emplace_back(*settings);
  return all;
}

void setLabels(VideoList &list, const int32_t *labels) {
  for (LabelledVideo &video : list.videos)
    video.label = *labels++;
}

// Checks the labels of a list for training; of one for evaluation nothing is made of them.
void prepareLabels(VideoList &list, const Manifest &manifest, bool training) {
  for (LabelledVideo &video : list.videos) {
    if (!training) {
      video.label = 0;
      video.moreLabels.clear();
      continue;
    }
    if (video.label == noLabel)
      refuse("{} has no label, which training needs", video.path);
    for (int32_t label : video.labels())
      if (label < 0 || label >= manifest.classes)
        refuse("{} has label {}, {} has {} classes", video.path, label, manifest.name, manifest.classes);
  }
}

// `list` makes the list of videos.
kinema_error *open(const kinema_package *package, auto &&list, bool training, const char *const *settings,
                   int threads, kinema_clips **clips) noexcept {
  return guarded([&] {
    require(package, "package");
    require(clips, "clips");
    if (threads < 0 || threads > maxThreads)
      refuse("the number of threads must be between 1 and {}, found {}", maxThreads, threads);
    auto handle = std::make_unique<kinema_clips>();
    handle->package = package->open;
    handle->training = training;
    const Manifest &manifest = package->open->network;
    handle->recipe = recipeWith(manifest.recipe, settingsOf(settings));
    checkClips(manifest, handle->recipe, "", training);
    VideoList videos = list();
    prepareLabels(videos, manifest, training);
    const LoaderOptions options = loaderOptionsOf(manifest, threads);
    handle->source = training ? VideoSource::training(std::move(videos), handle->recipe, options)
                              : VideoSource::evaluation(std::move(videos), handle->recipe, options);
    *clips = handle.release();
  });
}

void noteProblems(kinema_clips &clips, const std::vector<Unreadable> &unreadable) {
  for (const Unreadable &video : unreadable)
    clips.problems[video.video] = video.reason;
}

// Returns the batch to take the next one into: another one where somebody holds a view of this one.
Batch &batchToFill(kinema_clips &clips) {
  if (clips.batch.use_count() > 1)
    clips.batch = std::make_shared<Batch>();
  std::atomic_thread_fence(std::memory_order_acquire); // what threads with a view did with it is done
  return *clips.batch;
}

void requireClips(const kinema_clips &clips) {
  if (clips.batch->valid == 0)
    refuse("the loader holds no clips: take a batch of some with kinema_clips_next first");
}

template <typename Action> kinema_error *withClips(kinema_clips *clips, Action &&action) noexcept {
  return guarded([&] {
    require(clips, "clips");
    Use use(clips->used, "loader of clips");
    action();
  });
}

// Returns which of the package's inputs a tensor describes.
size_t inputNumber(const OpenPackage &package, const kinema_tensor &tensor) {
  const std::vector<InputTensor> &inputs = package.network.inputs;
  auto found = std::ranges::find(inputs, tensor.name, &InputTensor::name);
  if (tensor.package != &package || tensor.kind != KINEMA_INPUT || found == inputs.end())
    refuse("tensor {} is no input of package {}", tensor.name, package.network.name);
  return static_cast<size_t>(found - inputs.begin());
}

void requireSamePackage(const kinema_session &session, const kinema_clips &clips) {
  if (session.package != clips.package)
    refuse("the clips are those of another package than the session's");
}

} // namespace

kinema_error *kinema_package_clip(const kinema_package *package, const kinema_tensor *input,
                                  const uint8_t *frames, int64_t count, int64_t height, int64_t width,
                                  float *clip, int64_t elements) {
  return guarded([&] {
    require(package, "package");
    require(input, "input");
    require(frames, "frames");
    require(clip, "clip");
    const Manifest &manifest = package->open->network;
    const InputTensor &own = manifest.inputs[inputNumber(*package->open, *input)];
    const int64_t wanted = own.elements() / manifest.batch;
    constexpr int64_t largestSide = 16384;
    if (elements != wanted)
      refuse("a clip of input {} has {} numbers, and {} are asked for", own.name, wanted, elements);
    if (height < 1 || width < 1 || height > largestSide || width > largestSide)
      refuse("frames of {}x{} were given; each side may have 1 to {} pixels", height, width, largestSide);
    const PictureSize size{static_cast<int>(height), static_cast<int>(width)};
    makeClip(manifest, own, {frames, count, size}, std::span(clip, static_cast<size_t>(elements)));
  });
}

kinema_error *kinema_clips_open(const kinema_package *package, const char *const *videos, int64_t count,
                                const char *const *settings, int threads, kinema_clips **clips) {
  auto list = [&] { return unlabelledVideos(textsOf(videos, count, "videos")); };
  return open(package, list, false, settings, threads, clips);
}

kinema_error *kinema_clips_open_training(const kinema_package *package, const char *const *videos,
                                         const int32_t *labels, int64_t count, const char *const *settings,
                                         int threads, kinema_clips **clips) {
  auto list = [&] {
    require(labels, "labels");
    VideoList all = unlabelledVideos(textsOf(videos, count, "videos"));
    setLabels(all, labels);
    return all;
  };
  return open(package, list, true, settings, threads, clips);
}

kinema_error *kinema_clips_open_list(const kinema_package *package, const kinema_list *list, int training,
                                     const char *const *settings, int threads, kinema_clips **clips) {
  auto videos = [&] {
    require(list, "list");
    for (const LabelledVideo &video : list->list.videos)
      requireDecoder(video.path);
    return list->list;
  };
  return open(package, videos, training != 0, settings, threads, clips);
}

void kinema_clips_close(kinema_clips *clips) { delete clips; }

int64_t kinema_clips_batches(const kinema_clips *clips) {
  return clips ? valueOr(int64_t{0}, [&] { return clips->source->batches(); }) : 0;
}

kinema_error *kinema_clips_seek(kinema_clips *clips, int64_t epoch, int64_t batch) {
  return withClips(clips, [&] {
    const int64_t batches = clips->source->batches();
    if (epoch < 0 || batch < 0 || batch >= batches)
      refuse("there is no batch {} of epoch {}: an epoch has {}", batch, epoch, batches);
    clips->source->seek(epoch, batch);
    clips->epoch = epoch;
    clips->number = batch;
    clips->batch = std::make_shared<Batch>();
  });
}

kinema_error *kinema_clips_next(kinema_clips *clips, int64_t *valid) {
  return withClips(clips, [&] {
    require(valid, "valid");
    Batch &batch = batchToFill(*clips);
    const bool found = clips->source->next(batch);
    noteProblems(*clips, clips->source->takeUnreadable());
    if (found && clips->training && batch.valid > 0)
      clips->labels = prepareBatch(batch, *clips->source, clips->recipe.train, clips->package->network.inputs,
                                   clips->epoch, clips->number);
    if (!found)
      batch = {};
    clips->epoch += found ? 0 : 1;
    clips->number = found ? clips->number + 1 : 0;
    *valid = found ? batch.valid : -1;
  });
}

int64_t kinema_clips_video(const kinema_clips *clips, int64_t clip) {
  return clips && clip >= 0 && clip < clips->batch->valid ? clips->batch->videos[clip] : -1;
}

const char *kinema_clips_problem(const kinema_clips *clips, int64_t video) {
  if (!clips)
    return nullptr;
  auto found = clips->problems.find(video);
  return found == clips->problems.end() ? nullptr : found->second.c_str();
}

kinema_error *kinema_clips_view(kinema_clips *clips, const kinema_tensor *tensor, DLManagedTensor **view) {
  return withClips(clips, [&] {
    require(tensor, "tensor");
    require(view, "view");
    requireClips(*clips);
    std::vector<float> &memory = clips->batch->inputs[inputNumber(*clips->package, *tensor)];
    *view = give(std::shared_ptr<void>(clips->batch, memory.data()), typeOf(ElementType::F32), tensor->shape);
  });
}

kinema_error *kinema_clips_truths(kinema_clips *clips, float *truths, int64_t count) {
  return withClips(clips, [&] {
    require(truths, "truths");
    requireClips(*clips);
    const Manifest &manifest = clips->package->network;
    if (!clips->training)
      refuse("the clips are those of evaluation, of which nobody knows the labels");
    if (count != manifest.batch * manifest.classes)
      refuse("{} truths were given for {} clips of {} classes", count, manifest.batch, manifest.classes);
    std::ranges::copy(truthsOf(clips->labels, manifest.classes), truths);
  });
}

kinema_error *kinema_session_take(kinema_session *session, kinema_clips *clips) {
  return withSession(session, [&] {
    require(clips, "clips");
    Use use(clips->used, "loader of clips");
    requireSamePackage(*session, *clips);
    requireClips(*clips);
    if (clips->training) {
      kinema::setLabels(*session->program, clips->labels, session->requireTraining().recipe.train,
                        session->requireClassWeights());
      session->writtenLabels = true;
    }
    setInputs(*session->program, *clips->batch);
    for (const InputTensor &input : session->manifest().inputs)
      session->writtenInputs.insert(input.name);
  });
}

// Writes the scores of videos [videos, classes]; rows of those that nobody has seen are NaN.
static void writeScores(const VideoScores &found, int64_t classes, std::span<double> scores) {
  std::ranges::fill(scores, std::numeric_limits<double>::quiet_NaN());
  for (const VideoScore &video : found.all())
    std::ranges::copy(video.scores, scores.begin() + video.video * classes);
}

kinema_error *kinema_session_predict(kinema_session *session, kinema_clips *clips, double *scores,
                                     int64_t count) {
  return withSession(session, [&] {
    require(clips, "clips");
    require(scores, "scores");
    Use use(clips->used, "loader of clips");
    requireSamePackage(*session, *clips);
    if (clips->training)
      refuse("the clips are those of training: videos are evaluated on a loader of kinema_clips_open");
    const Manifest &manifest = session->manifest();
    const int64_t videos = clips->source->videos();
    if (count != videos * manifest.classes)
      refuse("{} scores are asked for, of {} videos and {} classes", count, videos, manifest.classes);
    session->requireParameters();
    session->lastEntry.clear();
    clips->batch = std::make_shared<Batch>();
    clips->epoch = clips->number = 0; // evaluation has one epoch, and ends at its end
    Progress silent(nullptr);
    Evaluation evaluation = evaluate(*session->program, *clips->source, clips->recipe, silent, "prediction");
    noteProblems(*clips, evaluation.unreadable);
    for (const InputTensor &input : session->manifest().inputs)
      session->writtenInputs.insert(input.name);
    session->prepared = true;
    writeScores(evaluation.scores, manifest.classes, std::span(scores, count));
  });
}
