#include "runtime/Flow/FlowInterface.h"

#include <opencv2/core.hpp>
#include <opencv2/core/ocl.hpp>
#include <opencv2/core/utility.hpp>
#include <opencv2/video/tracking.hpp>

#include <cstdio>
#include <exception>

namespace {

// Has OpenCV compute the same bits on every machine: on the calling thread alone, by the instructions that
// all processors have, without a GPU. Its log of errors on stderr is silenced; the caller gets them.
bool prepare() {
  cv::setNumThreads(0);
  cv::setUseOptimized(false);
  cv::ocl::setUseOpenCL(false);
  cv::redirectError([](int, const char *, const char *, const char *, int, void *) { return 0; });
  return true;
}

// OpenCV neither changes what it reads nor has a type that says so.
cv::Mat picture(int height, int width, const uint8_t *pixels) {
  return {height, width, CV_8UC1, const_cast<uint8_t *>(pixels)};
}

} // namespace

int32_t kinemaFlowInterface() { return kinemaFlowInterfaceVersion; }

const char *kinemaFlowImplementation() {
  static const std::string name = "OpenCV " + cv::getVersionString();
  return name.c_str();
}

bool kinemaFarneback(const KinemaFarneback *parameters, int32_t height, int32_t width, const uint8_t *from,
                     const uint8_t *to, float *field, char *message, size_t messageBytes) {
  try {
    [[maybe_unused]] static const bool prepared = prepare();
    cv::Mat flow(height, width, CV_32FC2, field);
    cv::calcOpticalFlowFarneback(picture(height, width, from), picture(height, width, to), flow,
                                 parameters->pyramid, parameters->levels, parameters->window,
                                 parameters->iterations, parameters->polyN, parameters->polySigma, 0);
    if (flow.ptr<float>() == field)
      return true;
    std::snprintf(message, messageBytes, "the result lies elsewhere");
  } catch (const std::exception &error) {
    std::snprintf(message, messageBytes, "%s", error.what());
  }
  return false;
}
