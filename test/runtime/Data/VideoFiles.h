// Makes video files for tests by the `ffmpeg` command, in a folder of their own.
#pragma once

#include "runtime/Data/PictureSize.h"
#include "runtime/Support/Error.h"
#include "test/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kinema::test {

// Runs `ffmpeg ARGUMENTS`; returns false if it fails.
bool runFfmpeg(const std::string &arguments);

// Returns whether ffmpeg has an encoder of that name.
bool hasEncoder(const std::string &name);

// Makes `file` from `frames` frames of a moving test picture, encoded with `arguments`.
void makeVideo(const std::string &file, const std::string &arguments, int frames = 60,
               const std::string &size = "96x72");

// Makes such a video without the command, and fast: H.264 in mp4; `seed` chooses the picture.
void makeH264(const std::string &file, int frames, int height, int width, uint64_t seed);

// Returns all frames as the ffmpeg command decodes them: [frames, height, width, 3].
std::vector<uint8_t> decodeWithCommand(const std::string &file, const TemporaryFolder &folder,
                                       PictureSize size = {});

std::string readText(const std::string &file);
void writeText(const std::string &file, const std::string &text);

// Returns the message of the Error that `action` throws; makes the test fail if it throws none.
template <typename Action> std::string errorOf(const Action &action) {
  try {
    action();
  } catch (const Error &error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

} // namespace kinema::test
