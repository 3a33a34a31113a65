// A table of specs that are wrong in one way each, and what is said of them first.
#include "Support.h"

using namespace kinema::dsl;

namespace {

struct WrongSpec {
  std::string text, message;
};

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
      {"network n { -> fc 3 }", "1:13: error: nothing stands before this '->'"},
      {block("times=3", "  fc 3"), "1:9: error: 'times' cannot be the name of a parameter"},
      {block("conv:unit", "  fc 3"),
       "1:9: error: 'conv' is an operation, it cannot be the name of a parameter that is called"},
  };
  for (const WrongSpec &spec : specs)
    EXPECT_EQ(messagesOf(spec.text)[0], spec.message) << spec.text;
  std::string sum = "1";
  for (int i = 0; i < 257; ++i)
    sum += "+1";
  EXPECT_EQ(messagesOf(network("  fc " + sum)),
            std::vector<std::string>{"3:519: error: an expression of more than 256 operators"});
}

TEST(WrongSpecs, Meaning) {
  const WrongSpec specs[] = {
      {"network n {\n  input rgb 3x1x1x1 x2\n}", "2:21: error: there is one input"},
      {block("", "  from in.x"), "2:8: error: no names are known inside 'in'"},
      {network("  stage (1 2) ch=64"), "3:10: error: only a unit or a block takes arguments, found 1"},
      {network("  let n = 3\n  fc n.h"), "4:6: error: 'n' has no parts"},
  };
  for (const WrongSpec &spec : specs)
    EXPECT_EQ(messagesOf(spec.text)[0], spec.message) << spec.text;
}

} // namespace
