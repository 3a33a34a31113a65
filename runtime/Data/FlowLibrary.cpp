#include "runtime/Data/FlowLibrary.h"

#include "runtime/Flow/FlowInterface.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/OwnFile.h"

#include <fmt/ranges.h>

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace kinema {
namespace {

constexpr const char *fileName = "libkinema-flow.so", *variable = "KINEMA_FLOW_LIBRARY";

struct Library {
  decltype(&kinemaFlowImplementation) implementation = nullptr;
  decltype(&kinemaFarneback) farneback = nullptr;
};

[[noreturn]] void failFinding(const std::string &reasons) {
  fail("optical flow is computed by {}, which cannot be opened: {}; it belongs beside this program or into "
       "the "
       "library path, or {} names it, and it needs OpenCV's libopencv_video (Debian 12: libopencv-video406); "
       "no library is needed for flow that was computed before (--flow)",
       fileName, reasons, variable);
}

// Returns where the library may be, in the order in which the places are tried. A name without a slash is
// looked for in the library path.
std::vector<std::string> places() {
  if (const char *named = std::getenv(variable))
    return {std::filesystem::absolute(named).string()};
  return {std::filesystem::path(ownFile()).replace_filename(fileName).string(), fileName};
}

// Opens the library, which stays open until the process ends.
void *open() {
  std::vector<std::string> reasons;
  for (const std::string &place : places()) {
    if (void *handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL))
      return handle;
    reasons.emplace_back(dlerror());
    if (std::filesystem::exists(place))
      break; // it is there, and why it cannot be opened counts
  }
  failFinding(fmt::format("{}", fmt::join(reasons, "; ")));
}

template <typename Function> Function find(void *handle, const char *name) {
  void *address = dlsym(handle, name);
  if (!address)
    failFinding(fmt::format("it has no function {}", name));
  return reinterpret_cast<Function>(address);
}

Library openLibrary() {
  void *handle = open();
  const int32_t version = find<decltype(&kinemaFlowInterface)>(handle, "kinemaFlowInterface")();
  if (version != kinemaFlowInterfaceVersion)
    failFinding(fmt::format("it is that of another version of Kinema (interface {}, here {})", version,
                            kinemaFlowInterfaceVersion));
  return {find<decltype(&kinemaFlowImplementation)>(handle, "kinemaFlowImplementation"),
          find<decltype(&kinemaFarneback)>(handle, "kinemaFarneback")};
}

const Library &library() {
  static const Library opened = openLibrary();
  return opened;
}

} // namespace

void requireFlow() { library(); }

std::string flowImplementation() { return library().implementation(); }

void computeFlow(const DataRecipe &data, PictureSize size, const uint8_t *from, const uint8_t *to,
                 float *field) {
  const KinemaFarneback parameters{.pyramid = data.flowPyramid,
                                   .levels = static_cast<int32_t>(data.flowLevels),
                                   .window = static_cast<int32_t>(data.flowWindow),
                                   .iterations = static_cast<int32_t>(data.flowIterations),
                                   .polyN = static_cast<int32_t>(data.flowPolyN),
                                   .polySigma = data.flowPolySigma};
  std::array<char, 256> message{};
  if (!library().farneback(&parameters, size.height, size.width, from, to, field, message.data(),
                           message.size()))
    fail("the optical flow of frames of {}x{} cannot be computed: {}", size.height, size.width,
         message.data());
}

} // namespace kinema
