// The library's functions: what they do, and that each error is a value with a reason.
#include "runtime/Library/kinema.h"

#include "runtime/Package/Safetensors.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Random.h"
#include "test/runtime/LinearPackage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlpack/dlpack.h>

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <thread>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

// Returns the message of an error, which is freed; an empty text for none.
std::string messageOf(kinema_error *error) {
  std::string message = kinema_error_message(error);
  kinema_error_free(error);
  return message;
}

#define EXPECT_WORKS(call) EXPECT_EQ(messageOf(call), "")
#define ASSERT_WORKS(call) ASSERT_EQ(messageOf(call), "")
#define EXPECT_FAILS(call, text) EXPECT_THAT(messageOf(call), HasSubstr(text))

// A linear classifier of clips of [3, 1, 2, 3], 4 a batch, 3 classes, open and on the CPU.
struct Open {
  TemporaryFolder folder;
  kinema_package *package = nullptr;
  kinema_session *session = nullptr;

  explicit Open(const json &manifest = linearManifest(), int threads = 1) {
    std::string path = writeLinearPackage(folder / "linear.kinema", manifest);
    EXPECT_WORKS(kinema_package_open(path.c_str(), &package));
    EXPECT_WORKS(kinema_session_open(package, "cpu", threads, &session));
  }
  ~Open() {
    kinema_session_close(session);
    kinema_package_close(package);
  }

  const kinema_tensor *find(kinema_kind kind, const char *name) const {
    return kinema_package_find(package, kind, name);
  }
  const kinema_tensor *input() const { return find(KINEMA_INPUT, "rgb"); }
  const kinema_tensor *logits() const { return find(KINEMA_INFER_OUTPUT, "logits"); }

  std::string write(const kinema_tensor *tensor, const std::vector<float> &values) {
    return messageOf(kinema_session_write(session, tensor, values.data(), 4 * values.size()));
  }
  std::vector<float> read(const kinema_tensor *tensor) {
    std::vector<float> values(kinema_tensor_elements(tensor));
    EXPECT_WORKS(kinema_session_read(session, tensor, values.data(), 4 * values.size()));
    return values;
  }
};

std::vector<float> clips(uint64_t seed = 5) {
  std::vector<float> values(72);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = random::normal(seed, 0, i);
  return values;
}

// What the program itself computes for the same clips and initialisation.
std::vector<float> expectedLogits(uint64_t seed) {
  TemporaryFolder folder;
  Program program(Package(writeLinearPackage(folder / "linear.kinema")), {.threads = 1});
  program.initialise(seed);
  program.set(program.manifest().input(), clips());
  program.run("infer");
  return program.get(program.manifest().output("infer", "logits"));
}

int deleted = 0; // tensors whose deleter was called

// A tensor of the caller's over memory of a test's; `deleted` counts when it is given back.
DLManagedTensor dlTensor(float *data, std::vector<int64_t> &shape, std::vector<int64_t> *strides = nullptr) {
  DLManagedTensor tensor{};
  tensor.dl_tensor.data = data;
  tensor.dl_tensor.device = {kDLCPU, 0};
  tensor.dl_tensor.ndim = static_cast<int>(shape.size());
  tensor.dl_tensor.dtype = {kDLFloat, 32, 1};
  tensor.dl_tensor.shape = shape.data();
  tensor.dl_tensor.strides = strides ? strides->data() : nullptr;
  tensor.deleter = [](DLManagedTensor *) { ++deleted; };
  return tensor;
}

} // namespace

TEST(Library, SaysWhatAPackageIs) {
  Open open;
  EXPECT_STREQ(kinema_package_name(open.package), "linear");
  EXPECT_EQ(kinema_package_batch(open.package), 4);
  EXPECT_EQ(kinema_package_classes(open.package), 3);
  EXPECT_EQ(kinema_package_target_count(open.package), 1);
  EXPECT_STREQ(kinema_package_target(open.package, 0), "x86-64-v3");
  EXPECT_EQ(kinema_package_target(open.package, 1), nullptr);
  EXPECT_EQ(kinema_package_target(open.package, -1), nullptr);
  EXPECT_EQ(kinema_package_has_entry(open.package, "infer"), 1);
  EXPECT_EQ(kinema_package_has_entry(open.package, "statistics"), 0);
  EXPECT_EQ(kinema_package_has_weights(open.package), 0);
  EXPECT_STREQ(kinema_package_setting(open.package, "data.mean"), "[128 128 128]");
  EXPECT_EQ(kinema_package_setting(open.package, "data.means"), nullptr);
  EXPECT_STREQ(kinema_session_device(open.session), "CPU, 1 thread");
}

TEST(Library, DescribesTensors) {
  Open open;
  const kinema_tensor *weight = open.find(KINEMA_PARAMETER, "fc.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(kinema_tensor_kind(weight), KINEMA_PARAMETER);
  EXPECT_EQ(kinema_tensor_type(weight), KINEMA_FLOAT32);
  EXPECT_EQ(kinema_tensor_rank(weight), 2);
  EXPECT_EQ(kinema_tensor_shape(weight)[1], 18);
  EXPECT_EQ(kinema_tensor_elements(weight), 54);
  EXPECT_EQ(kinema_tensor_input_kind(weight), nullptr);
  EXPECT_STREQ(kinema_tensor_input_kind(open.input()), "rgb");
  EXPECT_EQ(kinema_package_tensor_count(open.package, KINEMA_PARAMETER), 3);
  EXPECT_EQ(kinema_package_tensor_count(open.package, KINEMA_STATE), 2);
  EXPECT_STREQ(kinema_tensor_name(kinema_package_tensor(open.package, KINEMA_STATE, 0)),
               "momentum.fc.weight");
  EXPECT_EQ(kinema_package_tensor(open.package, KINEMA_STATE, 2), nullptr);
  EXPECT_EQ(kinema_package_tensor_count(open.package, static_cast<kinema_kind>(77)), 0);
  EXPECT_EQ(kinema_tensor_rank(open.find(KINEMA_STEP_OUTPUT, "loss")), 0);
  EXPECT_EQ(kinema_tensor_elements(open.find(KINEMA_STEP_OUTPUT, "loss")), 1);
}

TEST(Library, ComputesWhatTheProgramDoes) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  ASSERT_EQ(open.write(open.input(), clips()), "");
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(open.read(open.logits()), expectedLogits(3));
}

TEST(Library, APackageInMemoryIsTheSame) {
  Open open;
  std::string content = readFile(open.folder / "linear.kinema");
  kinema_package *package = nullptr;
  ASSERT_WORKS(kinema_package_open_memory(content.data(), content.size(), &package));
  content.clear();
  kinema_session *session = nullptr;
  ASSERT_WORKS(kinema_session_open(package, nullptr, 2, &session));
  const kinema_tensor *input = kinema_package_find(package, KINEMA_INPUT, "rgb");
  const kinema_tensor *logits = kinema_package_find(package, KINEMA_INFER_OUTPUT, "logits");
  kinema_package_close(package); // descriptions live as long as the session
  ASSERT_WORKS(kinema_session_initialise(session, 3));
  ASSERT_WORKS(kinema_session_write(session, input, clips().data(), 288));
  ASSERT_WORKS(kinema_session_infer(session));
  std::vector<float> found(12);
  ASSERT_WORKS(kinema_session_read(session, logits, found.data(), 48));
  EXPECT_EQ(found, expectedLogits(3));
  kinema_session_close(session);
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

TEST(Library, TensorsAreChecked) {
  Open open, other;
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_infer(open.session), "input rgb was never written");
  EXPECT_THAT(open.write(open.input(), {1, 2, 3}),
              HasSubstr("tensor rgb is float32 [4, 3, 1, 2, 3], of 288 bytes, and was given 12"));
  EXPECT_THAT(open.write(open.logits(), clips()), HasSubstr("logits is an output, which cannot be written"));
  EXPECT_THAT(open.write(other.input(), clips()),
              HasSubstr("tensor rgb is one of another package than the session's"));
  float logits[12];
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 48),
               "output logits is there after infer and before anything else runs");
  ASSERT_EQ(open.write(open.input(), clips()), "");
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 47), "of 48 bytes, and was given 47");
  ASSERT_WORKS(kinema_session_initialise(open.session, 1));
  EXPECT_FAILS(kinema_session_read(open.session, open.logits(), logits, 48), "is there after infer");
}

TEST(Library, NullsAreErrors) {
  Open open;
  kinema_package *package = nullptr;
  kinema_session *session = nullptr;
  kinema_clips *loader = nullptr;
  kinema_error *error = kinema_package_open(nullptr, &package);
  EXPECT_EQ(kinema_error_status(error), KINEMA_ARGUMENTS_WRONG);
  EXPECT_FAILS(error, "the argument path is NULL");
  EXPECT_FAILS(kinema_package_open("x", nullptr), "the argument package is NULL");
  EXPECT_FAILS(kinema_package_open_memory(nullptr, 3, &package), "the argument data is NULL");
  EXPECT_FAILS(kinema_session_open(nullptr, nullptr, 0, &session), "the argument package is NULL");
  EXPECT_FAILS(kinema_session_open(open.package, nullptr, 0, nullptr), "the argument session is NULL");
  EXPECT_FAILS(kinema_session_infer(nullptr), "the argument session is NULL");
  EXPECT_FAILS(kinema_session_write(open.session, nullptr, "", 1), "the argument tensor is NULL");
  EXPECT_FAILS(kinema_session_write(open.session, open.input(), nullptr, 1), "the argument values is NULL");
  EXPECT_FAILS(kinema_clips_open(open.package, nullptr, 1, nullptr, 0, &loader),
               "the argument videos is NULL");
  EXPECT_FAILS(kinema_clips_next(nullptr, nullptr), "the argument clips is NULL");
  EXPECT_FAILS(kinema_session_bind(open.session, nullptr, nullptr), "the argument tensor is NULL");
  EXPECT_FAILS(kinema_devices_list(nullptr), "the argument devices is NULL");
  EXPECT_EQ(kinema_package_name(nullptr), nullptr);
  EXPECT_EQ(kinema_package_batch(nullptr), 0);
  EXPECT_EQ(kinema_package_find(open.package, KINEMA_INPUT, nullptr), nullptr);
  EXPECT_EQ(kinema_tensor_name(nullptr), nullptr);
  EXPECT_EQ(kinema_tensor_elements(nullptr), 0);
  EXPECT_EQ(kinema_session_class_name(nullptr, 0), nullptr);
  EXPECT_EQ(kinema_clips_problem(nullptr, 0), nullptr);
  EXPECT_EQ(kinema_error_status(nullptr), KINEMA_OK);
  EXPECT_STREQ(kinema_error_message(nullptr), "");
  kinema_error_free(nullptr);
  kinema_session_close(nullptr);
  kinema_package_close(nullptr);
  kinema_clips_close(nullptr);
  kinema_devices_free(nullptr);
}

TEST(Library, ErrorsHaveTheRuntimesMessages) {
  TemporaryFolder folder;
  kinema_package *package = nullptr;
  kinema_error *error = kinema_package_open("/no/such.kinema", &package);
  EXPECT_EQ(kinema_error_status(error), KINEMA_WORK_FAILED);
  EXPECT_FAILS(error, "cannot read /no/such.kinema: No such file or directory");
  EXPECT_EQ(package, nullptr);
  folder.write("text", "this is no package");
  EXPECT_FAILS(kinema_package_open((folder / "text").c_str(), &package),
               "is no package: there is no zip directory");
  EXPECT_FAILS(kinema_package_open_memory("abc", 3, &package), "the package in memory is no package");

  Open open;
  kinema_session *session = nullptr;
  EXPECT_FAILS(kinema_session_open(open.package, "tpu", 0, &session), "there is no device 'tpu'");
  EXPECT_FAILS(kinema_session_open(open.package, "cuda", 0, &session), "which a GPU cannot run");
  EXPECT_FAILS(kinema_session_open(open.package, "cpu", 5000, &session),
               "the number of threads must be between");
  EXPECT_EQ(session, nullptr);
  EXPECT_NE(std::string(kinema_version()), "");
}

// Damaged in any way, a package is refused with a reason, or works; in a file and in memory alike.
TEST(Library, DamagedPackagesAreRefused) {
  Open open;
  const std::string content = readFile(open.folder / "linear.kinema");
  auto check = [&](const std::string &damaged) {
    kinema_package *package = nullptr;
    kinema_error *inMemory = kinema_package_open_memory(damaged.data(), damaged.size(), &package);
    EXPECT_EQ(package == nullptr, inMemory != nullptr);
    const bool refused = inMemory != nullptr;
    if (refused)
      EXPECT_NE(messageOf(inMemory), "");
    kinema_package_close(package);
    open.folder.write("damaged", damaged);
    package = nullptr;
    kinema_error *inFile = kinema_package_open((open.folder / "damaged").c_str(), &package);
    EXPECT_EQ(inFile != nullptr, refused) << messageOf(inFile);
    kinema_error_free(refused ? inFile : nullptr);
    kinema_package_close(package);
    return refused;
  };
  EXPECT_FALSE(check(content));
  for (size_t bytes = 0; bytes < content.size(); bytes += content.size() / 60)
    EXPECT_TRUE(check(content.substr(0, bytes))) << bytes;
  const size_t directory = content.rfind("PK\1\2");
  int refused = 0;
  for (uint64_t i = 0; i < 400; ++i) {
    std::string damaged = content;
    damaged[directory - 200 + random::below(content.size() - directory + 200, 3, i, 0)] =
        static_cast<char>(random::bits(3, i, 1));
    refused += check(damaged);
  }
  EXPECT_GT(refused, 100);
}

TEST(Library, HostileNumbersAreRefused) {
  for (int64_t number : {int64_t{-1}, int64_t{1} << 40, INT64_MAX}) {
    for (const char *field : {"batch", "classes"}) {
      json manifest = linearManifest();
      manifest[field] = number;
      TemporaryFolder folder;
      const std::string path = writeLinearPackage(folder / "p", manifest);
      kinema_package *package = nullptr;
      EXPECT_NE(messageOf(kinema_package_open(path.c_str(), &package)), "") << field << " " << number;
    }
    json manifest = linearManifest();
    manifest["arena"]["bytes"] = number;
    manifest["arena"]["segments"] = json::array();
    TemporaryFolder folder;
    const std::string path = writeLinearPackage(folder / "p", manifest);
    kinema_package *package = nullptr;
    kinema_session *session = nullptr;
    kinema_error *error = kinema_package_open(path.c_str(), &package);
    if (!error)
      error = kinema_session_open(package, "cpu", 1, &session);
    kinema_session_close(session);
    kinema_package_close(package);
    kinema_error_free(error);
  }
}

TEST(Library, TensorsAreBound) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  std::vector<float> input = clips(), found(12);
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, outShape{4, 3};
  DLManagedTensor bound = dlTensor(input.data(), shape), result = dlTensor(found.data(), outShape);
  deleted = 0;
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), &bound));
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result));
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(found, expectedLogits(3));
  std::fill(input.begin(), input.end(), 0.0f);
  ASSERT_WORKS(kinema_session_infer(open.session));
  EXPECT_EQ(found, std::vector<float>(12)); // the biases are zero
  EXPECT_EQ(deleted, 0);
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), nullptr));
  EXPECT_EQ(deleted, 1);
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result)); // once more is no change
  EXPECT_EQ(deleted, 1);
  kinema_session_close(open.session);
  open.session = nullptr;
  EXPECT_EQ(deleted, 2);
}

TEST(Library, BoundTensorsHaveAnyStrides) {
  // Clips with the channels last, as pictures lie in memory, and logits by class.
  std::vector<float> input = clips(), last(72), found(12);
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, strides{18, 1, 18, 9, 3}, outShape{4, 3}, outStrides{1, 4};
  for (int n = 0; n < 4; ++n)
    for (int c = 0; c < 3; ++c)
      for (int place = 0; place < 6; ++place)
        last[n * 18 + place * 3 + c] = input[n * 18 + c * 6 + place];
  DLManagedTensor bound = dlTensor(last.data(), shape, &strides),
                  result = dlTensor(found.data(), outShape, &outStrides);
  Open open; // is closed before the tensors go, which belong to it then
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  ASSERT_WORKS(kinema_session_bind(open.session, open.input(), &bound));
  ASSERT_WORKS(kinema_session_bind(open.session, open.logits(), &result));
  ASSERT_WORKS(kinema_session_infer(open.session));
  const std::vector<float> expected = expectedLogits(3);
  for (int n = 0; n < 4; ++n)
    for (int c = 0; c < 3; ++c)
      EXPECT_EQ(found[c * 4 + n], expected[n * 3 + c]);
}

TEST(Library, BoundTensorsAreChecked) {
  Open open;
  std::vector<float> input = clips();
  std::vector<int64_t> shape{4, 3, 1, 2, 3}, wrong{4, 3, 6};
  deleted = 0;
  DLManagedTensor tensor = dlTensor(input.data(), wrong);
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "tensor rgb is float32 [4, 3, 1, 2, 3], and was given float32 [4, 3, 6]");
  tensor = dlTensor(input.data(), shape);
  tensor.dl_tensor.device.device_type = kDLCUDA;
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "lies on a device of DLPack's type 2");
  tensor = dlTensor(input.data(), shape);
  tensor.dl_tensor.dtype.bits = 16;
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor),
               "tensor rgb is of float32, and was given one of DLPack's type 2 with 16 bits and 1 lanes");
  tensor = dlTensor(nullptr, shape);
  EXPECT_FAILS(kinema_session_bind(open.session, open.input(), &tensor), "was given one without data");
  tensor = dlTensor(input.data(), shape);
  EXPECT_FAILS(kinema_session_bind(open.session, open.find(KINEMA_PARAMETER, "fc.bias"), &tensor),
               "tensor fc.bias is no input and no output: write or read it");
  EXPECT_EQ(deleted, 0); // what was not bound still belongs to the caller
}

TEST(Library, ViewsOutliveTheirSession) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  DLManagedTensor *input = nullptr, *logits = nullptr;
  ASSERT_WORKS(kinema_session_view(open.session, open.input(), &input));
  ASSERT_WORKS(kinema_session_view(open.session, open.logits(), &logits));
  EXPECT_EQ(input->dl_tensor.ndim, 5);
  EXPECT_EQ(input->dl_tensor.shape[4], 3);
  const std::vector<float> values = clips();
  std::copy(values.begin(), values.end(), static_cast<float *>(input->dl_tensor.data));
  ASSERT_WORKS(kinema_session_infer(open.session));
  kinema_session_close(open.session);
  open.session = nullptr;
  const auto *found = static_cast<const float *>(logits->dl_tensor.data);
  EXPECT_EQ(std::vector<float>(found, found + 12), expectedLogits(3));
  input->deleter(input);
  logits->deleter(logits);
}

TEST(Library, OnlyRowMajorMemoryIsViewed) {
  json manifest = linearManifest();
  manifest["inputs"][0]["order"] = {{0, 4, 1}, {1, 3, 1}, {2, 1, 1}, {3, 2, 1}, {4, 3, 1}};
  Open open(manifest);
  DLManagedTensor *view = nullptr;
  EXPECT_FAILS(kinema_session_view(open.session, open.input(), &view),
               "tensor rgb does not lie row-major in the machine's memory: write or read it");
  EXPECT_FAILS(kinema_session_view(open.session, open.find(KINEMA_PARAMETER, "fc.bias"), &view),
               "tensor fc.bias is no input and no output");
}

TEST(Library, AllocatesTensors) {
  const int64_t shape[] = {2, 3}, wrong[] = {2, 0}, large[] = {INT64_MAX, 16};
  DLManagedTensor *tensor = nullptr;
  ASSERT_WORKS(kinema_allocate(KINEMA_INT32, 2, shape, &tensor));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->dl_tensor.data) % 64, 0u);
  EXPECT_EQ(tensor->dl_tensor.dtype.code, kDLInt);
  EXPECT_EQ(static_cast<int32_t *>(tensor->dl_tensor.data)[5], 0);
  tensor->deleter(tensor);
  ASSERT_WORKS(kinema_allocate(KINEMA_FLOAT32, 0, nullptr, &tensor));
  tensor->deleter(tensor);
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 2, wrong, &tensor),
               "a tensor cannot have 0 as its size along axis 1");
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 2, large, &tensor), "a tensor cannot have");
  EXPECT_FAILS(kinema_allocate(KINEMA_FLOAT32, 9, shape, &tensor),
               "a tensor of 9 axes is asked for; it may have up to 8");
  EXPECT_FAILS(kinema_allocate(static_cast<kinema_type>(9), 2, shape, &tensor),
               "9 is the number of no type of tensors");
}

// Sanitizers end a process that asks for so much.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
TEST(Library, TooLittleMemoryIsAnError) {
  const int64_t huge[] = {INT64_MAX / 64};
  DLManagedTensor *tensor = nullptr;
  kinema_error *error = kinema_allocate(KINEMA_FLOAT32, 1, huge, &tensor);
  EXPECT_EQ(kinema_error_status(error), KINEMA_NO_MEMORY);
  EXPECT_FAILS(error, "there is not enough memory");
}
#endif

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

TEST(Library, TrainsOnVideos) {
  Open open;
  ASSERT_WORKS(kinema_session_initialise(open.session, 3));
  writeVideos(open.folder, "v", 6);
  std::vector<std::string> paths;
  std::vector<const char *> videos;
  for (int i = 0; i < 6; ++i)
    paths.push_back(open.folder / ("v" + std::to_string(i) + ".mp4"));
  for (const std::string &path : paths)
    videos.push_back(path.c_str());
  const int32_t labels[] = {0, 1, 2, 0, 1, 2};
  const char *settings[] = {"train.seed=4", nullptr};
  kinema_clips *loader = nullptr;
  ASSERT_WORKS(kinema_clips_open_training(open.package, videos.data(), labels, 6, settings, 1, &loader));
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
  kinema_clips_close(loader);
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

TEST(Library, ListsDevices) {
  kinema_devices *devices = nullptr;
  ASSERT_WORKS(kinema_devices_list(&devices));
  ASSERT_GE(kinema_devices_count(devices), 1);
  EXPECT_STREQ(kinema_devices_name(devices, 0), "cpu");
  EXPECT_THAT(kinema_devices_description(devices, 0), HasSubstr("core"));
  EXPECT_EQ(kinema_devices_name(devices, 99), nullptr);
  EXPECT_EQ(kinema_devices_description(devices, -1), nullptr);
  kinema_devices_free(devices);
}
