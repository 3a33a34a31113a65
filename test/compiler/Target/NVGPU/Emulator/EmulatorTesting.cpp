#include "test/compiler/Target/NVGPU/Emulator/EmulatorTesting.h"

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/Codegen.h"
#include "compiler/Target/NVGPU/Emulator/Codegen.h"
#include "runtime/Emulator/TensorMap.h"
#include "runtime/Support/Error.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>

using namespace kinema;
using namespace kinema::emulator;
using namespace mlir;

std::unique_ptr<MLIRContext> kinema::emulator::makeContext() {
  DialectRegistry registry;
  registry.insert<DLTIDialect, gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  registerHostCode(registry);
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

std::optional<std::string> kinema::emulator::compile(ModuleOp module, std::string &messages) {
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream stream(messages);
    stream << diagnostic.getLocation() << ": " << diagnostic << "\n";
  });
  OwningOpRef<ModuleOp> copy = module.clone();
  auto code = nvidia::compileForEmulator(*copy);
  return succeeded(code) ? std::optional(std::move(*code)) : std::nullopt;
}

void EmulatedModule::load(ModuleOp module) {
  std::string messages;
  auto object = compile(module, messages);
  if (!object)
    fail("the kernels do not compile for the emulator: {}", messages);
  code.load(*object, "kernels");
  module.walk(
      [&](LLVM::LLVMFuncOp function) { maps[function.getName().str()] = nvidia::boxMapsOf(function); });
}

EmulatedModule::EmulatedModule(ModuleOp module) { load(module); }

EmulatedModule::EmulatedModule(std::string_view text) {
  auto context = makeContext();
  auto module =
      parseSourceString<ModuleOp>(llvm::StringRef(text), ParserConfig(context.get()), "kernel.mlir");
  if (!module)
    fail("the text of the kernels is no MLIR");
  load(*module);
}

std::optional<Violation> EmulatedModule::run(const std::string &kernel, const LaunchShape &shape,
                                             uint64_t seed, std::vector<void *> args,
                                             std::vector<MemoryRange> memory) {
  Launch launch;
  launch.kernel = &code.find(kernel);
  launch.grid = shape.grid;
  launch.dynamicShared = shape.dynamicShared;
  launch.workers = shape.workers;
  launch.seed = seed;
  launch.profile = shape.profile;
  launch.watchesOrder = true;
  launch.args = std::move(args);
  std::deque<TensorMap> encoded; // alive while the launch runs
  for (const BoxMap &map : maps[kernel])
    launch.args.push_back(&encoded.emplace_back(encode(map, launch.args[map.buffer])));
  launch.memory = std::move(memory);
  return emulator::run(launch);
}

std::optional<Violation> EmulatedModule::run(const std::string &kernel, const LaunchShape &shape,
                                             uint64_t seed, std::vector<std::span<std::byte>> buffers) {
  std::vector<void *> args;
  std::vector<MemoryRange> memory;
  for (std::span<std::byte> buffer : buffers) {
    args.push_back(buffer.data());
    memory.push_back({buffer.data(), int64_t(buffer.size())});
  }
  return run(kernel, shape, seed, std::move(args), std::move(memory));
}
