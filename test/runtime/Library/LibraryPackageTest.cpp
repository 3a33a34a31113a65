// What the library says of packages and devices, and that each error is a value with a reason.
#include "test/runtime/Library/LibraryTesting.h"

#include "runtime/Support/Files.h"

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;
using testing::HasSubstr;

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
  const int64_t settings = kinema_package_setting_count(open.package);
  EXPECT_GT(settings, 50);
  EXPECT_STREQ(kinema_package_setting_name(open.package, settings), nullptr);
  bool mean = false;
  for (int64_t number = 0; number < settings; ++number)
    mean |= kinema_package_setting_name(open.package, number) == std::string("data.mean");
  EXPECT_TRUE(mean);
  EXPECT_STREQ(kinema_session_device(open.session), "CPU, 1 thread");
}

TEST(Library, SaysTheRateOfAStep) {
  json manifest = linearManifest();
  manifest["recipe"]["train"]["every"] = 2; // epochs, of which there are 3
  manifest["recipe"]["train"]["factor"] = 0.5;
  Open open(manifest);
  double rate = 0;
  ASSERT_WORKS(kinema_package_rate(open.package, 0, 4, 5, &rate));
  EXPECT_DOUBLE_EQ(rate, 0.1);
  ASSERT_WORKS(kinema_package_rate(open.package, 2, 0, 5, &rate));
  EXPECT_DOUBLE_EQ(rate, 0.05);
  EXPECT_FAILS(kinema_package_rate(open.package, 2, 5, 5, &rate),
               "there is no batch 5 of epoch 2: an epoch has 5");
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
  EXPECT_FAILS(kinema_share(nullptr, nullptr), "the argument tensor is NULL");
  EXPECT_FAILS(kinema_session_save_weights_memory(open.session, nullptr, nullptr),
               "the argument content is NULL");
  EXPECT_EQ(kinema_package_name(nullptr), nullptr);
  EXPECT_EQ(kinema_package_setting_name(nullptr, 0), nullptr);
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
