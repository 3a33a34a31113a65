#include "runtime/Library/Guard.h"

#include <memory>

namespace kinema::library {

// It is made when the library is loaded, since there is no memory for it later, and is never freed.
static kinema_error noMemory{"there is not enough memory", KINEMA_NO_MEMORY};

static kinema_status statusOf(const Error &error) {
  return error.status == Error::argumentsWrong ? KINEMA_ARGUMENTS_WRONG : KINEMA_WORK_FAILED;
}

kinema_error *currentError() noexcept {
  try {
    try {
      throw;
    } catch (const Error &error) {
      return new kinema_error{error.what(), statusOf(error)};
    } catch (const std::bad_alloc &) {
      return &noMemory;
    } catch (const std::exception &error) {
      return new kinema_error{error.what(), KINEMA_WORK_FAILED};
    }
  } catch (...) {
    return &noMemory;
  }
}

void refuseNull(const char *name) { refuse("the argument {} is NULL", name); }

} // namespace kinema::library

using namespace kinema::library;

kinema_status kinema_error_status(const kinema_error *error) { return error ? error->status : KINEMA_OK; }

const char *kinema_error_message(const kinema_error *error) { return error ? error->message.c_str() : ""; }

void kinema_error_free(kinema_error *error) {
  if (error != &kinema::library::noMemory)
    delete error;
}

const char *kinema_version(void) { return KINEMA_VERSION; }
