#include "dsl/Evaluate.h"

#include "dsl/Load.h"

#include "llvm/Support/MathExtras.h"

namespace kinema::dsl {

namespace {

using Value = std::optional<std::vector<int64_t>>;

Value evaluatePath(const PathExpr &path, const Constants &constants) {
  auto found = constants.find(path.parts[0].text);
  if (found == constants.end())
    return std::nullopt;
  if (path.isWord())
    return found->second;
  size_t part = llvm::StringRef("thw").find(path.parts[1].text);
  if (path.parts.size() != 2 || path.parts[1].text.size() != 1 || part >= found->second.size())
    return std::nullopt;
  return std::vector<int64_t>{found->second[part]};
}

Value evaluateBinary(const BinaryExpr &binary, const Constants &constants, Diagnostics &diagnostics) {
  Value lhs = evaluate(*binary.lhs, constants, diagnostics);
  Value rhs = evaluate(*binary.rhs, constants, diagnostics);
  if (!lhs || !rhs || lhs->size() != 1 || rhs->size() != 1)
    return std::nullopt;
  int64_t left = lhs->front(), right = rhs->front(), result = 0;
  bool overflow = false;
  switch (binary.op) {
  case BinaryExpr::Op::Add:
    overflow = llvm::AddOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Sub:
    overflow = llvm::SubOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Mul:
    overflow = llvm::MulOverflow(left, right, result);
    break;
  case BinaryExpr::Op::Div:
  case BinaryExpr::Op::Mod:
    if (right == 0) {
      diagnostics.error(binary.opLocation, "division by zero");
      return std::nullopt;
    }
    overflow = left == std::numeric_limits<int64_t>::min() && right == -1;
    if (!overflow) {
      int64_t quotient = left / right - (left % right != 0 && (left < 0) != (right < 0)); // rounds down
      result = binary.op == BinaryExpr::Op::Div ? quotient : left - quotient * right;
    }
    break;
  }
  if (overflow) {
    diagnostics.error(binary.opLocation, "the result does not fit into 64 bits");
    return std::nullopt;
  }
  return std::vector<int64_t>{result};
}

/// The inputs of the network and its streams, as they stand.
void findInputs(const Body &body, std::vector<const CallStmt *> &inputs) {
  for (const Chain &chain : body.chains) {
    for (const StmtPtr &stmt : chain.statements) {
      if (const auto *call = llvm::dyn_cast<CallStmt>(stmt.get()); call && call->head.text == "input")
        inputs.push_back(call);
      if (const auto *stream = llvm::dyn_cast<StreamStmt>(stmt.get()))
        findInputs(stream->body, inputs);
    }
  }
}

} // namespace

Value evaluate(const Expr &expr, const Constants &constants, Diagnostics &diagnostics) {
  switch (expr.kind) {
  case Expr::Kind::Int:
    return std::vector<int64_t>{llvm::cast<IntExpr>(expr).value};
  case Expr::Kind::Size:
    return llvm::cast<SizeExpr>(expr).parts;
  case Expr::Kind::Path:
    return evaluatePath(llvm::cast<PathExpr>(expr), constants);
  case Expr::Kind::Binary:
    return evaluateBinary(llvm::cast<BinaryExpr>(expr), constants, diagnostics);
  case Expr::Kind::List: {
    std::vector<int64_t> parts;
    bool known = true;
    for (const ExprPtr &element : llvm::cast<ListExpr>(expr).elements) {
      Value part = evaluate(*element, constants, diagnostics);
      known &= part && part->size() == 1;
      if (known)
        parts.push_back(part->front());
    }
    return known ? Value(std::move(parts)) : std::nullopt;
  }
  case Expr::Kind::Number:
  case Expr::Kind::Bound:
    return std::nullopt;
  }
}

Constants constantsOf(const Definition &network, Diagnostics &diagnostics) {
  Constants constants;
  for (const Parameter &parameter : network.parameters) {
    if (!parameter.defaultValue || (parameter.type != Type::Int && parameter.type != Type::Size))
      continue;
    Value value = evaluate(*parameter.defaultValue, constants, diagnostics);
    if (!value)
      continue;
    if (parameter.type == Type::Size && value->size() == 1)
      value->resize(3, value->front());
    constants[parameter.name.text] = std::move(*value);
  }
  return constants;
}

void resolveRecipe(Program &program, Diagnostics &diagnostics) {
  std::vector<const CallStmt *> inputs;
  findInputs(program.network->body, inputs);
  if (inputs.empty())
    return;
  const CallStmt *input = inputs.front();
  Constants constants = constantsOf(*program.network, diagnostics);
  for (const Chain &chain : program.network->body.chains)
    for (const StmtPtr &stmt : chain.statements)
      if (const auto *let = llvm::dyn_cast<LetStmt>(stmt.get()))
        if (Value value = evaluate(*let->value, constants, diagnostics))
          constants[let->name.text] = *value;
  for (const Argument &argument : input->arguments) {
    Value size = evaluate(argument.value(), constants, diagnostics);
    if (size && size->size() == 4) // C, T, H, W
      resolve(program.recipe, (*size)[1], (*size)[2], (*size)[3], argument.value().location, diagnostics);
  }
}

void checkInputsFromVideos(const Program &program, Diagnostics &diagnostics) {
  std::vector<const CallStmt *> inputs;
  findInputs(program.network->body, inputs);
  const char *hint =
      "`kinema run` takes its tensors; train, eval and predict read videos as one input of kind rgb";
  for (const CallStmt *input : inputs) {
    for (const Argument &argument : input->arguments)
      if (const auto *kind = llvm::dyn_cast<PathExpr>(&argument.value());
          kind && (kind->text() == "flow" || kind->text() == "gray"))
        diagnostics.error(kind->location,
                          "an input of kind " + kind->text() + " cannot be filled from videos yet", hint);
  }
  if (inputs.size() > 1 && !diagnostics.any())
    diagnostics.error(inputs[1]->location, "a second input cannot be filled from videos yet", hint);
}

} // namespace kinema::dsl
