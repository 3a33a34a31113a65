#include "compiler/Target/NVGPU/Codegen.h"

#include "compiler/Support/Tool.h"
#include "compiler/Target/Common/Functions.h"
#include "compiler/Target/NVGPU/PTX.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/StringExtras.h"

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

static SmallVector<kernel::TensorMapAttr> tensorMapsOf(LLVM::LLVMFuncOp function) {
  SmallVector<kernel::TensorMapAttr> maps;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto map = function.getArgAttrOfType<kernel::TensorMapAttr>(i, kernel::tensorMapAttribute))
      maps.push_back(map);
  return maps;
}

std::vector<BoxMap> nvidia::boxMapsOf(LLVM::LLVMFuncOp function) {
  using Map = kernel::TensorMapAttr;
  static_assert(BoxMap::wordBytes == Map::wordBytes && BoxMap::mostAxes == Map::mostAxes &&
                BoxMap::mostPositions == Map::mostPositions && BoxMap::mostStep == Map::mostStep);
  std::vector<BoxMap> maps;
  for (Map map : tensorMapsOf(function))
    maps.push_back({map.getBuffer(), map.getSizes().vec(), map.getBox().vec(), map.getSteps().vec()});
  return maps;
}

FailureOr<Code> nvidia::compileKernels(ModuleOp lowered, StringRef toolkit, bool watchdog) {
  const Processor *processor = processorOf(lowered);
  if (!processor)
    return failure();
  PassManager passes(lowered.getContext());
  if (watchdog)
    passes.addPass(createWatchNVGPUWaits());
  addInlineAssembly(passes);
  passes.enableVerifier(false); // LLVM IR is verified, and far smaller
  if (failed(passes.run(lowered)))
    return failure();
  auto ptxas = findTool("ptxas", toolkit);
  SmallVector<gpu::GPUModuleOp> parts(lowered.getOps<gpu::GPUModuleOp>());
  std::vector<std::string> texts(parts.size());
  Code code{"", std::vector<Assembly>(ptxas ? parts.size() : 0), {}};
  if (auto sites = lowered->getAttrOfType<ArrayAttr>(kernel::sitesAttribute))
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
  if (failed(failableParallelForEach(lowered.getContext(), largestFirst(parts), compile)))
    return failure();
  for (const Assembly &part : code.parts)
    if (!part.error.empty())
      return lowered.emitError(part.error);
  code.ptx = joinPTX(texts);
  return code;
}

FailureOr<std::string> nvidia::codeText(ModuleOp lowered, CodeForm form) {
  const Processor *processor = processorOf(lowered);
  if (!processor)
    return failure();
  PassManager passes(lowered.getContext());
  addInlineAssembly(passes);
  if (failed(passes.run(lowered)))
    return failure();
  SmallVector<gpu::GPUModuleOp> parts(lowered.getOps<gpu::GPUModuleOp>());
  std::vector<std::string> texts(parts.size());
  auto write = [&](size_t number) -> LogicalResult {
    auto text = generatePTX(parts[number], *processor, form);
    if (failed(text))
      return failure();
    texts[number] = std::move(*text);
    return success();
  };
  if (failed(failableParallelForEachN(lowered.getContext(), 0, parts.size(), write)))
    return failure();
  return form == CodeForm::Assembly ? joinPTX(texts) : llvm::join(texts, "\n");
}

/// The threads of a block, of which there may be fewer where a kernel's threads trade registers.
static std::optional<int32_t> threadsOf(LLVM::LLVMFuncOp function) {
  for (StringRef name : {NVVM::NVVMDialect::getReqntidAttrName(), NVVM::NVVMDialect::getMaxntidAttrName()})
    if (auto size = function->getAttrOfType<DenseI32ArrayAttr>(name); size && size.size() == 1)
      return size[0];
  return std::nullopt;
}

static LogicalResult verifyFunction(kernel::DefOp def, LLVM::LLVMFuncOp function) {
  auto buffers = llvm::to_vector(llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()));
  constexpr unsigned globalMemory = 1;
  SmallVector<Type> parameters(buffers.size(), LLVM::LLVMPointerType::get(def.getContext(), globalMemory));
  for (kernel::TensorMapAttr map : tensorMapsOf(function)) {
    auto number = size_t(map.getBuffer());
    int64_t bytes =
        number < buffers.size() ? kernel::storedBytes(cast<RankedTensorType>(buffers[number])) : 0;
    if (map.bytes() > bytes)
      return function.emitOpError("has a parameter ") << kernel::tensorMapAttribute << " = " << map << " of "
                                                      << map.bytes() << " bytes, of a buffer of " << bytes;
    parameters.push_back(LLVM::LLVMPointerType::get(def.getContext()));
  }
  StringRef byValue = NVVM::NVVMDialect::getGridConstantAttrName();
  for (unsigned i = buffers.size(); i < function.getNumArguments(); ++i)
    if (!function.getArgAttr(i, byValue))
      return function.emitOpError("has a parameter ")
             << i << " behind its buffers, which lacks the attribute " << byValue;
  if (failed(verifyParameters(function, parameters)))
    return failure();
  for (StringRef name :
       {gpu::GPUDialect::getKernelFuncAttrName(), NVVM::NVVMDialect::getKernelFuncAttrName()})
    if (!function->hasAttr(name))
      return function.emitOpError("is the function of a kernel, but lacks the attribute ") << name;
  int64_t threads = kernel::scheduleOf(def.getKernel()).getThreads().value_or(1);
  if (threadsOf(function) != threads)
    return function.emitOpError("does not say, by ")
           << NVVM::NVVMDialect::getReqntidAttrName() << " or " << NVVM::NVVMDialect::getMaxntidAttrName()
           << ", that a block has " << threads << " threads, as the kernel's schedule does";
  return success();
}

LogicalResult nvidia::verifyFunctions(ModuleOp lowered) {
  return forEachFunction<gpu::GPUModuleOp>(lowered, verifyFunction);
}
