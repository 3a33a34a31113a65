#include "dsl/AST.h"

#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

std::string PathExpr::text() const {
  return llvm::join(llvm::map_range(parts, [](const Part &part) { return part.text; }), ".");
}

BoundExpr::BoundExpr(Location location, ExprPtr callee, std::vector<Argument> arguments)
    : Expr(Kind::Bound, location), callee(std::move(callee)), arguments(std::move(arguments)) {}

BoundExpr::~BoundExpr() = default;

const Parameter *Definition::parameter(llvm::StringRef name) const {
  for (const Parameter &parameter : parameters)
    if (parameter.name.text == name)
      return &parameter;
  return nullptr;
}

llvm::StringRef toString(Type type) {
  static constexpr llvm::StringLiteral names[] = {"int",  "number", "size",  "flag",
                                                  "word", "unit",   "block", "value"};
  return names[static_cast<int>(type)];
}

llvm::StringRef toString(Definition::Kind kind) {
  static constexpr llvm::StringLiteral names[] = {"unit", "block", "network"};
  return names[static_cast<int>(kind)];
}

llvm::StringRef toString(Section::Kind kind) {
  static constexpr llvm::StringLiteral names[] = {"data", "train", "eval", "compute"};
  return names[static_cast<int>(kind)];
}

llvm::StringRef toString(BinaryExpr::Op op) {
  static constexpr llvm::StringLiteral names[] = {"+", "-", "*", "/", "%"};
  return names[static_cast<int>(op)];
}

} // namespace kinema::dsl
