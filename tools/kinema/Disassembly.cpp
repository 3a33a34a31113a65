#include "tools/kinema/Disassembly.h"

#include "compiler/Support/Tool.h"
#include "runtime/Support/Error.h"
#include "tools/kinema/ElfMachine.h"

#include <initializer_list>

using namespace kinema;

/// Returns the first of the programs that is there; an empty string where none is.
static std::string findProgram(std::initializer_list<const char *> names, const std::string &toolkit) {
  for (const char *name : names)
    if (auto found = findTool(name, toolkit))
      return *found;
  return "";
}

std::string kinema::findInPtx(const std::string &ptx, const std::string &symbol) {
  size_t entry = ptx.find(".entry " + symbol + "(");
  if (entry == std::string::npos)
    return "";
  size_t begin = ptx.rfind('\n', entry) + 1; // npos + 1: the text's beginning
  size_t end = ptx.find('{', entry);
  // Vectors of registers and inline assembly have braces of their own.
  for (int open = 0; end < ptx.size(); ++end) {
    open += (ptx[end] == '{') - (ptx[end] == '}');
    if (open == 0)
      break;
  }
  return ptx.substr(begin, end == std::string::npos ? end : end + 1 - begin) + "\n";
}

std::string kinema::findInSass(const std::string &text, const std::string &symbol) {
  size_t section = text.find(".section\t.text." + symbol + ",");
  if (section == std::string::npos)
    section = text.find(".section .text." + symbol + ",");
  if (section == std::string::npos)
    return "";
  size_t begin = text.rfind('\n', section) + 1, end = text.find(".section", section + 1);
  return text.substr(begin, end == std::string::npos ? end : text.rfind('\n', end) + 1 - begin);
}

/// Returns what a program prints about a file with these bytes, whose name is the command's last word. Throws
/// Error.
static std::string runOn(std::vector<std::string> command, const std::string &bytes) {
  ToolFolder folder;
  command.push_back(folder.file("code"));
  if (!folder.exists() || !writeWhole(command.back(), bytes))
    fail("cannot write a temporary file for {}", command.front());
  ToolRun run = runTool(folder, command);
  if (!run.good)
    fail("{} failed: {}", command.front(), run.messages);
  return run.messages;
}

/// Returns the code that has the kernel: sections of a cubin are called by its kernels.
static std::string codeOf(const Package &package, const Manifest &manifest, const std::string &symbol) {
  std::string section(".text." + symbol + '\0');
  for (const std::string &entry : manifest.code)
    if (package.read(entry).find(section) != std::string_view::npos)
      return entry;
  return manifest.code.front();
}

static Disassembly ofGPU(const Package &package, const Manifest &manifest, const std::string &symbol,
                         const std::string &toolkit) {
  std::string code = codeOf(package, manifest, symbol);
  bool hasMachineCode = code.ends_with(".cubin");
  std::string program = hasMachineCode ? findProgram({"cuobjdump", "nvdisasm"}, toolkit) : "";
  if (program.ends_with("cuobjdump"))
    return {"SASS by " + program, runOn({program, "-sass", "-fun", symbol}, package.read(code))};
  if (!program.empty())
    return {"SASS by " + program, findInSass(runOn({program, "-c"}, package.read(code)), symbol)};
  std::string ptx = "code/" + manifest.target + ".ptx";
  if (!package.has(ptx))
    fail("{} holds machine code alone, and neither cuobjdump nor nvdisasm is here to read it; --cuda-path "
         "says where they are",
         package.path());
  return {hasMachineCode ? "PTX; for SASS, --cuda-path says where cuobjdump or nvdisasm is" : "PTX",
          findInPtx(package.read(ptx), symbol)};
}

Disassembly kinema::disassemble(const Package &package, const Manifest &manifest, const std::string &symbol,
                                const std::string &toolkit) {
  if (manifest.kind == TargetKind::Cuda)
    return ofGPU(package, manifest, symbol, toolkit);
  const std::string name = manifest.code.front(), code = package.read(name);
  // Debian's objdump reads the code of its own processor alone, LLVM's reads all.
  const bool isForeign = elfMachine(code) == elfArm;
  const std::string program =
      isForeign ? findProgram({"llvm-objdump-22", "llvm-objdump"}, "") : findProgram({"objdump"}, "");
  if (program.empty())
    fail("there is no {} on this machine to read {}: install {}", isForeign ? "llvm-objdump" : "objdump",
         name, isForeign ? "llvm-22" : "binutils");
  std::vector<std::string> command = {program, "--no-show-raw-insn"};
  if (isForeign)
    command.insert(command.end(), {"-d", "--disassemble-symbols=" + symbol});
  else
    command.push_back("--disassemble=" + symbol);
  return {"by " + program, runOn(command, code)};
}
