// Lists the releases of FFmpeg that Kinema works with. Their functions are the same, but fields of their
// structures lie at other places. What has an option or lies at the same place in all of them is used as the
// headers say; the other fields are reached by the offsets here.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
}

#include <cstring>
#include <span>

namespace kinema::ffmpeg {

// A Field is a field of type T in a structure Of that lies `offset` bytes behind its beginning.
template <typename Of, typename T> struct Field {
  int offset = -1; // negative: the release has no such field

  explicit operator bool() const { return offset >= 0; }
  T &of(Of *object) const { return *reinterpret_cast<T *>(reinterpret_cast<char *>(object) + offset); }
  const T &of(const Of *object) const {
    return *reinterpret_cast<const T *>(reinterpret_cast<const char *>(object) + offset);
  }
};

using OpenFile = int (*)(AVFormatContext *, AVIOContext **, const char *, int, AVDictionary **);

// A Release is one of FFmpeg's, from which its libraries have these numbers in their names. Within a release
// structures grow at their ends alone.
struct Release {
  const char *name; // as users know it
  int avutil, avcodec, avformat, swscale;

  Field<AVFrame, AVColorRange> frameRange;
  Field<AVFrame, AVColorSpace> frameSpace;
  Field<AVCodecParameters, int> width, height;
  Field<AVCodecParameters, const AVPacketSideData *> sideData; // where streams have none of their own
  Field<AVCodecParameters, int> sideDataCount;
  Field<AVFormatContext, AVIOInterruptCB> interrupt;
  Field<AVFormatContext, OpenFile> openFile;
  Field<AVStream, int> number, role; // role: AV_DISPOSITION_*
  Field<AVStream, AVCodecParameters *> parameters;
  Field<AVStream, AVDiscard> discard;
  Field<AVStream, AVRational> tick, meanRate, baseRate;
  Field<AVStream, int> indexed; // packets in the stream's table, where there is no function for their number
  Field<AVIOContext, int> error;
};

// Returns the releases from the oldest to the newest.
std::span<const Release> releases();

// Returns the release whose headers Kinema was built with.
const Release &ownRelease();

} // namespace kinema::ffmpeg

// These lie at other places in other releases: Release and the functions for options reach them.
#pragma GCC poison color_range colorspace coded_side_data interrupt_callback io_open codecpar disposition
#pragma GCC poison avg_frame_rate r_frame_rate time_base pkt_timebase framerate pix_fmt gop_size thread_count
#pragma GCC poison skip_frame
