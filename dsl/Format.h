// Lays out the text of a spec in the house style, line by line: no line is joined or split, no comment is
// lost, and the tokens stay the same.
//
// - Two blanks indent what stands in braces, and a line that goes on from the one before; four indent what
// goes
//   on from the first line of a definition.
// - One blank parts tokens, none stands around `=` (but those of `let` and of an act), `|` and `.`; an
// operator
//   has a blank on both sides where the author put one on either.
// - More blanks stay where they align a token, or a comment, with one of the line before or behind.
// - One empty line at most stands between two lines, and none at the start or end of braces or of the file.
#pragma once

#include "dsl/Diagnostics.h"

namespace kinema::dsl {

/// Returns file `id` of `sources` in the house style. Returns nothing, and reports why, where the parser
/// finds an error in it. Formatting what was formatted changes nothing.
std::optional<std::string> format(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

} // namespace kinema::dsl
