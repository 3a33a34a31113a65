// libFuzzer's entry: a package of any bytes, whose zip directory and entries are read.
#include "runtime/Package/Package.h"
#include "test/runtime/Fuzz/Fuzz.h"
#include "test/runtime/Package/Checks.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string path = fileOf("p", {reinterpret_cast<const char *>(data), size});
  return readOrRefuse([&] {
    Package package(path);
    for (const std::string &entry : package.entries())
      readOrRefuse([&] { package.read(entry); });
    for (const Manifest &manifest : readManifests(package))
      require(faultOf(manifest));
  });
}
