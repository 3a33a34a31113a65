// What the library's sessions compute and train.
#include "test/runtime/Library/LibraryTesting.h"

#include "runtime/Support/Files.h"

#include <dlpack/dlpack.h>

#include <cmath>
#include <numeric>
#include <thread>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

TEST(Library, ComputesWhatTheProgramDoes) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  ASSERT_EQ(open.write(open.input(), clips()), "");
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(open.read(open.logits()), expectedLogits(3));
}

TEST(Library, WeightsGoThroughFilesAndMemory) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  const std::string path = open.folder / "w.safetensors";
  ASSERT_WORKS(kinema_session_save_weights(open.session, path.c_str(), nullptr));
  TensorFile file = readTensors(path);
  EXPECT_EQ(file.tensors.size(), 3u);
  file.metadata["classes"] = R"(["left", "right", "up"])";
  const std::string content = formatTensors(file);
  DLManagedTensor *saved = nullptr;
  ASSERT_WORKS(kinema_session_save_weights_memory(open.session, nullptr, &saved));
  const DLTensor &bytes = saved->dl_tensor;
  EXPECT_EQ(std::string(static_cast<const char *>(bytes.data), bytes.shape[0]), readFile(path));
  EXPECT_EQ(bytes.dtype.code, kDLUInt);
  saved->deleter(saved);

  Open other;
  EXPECT_WORKS(kinema_session_load_weights(other.session, path.c_str(), nullptr));
  EXPECT_EQ(kinema_session_class_name(other.session, 0), nullptr);
  EXPECT_WORKS(kinema_session_load_weights_memory(other.session, content.data(), content.size(), nullptr));
  EXPECT_STREQ(kinema_session_class_name(other.session, 2), "up");
  EXPECT_EQ(kinema_session_class_name(other.session, 3), nullptr);
  ASSERT_EQ(other.write(other.input(), clips()), "");
  ASSERT_WORKS(kinema_session_infer(other.session));
  EXPECT_EQ(other.read(other.logits()), expectedLogits(3));
  EXPECT_FAILS(kinema_session_load_weights(other.session, nullptr, nullptr),
               "carries no weights; name a file of them");
  EXPECT_FAILS(kinema_session_load_weights(other.session, "/no/such", nullptr), "cannot read /no/such");
  EXPECT_FAILS(kinema_session_load_weights(other.session, path.c_str(), "torchvision-4d"), "torchvision-4d");
  EXPECT_FAILS(kinema_session_load_weights_memory(other.session, content.data(), 100, nullptr),
               "the file in memory");
}

TEST(Library, PartOfTheWeightsIsLoaded) {
  Open open, other;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  const std::string path = open.folder / "w.safetensors";
  ASSERT_WORKS(kinema_session_save_weights(open.session, path.c_str(), nullptr));
  TensorFile file = readTensors(path);
  std::erase_if(file.tensors, [](const FileTensor &tensor) { return tensor.name == "fc.weight"; });
  const std::string content = formatTensors(file);
  ASSERT_EQ(other.write(other.input(), clips()), "");
  std::vector<uint8_t> taken(3, 9);
  ASSERT_WORKS(kinema_session_load_part_memory(other.session, content.data(), content.size(), nullptr,
                                               taken.data(), 3));
  for (int64_t number = 0; number < 3; ++number)
    EXPECT_EQ(taken[number], kinema_tensor_name(kinema_package_tensor(other.package, KINEMA_PARAMETER,
                                                                      number)) != std::string("fc.weight"));
  EXPECT_FAILS(kinema_session_infer(other.session), "parameter fc.weight was never set");
  ASSERT_WORKS(kinema_session_load_part(other.session, path.c_str(), nullptr, taken.data(), 3));
  EXPECT_EQ(taken, std::vector<uint8_t>(3, 1));
  ASSERT_WORKS(kinema_session_infer(other.session));
  EXPECT_EQ(other.read(other.logits()), expectedLogits(3));
  EXPECT_FAILS(kinema_session_load_part(other.session, path.c_str(), nullptr, taken.data(), 2),
               "linear has 3 parameters, and it was asked of 2 which were loaded");
  file.tensors.clear();
  writeTensors(path, file);
  EXPECT_FAILS(kinema_session_load_part(other.session, path.c_str(), nullptr, taken.data(), 3),
               "has none of the parameters of linear");
}

TEST(Library, ParametersCanBeWrittenOneByOne) {
  Open open;
  ASSERT_EQ(open.write(open.input(), clips()), "");
  EXPECT_FAILS(kinema_session_infer(open.session),
               "parameter fc.weight was never set: load weights, initialise them, or write it");
  EXPECT_FAILS(kinema_session_prepare(open.session), "parameter fc.weight was never set");
  EXPECT_FAILS(kinema_session_save_weights(open.session, "w", nullptr), "parameter fc.weight was never set");
  std::vector<float> weight(54);
  std::iota(weight.begin(), weight.end(), 0.0f);
  EXPECT_EQ(open.write(open.find(KINEMA_PARAMETER, "fc.weight"), weight), "");
  EXPECT_EQ(open.write(open.find(KINEMA_PARAMETER, "fc.bias"), {1, 2, 3}), "");
  EXPECT_FAILS(kinema_session_infer(open.session), "parameter in.bn.running_mean was never set");
  EXPECT_EQ(open.write(open.find(KINEMA_PARAMETER, "in.bn.running_mean"), {0}), "");
  EXPECT_WORKS(kinema_session_prepare(open.session));
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(open.read(open.find(KINEMA_PARAMETER, "fc.weight")), weight);
  std::vector<float> input = clips();
  float sum = 1;
  for (int f = 0; f < 18; ++f)
    sum += input[f] * weight[f];
  EXPECT_NEAR(open.read(open.logits())[0], sum, 1e-3);
}

TEST(Library, TrainsAsTheProgramDoes) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  ASSERT_EQ(open.write(open.input(), clips()), "");
  const int32_t labels[] = {0, 1, 2, -1};
  ASSERT_WORKS(kinema_session_set_labels(open.session, labels, 4));
  const double rate = 0.1;
  float loss = 0, last = 0;
  ASSERT_WORKS(kinema_session_train_step(open.session, &rate, &loss));
  EXPECT_NEAR(loss, std::log(3.0f), 0.2);
  EXPECT_EQ(open.read(open.find(KINEMA_STEP_OUTPUT, "loss"))[0], loss);
  for (int step = 0; step < 30; ++step)
    ASSERT_WORKS(kinema_session_train_step(open.session, nullptr, &last));
  EXPECT_LT(last, 0.1);
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_GT(open.read(open.logits())[0], open.read(open.logits())[1]);
  EXPECT_FAILS(kinema_session_read(open.session, open.find(KINEMA_STEP_OUTPUT, "loss"), &loss, 4),
               "output loss is there after train_step and before anything else runs");
}

TEST(Library, TrainingGoesOnFromACheckpoint) {
  json manifest = linearManifest();
  manifest["recipe"]["train"]["accumulate"] = 1;
  Open open(manifest), other(manifest);
  const int32_t labels[] = {0, 1, 2, 0};
  auto step = [&](Open &of) {
    float loss = 0;
    EXPECT_EQ(of.write(of.input(), clips()), "");
    EXPECT_WORKS(kinema_session_set_labels(of.session, labels, 4));
    EXPECT_WORKS(kinema_session_train_step(of.session, nullptr, &loss));
    return loss;
  };
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  step(open);
  const std::string path = open.folder / "checkpoint.safetensors";
  ASSERT_WORKS(kinema_session_save_checkpoint(open.session, path.c_str(), 2, 7));
  int64_t epoch = 0, batch = 0;
  ASSERT_WORKS(kinema_session_load_checkpoint(other.session, path.c_str(), &epoch, &batch));
  EXPECT_EQ(epoch, 2);
  EXPECT_EQ(batch, 7);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(step(other), step(open)); // the momentum has come along
  ASSERT_WORKS(kinema_session_set_step(other.session, 17));
  EXPECT_FAILS(kinema_session_set_step(other.session, -1), "-1 is the number of no step: they count from 0");
  EXPECT_FAILS(kinema_session_save_checkpoint(open.session, path.c_str(), 0, -1),
               "there is no batch -1 of epoch 0: both count");
  ASSERT_WORKS(kinema_session_save_weights(open.session, path.c_str(), nullptr));
  EXPECT_FAILS(kinema_session_load_checkpoint(other.session, path.c_str(), &epoch, &batch),
               "is no checkpoint");
}

TEST(Library, AStepNeedsWhatItTrainsOn) {
  Open open;
  const int32_t labels[] = {0, 1, 2, -1}, wrong[] = {0, 1, 2, 3};
  EXPECT_FAILS(kinema_session_train_step(open.session, nullptr, nullptr),
               "parameter fc.weight was never set");
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_train_step(open.session, nullptr, nullptr),
               "input rgb was never written: write it, or bind a tensor to it, before train_step");
  ASSERT_EQ(open.write(open.input(), clips()), "");
  EXPECT_FAILS(kinema_session_train_step(open.session, nullptr, nullptr),
               "no labels were set: a step needs those of its clips");
  EXPECT_FAILS(kinema_session_set_labels(open.session, labels, 3), "3 labels were given for a batch of 4");
  EXPECT_FAILS(kinema_session_set_labels(open.session, wrong, 4),
               "the array of labels holds 3 at 3, linear has 3 classes");
  const float truths[12] = {};
  const double weights[3] = {1, 1, 1};
  EXPECT_FAILS(kinema_session_set_truths(open.session, truths, 12), "linear takes labels and no truths");
  EXPECT_FAILS(kinema_session_set_class_weights(open.session, weights, 3),
               "linear was compiled for classes that weigh the same");
}

TEST(Library, TargetsAndWeightsOfClasses) {
  json manifest = linearManifest();
  manifest.erase("labels");
  manifest["targets"] = manifest["outputs"]["infer"][0];
  manifest["targets"]["name"] = "targets";
  manifest["targets"]["offset"] = 1792;
  manifest["shares"] = {{"name", "shares"},       {"type", "f32"},  {"shape", {4}},
                        {"order", json::array()}, {"offset", 1856}, {"bytes", 16}};
  manifest["arena"]["bytes"] = 2048;
  manifest["recipe"]["train"]["class_weights"] = "file";
  Open open(manifest);
  const float truths[12] = {1};
  const double weights[3] = {1, 2, 3};
  EXPECT_FAILS(kinema_session_set_truths(open.session, truths, 11),
               "11 truths were given for 4 clips of 3 classes");
  EXPECT_FAILS(kinema_session_set_truths(open.session, truths, 12),
               "nobody has said how: set their weights before the labels");
  EXPECT_FAILS(kinema_session_set_class_weights(open.session, weights, 2),
               "2 weights were given for 3 classes");
  EXPECT_WORKS(kinema_session_set_class_weights(open.session, weights, 3));
  EXPECT_WORKS(kinema_session_set_truths(open.session, truths, 12));
}

TEST(Library, APackageForInferenceDoesNotTrain) {
  Open open(linearManifest(false));
  const int32_t labels[] = {0, 1, 2, -1};
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_train_step(open.session, nullptr, nullptr),
               "was compiled for inference and cannot do a step");
  EXPECT_FAILS(kinema_session_set_labels(open.session, labels, 4), "was compiled for inference");
  EXPECT_EQ(kinema_package_has_entry(open.package, "train_step"), 0);
}

// Each session has a thread of its own; what they compute is what one alone does.
TEST(LibraryThreads, TwoSessionsAtOnce) {
  Open open;
  const std::vector<float> expected = expectedLogits(3);
  auto work = [&] {
    kinema_session *session = nullptr;
    EXPECT_WORKS(kinema_session_open(open.package, "cpu", 2, &session));
    for (int round = 0; round < 20; ++round) {
      EXPECT_WORKS(kinema_session_initialise(session, 3));
      EXPECT_WORKS(kinema_session_write(session, open.input(), clips().data(), 288));
      EXPECT_WORKS(kinema_session_infer(session));
      std::vector<float> found(12);
      EXPECT_WORKS(kinema_session_read(session, open.logits(), found.data(), 48));
      EXPECT_EQ(found, expected);
      EXPECT_STREQ(kinema_package_setting(open.package, "train.epochs"), "3");
    }
    kinema_session_close(session);
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
}

TEST(LibraryThreads, OneSessionIsNotForTwoAtOnce) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  ASSERT_EQ(open.write(open.input(), clips()), "");
  std::atomic<int> refused = 0;
  std::atomic<bool> done = false;
  auto work = [&] {
    for (int round = 0; round < 200000 && !done; ++round) {
      std::string message = messageOf(kinema_session_infer(open.session));
      if (message.empty())
        continue;
      EXPECT_EQ(message, "the session is in use by another thread: one thread at a time may use it");
      ++refused;
      done = true;
    }
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
  EXPECT_GT(refused, 0);
}
