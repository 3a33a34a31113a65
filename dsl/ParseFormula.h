// Parses formulas.
#pragma once

#include "dsl/Formula.h"
#include "dsl/ParseExpression.h"

namespace kinema::dsl {

class FormulaParser : public ExpressionParser {
public:
  using ExpressionParser::ExpressionParser;

protected:
  /// Parses a formula that ends with its line; returns null after an error.
  FormulaPtr formula();

private:
  FormulaPtr sum();
  FormulaPtr product();
  FormulaPtr negated();
  FormulaPtr primary();
  FormulaPtr numberOf();
  FormulaPtr callOrName();
  FormulaPtr bracketed();
  FormulaPtr joined(Formula::Kind kind, FormulaPtr lhs, FormulaPtr (FormulaParser::*rule)());

  unsigned marks = 0; // operations in the formula so far
};

} // namespace kinema::dsl
