// Every different kernel of the networks in models/, as text, for tests that take them one by one.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_NETWORKKERNELS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_NETWORKKERNELS_H

#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "compiler/Pipelines/Compile.h"

#include <functional>
#include <string>
#include <vector>

namespace kinema::testing {

/// One way of planning the kernels of one network.
struct NetworkPlan {
  std::string network; // as errors name it
  std::string path;
  std::vector<FrontendOptions> sizes; // the first that the network takes
  kernel::Precision precision = kernel::Precision::BF16;
  bool train = true;
  std::string processor = hopper;
};

/// A kernel and the first place where it was found.
struct NetworkKernel {
  size_t plan = 0; // number of the NetworkPlan
  std::string layer;
  int64_t work = 0;      // multiply-adds and bytes of a launch
  std::string operation; // its name in the dialect
  std::string text;      // a module for the plan's processor with one scheduled kernel.def @k, without layers
};

/// Returns what a network's file is called in its folder: torchvision/r3d_18.
std::string networkName(const std::string &path, const std::string &folder);

/// The .arch files of a folder and of its folder `torchvision`, in order: those with the wanted names, which
/// commas part, or all of them where nothing is wanted.
std::vector<std::string> networksOf(const std::string &folder, llvm::StringRef wanted);

/// The kernels of each plan, one of each text; what cannot be planned is added to `errors`.
std::vector<NetworkKernel> kernelsOf(const std::vector<NetworkPlan> &plans, std::vector<std::string> &errors);

/// Returns the name of a kernel's schedule and the kernel's text without what makes no difference to its code
/// but numbers: sizes, but for channels that need padding, and constants.
std::string kindOf(const NetworkKernel &kernel);

/// Returns what `kindOf` does and the parameters of the schedule, such as tiles and depths of rings, but for
/// the number of partials: most of what decides on a kernel's registers. Sizes may too, where tiles reach
/// beyond a tensor or places in it take 64 bits.
std::string tiledKindOf(const NetworkKernel &kernel);

/// Returns one kernel of each kind, that of least work.
std::vector<NetworkKernel> oneOfEach(const std::vector<NetworkKernel> &kernels,
                                     llvm::function_ref<std::string(const NetworkKernel &)> kind);

/// The argument behind the option of this name; nothing where it is not given.
std::string valueOf(llvm::StringRef option, int argc, char **argv);

/// A context for the texts of kernels, of the thread that calls.
mlir::MLIRContext &contextOfThread();

/// Runs body(i) for each i below `count` on all cores.
void inParallel(size_t count, const std::function<void(size_t)> &body);

} // namespace kinema::testing

#endif
