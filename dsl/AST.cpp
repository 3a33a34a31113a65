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

void visitStatements(const Stmt &stmt, llvm::function_ref<void(const Stmt &)> visit) {
  visit(stmt);
  const auto *call = llvm::dyn_cast<CallStmt>(&stmt);
  if (const auto *stream = llvm::dyn_cast<StreamStmt>(&stmt))
    visitStatements(stream->body, visit);
  else if (call && call->body)
    visitStatements(*call->body, visit);
}

void visitStatements(const Body &body, llvm::function_ref<void(const Stmt &)> visit) {
  for (const Chain &chain : body.chains)
    for (const StmtPtr &stmt : chain.statements)
      visitStatements(*stmt, visit);
}

void visitPaths(const Expr &root, llvm::function_ref<void(const PathExpr &)> visit) {
  llvm::SmallVector<const Expr *> open{&root}; // an explicit stack, since the tree may lean far to the left
  while (!open.empty()) {
    const Expr *expr = open.pop_back_val();
    if (const auto *path = llvm::dyn_cast<PathExpr>(expr)) {
      visit(*path);
    } else if (const auto *binary = llvm::dyn_cast<BinaryExpr>(expr)) {
      open.append({binary->rhs.get(), binary->lhs.get()});
    } else if (const auto *list = llvm::dyn_cast<ListExpr>(expr)) {
      for (const ExprPtr &element : llvm::reverse(list->elements))
        open.push_back(element.get());
    } else if (const auto *bound = llvm::dyn_cast<BoundExpr>(expr)) {
      for (const Argument &argument : llvm::reverse(bound->arguments))
        for (const ExprPtr &value : llvm::reverse(argument.cycle))
          open.push_back(value.get());
      open.push_back(bound->callee.get());
    }
  }
}

void visitPaths(const Stmt &stmt, llvm::function_ref<void(const PathExpr &)> visit) {
  if (const auto *let = llvm::dyn_cast<LetStmt>(&stmt)) {
    visitPaths(*let->value, visit);
  } else if (const auto *set = llvm::dyn_cast<SetStmt>(&stmt)) {
    visitPaths(*set->value, visit);
  } else if (const auto *from = llvm::dyn_cast<FromStmt>(&stmt)) {
    visit(*from->path);
  } else if (const auto *call = llvm::dyn_cast<CallStmt>(&stmt)) {
    for (const Argument &argument : call->arguments)
      for (const ExprPtr &value : argument.cycle)
        visitPaths(*value, visit);
    for (const ExprPtr *option : {&call->times, &call->same, &call->frozen})
      if (*option)
        visitPaths(**option, visit);
  }
}

llvm::StringRef toString(Type type) {
  static constexpr llvm::StringLiteral names[] = {"int",  "number", "size",  "flag", "word",
                                                  "unit", "block",  "value", "axes"};
  return names[static_cast<int>(type)];
}

llvm::StringRef toString(Definition::Kind kind) {
  static constexpr llvm::StringLiteral names[] = {"unit", "block", "network", "act"};
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
