// Errors that only an expansion can find: sizes that do not fit, names of weights, limits.
#include "Expand.h"

using namespace kinema;
using namespace kinema::test;

namespace {

std::string errorsOf(const std::string &text, const FrontendOptions &options = {}) {
  Expanded network = expandText(text, options);
  EXPECT_FALSE(network.module);
  return network.errors();
}

/// A network around some lines, the first of which is line 3; its value before them is 8x8x16x16.
std::string around(const std::string &lines) {
  return "network net {\n  input rgb 3x8x16x16 -> stem: conv3d ch=8\n" + lines +
         "\n  pool avg global -> fc 4\n}\n";
}

TEST(Errors, AddShowsBothSizesAndWhereEachComesFrom) {
  EXPECT_EQ(errorsOf(R"(network net {
  input rgb 3x16x112x112
  stem: conv3d d=7 ch=64 stride=1x2x2
  low: stage conv3d ch=64 x1
  stage conv3d ch=64 x2 stride=2
  add low
  pool avg global -> fc 4
}
)"),
            R"(net.arch:6:3: error: add of 64x8x28x28 and 64x16x56x56
    6 |   add low
      |   ^~~ T 8 and 16, H 28 and 56, W 28 and 56 differ by 2: `from low -> pool avg 2x2x2` would fit
      |   64x8x28x28  is the value before, from line 5: stage conv3d ch=64 x2 stride=2
      |   64x16x56x56 is 'low', from line 4: low: stage conv3d ch=64 x1
)");
}

TEST(Errors, WindowSaysWhatMadeTheValueSmall) {
  EXPECT_EQ(errorsOf(R"(network net {
  input rgb 3x16x112x112
  stem: conv3d d=7 ch=4 stride=1x2x2
  stage conv3d ch=4 x2 stride=2
  stage conv3d ch=4 x2 stride=2
  stage conv3d ch=4 x2 stride=2
  stage conv3d ch=4 x2 stride=2
  pool avg 2x7x7
  fc 4
}
)"),
            R"(net.arch:8:12: error: the window 2x7x7 does not fit into 4x1x4x4
    8 |   pool avg 2x7x7
      |            ^~~~~ T is 1: 16 at the input, halved at lines 4, 5, 6, 7; `pool avg global` fits any size
)");
}

TEST(Errors, InsideOfABlockNameTheCalls) {
  EXPECT_EQ(errorsOf(R"(block inner ch { pool max 9x9x9 -> a: conv 1x1x1 ch=ch }
block outer kind:unit ch { b: inner ch }
network net {
  input rgb 3x8x16x16
  stage conv3d block=outer ch=8 x2
  pool avg global -> fc 4
}
)"),
            R"(net.arch:1:27: error: the window 9x9x9 does not fit into 3x8x16x16
    1 | block inner ch { pool max 9x9x9 -> a: conv 1x1x1 ch=ch }
      |                           ^~~~~ T is 8; `pool avg global` fits any size
      |   called from net.arch:2:28: b: inner ch
      |   called from net.arch:5:3: stage conv3d block=outer ch=8 x2
)");
}

TEST(Errors, TwoOwnersOfAName) {
  EXPECT_EQ(errorsOf(around("  conv3d ch=8\n  conv2d ch=8")),
            R"(net.arch:4:3: error: two statements own weights under the name 'conv'
    4 |   conv2d ch=8
      |   ^~~~~~ give this one a label of its own
      |   the other one stands here, from line 3: conv3d ch=8
)");
}

TEST(Errors, AUnitThatBlocksCannotTellItsActivation) {
  EXPECT_EQ(errorsOf("unit smart ch stride:size=1 { _: conv3d ch=ch stride=stride }\n"
                     "network net { input rgb 3x8x16x16 -> stage smart ch=8 -> pool avg global -> fc 4 }\n"),
            R"(models/lib/prelude.arch:18:67: error: unit 'smart' has no parameter 'act'
   18 |   residual { conv1: kind ch=ch stride=stride -> conv2: kind ch=ch act=none }
      |                                                                   ^~~ a block says act=none to its last conv: give the unit the parameter act:word=auto, and pass it on as act=act
      |   called from net.arch:2:38: stage smart ch=8
)");
}

static std::string warnings(const std::string &line) {
  Expanded network = expandText(around(line));
  EXPECT_TRUE(network.module);
  return network.errors();
}

TEST(Errors, EvenWindowsThatShrinkAreWarnings) {
  EXPECT_TRUE(llvm::StringRef(warnings("  conv 3x4x4 ch=4"))
                  .starts_with("net.arch:3:8: warning: the window 3x4x4 is even, so it leaves one position "
                               "less of 8x8x16x16\n"));
  EXPECT_TRUE(
      llvm::StringRef(warnings("  conv3d d=4 ch=4")).starts_with("net.arch:3:3: warning: the window 3x4x4"));
  EXPECT_EQ(warnings("  conv 3x4x4 ch=4 pad=same"), "");
  EXPECT_EQ(warnings("  conv 3x4x4 ch=4 pad=1"), "");
  EXPECT_EQ(warnings("  conv 3x4x4 ch=4 stride=1x2x2"), "");
}

TEST(Errors, ADropoutOfADropoutIsAWarning) {
  EXPECT_TRUE(
      llvm::StringRef(warnings("  dropout 0.5 -> dropout 0.2"))
          .starts_with("net.arch:3:18: warning: a dropout of what a dropout has left: 60% are dropped\n"));
  EXPECT_EQ(warnings("  dropout 0.5"), "");
}

TEST(Errors, StridesBeyondTheSizeAreWarnings) {
  EXPECT_TRUE(llvm::StringRef(warnings("  conv 3x3x3 ch=4 stride=99"))
                  .starts_with("net.arch:3:26: warning: the stride 99x99x99 is larger than 8x8x16x16\n"));
  EXPECT_TRUE(llvm::StringRef(warnings("  conv3d ch=4 stride=99"))
                  .starts_with("net.arch:3:3: warning: the stride 99x99x99 is larger than 8x8x16x16\n"));
  EXPECT_EQ(warnings("  conv3d ch=4 stride=8x16x16"), "");
}

TEST(Errors, SeveralOfARun) {
  std::string errors =
      errorsOf(around("  a: pool max 99x2x2\n  b: conv3d ch=4\n  from stem -> d: pool max 2x99x2\n"
                      "  e: add stem\n  from stem -> pool max 2 pad=2"));
  EXPECT_NE(errors.find("net.arch:3:15: error: the window 99x2x2 does not fit into 8x8x16x16"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("net.arch:5:28: error: the window 2x99x2 does not fit into 8x8x16x16"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("net.arch:7:31: error: the padding 2x2x2 is not smaller than the window 2x2x2"),
            std::string::npos)
      << errors;
  EXPECT_EQ(errors.find("net.arch:4"), std::string::npos) << "a value that failed is silent: " << errors;
  EXPECT_EQ(errors.find("net.arch:6"), std::string::npos) << errors;
}

/// Thirty blocks that call each other inside of four residuals.
std::string deep() {
  std::string text = "block b0 { relu }\n";
  for (int i = 1; i < 30; ++i)
    text += "block b" + std::to_string(i) + " { residual { residual { residual { residual { b" +
            std::to_string(i - 1) + " } } } } }\n";
  return text;
}

struct Case {
  const char *name;
  std::string text;
  std::string message;
};

std::ostream &operator<<(std::ostream &os, const Case &test) { return os << test.text; }

class Reported : public testing::TestWithParam<Case> {};

TEST_P(Reported, AtItsPlace) {
  std::string errors = errorsOf(GetParam().text);
  EXPECT_EQ(errors.substr(0, errors.find('\n')), GetParam().message) << errors;
}

INSTANTIATE_TEST_SUITE_P(
    Errors, Reported,
    testing::Values(
        Case{"Concat", around("  concat {\n    identity\n    pool avg 2x2x2\n  }"),
             "net.arch:3:3: error: concat of 8x8x16x16 and 8x4x8x8"},
        Case{"Mul", around("  a: conv3d ch=4 -> mul stem"),
             "net.arch:3:21: error: mul of 4x8x16x16 and 8x8x16x16"},
        Case{"OneValue", around("  add { identity }"), "net.arch:3:3: error: 'add' needs two values"},
        Case{"Shortcut", around("  residual shortcut=(conv 3x3x3 pad=0) { a: conv3d ch=16 }"),
             "net.arch:3:3: error: residual of 16x8x16x16 and 16x6x14x14"},
        Case{"Groups", around("  conv 3x3x3 ch=8 groups=3"),
             "net.arch:3:26: error: groups=3 does not divide the 8 channels of the value before"},
        Case{"InitOfFrames", around("  conv 1x3x3 ch=8 init=later"),
             "net.arch:3:24: error: a window of 1x3x3 sees no frame before or behind, which `init` asks for"},
        Case{"GroupsOut", around("  conv 3x3x3 ch=7 groups=4"),
             "net.arch:3:26: error: groups=4 does not divide ch=7"},
        Case{"TwoOwners", around("  conv3d ch=8\n  conv2d ch=8"),
             "net.arch:4:3: error: two statements own weights under the name 'conv'"},
        Case{"EqualNames", "block b { a: conv 1x1x1 ch=8 }\n" + around("  _: b\n  _: b"),
             "net.arch:1:14: error: two weights are called 'a.weight'"},
        Case{"DivisionByZero",
             "block b ch { let m = ch / (in.c - 8) -> a: conv 1x1x1 ch=m }\n" + around("  b 4"),
             "net.arch:1:25: error: division by zero"},
        Case{"Copies", "block b { identity times=in.c - 8 }\n" + around("  b"),
             "net.arch:1:26: error: 0 copies: there are at least 1 and at most 4096"},
        Case{"AWordOfAParameter", "block b how:word { pool how 2 }\n" + around("  b mean"),
             "net.arch:1:25: error: 'how' is one of max, avg, found 'mean'"},
        Case{"AnIntegerThatWasNotGiven", "block b n:int=auto { let m = n + 1 -> fc m }\n" + around("  b"),
             "net.arch:1:30: error: 'm' is an integer, found 'auto'"},
        Case{"ASizeThatWasNotGiven", "block b s:size=auto { conv [s.t 1 1] ch=8 }\n" + around("  b"),
             "net.arch:1:29: error: 's.t' is no number: 's' is 'auto'"},
        Case{"AKindThatWasNotGiven", "block b kind:unit=auto { kind ch=8 }\n" + around("  b"),
             "net.arch:1:26: error: 'kind' is 'auto', which cannot be called"},
        Case{"NoSuchValue", "block b kind:unit { _: kind ch=8 -> add low }\n" + around("  b conv3d"),
             "net.arch:1:41: error: 'low' is not known here"},
        Case{"NoSuchMember", "block b kind:unit { a: kind ch=8 -> add a.low }\n" + around("  b conv(2+1)d"),
             "net.arch:1:43: error: value 'a' has no value 'low'"},
        Case{"Depth", deep() + around("  b29"),
             "net.arch:10:12: error: calls lie inside each other more than 100 deep"},
        Case{"Negative", "block b ch { a: conv 1x1x1 ch=ch-in.c }\n" + around("  b 4"),
             "net.arch:1:31: error: 'ch' is -4, it must be at least 1"},
        Case{"ASizeOfOneNumber", "block b s:int { conv 1x1x1 ch=8 stride=s - 4 }\n" + around("  b 4"),
             "net.arch:1:40: error: 'stride' is 0, it must be at least 1"},
        Case{"NotScores", "network net {\n  input rgb 3x8x16x16\n  conv3d ch=8\n}\n",
             "net.arch:3:3: error: the network's last value is 8x8x16x16, scores are Cx1x1x1"},
        Case{"Circle",
             "network net {\n  input rgb 3x8x16x16\n  stream a { two: add b.one }\n"
             "  stream b { one: add a.two }\n  from a -> add b\n  pool avg global -> fc 4\n}\n",
             "net.arch:3:23: error: 'b.one' is needed here before it can be known"},
        Case{"ASizeOfItsOwnStream",
             "network net {\n  input rgb 3x8x16x16\n  stream a { conv 1x1x1 ch=a.c }\n"
             "  stream b { relu }\n  from a -> add b\n  pool avg global -> fc 4\n}\n",
             "net.arch:3:28: error: 'a.c' is not known yet: its value is still being made"},
        Case{"GivenTwice", "use torchvision\n" + around("  stage conv(2+1)d block=basic_tv mid=4 ch=8"),
             "models/lib/torchvision.arch:4:32: error: 'mid' is given twice for unit 'conv(2+1)d'"},
        Case{"ShiftOfNothing", around("  shift 9"),
             "net.arch:3:9: error: an n-th of the channels moves: with n=9 and 8 channels, none would"},
        Case{"AttentionChannels", around("  q: conv 1x1x1 ch=4\n  k: conv 1x1x1 ch=5\n  attention q k k"),
             "net.arch:5:3: error: attention of 4x8x16x16 and 5x8x16x16"},
        Case{"AttentionElements",
             "network net {\n  input rgb 3x64x224x224\n  x: conv 1x1x1 ch=8\n  attention x x x\n"
             "  pool avg global -> fc 4\n}\n",
             "net.arch:4:3: error: the scores of this attention have more than 2^40 elements"},
        Case{"HeadsThatDoNotDivide", around("  x: conv 1x1x1 ch=6\n  attention x x x heads=4"),
             "net.arch:4:3: error: heads=4 does not divide the 6 channels of 'x'"},
        Case{"ActOfThree", "act a(x, y) = x - y\n" + around("  x: relu\n  a x x"),
             "net.arch:5:3: error: 'a' joins 2 values, found 3"},
        Case{"ActOfSizes", "act a(x, y) = x - y\n" + around("  x: pool max 1x2x2\n  from stem -> a x"),
             "net.arch:5:16: error: a of 8x8x16x16 and 8x8x8x8"},
        Case{"ArrangeAxes", around("  arrange [c t h w] [c t h w]"),
             "net.arch:3:3: error: an arrangement has the axes n c t h w on both sides, found 4"},
        Case{"ArrangeOpen", around("  arrange [n [a b] t h w] [n [b a] t h w]"),
             "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: c has 8, of which one factor "
             "alone may "
             "be left open: others have a number or a `let`"},
        Case{"ArrangeMultiple", around("  arrange [n [3 c] t h w] [n c t h w]"),
             "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: c has 8, which is not a multiple "
             "of 3"},
        Case{"ArrangeSize", around("  arrange [n 4 t h w] [n 4 t h w]"),
             "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: c has 8, which is not 4"},
        Case{"ArrangeTwice", around("  arrange [n c t h h] [n c t h h]"),
             "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: 'h' stands twice on one side"},
        Case{"ArrangeTwiceBehind", around("  arrange [n c t h w] [n c t h h]"),
             "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: 'h' stands twice on one side"},
        Case{
            "ArrangeUnknown", around("  arrange [n c t h w] [n c t h v]"),
            "net.arch:3:3: error: this arrangement does not fit 8x8x16x16: 'v' is on the right alone, and no "
            "integer is called so"},
        Case{"ArrangeElements", around("  arrange [n c t h w] [n [c 1000000] [t 1000000] h w]"),
             "net.arch:3:3: error: the result of this arrangement has more than 2^40 elements"},
        Case{"ArrangeWord", around("  arrange n c"),
             "net.arch:3:11: error: 'from' is a list of axes, found 'n'"},
        Case{"ClipsAtTheEnd",
             "network net {\n  input rgb 3x8x16x16 -> pool avg space\n  arrange [n c t h w] [[n t] c 1 h "
             "w]\n}\n",
             "net.arch:3:3: error: the network's last value has 256 clips of a batch of 32"},
        Case{"NormOfTheBatch", around("  norm [n t h w]"),
             "net.arch:3:3: error: a norm is over some of the axes c t h w"},
        Case{"NormTwice", around("  norm [c c]"), "net.arch:3:3: error: an axis stands twice in this norm"},
        Case{"NormInGroups", around("  norm [t h w] groups=2"),
             "net.arch:3:3: error: a norm in groups is over c, too"},
        Case{"NormGroups", around("  norm [c] groups=3"),
             "net.arch:3:3: error: groups=3 does not divide the 8 channels of the value before"},
        Case{"SliceBeyond", around("  slice 6 ch=3"),
             "net.arch:3:3: error: 3 channels from channel 6 on, of 8"},
        Case{"ProductDepth", around("  x: conv 1x1x1 ch=4\n  product x stem"),
             "net.arch:4:3: error: this product sums over 2048 elements of 'x' and 8 of 'stem'"},
        Case{"ProductElements",
             "network net {\n  input rgb 3x64x224x224\n  x: conv 1x1x1 ch=8\n  product x x turned=first\n"
             "  pool avg global -> fc 4\n}\n",
             "net.arch:4:3: error: the result of this product has more than 2^40 elements"},
        Case{"DropoutOfAll", around("  dropout 1"),
             "net.arch:3:11: error: a dropout of 1 would leave nothing"},
        Case{"ResidualOfASmallerStride",
             around("  pool max 2x2x2 stride=2x2x2\n  residual { from stem -> conv 1x1x1 ch=4 }"),
             "net.arch:4:3: error: the body of this residual has a smaller stride than its input"},
        Case{"ValueThatIsAuto", "block b v:value=auto { conv3d ch=v.c }\n" + around("  b"),
             "net.arch:1:34: error: 'v' is no value"},
        Case{"Operations",
             "block b ch { a: conv 1x1x1 ch=ch x4096 }\nblock c ch { a: b ch x4096 }\n" +
                 around("  c 4 x4096"),
             "net.arch:1:17: error: the network has more than 100000 operations"},
        Case{"Calls", "block b { identity x4096 }\nblock c { b x4096 }\n" + around("  c x4096"),
             "net.arch:1:11: error: the network makes more than 200000 calls"},
        Case{"Elements", around("  pool max 1x1x1 pad=0 -> big: conv 1x1x1 ch=2000000000 pad=500000"),
             "net.arch:3:32: error: 2000000000x1000008x1000016x1000016 has more than 2^40 elements"},
        Case{"Window", around("  big: conv 2000000 ch=8 pad=1000000"),
             "net.arch:3:13: error: the window 2000000x2000000x2000000 does not fit into 8x8x16x16"}),
    [](const auto &info) { return info.param.name; });

TEST(Errors, OfABatchThatIsTooLarge) {
  FrontendOptions options;
  options.batch = int64_t(1) << 40;
  EXPECT_EQ(errorsOf(around(""), options).substr(0, 71),
            "net.arch:2:13: error: a batch of 1099511627776 such inputs has more tha");
}

TEST(Errors, WhatCallsCannotShare) {
  const std::pair<const char *, const char *> cases[] = {
      {"  a: conv3d ch=8 -> b: conv3d ch=8 bn=off same=a",
       "net.arch:3:48: error: there is no weight 'a.bias' to share: this call needs it, and the other has "
       "none"},
      {"  a: conv3d ch=8 -> b: conv3d ch=6 same=a",
       "net.arch:3:41: error: the weight 'a.weight' is 8x8x3x3x3, this call needs 6x8x3x3x3"},
      {"  slice 4 ch=4 -> a: conv3d ch=8 -> b: conv3d ch=8 groups=2 same=a",
       "net.arch:3:66: error: the weight is shared with a conv of groups=1, this one has groups=2"},
      {"  a: relu -> b: conv3d ch=8 same=a", "net.arch:3:34: error: there is no weight 'a.weight' to share"},
      {"  a: conv3d ch=8 -> _: conv3d ch=8 same=a",
       "net.arch:3:41: error: 'same' is said of a call that is named by itself, not by '_:'"},
      {"  call stem", "net.arch:1:42: error: 'in' is made with no weights of its own"},
  };
  for (auto [lines, message] : cases) {
    std::string text = around(lines);
    if (llvm::StringRef(lines).contains("call"))
      text = "block call x:value { b: conv3d ch=8 same=in }\n" + text;
    EXPECT_EQ(errorsOf(text).substr(0, llvm::StringRef(message).size()), message);
  }
}

} // namespace
