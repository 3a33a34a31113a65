#include "runtime/Data/FFmpegLibrary.h"

#include "runtime/Support/Error.h"

extern "C" {
#include <libavutil/ffversion.h>
}

#include <dlfcn.h>

#include <string_view>

namespace kinema::ffmpeg {

namespace {

// Returns "5.1" of "5.1.9-0+deb12u1", which is the version that users know.
std::string_view release(std::string_view version) {
  version = version.substr(0, version.find_first_not_of("0123456789."));
  size_t dot = version.find('.');
  return version.substr(0, dot == std::string_view::npos ? dot : version.find('.', dot + 1));
}

std::string named(std::string_view version, int libavutil) {
  return fmt::format("FFmpeg {} (libavutil {})", release(version), libavutil);
}

// Finds another version that the machine has.
std::string foundInstead() {
  constexpr int newest = 99, oldest = 50;
  for (int major = newest; major >= oldest; --major)
    if (void *handle = dlopen(fmt::format("libavutil.so.{}", major).c_str(), RTLD_LAZY | RTLD_LOCAL)) {
      auto version = reinterpret_cast<const char *(*)()>(dlsym(handle, "av_version_info"));
      return named(version ? version() : "", major);
    }
  return "none";
}

[[noreturn]] void failFinding(const std::string &missing) {
  fail("{} is needed to read videos, found {}: {}; install its libraries (Debian 12: ffmpeg), or make the "
       "videos uncompressed ones (.y4m)",
       named(FFMPEG_VERSION, LIBAVUTIL_VERSION_MAJOR), foundInstead(), missing);
}

void *open(const char *file) {
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    failFinding(dlerror());
  return handle;
}

// Opens the libraries, which stay open until the process ends.
Library openAll() {
  [[maybe_unused]] void *avutil = open("libavutil.so." AV_STRINGIFY(LIBAVUTIL_VERSION_MAJOR));
  [[maybe_unused]] void *avcodec = open("libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR));
  [[maybe_unused]] void *avformat = open("libavformat.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR));
  [[maybe_unused]] void *swscale = open("libswscale.so." AV_STRINGIFY(LIBSWSCALE_VERSION_MAJOR));
  Library all;
#define KINEMA_FFMPEG_FIND(library, function)                                                                \
  all.function = reinterpret_cast<decltype(all.function)>(dlsym(library, #function));                        \
  if (!all.function)                                                                                         \
    failFinding("there is no function " #function);
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
