// Defines what a session is: a program, and how far the caller has come with it.
#pragma once

#include "runtime/Library/Exchange.h"
#include "runtime/Library/Handles.h"
#include "runtime/Training/LossScale.h"
#include "runtime/Training/Schedule.h"

#include <optional>
#include <set>

struct kinema_session {
  kinema_session(std::shared_ptr<kinema::library::OpenPackage> open, const char *device, int threads);

  const kinema::Manifest &manifest() const { return program->manifest(); }
  // Returns the manifest. Throws Error where the package cannot train.
  const kinema::Manifest &requireTraining() const;
  // Returns what a description means on this device. Throws Error where it is one of another package.
  kinema::ArenaTensor placeOf(const kinema_tensor &tensor) const;

  // Says that a whole set of parameters is there, and prepared.
  void haveWeights(std::vector<std::string> classNames);
  // Says that a tensor was written.
  void haveWritten(const kinema_tensor &tensor);
  void requireParameters() const;
  // Returns how much classes weigh. Throws Error where they differ by the recipe and nobody has said how.
  const std::vector<double> &requireClassWeights() const;

  // Reads the inputs that are bound. Throws Error where an input was never written.
  void takeBound(const char *entry);
  // Prepares if parameters have changed.
  void prepare();
  // Runs an entry, and writes the outputs that are bound.
  void run(const char *entry);

  std::shared_ptr<kinema::library::OpenPackage> package;
  std::shared_ptr<kinema::Program> program; // shared with views of its memory
  std::string device;
  std::atomic_flag used;

  std::set<std::string> writtenInputs, writtenParameters;
  bool writtenLabels = false;
  bool prepared = false;                      // since the parameters have changed
  std::string lastEntry;                      // whose outputs are there; empty: none are
  std::vector<std::string> classes;           // names, of the weights that were loaded last
  std::vector<double> classWeights;           // in the loss; none: all the same
  kinema::UpdateCount count;                  // of the training since the weights were set
  int64_t steps = 0;                          // likewise
  std::optional<kinema::LossScale> lossScale; // likewise, where steps scale their loss
  std::map<const kinema_tensor *, kinema::library::BoundTensor> bound;

private:
  void writeBound(const char *entry);
};

namespace kinema::library {

// Carries an action on a session out, on a thread that is the only one to use it.
template <typename Action> kinema_error *withSession(kinema_session *session, Action &&action) noexcept {
  return guarded([&] {
    require(session, "session");
    Use use(session->used, "session");
    session->program->enterThread();
    action();
  });
}

} // namespace kinema::library
