#include "dsl/Lexer.h"

#include <gtest/gtest.h>

using namespace kinema::dsl;

namespace {

/// "word:conv(2+1)d repeat:x4 newline"
std::string tokensOf(const std::string &text, std::string *errors = nullptr) {
  static constexpr const char *names[] = {"word",  "int",  "number",  "size",  "repeat",
                                          "arrow", "mark", "newline", "error", "end"};
  Sources sources;
  Diagnostics diagnostics(sources);
  std::string result;
  for (const Token &token : lex(sources, sources.add("net.arch", text), diagnostics)) {
    if (token.is(Token::Kind::End))
      break;
    result += (result.empty() ? "" : " ") + std::string(names[int(token.kind)]);
    result += token.text.empty() ? "" : ":" + token.text.str();
  }
  if (errors)
    *errors = diagnostics.render();
  else
    EXPECT_EQ(diagnostics.render(), "");
  return result;
}

std::string errorOf(const std::string &text) {
  std::string errors;
  tokensOf(text, &errors);
  return errors;
}

TEST(Lexer, TheLine) {
  EXPECT_EQ(tokensOf("stage conv(2+1)d t=3 ch=128 x4 stride=2"),
            "word:stage word:conv(2+1)d word:t mark:= int:3 word:ch mark:= int:128 repeat:x4 word:stride "
            "mark:= int:2 newline");
}

TEST(Lexer, Numbers) {
  EXPECT_EQ(tokensOf("128 0.5 1e-4 1e3 1.5e-10 1x2x2 3x32x112x112"),
            "int:128 number:0.5 number:1e-4 number:1e3 number:1.5e-10 size:1x2x2 size:3x32x112x112 newline");
}

TEST(Lexer, Percent) {
  EXPECT_EQ(tokensOf("1% [2.5% 3%]\n7%"),
            "number:1% mark:[ number:2.5% number:3% mark:] newline number:7% newline");
  EXPECT_EQ(tokensOf("7%2 7 % 2 7%n 1x2% a.0%"), "int:7 mark:% int:2 int:7 mark:% int:2 int:7 mark:% word:n "
                                                 "size:1x2 mark:% word:a mark:. int:0 mark:% newline");
}

TEST(Lexer, AfterADotOnlyDigits) {
  EXPECT_EQ(tokensOf("a.0.1 stage2.0"), "word:a mark:. int:0 mark:. int:1 word:stage2 mark:. int:0 newline");
}

TEST(Lexer, CopiesAndWords) {
  EXPECT_EQ(tokensOf("x4 x4a x xy x1_2"), "repeat:x4 word:x4a word:x word:xy word:x1_2 newline");
}

TEST(Lexer, MarksNeedNoBlanks) {
  EXPECT_EQ(tokensOf("a->b=c|d:(e+1)*[f%2-g/h]"),
            "word:a arrow:-> word:b mark:= word:c mark:| word:d mark:: mark:( word:e mark:+ int:1 mark:) "
            "mark:* mark:[ "
            "word:f mark:% int:2 mark:- word:g mark:/ word:h mark:] newline");
}

TEST(Lexer, LinesAndComments) {
  EXPECT_EQ(tokensOf("\n\n# nothing é\na # b\n\n\r\nc\\\n d\\ # e\nf"),
            "word:a newline word:c word:d word:f newline");
}

TEST(Lexer, ByteOrderMark) {
  EXPECT_EQ(tokensOf("\xef\xbb\xbf"
                     "a"),
            "word:a newline");
}

TEST(Lexer, Locations) {
  Sources sources;
  Diagnostics diagnostics(sources);
  auto tokens = lex(sources, sources.add("net.arch", "a\n  conv(2+1)d"), diagnostics);
  EXPECT_EQ(tokens[2].location, (Location{0, 2, 3, 10}));
}

TEST(Lexer, DigitsThatRunIntoLetters) {
  EXPECT_EQ(errorOf("a 2d"), "net.arch:1:3: error: '2d' is neither a number nor a name\n"
                             "    1 | a 2d\n"
                             "      |   ^~ a name starts with a letter\n");
  EXPECT_EQ(errorOf("a 4x"), "net.arch:1:3: error: '4x' is neither a number nor a name\n"
                             "    1 | a 4x\n"
                             "      |   ^~ copies are written x4\n");
  EXPECT_EQ(errorOf("1x2x"), "net.arch:1:1: error: '1x2x' is neither a number nor a name\n"
                             "    1 | 1x2x\n"
                             "      | ^~~~ a size is numbers with one 'x' between them: 1x2x2\n");
}

TEST(Lexer, NoCallSyntax) {
  EXPECT_EQ(errorOf("conv3d(ch=64)"),
            "net.arch:1:1: error: '(' stands directly after 'conv3d'\n"
            "    1 | conv3d(ch=64)\n"
            "      | ^~~~~~~ arguments follow after a blank, without brackets: conv3d ch=64\n");
}

TEST(Lexer, AnErrorKeepsTheBraces) {
  std::string errors;
  EXPECT_EQ(tokensOf("a ; b { c } # }\nd", &errors), "word:a error mark:{ mark:} newline word:d newline");
  EXPECT_EQ(errors, "net.arch:1:3: error: ';' has no meaning outside a comment\n"
                    "    1 | a ; b { c } # }\n"
                    "      |   ^ a statement ends with its line, or at a ->\n");
}

} // namespace
