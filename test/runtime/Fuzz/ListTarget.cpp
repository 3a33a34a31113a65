// libFuzzer's entry: a list of videos of any bytes, in each of the formats. The first byte chooses the
// format, the second whether there is a file with the names of the classes, which is then the same bytes.
#include "runtime/Data/VideoList.h"
#include "test/runtime/Fuzz/Fuzz.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  const std::string_view content(reinterpret_cast<const char *>(data) + 2, size - 2);
  const std::vector<std::string> &formats = listFormats();
  const char *names[] = {"list.txt", "list.csv", "list.json"};
  ListOptions options;
  options.findMissing = true;
  if (size_t format = data[0] % (2 * formats.size()); format < formats.size())
    options.format = formats[format];
  const std::string path = fileOf(names[data[0] / 64 % 3], content);
  if (data[1] % 2)
    options.labels = fileOf("labels.txt", content);
  options.split = 1 + data[1] / 2 % 3;
  options.part = data[1] / 8 % 2 ? ListPart::Test : ListPart::Train;
  return readOrRefuse([&] {
    VideoList list = readVideoList(path, options);
    require(list.videos.empty() ? "a list without videos was read" : "");
    for (const LabelledVideo &video : list.videos) {
      require(video.path.empty() ? "a video without a name" : "");
      require(video.path.find('\0') != std::string::npos ? "the name of a video has a zero byte" : "");
      if (video.label != noLabel &&
          (video.label < 0 ||
           (!list.classes.empty() && video.label >= static_cast<int32_t>(list.classes.size()))))
        require("a label that is no class");
    }
    describe(list);
    labelRemark(list);
  });
}
