// Declares FFmpeg's functions that Kinema calls. They come from the machine's shared libraries, which are
// opened when the first video is, so that a program that reads no video runs where there is no FFmpeg. Their
// types are those of the headers that Kinema was built with; where the release that is found has others,
// Release says how. Only FFmpeg.cpp includes this file.
#pragma once

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include "runtime/Data/FFmpegRelease.h"

#include <string>

namespace kinema::ffmpeg {

// Lists the functions as F(library, function).
#define KINEMA_FFMPEG_FUNCTIONS(F)                                                                           \
  F(avutil, av_dict_free)                                                                                    \
  F(avutil, av_dict_set)                                                                                     \
  F(avutil, av_dict_set_int)                                                                                 \
  F(avutil, av_frame_alloc)                                                                                  \
  F(avutil, av_frame_free)                                                                                   \
  F(avutil, av_frame_get_buffer)                                                                             \
  F(avutil, av_frame_make_writable)                                                                          \
  F(avutil, av_frame_unref)                                                                                  \
  F(avutil, av_freep)                                                                                        \
  F(avutil, av_get_pix_fmt)                                                                                  \
  F(avutil, av_get_pix_fmt_name)                                                                             \
  F(avutil, av_log_set_level)                                                                                \
  F(avutil, av_malloc)                                                                                       \
  F(avutil, av_opt_set)                                                                                      \
  F(avutil, av_opt_set_image_size)                                                                           \
  F(avutil, av_opt_set_int)                                                                                  \
  F(avutil, av_opt_set_pixel_fmt)                                                                            \
  F(avutil, av_opt_set_q)                                                                                    \
  F(avutil, av_strerror)                                                                                     \
  F(avutil, av_version_info)                                                                                 \
  F(avcodec, av_packet_alloc)                                                                                \
  F(avcodec, av_packet_free)                                                                                 \
  F(avcodec, av_packet_rescale_ts)                                                                           \
  F(avcodec, av_packet_unref)                                                                                \
  F(avcodec, avcodec_alloc_context3)                                                                         \
  F(avcodec, avcodec_find_decoder)                                                                           \
  F(avcodec, avcodec_find_encoder_by_name)                                                                   \
  F(avcodec, avcodec_flush_buffers)                                                                          \
  F(avcodec, avcodec_free_context)                                                                           \
  F(avcodec, avcodec_get_name)                                                                               \
  F(avcodec, avcodec_open2)                                                                                  \
  F(avcodec, avcodec_parameters_alloc)                                                                       \
  F(avcodec, avcodec_parameters_copy)                                                                        \
  F(avcodec, avcodec_parameters_free)                                                                        \
  F(avcodec, avcodec_parameters_from_context)                                                                \
  F(avcodec, avcodec_parameters_to_context)                                                                  \
  F(avcodec, avcodec_receive_frame)                                                                          \
  F(avcodec, avcodec_receive_packet)                                                                         \
  F(avcodec, avcodec_send_frame)                                                                             \
  F(avcodec, avcodec_send_packet)                                                                            \
  F(avformat, av_find_best_stream)                                                                           \
  F(avformat, av_interleaved_write_frame)                                                                    \
  F(avformat, av_read_frame)                                                                                 \
  F(avformat, av_seek_frame)                                                                                 \
  F(avformat, av_write_trailer)                                                                              \
  F(avformat, avformat_alloc_context)                                                                        \
  F(avformat, avformat_alloc_output_context2)                                                                \
  F(avformat, avformat_close_input)                                                                          \
  F(avformat, avformat_find_stream_info)                                                                     \
  F(avformat, avformat_free_context)                                                                         \
  F(avformat, avformat_new_stream)                                                                           \
  F(avformat, avformat_open_input)                                                                           \
  F(avformat, avformat_write_header)                                                                         \
  F(avformat, avio_alloc_context)                                                                            \
  F(avformat, avio_closep)                                                                                   \
  F(avformat, avio_context_free)                                                                             \
  F(avformat, avio_flush)                                                                                    \
  F(avformat, avio_open)                                                                                     \
  F(swscale, sws_freeContext)                                                                                \
  F(swscale, sws_getCoefficients)                                                                            \
  F(swscale, sws_getContext)                                                                                 \
  F(swscale, sws_scale)                                                                                      \
  F(swscale, sws_setColorspaceDetails)

struct Library {
  const Release *release = nullptr;
  std::string name; // with the version, such as "FFmpeg 5.1"
#define KINEMA_FFMPEG_MEMBER(library, function) decltype(&::function) function = nullptr;
  KINEMA_FFMPEG_FUNCTIONS(KINEMA_FFMPEG_MEMBER)
#undef KINEMA_FFMPEG_MEMBER
  // Returns the data of that kind that come with a stream, and their length. Null where `release` has them
  // among the stream's parameters.
  const uint8_t *(*av_stream_get_side_data)(const AVStream *, AVPacketSideDataType, size_t *) = nullptr;
  decltype(&::avformat_index_get_entries_count) avformat_index_get_entries_count = nullptr;
};

// Returns the library. The first call opens it and silences FFmpeg's log. Of several releases it is the one
// whose headers Kinema was built with, else the newest, or the one that KINEMA_FFMPEG names in the
// environment. Throws Error where there is none that Kinema works with, saying what is needed and what was
// found.
const Library &library();

} // namespace kinema::ffmpeg
