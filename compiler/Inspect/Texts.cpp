#include "compiler/Inspect/Texts.h"

using namespace mlir;

std::string kinema::inspect::textOf(Operation *op, AsmState &state) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, state);
  return text;
}

std::string kinema::inspect::textOf(Operation *op, OpPrintingFlags flags) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, flags.useLocalScope());
  return text;
}
