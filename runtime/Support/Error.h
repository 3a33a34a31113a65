// Defines how the runtime reports what went wrong: one exception type with one message that a user can act on
// (in lower case: what was seen, where, what to do) and the exit status of the command that it ends.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace kinema {

struct Error : std::runtime_error {
  static constexpr int workFailed = 1;     // files, videos, devices, numbers
  static constexpr int argumentsWrong = 2; // the spec or the command line

  explicit Error(const std::string &message, int status = workFailed)
      : std::runtime_error(message), status(status) {}

  int status;
};

// Throws Error with exit status 1: the work failed.
template <typename... Args> [[noreturn]] void fail(fmt::format_string<Args...> format, Args &&...args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), Error::workFailed);
}

// Throws Error with exit status 2: the spec or the arguments are wrong.
template <typename... Args> [[noreturn]] void refuse(fmt::format_string<Args...> format, Args &&...args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...), Error::argumentsWrong);
}

} // namespace kinema
