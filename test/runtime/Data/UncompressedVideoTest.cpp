#include "runtime/Data/VideoCheck.h"
#include "runtime/Data/VideoReader.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

// Two frames of 2 x 4: the first red (BT.601: 81, 90, 240) but for a white pixel at row 1, column 2, the
// second black.
std::string twoFrames(const std::string &colours) {
  const int chroma = colours == "444" ? 8 : 2;
  std::string luma(8, char(81));
  luma[6] = char(235);
  return "YUV4MPEG2 W4 H2 F25:1 Ip A1:1 C" + colours + "\nFRAME\n" + luma + std::string(chroma, char(90)) +
         std::string(chroma, char(240)) + "FRAME\n" + std::string(8, char(16)) +
         std::string(2 * chroma, char(128));
}

} // namespace

TEST(UncompressedVideo, FramesInAnyOrder) {
  TemporaryFolder folder;
  for (const char *colours : {"444", "420jpeg"}) {
    writeText(folder / "a.y4m", twoFrames(colours));
    VideoReader reader(folder / "a.y4m");
    EXPECT_EQ(reader.info().codec, "rawvideo");
    EXPECT_EQ(reader.info().height, 2);
    EXPECT_EQ(reader.info().width, 4);
    EXPECT_EQ(reader.info().frames, 2);
    EXPECT_EQ(reader.info().fps, 25);
    EXPECT_EQ(reader.frameAt(0.05), 1);
    const int64_t wanted[] = {1, 0, 1};
    std::vector<uint8_t> rgb(3 * 24);
    reader.read(wanted, 2, 4, rgb.data());
    EXPECT_EQ(std::vector<uint8_t>(rgb.begin(), rgb.begin() + 24), std::vector<uint8_t>(24, 0));
    EXPECT_EQ(std::vector<uint8_t>(rgb.begin() + 48, rgb.end()), std::vector<uint8_t>(24, 0));
    EXPECT_GE(rgb[24], 253);     // red
    EXPECT_LE(rgb[24 + 1], 2);   // no green
    EXPECT_LE(rgb[24 + 2], 2);   // no blue
    EXPECT_GE(rgb[24 + 19], 50); // the white pixel has green: 8 bits of its own luma
  }
}

TEST(UncompressedVideo, ColoursAreThoseOfFFmpeg) {
  TemporaryFolder folder;
  makeVideo(folder / "a.y4m", "-pix_fmt yuv444p", 5, "32x24");
  std::vector<uint8_t> wanted = decodeWithCommand(folder / "a.y4m", folder);
  VideoReader reader(folder / "a.y4m");
  ASSERT_EQ(reader.info().frames, 5);
  std::vector<uint8_t> rgb(wanted.size());
  const int64_t all[] = {0, 1, 2, 3, 4};
  reader.read(all, 24, 32, rgb.data());
  int largest = 0;
  for (size_t i = 0; i < rgb.size(); ++i)
    largest = std::max(largest, std::abs(int(rgb[i]) - int(wanted[i])));
  EXPECT_LE(largest, 3);
}

TEST(UncompressedVideo, WhatCannotBeReadIsAnError) {
  TemporaryFolder folder;
  std::string file = folder / "a.y4m", whole = twoFrames("420jpeg");
  auto errorFor = [&](const std::string &text) {
    writeText(file, text);
    return errorOf([&] { VideoReader reader(file); });
  };
  EXPECT_THAT(errorOf([&] { VideoReader reader(file); }), HasSubstr("no such file"));
  EXPECT_EQ(errorFor("RIFF\n"), file + ": it does not begin with YUV4MPEG2");
  EXPECT_EQ(errorFor("YUV4MPEG2 W4 H0\n"), file + ": its frames are 0 x 4");
  EXPECT_EQ(errorFor("YUV4MPEG2 W4 H2 C422\n"),
            file + ": its colours are 422; 8 bits in 4:2:0 or 4:4:4 can be read");
  EXPECT_EQ(errorFor("YUV4MPEG2 W4 H2 C420p10\n"),
            file + ": its colours are 420p10; 8 bits in 4:2:0 or 4:4:4 can be read");
  EXPECT_EQ(errorFor("YUV4MPEG2 W4 H2 C420p9\n"),
            file + ": its colours are 420p9; 8 bits in 4:2:0 or 4:4:4 can be read");
  EXPECT_THAT(errorFor("YUV4MPEG2 W4 H2 C420jpeg XCOLORRANGE=FULL\n"), HasSubstr("have the full range"));
  EXPECT_EQ(errorFor("YUV4MPEG2"), file + ": it does not begin with a line of YUV4MPEG2");
  EXPECT_EQ(errorFor("YUV4MPEG2 " + std::string(1 << 20, 'X') + "\n"),
            file + ": it does not begin with a line of YUV4MPEG2");
  EXPECT_EQ(errorFor(whole.substr(0, 50)), file + ": it ends before its first frame does");

  writeText(file, whole.substr(0, whole.size() - 1));
  VideoReader cut(file);
  EXPECT_EQ(cut.info().frames, 1);
  EXPECT_TRUE(cut.info().truncated);
  const int64_t first[] = {0};
  std::vector<uint8_t> rgb(300);
  EXPECT_THAT(errorOf([&] { cut.read(first, 4, 4, rgb.data()); }),
              HasSubstr("frames of 4x4 are asked for, it has 2x4: uncompressed videos are not scaled"));

  std::string shifted = whole;
  shifted.replace(shifted.rfind("FRAME"), 5, "frame");
  writeText(file, shifted);
  const int64_t second[] = {1};
  EXPECT_EQ(errorOf([&] { VideoReader(file).read(second, 2, 4, rgb.data()); }),
            file + ": frame 1 does not begin with FRAME");
}

TEST(UncompressedVideo, CheckTakesItInItsOwnSize) {
  TemporaryFolder folder;
  writeText(folder / "a.y4m", twoFrames("420jpeg"));
  VideoList list;
  list.videos.push_back({.path = folder / "a.y4m", .label = 0, .name = "a.y4m"});
  CheckReport report = checkVideos(list, 1);
  EXPECT_EQ(report.unreadable(), 0);
  EXPECT_EQ(report.videos[0].info.frames, 2);
}
