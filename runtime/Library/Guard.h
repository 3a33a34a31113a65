// Turns what the runtime throws into the values that the library's functions return.
#pragma once

#include "runtime/Library/kinema.h"
#include "runtime/Support/Error.h"

#include <new>
#include <string>

struct kinema_error {
  std::string message;
  kinema_status status = KINEMA_WORK_FAILED;
};

namespace kinema::library {

// Returns the error of the exception that is being handled; one that stands for all where there is no memory
// for an error of its own.
kinema_error *currentError() noexcept;

// Carries an action out; returns the error of what it throws, else null.
template <typename Action> kinema_error *guarded(Action &&action) noexcept {
  try {
    action();
    return nullptr;
  } catch (...) {
    return currentError();
  }
}

// Returns what `value` returns, or `otherwise` where it throws.
template <typename Value, typename Action> Value valueOr(Value otherwise, Action &&value) noexcept {
  try {
    return value();
  } catch (...) {
    return otherwise;
  }
}

[[noreturn]] void refuseNull(const char *name);

// Throws Error where a pointer is null that must not be; `name` is that of the parameter.
template <typename Pointed> void require(Pointed *pointer, const char *name) {
  if (!pointer)
    refuseNull(name);
}

// Returns a text that may be null.
inline std::string textOf(const char *text) { return text ? text : ""; }

} // namespace kinema::library
