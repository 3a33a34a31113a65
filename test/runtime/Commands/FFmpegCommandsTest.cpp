// How commands find FFmpeg, and what they say where there is none.
#include "test/runtime/Commands/CommandsFixture.h"

#include <filesystem>

using namespace kinema;
using namespace kinema::test;

// FFmpeg is looked for before anything is made, and what is said names releases and packages.
TEST_F(Commands, FFmpegIsMissedOnce) {
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out w.d --epochs 1"), 0) << errors;
  std::filesystem::create_directory(folder / "lib");
  folder.write("lib/libavutil.so.57", "");
  for (const char *arguments : {"train linear.kin --train train.txt --out a.d",
                                "eval linear.kin --test train.txt --weights w.d/last.safetensors"}) {
    EXPECT_EQ(run(arguments, "env LD_LIBRARY_PATH=lib KINEMA_FFMPEG=5 " KINEMA_RUNTIME), 1);
    EXPECT_EQ(errors, "kinema-runtime: error: FFmpeg 5, which KINEMA_FFMPEG asks for, is needed to read "
                      "videos, FFmpeg 5 on this machine cannot be used: lib/libavutil.so.57: file too short; "
                      "install FFmpeg 4.4 to 8 (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install "
                      "ffmpeg-free), or make the videos uncompressed ones (.y4m)\n");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}

// Libraries that stand in for other releases: one that is too old, one without functions, one that is another
// than its name says.
TEST_F(Commands, TheReleaseOfFFmpegIsChosen) {
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out w.d --epochs 1",
                "env LD_LIBRARY_PATH=" KINEMA_STANDINS " " KINEMA_RUNTIME),
            0)
      << errors;
  auto said = [&](const char *release, const std::string &libraries, const std::string &text,
                  int status = 1) {
    EXPECT_EQ(
        run("train linear.kin --train train.txt --out a.d",
            fmt::format("env LD_LIBRARY_PATH={} KINEMA_FFMPEG={} {}", libraries, release, KINEMA_RUNTIME)),
        status);
    EXPECT_NE(errors.find(text), std::string::npos) << errors;
  };
  said("8", KINEMA_STANDINS,
       "FFmpeg 8, which KINEMA_FFMPEG asks for, is needed to read videos, found FFmpeg 3.4; install FFmpeg");
  said("6", KINEMA_STANDINS, "FFmpeg 6 on this machine cannot be used: it has no function av_dict_free; ");
  said("9", KINEMA_STANDINS, "KINEMA_FFMPEG is 9, expected one of 4.4, 5, 6, 7, 8", 2);
  std::filesystem::create_directory(folder / "lib");
  auto link = [&](const std::string &to, const char *name) {
    std::filesystem::create_symlink(to, folder / fmt::format("lib/{}", name));
  };
  link(KINEMA_STANDINS "/libavutil.so.58", "libavutil.so.59");
  said("7", "lib", "FFmpeg 7 on this machine cannot be used: libavutil.so.59 says that its number is 58; ");
  link("/lib/x86_64-linux-gnu/libm.so.6", "libavutil.so.60");
  said("8", "lib", "FFmpeg 8 on this machine cannot be used: libavutil.so.60 does not say its number; ");
  link(KINEMA_STANDINS "/libavutil.so.58", "libavutil.so.58");
  said("6", "lib",
       "FFmpeg 6 on this machine cannot be used: libavcodec.so.60: cannot open shared object file");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}
