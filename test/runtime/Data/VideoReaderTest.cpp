#include "runtime/Data/VideoReader.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Support/Random.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <numeric>
#include <thread>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

std::vector<uint8_t> readFrames(VideoReader &video, const std::vector<int64_t> &frames, int furtherRows = 0) {
  const int height = video.info().height + furtherRows, width = video.info().width;
  std::vector<uint8_t> rgb(frames.size() * height * width * 3);
  video.read(frames, height, width, rgb.data());
  return rgb;
}

std::vector<int64_t> allFrames(const VideoReader &video) {
  std::vector<int64_t> frames(video.info().frames);
  std::iota(frames.begin(), frames.end(), 0);
  return frames;
}

double meanDifference(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

// Reading all frames gives what another program decodes from the file's start to its end, and seeking to one
// of them changes nothing.
void expectExactFrames(const std::string &file, const TemporaryFolder &folder) {
  // FFmpeg 8 places colours otherwise than the command where frames keep their height.
  const int furtherRows = std::getenv("KINEMA_FFMPEG") ? 2 : 0;
  VideoReader video(file);
  const std::vector<uint8_t> expected =
      decodeWithCommand(file, folder, {video.info().height + furtherRows, video.info().width});
  const std::vector<uint8_t> read = readFrames(video, allFrames(video), furtherRows);
  ASSERT_EQ(expected.size(), read.size());
  EXPECT_LT(meanDifference(expected, read), 0.5);

  const int64_t frames = video.info().frames;
  const size_t bytes = read.size() / frames;
  VideoReader kept(file);
  for (uint64_t attempt = 0; attempt < 12; ++attempt) {
    const int64_t frame = static_cast<int64_t>(random::below(frames, 1, 2, attempt));
    const std::vector<uint8_t> wanted(read.begin() + frame * bytes, read.begin() + (frame + 1) * bytes);
    VideoReader fresh(file), again(file, video.index());
    EXPECT_TRUE(readFrames(fresh, {frame}, furtherRows) == wanted) << "frame " << frame << " of a new reader";
    EXPECT_TRUE(readFrames(again, {frame}, furtherRows) == wanted)
        << "frame " << frame << " of one that knows the file";
    EXPECT_TRUE(readFrames(kept, {frame}, furtherRows) == wanted) << "frame " << frame << " of a kept reader";
  }
}

// A format to read: how to make it, and which encoder that takes.
struct Format {
  const char *name;
  const char *encoder;
  const char *file;
  const char *arguments;
  const char *size = "96x72";
};

void PrintTo(const Format &format, std::ostream *stream) { *stream << format.name; }

class EveryFormat : public testing::TestWithParam<Format> {
protected:
  void SetUp() override {
    file = folder / GetParam().file;
    try {
      makeVideo(file, std::string("-c:v ") + GetParam().encoder + " " + GetParam().arguments, 30,
                GetParam().size);
    } catch (const Error &) {
      if (hasEncoder(GetParam().encoder))
        throw;
      GTEST_SKIP() << "this ffmpeg has no encoder " << GetParam().encoder;
    }
  }

  TemporaryFolder folder;
  std::string file;
};

TEST_P(EveryFormat, ReadsWhatFfmpegDecodes) { expectExactFrames(file, folder); }

constexpr Format formats[] = {
    {"H264", "libx264", "v.mp4", "-pix_fmt yuv420p -g 12 -bf 3"},
    {"H264OpenGroups", "libx264", "v.mp4", "-pix_fmt yuv420p -g 12 -bf 3 -x264-params open-gop=1"},
    {"H264IntraRefresh", "libx264", "v.mp4", "-pix_fmt yuv420p -g 12 -bf 0 -x264-params intra-refresh=1"},
    {"H264Matroska", "libx264", "v.mkv", "-pix_fmt yuv420p -g 12"},
    {"H264Flash", "libx264", "v.flv", "-pix_fmt yuv420p -g 12"},
    {"H264Transport", "libx264", "v.ts", "-pix_fmt yuv420p -g 12"},
    {"H264Raw", "libx264", "v.h264", "-pix_fmt yuv420p -g 12"},
    {"H264Avi", "libx264", "v.avi", "-pix_fmt yuv420p -g 12 -bf 2"},
    {"H264Fragments", "libx264", "v.mp4", "-pix_fmt yuv420p -g 12 -movflags frag_keyframe+empty_moov"},
    {"H264Odd444", "libx264", "v.mp4", "-pix_fmt yuv444p -g 10", "97x73"},
    {"H264FullRange", "libx264", "v.mp4", "-pix_fmt yuvj420p -g 10"},
    {"H264Bt709", "libx264", "v.mp4",
     "-pix_fmt yuv420p -vf scale=out_color_matrix=bt709 -colorspace bt709 -color_primaries bt709 -color_trc "
     "bt709"},
    {"H264VariableRate", "libx264", "v.mp4", "-pix_fmt yuv420p -g 12 -vf 'setpts=N*(N+4)' -vsync vfr"},
    {"H264Gray", "libx264", "v.mp4", "-pix_fmt gray -g 12"},
    {"Hevc", "libx265", "v.mp4", "-pix_fmt yuv420p -x265-params keyint=12:open-gop=1:log-level=none"},
    {"Vp8", "libvpx", "v.webm", "-g 12 -auto-alt-ref 1 -lag-in-frames 10 -cpu-used 8 -b:v 200k"},
    {"Vp9", "libvpx-vp9", "v.webm", "-g 12 -auto-alt-ref 1 -lag-in-frames 10 -cpu-used 8 -b:v 200k"},
    {"Vp9FullRange", "libvpx-vp9", "v.mp4",
     "-g 12 -cpu-used 8 -b:v 200k -pix_fmt yuv420p -vf scale=out_range=pc -color_range pc"},
    {"Theora", "libtheora", "v.ogv", "-g 12 -q:v 7"},
    {"Cinepak", "cinepak", "v.avi", "-g 12", "48x36"},
    {"CinepakQuickTime", "cinepak", "v.mov", "-g 12", "48x36"},
    {"Mpeg2Program", "mpeg2video", "v.mpg", "-g 12 -bf 2 -q:v 3"},
    {"Mpeg2Transport", "mpeg2video", "v.ts", "-g 12 -bf 2 -q:v 3"},
    {"Mpeg2Interlaced", "mpeg2video", "v.ts", "-g 12 -bf 2 -q:v 3 -flags +ildct+ilme"},
    {"Mpeg4Avi", "mpeg4", "v.avi", "-g 12 -bf 2 -q:v 3"},
    {"Mpeg4Simple", "mpeg4", "v.avi", "-g 12 -q:v 3"},
    {"XvidPacked", "libxvid", "v.avi", "-g 12 -bf 2 -q:v 3"},
    {"MotionJpeg", "mjpeg", "v.avi", "-q:v 3", "97x73"},
    {"Ffv1", "ffv1", "v.mkv", "-pix_fmt yuv422p10le", "97x73"},
    {"Gif", "gif", "v.gif", ""},
    {"RawRgb", "rawvideo", "v.avi", "-pix_fmt bgr24", "97x73"},
    {"WindowsMedia", "wmv2", "v.wmv", "-g 12 -q:v 3"},
};
INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat, testing::ValuesIn(formats),
                         [](const auto &info) { return std::string(info.param.name); });

class VideoReaderTest : public testing::Test {
protected:
  TemporaryFolder folder;
  std::string simple(const std::string &name = "v.mp4", int frames = 30) {
    makeVideo(folder / name, "-pix_fmt yuv420p -g 10", frames);
    return folder / name;
  }
  std::string openError(const std::string &file) {
    return errorOf([&] { VideoReader video(file); });
  }
};

TEST_F(VideoReaderTest, DescribesAVideo) {
  VideoReader video(simple());
  EXPECT_EQ(video.info().codec, "h264");
  EXPECT_EQ(video.info().frames, 30);
  EXPECT_EQ(video.info().height, 72);
  EXPECT_EQ(video.info().width, 96);
  EXPECT_DOUBLE_EQ(video.info().fps, 25);
  EXPECT_NEAR(video.info().seconds, 1.2, 1e-6);
  EXPECT_FALSE(video.info().truncated);
}

TEST_F(VideoReaderTest, FindsFramesByTime) {
  VideoReader video(simple());
  EXPECT_EQ(video.frameAt(-1), 0);
  EXPECT_EQ(video.frameAt(0), 0);
  EXPECT_EQ(video.frameAt(0.039), 0);
  EXPECT_EQ(video.frameAt(0.04), 1);
  EXPECT_EQ(video.frameAt(0.5), 12);
  EXPECT_EQ(video.frameAt(100), 29);
}

TEST_F(VideoReaderTest, TimesOfAVariableRate) {
  // Frame n appears after n (n + 4) / 25 seconds.
  makeVideo(folder / "v.mp4", "-pix_fmt yuv420p -vf 'setpts=N*(N+4)' -vsync vfr", 20);
  VideoReader video(folder / "v.mp4");
  ASSERT_EQ(video.info().frames, 20);
  for (int n = 0; n < 20; ++n)
    EXPECT_EQ(video.frameAt(n * (n + 4) / 25.0 + 0.01), n);
}

TEST_F(VideoReaderTest, RepeatsAndReorders) {
  VideoReader video(simple());
  const std::vector<uint8_t> all = readFrames(video, allFrames(video));
  const size_t bytes = all.size() / 30;
  const std::vector<int64_t> wanted = {28, 3, 3, 29, 0, 3, 1};
  const std::vector<uint8_t> read = readFrames(video, wanted);
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_TRUE(std::equal(read.begin() + i * bytes, read.begin() + (i + 1) * bytes,
                           all.begin() + wanted[i] * bytes));
}

TEST_F(VideoReaderTest, RefusesFramesOutOfRange) {
  VideoReader video(simple());
  EXPECT_THAT(errorOf([&] { readFrames(video, {0, 30}); }),
              HasSubstr("v.mp4: frame 30 asked for, but it has 30"));
  EXPECT_THAT(errorOf([&] { readFrames(video, {-1}); }), HasSubstr("frame -1"));
}

TEST_F(VideoReaderTest, Scales) {
  ASSERT_TRUE(runFfmpeg("-f lavfi -i color=0xC86432:size=96x72:rate=25 -frames:v 2 -pix_fmt yuv444p '" +
                        (folder / "v.mp4") + "'"));
  VideoReader video(folder / "v.mp4");
  std::vector<uint8_t> rgb(31 * 45 * 3 + 1, 7);
  const int64_t frame = 1;
  video.read({&frame, 1}, 31, 45, rgb.data());
  for (int i = 0; i < 31 * 45; ++i) {
    ASSERT_NEAR(rgb[i * 3], 0xC8, 3);
    ASSERT_NEAR(rgb[i * 3 + 1], 0x64, 3);
    ASSERT_NEAR(rgb[i * 3 + 2], 0x32, 3);
  }
  EXPECT_EQ(rgb.back(), 7) << "wrote past the end";
}

// Four quadrants of different colours, stored as they are and displayed turned.
TEST_F(VideoReaderTest, AppliesTheContainersRotation) {
  ASSERT_TRUE(
      runFfmpeg("-f lavfi -i color=red:size=48x32 -f lavfi -i color=lime:size=48x32 -f lavfi -i "
                "color=blue:size=48x32 -f lavfi -i color=white:size=48x32 -filter_complex "
                "'[0][1][2][3]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0' -frames:v 3 -pix_fmt yuv444p '" +
                (folder / "plain.mp4") + "'"));
  for (int degrees : {90, 180, 270}) {
    const std::string turned = folder / fmt::format("turned{}.mp4", degrees);
    ASSERT_TRUE(runFfmpeg(
        fmt::format("-i '{}' -c copy -metadata:s:v rotate={} '{}'", folder / "plain.mp4", degrees, turned)));
    VideoReader video(turned);
    EXPECT_EQ(video.info().width, degrees == 180 ? 96 : 64);
    EXPECT_EQ(video.info().height, degrees == 180 ? 64 : 96);
    EXPECT_LT(meanDifference(readFrames(video, allFrames(video)), decodeWithCommand(turned, folder)), 0.5)
        << degrees;
  }
}

TEST_F(VideoReaderTest, FollowsEditLists) {
  simple("whole.mp4", 60);
  ASSERT_TRUE(
      runFfmpeg(fmt::format("-ss 0.66 -i '{}' -c copy '{}'", folder / "whole.mp4", folder / "cut.mp4")));
  expectExactFrames(folder / "cut.mp4", folder);
}

// Decoders work around mistakes of old encoders, which name themselves in a file's first packet alone: before
// build 151, x264 coded 4:4:4 wrongly. A new file that claims to be old is therefore misread, also after a
// seek.
TEST_F(VideoReaderTest, SeekingKeepsTheEncodersName) {
  makeVideo(folder / "new.mp4", "-c:v libx264 -pix_fmt yuv444p -g 8", 30);
  std::string content = readText(folder / "new.mp4");
  const size_t name = content.find("x264 - core 1");
  ASSERT_NE(name, std::string::npos);
  content.replace(name + 12, 3, "142");
  writeText(folder / "old.mp4", content);
  for (int64_t frame : {0, 9, 20, 28}) {
    VideoReader newVideo(folder / "new.mp4"), oldVideo(folder / "old.mp4"),
        oldAgain(folder / "old.mp4", oldVideo.index());
    const std::vector<uint8_t> right = readFrames(newVideo, {frame});
    EXPECT_GT(meanDifference(right, readFrames(oldVideo, {frame})), 1) << frame;
    EXPECT_GT(meanDifference(right, readFrames(oldAgain, {frame})), 1) << frame;
  }
}

// VP8 in two passes stores pictures that are never shown, in packets of their own.
TEST_F(VideoReaderTest, HiddenPictures) {
  if (!hasEncoder("libvpx"))
    GTEST_SKIP() << "this ffmpeg has no encoder libvpx";
  const std::string settings =
      "-c:v libvpx -g 60 -auto-alt-ref 1 -lag-in-frames 16 -b:v 100k -passlogfile '" + (folder / "log") +
      "' -pass ";
  makeVideo(folder / "v.webm", settings + "1", 40, "48x36");
  makeVideo(folder / "v.webm", settings + "2", 40, "48x36");
  ffmpeg::Input input(folder / "v.webm");
  int hidden = 0;
  for (ffmpeg::Packet packet; input.nextPacket(packet);)
    hidden += !packet.shown;
  EXPECT_GT(hidden, 0);
  expectExactFrames(folder / "v.webm", folder);
}

TEST_F(VideoReaderTest, OneFrame) {
  VideoReader video(simple("one.mp4", 1));
  EXPECT_EQ(video.info().frames, 1);
  EXPECT_EQ(readFrames(video, {0, 0}).size(), 2u * 72 * 96 * 3);
  makeVideo(folder / "still.png", "", 1);
  EXPECT_EQ(VideoReader(folder / "still.png").info().frames, 1);
}

TEST_F(VideoReaderTest, NamesWithBlanksColonsAndPatterns) {
  simple();
  for (const char *name : {"a b.mp4", "http:x.mp4", "concat:y.mp4", "50%d.mp4", "-v.mp4", "\xC3\xA9.mp4"}) {
    std::filesystem::copy(folder / "v.mp4", folder / name);
    EXPECT_EQ(VideoReader(folder / name).info().frames, 30) << name;
  }
}

TEST_F(VideoReaderTest, NotAVideo) {
  EXPECT_THAT(openError(folder / "none.mp4"), HasSubstr("none.mp4: no such file"));
  EXPECT_THAT(openError(folder.path.string()), HasSubstr("is a directory, not a video"));
  writeText(folder / "empty.mp4", "");
  EXPECT_THAT(openError(folder / "empty.mp4"), HasSubstr("empty.mp4: the file is empty"));
  writeText(folder / "text.mp4", "this is not a video\n");
  EXPECT_THAT(openError(folder / "text.mp4"), HasSubstr("text.mp4: not a video"));
  EXPECT_THAT(openError(folder / (std::string(300, 'x') + ".mp4")),
              HasSubstr(".mp4: cannot be opened: File name too long"));
  writeText(folder / "text.txt", std::string(5000, 'x'));
  EXPECT_THAT(openError(folder / "text.txt"), HasSubstr("text.txt: a text file, not a video"));
  std::string noise(100000, '\0');
  for (size_t i = 0; i < noise.size(); ++i)
    noise[i] = static_cast<char>(random::bits(3, 4, i));
  writeText(folder / "noise.mp4", noise);
  EXPECT_THAT(openError(folder / "noise.mp4"), HasSubstr("noise.mp4: "));
}

// Whatever is at the other end of a pipe or a device is not waited for.
TEST_F(VideoReaderTest, RegularFilesAlone) {
  simple("whole.mp4");
  for (const char *name : {"pipe.mp4", "pipe.y4m"}) {
    ASSERT_EQ(mkfifo((folder / name).c_str(), 0600), 0);
    EXPECT_EQ(openError(folder / name), folder / name + ": is a named pipe, not a regular file");
    std::filesystem::create_symlink(folder / name, folder / ("link-" + std::string(name)));
    EXPECT_THAT(openError(folder / ("link-" + std::string(name))), HasSubstr("is a named pipe"));
  }
  EXPECT_EQ(openError("/dev/zero"), "/dev/zero: is a device, not a regular file");
  std::filesystem::create_symlink(folder / "whole.mp4", folder / "link.mp4");
  EXPECT_EQ(VideoReader(folder / "link.mp4").info().frames, 30);
  // Nor is what a playlist names.
  writeText(folder / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npipe.mp4\n#EXT-X-ENDLIST\n");
  EXPECT_THAT(openError(folder / "list.m3u8"), HasSubstr("list.m3u8: "));
  writeText(folder / "list.ffconcat", "ffconcat version 1.0\nfile pipe.mp4\n");
  EXPECT_THAT(openError(folder / "list.ffconcat"), HasSubstr("list.ffconcat: "));
}

// Of a file that was opened in time too: each reading has its own.
TEST_F(VideoReaderTest, AFilesTimeIsLimited) {
  simple("whole.mp4");
  makeVideo(folder / "whole.y4m", "-pix_fmt yuv420p", 3, "32x24");
  for (const char *name : {"whole.mp4", "whole.y4m"}) {
    setenv("KINEMA_READ_SECONDS", "0", 1);
    EXPECT_THROW(VideoReader(folder / name), TooSlow);
    EXPECT_THAT(openError(folder / name),
                HasSubstr(std::string(name) + ": reading it takes longer than 0 s"));
    setenv("KINEMA_READ_SECONDS", "1 s", 1);
    EXPECT_EQ(openError(folder / name), "KINEMA_READ_SECONDS is 1 s, expected a number of seconds");
    setenv("KINEMA_READ_SECONDS", "600", 1);
    VideoReader opened(folder / name);
    EXPECT_EQ(readFrames(opened, {0, 2}).size(),
              2 * 3 * static_cast<size_t>(opened.info().height) * opened.info().width);
    unsetenv("KINEMA_READ_SECONDS");
  }
  VideoFile file(folder / "whole.mp4");
  EXPECT_FALSE(file.isLate());
  char byte = 0;
  EXPECT_EQ(file.read(&byte, 1, file.bytes() - 1), 1);
  EXPECT_EQ(file.read(&byte, 1, file.bytes()), 0);
}

// What passes while the process is stopped does not count.
TEST_F(VideoReaderTest, AStopIsNotTheFilesTime) {
  simple("whole.mp4");
  EXPECT_EXIT(
      {
        catchInterrupts();
        setenv("KINEMA_READ_SECONDS", "0.3", 1);
        VideoFile file(folder / "whole.mp4");
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        const bool late = file.isLate();
        std::raise(SIGCONT);
        const bool lateStill = file.isLate();
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        _exit(late && !lateStill && file.isLate() ? 7 : 8);
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(VideoReaderTest, SoundAlone) {
  ASSERT_TRUE(runFfmpeg("-f lavfi -i sine=duration=1 -c:a aac '" + (folder / "sound.m4a") + "'"));
  EXPECT_THAT(openError(folder / "sound.m4a"), HasSubstr("sound.m4a: holds no video stream"));
  // A record's cover is a picture, not a video.
  makeVideo(folder / "cover.png", "", 1);
  ASSERT_TRUE(runFfmpeg(
      fmt::format("-i '{}' -i '{}' -map 0 -map 1 -c:a copy -c:v mjpeg -disposition:v attached_pic '{}'",
                  folder / "sound.m4a", folder / "cover.png", folder / "song.m4a")));
  EXPECT_THAT(openError(folder / "song.m4a"), HasSubstr("song.m4a: holds no video stream"));
}

TEST_F(VideoReaderTest, VideoAmongSound) {
  ASSERT_TRUE(
      runFfmpeg("-f lavfi -i testsrc2=size=96x72:rate=25 -f lavfi -i sine -t 1 -pix_fmt yuv420p -c:a aac '" +
                (folder / "both.mp4") + "'"));
  EXPECT_EQ(VideoReader(folder / "both.mp4").info().frames, 25);
}

// The header of a file that says what follows, with nothing behind it, or with nothing in its middle.
TEST_F(VideoReaderTest, HeadersWithoutPictures) {
  simple("whole.mp4", 60);
  ASSERT_TRUE(runFfmpeg(
      fmt::format("-i '{}' -c copy -movflags faststart '{}'", folder / "whole.mp4", folder / "fast.mp4")));
  std::string content = readText(folder / "fast.mp4");
  const size_t pictures = content.find("mdat") + 4;
  writeText(folder / "cut.mp4", content.substr(0, pictures));
  EXPECT_THAT(openError(folder / "cut.mp4"), HasSubstr("cut.mp4: no frame of its h264 video can be read"));
  std::fill(content.begin() + (pictures + content.size()) / 2, content.end(), '\0');
  writeText(folder / "zeros.mp4", content);
  VideoReader video(folder / "zeros.mp4");
  EXPECT_THAT(errorOf([&] { readFrames(video, allFrames(video)); }),
              HasSubstr("cannot be decoded: the file is damaged"));
}

// What FFmpeg can take apart but not decode: an AVI file has its codec and the size of its pictures in its
// header.
TEST_F(VideoReaderTest, AnUnknownCodec) {
  ASSERT_TRUE(
      runFfmpeg("-f lavfi -i testsrc2=size=96x72:rate=25 -t 1 -c:v mjpeg '" + (folder / "a.avi") + "'"));
  std::string content = readText(folder / "a.avi");
  for (size_t at = 0; (at = content.find("MJPG", at)) != std::string::npos;)
    content.replace(at, 4, "ZZZZ");
  writeText(folder / "unknown.avi", content);
  EXPECT_EQ(openError(folder / "unknown.avi"),
            (folder / "unknown.avi") + ": FFmpeg has no decoder for its codec 'none'");
  content.replace(content.find("strf") + 12, 8, std::string(8, '\0'));
  writeText(folder / "unknown.avi", content);
  EXPECT_EQ(openError(folder / "unknown.avi"), (folder / "unknown.avi") + ": its video stream has no size");
}

// Cut anywhere, a file is either refused with its name or gives frames of the whole one.
TEST_F(VideoReaderTest, Truncated) {
  simple("whole.mp4", 60);
  ASSERT_TRUE(runFfmpeg(
      fmt::format("-i '{}' -c copy -movflags faststart '{}'", folder / "whole.mp4", folder / "fast.mp4")));
  ASSERT_TRUE(runFfmpeg(fmt::format("-i '{}' -c copy '{}'", folder / "whole.mp4", folder / "whole.mkv")));
  constexpr int64_t bytes = 72 * 96 * 3;
  int partial = 0;
  for (const char *name : {"whole.mp4", "fast.mp4", "whole.mkv"}) {
    VideoReader wholeVideo(folder / name);
    const std::vector<uint8_t> whole = readFrames(wholeVideo, allFrames(wholeVideo));
    const std::string content = readText(folder / name);
    for (int percent : {1, 5, 20, 50, 80, 99}) {
      const std::string cut = folder / fmt::format("{}percent-{}", percent, name);
      writeText(cut, content.substr(0, content.size() * percent / 100));
      try {
        VideoReader video(cut);
        const std::vector<uint8_t> read = readFrames(video, allFrames(video));
        // A picture shown early may be stored late, so that what is left may have a gap near its end.
        auto place = whole.begin();
        for (auto frame = read.begin(); frame != read.end(); frame += bytes) {
          while (place != whole.end() && !std::equal(frame, frame + bytes, place))
            place += bytes;
          ASSERT_NE(place, whole.end()) << cut << ": a frame that the whole video does not have";
        }
        if (read.size() < whole.size() && std::string(name) == "fast.mp4") {
          ++partial;
          EXPECT_TRUE(video.info().truncated) << cut;
        }
      } catch (const Error &error) {
        EXPECT_THAT(error.what(), HasSubstr(cut));
      }
    }
  }
  EXPECT_GE(partial, 3);
}

// Bytes changed here and there: an error with the file's name or frames, never a crash.
TEST_F(VideoReaderTest, Damaged) {
  const std::string bytes = readText(simple("whole.mp4", 20));
  for (uint64_t attempt = 0; attempt < 30; ++attempt) {
    std::string damaged = bytes;
    for (uint64_t i = 0; i < 1 + attempt * 2; ++i)
      damaged[random::below(bytes.size(), 5, attempt, 2 * i)] =
          static_cast<char>(random::bits(5, attempt, 2 * i + 1));
    const std::string file = folder / "damaged.mp4";
    writeText(file, damaged);
    try {
      VideoReader video(file);
      if (video.info().height * video.info().width < 1000000)
        readFrames(video, {0, video.info().frames - 1});
    } catch (const Error &error) {
      EXPECT_THAT(error.what(), HasSubstr("damaged.mp4: "));
    }
  }
}

} // namespace
