#include "test/runtime/Cuda/StandInPtx.h"

#include <algorithm>
#include <cstdlib>

using namespace kinema;

std::string standin::packageFile() {
  const char *path = std::getenv("KINEMA_STANDIN_PACKAGE");
  return path ? path : "";
}

std::string standin::textOf(const Package &package) {
  const char *hopper = "code/sm_90a.ptx";
  return package.read(package.has(hopper) ? hopper : "code/sm_80.ptx");
}

std::optional<std::vector<bool>> standin::parametersOf(const std::string &text, const std::string &kernel) {
  size_t begin = text.find(".entry " + kernel + "(");
  if (begin == std::string::npos)
    return std::nullopt;
  size_t end = text.find(')', begin + 8 + kernel.size());
  std::vector<bool> maps;
  for (size_t at = text.find(".param", begin); at < end; at = text.find(".param", at + 1))
    maps.push_back(text.substr(at, text.find_first_of(",\n", at) - at).ends_with("[128]"));
  return maps;
}

bool standin::waitsFirst(const std::string &text, const std::string &kernel) {
  size_t begin = text.find(".entry " + kernel + "("), end = text.find("\n}", begin);
  auto first = [&](const char *what) { return std::min(text.find(what, begin), end); };
  size_t access = end;
  for (const char *what :
       {"ld.global", "st.global", "cp.async", "atom.", "red.", "\tld.relaxed", "\tst.relaxed"})
    access = std::min(access, first(what));
  return first("griddepcontrol.wait") < access;
}
