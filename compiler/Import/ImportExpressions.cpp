#include "compiler/Import/Import.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

Location kinema::importLocation(dsl::Location location, const dsl::Sources &sources, MLIRContext &context) {
  if (!location.known())
    return UnknownLoc::get(&context);
  return FileLineColRange::get(StringAttr::get(&context, sources.path(location.file)), location.line,
                               location.column, location.column + location.length);
}

static char spell(dsl::BinaryExpr::Op operation) {
  switch (operation) {
  case dsl::BinaryExpr::Op::Add:
    return '+';
  case dsl::BinaryExpr::Op::Sub:
    return '-';
  case dsl::BinaryExpr::Op::Mul:
    return '*';
  case dsl::BinaryExpr::Op::Div:
    return '/';
  case dsl::BinaryExpr::Op::Mod:
    return '%';
  }
  return '+';
}

static Attribute importList(const dsl::ListExpr &list, MLIRContext &context) {
  SmallVector<Attribute> elements;
  for (const dsl::ExprPtr &element : list.elements)
    elements.push_back(importExpression(*element, context));
  return ArrayAttr::get(&context, elements);
}

static Attribute importBound(const dsl::BoundExpr &bound, MLIRContext &context) {
  SmallVector<arch::ArgumentAttr> arguments;
  for (const dsl::Argument &argument : bound.arguments)
    arguments.push_back(importArgument(argument, context));
  auto callee = cast<StringAttr>(importExpression(*bound.callee, context));
  return arch::BoundAttr::get(&context, callee, arguments);
}

Attribute kinema::importExpression(const dsl::Expr &expression, MLIRContext &context) {
  Builder builder(&context);
  switch (expression.kind) {
  case dsl::Expr::Kind::Int:
    return builder.getI64IntegerAttr(cast<dsl::IntExpr>(expression).value);
  case dsl::Expr::Kind::Number:
    return builder.getF64FloatAttr(cast<dsl::NumberExpr>(expression).value);
  case dsl::Expr::Kind::Size:
    return arch::SizeAttr::get(&context, cast<dsl::SizeExpr>(expression).parts);
  case dsl::Expr::Kind::Path:
    return builder.getStringAttr(cast<dsl::PathExpr>(expression).text());
  case dsl::Expr::Kind::List:
    return importList(cast<dsl::ListExpr>(expression), context);
  case dsl::Expr::Kind::Bound:
    return importBound(cast<dsl::BoundExpr>(expression), context);
  case dsl::Expr::Kind::Binary: {
    const auto &binary = cast<dsl::BinaryExpr>(expression);
    return arch::BinaryAttr::get(&context, spell(binary.op), importExpression(*binary.lhs, context),
                                 importExpression(*binary.rhs, context));
  }
  }
  return {};
}

arch::ArgumentAttr kinema::importArgument(const dsl::Argument &argument, MLIRContext &context) {
  SmallVector<Attribute> elements;
  for (const dsl::ExprPtr &element : argument.cycle)
    elements.push_back(importExpression(*element, context));
  Attribute value = elements.size() == 1 ? elements.front() : arch::CycleAttr::get(&context, elements);
  return arch::ArgumentAttr::get(&context, StringAttr::get(&context, argument.name), value);
}
