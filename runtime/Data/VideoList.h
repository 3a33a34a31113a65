// Reads lists of videos in the formats in which data sets are published (docs/data.md).
#pragma once

#include "runtime/Data/FileStamp.h"
#include "runtime/Support/Digest.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kinema {

class VideoIndex;

inline constexpr int32_t noLabel = -1;

struct LabelledVideo {
  std::string path; // as the program opens it
  int32_t label = noLabel;
  int64_t line = 0; // line or entry of the list that names it, from 1; 0: it is in a class folder
  std::string name; // as the list names it, wherever the videos are
  std::vector<int32_t> moreLabels = {}; // those behind `label`, where the video has several

  // Returns all labels in the order of the list.
  std::vector<int32_t> labels() const;
};

struct VideoList {
  std::string file;
  std::string format; // in words, such as "UCF101 split, labels from 1"
  std::vector<LabelledVideo> videos;
  std::vector<std::string> classes; // names in the order of the labels; empty: there are numbers alone
  bool sorted = false;              // the list itself named the classes; their order is that of their names
  std::vector<std::string> notes;   // what is odd about the list
  std::map<int64_t, std::string> unreadable; // videos of which it is known without opening them, and why
  std::vector<FileStamp> stamps;             // of the videos' files; none where nobody looked
  std::shared_ptr<const VideoIndex> index;   // knows where the frames of some videos are; may be null
  std::vector<char> indexed;                 // whether `index` does, for each video
  Digest digest; // of the labels and the paths as written, so that it does not depend on where the list lies

  // Returns whether all videos have labels.
  bool hasLabels() const;
};

// Says which videos are taken where one list holds those for training and those for tests.
enum class ListPart { Train, Test };

struct ListOptions {
  std::string root;   // folder of the videos; empty: that of the list
  std::string format; // one of listFormats(); empty: what the list's name and content say
  std::string labels; // file with the names of the classes; empty: one that lies beside the list, if any
  int64_t split = 1;  // of HMDB51
  ListPart part = ListPart::Train;
  int64_t classes = 0;                   // labels are below it; 0: any number
  std::vector<std::string> knownClasses; // names that count where no file has names
  bool severalLabels = false;            // a video may have several, of which else the first counts
  bool findMissing = false;              // find out which files are not there, and the stamps of the others
};

// Looks at the files of all videos.
std::vector<FileStamp> stampsOf(const std::vector<LabelledVideo> &videos);

// Names the formats: labels (lines of `path label`), ucf101, hmdb51, kinetics, something, sports1m, folders.
const std::vector<std::string> &listFormats();

// Reads a list, which is a file, or a folder of class folders or of HMDB51's split files. Throws Error where
// lines are wrong: a summary by cause, with the first lines of each; all of them are then in the file that
// the summary names. Also throws Error if the list holds no video. Opens no video.
VideoList readVideoList(const std::string &file, const ListOptions &options);
VideoList readVideoList(const std::string &file, int64_t classes = 0);

// Returns, for instance, "trainlist01.txt: UCF101 split, labels from 1: 9537 videos, 101 classes".
std::string describe(const VideoList &list);

// Returns what is odd about labels that are in range, namely that they count from 1, or an empty string.
std::string labelRemark(const VideoList &list);

} // namespace kinema
