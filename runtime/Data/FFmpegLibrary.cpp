#include "runtime/Data/FFmpegLibrary.h"

#include "runtime/Error.h"

#include <dlfcn.h>

namespace kinema::ffmpeg {

namespace {

void *open(const char *file) {
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail("videos are read with FFmpeg {}.{}, which is not on this machine ({}); install its libraries "
         "(Debian: ffmpeg)",
         LIBAVFORMAT_VERSION_MAJOR, LIBAVFORMAT_VERSION_MINOR, dlerror());
  return handle;
}

// Stay open until the process ends.
Library openAll() {
  [[maybe_unused]] void *avutil = open("libavutil.so." AV_STRINGIFY(LIBAVUTIL_VERSION_MAJOR));
  [[maybe_unused]] void *avcodec = open("libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR));
  [[maybe_unused]] void *avformat = open("libavformat.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR));
  [[maybe_unused]] void *swscale = open("libswscale.so." AV_STRINGIFY(LIBSWSCALE_VERSION_MAJOR));
  Library all;
#define KINEMA_FFMPEG_FIND(library, function)                                                                \
  all.function = reinterpret_cast<decltype(all.function)>(dlsym(library, #function));                        \
  if (!all.function)                                                                                         \
    fail("the FFmpeg of this machine has no function {}: install the version {}.{} of libavformat",          \
         #function, LIBAVFORMAT_VERSION_MAJOR, LIBAVFORMAT_VERSION_MINOR);
  KINEMA_FFMPEG_FUNCTIONS(KINEMA_FFMPEG_FIND)
#undef KINEMA_FFMPEG_FIND
  all.av_log_set_level(AV_LOG_QUIET);
  return all;
}

} // namespace

const Library &library() {
  static const Library opened = openAll();
  return opened;
}

} // namespace kinema::ffmpeg
