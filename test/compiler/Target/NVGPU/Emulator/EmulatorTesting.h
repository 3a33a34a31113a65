// Runs GPU kernels given as MLIR text in the emulator.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_EMULATORTESTING_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_EMULATORTESTING_H

#include "runtime/Emulator/Code.h"
#include "runtime/Support/BoxMap.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema::emulator {

struct LaunchShape {
  int64_t grid = 1;
  uint32_t dynamicShared = 0; // bytes
  int workers = 1;
  Profile *profile = nullptr; // where accesses are counted
};

/// A module of kernels, compiled for the emulator.
class EmulatedModule {
public:
  /// text: a gpu.module of llvm and nvvm operations. Ends the test program's run with LLVM's message where it
  /// does not compile; see `compile` where that is expected.
  explicit EmulatedModule(std::string_view text);
  /// The module with a gpu.module in it is not changed.
  explicit EmulatedModule(mlir::ModuleOp module);

  /// Runs a kernel whose arguments are these buffers, each of exactly this size. Returns what it did wrong.
  std::optional<Violation> run(const std::string &kernel, const LaunchShape &shape, uint64_t seed,
                               std::vector<std::span<std::byte>> buffers);
  /// The same with any arguments (pointers, or scalars' bits) and the memory that it may touch. Tensor maps
  /// come by themselves.
  std::optional<Violation> run(const std::string &kernel, const LaunchShape &shape, uint64_t seed,
                               std::vector<void *> args, std::vector<MemoryRange> memory);

private:
  void load(mlir::ModuleOp module);
  Code code;
  std::map<std::string, std::vector<BoxMap>> maps; // that a kernel takes behind its buffers
};

/// A context with what the text of kernels may hold.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// The shared object of the module's kernels, or nothing and what the compiler said.
std::optional<std::string> compile(mlir::ModuleOp module, std::string &messages);

template <typename T> std::span<std::byte> bytesOf(std::vector<T> &values) {
  return std::as_writable_bytes(std::span(values));
}

} // namespace kinema::emulator

#endif
