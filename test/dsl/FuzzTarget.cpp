// libFuzzer's entry: any bytes either load or give errors, and what parses prints as text that parses to the
// same. So does what is formatted, and formatting that again changes nothing.
#include "dsl/Format.h"
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

static std::optional<std::string> formatted(const std::string &text) {
  Sources sources;
  Diagnostics diagnostics(sources);
  return format(sources, sources.add("fuzz.arch", text), diagnostics);
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
  std::optional<std::string> tidy = formatted(text);
  if (parsed != tidy.has_value() ||
      (parsed && (printOf(*tidy, parsedAgain) != once || !parsedAgain || formatted(*tidy) != tidy)))
    std::abort();
  return 0;
}
