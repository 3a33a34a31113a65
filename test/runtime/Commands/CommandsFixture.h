// Runs kinema-runtime in a folder of its own, which has a package.
#pragma once

#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>
#include <string>

namespace kinema::test {

class Commands : public testing::Test {
protected:
  TemporaryFolder folder;
  std::string package = writeLinearPackage(folder / "linear.kin");
  std::string output, errors;

  // Runs a command. Returns its exit status; what it printed is in `output` and `errors`.
  int run(const std::string &arguments, const std::string &program = KINEMA_RUNTIME) {
    std::string line = fmt::format("cd '{}' && {} {} >out 2>err", folder.name(), program, arguments);
    int status = std::system(line.c_str());
    output = readFile(folder / "out");
    errors = readFile(folder / "err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
};

} // namespace kinema::test
