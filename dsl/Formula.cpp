#include "dsl/Formula.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace kinema::dsl {

using Kind = Formula::Kind;

static constexpr Function functionTable[] = {
    {Function::Kind::Exp, "exp", 1},         {Function::Kind::Log, "log", 1},
    {Function::Kind::Sqrt, "sqrt", 1},       {Function::Kind::Tanh, "tanh", 1},
    {Function::Kind::Erf, "erf", 1},         {Function::Kind::Abs, "abs", 1},
    {Function::Kind::Sigmoid, "sigmoid", 1}, {Function::Kind::Relu, "relu", 1},
    {Function::Kind::Min, "min", 2},         {Function::Kind::Max, "max", 2},
};

llvm::ArrayRef<Function> functions() { return functionTable; }

const Function *findFunction(llvm::StringRef name) {
  const auto *found =
      llvm::find_if(functionTable, [&](const Function &function) { return function.name == name; });
  return found == std::end(functionTable) ? nullptr : found;
}

void visitFormula(const Formula &formula, llvm::function_ref<void(const Formula &)> visit) {
  visit(formula);
  for (const FormulaPtr &operand : formula.operands)
    visitFormula(*operand, visit);
}

/// Returns how tightly a formula's outermost operation binds: sums least, names and numbers most.
static int precedence(const Formula &formula) {
  switch (formula.kind) {
  case Kind::Add:
  case Kind::Sub:
    return 0;
  case Kind::Mul:
  case Kind::Div:
    return 1;
  case Kind::Negate:
    return 2;
  default:
    return 3;
  }
}

static void printTo(llvm::raw_ostream &out, const Formula &formula, int least) {
  const int own = precedence(formula);
  if (own < least) {
    out << '(';
    printTo(out, formula, 0);
    out << ')';
    return;
  }
  switch (formula.kind) {
  case Kind::Number:
  case Kind::Name:
    out << formula.text;
    return;
  case Kind::Call:
    out << formula.text << '(';
    llvm::interleave(
        formula.operands, out, [&](const FormulaPtr &operand) { printTo(out, *operand, 0); }, ", ");
    out << ')';
    return;
  case Kind::Negate:
    out << '-';
    printTo(out, *formula.operands[0], own);
    return;
  default:
    break;
  }
  static constexpr llvm::StringLiteral marks[] = {" + ", " - ", " * ", " / "};
  printTo(out, *formula.operands[0], own);
  out << marks[static_cast<int>(formula.kind) - static_cast<int>(Kind::Add)];
  printTo(out, *formula.operands[1], own + 1);
}

std::string print(const Formula &formula) {
  std::string text;
  llvm::raw_string_ostream out(text);
  printTo(out, formula, 0);
  return text;
}

} // namespace kinema::dsl
