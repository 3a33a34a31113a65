// Finds the code of a layer's kernels, for the story of the layer.
#include "compiler/Inspect/CodeText.h"
#include "compiler/Inspect/Story.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;

/// Leaves the functions of some kernels alone in a module in phase `target`, and the nested modules that have
/// some.
static void keepKernels(ModuleOp lowered, const std::set<std::string> &kernels) {
  SymbolTable symbols(lowered);
  for (Operation &part : llvm::make_early_inc_range(lowered.getOps())) {
    if (isa<kernel::DefOp>(part))
      continue;
    bool keeps = false;
    SmallVector<Operation *> others;
    part.walk([&](LLVM::LLVMFuncOp function) {
      if (kernels.contains(function.getName().str()))
        keeps = true;
      else if (symbols.lookup<kernel::DefOp>(function.getName()))
        others.push_back(function);
    });
    for (Operation *other : others)
      other->erase();
    if (!keeps && !others.empty())
      part.erase();
  }
}

LogicalResult kinema::inspect::addCode(LayerStory &story, ModuleOp lowered, const Target &target,
                                       const TargetOptions &options, ArrayRef<CodeForm> forms) {
  std::set<std::string> kernels;
  for (const StoryLaunch &launch : story.launches)
    kernels.insert(launch.kernel);
  keepKernels(lowered, kernels);
  for (CodeForm form : forms) {
    OwningOpRef<ModuleOp> copy = lowered.clone();
    auto text = target.codeText(*copy, form);
    if (failed(text))
      return failure();
    std::map<std::string, std::string> functions = functionsIn(*text, kernels);
    for (const std::string &kernel : kernels)
      story.code[kernel].texts[nameOf(form, target)] = std::move(functions[kernel]);
  }
  if (!target.reportsCode())
    return success();
  auto report = target.reportCode(lowered, options);
  if (failed(report))
    return failure();
  for (const auto &[kernel, resources] : report->kernels)
    story.code[kernel].resources = resources;
  return success();
}

/// Returns whether a line of code multiplies and adds.
static bool multiplies(StringRef line) {
  return line.contains("fma") || line.contains("mma") || line.contains("vfmadd") || line.contains("vdpbf16");
}

/// Returns whether a line is the label of a block, behind which control may arrive.
static bool isLabel(StringRef line) {
  return !line.starts_with(" ") && !line.starts_with("\t") && line.split(';').first.rtrim().ends_with(":");
}

/// Returns whether a line belongs to the head of a function of PTX: its parameters, limits and registers.
static bool isDeclaration(StringRef line) {
  line = line.trim();
  return line.empty() || line.starts_with(".") || line == ")" || line == "{" || line.starts_with("//");
}

std::string kinema::inspect::busiestBlock(StringRef code) {
  SmallVector<StringRef> lines, best;
  code.split(lines, '\n');
  size_t most = 0;
  for (size_t begin = 0; begin < lines.size();) {
    size_t end = begin + 1;
    while (end < lines.size() && !isLabel(lines[end]))
      ++end;
    auto block = ArrayRef(lines).slice(begin, end - begin).drop_while(isDeclaration);
    // Blocks without products are compared by their length.
    size_t work = 1000 * llvm::count_if(block, multiplies) + block.size();
    if (work > most) {
      most = work;
      best.assign(block.begin(), block.end());
    }
    begin = end;
  }
  return llvm::join(best, "\n");
}
