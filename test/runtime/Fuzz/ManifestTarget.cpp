// libFuzzer's entry: a package's manifest of any bytes.
#include "test/runtime/Fuzz/Fuzz.h"
#include "test/runtime/Package/Checks.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string content(reinterpret_cast<const char *>(data), size);
  return readOrRefuse([&] { require(faultOf(parseManifest(content, "m"))); });
}
