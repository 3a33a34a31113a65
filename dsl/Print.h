// The tree as canonical text: what `--emit ast` shows. Parsing it gives the same tree.
#pragma once

#include "dsl/AST.h"

namespace kinema::dsl {

std::string print(const File &file);
std::string print(const Definition &definition);
std::string print(const Expr &expr);
/// One statement without indentation; its braces, if it has any, on lines of their own.
std::string print(const Stmt &stmt);

} // namespace kinema::dsl
