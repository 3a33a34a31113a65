#include "dsl/Print.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace kinema::dsl {

namespace {

class Printer {
public:
  explicit Printer(llvm::raw_ostream &out) : out(out) {}

  void file(const File &file);
  void definition(const Definition &definition);
  void statement(const Stmt &stmt);
  void expression(const Expr &expr);

private:
  void act(const Definition &act);
  void body(const Body &body);
  void call(const CallStmt &call);
  void argument(const Argument &argument);
  void operand(const Expr &expr, bool brackets);

  llvm::raw_ostream &out;
  unsigned indent = 0;
};

void Printer::file(const File &file) {
  for (const Name &use : file.uses)
    out << "use " << use.text << '\n';
  for (const auto &definition : file.definitions)
    this->definition(*definition);
  for (const Section &section : file.sections) {
    out << toString(section.kind) << ' ';
    body(section.body);
    out << '\n';
  }
}

void Printer::act(const Definition &act) {
  out << "act " << act.name.text << '(';
  llvm::interleave(act.operands, out, [&](const Name &operand) { out << operand.text; }, ", ");
  for (const Parameter &parameter : act.parameters) {
    out << ", " << parameter.name.text << '=';
    expression(*parameter.defaultValue);
  }
  out << ") = " << dsl::print(*act.formula) << '\n';
}

void Printer::definition(const Definition &definition) {
  if (definition.kind == Definition::Kind::Act)
    return act(definition);
  out << toString(definition.kind) << ' ' << definition.name.text << ' ';
  for (const Parameter &parameter : definition.parameters) {
    out << parameter.name.text;
    if (parameter.type != Type::Int)
      out << ':' << toString(parameter.type);
    if (parameter.defaultValue) {
      out << '=';
      expression(*parameter.defaultValue);
    }
    out << ' ';
  }
  body(definition.body);
  out << '\n';
}

void Printer::body(const Body &body) {
  out << "{\n";
  ++indent;
  for (const Chain &chain : body.chains) {
    out.indent(2 * indent);
    llvm::interleave(chain.statements, out, [&](const StmtPtr &stmt) { statement(*stmt); }, " -> ");
    out << '\n';
  }
  --indent;
  out.indent(2 * indent) << '}';
}

void Printer::statement(const Stmt &stmt) {
  if (const auto *let = llvm::dyn_cast<LetStmt>(&stmt)) {
    out << "let " << let->name.text << '=';
    expression(*let->value);
  } else if (const auto *set = llvm::dyn_cast<SetStmt>(&stmt)) {
    out << "set " << set->head.text << '.' << set->parameter.text << '=';
    expression(*set->value);
  } else if (const auto *stream = llvm::dyn_cast<StreamStmt>(&stmt)) {
    out << "stream " << stream->name.text << ' ';
    body(stream->body);
  } else if (const auto *from = llvm::dyn_cast<FromStmt>(&stmt)) {
    if (from->label)
      out << from->label->text << ": ";
    out << "from " << from->path->text();
  } else {
    call(llvm::cast<CallStmt>(stmt));
  }
}

void Printer::call(const CallStmt &call) {
  if (call.label)
    out << call.label->text << ": ";
  out << call.head.text;
  for (const Argument &argument : call.arguments) {
    out << ' ';
    this->argument(argument);
  }
  if (call.times) {
    if (const auto *copies = llvm::dyn_cast<IntExpr>(call.times.get())) {
      out << " x" << copies->value;
    } else {
      out << " times=";
      expression(*call.times);
    }
  }
  if (call.same) {
    out << " same=";
    expression(*call.same);
  }
  if (call.frozen) {
    out << " frozen=";
    expression(*call.frozen);
  }
  if (call.body) {
    out << ' ';
    body(*call.body);
  }
}

void Printer::argument(const Argument &argument) {
  if (argument.isNamed())
    out << argument.name << '=';
  llvm::interleave(argument.cycle, out, [&](const ExprPtr &value) { expression(*value); }, "|");
}

bool isSum(const Expr &expr) {
  const auto *binary = llvm::dyn_cast<BinaryExpr>(&expr);
  return binary && (binary->op == BinaryExpr::Op::Add || binary->op == BinaryExpr::Op::Sub);
}

void Printer::operand(const Expr &expr, bool brackets) {
  out << (brackets ? "(" : "");
  expression(expr);
  out << (brackets ? ")" : "");
}

void Printer::expression(const Expr &expr) {
  if (const auto *integer = llvm::dyn_cast<IntExpr>(&expr)) {
    out << integer->value;
  } else if (const auto *number = llvm::dyn_cast<NumberExpr>(&expr)) {
    out << number->spelling;
  } else if (const auto *size = llvm::dyn_cast<SizeExpr>(&expr)) {
    llvm::interleave(size->parts, out, "x");
  } else if (const auto *path = llvm::dyn_cast<PathExpr>(&expr)) {
    out << path->text();
  } else if (const auto *list = llvm::dyn_cast<ListExpr>(&expr)) {
    out << '[';
    llvm::interleave(list->elements, out, [&](const ExprPtr &element) { expression(*element); }, " ");
    out << ']';
  } else if (const auto *bound = llvm::dyn_cast<BoundExpr>(&expr)) {
    out << '(';
    expression(*bound->callee);
    for (const Argument &argument : bound->arguments) {
      out << ' ';
      this->argument(argument);
    }
    out << ')';
  } else {
    const auto &binary = llvm::cast<BinaryExpr>(expr);
    bool product = !isSum(expr);
    operand(*binary.lhs, product && isSum(*binary.lhs));
    out << ' ' << toString(binary.op) << ' ';
    operand(*binary.rhs, product ? llvm::isa<BinaryExpr>(*binary.rhs) : isSum(*binary.rhs));
  }
}

template <typename Part> std::string printed(void (Printer::*rule)(const Part &), const Part &part) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Printer printer(out);
  (printer.*rule)(part);
  return text;
}

} // namespace

std::string print(const File &file) { return printed(&Printer::file, file); }
std::string print(const Definition &definition) { return printed(&Printer::definition, definition); }
std::string print(const Expr &expr) { return printed(&Printer::expression, expr); }
std::string print(const Stmt &stmt) { return printed(&Printer::statement, stmt); }

} // namespace kinema::dsl
