// Declares what the shared library libkinema-flow.so offers: optical flow by Farneback's method, as OpenCV
// computes it. The library is a part of its own, which alone needs OpenCV; FlowLibrary opens it when flow is
// to be computed. It speaks C, so that no exception and no type of C++ passes between the two.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

// Changes whenever a declaration below does.
constexpr int32_t kinemaFlowInterfaceVersion = 1;

// Holds the method's parameters under OpenCV's names and in its units.
struct KinemaFarneback {
  double pyramid;     // size of a level of the pyramid, as a share of the one below; in (0, 1)
  int32_t levels;     // of the pyramid, that of the frames themselves included
  int32_t window;     // side of the square, in pixels, over which displacements are averaged
  int32_t iterations; // at each level
  int32_t polyN;      // reach of the polynomials that frames are expanded into, in pixels
  double polySigma;   // standard deviation of the Gaussian that weighs pixels for them, in pixels
};

// Returns the interface that the library was built with.
int32_t kinemaFlowInterface();

// Returns whose implementation it is, such as "OpenCV 4.6.0"; the text stays.
const char *kinemaFlowImplementation();

// Computes where the pixels of one frame are in another. The same bits come out on every machine and whatever
// other threads do; several threads may call it at once.
// from, to: [height, width], gray; field: [height, width, 2], displacements in pixels to the right and down.
// Returns whether that was possible; if not, `message` holds the reason, which is cut off where it is too
// long.
bool kinemaFarneback(const KinemaFarneback *parameters, int32_t height, int32_t width, const uint8_t *from,
                     const uint8_t *to, float *field, char *message, size_t messageBytes);

} // extern "C"
