#include "runtime/Data/FFmpegLibrary.h"

#include "runtime/Support/Error.h"

#include <fmt/ranges.h>

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace kinema::ffmpeg {

namespace {

constexpr const char *install =
    "install FFmpeg 4.4 to 8 (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install ffmpeg-free), or make "
    "the videos uncompressed ones (.y4m)";

constexpr const char *choice = "KINEMA_FFMPEG"; // in the environment: the release to take

// The libraries of one release, opened for as long as the process runs.
struct Libraries {
  void *avutil = nullptr, *avcodec = nullptr, *avformat = nullptr, *swscale = nullptr;
};

// Opens a library, or says in `problem` what is wrong with it. `absent` says whether it is merely not there.
void *openLibrary(const char *name, int number, const char *versionFunction, std::string &problem,
                  bool &absent) {
  const std::string file = fmt::format("lib{}.so.{}", name, number);
  void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const std::string error = dlerror();
    absent = error.starts_with(file + ": cannot open shared object file: No such file");
    problem = error;
    return nullptr;
  }
  auto version = reinterpret_cast<unsigned (*)()>(dlsym(handle, versionFunction));
  if (version && AV_VERSION_MAJOR(version()) == static_cast<unsigned>(number))
    return handle;
  problem = version ? fmt::format("{} says that its number is {}", file, AV_VERSION_MAJOR(version()))
                    : fmt::format("{} does not say its number", file);
  return nullptr;
}

// Opens all libraries of a release. Where that fails, says why in `problem`, unless none of them is there.
bool openLibraries(const Release &release, Libraries &opened, std::string &problem) {
  std::string found;
  bool absent = false;
  opened.avutil = openLibrary("avutil", release.avutil, "avutil_version", found, absent);
  if (opened.avutil) {
    absent = false;
    opened.avcodec = openLibrary("avcodec", release.avcodec, "avcodec_version", found, absent);
    if (opened.avcodec)
      opened.avformat = openLibrary("avformat", release.avformat, "avformat_version", found, absent);
    if (opened.avformat)
      opened.swscale = openLibrary("swscale", release.swscale, "swscale_version", found, absent);
    absent = false;
  }
  if (opened.swscale)
    return true;
  if (!absent)
    problem = found;
  return false;
}

// Returns "3.4" of "3.4.11-0ubuntu0.1", which is the version that users know.
std::string shortVersion(std::string_view version) {
  version = version.substr(0, version.find_first_not_of("0123456789."));
  size_t dot = version.find('.');
  return std::string(version.substr(0, dot == std::string_view::npos ? dot : version.find('.', dot + 1)));
}

// Finds releases that the machine has and Kinema does not work with.
std::string otherReleases() {
  constexpr int newest = 99, oldest = 50;
  std::vector<std::string> found;
  for (int number = newest; number >= oldest; --number) {
    bool known = false;
    for (const Release &release : releases())
      known |= release.avutil == number;
    void *handle =
        known ? nullptr : dlopen(fmt::format("libavutil.so.{}", number).c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
      continue;
    auto version = reinterpret_cast<const char *(*)()>(dlsym(handle, "av_version_info"));
    std::string release = version ? shortVersion(version()) : "";
    found.push_back(release.empty() ? fmt::format("an FFmpeg with libavutil {}", number)
                                    : "FFmpeg " + release);
  }
  return found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "));
}

// Returns the releases in the order in which they are looked for.
std::vector<const Release *> wantedReleases() {
  std::vector<const Release *> wanted;
  const char *name = std::getenv(choice);
  if (!name)
    wanted.push_back(&ownRelease());
  for (size_t i = releases().size(); i-- > 0;)
    if (const Release &release = releases()[i];
        name ? std::string_view(name) == release.name : &release != &ownRelease())
      wanted.push_back(&release);
  if (wanted.empty()) {
    std::vector<std::string_view> names;
    for (const Release &release : releases())
      names.emplace_back(release.name);
    refuse("{} is {}, expected one of {}", choice, name, fmt::join(names, ", "));
  }
  return wanted;
}

// Opens the first of the wanted releases that is there.
const Release &openRelease(Libraries &opened) {
  std::string broken;
  for (const Release *release : wantedReleases()) {
    std::string problem;
    if (openLibraries(*release, opened, problem))
      return *release;
    if (!problem.empty() && broken.empty())
      broken = fmt::format("FFmpeg {} on this machine cannot be used: {}", release->name, problem);
  }
  if (broken.empty())
    broken = fmt::format("found {}", otherReleases());
  const char *name = std::getenv(choice);
  fail("FFmpeg{} is needed to read videos, {}; {}",
       name ? fmt::format(" {}, which {} asks for,", name, choice) : "", broken, install);
}

void requireAll(bool found, const Release &release, const char *what) {
  if (!found)
    fail("FFmpeg {} on this machine cannot be used: {}; {}", release.name, what, install);
}

// A new frame has no colours yet: after its range come three unspecified kinds (2), the last of them its
// space.
bool frameFits(const Library &all) {
  AVFrame *frame = all.av_frame_alloc();
  if (!frame)
    throw std::bad_alloc();
  const auto *kinds = reinterpret_cast<const int *>(&all.release->frameRange.of(frame));
  bool fits = kinds[0] == AVCOL_RANGE_UNSPECIFIED && kinds[1] == 2 && kinds[2] == 2 && kinds[3] == 2 &&
              all.release->frameSpace.of(frame) == AVCOL_SPC_UNSPECIFIED && frame->pts == AV_NOPTS_VALUE &&
              frame->format == -1;
  all.av_frame_free(&frame);
  return fits;
}

// A new demuxer opens files by a function of the library; the second of its streams has number 1 and
// parameters of no codec.
bool formatFits(const Library &all, const Libraries &opened) {
  AVFormatContext *format = all.avformat_alloc_context();
  if (!format || !all.avformat_new_stream(format, nullptr) || !all.avformat_new_stream(format, nullptr))
    throw std::bad_alloc();
  Dl_info owner = {}, own = {};
  auto openFile = reinterpret_cast<void *>(all.release->openFile.of(format));
  bool fits = dladdr(openFile, &owner) != 0 &&
              dladdr(dlsym(opened.avformat, "avformat_version"), &own) != 0 &&
              owner.dli_fbase == own.dli_fbase && format->nb_streams == 2;
  fits = fits && all.release->interrupt.of(format).callback == nullptr;
  if (fits) {
    AVStream *stream = format->streams[1];
    const AVCodecParameters *parameters = all.release->parameters.of(stream);
    fits = all.release->number.of(stream) == 1 && parameters && parameters->codec_id == AV_CODEC_ID_NONE &&
           all.release->width.of(parameters) == 0 && all.release->height.of(parameters) == 0;
  }
  all.avformat_free_context(format);
  return fits;
}

} // namespace

// Opens the libraries, which stay open until the process ends, and checks that structures are laid out as the
// table of releases says: a build with other structures would otherwise be found out by wrong pictures.
static Library openAll() {
  Libraries opened;
  Library all;
  all.release = &openRelease(opened);
#define KINEMA_FFMPEG_FIND(library, function)                                                                \
  all.function = reinterpret_cast<decltype(all.function)>(dlsym(opened.library, #function));                 \
  requireAll(all.function, *all.release, "it has no function " #function);
  KINEMA_FFMPEG_FUNCTIONS(KINEMA_FFMPEG_FIND)
#define KINEMA_FFMPEG_FIND_UNLESS(field, function)                                                           \
  if (!all.release->field) {                                                                                 \
    KINEMA_FFMPEG_FIND(avformat, function)                                                                   \
  }
  KINEMA_FFMPEG_FIND_UNLESS(sideData, av_stream_get_side_data)
  KINEMA_FFMPEG_FIND_UNLESS(indexed, avformat_index_get_entries_count)
#undef KINEMA_FFMPEG_FIND_UNLESS
#undef KINEMA_FFMPEG_FIND
  const std::string version = shortVersion(all.av_version_info());
  all.name = fmt::format("FFmpeg {}", version.empty() ? all.release->name : version);
  all.av_log_set_level(AV_LOG_QUIET);
  requireAll(frameFits(all) && formatFits(all, opened), *all.release,
             "its structures are laid out in another way than the release's");
  return all;
}

const Library &library() {
  static const Library opened = openAll();
  return opened;
}

} // namespace kinema::ffmpeg
