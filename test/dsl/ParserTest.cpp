#include "Support.h"

using namespace kinema::dsl;

namespace {

std::string printOf(const std::string &text, std::string *errors = nullptr) {
  Sources sources;
  Diagnostics diagnostics(sources);
  auto file = parse(sources, sources.add("net.arch", text), diagnostics);
  if (errors)
    *errors = diagnostics.render();
  else
    EXPECT_EQ(diagnostics.render(), "");
  return print(*file);
}

std::string errorOf(const std::string &text) {
  std::string errors;
  printOf(text, &errors);
  return errors;
}

std::string printOfExpression(const std::string &text) {
  Sources sources;
  Diagnostics diagnostics(sources);
  ExprPtr expr = parseExpression(sources, sources.add("expression", text), diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return expr ? print(*expr) : "";
}

TEST(Parser, Statements) {
  std::string text = "use csn\n"
                     "block se r=16 kind:unit v:value=in {\n"
                     "  let m=in.c / r\n"
                     "  set bn.eps=1e-5\n"
                     "  stream flow {\n"
                     "    input flow 20x5x224x224 -> _: tower st x2\n"
                     "  }\n"
                     "  small: from flow.res2.0.a -> residual act=none {\n"
                     "    kind ch=m|r|3 times=r + 1\n"
                     "  } -> add (st_add joint=flow.res2.a) [1 m m + 1] act=relu\n"
                     "}\n"
                     "train {\n"
                     "  epochs 45\n"
                     "}\n";
  EXPECT_EQ(printOf(text), text);
}

TEST(Parser, ChainsAndLines) {
  EXPECT_EQ(printOf("network n { a -> b\n\n -> c # x\n # y\n -> d ->\n e\n f (g\n h=1\n) [1\n 2] }"),
            "network n {\n  a -> b -> c -> d -> e\n  f (g h=1) [1 2]\n}\n");
}

TEST(Parser, Copies) {
  EXPECT_EQ(printOf("network n {\n a x4 ch=3\n b times=4\n c x0\n}"),
            "network n {\n  a ch=3 x4\n  b x4\n  c x0\n}\n");
}

TEST(Parser, Precedence) {
  EXPECT_EQ(printOfExpression("a - b - c * d / e % 2"), "a - b - c * d / e % 2");
  EXPECT_EQ(printOfExpression("(a - b) - (c - d)"), "a - b - (c - d)");
  EXPECT_EQ(printOfExpression("((a*b)) * (c*d) / (e+1)"), "a * b * (c * d) / (e + 1)");
  EXPECT_EQ(printOfExpression("t*d*d*in.c*ch / (d*d*in.c + t*ch)"),
            "t * d * d * in.c * ch / (d * d * in.c + t * ch)");
}

TEST(Parser, AnArgumentEndsWhereNoOperatorFollows) {
  EXPECT_EQ(printOf("network n {\n a b (c) [1] d - 1 e=f g\n}"), "network n {\n  a b c [1] d - 1 e=f g\n}\n");
}

TEST(Parser, Locations) {
  Sources sources;
  Diagnostics diagnostics(sources);
  auto file = parse(sources, sources.add("n", "network n {\n  l: conv (a + b) ch=in.c*2\n}"), diagnostics);
  const auto &call = llvm::cast<CallStmt>(*file->definitions[0]->body.chains[0].statements[0]);
  EXPECT_EQ(call.location, (Location{0, 2, 3, 1}));
  EXPECT_EQ(call.head.location, (Location{0, 2, 6, 4}));
  EXPECT_EQ(call.arguments[0].location, (Location{0, 2, 12, 5}));
  EXPECT_EQ(call.arguments[1].location, (Location{0, 2, 19, 2}));
  EXPECT_EQ(call.arguments[1].value().location, (Location{0, 2, 22, 6}));
  EXPECT_EQ(file->definitions[0]->body.close, (Location{0, 3, 1, 1}));
}

TEST(Parser, GoesOnAtTheNextLine) {
  std::string errors;
  EXPECT_EQ(
      printOf("network n {\n  a = 3\n  b\n  c )\n  d residual=| {\n    e\n  }\n  f\n}\nnetwork m {\n  g\n}",
              &errors),
      "network n {\n  b\n  c\n  f\n}\nnetwork m {\n  g\n}\n");
  EXPECT_EQ(errors, "net.arch:2:5: error: a statement starts with what is called, not with an argument\n"
                    "    2 |   a = 3\n"
                    "      |     ^ a line is `conv3d ch=64`, a number is `let m = 3`\n"
                    "net.arch:4:5: error: expected '->' or the line's end, found ')'\n"
                    "    4 |   c )\n"
                    "      |     ^\n"
                    "net.arch:5:14: error: expected a value, found '|'\n"
                    "    5 |   d residual=| {\n"
                    "      |              ^\n");
}

TEST(Parser, Unterminated) {
  EXPECT_EQ(errorOf("network n {\n  residual {\n  a\n"),
            "net.arch:2:12: error: this '{' is never closed\n"
            "    2 |   residual {\n"
            "      |            ^ the file ends without a '}'\n");
  EXPECT_EQ(errorOf("network n {\n  a\ntrain { epochs 3 }\n"),
            "net.arch:1:11: error: this '{' is never closed\n"
            "    1 | network n {\n"
            "      |           ^ 'train' follows in line 3 without a '}'\n");
  EXPECT_EQ(errorOf("network n {\n  a (b c=1\n  d\n}\n"), "net.arch:2:5: error: this '(' is never closed\n"
                                                          "    2 |   a (b c=1\n"
                                                          "      |     ^\n");
  EXPECT_EQ(errorOf("network n {\n  a [1 2\n}\n"), "net.arch:2:5: error: this '[' is never closed\n"
                                                   "    2 |   a [1 2\n"
                                                   "      |     ^\n");
  EXPECT_EQ(errorOf("network n {\n}\n}\n"), "net.arch:3:1: error: a '}' too many: no brace is open here\n"
                                            "    3 | }\n"
                                            "      | ^\n");
}

TEST(Parser, Names) {
  EXPECT_EQ(errorOf("unit conv { a }"),
            "net.arch:1:6: error: 'conv' is an operation, it cannot be the name of a unit\n"
            "    1 | unit conv { a }\n"
            "      |      ^~~~\n");
  EXPECT_EQ(errorOf("unit x4 { a }"), "net.arch:1:6: error: 'x4' cannot be the name of a unit\n"
                                      "    1 | unit x4 { a }\n"
                                      "      |      ^~ x and digits are a number of copies\n");
  EXPECT_EQ(errorOf("unit u a a { b }"), "net.arch:1:10: error: two parameters are called 'a'\n"
                                         "    1 | unit u a a { b }\n"
                                         "      |          ^\n");
  EXPECT_EQ(
      errorOf("unit u a:sise { b }"),
      "net.arch:1:10: error: expected a type (int number size flag word unit block value), found 'sise'\n"
      "    1 | unit u a:sise { b }\n"
      "      |          ^~~~ did you mean 'size'?\n");
  EXPECT_EQ(errorOf("unit u { c: b\n in: b }"),
            "net.arch:1:10: error: 'c' cannot be a label\n"
            "    1 | unit u { c: b\n"
            "      |          ^ value.c is a size of the value\n"
            "net.arch:2:2: error: 'in' is a word of the language, it cannot be the name of a value\n"
            "    2 |  in: b }\n"
            "      |  ^~\n");
}

TEST(Parser, TopLevel) {
  EXPECT_EQ(
      errorOf("netwrk a {\n  b {\n }\n}\nunit c { d }"),
      "net.arch:1:1: error: expected use, unit, block, network, act, data, train, eval or compute, found "
      "'netwrk'\n"
      "    1 | netwrk a {\n"
      "      | ^~~~~~ did you mean 'network'?\n");
}

TEST(Parser, Acts) {
  EXPECT_EQ(printOf("act swish(x)=x*sigmoid(x)\nact  leaky(x, slope=0.1) = max(x, 0) + slope*min(x,0)"),
            "act swish(x) = x * sigmoid(x)\nact leaky(x, slope=0.1) = max(x, 0) + slope * min(x, 0)\n");
  EXPECT_EQ(
      printOf("act a(x) = ((x) - (x - 1)) / (2 * (x/x)) # why\nact b(x, y) = -(-x + y) * -y - max(-x,\n1)"),
      "act a(x) = (x - (x - 1)) / (2 * (x / x))\nact b(x, y) = -(-x + y) * -y - max(-x, 1)\n");
}

TEST(Parser, ActsThatAreWrong) {
  struct {
    const char *text, *message;
  } cases[] = {
      {"act relu(x) = x", "1:5: error: 'relu' is an operation, it cannot be the name of an act"},
      {"act exp(x) = x", "1:5: error: 'exp' is a function of formulas, it cannot be the name of an act"},
      {"act a(x) x", "1:10: error: expected '=', found 'x'"},
      {"act a(x y) = x", "1:9: error: expected ')', found 'y'"},
      {"act a(x, x) = x", "1:10: error: two operands are called 'x'"},
      {"act a(x=1, y) = y", "1:12: error: the operand 'y' stands behind a parameter"},
      {"act a(x, by=y) = x", "1:13: error: expected a number, found 'y'"},
      {"act a(x) = x +", "1:15: error: expected a number, a name or a function, found the line's end"},
      {"act a(x) = max(x, 0", "1:15: error: this '(' is never closed"},
      {"act a(x) = (x * 2", "1:12: error: this '(' is never closed"},
      {"act a x = x", "1:7: error: expected '(', found 'x'"},
      {"act a(x) = x 2", "1:14: error: expected the line's end, found '2'"},
      {"unit u { conv3d(x) }", "1:10: error: '(' stands directly after 'conv3d'"},
  };
  for (auto &[text, message] : cases)
    EXPECT_EQ(errorOf(text).find("net.arch:" + std::string(message) + "\n"), 0u) << errorOf(text);
  std::string sum = "act a(x) = x", signs = "act a(x) = ";
  for (int i = 0; i < 257; ++i)
    sum += "+x", signs += "-";
  EXPECT_NE(errorOf(sum).find("a formula of more than 256 operations"), std::string::npos);
  EXPECT_NE(errorOf(signs + "x").find("a formula of more than 256 operations"), std::string::npos);
}

TEST(Parser, Numbers) {
  EXPECT_EQ(errorOf("unit u { a 9223372036854775807 }"), "");
  EXPECT_EQ(errorOf("unit u { a 9223372036854775808 }"),
            "net.arch:1:12: error: the number 9223372036854775808 does not fit into 64 bits\n"
            "    1 | unit u { a 9223372036854775808 }\n"
            "      |            ^~~~~~~~~~~~~~~~~~~\n");
  EXPECT_EQ(errorOf("unit u { a 1e999 -5 }"), "net.arch:1:12: error: the number 1e999 is out of range\n"
                                              "    1 | unit u { a 1e999 -5 }\n"
                                              "      |            ^~~~~\n");
  EXPECT_EQ(errorOf("unit u { a ch=-5 }"),
            "net.arch:1:15: error: expected a value, found '-'\n"
            "    1 | unit u { a ch=-5 }\n"
            "      |               ^ there are no negative numbers in the language\n");
}

} // namespace
