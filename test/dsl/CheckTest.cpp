// The errors that need no shapes, as docs/language.md shows them.
#include "Support.h"

using namespace kinema::dsl;

namespace {

using Messages = std::vector<std::string>;

TEST(Check, ArgumentOfNeitherBlockNorKind) {
  EXPECT_EQ(errorsOf(network("  stage conv(2+1)d ch=64\n\n  stage conv(2+1)d t=3 d=3 chan=128 x4 stride=2")),
            "net.arch:5:28: error: neither block 'basic' nor unit 'conv(2+1)d' has a parameter 'chan'\n"
            "    5 |   stage conv(2+1)d t=3 d=3 chan=128 x4 stride=2\n"
            "      |                            ^~~~ did you mean 'ch'? (basic: kind ch stride; conv(2+1)d: "
            "t d ch stride "
            "mid bias bn act)\n");
}

TEST(Check, SizeForAnInteger) {
  EXPECT_EQ(errorsOf(network("  stage conv(2+1)d t=3 d=3 ch=128x4 stride=2")),
            "net.arch:3:31: error: 'ch' is an integer, found the size 128x4\n"
            "    3 |   stage conv(2+1)d t=3 d=3 ch=128x4 stride=2\n"
            "      |                               ^~~~~ a blank is missing: ch=128 x4\n");
}

TEST(Check, UnknownUnit) {
  EXPECT_EQ(errorsOf(network("  stage conv(2+1)D t=3 d=3 ch=128 x4")),
            "net.arch:3:9: error: no unit is called 'conv(2+1)D'\n"
            "    3 |   stage conv(2+1)D t=3 d=3 ch=128 x4\n"
            "      |         ^~~~~~~~~~ did you mean 'conv(2+1)d'?\n");
}

TEST(Check, NoSuchValueInAStream) {
  EXPECT_EQ(errorsOf("use streams\nnetwork net {\n"
                     "  stream flow { input flow 20x5x224x224 -> _: tower st st st st }\n"
                     "  input rgb 3x5x224x224 -> stem: conv2d ch=64\n"
                     "  add flow.res2.e\n}"),
            "net.arch:5:17: error: stream 'flow' has no value 'res2.e'\n"
            "    5 |   add flow.res2.e\n"
            "      |                 ^ res2 has a, b, rest\n");
}

TEST(Check, UnknownHead) {
  EXPECT_EQ(errorsOf(network("  stag conv3d ch=64")),
            "net.arch:3:3: error: no operation, unit or block is called 'stag'\n"
            "    3 |   stag conv3d ch=64\n"
            "      |   ^~~~ did you mean 'stage'?\n");
}

TEST(Check, BeforeTheInput) {
  EXPECT_EQ(errorsOf("network net {\n  stage conv3d ch=64\n  fc 400\n}"),
            "net.arch:2:3: error: 'stage' stands before the input: there is no value yet\n"
            "    2 |   stage conv3d ch=64\n"
            "      |   ^~~~~ a network starts with a line such as `input rgb 3x16x112x112`\n");
}

TEST(Check, Input) {
  EXPECT_EQ(messagesOf(network("  input rgb 3x16x112x112")),
            Messages{"3:3: error: 'input' follows a value that would be lost"});
  EXPECT_EQ(messagesOf("block b { input rgb 3x1x1x1 }\n" + network("  b"))[0],
            "1:11: error: 'input' belongs to a network, not to a block");
  EXPECT_EQ(messagesOf("network n { stream a { input rgb 3x1x1x1 } }"),
            Messages{"1:44: error: network 'n' has no output"});
  EXPECT_EQ(messagesOf("network n { input rgb 3x16x112 -> fc 3 }"),
            Messages{"1:23: error: 'size' is a size CxTxHxW, found the size 3x16x112"});
}

TEST(Check, Numbers) {
  EXPECT_EQ(
      messagesOf(network("  conv3d ch=0\n  stage conv3d ch=0\n  conv 3x3x3 ch=8 stride=0x1x1\n  dropout 1.5\n"
                         "  conv3d ch=4 x0\n  conv3d ch=4 x100000\n  fc 1 - 1\n  conv3d ch=99999999999\n  "
                         "conv3d ch=9223372036854775807")),
      (Messages{"3:13: error: 'ch' is 0, it must be at least 1",
                "4:19: error: 'ch' is 0, it must be at least 1",
                "5:26: error: 'stride' is 0x1x1, each part must be at least 1",
                "6:11: error: 'p' is 1.5, it must be at most 1",
                "7:15: error: 0 copies: there are at least 1 and at most 4096",
                "8:15: error: 100000 copies: there are at least 1 and at most 4096",
                "9:6: error: 'n' is 0, it must be at least 1",
                "10:13: error: 'ch' is 99999999999, it must be at most 2147483647",
                "11:13: error: 'ch' is 9223372036854775807, it must be at most 2147483647"}));
}

TEST(Check, Arithmetic) {
  EXPECT_EQ(
      messagesOf(network("  conv3d ch=5/0\n  conv3d ch=9223372036854775807*3\n  conv3d ch=classes - 400")),
      (Messages{"3:14: error: division by zero", "4:32: error: the result does not fit into 64 bits",
                "5:13: error: 'ch' is 0, it must be at least 1"}));
  EXPECT_EQ(messagesOf("block b { conv3d ch=in.c/0 }\n" + network("  b")),
            Messages{"1:25: error: division by zero"}); // whatever is divided
}

TEST(Check, ParametersOfTheCompiledNetworkAreKnown) {
  EXPECT_EQ(messagesOf("network n frames=0 {\n  input rgb [3 frames 112 112]\n  fc 3\n}"),
            Messages{"2:13: error: 'size' is [3 frames 112 112], each part must be at least 1"});
  EXPECT_EQ(messagesOf("network n frames {\n  input rgb [3 frames 112 112]\n  fc 3\n}"),
            Messages{"1:11: error: parameter 'frames' of the network has no value"});
}

TEST(Check, Types) {
  EXPECT_EQ(
      messagesOf(
          network("  conv 3x3 ch=64\n  conv 3x3x3 ch=0.5\n  conv 3x3x3 ch=64 act=rellu\n  pool maxx 2x2x2\n"
                  "  conv 3x3x3 ch=64 bn=yes\n  conv 3x3x3 ch=64 pad=hal\n  fc [1 2 3]\n  dropout off\n"
                  "  stage basic ch=64\n  stage 3 ch=64\n  fc (conv3d t=1)\n  conv3d ch=rgb")),
      (Messages{
          "3:8: error: 'k' is a size, found 2 parts, 3x3",
          "4:17: error: 'ch' is an integer, found the number 0.5",
          "5:24: error: 'act' is one of relu, sigmoid, none, or an act, found 'rellu'",
          "6:8: error: 'how' is one of max, avg, found 'maxx'", "7:23: error: 'bn' is on or off, found 'yes'",
          "8:24: error: 'pad' is a size or one of half, same, causal, found 'hal'",
          "9:6: error: 'n' is an integer, found a size of 3 parts",
          "10:11: error: 'p' is a number, found 'off'", "11:9: error: 'kind' is a unit, found block 'basic'",
          "12:9: error: 'kind' is a unit, found the integer 3",
          "13:6: error: 'n' is an integer, found (conv3d t=1)", "14:13: error: 'rgb' is not known here"}));
}

TEST(Check, Arguments) {
  EXPECT_EQ(
      messagesOf(network(
          "  conv3d\n  conv3d 3 3 64 1 1 on on relu 5\n  conv3d ch=64 ch=32\n  relu 3\n"
          "  conv3d 3 3 64 t=3\n  stage\n  bottleneck conv3d ch=64 foo=3\n  bottleneck conv3d ch=64 t=1")),
      (Messages{
          "3:3: error: unit 'conv3d' wants 'ch'", "4:32: error: unit 'conv3d' takes no further argument",
          "5:16: error: 'ch' is given twice for unit 'conv3d'",
          "6:8: error: operation 'relu' takes no further argument",
          "7:17: error: 't' is given twice for unit 'conv3d'", "8:3: error: operation 'stage' wants 'kind'",
          "9:27: error: neither block 'bottleneck' nor unit 'conv3d' has a parameter 'foo'"}));
}

TEST(Check, ArgumentsThatRide) {
  std::string blocks = "block plain ch { conv3d ch=ch }\n"
                       "block bound n=3 kind:unit=(conv3d t=n) ch { kind ch=ch }\n"
                       "block pass kind:unit=other other:unit=conv3d ch { kind ch=ch }\n"
                       "block inner { let n=in.c -> set bound.kind=(conv3d t=n) -> bound ch=8 d=1 }\n";
  EXPECT_EQ(
      messagesOf(blocks + network("  stage conv3d block=plain ch=8\n  bound ch=8 d=1\n  bound ch=8\n"
                                  "  bound kind=(conv3d t=1) ch=8 t=3\n  stage conv3d\n"
                                  "  stage (conv3d t=1|3) ch=8\n  stage conv3d|conv2d t=1 ch=8 x2\n"
                                  "  pass ch=8 d=1\n  inner")),
      (Messages{"7:16: error: block 'plain' takes no kind of conv, as a stage's block must",
                "8:14: error: 'd' cannot ride with the default of 'kind', which depends on the call",
                "10:32: error: 't' is given twice for unit 'conv3d'", "11:3: error: block 'basic' wants 'ch'",
                "12:21: error: `|` belongs to an argument of a call with copies",
                "13:23: error: neither block 'basic' nor unit 'conv2d' has a parameter 't'",
                "14:13: error: 'd' cannot ride with the default of 'kind', which depends on the call"}));
}

TEST(Check, SettingsOfTheSameDefinitionAreKnown) {
  EXPECT_EQ(messagesOf(network("  set stage.block=bottleneck\n  stage conv3d ch=8 inner=2\n"
                               "  stage conv3d ch=8 chan=2\n  set conv3d.ch=8\n  conv3d\n  conv2d")),
            (Messages{"5:21: error: neither block 'bottleneck' nor unit 'conv3d' has a parameter 'chan'",
                      "8:3: error: unit 'conv2d' wants 'ch'"}));
}

TEST(Check, AutoStandsForADefault) {
  EXPECT_EQ(messagesOf(network("  conv 3x3x3 ch=auto act=auto bias=auto pad=auto")),
            Messages{"3:17: error: 'ch' has no default that 'auto' could stand for"});
}

TEST(Check, Braces) {
  EXPECT_EQ(
      messagesOf(
          network("  conv3d ch=3 { relu }\n  residual\n  add\n  from net\n  low: relu\n  add low { relu }")),
      (Messages{"3:15: error: 'conv3d' takes no braces", "4:3: error: 'residual' needs a body in braces",
                "5:3: error: 'add' needs two values", "6:8: error: 'net' is not known here",
                "8:7: error: 'add' joins the branches in its braces or the values named, not both"}));
}

TEST(Check, Values) {
  EXPECT_EQ(
      messagesOf(network(
          "  a: conv3d ch=8\n  b: conv3d ch=a\n  conv3d ch=a.c\n  conv3d ch=a.q\n  add c2\n  c2: relu\n"
          "  a: relu\n  from a.x\n  add a.c\n  conv3d ch=in.c\n  a ch=3\n  classes: relu")),
      (Messages{"4:16: error: 'ch' is an integer, found the value 'a'", "6:15: error: 'a.q' is no number",
                "7:7: error: 'c2' is not known before line 8", "9:3: error: two values are called 'a'",
                "10:10: error: value 'a' has no value 'x'", "11:7: error: 'a.c' is a number, not a value",
                "12:13: error: a network has no 'in'", "13:3: error: 'a' is a value, it cannot be called",
                "14:3: error: 'classes' is a number or parameter already, a value cannot be called so"}));
}

TEST(Check, PathsThatAreRight) {
  EXPECT_EQ(
      errorsOf("use streams\nnetwork net {\n  input rgb 3x5x224x224\n  _: tower st st st st\n  stage conv2d "
               "ch=64 x2\n"
               "  more: stage conv2d ch=64\n  stage conv2d ch=64\n  add res2.a stage1.0 more.0.conv1 stage3\n"
               "  conv2d ch=res2.rest.0.c + stage1.c\n}"),
      "");
}

TEST(Check, Definitions) {
  EXPECT_EQ(
      messagesOf("block b kind:unit ch stride:size n:number {\n  kind ch=stride\n  kind ch=ch ch=3\n  n\n  "
                 "fc stride.c\n"
                 "  fc stride.h.h\n  dropout n\n  dropout ch\n  fc n\n  let ch=3\n  let m=1.5\n  fc kind\n}\n"
                 "block d e:size=0.5 { fc e }\n" +
                 network("  fc 3")),
      (Messages{"2:11: error: 'ch' is an integer, found the parameter 'stride', a size",
                "3:14: error: 'ch' is given twice for 'kind'",
                "4:3: error: 'n' is no unit or block, it cannot be called",
                "5:13: error: 'stride.c' is no number", "6:15: error: 'stride.h.h' is no number",
                "9:6: error: 'n' is an integer, found the parameter 'n', a number",
                "10:7: error: 'ch' is defined already",
                "11:9: error: 'm' is an integer, found the number 1.5",
                "12:6: error: 'n' is an integer, found the parameter 'kind', a unit",
                "14:16: error: 'e' is a size, found the number 0.5",
                "14:25: error: 'n' is an integer, found the parameter 'e', a size"}));
}

TEST(Check, Set) {
  EXPECT_EQ(messagesOf(
                network("  set bn.epss=1e-5\n  set bm.eps=1e-5\n  set bn.eps=small\n  set stage.block=basik\n"
                        "  set conv.ch=8\n  conv 3x3x3")),
            (Messages{"3:10: error: operation 'bn' has no parameter 'epss'",
                      "4:7: error: no operation, unit or block is called 'bm'",
                      "5:14: error: 'small' is not known here", "6:19: error: no block is called 'basik'"}));
}

TEST(Check, Recursion) {
  EXPECT_EQ(errorsOf("block a { b }\nblock b n:block=a { relu }\n" + network("  a")),
            "net.arch:2:17: error: block 'a' calls itself\n"
            "    2 | block b n:block=a { relu }\n"
            "      |                 ^ a -> b -> a\n");
}

TEST(Check, OneNetwork) {
  EXPECT_EQ(errorsOf(""), "net.arch:1:1: error: the file defines no network\n"
                          "    1 | \n"
                          "      | ^ a spec has one: network NAME { input ... }\n");
  EXPECT_EQ(messagesOf(network("  relu") + "network two { input rgb 3x1x1x1 -> relu }"),
            Messages{"5:9: error: a second network in one file"});
}

TEST(Check, SameNames) {
  EXPECT_EQ(messagesOf("unit u { relu }\nblock u { relu }\n" + network("  u")),
            Messages{"2:7: error: 'u' is defined twice"});
  EXPECT_EQ(messagesOf("use csn\nunit ir_csn ch { conv3d ch=ch }\n" + network("  relu")),
            Messages{"2:6: error: 'ir_csn' is defined twice"});
  // The prelude gives way, so that it can grow without breaking a spec.
  EXPECT_EQ(errorsOf("unit conv3d ch k:size=3 { conv k ch=ch }\n" + network("  conv3d ch=8 k=1x3x3")), "");
}

TEST(Check, SilentAfterAnError) {
  EXPECT_EQ(messagesOf("network net {\n  inptu rgb 3x16x112x112\n  low: conv3d ch==3\n  add low\n  fc 3\n}"),
            (Messages{"2:3: error: no operation, unit or block is called 'inptu'",
                      "3:18: error: expected a value, found '='"}));
}

TEST(Check, AtMostTwenty) {
  std::string lines;
  for (int i = 0; i < 25; ++i)
    lines += "  foo\n";
  auto messages = messagesOf(network(lines));
  ASSERT_EQ(messages.size(), 21u);
  EXPECT_EQ(messages[19], "22:3: error: no operation, unit or block is called 'foo'");
  EXPECT_EQ(messages[20], "error: 5 more errors are not shown");
}

TEST(Diagnostics, NotesAndCalls) {
  Sources sources;
  uint32_t file =
      sources.add("net.arch", "network n {\n  \tadd low # é\n  a -> stage p3d_b ch=512 x4 -> b\n}\n");
  Diagnostics diagnostics(sources);
  diagnostics.error({file, 2, 4, 3}, "add of 64x8x28x28 and 64x16x56x56", "T 8 and 16 differ")
      .note("64x8x28x28  is the value before")
      .from({{file, 3, 8, 5}});
  EXPECT_EQ(diagnostics.render(), "net.arch:2:4: error: add of 64x8x28x28 and 64x16x56x56\n"
                                  "    2 |    add low # é\n"
                                  "      |    ^~~ T 8 and 16 differ\n"
                                  "      |   64x8x28x28  is the value before\n"
                                  "      |   called from net.arch:3:8: stage p3d_b ch=512 x4\n");
}

} // namespace
