#include "compiler/Target/NVGPU/Codegen.h"

#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/PTX.h"
#include "compiler/Target/NVGPU/Passes.h"

#include "mlir/IR/Threading.h"
#include "mlir/IR/Verifier.h"

#include <numeric>

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

const Resources *Code::resourcesOf(const std::string &kernel) const {
  for (const Assembly &part : parts)
    if (auto found = part.kernels.find(kernel); found != part.kernels.end())
      return &found->second;
  return nullptr;
}

/// Returns the numbers of the parts, the one with the most operations first: what is begun last should end
/// soon.
static std::vector<size_t> largestFirst(MutableArrayRef<gpu::GPUModuleOp> parts) {
  std::vector<int64_t> sizes(parts.size());
  for (auto [part, size] : llvm::zip_equal(parts, sizes))
    part.walk([&](Operation *) { ++size; });
  std::vector<size_t> numbers(parts.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  llvm::sort(numbers, [&](size_t a, size_t b) { return std::pair(-sizes[a], a) < std::pair(-sizes[b], b); });
  return numbers;
}

FailureOr<Code> nvidia::compileKernels(ModuleOp planned, StringRef toolkit, bool watchdog) {
  const Processor *processor = processorOf(planned);
  if (!processor)
    return failure();
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes);
  if (watchdog)
    passes.addPass(createWatchNVGPUWaits());
  addInlineAssembly(passes);
  passes.enableVerifier(false); // verifying after each pass would take a fifth of the time
  if (failed(passes.run(*copy)) || failed(verify(*copy)))
    return failure();
  auto ptxas = findAssembler(toolkit);
  SmallVector<gpu::GPUModuleOp> parts(copy->getOps<gpu::GPUModuleOp>());
  std::vector<std::string> texts(parts.size());
  Code code{"", std::vector<Assembly>(ptxas ? parts.size() : 0), {}};
  if (auto sites = (*copy)->getAttrOfType<ArrayAttr>("kernel.sites"))
    for (auto site : sites.getAsRange<StringAttr>())
      code.sites.push_back(site.str());
  // Each part is compiled all the way, so that ptxas works on one while LLVM works on the next.
  auto compile = [&](size_t number) -> LogicalResult {
    auto text = generatePTX(parts[number], *processor);
    if (failed(text))
      return failure();
    texts[number] = std::move(*text);
    parts[number].getBody()->clear(); // each thread frees its own
    if (ptxas)
      code.parts[number] = assemble(*ptxas, texts[number], *processor);
    return success();
  };
  if (failed(failableParallelForEach(planned.getContext(), largestFirst(parts), compile)))
    return failure();
  for (const Assembly &part : code.parts)
    if (!part.error.empty())
      return planned.emitError(part.error);
  code.ptx = joinPTX(texts);
  return code;
}
