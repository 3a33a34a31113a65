// libFuzzer's entry: a file of tensors of any bytes.
#include "test/runtime/Fuzz/Fuzz.h"
#include "test/runtime/Package/Checks.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string content(reinterpret_cast<const char *>(data), size);
  return readOrRefuse([&] {
    TensorFile file = parseTensors(content, "w");
    require(faultOf(file));
    // What was read is written as a file that reads as the same.
    TensorFile again = parseTensors(formatTensors(file), "w");
    require(again.tensors.size() == file.tensors.size() && again.metadata == file.metadata
                ? ""
                : "a file that was written reads as another");
  });
}
