// A table of specs that are wrong in one way each, and what is said of them first.
#include "Support.h"

using namespace kinema::dsl;

namespace {

struct WrongSpec {
  std::string text, message;
};

/// Returns what is said first; an empty string where nothing is.
std::string firstMessageOf(const std::string &text) {
  auto messages = messagesOf(text);
  return messages.empty() ? "" : messages.front();
}

/// A block that the network calls; its body is on line 2.
std::string block(const std::string &parameters, const std::string &body) {
  return "block b " + parameters + " {\n" + body + "\n}\n" + network("  b");
}

TEST(WrongSpecs, Text) {
  const WrongSpec specs[] = {
      {network("  fc \\ 3"), "3:6: error: a '\\' joins two lines, it stands at a line's end"},
      {network("  fc []"), "3:6: error: nothing stands in these brackets"},
      {network("  fc a.="), "3:8: error: expected a name or a copy's number, found '='"},
      {network("  conv3d ch=4 x2 x3"), "3:18: error: the number of copies is given twice"},
      {network("  stage (basic x2) ch=64"),
       "3:16: error: copies are made where a unit or block is called, not where its arguments are bound"},
      {network("  residual { conv3d ch=64 } { conv3d ch=4 }"), "3:29: error: these braces belong to nothing"},
      {network("  set 3.k=1"), "3:7: error: expected an operation, unit or block, found '3'"},
      {network("  a: bn -> bn same=a same=a"), "3:22: error: 'same' is given twice"},
      {network("  bn frozen=on frozen=off"), "3:16: error: 'frozen' is given twice"},
      {network("  stage (basic same=a) ch=64"),
       "3:16: error: 'same' is said where a unit or block is called, not where its arguments are bound"},
      {"network n { -> fc 3 }", "1:13: error: nothing stands before this '->'"},
      {block("times=3", "  fc 3"), "1:9: error: 'times' cannot be the name of a parameter"},
      {block("same:value", "  fc 3"), "1:9: error: 'same' cannot be the name of a parameter"},
      {block("conv:unit", "  fc 3"),
       "1:9: error: 'conv' is an operation, it cannot be the name of a parameter that is called"},
  };
  for (const WrongSpec &spec : specs)
    EXPECT_EQ(firstMessageOf(spec.text), spec.message) << spec.text;
  std::string sum = "1";
  for (int i = 0; i < 257; ++i)
    sum += "+1";
  EXPECT_EQ(messagesOf(network("  fc " + sum)),
            std::vector<std::string>{"3:519: error: an expression of more than 256 operators"});
}

/// The text of an act, and of a network that uses it as `act=a`.
std::string act(const std::string &text) { return text + "\n" + network("  conv 1x1x1 ch=4 act=a"); }

TEST(WrongSpecs, Acts) {
  const WrongSpec specs[] = {
      {act("act a(x) = x * sigmod(x)"), "1:16: error: no function or act is called 'sigmod'"},
      {act("act a(x) = y"), "1:12: error: 'y' is not known here"},
      {act("act a(x, y=1) = x"), "1:10: error: nothing in act 'a' uses 'y'"},
      {act("act a(y=1) = y"), "1:5: error: act 'a' has no operand"},
      {act("act a(x) = max(x)"), "1:12: error: 'max' is a function of 2 numbers, found 1"},
      {act("act a(x) = exp(x, x)"), "1:12: error: 'exp' is a function of 1 number, found 2"},
      {act("act a(x) = leaky_relu(x, x, x)"),
       "1:12: error: 'leaky_relu' is a function of 1 to 2 numbers, found 3"},
      {act("act a(x) = conv3d(x)"), "1:12: error: no function or act is called 'conv3d'"},
      {act("act a(x) = b(x)\nact b(x) = a(x)"), "2:12: error: act 'a' calls itself"},
      {act("act a(x, y) = x - y"), "4:23: error: 'act' is one of relu, sigmoid, none, or an act, found "
                                   "act 'a' of 2 values"},
      {network("  conv 1x1x1 ch=4 act=swich"),
       "3:23: error: 'act' is one of relu, sigmoid, none, or an act, found 'swich'"},
      {network("  swish 3"), "3:9: error: act 'swish' takes no further argument"},
      {network("  swish {\n  relu\n}"), "3:9: error: 'swish' takes no braces"},
      {network("  sub"), "3:3: error: 'sub' needs two values"},
      {network("  x: relu -> sub x {\n  relu\n  relu\n}"),
       "3:18: error: 'sub' joins the branches in its braces or the values named, not both"},
  };
  for (const WrongSpec &spec : specs)
    EXPECT_EQ(firstMessageOf(spec.text), spec.message) << spec.text;
}

TEST(WrongSpecs, Meaning) {
  const WrongSpec specs[] = {
      {"network n {\n  input rgb 3x1x1x1 x2\n}", "2:21: error: there is one input"},
      {block("", "  from in.x"), "2:8: error: no names are known inside 'in'"},
      {network("  stage (1 2) ch=64"), "3:10: error: only a unit or a block takes arguments, found 1"},
      {network("  let n = 3\n  fc n.h"), "4:6: error: 'n' has no parts"},
      {network("  bn same=a"), "3:11: error: 'a' is not known here"},
      {network("  bn same=3"), "3:11: error: 'same' is a value, found the integer 3"},
      {network("  bn frozen=3"), "3:13: error: 'frozen' is on or off, found the integer 3"},
      {network("  x: relu -> add same=x {\n  relu\n  relu\n}"),
       "3:23: error: 'same' is said of what stands in these braces"},
      {network("  x: bn -> bn same=x frozen=on"),
       "3:29: error: the weights are another call's, which says whether they are frozen"},
  };
  for (const WrongSpec &spec : specs)
    EXPECT_EQ(firstMessageOf(spec.text), spec.message) << spec.text;
}

} // namespace
