// Makes the same kernel at small sizes.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_SMALLKERNEL_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_SMALLKERNEL_H

#include "test/compiler/Target/NVGPU/NetworkKernels.h"

namespace kinema::testing {

/// Of a launch for many parameters, for each sort of them (rank, layout, padding) one for the smallest of the
/// sort and the smallest of all; any other kernel alone.
std::vector<NetworkKernel> withFewParameters(const NetworkKernel &kernel);

/// The kernel with fewer clips, positions and channels, until it is no more work than `work`: as long as its
/// operation still verifies, has a schedule of the same name, and whether its channels fill blocks of eight
/// stays as it is. Windows, strides, padding and regions do not change.
NetworkKernel makeSmall(const NetworkKernel &kernel, int64_t work);

} // namespace kinema::testing

#endif
