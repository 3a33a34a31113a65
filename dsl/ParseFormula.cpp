#include "dsl/ParseFormula.h"

namespace kinema::dsl {

using Kind = Token::Kind;

/// Limits the operations of one formula, since its tree is walked recursively.
static constexpr unsigned maxOperations = 256;

FormulaPtr FormulaParser::formula() {
  marks = 0;
  return sum();
}

/// Parses what follows `lhs`: a mark, and what `rule` reads after it.
FormulaPtr FormulaParser::joined(Formula::Kind kind, FormulaPtr lhs, FormulaPtr (FormulaParser::*rule)()) {
  Token mark = take();
  if (++marks > maxOperations)
    return failAt(mark.location, "a formula of more than " + std::to_string(maxOperations) + " operations");
  FormulaPtr rhs = (this->*rule)();
  if (!rhs)
    return nullptr;
  auto whole = std::make_unique<Formula>(Formula{kind, mark.location});
  whole->operands.push_back(std::move(lhs));
  whole->operands.push_back(std::move(rhs));
  return whole;
}

FormulaPtr FormulaParser::sum() {
  FormulaPtr result = product();
  while (result && (peek().isMark('+') || peek().isMark('-')))
    result = joined(peek().isMark('+') ? Formula::Kind::Add : Formula::Kind::Sub, std::move(result),
                    &FormulaParser::product);
  return result;
}

FormulaPtr FormulaParser::product() {
  FormulaPtr result = negated();
  while (result && (peek().isMark('*') || peek().isMark('/')))
    result = joined(peek().isMark('*') ? Formula::Kind::Mul : Formula::Kind::Div, std::move(result),
                    &FormulaParser::negated);
  return result;
}

FormulaPtr FormulaParser::negated() {
  if (!peek().isMark('-'))
    return primary();
  Token mark = take();
  if (++marks > maxOperations)
    return failAt(mark.location, "a formula of more than " + std::to_string(maxOperations) + " operations");
  FormulaPtr operand = negated();
  if (!operand)
    return nullptr;
  auto whole = std::make_unique<Formula>(Formula{Formula::Kind::Negate, mark.location});
  whole->operands.push_back(std::move(operand));
  return whole;
}

FormulaPtr FormulaParser::primary() {
  if (peek().is(Kind::Int) || peek().is(Kind::Number))
    return numberOf();
  if (peek().is(Kind::Word))
    return callOrName();
  if (peek().isMark('('))
    return bracketed();
  return unexpected("a number, a name or a function");
}

FormulaPtr FormulaParser::numberOf() {
  ExprPtr number = expressionOfNumber();
  if (!number)
    return nullptr;
  auto result = std::make_unique<Formula>(Formula{Formula::Kind::Number, number->location});
  if (const auto *integer = llvm::dyn_cast<IntExpr>(number.get())) {
    result->value = double(integer->value);
    result->text = std::to_string(integer->value);
  } else {
    result->value = llvm::cast<NumberExpr>(*number).value;
    result->text = llvm::cast<NumberExpr>(*number).spelling;
  }
  return result;
}

FormulaPtr FormulaParser::callOrName() {
  Token word = take();
  auto result = std::make_unique<Formula>(Formula{Formula::Kind::Name, word.location, word.text.str()});
  if (!peek().isMark('('))
    return result;
  result->kind = Formula::Kind::Call;
  Nesting nesting(*this);
  Location open = take().location;
  if (tooDeep())
    return nullptr;
  ++brackets;
  do {
    FormulaPtr operand = sum();
    if (!operand)
      return nullptr;
    result->operands.push_back(std::move(operand));
  } while (takeMark(','));
  if (!peek().isMark(')'))
    return failAt(open, "this '(' is never closed");
  take();
  --brackets;
  return result;
}

FormulaPtr FormulaParser::bracketed() {
  Nesting nesting(*this);
  Location open = take().location;
  if (tooDeep())
    return nullptr;
  ++brackets;
  FormulaPtr inner = sum();
  if (!inner)
    return nullptr;
  if (!peek().isMark(')'))
    return failAt(open, "this '(' is never closed");
  take();
  --brackets;
  return inner;
}

} // namespace kinema::dsl
