#include "compiler/Inspect/CodeText.h"

using namespace kinema;
using namespace kinema::inspect;

/// Returns the name of the function that begins in this line: of IR, PTX or assembly. An empty one: none
/// does.
static llvm::StringRef headOf(llvm::StringRef line) {
  if (line.starts_with("define "))
    return line.split('@').second.split('(').first;
  if (size_t entry = line.find(".entry "); entry != llvm::StringRef::npos)
    return line.substr(entry).split(' ').second.split('(').first;
  const bool isLabel = !line.empty() && line.front() != ' ' && line.front() != '\t' && line.contains(':');
  return isLabel ? line.split(':').first : llvm::StringRef();
}

std::map<std::string, std::string> inspect::functionsIn(llvm::StringRef code,
                                                        const std::set<std::string> &kernels) {
  std::map<std::string, std::string> functions;
  std::string *function = nullptr; // the one that the line is of
  bool hasBraces = false;
  int64_t open = 0; // braces; inline assembly has some of its own
  for (llvm::StringRef rest = code; !rest.empty();) {
    auto [line, more] = rest.split('\n');
    rest = more;
    if (!function) {
      const std::string name = headOf(line).str();
      if (!kernels.contains(name) || functions.contains(name))
        continue;
      function = &functions[name];
      hasBraces = !line.starts_with(name + ":");
      open = 0;
    } else if (line.starts_with(".Lfunc_end")) {
      function = nullptr;
      continue;
    }
    *function += (line + "\n").str();
    open += static_cast<int64_t>(line.count('{')) - static_cast<int64_t>(line.count('}'));
    if (hasBraces && open == 0 && line.contains('}'))
      function = nullptr;
  }
  return functions;
}

std::string inspect::nameOf(CodeForm form, const Target &target) {
  if (form == CodeForm::LLVM)
    return "LLVM IR";
  return target.kind == kernel::TargetKind::CUDA ? "PTX" : "assembly";
}
