#include "dsl/Format.h"

#include "dsl/Lexer.h"
#include "dsl/Parser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>

namespace kinema::dsl {

namespace {

using Kind = Token::Kind;

/// A Piece is a token, a `\` at a line's end or a comment, with its place in the text and in the result.
struct Piece {
  llvm::StringRef text;
  unsigned column;  // from 0, in the text
  unsigned gap;     // blanks before it in the text
  unsigned least;   // blanks that part it from the one before at least: 0 or 1
  unsigned pad = 0; // blanks in front that count as a part of it: it is a number, aligned at its end
  unsigned start{}; // its column in the result

  unsigned width() const { return pad + text.size(); }
  unsigned end() const { return column + width(); }
};

struct Line {
  std::vector<Piece> pieces; // none: an empty line
  unsigned indent = 0;
};

//===-- Blanks between two tokens -----------------------------------------===//

bool isOperator(const Token &token) {
  return token.is(Kind::Mark) && llvm::StringRef("+-*/%").contains(token.text);
}

/// Knows in which kind of statement a token stands, as far as that decides about blanks.
class Spacing {
public:
  explicit Spacing(llvm::ArrayRef<Token> tokens) : tokens(tokens) {}

  /// Takes up token `i`; those before it have been taken up.
  void advance(size_t i);
  /// Returns how many blanks part token `i`, which was taken up last, from the token before: 0 or 1.
  unsigned before(size_t i, unsigned gap, unsigned gapBehind);
  bool inHeader() const { return header; }

private:
  bool isBinary(size_t i) const;
  /// Returns whether the star at `i` is one of a pattern of names, such as `*.bn.weight`.
  bool isStarOfPattern(size_t i) const {
    return tokens[i].isMark('*') && (tokens[i - 1].isMark('.') || tokens[i + 1].isMark('.'));
  }

  llvm::ArrayRef<Token> tokens;
  bool header = false;     // between the word of a definition and its brace
  bool act = false;        // on the line of an act
  bool let = false;        // between the word `let` and its `=`
  unsigned braces = 0;     // that are open
  unsigned brackets = 0;   // that are open
  bool spacedBack = false; // the operator before has blanks
};

void Spacing::advance(size_t i) {
  const Token &token = tokens[i];
  const bool starts = i == 0 || tokens[i - 1].is(Kind::Newline);
  if (starts && braces == 0 && token.is(Kind::Word)) {
    act = token.isWord("act");
    header = token.isWord("unit") || token.isWord("block") || token.isWord("network");
  }
  if (token.isMark('{'))
    header = false;
  const bool startsStatement =
      braces > 0 && (starts || tokens[i - 1].is(Kind::Arrow) || tokens[i - 1].isMark('{'));
  if (startsStatement)
    let = token.isWord("let");
  braces += token.isMark('{');
  braces -= token.isMark('}') && braces > 0;
  brackets += token.isMark('(') || token.isMark('[');
  brackets -= (token.isMark(')') || token.isMark(']')) && brackets > 0;
}

/// Returns whether an operator has an operand before it.
bool Spacing::isBinary(size_t i) const {
  const Token &before = tokens[i - 1];
  return isOperator(tokens[i]) && !isStarOfPattern(i) && (!isOperator(before) || isStarOfPattern(i - 1)) &&
         !before.isMark('(') && !before.isMark('[') && !before.isMark(',') && !before.isMark('=') &&
         !before.isMark('|');
}

unsigned Spacing::before(size_t i, unsigned gap, unsigned gapBehind) {
  const Token &token = tokens[i], &previous = tokens[i - 1];
  const bool spacedOperator = spacedBack;
  spacedBack = false;
  if (isBinary(i)) {
    spacedBack = gap > 0 || gapBehind > 0;
    return spacedBack;
  }
  if (isOperator(previous) && !isStarOfPattern(i - 1)) // a sign stands at its operand
    return spacedOperator;
  if (token.isMark('=')) {
    const bool parts = (let && brackets == 0) || (act && brackets == 0);
    spacedBack = parts;
    let = false;
    return parts;
  }
  if (previous.isMark('='))
    return spacedOperator;
  if (token.isMark(':') || (previous.isMark(':') && header))
    return 0;
  if (token.isMark('(') && act && previous.is(Kind::Word))
    return 0;
  const auto opens = [](const Token &token) { return token.isMark('(') || token.isMark('['); };
  const auto closes = [](const Token &token) { return token.isMark(')') || token.isMark(']'); };
  const auto joins = [](const Token &token) { return token.isMark('.') || token.isMark('|'); };
  return !(opens(previous) || closes(token) || joins(token) || joins(previous) || token.isMark(','));
}

//===-- Lines -------------------------------------------------------------===//

/// Cuts the text into lines of pieces, with their indentations and the blanks between tokens.
class Layout {
public:
  Layout(const Sources &sources, uint32_t id, llvm::ArrayRef<Token> tokens)
      : sources(sources), id(id), tokens(tokens), spacing(tokens) {}

  std::vector<Line> run();

private:
  llvm::StringRef textOf(uint32_t number) const;
  Line line(uint32_t number);
  unsigned indentOf(size_t first);
  unsigned gapBefore(size_t i) const;
  void addRest(llvm::StringRef text, unsigned end, Line &line) const;
  bool continues(size_t first) const;

  const Sources &sources;
  const uint32_t id;
  llvm::ArrayRef<Token> tokens;
  Spacing spacing;
  size_t next = 0;              // the first token that is in no line yet
  unsigned brackets = 0;        // that are open
  unsigned statementIndent = 0; // that of the first line of what is going on
  bool headerGoesOn = false;    // a definition's first line ended before its brace
  std::vector<unsigned> open;   // indentations of the lines with the braces that are open
};

llvm::StringRef Layout::textOf(uint32_t number) const {
  llvm::StringRef text = sources.line(id, number);
  if (number == 1)
    text.consume_front("\xef\xbb\xbf"); // a byte order mark, after which columns count
  return text;
}

unsigned Layout::gapBefore(size_t i) const {
  const Location &a = tokens[i - 1].location, &b = tokens[i].location;
  return a.line == b.line ? b.column - a.column - a.length : 1;
}

/// Returns whether the line whose first token this is goes on from the one before.
bool Layout::continues(size_t first) const {
  if (brackets > 0 || tokens[first].is(Kind::Arrow) || headerGoesOn)
    return true;
  // After a `\` no end of a line stands before the token; after an arrow one does.
  size_t before = first;
  while (before > 0 && tokens[before - 1].is(Kind::Newline))
    --before;
  return before > 0 && (tokens[before - 1].is(Kind::Arrow) || before == first);
}

unsigned Layout::indentOf(size_t first) {
  unsigned closing = 0;
  while (tokens[first + closing].isMark('}') && closing < open.size())
    ++closing;
  if (closing > 0)
    return statementIndent = open[open.size() - closing];
  if (continues(first))
    return statementIndent + (headerGoesOn ? 4 : 2);
  return statementIndent = open.empty() ? 0 : open.back() + 2;
}

/// Adds what stands behind the last token of a line, in front of which `end` columns are.
void Layout::addRest(llvm::StringRef text, unsigned end, Line &line) const {
  auto add = [&](llvm::StringRef piece) {
    const auto column = static_cast<unsigned>(piece.data() - text.data());
    line.pieces.push_back({piece, column, column - end, 1});
    end = column + piece.size();
  };
  llvm::StringRef rest = text.drop_front(end).ltrim(" \t\r");
  if (rest.starts_with("\\")) {
    add(rest.take_front(1));
    rest = rest.drop_front().ltrim(" \t\r");
  }
  if (rest.starts_with("#"))
    add(rest.rtrim(" \t\r"));
}

Line Layout::line(uint32_t number) {
  llvm::StringRef text = textOf(number);
  Line result;
  while (tokens[next].is(Kind::Newline))
    ++next;
  size_t first = next;
  unsigned end = 0;
  for (; !tokens[next].is(Kind::End) && tokens[next].location.line == number; ++next) {
    const Token &token = tokens[next];
    spacing.advance(next);
    if (token.is(Kind::Newline))
      continue;
    if (next == first)
      result.indent = indentOf(first);
    const unsigned gap = next == 0 ? 0 : gapBefore(next);
    const unsigned behind = gapBefore(next + 1);
    // Where a line goes on inside an expression, the blank before its first token is the line's end.
    const unsigned least = next == 0 ? 0 : spacing.before(next, gap, behind);
    result.pieces.push_back({token.text, token.location.column - 1, gap, least});
    brackets += token.isMark('(') || token.isMark('[');
    brackets -= (token.isMark(')') || token.isMark(']')) && brackets > 0;
    if (token.isMark('{'))
      open.push_back(headerGoesOn ? statementIndent : result.indent);
    else if (token.isMark('}') && !open.empty())
      open.pop_back();
    headerGoesOn &= !token.isMark('{');
    end = token.location.column - 1 + token.location.length;
  }
  if (!result.pieces.empty())
    headerGoesOn = spacing.inHeader();
  addRest(text, end, result);
  return result;
}

std::vector<Line> Layout::run() {
  std::vector<Line> lines;
  const auto count = static_cast<uint32_t>(sources.text(id).count('\n') + 1);
  for (uint32_t number = 1; number <= count; ++number)
    lines.push_back(line(number));
  return lines;
}

/// Indents comments that have a line of their own: as the next line with tokens, or as what stands before the
/// brace that ends theirs.
void indentComments(std::vector<Line> &lines) {
  std::optional<unsigned> below;
  for (Line &line : llvm::reverse(lines)) {
    if (line.pieces.empty())
      continue;
    const char first = line.pieces.front().text.front();
    if (first == '#' || first == '\\')
      line.indent = below.value_or(0);
    else
      below = line.indent + (first == '}' ? 2 : 0);
  }
}

//===-- Alignment ---------------------------------------------------------===//

/// Finds the pieces that are aligned, and gives every piece its column.
class Aligner {
public:
  explicit Aligner(std::vector<Line> &lines) : lines(lines) {}

  void run();

private:
  using Place = std::pair<size_t, size_t>; // the number of a line, and of a piece in it

  void alignEnds();
  bool padTo(Piece &number, const Piece &other);
  void joinTokens(size_t above, size_t below);
  void joinComments();
  void join(Place above, Place below);
  Place rootOf(Place place);
  const Piece &at(Place place) const { return lines[place.first].pieces[place.second]; }
  unsigned earliest(Place place) const;

  std::vector<Line> &lines;
  std::map<Place, Place> parents; // of pieces that are aligned with others
};

Aligner::Place Aligner::rootOf(Place place) {
  auto parent = parents.try_emplace(place, place).first;
  while (parent->second != parent->first)
    parent = parents.find(parent->second);
  return parent->first;
}

/// Widens a number to the left until it is as wide as another one that ends in the same column; returns false
/// where it is none such.
bool Aligner::padTo(Piece &number, const Piece &other) {
  const auto isNumber = [](const Piece &piece) { return llvm::all_of(piece.text, llvm::isDigit); };
  if (number.end() != other.end() || number.width() >= other.width() || !isNumber(number) || !isNumber(other))
    return false;
  const unsigned blanks = other.width() - number.width();
  if (number.gap <= blanks || other.gap == 0)
    return false;
  number.column -= blanks;
  number.gap -= blanks;
  number.pad += blanks;
  return true;
}

/// Makes numbers that are aligned at their ends as wide as each other, so that they start in one column.
void Aligner::alignEnds() {
  for (bool isChanged = true; isChanged;) {
    isChanged = false;
    for (size_t above = 0; above + 1 < lines.size(); ++above)
      for (Piece &a : llvm::drop_begin(lines[above].pieces, !lines[above].pieces.empty()))
        for (Piece &b : llvm::drop_begin(lines[above + 1].pieces, !lines[above + 1].pieces.empty()))
          isChanged |= padTo(a, b) || padTo(b, a);
  }
}

/// Joins two pieces that start in the same column, one of them behind several blanks. A brace is aligned
/// with braces alone.
void Aligner::join(Place above, Place below) {
  const Piece &a = at(above), &b = at(below);
  if ((a.text == "{") != (b.text == "{"))
    return;
  if (a.column == b.column && a.gap > 0 && b.gap > 0 && a.gap + a.pad + b.gap + b.pad > 2)
    parents[rootOf(below)] = rootOf(above);
}

/// Joins what is aligned in two lines.
void Aligner::joinTokens(size_t above, size_t below) {
  const std::vector<Piece> &a = lines[above].pieces, &b = lines[below].pieces;
  for (size_t i = 1, k = 1; i < a.size() && k < b.size();) {
    join({above, i}, {below, k});
    const bool aFirst = a[i].column <= b[k].column, bFirst = b[k].column <= a[i].column;
    i += aFirst;
    k += bFirst;
  }
}

/// Joins aligned comments, between which lines without any may stand.
void Aligner::joinComments() {
  std::optional<Place> above;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::vector<Piece> &pieces = lines[i].pieces;
    if (pieces.empty())
      above.reset();
    if (pieces.size() < 2 || pieces.back().text.front() != '#')
      continue;
    const Place comment(i, pieces.size() - 1);
    if (above)
      join(*above, comment);
    above = comment;
  }
}

/// Returns the column in which a piece stands with as few blanks before it as may be.
unsigned Aligner::earliest(Place place) const {
  const Piece &before = at({place.first, place.second - 1});
  return before.start + before.width() + at(place).least;
}

void Aligner::run() {
  alignEnds();
  for (size_t above = 0; above + 1 < lines.size(); ++above)
    if (!lines[above].pieces.empty())
      joinTokens(above, above + 1);
  joinComments();
  // Pieces that are aligned stand in one column of the text, so that what is before each of them is placed
  // first.
  std::map<std::pair<unsigned, Place>, std::vector<Place>> groups;
  for (size_t i = 0; i < lines.size(); ++i)
    for (size_t k = 0; k < lines[i].pieces.size(); ++k) {
      const Place root = parents.count({i, k}) ? rootOf({i, k}) : Place(i, k);
      groups[{lines[i].pieces[k].column, root}].push_back({i, k});
    }
  for (const auto &[root, group] : groups) {
    unsigned column = 0, blanks = ~0u;
    for (Place place : group) {
      if (place.second == 0)
        column = lines[place.first].indent;
      else
        column = std::max(column, earliest(place));
      blanks = std::min(blanks, at(place).gap);
    }
    if (group.size() > 1)
      column += blanks - 1; // a group's pieces are all parted by blanks
    for (Place place : group)
      lines[place.first].pieces[place.second].start = column;
  }
}

//===-- The text ----------------------------------------------------------===//

std::string textOf(llvm::ArrayRef<Line> lines) {
  std::string text;
  llvm::raw_string_ostream out(text);
  const Line *last = nullptr; // that was written
  bool gap = false;           // empty lines stand behind it
  for (const Line &line : lines) {
    if (line.pieces.empty()) {
      gap = true;
      continue;
    }
    const bool atEdge = !last || last->pieces.back().text == "{" || line.pieces.front().text == "}";
    // After a `\` the empty line is the one that goes on.
    const bool isNeeded = last && last->pieces.back().text == "\\";
    out << (gap && (!atEdge || isNeeded) ? "\n" : "");
    unsigned column = 0;
    for (const Piece &piece : line.pieces) {
      out.indent(piece.start + piece.pad - column) << piece.text;
      column = piece.start + piece.width();
    }
    out << '\n';
    last = &line;
    gap = false;
  }
  return text;
}

std::string formattedOnce(const Sources &sources, uint32_t id, Diagnostics &diagnostics) {
  const std::vector<Token> tokens = lex(sources, id, diagnostics);
  std::vector<Line> lines = Layout(sources, id, tokens).run();
  indentComments(lines);
  Aligner(lines).run();
  return textOf(lines);
}

} // namespace

std::optional<std::string> format(const Sources &sources, uint32_t id, Diagnostics &diagnostics) {
  const unsigned errors = diagnostics.count();
  parse(sources, id, diagnostics);
  if (diagnostics.count() > errors)
    return std::nullopt;
  std::string text = formattedOnce(sources, id, diagnostics);
  // Pieces that were moved may stand in one column with others only now, and are aligned with them from there
  // on. Groups only grow, so that this ends.
  while (true) {
    Sources moved;
    Diagnostics none(moved);
    std::string again = formattedOnce(moved, moved.add(sources.path(id).str(), text), none);
    if (again == text)
      return text;
    text = std::move(again);
  }
}

} // namespace kinema::dsl
