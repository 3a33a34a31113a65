// libFuzzer's entry: any bytes either load or give errors, and what parses prints as text that parses to the
// same.
#include "dsl/Load.h"
#include "dsl/Print.h"

#include <cstdlib>

using namespace kinema::dsl;

static std::string printOf(std::string text, bool &good) {
  Sources sources;
  Diagnostics diagnostics(sources);
  auto file = parse(sources, sources.add("fuzz.arch", std::move(text)), diagnostics);
  good = !diagnostics.any();
  return print(*file);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  Program program;
  Diagnostics diagnostics(program.sources);
  bool good = loadText("fuzz.arch", text, {}, program, diagnostics);
  std::string errors = diagnostics.render();
  // A warning is text too, so only what is refused must have some.
  if (good == diagnostics.any() || (!good && errors.empty()) || good != (program.network != nullptr))
    std::abort();
  bool parsed = false, parsedAgain = false;
  std::string once = printOf(text, parsed);
  if (parsed && (printOf(once, parsedAgain) != once || !parsedAgain))
    std::abort();
  return 0;
}
