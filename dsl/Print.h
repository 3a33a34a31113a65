// Prints the tree as canonical text, which `--emit ast` shows. Parsing that text gives the same tree.
#pragma once

#include "dsl/AST.h"

namespace kinema::dsl {

std::string print(const File &file);
std::string print(const Definition &definition);
std::string print(const Expr &expr);
/// Returns one statement without indentation; its braces, if it has any, stand on lines of their own.
std::string print(const Stmt &stmt);

} // namespace kinema::dsl
