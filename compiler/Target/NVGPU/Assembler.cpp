#include "compiler/Target/NVGPU/Assembler.h"

#include "compiler/Support/Tool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace llvm;
using namespace kinema;
using namespace kinema::nvidia;

/// Returns the number in front of `unit` in a line such as "Used 32 registers, 1024 bytes smem".
static int64_t numberBefore(StringRef line, StringRef unit) {
  StringRef before = line.take_front(line.find(unit)).rtrim();
  int64_t number = 0;
  bool found =
      line.contains(unit) &&
      !before.take_back(before.size() - before.find_last_of(" ,") - 1).trim().getAsInteger(10, number);
  return found ? number : 0;
}

void nvidia::readMessages(StringRef messages, Assembly &assembly) {
  Resources *current = nullptr;
  SmallVector<StringRef> lines;
  messages.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    if (line.contains("Compiling entry function")) {
      current = &assembly.kernels[line.split('\'').second.split('\'').first.str()];
    } else if (current && line.contains("bytes stack frame")) {
      current->stackBytes = numberBefore(line, "bytes stack frame");
      current->spillBytes =
          numberBefore(line, "bytes spill stores") + numberBefore(line, "bytes spill loads");
    } else if (current && line.contains("registers")) {
      current->registers = numberBefore(line, "registers");
      current->sharedBytes = numberBefore(line, "bytes smem");
    } else if (!line.contains("info") || line.contains("(C")) { // advice has a number in brackets
      assembly.warnings.push_back(line.str());
    }
  }
}

Assembly nvidia::assemble(StringRef ptxas, StringRef ptx, const Processor &processor) {
  Assembly assembly;
  ToolFolder folder;
  std::string input = folder.file("kernels.ptx"), output = folder.file("kernels.cubin");
  if (!folder.exists() || !writeWhole(input, ptx)) {
    assembly.error = "cannot write a temporary file for ptxas";
    return assembly;
  }
  ToolRun run = runTool(folder, {ptxas.str(), "-arch=" + processor.name.str(), "-v", input, "-o", output});
  if (!run.good) {
    assembly.error = "ptxas failed: " + run.messages;
    return assembly;
  }
  readMessages(run.messages, assembly);
  auto cubin = readWhole(output);
  if (cubin)
    assembly.cubin = std::move(*cubin);
  else
    assembly.error = "ptxas left no " + output;
  return assembly;
}

double nvidia::occupancy(const Resources &resources, int64_t threads, int64_t dynamicSharedBytes,
                         const Processor &processor) {
  int64_t blockWarps = divideCeil(threads, warp);
  int64_t warpRegisters = alignTo(std::max<int64_t>(resources.registers, 1) * warp, Processor::registerStep);
  int64_t blockShared = alignTo(resources.sharedBytes + dynamicSharedBytes + Processor::systemSharedBytes,
                                Processor::sharedStep);
  int64_t resident =
      std::min({processor.blocks, processor.warps / blockWarps,
                Processor::registers / warpRegisters / blockWarps, processor.sharedBytes / blockShared});
  return double(resident * blockWarps) / processor.warps;
}
