// The house style: what it changes, what it leaves, and that it changes no meaning.
#include "Support.h"

#include "dsl/Format.h"
#include "dsl/Lexer.h"
#include "dsl/Library.h"
#include "dsl/Parser.h"

#include <fstream>
#include <random>
#include <sstream>

using namespace kinema::dsl;

namespace {

/// Returns a text in the house style; what is wrong with it where it cannot be read.
std::string formatted(const std::string &text) {
  Sources sources;
  Diagnostics diagnostics(sources);
  std::optional<std::string> result = format(sources, sources.add("net.arch", text), diagnostics);
  EXPECT_EQ(result.has_value(), !diagnostics.any());
  return result ? *result : diagnostics.render();
}

std::string treeOf(const std::string &text) {
  Sources sources;
  Diagnostics diagnostics(sources);
  std::string tree = print(*parse(sources, sources.add("net.arch", text), diagnostics));
  EXPECT_EQ(diagnostics.render(), "") << text;
  return tree;
}

/// Returns the comments of a text, without blanks at their ends. Nothing but a comment has a `#`.
std::vector<std::string> commentsOf(const std::string &text) {
  std::vector<std::string> comments;
  std::stringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (size_t at = line.find('#'); at != std::string::npos)
      comments.push_back(llvm::StringRef(line).drop_front(at).rtrim().str());
  return comments;
}

/// Expects that a text stays what it is but for its blanks.
void expectSameMeaning(const std::string &text) {
  const std::string result = formatted(text);
  EXPECT_EQ(treeOf(result), treeOf(text));
  EXPECT_EQ(commentsOf(result), commentsOf(text));
  EXPECT_EQ(formatted(result), result);
}

std::string inNetwork(const std::string &line) { return "network net {\n" + line + "}\n"; }

/// Returns line 2 of a network with one line.
std::string lineOf(const std::string &line) {
  const std::string text = formatted(inNetwork(line + "\n"));
  const size_t start = text.find('\n') + 1;
  return text.substr(start, text.find('\n', start) - start);
}

TEST(Format, OneBlankPartsTokens) {
  EXPECT_EQ(lineOf("a:conv   3x3x3->relu"), "  a: conv 3x3x3 -> relu");
  EXPECT_EQ(lineOf("stage  a |b   ch = 64  x4 # c "), "  stage a|b ch=64 x4 # c");
  EXPECT_EQ(lineOf("residual{conv [ 1 d  d ]ch=2}"), "  residual { conv [1 d d] ch=2 }");
  EXPECT_EQ(lineOf("let  n=in.c"), "  let n = in.c");
  EXPECT_EQ(lineOf("set bn . eps = 1e-5"), "  set bn.eps=1e-5");
  EXPECT_EQ(lineOf("conv(2+1)d (conv  t= 1)(a)"), "  conv(2+1)d (conv t=1) (a)");
}

TEST(Format, OperatorsHaveBlanksOnBothSidesOrNone) {
  EXPECT_EQ(lineOf("let n = 2*a /(b+ 1)%3"), "  let n = 2*a / (b + 1)%3");
  EXPECT_EQ(lineOf("fc [a- b c*d]"), "  fc [a - b c*d]");
  EXPECT_EQ(formatted("act f( x,a = 1)=-x*( - a+2 ) - -1\n"), "act f(x, a=1) = -x*(-a+2) - -1\n");
}

TEST(Format, StarsOfPatternsAreNoOperators) {
  EXPECT_EQ(formatted("train { parts  *.bn.weight fc . *  a.*.b   rates=[ 1 2 3] }\n"),
            "train { parts *.bn.weight fc.* a.*.b rates=[1 2 3] }\n");
}

TEST(Format, HeadersHaveTypesWithoutBlanks) {
  EXPECT_EQ(formatted("block b kind : unit ch=in.c/2 to: size =1{ relu }\n"),
            "block b kind:unit ch=in.c/2 to:size=1 { relu }\n");
}

TEST(Format, LinesAreIndented) {
  EXPECT_EQ(formatted("block b ch\\\n   t {\nresidual { add {\n# of a\n a\n-> b\n}}\n fc [1\n2] ->\n c\n}\n"),
            "block b ch \\\n    t {\n  residual { add {\n    # of a\n    a\n      -> b\n  } }\n"
            "  fc [1\n    2] ->\n    c\n}\n");
  EXPECT_EQ(formatted("block b {\na\n-> residual {\nb\n# last\n}\n}\n"),
            "block b {\n  a\n    -> residual {\n      b\n      # last\n    }\n}\n");
}

TEST(Format, EmptyLinesAreOneInsideAndNoneAtTheEnds) {
  EXPECT_EQ(formatted("\n\n# a\n\n\nblock b {\n\n  a\n\n\n  b\n\n}\n\n\n"),
            "# a\n\nblock b {\n  a\n\n  b\n}\n");
  EXPECT_EQ(formatted("block b { a \\\n\n}"), "block b { a \\\n\n}\n");
}

TEST(Format, AlignmentStays) {
  const std::string aligned = inNetwork("  spatial:  conv 1x1x1   ch=a  -> relu # a\n"
                                        "  temporal: conv 1x1x100 ch=ab -> relu # b\n");
  EXPECT_EQ(formatted(aligned), aligned);
  const std::string numbers = inNetwork("  mixed  64  96 5\n  mixed 192 128 5\n");
  EXPECT_EQ(formatted(numbers), numbers);
  const std::string comments = inNetwork("  relu      # a\n  fc 10\n  fc 100000 # b\n");
  EXPECT_EQ(formatted(comments), comments);
  // It moves along with what is before it.
  EXPECT_EQ(formatted(inNetwork("      a:conv   1x1x1\n      abc:  conv 3x3x3\n")),
            inNetwork("  a: conv 1x1x1\n  abc: conv 3x3x3\n"));
  EXPECT_EQ(formatted(inNetwork("      a:    conv ch=1 x2\n      ab :  conv 3x3x3\n")),
            inNetwork("  a:   conv ch=1 x2\n  ab:  conv 3x3x3\n"));
}

TEST(Format, OtherLineEndsAndMarksAreThoseOfUnix) {
  EXPECT_EQ(formatted("\xef\xbb\xbf"
                      "block b {\r\n\ta  # c\r\n}\r\n"),
            "block b {\n  a # c\n}\n");
}

TEST(Format, WhatHasErrorsIsLeft) {
  EXPECT_EQ(formatted("block b {\n  a = 2\n}\n").substr(0, 20), "net.arch:2:5: error:");
}

TEST(Format, AnEmptyTextStaysEmpty) {
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n \n"), "");
  EXPECT_EQ(formatted("# a"), "# a\n");
}

TEST(Format, NetworksAndLibraryAreInTheHouseStyle) {
  for (llvm::ArrayRef<LibraryFile> files : {library(), models()})
    for (const LibraryFile &file : files) {
      EXPECT_EQ(formatted(file.text.str()), file.text.str()) << file.name.str();
      expectSameMeaning(file.text.str());
    }
}

TEST(Format, ExamplesOfTheReferenceKeepTheirMeaning) {
  std::ifstream file(std::string(KINEMA_SOURCE_DIR) + "/docs/language.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str(), fence = "\n```arch\n";
  unsigned examples = 0;
  for (size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at), ++examples) {
    at += fence.size();
    const std::string block = page.substr(at, page.find("\n```\n", at) + 1 - at);
    expectSameMeaning(block);
    EXPECT_EQ(formatted(block), block);
  }
  EXPECT_EQ(examples, 7u);
}

//===-- Random blanks -----------------------------------------------------===//

class Mutator {
public:
  explicit Mutator(unsigned seed) : random(seed) {}

  /// Returns a text of the same meaning with other blanks and line ends.
  std::string run(const std::string &text) {
    Sources sources;
    Diagnostics diagnostics(sources);
    const std::vector<Token> tokens = lex(sources, sources.add("net.arch", text), diagnostics);
    std::string result;
    const char *last = sources.text(0).data();
    for (size_t i = 0; i < tokens.size() && !tokens[i].is(Token::Kind::End); ++i) {
      const Token &token = tokens[i];
      if (token.is(Token::Kind::Newline))
        continue;
      result += gap({last, size_t(token.text.data() - last)}, i == 0 ? nullptr : &tokens[i - 1], token);
      result += token.text.str();
      last = token.text.end();
    }
    return result + std::string(last, sources.text(0).end());
  }

private:
  bool oneIn(unsigned n) { return random() % n == 0; }
  std::string blanks() {
    static const char *some[] = {"", " ", "  ", "    ", "\t", "         "};
    return some[random() % std::size(some)];
  }

  /// Changes what stands between two tokens. Between those of one line some blank stays.
  std::string gap(const std::string &old, const Token *before, const Token &token) {
    if (!before || before->is(Token::Kind::Newline))
      return oneIn(2) ? old + blanks() : old;
    if (old.empty() || old.find_first_not_of(" \t") != std::string::npos)
      return old;
    if (before->isWord("act")) // which is known by what follows it on its line
      return " ";
    if (oneIn(40))
      return " \\ # on\n" + blanks();
    if (oneIn(20) && (before->is(Token::Kind::Arrow) || token.is(Token::Kind::Arrow)))
      return " # an arrow\n" + std::string(oneIn(2) ? "\n" : "") + blanks();
    if (oneIn(10) && before->isMark('{'))
      return "\n\n  # inside\n" + blanks();
    return oneIn(3) ? " " + blanks() : old;
  }

  std::mt19937 random;
};

TEST(Format, RandomBlanksChangeNoMeaning) {
  unsigned seed = 0;
  for (llvm::ArrayRef<LibraryFile> files : {library(), models()})
    for (const LibraryFile &file : files)
      for (unsigned round = 0; round < 10; ++round) {
        const std::string text = Mutator(++seed).run(file.text.str());
        SCOPED_TRACE(file.name.str() + ", seed " + std::to_string(seed));
        EXPECT_EQ(treeOf(text), treeOf(file.text.str()));
        expectSameMeaning(text);
        if (testing::Test::HasFailure())
          return;
      }
}

} // namespace
