extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
}

#include <cstddef>

namespace {

// Holds where the headers at hand, which are those of one release, have the fields that move.
namespace own {
constexpr int frameRange = offsetof(AVFrame, color_range), frameSpace = offsetof(AVFrame, colorspace),
              width = offsetof(AVCodecParameters, width), height = offsetof(AVCodecParameters, height),
              interrupt = offsetof(AVFormatContext, interrupt_callback),
              openFile = offsetof(AVFormatContext, io_open), number = offsetof(AVStream, index),
              role = offsetof(AVStream, disposition), parameters = offsetof(AVStream, codecpar),
              discard = offsetof(AVStream, discard), tick = offsetof(AVStream, time_base),
              meanRate = offsetof(AVStream, avg_frame_rate), baseRate = offsetof(AVStream, r_frame_rate),
              error = offsetof(AVIOContext, error);
} // namespace own

// These lie at the same places in all releases, by their headers.
static_assert(offsetof(AVPacket, pts) == 8 && offsetof(AVPacket, data) == 24 &&
              offsetof(AVPacket, size) == 32 && offsetof(AVPacket, stream_index) == 36 &&
              offsetof(AVPacket, flags) == 40 && offsetof(AVPacket, duration) == 64);
static_assert(offsetof(AVFrame, data) == 0 && offsetof(AVFrame, linesize) == 64 &&
              offsetof(AVFrame, width) == 104 && offsetof(AVFrame, height) == 108 &&
              offsetof(AVFrame, format) == 116 && offsetof(AVFrame, pts) == 136);
static_assert(offsetof(AVFormatContext, iformat) == 8 && offsetof(AVFormatContext, pb) == 32 &&
              offsetof(AVFormatContext, nb_streams) == 44 && offsetof(AVFormatContext, streams) == 48);
static_assert(offsetof(AVCodecParameters, codec_id) == 4 && offsetof(AVCodecContext, codec_id) == 24 &&
              offsetof(AVIOContext, buffer) == 8 && offsetof(AVInputFormat, name) == 0);

} // namespace

#include "runtime/Data/FFmpegRelease.h"

namespace kinema::ffmpeg {
namespace {

// The numbers are those of the releases' headers on 64-bit Linux.
constexpr Release table[] = {
    {.name = "4.4",
     .avutil = 56,
     .avcodec = 58,
     .avformat = 58,
     .swscale = 5,
     .frameRange = {384},
     .frameSpace = {396},
     .width = {56},
     .height = {60},
     .sideData = {},
     .sideDataCount = {},
     .interrupt = {1224},
     .openFile = {1464},
     .number = {0},
     .role = {56},
     .parameters = {208},
     .discard = {60},
     .tick = {24},
     .meanRate = {80},
     .baseRate = {192},
     .indexed = {464},
     .error = {120}},
    {.name = "5",
     .avutil = 57,
     .avcodec = 59,
     .avformat = 59,
     .swscale = 6,
     .frameRange = {320},
     .frameSpace = {332},
     .width = {56},
     .height = {60},
     .sideData = {},
     .sideDataCount = {},
     .interrupt = {200},
     .openFile = {424},
     .number = {0},
     .role = {48},
     .parameters = {208},
     .discard = {52},
     .tick = {16},
     .meanRate = {72},
     .baseRate = {200},
     .indexed = {},
     .error = {84}},
    {.name = "6",
     .avutil = 58,
     .avcodec = 60,
     .avformat = 60,
     .swscale = 7,
     .frameRange = {320},
     .frameSpace = {332},
     .width = {56},
     .height = {60},
     .sideData = {},
     .sideDataCount = {},
     .interrupt = {200},
     .openFile = {424},
     .number = {8},
     .role = {64},
     .parameters = {16},
     .discard = {68},
     .tick = {32},
     .meanRate = {88},
     .baseRate = {216},
     .indexed = {},
     .error = {84}},
    {.name = "7",
     .avutil = 59,
     .avcodec = 61,
     .avformat = 61,
     .swscale = 8,
     .frameRange = {296},
     .frameSpace = {308},
     .width = {72},
     .height = {76},
     .sideData = {},
     .sideDataCount = {},
     .interrupt = {216},
     .openFile = {448},
     .number = {8},
     .role = {64},
     .parameters = {16},
     .discard = {68},
     .tick = {32},
     .meanRate = {88},
     .baseRate = {216},
     .indexed = {},
     .error = {84}},
    {.name = "8",
     .avutil = 60,
     .avcodec = 62,
     .avformat = 62,
     .swscale = 9,
     .frameRange = {280},
     .frameSpace = {292},
     .width = {72},
     .height = {76},
     .sideData = {32},
     .sideDataCount = {40},
     .interrupt = {216},
     .openFile = {448},
     .number = {8},
     .role = {64},
     .parameters = {16},
     .discard = {68},
     .tick = {32},
     .meanRate = {88},
     .baseRate = {204},
     .indexed = {},
     .error = {84}},
};

constexpr const Release &built() {
  for (const Release &release : table)
    if (release.avutil == LIBAVUTIL_VERSION_MAJOR)
      return release;
  return table[0];
}

constexpr bool fits(const Release &release) {
  return release.avcodec == LIBAVCODEC_VERSION_MAJOR && release.avformat == LIBAVFORMAT_VERSION_MAJOR &&
         release.frameRange.offset == own::frameRange && release.frameSpace.offset == own::frameSpace &&
         release.width.offset == own::width && release.height.offset == own::height &&
         release.interrupt.offset == own::interrupt && release.openFile.offset == own::openFile &&
         release.number.offset == own::number && release.role.offset == own::role &&
         release.parameters.offset == own::parameters && release.discard.offset == own::discard &&
         release.tick.offset == own::tick && release.meanRate.offset == own::meanRate &&
         release.baseRate.offset == own::baseRate && release.error.offset == own::error;
}
static_assert(fits(built()), "the table does not say what the headers of this release of FFmpeg say");

} // namespace

std::span<const Release> releases() { return table; }

const Release &ownRelease() { return built(); }

} // namespace kinema::ffmpeg
