// Reads lists of labelled videos: text files of `path label` lines.
#pragma once

#include "runtime/Support/Digest.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

struct LabelledVideo {
  std::string path; // as the program opens it
  int32_t label = 0;
};

struct VideoList {
  std::string file;
  std::vector<LabelledVideo> videos;
  Digest digest; // of the labels and the paths as written, so that it does not depend on where the list lies
};

// Reads a list. A line is a path, blanks and a label; the label is the last word, so paths may hold blanks.
// Relative paths are relative to the list's folder. Empty lines and lines that begin with # are skipped. A
// label is a number from 0 to classes - 1 or, if `classNames` are given, one of them; `classes` 0 means any
// number. Throws Error with the numbers of the first wrong lines, also if the list holds no video; labels
// beyond the classes are one line together, which says so where they count from 1. Opens no video.
VideoList readVideoList(const std::string &file, int64_t classes, const std::vector<std::string> &classNames);
// Reads a list with the names of classes that stand beside it.
VideoList readVideoList(const std::string &file, int64_t classes);

// Returns what is odd about labels that are in range, namely that they count from 1, or an empty string.
std::string labelRemark(const VideoList &list);

// Reads names of classes, one a line, in the order of their labels. Throws Error on empty or repeated names.
std::vector<std::string> readClassNames(const std::string &file);

// Returns the names in the classes.txt beside a list; none if there is no such file.
std::vector<std::string> classNamesBeside(const std::string &listFile);

} // namespace kinema
