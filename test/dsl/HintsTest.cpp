// Tests what people are told about what they write out of habit.
#include "Support.h"

using namespace kinema::dsl;

namespace {

TEST(Hints, ABracketThatIsNeverClosed) {
  EXPECT_EQ(errorsOf("network n size=8 {\n  input rgb [3 16 size size\n  stem: conv3d ch=64\n  relu\n}\n"),
            "net.arch:2:13: error: this '[' is never closed\n"
            "    2 |   input rgb [3 16 size size\n"
            "      |             ^\n");
  EXPECT_EQ(messagesOf(network("  conv (3 *\n  relu")),
            std::vector<std::string>{"3:8: error: this '(' is never closed"});
}

TEST(Hints, SizesForNumbers) {
  EXPECT_EQ(errorsOf(network("  conv2d 3x3 ch=8")),
            "net.arch:3:10: error: 'd' is an integer, found the size 3x3\n"
            "    3 |   conv2d 3x3 ch=8\n"
            "      |          ^~~ one number stands for both: d=3\n");
  std::string spec = "network n size=8 height=size width=size {\n  input rgb [3 1 height width] -> relu\n}\n";
  EXPECT_EQ(errorsOf(spec, {.overrides = {"size=32x40"}}),
            "--set:1:6: error: 'size' is an integer, found the size 32x40\n"
            "    1 | size=32x40\n"
            "      |      ^~~~~ height=32 and width=40 are two parameters\n");
  EXPECT_EQ(errorsOf(network("  conv 3x3 ch=8")), "net.arch:3:8: error: 'k' is a size, found 2 parts, 3x3\n"
                                                  "    3 |   conv 3x3 ch=8\n"
                                                  "      |        ^~~ a size is TxHxW, as in 1x2x2\n");
  EXPECT_EQ(errorsOf(network("  pool max 1X2X2")),
            "net.arch:3:12: error: '1X2X2' is neither a number nor a name\n"
            "    3 |   pool max 1X2X2\n"
            "      |            ^~~~~ the x of a size is small: 1x2x2\n");
}

TEST(Hints, ArgumentsOfOtherLanguages) {
  EXPECT_EQ(errorsOf(network("  conv3d ch:16")),
            "net.arch:3:12: error: expected '->' or the line's end, found ':'\n"
            "    3 |   conv3d ch:16\n"
            "      |            ^ an argument is given with '=': ch=...\n");
  EXPECT_EQ(errorsOf(network("  pool max 1x2x2 stride=(1,2,2)")),
            "net.arch:3:27: error: ',' has no meaning outside a comment\n"
            "    3 |   pool max 1x2x2 stride=(1,2,2)\n"
            "      |                           ^ parts of a size are joined by x or stand in [ ] with "
            "blanks: 1x2x2, "
            "[t 2 2]; arguments are parted by blanks\n");
  struct {
    const char *line, *hint;
  } cases[] = {{"relu;", "a statement ends with its line, or at a ->"},
               {"conv3d ch=8 act=\"relu\"", "words stand without quotes"},
               {"relu \u2192 relu", "an arrow is written ->"},
               {"relu // the activation", "a comment starts with #"},
               {"// the activation", "a comment starts with #"},
               {"/* the activation */", "a comment starts with #"},
               {"conv3d ch=64 // the stem", "a comment starts with #"},
               {"residual shortcut=none { relu }", "`identity` leaves a value as it is"}};
  for (auto &[line, hint] : cases) {
    std::string said = errorsOf(network(std::string("  ") + line));
    EXPECT_NE(said.find(hint), std::string::npos) << line << "\n" << said;
  }
  EXPECT_EQ(errorsOf(network("  relu => relu")), // once, not for each of its characters
            "net.arch:3:8: error: '=>' has no meaning outside a comment\n"
            "    3 |   relu => relu\n"
            "      |        ^~ an arrow is written ->\n");
  EXPECT_EQ(errorsOf(network("  relu\u00a0")),
            "net.arch:3:7: error: the invisible character U+00A0 has no meaning outside a comment\n"
            "    3 |   relu\u00a0\n"
            "      |       ^ put a blank in its place\n");
}

TEST(Hints, SizesAsPartsOfASize) {
  EXPECT_EQ(errorsOf(network("  conv 3x3x3 ch=8 pad=[1x0 1 1]")),
            "net.arch:3:24: error: each part of 'pad' is one number, found the size 1x0\n"
            "    3 |   conv 3x3x3 ch=8 pad=[1x0 1 1]\n"
            "      |                        ^~~ of two sizes the first lies in front and the second behind: "
            "[2x1x1 0x1x1]\n");
  EXPECT_EQ(errorsOf(network("  conv3d ch=8 stride=[1x2 2]")),
            "net.arch:3:23: error: each part of 'stride' is one number, found the size 1x2\n"
            "    3 |   conv3d ch=8 stride=[1x2 2]\n"
            "      |                       ^~~ a size is TxHxW, as in [t d d]\n");
}

TEST(Hints, WordsOfOtherFrameworks) {
  struct {
    const char *word, *hint;
  } cases[] = {{"SiLU", "it is `swish`"},
               {"LeakyReLU", "it is `leaky_relu`"},
               {"tanh", "an activation is one line: `act bounded(x) = tanh(x)`"},
               {"Linear", "a layer of n outputs is `fc n`"},
               {"dense", "a layer of n outputs is `fc n`"},
               {"batchnorm", "it is `bn`, which every conv has of its own"},
               {"MaxPool3d", "it is `pool max 1x2x2`"},
               {"lstm", "there is no recurrence"},
               {"LayerNorm", "layer norm at each position is `norm [c]`"},
               {"GroupNorm", "it is `norm [c t h w] groups=8`"},
               {"InstanceNorm", "it is `norm [t h w]`"},
               {"scale", "there is no such operation"},
               {"deformable",
                "the operations are input conv pool fc bn relu sigmoid softmax dropout identity add mul "
                "average concat residual fold shift slice arrange norm param product attention stage"}};
  for (auto &[word, hint] : cases) {
    std::string said = errorsOf(network(std::string("  ") + word));
    EXPECT_NE(said.find(std::string("no operation, unit or block is called '") + word + "'"),
              std::string::npos);
    EXPECT_NE(said.find(hint), std::string::npos) << said;
  }
}

TEST(Hints, ABraceOnALineOfItsOwn) {
  EXPECT_EQ(errorsOf("network n\n{\n  input rgb 3x1x1x1\n  relu\n}\n"),
            "net.arch:2:1: error: expected '{' on the line before\n"
            "    2 | {\n"
            "      | ^ it stands at the end of the line that it belongs to\n");
}

TEST(Hints, FilesThatAreUsed) {
  EXPECT_EQ(errorsOf("use csn.arch\nnetwork n { input rgb 3x1x1x1 -> relu }"),
            "net.arch:1:8: error: expected the line's end, found '.'\n"
            "    1 | use csn.arch\n"
            "      |        ^ a file is named without its ending: use csn\n");
  std::string said = errorsOf("use quux\nnetwork n { input rgb 3x1x1x1 -> relu }");
  EXPECT_NE(said.find("other folders are named with --models or in the variable KINEMA_MODELS"),
            std::string::npos)
      << said;
}

TEST(Hints, SettingsOfTheRecipe) {
  EXPECT_EQ(errorsOf(network("  relu") + "train { epochs=5 }"),
            "net.arch:5:15: error: a statement starts with what is called, not with an argument\n"
            "    5 | train { epochs=5 }\n"
            "      |               ^ a setting is written without '=': epochs 5\n");
}

TEST(Hints, LinesThatEndWithCarriageReturns) {
  EXPECT_EQ(messagesOf("network n {\r  input rgb 3x1x1x1\r  relu\r}\r"),
            std::vector<std::string>{"1:1: error: the lines of this file end with a carriage return alone"});
}

TEST(Hints, AParameterThatNothingUses) {
  EXPECT_EQ(saidOf(network("  relu")),
            "net.arch:1:13: warning: nothing in network 'net' uses its parameter 'classes'\n"
            "    1 | network net classes=400 {\n"
            "      |             ^~~~~~~ the last layer of a classifier is `fc classes`\n");
  EXPECT_EQ(saidOf("network n a b=2 c:unit=conv3d d:block=basic e=b {\n  input rgb [3 a 1 1]\n"
                   "  stage c ch=e block=d\n}\n",
                   {.overrides = {"a=4"}}),
            "");
}

TEST(Hints, AParameterThatTheCommandLineReplacesIsUsed) {
  EXPECT_EQ(saidOf("network n size=8 height=size {\n  input rgb [3 1 height 8] -> relu\n}\n",
                   {.overrides = {"height=9"}}),
            "");
}

TEST(Hints, ANetworkMayBeCalledAsItsInputsKind) {
  EXPECT_EQ(errorsOf("network flow { input flow 2x1x8x8 -> relu }"), "");
}

std::string twoInputs(const std::string &a, const std::string &b) {
  return "network n {\n  stream a { input rgb " + a + " -> pool avg global }\n  stream b { input rgb " + b +
         " -> pool avg global }\n  from a -> add b\n}\n";
}

int64_t framesOfClip(const std::string &text) {
  Program program;
  Diagnostics diagnostics(program.sources);
  EXPECT_TRUE(loadText("net.arch", text, {}, program, diagnostics));
  return program.recipe.data.frames;
}

TEST(Hints, InputsThatVideosCannotFill) {
  EXPECT_EQ(errorsOf("network n {\n  input flow 20x1x8x8 -> relu\n}\n", {.fromVideos = true}), "");
  EXPECT_EQ(errorsOf(twoInputs("3x9x8x8", "3x2x8x8 every=8"), {.fromVideos = true}), "");
  std::string smaller = twoInputs("3x9x8x8", "3x2x4x8 every=8");
  EXPECT_EQ(errorsOf(smaller), "");
  EXPECT_EQ(
      errorsOf(smaller, {.fromVideos = true}),
      "net.arch:3:24: error: an input of 4x8 beside one of 8x8: clips have one crop\n"
      "    3 |   stream b { input rgb 3x2x4x8 every=8 -> pool avg global }\n"
      "      |                        ^~~~~~~ give all inputs the same height and width; pools and strides "
      "make them smaller\n");
}

TEST(Hints, AClipSpansItsInputs) {
  EXPECT_EQ(framesOfClip(twoInputs("3x9x8x8", "3x2x8x8 every=8")), 9);
  EXPECT_EQ(framesOfClip(twoInputs("3x9x8x8", "3x3x8x8 every=8")), 17);
  EXPECT_EQ(
      errorsOf(twoInputs("3x9x8x8 every=2", "3x2x8x8 every=8")),
      "net.arch:2:32: error: no input takes every frame of a clip\n"
      "    2 |   stream a { input rgb 3x9x8x8 every=2 -> pool avg global }\n"
      "      |                                ^~~~~ `clip every=N` in the section data says which frames "
      "of a video a clip has\n");
  EXPECT_EQ(messagesOf(twoInputs("3x9x8x8", "3x2x8x8 every=0")),
            std::vector<std::string>{"3:38: error: 'every' is 0, it must be at least 1"});
}

} // namespace
