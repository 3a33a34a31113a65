#include "runtime/Data/FFmpeg.h"

#include "runtime/Data/FFmpegLibrary.h"
#include "runtime/Data/VideoFile.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace kinema::ffmpeg {

static_assert(noTime == AV_NOPTS_VALUE);

namespace {

// unique_ptr deleters for FFmpeg's `void free(T **)` functions.
template <auto Free> struct ReleaseBy {
  template <typename T> void operator()(T *pointer) const { (library().*Free)(&pointer); }
};
using PacketPointer = std::unique_ptr<AVPacket, ReleaseBy<&Library::av_packet_free>>;
using FramePointer = std::unique_ptr<AVFrame, ReleaseBy<&Library::av_frame_free>>;
using CodecPointer = std::unique_ptr<AVCodecContext, ReleaseBy<&Library::avcodec_free_context>>;
using ParametersPointer = std::unique_ptr<AVCodecParameters, ReleaseBy<&Library::avcodec_parameters_free>>;
using DemuxerPointer = std::unique_ptr<AVFormatContext, ReleaseBy<&Library::avformat_close_input>>;
struct ReleaseScaler {
  void operator()(SwsContext *context) const { library().sws_freeContext(context); }
};
using ScalerPointer = std::unique_ptr<SwsContext, ReleaseScaler>;

const Release &release() { return *library().release; }

constexpr int scaleFlags =
    SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;

std::string errorText(int status) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  library().av_strerror(status, text, sizeof text);
  return text;
}

void check(int status, const std::string &file, const char *what) {
  if (status < 0)
    fail("{}: {}: {}", file, what, errorText(status));
}

template <typename T> T *allocated(T *pointer) {
  if (!pointer)
    throw std::bad_alloc();
  return pointer;
}

// Returns FFmpeg's name of a file. Names of files are not URLs: "file:" keeps FFmpeg from reading a colon as
// a protocol.
std::string url(const std::string &file) { return "file:" + file; }

// Lets FFmpeg read a file. FFmpeg opens none itself, since what a playlist names is no part of a video, and
// may be a pipe.
class Source {
public:
  explicit Source(const std::string &path) : file(path) {
    constexpr int bufferBytes = 32768; // as FFmpeg's own
    void *buffer = allocated(library().av_malloc(bufferBytes));
    context = library().avio_alloc_context(static_cast<unsigned char *>(buffer), bufferBytes,
                                           /*write_flag=*/0, this, read, nullptr, seek);
    if (!context) {
      library().av_freep(&buffer);
      throw std::bad_alloc();
    }
  }
  ~Source() {
    library().av_freep(&context->buffer);
    library().avio_context_free(&context);
  }
  Source(const Source &) = delete;
  Source &operator=(const Source &) = delete;

  // Returns a demuxer that reads the file; opened or not, it must not outlive this source.
  AVFormatContext *newDemuxer() {
    AVFormatContext *demuxer = allocated(library().avformat_alloc_context());
    demuxer->pb = context;
    release().interrupt.of(demuxer) = {isLate, this};
    release().openFile.of(demuxer) = refuseToOpen;
    return demuxer;
  }

  VideoFile file;

private:
  static int read(void *source, uint8_t *to, int bytes) {
    auto &self = *static_cast<Source *>(source);
    ssize_t done = self.file.read(to, static_cast<size_t>(bytes), self.at);
    if (done < 0)
      return AVERROR(errno);
    self.at += done;
    return done > 0 ? static_cast<int>(done) : AVERROR_EOF;
  }
  static int64_t seek(void *source, int64_t offset, int whence) {
    auto &self = *static_cast<Source *>(source);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
      return self.file.bytes();
    if (whence == SEEK_CUR)
      offset += self.at;
    else if (whence == SEEK_END)
      offset += self.file.bytes();
    if (offset < 0)
      return AVERROR(EINVAL);
    return self.at = offset;
  }
  static int isLate(void *source) { return static_cast<Source *>(source)->file.isLate(); }
  static int refuseToOpen(AVFormatContext *, AVIOContext **, const char *, int, AVDictionary **) {
    return AVERROR(EACCES);
  }

  AVIOContext *context = nullptr;
  int64_t at = 0; // where the next read begins
};

// Returns the stream's display matrix and its length, or null.
const uint8_t *displayMatrixOf(const AVStream *stream, size_t &bytes) {
  if (library().av_stream_get_side_data)
    return library().av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  const AVCodecParameters *parameters = release().parameters.of(stream);
  const AVPacketSideData *data = release().sideData.of(parameters);
  for (int i = 0; i < release().sideDataCount.of(parameters); ++i)
    if (data[i].type == AV_PKT_DATA_DISPLAYMATRIX) {
      bytes = data[i].size;
      return data[i].data;
    }
  return nullptr;
}

Orientation orientationOf(const AVStream *stream) {
  size_t bytes = 0;
  const uint8_t *data = displayMatrixOf(stream, bytes);
  if (!data || bytes < 9 * sizeof(int32_t))
    return {};
  int32_t matrix[9];
  std::memcpy(matrix, data, sizeof matrix);
  auto unit = [&](int i) { return static_cast<int>(std::lround(matrix[i] / 65536.0)); };
  Orientation turned{unit(0), unit(1), unit(3), unit(4)};
  bool straight = std::abs(turned.a) == 1 && turned.b == 0 && turned.c == 0 && std::abs(turned.d) == 1;
  bool quarter = turned.a == 0 && std::abs(turned.b) == 1 && std::abs(turned.c) == 1 && turned.d == 0;
  return straight || quarter ? turned : Orientation{};
}

bool isOneOf(const AVInputFormat *format, std::initializer_list<const char *> wanted) {
  std::string names = fmt::format(",{},", format->name);
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const char *name) { return names.find(name) != std::string::npos; });
}

// Returns whether a container stores a time with each packet. In the others (MPEG program and transport
// streams, Ogg, raw streams) FFmpeg guesses some times, and guesses differently after a seek.
bool storesTimes(const AVInputFormat *format) {
  return isOneOf(format, {",mov,", ",matroska,", ",avi,", ",flv,"});
}

// Returns whether the container also stores the time at which a packet's picture is shown, whatever was
// probed before.
bool storesShowTimes(const AVInputFormat *format) { return isOneOf(format, {",mov,", ",matroska,"}); }

int indexedPackets(const AVStream *stream) {
  return release().indexed ? release().indexed.of(stream)
                           : library().avformat_index_get_entries_count(stream);
}

Stream describe(const AVStream *source) {
  const AVRational mean = release().meanRate.of(source);
  const AVRational rate = mean.num > 0 ? mean : release().baseRate.of(source);
  const AVCodecParameters *parameters = release().parameters.of(source);
  Stream stream;
  stream.codec = library().avcodec_get_name(parameters->codec_id);
  stream.width = release().width.of(parameters);
  stream.height = release().height.of(parameters);
  stream.orientation = orientationOf(source);
  stream.tick = av_q2d(release().tick.of(source));
  stream.rate = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
  stream.indexed = indexedPackets(source);
  return stream;
}

// Returns whether a packet's picture is not displayed. VP8 encoders put references that are never displayed
// into packets of their own.
bool isHidden(const AVPacket &packet, AVCodecID codec) {
  if (packet.flags & AV_PKT_FLAG_DISCARD)
    return true;
  return packet.size == 0 || (codec == AV_CODEC_ID_VP8 && !(packet.data[0] & 0x10));
}

} // namespace

struct Probe {
  Stream stream;
  int number = 0; // number of the stream in its file
  ParametersPointer parameters;
};

struct Input::State {
  std::string file;
  std::shared_ptr<const Probe> probe;
  std::unique_ptr<Source> source; // must outlive the demuxer
  DemuxerPointer demuxer;
  CodecPointer codec;
  PacketPointer packet{allocated(library().av_packet_alloc())};
  FramePointer frame{allocated(library().av_frame_alloc())};
  bool waitForKey = false, draining = false, failed = false, primed = false;
  int64_t decodeErrors = 0;

  // These are the scaler of the latest conversion and what it was made for.
  ScalerPointer scaler;
  std::vector<int> scalerKey;
  // Where swscale shrinks, it writes a plane for each colour: the same values as packed ones, in a third of
  // the time. (Where it does not shrink, planes would be rounded differently.)
  bool planar = false;
  std::vector<uint8_t> converted;

  int streamNumber() const { return probe->number; }
  void openDemuxer();
  bool knowsStreams() const;
  void examine();
  void openDecoder();
  bool readPacket();
  void skip(AVDiscard pictures) { library().av_opt_set_int(codec.get(), "skip_frame", pictures, 0); }
  void prime();
  void restart();
  void makeScaler(int height, int width);
};

void Input::State::openDemuxer() {
  demuxer.reset();
  source = std::make_unique<Source>(file);
  AVFormatContext *context = source->newDemuxer();
  AVDictionary *options = nullptr;
  // Demuxers that are made by demuxers inherit this option, but not `io_open`.
  library().av_dict_set(&options, "protocol_whitelist", "none", 0);
  int status = library().avformat_open_input(&context, url(file).c_str(), nullptr, &options);
  library().av_dict_free(&options);
  demuxer.reset(context); // null where it could not be opened
  source->file.checkTime();
  if (status == AVERROR_INVALIDDATA)
    fail("{}: not a video that FFmpeg can read", file);
  check(status, file, "cannot be opened");
  // FFmpeg draws any text file as a picture of a terminal.
  if (std::strcmp(context->iformat->name, "tty") == 0)
    fail("{}: a text file, not a video", file);
  if (!knowsStreams())
    examine();
  for (unsigned i = 0; i < context->nb_streams; ++i)
    if (static_cast<int>(i) != streamNumber())
      release().discard.of(context->streams[i]) = AVDISCARD_ALL;
}

// Returns whether the container's header and what was found out before say all that is needed.
bool Input::State::knowsStreams() const {
  if (!probe || !storesShowTimes(demuxer->iformat) || probe->number >= static_cast<int>(demuxer->nb_streams))
    return false;
  const AVCodecParameters *found = release().parameters.of(demuxer->streams[probe->number]);
  return found->codec_id == probe->parameters->codec_id && release().width.of(found) == probe->stream.width &&
         release().height.of(found) == probe->stream.height;
}

// Has FFmpeg decode the beginning of the file to learn what the header does not say.
void Input::State::examine() {
  int status = library().avformat_find_stream_info(demuxer.get(), nullptr);
  this->source->file.checkTime();
  check(status, file, "cannot be probed");
  auto found = std::make_shared<Probe>();
  found->number = library().av_find_best_stream(demuxer.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  const AVStream *source = found->number < 0 ? nullptr : demuxer->streams[found->number];
  if (!source || release().role.of(source) & AV_DISPOSITION_ATTACHED_PIC)
    fail("{}: holds no video stream", file);
  found->stream = describe(source);
  found->stream.exactSeek = storesTimes(demuxer->iformat);
  if (found->stream.width <= 0 || found->stream.height <= 0)
    fail("{}: its video stream has no size", file);
  found->parameters.reset(allocated(library().avcodec_parameters_alloc()));
  check(library().avcodec_parameters_copy(found->parameters.get(), release().parameters.of(source)), file,
        "bad codec parameters");
  probe = std::move(found);
}

void Input::State::openDecoder() {
  const AVCodecParameters *parameters = probe->parameters.get();
  const AVCodec *decoder = library().avcodec_find_decoder(parameters->codec_id);
  if (!decoder)
    fail("{}: FFmpeg has no decoder for its codec '{}'", file,
         library().avcodec_get_name(parameters->codec_id));
  codec.reset(allocated(library().avcodec_alloc_context3(decoder)));
  check(library().avcodec_parameters_to_context(codec.get(), parameters), file, "bad codec parameters");
  library().av_opt_set_q(codec.get(), "pkt_timebase", release().tick.of(demuxer->streams[streamNumber()]), 0);
  library().av_opt_set_int(codec.get(), "threads", 1, 0); // the loader runs many decoders side by side
  check(library().avcodec_open2(codec.get(), decoder, nullptr), file, "its decoder cannot be opened");
}

// Moves `packet` to the stream's next packet; returns false where there is none.
bool Input::State::readPacket() {
  for (;;) {
    library().av_packet_unref(packet.get());
    int status = library().av_read_frame(demuxer.get(), packet.get());
    source->file.checkTime();
    if (status < 0) {
      failed |= status != AVERROR_EOF || (demuxer->pb && release().error.of(demuxer->pb) < 0);
      return false;
    }
    if (packet->stream_index == streamNumber())
      return true;
  }
}

// Shows the decoder the file's first packet, which may name the encoder and its version: decoders work around
// the mistakes of old ones, and after a seek would not know that they have to. Its picture is not decoded.
void Input::State::prime() {
  primed = true;
  skip(AVDISCARD_ALL);
  if (packet->size > 0)
    library().avcodec_send_packet(codec.get(), packet.get());
  skip(AVDISCARD_DEFAULT);
}

void Input::State::restart() {
  library().avcodec_flush_buffers(codec.get());
  library().av_frame_unref(frame.get());
  draining = false;
  decodeErrors = 0;
}

Input::Input(const std::string &file, std::shared_ptr<const Probe> known) : state(std::make_unique<State>()) {
  state->file = file;
  state->probe = std::move(known);
  state->openDemuxer();
  state->openDecoder();
}

Input::~Input() = default;
Input::Input(Input &&) noexcept = default;
Input &Input::operator=(Input &&) noexcept = default;

const Stream &Input::stream() const { return state->probe->stream; }
const std::shared_ptr<const Probe> &Input::probe() const { return state->probe; }
bool Input::readFailed() const { return state->failed; }
void Input::restartClock() { state->source->file.restartClock(); }
int64_t Input::pictureTime() const { return state->frame->pts; }
int64_t Input::decodeErrors() const { return state->decodeErrors; }

bool Input::nextPacket(Packet &packet) {
  if (!state->readPacket())
    return false;
  if (!state->primed)
    state->prime();
  const AVPacket &read = *state->packet;
  packet.time = read.pts;
  packet.key = read.flags & AV_PKT_FLAG_KEY;
  packet.shown = !isHidden(read, state->codec->codec_id);
  packet.damaged = read.flags & AV_PKT_FLAG_CORRUPT;
  return true;
}

bool Input::seek(int64_t time) {
  if (!state->primed && state->readPacket())
    state->prime();
  state->restart();
  state->waitForKey = true;
  return library().av_seek_frame(state->demuxer.get(), state->streamNumber(), time, AVSEEK_FLAG_BACKWARD) >=
         0;
}

// Opens the file anew, since not every container finds back to its very first packet.
void Input::rewind(bool fromKey) {
  state->openDemuxer();
  state->restart();
  state->waitForKey = fromKey;
}

bool Input::nextPicture(int64_t wanted) {
  State &s = *state;
  for (;;) {
    int status = library().avcodec_receive_frame(s.codec.get(), s.frame.get());
    if (status == 0)
      return true;
    if (s.draining)
      return false;
    if (status != AVERROR(EAGAIN))
      ++s.decodeErrors;
    if (!s.readPacket()) {
      s.draining = true;
      library().avcodec_send_packet(s.codec.get(), nullptr);
      continue;
    }
    // To a decoder an empty packet means the end of the stream.
    if (s.packet->size == 0 || (s.waitForKey && !(s.packet->flags & AV_PKT_FLAG_KEY)))
      continue;
    s.waitForKey = false;
    s.primed = true;
    const bool unwanted = s.packet->pts != noTime && s.packet->pts < wanted;
    s.skip(unwanted ? AVDISCARD_NONREF : AVDISCARD_DEFAULT);
    if (library().avcodec_send_packet(s.codec.get(), s.packet.get()) < 0)
      ++s.decodeErrors;
  }
}

// Returns the format without the j of formats named yuvj*, whose values go from 0 to 255, and says so in
// `fullRange`.
static AVPixelFormat withoutRange(AVPixelFormat format, bool &fullRange) {
  const char *name = library().av_get_pix_fmt_name(format);
  constexpr std::string_view full = "yuvj";
  if (!name || !std::string_view(name).starts_with(full))
    return format;
  fullRange = true;
  return library().av_get_pix_fmt(("yuv" + std::string(name + full.size())).c_str());
}

void Input::State::makeScaler(int height, int width) {
  bool fullRange = release().frameRange.of(frame.get()) == AVCOL_RANGE_JPEG;
  const AVColorSpace space = release().frameSpace.of(frame.get());
  AVPixelFormat format = withoutRange(static_cast<AVPixelFormat>(frame->format), fullRange);
  std::vector<int> key{frame->width, frame->height, format, fullRange, space, width, height};
  if (scaler && key == scalerKey)
    return;
  planar = height < frame->height && width < frame->width;
  scaler.reset(library().sws_getContext(frame->width, frame->height, format, width, height,
                                        library().av_get_pix_fmt(planar ? "gbrp" : "rgb24"), scaleFlags,
                                        nullptr, nullptr, nullptr));
  if (!scaler) {
    const char *name = library().av_get_pix_fmt_name(format);
    fail("{}: pictures of {}x{} in pixel format '{}' cannot be converted to {}x{} RGB", file, frame->height,
         frame->width, name ? name : "?", height, width);
  }
  // A negative answer means that the format has no matrix (RGB, grey), so there is nothing to set.
  library().sws_setColorspaceDetails(scaler.get(), library().sws_getCoefficients(space), fullRange,
                                     library().sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  scalerKey = std::move(key);
}

// Merges three planes into rgb: [width, 3].
static void interleave(const uint8_t *red, const uint8_t *green, const uint8_t *blue, int width,
                       uint8_t *rgb) {
  for (int x = 0; x < width; ++x) {
    rgb[3 * x] = red[x];
    rgb[3 * x + 1] = green[x];
    rgb[3 * x + 2] = blue[x];
  }
}

void Input::convert(int height, int width, uint8_t *rgb) {
  State &s = *state;
  s.makeScaler(height, width);
  // swscale's vector code may write past the end of a line.
  const int stride = ((s.planar ? width : 3 * width) + 63) / 64 * 64 + 64;
  const size_t plane = static_cast<size_t>(stride) * height + 64;
  s.converted.resize(3 * plane);
  uint8_t *green = s.converted.data(), *blue = green + plane, *red = blue + plane;
  uint8_t *planes[4] = {green, blue, red};
  int strides[4] = {stride, stride, stride};
  int rows = library().sws_scale(s.scaler.get(), s.frame->data, s.frame->linesize, 0, s.frame->height, planes,
                                 strides);
  if (rows != height)
    fail("{}: a picture could not be converted to RGB", s.file);
  for (int y = 0; y < height; ++y, rgb += static_cast<size_t>(width) * 3) {
    const size_t row = static_cast<size_t>(y) * stride;
    if (s.planar)
      interleave(red + row, green + row, blue + row, width, rgb);
    else
      std::memcpy(rgb, s.converted.data() + row, static_cast<size_t>(width) * 3);
  }
}

struct H264Output::State {
  std::string file;
  AVFormatContext *muxer = nullptr;
  AVStream *stream = nullptr;
  CodecPointer codec;
  PacketPointer packet{allocated(library().av_packet_alloc())};
  FramePointer frame{allocated(library().av_frame_alloc())};
  ScalerPointer scaler;
  AVRational tick = {1, 1}; // a frame's seconds
  int64_t frames = 0;

  ~State() {
    if (muxer)
      library().avio_closep(&muxer->pb);
    library().avformat_free_context(muxer);
  }
  void openEncoder(const H264Options &options);
  void openMuxer();
  void encode(const AVFrame *picture);
};

void H264Output::State::openEncoder(const H264Options &options) {
  const AVCodec *encoder = library().avcodec_find_encoder_by_name("libx264");
  if (!encoder)
    fail("{}: this FFmpeg has no H.264 encoder (libx264)", file);
  codec.reset(allocated(library().avcodec_alloc_context3(encoder)));
  library().av_opt_set_image_size(codec.get(), "video_size", options.width, options.height, 0);
  library().av_opt_set_pixel_fmt(codec.get(), "pixel_format", AV_PIX_FMT_YUV420P, 0);
  library().av_opt_set_int(codec.get(), "colorspace", AVCOL_SPC_SMPTE170M, 0);
  library().av_opt_set_int(codec.get(), "color_range", AVCOL_RANGE_MPEG, 0);
  library().av_opt_set_q(codec.get(), "time_base", tick, 0);
  library().av_opt_set_int(codec.get(), "g", options.keyInterval, 0);
  library().av_opt_set_int(codec.get(), "threads", 1, 0);
  library().av_opt_set(codec.get(), "flags", "+global_header+bitexact", 0);
  AVDictionary *settings = nullptr;
  library().av_dict_set(&settings, "preset", "veryfast", 0);
  library().av_dict_set_int(&settings, "crf", options.quality, 0);
  library().av_dict_set(&settings, "x264-params", "cpu-independent=1", 0);
  int status = library().avcodec_open2(codec.get(), encoder, &settings);
  library().av_dict_free(&settings);
  check(status, file, "the H.264 encoder cannot be opened");
}

void H264Output::State::openMuxer() {
  check(library().avformat_alloc_output_context2(&muxer, nullptr, "mp4", file.c_str()), file,
        "cannot be written");
  library().av_opt_set(muxer, "fflags", "+bitexact", 0);
  stream = allocated(library().avformat_new_stream(muxer, nullptr));
  release().tick.of(stream) = tick;
  release().meanRate.of(stream) = {tick.den, tick.num};
  check(library().avcodec_parameters_from_context(release().parameters.of(stream), codec.get()), file,
        "cannot be written");
  check(library().avio_open(&muxer->pb, url(file).c_str(), AVIO_FLAG_WRITE), file, "cannot be written");
  check(library().avformat_write_header(muxer, nullptr), file, "cannot be written");
}

H264Output::H264Output(const std::string &file, const H264Options &options)
    : state(std::make_unique<State>()) {
  State &s = *state;
  s.file = file;
  s.tick = {1, options.fps};
  s.openEncoder(options);
  s.openMuxer();
  s.frame->format = AV_PIX_FMT_YUV420P;
  s.frame->width = options.width;
  s.frame->height = options.height;
  check(library().av_frame_get_buffer(s.frame.get(), 0), file, "no memory for a picture");
  s.scaler.reset(library().sws_getContext(options.width, options.height, AV_PIX_FMT_RGB24, options.width,
                                          options.height, AV_PIX_FMT_YUV420P, scaleFlags, nullptr, nullptr,
                                          nullptr));
  if (!s.scaler)
    fail("{}: no conversion from RGB to H.264's pixels", file);
}

H264Output::~H264Output() = default;

void H264Output::State::encode(const AVFrame *picture) {
  check(library().avcodec_send_frame(codec.get(), picture), file, "encoding failed");
  for (;;) {
    int status = library().avcodec_receive_packet(codec.get(), packet.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF)
      return;
    check(status, file, "encoding failed");
    packet->duration = 1;
    library().av_packet_rescale_ts(packet.get(), tick, release().tick.of(stream));
    packet->stream_index = release().number.of(stream);
    check(library().av_interleaved_write_frame(muxer, packet.get()), file, "cannot be written");
  }
}

void H264Output::write(const uint8_t *rgb) {
  State &s = *state;
  check(library().av_frame_make_writable(s.frame.get()), s.file, "no memory for a picture");
  const uint8_t *planes[4] = {rgb};
  int strides[4] = {s.frame->width * 3};
  library().sws_scale(s.scaler.get(), planes, strides, 0, s.frame->height, s.frame->data, s.frame->linesize);
  s.frame->pts = s.frames++;
  s.encode(s.frame.get());
}

void H264Output::finish() {
  State &s = *state;
  s.encode(nullptr);
  check(library().av_write_trailer(s.muxer), s.file, "cannot be written");
  library().avio_flush(s.muxer->pb);
  int status = release().error.of(s.muxer->pb);
  int closed = library().avio_closep(&s.muxer->pb);
  check(status < 0 ? status : closed, s.file, "cannot be written");
}

std::string require() { return library().name; }

} // namespace kinema::ffmpeg
