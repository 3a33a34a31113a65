// What the tests of the library share: a package that is open, its clips, and what they compute to.
#pragma once

#include "runtime/Library/kinema.h"

#include "runtime/Program/Program.h"
#include "runtime/Support/Random.h"
#include "test/runtime/LinearPackage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kinema::test {

// Returns the message of an error, which is freed; an empty text for none.
inline std::string messageOf(kinema_error *error) {
  std::string message = kinema_error_message(error);
  kinema_error_free(error);
  return message;
}

#define EXPECT_WORKS(call) EXPECT_EQ(messageOf(call), "")
#define ASSERT_WORKS(call) ASSERT_EQ(messageOf(call), "")
#define EXPECT_FAILS(call, text) EXPECT_THAT(messageOf(call), ::testing::HasSubstr(text))

// A linear classifier of clips of [3, 1, 2, 3], 4 a batch, 3 classes, open and on the CPU.
struct Open {
  TemporaryFolder folder;
  kinema_package *package = nullptr;
  kinema_session *session = nullptr;

  explicit Open(const nlohmann::json &manifest = linearManifest(), int threads = 1) {
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

inline std::vector<float> clips(uint64_t seed = 5) {
  std::vector<float> values(72);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = random::normal(seed, 0, i);
  return values;
}

// What the program itself computes for the same clips and initialisation.
inline std::vector<float> expectedLogits(uint64_t seed) {
  TemporaryFolder folder;
  Program program(Package(writeLinearPackage(folder / "linear.kinema")), {.threads = 1});
  program.initialise(seed);
  program.set(program.manifest().input(), clips());
  program.run("infer");
  return program.get(program.manifest().output("infer", "logits"));
}

} // namespace kinema::test
