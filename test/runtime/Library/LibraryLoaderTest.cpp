// The library's loaders of videos.
#include "test/runtime/Library/LibraryTesting.h"

#include <dlpack/dlpack.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;

TEST(Library, PredictsVideos) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  writeVideos(open.folder, "v", 3);
  open.folder.write("bad.mp4", "no video");
  std::vector<std::string> paths = {open.folder / "v0.mp4", open.folder / "bad.mp4", open.folder / "v2.mp4"};
  const char *videos[] = {paths[0].c_str(), paths[1].c_str(), paths[2].c_str()};
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(kinema_clips_open(open.package, videos, 3, nullptr, 1, &loader));
  EXPECT_EQ(kinema_clips_batches(loader), 2); // 3 videos of 2 clips, 4 a batch
  std::vector<double> scores(9);
  ASSERT_WORKS(kinema_session_predict(open.session, loader, scores.data(), 9));
  EXPECT_NEAR(scores[0] + scores[1] + scores[2], 1, 1e-6);
  EXPECT_TRUE(std::isnan(scores[3]));
  EXPECT_NEAR(scores[6] + scores[7] + scores[8], 1, 1e-6);
  EXPECT_NE(kinema_clips_problem(loader, 1), nullptr);
  EXPECT_EQ(kinema_clips_problem(loader, 0), nullptr);
  EXPECT_FAILS(kinema_session_predict(open.session, loader, scores.data(), 8),
               "8 scores are asked for, of 3 videos and 3 classes");

  // The same by hand, batch by batch.
  std::vector<double> sums(9);
  ASSERT_WORKS(kinema_clips_seek(loader, 0, 0));
  int64_t valid = 0, seen = 0;
  for (;;) {
    ASSERT_WORKS(kinema_clips_next(loader, &valid));
    if (valid < 0)
      break;
    if (valid == 0)
      continue;
    ASSERT_WORKS(kinema_session_take(open.session, loader));
    ASSERT_WORKS(kinema_session_infer(open.session));
    const std::vector<float> logits = open.read(open.logits());
    for (int64_t clip = 0; clip < valid; ++clip, ++seen) {
      double sum = 0;
      for (int c = 0; c < 3; ++c)
        sum += std::exp(logits[clip * 3 + c]);
      for (int c = 0; c < 3; ++c)
        sums[kinema_clips_video(loader, clip) * 3 + c] += std::exp(logits[clip * 3 + c]) / sum / 2;
    }
  }
  EXPECT_EQ(seen, 4);
  EXPECT_NEAR(sums[1], scores[1], 1e-5);
  EXPECT_NEAR(sums[8], scores[8], 1e-5);
  EXPECT_EQ(kinema_clips_video(loader, 0), -1);
  EXPECT_FAILS(kinema_session_take(open.session, loader), "the loader holds no clips");
  kinema_clips_close(loader);
}

TEST(Library, VideosOfWhichNoneCanBeReadAreAnError) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  const char *videos[] = {"/no/such.mp4"};
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(kinema_clips_open(open.package, videos, 1, nullptr, 1, &loader));
  double scores[3];
  EXPECT_FAILS(kinema_session_predict(open.session, loader, scores, 3),
               "none of 1 videos could be read, such as /no/such.mp4: ");
  kinema_clips_close(loader);
}

namespace {
/// Six videos of three classes in a folder.
struct SixVideos {
  explicit SixVideos(const TemporaryFolder &folder) {
    writeVideos(folder, "v", 6);
    for (int i = 0; i < 6; ++i)
      names.push_back(folder / ("v" + std::to_string(i) + ".mp4"));
    for (const std::string &name : names)
      paths.push_back(name.c_str());
  }

  std::vector<std::string> names;
  std::vector<const char *> paths;
  static constexpr int32_t labels[] = {0, 1, 2, 0, 1, 2};
};
} // namespace

TEST(Library, TrainsOnVideos) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  const SixVideos videos(open.folder);
  const char *settings[] = {"train.seed=4", nullptr};
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(
      kinema_clips_open_training(open.package, videos.paths.data(), videos.labels, 6, settings, 1, &loader));
  float first = 0, loss = 0;
  int steps = 0;
  for (int epoch = 0; epoch < 12; ++epoch)
    for (;;) {
      int64_t valid = 0;
      ASSERT_WORKS(kinema_clips_next(loader, &valid));
      if (valid < 0)
        break;
      ASSERT_WORKS(kinema_session_take(open.session, loader));
      ASSERT_WORKS(kinema_session_train_step(open.session, nullptr, &loss));
      first = steps++ == 0 ? loss : first;
    }
  EXPECT_EQ(steps, 24);
  EXPECT_LT(loss, first / 2);
  double scores[18];
  EXPECT_FAILS(kinema_session_predict(open.session, loader, scores, 18), "the clips are those of training");
  kinema_clips_close(loader);
}

TEST(Library, BatchesAreSeen) {
  Open open;
  const SixVideos videos(open.folder);
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(
      kinema_clips_open_training(open.package, videos.paths.data(), videos.labels, 6, nullptr, 1, &loader));
  DLManagedTensor *first = nullptr, *second = nullptr;
  EXPECT_FAILS(kinema_clips_view(loader, open.input(), &first), "the loader holds no clips");
  int64_t valid = 0;
  ASSERT_WORKS(kinema_clips_next(loader, &valid));
  ASSERT_EQ(valid, 4);
  ASSERT_WORKS(kinema_clips_view(loader, open.input(), &first));
  EXPECT_EQ(first->dl_tensor.ndim, 5);
  EXPECT_EQ(first->dl_tensor.shape[0], 4);
  std::vector<float> truths(12);
  ASSERT_WORKS(kinema_clips_truths(loader, truths.data(), 12));
  for (int clip = 0; clip < 4; ++clip)
    for (int label = 0; label < 3; ++label)
      EXPECT_EQ(truths[clip * 3 + label], label == videos.labels[kinema_clips_video(loader, clip)] ? 1 : 0);
  EXPECT_FAILS(kinema_clips_truths(loader, truths.data(), 11),
               "11 truths were given for 4 clips of 3 classes");
  // What is changed in a batch is what a session takes.
  auto *values = static_cast<float *>(first->dl_tensor.data);
  values[5] = 42;
  ASSERT_WORKS(kinema_session_take(open.session, loader));
  const std::vector<float> batch(values, values + 72);
  EXPECT_EQ(open.read(open.input()), batch);
  // The next batch, of which two clips are missing, leaves this one alone.
  ASSERT_WORKS(kinema_clips_next(loader, &valid));
  ASSERT_EQ(valid, 2);
  ASSERT_WORKS(kinema_clips_view(loader, open.input(), &second));
  EXPECT_NE(second->dl_tensor.data, first->dl_tensor.data);
  ASSERT_WORKS(kinema_clips_truths(loader, truths.data(), 12));
  EXPECT_EQ(std::vector<float>(truths.begin() + 6, truths.end()), std::vector<float>(6));
  EXPECT_FAILS(kinema_clips_view(loader, open.logits(), &second),
               "tensor logits is no input of package linear");
  kinema_clips_close(loader);
  EXPECT_EQ(std::vector<float>(values, values + 72), batch);
  first->deleter(first);
  second->deleter(second);
}

TEST(Library, ListsAreReadAndLoaded) {
  Open open;
  writeVideos(open.folder, "v", 3);
  const std::string several = open.folder.write("several.txt", "v0.mp4 0,2\nv1.mp4 1\nv2.mp4 1\n");
  const std::string one = open.folder.write("one.txt", "v0.mp4 0\nv1.mp4 5\n");
  open.folder.write("names.txt", "red\ngreen\nblue\n");
  const std::string names = "labels=" + (open.folder / "names.txt");
  const char *options[] = {names.c_str(), "part=test", nullptr};
  kinema_list *list = nullptr;
  ASSERT_WORKS(kinema_list_open(several.c_str(), options, &list));
  EXPECT_EQ(kinema_list_count(list), 3);
  EXPECT_EQ(kinema_list_video(list, 1), open.folder / "v1.mp4");
  EXPECT_EQ(kinema_list_video(list, 3), nullptr);
  EXPECT_EQ(kinema_list_label(list, 0, 0), 0);
  EXPECT_EQ(kinema_list_label(list, 0, 1), 2);
  EXPECT_EQ(kinema_list_label(list, 0, 2), -1);
  EXPECT_EQ(kinema_list_label(list, 3, 0), -1);
  EXPECT_EQ(kinema_list_class_count(list), 3);
  EXPECT_STREQ(kinema_list_class_name(list, 1), "green");
  EXPECT_EQ(kinema_list_class_name(list, 3), nullptr);
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(kinema_clips_open_list(open.package, list, 0, nullptr, 1, &loader));
  EXPECT_EQ(kinema_clips_batches(loader), 2); // 3 videos of 2 clips, 4 a batch
  kinema_list_close(list);
  int64_t valid = 0;
  ASSERT_WORKS(kinema_clips_next(loader, &valid));
  EXPECT_EQ(valid, 4);
  kinema_clips_close(loader);
  ASSERT_WORKS(kinema_list_open(one.c_str(), nullptr, &list));
  EXPECT_EQ(kinema_list_class_count(list), 0);
  EXPECT_FAILS(kinema_clips_open_list(open.package, list, 1, nullptr, 1, &loader),
               "has label 5, linear has 3 classes");
  kinema_list_close(list);
  const std::string test =
      open.folder.write("test.csv", "label,youtube_id,time_start,time_end,split\n,v0,0,10,test\n");
  ASSERT_WORKS(kinema_list_open(test.c_str(), nullptr, &list));
  EXPECT_EQ(kinema_list_label(list, 0, 0), -1);
  EXPECT_FAILS(kinema_clips_open_list(open.package, list, 1, nullptr, 1, &loader),
               "has no label, which training needs");
  kinema_list_close(list);

  const char *unknown[] = {"roots=x", nullptr}, *split[] = {"split=x", nullptr},
             *part[] = {"part=all", nullptr};
  EXPECT_FAILS(kinema_list_open(one.c_str(), unknown, &list),
               "a list has no option 'roots', only root, format, labels, split and part");
  EXPECT_FAILS(kinema_list_open(one.c_str(), split, &list),
               "option split of a list is 'x': a number from 1 is needed");
  EXPECT_FAILS(kinema_list_open(one.c_str(), part, &list),
               "option part of a list is 'all': it may be train or test");
  EXPECT_FAILS(kinema_list_open("/no/such.txt", nullptr, &list), "/no/such.txt");
}

TEST(Library, ClipsAreMadeOfDecodedFrames) {
  Open open; // scales to 4x6, and evaluates 2x3 of them
  constexpr int height = 4, width = 6;
  std::vector<uint8_t> frame(3 * height * width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int colour = 0; colour < 3; ++colour)
        frame[(y * width + x) * 3 + colour] = static_cast<uint8_t>(40 * y + 5 * x + 60 * (colour == 2));
  std::vector<float> clip(18);
  ASSERT_WORKS(
      kinema_package_clip(open.package, open.input(), frame.data(), 1, height, width, clip.data(), 18));
  const int left = clip[0] * 64 + 128 == 45 ? 1 : 2; // the place of a centre is between two
  for (int colour = 0; colour < 3; ++colour)
    for (int y = 0; y < 2; ++y)
      for (int x = 0; x < 3; ++x)
        EXPECT_FLOAT_EQ(clip[colour * 6 + y * 3 + x],
                        (40.0f * (y + 1) + 5.0f * (x + left) + 60.0f * (colour == 2) - 128) / 64);
  // Larger frames are scaled first.
  const std::vector<uint8_t> large(3 * 50 * 70, 64);
  ASSERT_WORKS(kinema_package_clip(open.package, open.input(), large.data(), 1, 50, 70, clip.data(), 18));
  EXPECT_EQ(clip, std::vector<float>(18, -1));

  EXPECT_FAILS(kinema_package_clip(open.package, open.input(), frame.data(), 2, 4, 6, clip.data(), 18),
               "a clip of linear has 1 frames, and was given 2");
  EXPECT_FAILS(kinema_package_clip(open.package, open.input(), frame.data(), 1, 4, 6, clip.data(), 17),
               "a clip of input rgb has 18 numbers, and 17 are asked for");
  EXPECT_FAILS(kinema_package_clip(open.package, open.input(), frame.data(), 1, 0, 6, clip.data(), 18),
               "frames of 0x6 were given; each side may have 1 to 16384 pixels");
  EXPECT_FAILS(kinema_package_clip(open.package, open.logits(), frame.data(), 1, 4, 6, clip.data(), 18),
               "tensor logits is no input of package linear");
  Open two(twoInputManifest());
  clip.resize(12);
  EXPECT_FAILS(kinema_package_clip(two.package, two.find(KINEMA_INPUT, "flow"), frame.data(), 1, 4, 6,
                                   clip.data(), 12),
               "input flow is made of the frames around those of a clip: a loader makes it, of a video");
}

TEST(Library, LoadersAreChecked) {
  Open open, other;
  writeVideos(open.folder, "v", 1);
  const std::string path = open.folder / "v0.mp4";
  const char *videos[] = {path.c_str()};
  const int32_t label = 3;
  kinema_clips *loader = nullptr;
  EXPECT_FAILS(kinema_clips_open(open.package, videos, 0, nullptr, 0, &loader),
               "0 videos were given: at least one is needed");
  EXPECT_FAILS(kinema_clips_open(open.package, videos, 1, nullptr, -1, &loader),
               "the number of threads must be between 1 and");
  EXPECT_FAILS(kinema_clips_open_training(open.package, videos, &label, 1, nullptr, 0, &loader),
               "has label 3, linear has 3 classes");
  EXPECT_FAILS(kinema_clips_open_training(open.package, videos, nullptr, 1, nullptr, 0, &loader),
               "the argument labels is NULL");
  const char *settings[] = {"data.frames=9", nullptr}, *unknown[] = {"data.framez=1", nullptr};
  EXPECT_FAILS(kinema_clips_open(open.package, videos, 1, settings, 0, &loader), "data.frames");
  EXPECT_FAILS(kinema_clips_open(open.package, videos, 1, unknown, 0, &loader), "data.framez");
  EXPECT_EQ(loader, nullptr);
  ASSERT_WORKS(kinema_clips_open(open.package, videos, 1, nullptr, 0, &loader));
  EXPECT_FAILS(kinema_clips_seek(loader, 0, 1), "there is no batch 1 of epoch 0: an epoch has 1");
  EXPECT_FAILS(kinema_session_take(other.session, loader), "the clips are those of another package");
  float truth = 0;
  EXPECT_FAILS(kinema_clips_truths(loader, &truth, 1), "the loader holds no clips");
  int64_t valid = 0;
  ASSERT_WORKS(kinema_clips_next(loader, &valid));
  EXPECT_FAILS(kinema_clips_truths(loader, &truth, 1),
               "those of evaluation, of which nobody knows the labels");
  kinema_clips_close(loader);
}
