// libFuzzer's entry: a package of any bytes, in a file and in memory, whose zip directory and entries are
// read.
#include "runtime/Package/Package.h"
#include "test/runtime/Fuzz/Fuzz.h"
#include "test/runtime/Package/Checks.h"

using namespace kinema;
using namespace kinema::test;

static void readAll(const Package &package) {
  for (const std::string &entry : package.entries())
    readOrRefuse([&] { package.read(entry); });
  for (const Manifest &manifest : readManifests(package))
    require(faultOf(manifest));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string content(reinterpret_cast<const char *>(data), size), path = fileOf("p", content);
  readOrRefuse([&] { readAll(Package(path)); });
  return readOrRefuse([&] { readAll(Package(content, "memory")); });
}
