// Trains a network on videos, step by step: learn PACKAGE OUT EPOCHS VIDEO LABEL [VIDEO LABEL]...
//
// The same library as in predict.c, with handles that close themselves and errors that are thrown on this
// side.
#include <kinema.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

void check(kinema_error *error) {
  if (!error)
    return;
  const std::unique_ptr<kinema_error, decltype(&kinema_error_free)> owner(error, kinema_error_free);
  throw std::runtime_error(kinema_error_message(error));
}

struct Close {
  void operator()(kinema_package *package) const { kinema_package_close(package); }
  void operator()(kinema_session *session) const { kinema_session_close(session); }
  void operator()(kinema_clips *clips) const { kinema_clips_close(clips); }
};

// Calls a function whose last parameter is the handle that it makes.
template <typename Handle, typename... Parameters, typename... Arguments>
std::unique_ptr<Handle, Close> make(kinema_error *(*open)(Parameters...), Arguments... arguments) {
  Handle *handle = nullptr;
  check(open(arguments..., &handle));
  return std::unique_ptr<Handle, Close>(handle);
}

// Trains for an epoch; returns the mean loss of its steps.
double trainEpoch(kinema_session *session, kinema_clips *clips) {
  double sum = 0;
  int64_t steps = 0;
  for (;;) {
    int64_t valid = 0;
    check(kinema_clips_next(clips, &valid));
    if (valid < 0)
      return steps > 0 ? sum / static_cast<double>(steps) : 0;
    if (valid == 0)
      continue;
    float loss = 0;
    check(kinema_session_take(session, clips));
    check(kinema_session_train_step(session, nullptr, &loss));
    sum += loss;
    ++steps;
  }
}

void learn(char **arguments, int count) {
  std::vector<const char *> videos;
  std::vector<int32_t> labels;
  for (int i = 4; i + 1 < count; i += 2) {
    videos.push_back(arguments[i]);
    labels.push_back(std::atoi(arguments[i + 1]));
  }
  auto package = make<kinema_package>(kinema_package_open, arguments[1]);
  auto session = make<kinema_session>(kinema_session_open, package.get(), "auto", 0);
  auto clips = make<kinema_clips>(kinema_clips_open_training, package.get(), videos.data(), labels.data(),
                                  static_cast<int64_t>(videos.size()), nullptr, 0);
  check(kinema_session_initialise(session.get(), 1));
  std::printf("on %s\n", kinema_session_device(session.get()));
  for (int epoch = 1; epoch <= std::atoi(arguments[3]); ++epoch)
    std::printf("epoch %d: loss %.3f\n", epoch, trainEpoch(session.get(), clips.get()));
  check(kinema_session_save_weights(session.get(), arguments[2], nullptr));
}

} // namespace

int main(int count, char **arguments) {
  if (count < 6) {
    std::fprintf(stderr, "usage: learn PACKAGE OUT EPOCHS VIDEO LABEL [VIDEO LABEL]...\n");
    return 2;
  }
  try {
    learn(arguments, count);
    return 0;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "learn: error: %s\n", error.what());
    return 1;
  }
}
