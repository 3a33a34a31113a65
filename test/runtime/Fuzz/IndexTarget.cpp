// libFuzzer's entry: an index of videos of any bytes, and an entry of any bytes, which is what a record holds
// whose checksum is right.
#include "runtime/Data/IndexEntry.h"
#include "runtime/Data/IndexFile.h"
#include "test/runtime/Fuzz/Fuzz.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view content(reinterpret_cast<const char *>(data), size);
  const std::string path = fileOf("list.index", content);
  readOrRefuse([&] { readIndex(path); });
  readOrRefuse([&] {
    int64_t whole = 0;
    readIndex(path, &whole);
    require(whole < 0 || whole > static_cast<int64_t>(size) ? "more was read than is there" : "");
  });
  for (bool frames : {false, true})
    if (std::optional<IndexEntry> entry = decode(content, frames)) {
      std::optional<IndexEntry> again = decode(encode(*entry), frames);
      require(again && again->name == entry->name ? "" : "an entry that was written reads as another");
    }
  return 0;
}
