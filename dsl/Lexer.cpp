#include "dsl/Lexer.h"

#include "dsl/Parser.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace kinema::dsl {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isWordStart(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool isWordPart(char c) { return isWordStart(c) || isDigit(c); }

/// Returns the place of a byte of the whole text.
Location locationAt(llvm::StringRef text, size_t offset, uint32_t file) {
  llvm::StringRef before = text.take_front(offset);
  size_t lineStart = before.rfind('\n') == llvm::StringRef::npos ? 0 : before.rfind('\n') + 1;
  return {file, uint32_t(before.count('\n') + 1), uint32_t(offset - lineStart + 1), 1};
}

/// Returns whether a file is text, and reports one error if it is not.
bool isText(const Sources &sources, uint32_t file, Diagnostics &diagnostics) {
  llvm::StringRef text = sources.text(file), path = sources.path(file);
  if (text.size() > maxFileBytes) {
    diagnostics.error({}, (path + " has " + llvm::Twine(text.size()) + " bytes, the limit for a spec is " +
                           llvm::Twine(maxFileBytes))
                              .str());
    return false;
  }
  if (text.contains('\r') && !text.contains('\n')) {
    diagnostics.error({file, 1, 1, 1}, "the lines of this file end with a carriage return alone",
                      "save the file with the line ends of Unix (LF) or Windows (CR LF)");
    return false;
  }
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data() + i);
    if (byte == 0) {
      diagnostics.error(locationAt(text, i, file), "a NUL byte: this is not a text file");
      return false;
    }
    if (byte >= 0x80 && !llvm::isLegalUTF8Sequence(begin, reinterpret_cast<const llvm::UTF8 *>(text.end()))) {
      std::string message;
      llvm::raw_string_ostream(message) << "byte " << llvm::format_hex(byte, 4) << " is not UTF-8";
      diagnostics.error(locationAt(text, i, file), message, "save the file as UTF-8");
      return false;
    }
    i += byte < 0x80 ? 1 : llvm::getNumBytesForUTF8(byte);
  }
  return true;
}

class Lexer {
public:
  Lexer(const Sources &sources, uint32_t file, Diagnostics &diagnostics)
      : text(sources.text(file)), file(file), diagnostics(diagnostics) {}

  std::vector<Token> run() {
    text.consume_front("\xef\xbb\xbf"); // a byte order mark
    while (position < text.size() && diagnostics.count() < Diagnostics::limit)
      step();
    endLine();
    tokens.push_back({Token::Kind::End, {}, here(1)});
    return std::move(tokens);
  }

private:
  llvm::StringRef rest() const { return text.drop_front(position); }
  Location here(size_t length) const {
    return {file, line, uint32_t(position - lineStart + 1), uint32_t(std::max<size_t>(1, length))};
  }

  void push(Token::Kind kind, size_t length) {
    tokens.push_back({kind, rest().take_front(length), here(length)});
    position += length;
  }

  void endLine() {
    if (!tokens.empty() && !tokens.back().is(Token::Kind::Newline))
      tokens.push_back({Token::Kind::Newline, {}, here(1)});
    inFormula &= formulaBrackets > 0;
  }

  void nextLine() {
    ++position;
    ++line;
    lineStart = position;
  }

  void skipToLineEnd() { position = std::min(text.size(), text.find('\n', position)); }

  /// Reports an error and gives up the rest of the line.
  void fail(size_t length, std::string message, std::string hint = {}) {
    diagnostics.error(here(length), std::move(message), std::move(hint));
    tokens.push_back({Token::Kind::Error, {}, here(length)});
    for (; position < text.size() && text[position] != '\n' && text[position] != '#'; ++position)
      if (text[position] == '{' || text[position] == '}') // keep the braces in balance
        tokens.push_back({Token::Kind::Mark, rest().take_front(1), here(1)});
    skipToLineEnd();
  }

  void step() {
    char c = text[position];
    if (c == '\n') {
      endLine();
      nextLine();
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++position;
    } else if (c == '#') {
      skipToLineEnd();
    } else if (c == '\\') {
      continueLine();
    } else if (isDigit(c)) {
      number();
    } else if (isWordStart(c)) {
      word();
    } else if (rest().starts_with("->")) {
      push(Token::Kind::Arrow, 2);
    } else if (rest().starts_with("=>")) {
      strange(2);
    } else if (llvm::StringRef("{}()[]=:|.+-*/%").contains(c) || (c == ',' && inFormula)) {
      formulaBrackets += inFormula * ((c == '(') - (c == ')'));
      push(Token::Kind::Mark, 1);
    } else {
      strange();
    }
  }

  /// Reports a character that the language does not have.
  void strange() {
    char c = text[position];
    strange(static_cast<unsigned char>(c) < 0x80 ? 1 : llvm::getNumBytesForUTF8(c));
  }

  /// Reports so many bytes, which are one character or a mark of other languages.
  void strange(size_t bytes) {
    char c = text[position];
    llvm::StringRef character = rest().take_front(bytes);
    bool printable = bytes > 1 || llvm::isPrint(c);
    std::string shown = printable ? ("'" + character + "'").str() : "a control character",
                hint = hintFor(character);
    if (std::string code = invisible(character); !code.empty()) {
      shown = "the invisible character " + code;
      hint = "put a blank in its place";
    }
    fail(bytes, shown + " has no meaning outside a comment", hint);
  }

  /// Says what is written instead of such a character.
  static std::string hintFor(llvm::StringRef character) {
    if (character == ",")
      return "parts of a size are joined by x or stand in [ ] with blanks: 1x2x2, [t 2 2]; arguments are "
             "parted by blanks";
    if (character == ";")
      return "a statement ends with its line, or at a ->";
    if (character == "\"" || character == "'" || character == "`" || character == "\u201c" ||
        character == "\u201d")
      return "words stand without quotes";
    if (character == ">" || character == "=>" || character == "\u2192" || character == "\u21d2")
      return "an arrow is written ->";
    if (character == "\u00d7")
      return "the x of a size is the letter: 1x2x2";
    return "";
  }

  /// Returns, for instance, "U+00A0" where the character looks like a blank but is none, or shows nothing;
  /// else an empty string.
  static std::string invisible(llvm::StringRef character) {
    static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> known[] = {
        {"\u00a0", "U+00A0"}, {"\u00ad", "U+00AD"}, {"\u2002", "U+2002"}, {"\u2003", "U+2003"},
        {"\u2009", "U+2009"}, {"\u200b", "U+200B"}, {"\u200c", "U+200C"}, {"\u200d", "U+200D"},
        {"\u202f", "U+202F"}, {"\u2060", "U+2060"}, {"\u3000", "U+3000"}, {"\ufeff", "U+FEFF"}};
    for (const auto &[bytes, code] : known)
      if (bytes == character)
        return code.str();
    return "";
  }

  /// Continues a line that ends in `\`.
  void continueLine() {
    size_t after = position + 1;
    while (after < text.size() && (text[after] == ' ' || text[after] == '\t' || text[after] == '\r'))
      ++after;
    if (after < text.size() && text[after] == '#')
      after = std::min(text.size(), text.find('\n', after));
    if (after < text.size() && text[after] != '\n')
      return fail(1, "a '\\' joins two lines, it stands at a line's end");
    position = after;
    if (position < text.size())
      nextLine();
  }

  size_t digits(size_t from) const {
    size_t end = from;
    while (end < text.size() && isDigit(text[end]))
      ++end;
    return end - from;
  }

  bool afterDot() const {
    return !tokens.empty() && tokens.back().isMark('.') && tokens.back().location.line == line &&
           tokens.back().text.end() == text.data() + position;
  }

  /// Returns whether a value can end before this character, so that a % before it means hundredths.
  static bool endsValue(char next) {
    return llvm::StringRef("\n\r \t#}])", 8).contains(next) || next == '\0';
  }

  void number() {
    size_t end = position + digits(position);
    auto kind = Token::Kind::Int;
    auto at = [&](size_t i) { return i < text.size() ? text[i] : '\0'; };
    if (!afterDot()) {
      while (at(end) == 'x' && isDigit(at(end + 1))) {
        kind = Token::Kind::Size;
        end += 1 + digits(end + 1);
      }
      if (kind == Token::Kind::Int && at(end) == '.' && isDigit(at(end + 1))) {
        kind = Token::Kind::Number;
        end += 1 + digits(end + 1);
      }
      if (kind != Token::Kind::Size && at(end) == 'e') {
        size_t exponent = end + 1 + (at(end + 1) == '-');
        if (isDigit(at(exponent))) {
          kind = Token::Kind::Number;
          end = exponent + digits(exponent);
        }
      }
      if (kind != Token::Kind::Size && at(end) == '%' && endsValue(at(end + 1))) {
        kind = Token::Kind::Number;
        ++end;
      }
    }
    if (isWordPart(at(end)))
      return badNumber();
    push(kind, end - position);
  }

  /// Reports digits that run into letters, such as `2d`, `4x` or `1x2x`.
  void badNumber() {
    size_t length = rest().take_while(isWordPart).size();
    llvm::StringRef whole = rest().take_front(length);
    std::string hint = "a name starts with a letter";
    if (whole.find_first_not_of("0123456789xX") == llvm::StringRef::npos && whole.contains('X'))
      hint = "the x of a size is small: " + whole.lower();
    else if (whole.drop_back().take_while(isDigit).size() == length - 1 && whole.back() == 'x')
      hint = ("copies are written x" + whole.drop_back()).str();
    else if (whole.find_first_not_of("0123456789x") == llvm::StringRef::npos)
      hint = "a size is numbers with one 'x' between them: 1x2x2";
    fail(length, ("'" + whole + "' is neither a number nor a name").str(), hint);
  }

  void word() {
    size_t length = rest().take_while(isWordPart).size();
    llvm::StringRef after = rest().drop_front(length);
    if (startsAct())
      inFormula = true, formulaBrackets = 0;
    if (after.starts_with("(") && !inFormula) {
      size_t bracket = factorisedPart(after);
      if (bracket == 0)
        return fail(length + 1, ("'(' stands directly after '" + rest().take_front(length) + "'").str(),
                    "arguments follow after a blank, without brackets: conv3d ch=64");
      length += bracket;
      length += rest().drop_front(length).take_while(isWordPart).size();
    }
    llvm::StringRef whole = rest().take_front(length);
    bool repeat = whole.size() > 1 && whole[0] == 'x' &&
                  whole.drop_front().find_if_not(isDigit) == llvm::StringRef::npos;
    push(repeat && !afterDot() ? Token::Kind::Repeat : Token::Kind::Word, length);
  }

  /// Returns whether a line starts here that defines an act, such as `act swish(x) = ...`. On such lines
  /// names call with brackets, and commas part what is called with.
  bool startsAct() const {
    llvm::StringRef after = rest();
    if ((!tokens.empty() && !tokens.back().is(Token::Kind::Newline)) || !after.consume_front("act"))
      return false;
    llvm::StringRef name = after.ltrim(" \t");
    return name.size() < after.size() && !name.empty() && isWordStart(name[0]) &&
           name.drop_while(isWordPart).starts_with("(");
  }

  /// Returns the length of `(2+1)` at the start of `after`, or 0.
  static size_t factorisedPart(llvm::StringRef after) {
    llvm::StringRef left = after.drop_front().take_while(isDigit);
    llvm::StringRef plus = after.drop_front(1 + left.size());
    if (left.empty() || !plus.starts_with("+"))
      return 0;
    llvm::StringRef right = plus.drop_front().take_while(isDigit);
    if (right.empty() || !plus.drop_front(1 + right.size()).starts_with(")"))
      return 0;
    return left.size() + right.size() + 3;
  }

  llvm::StringRef text;
  uint32_t file;
  Diagnostics &diagnostics;
  size_t position = 0;
  size_t lineStart = 0;
  uint32_t line = 1;
  bool inFormula = false;  // on a line that defines an act
  int formulaBrackets = 0; // that are open on it
  std::vector<Token> tokens;
};

} // namespace

std::string Token::describe() const {
  if (is(Kind::Newline))
    return "the line's end";
  if (is(Kind::End))
    return "the file's end";
  return ("'" + text + "'").str();
}

std::vector<Token> lex(const Sources &sources, uint32_t file, Diagnostics &diagnostics) {
  if (!isText(sources, file, diagnostics))
    return {{Token::Kind::End, {}, {file, 1, 1, 1}}};
  return Lexer(sources, file, diagnostics).run();
}

} // namespace kinema::dsl
