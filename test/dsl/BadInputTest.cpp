// Whatever a file holds: one clear error, soon.
#include "Support.h"
#include "test/TemporaryFolder.h"

#include <chrono>
#include <random>

using namespace kinema::dsl;

namespace {

using Messages = std::vector<std::string>;

std::string repeated(const std::string &text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i)
    result += text;
  return result;
}

/// Loads a file and fails where that takes more than two seconds.
std::string errorsOfFile(const std::string &text) {
  kinema::test::TemporaryFolder folder;
  std::string path = folder.write("bad.arch", text);
  auto start = std::chrono::steady_clock::now();
  Program program;
  Diagnostics diagnostics(program.sources);
  EXPECT_FALSE(loadFile(path, {}, program, diagnostics));
  std::string errors = diagnostics.render();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  size_t at = errors.find(path);
  return at == std::string::npos ? errors : errors.replace(at, path.size(), "bad.arch");
}

TEST(BadInput, NotText) {
  EXPECT_EQ(errorsOf("network a {\n  conv \xff\n}\n"), "net.arch:2:8: error: byte 0xff is not UTF-8\n"
                                                       "    2 |   conv ?\n"
                                                       "      |        ^ save the file as UTF-8\n");
  EXPECT_EQ(messagesOf("# \xc3"), Messages{"1:3: error: byte 0xc3 is not UTF-8"});
  EXPECT_EQ(messagesOf(std::string("network a {\n  con\0v\n}\n", 21)),
            Messages{"2:6: error: a NUL byte: this is not a text file"});
  EXPECT_EQ(messagesOf("network a {\n  é\n  \x01\n  input rgb 3x1x1x1\n}\n"),
            (Messages{"2:3: error: 'é' has no meaning outside a comment",
                      "3:3: error: a control character has no meaning outside a comment"}));
}

TEST(BadInput, TenMegabytesOfGarbage) {
  std::mt19937 random(1);
  std::string garbage(10'000'000, ' ');
  for (char &c : garbage)
    c = char(random());
  EXPECT_EQ(errorsOfFile(garbage), "error: bad.arch has 10000000 bytes, the limit for a spec is 1048576\n");
}

TEST(BadInput, AMegabyteOfPrintableGarbage) {
  std::mt19937 random(1);
  std::string garbage(1'000'000, ' ');
  for (char &c : garbage)
    c = char(' ' + random() % 95);
  EXPECT_NE(errorsOfFile(garbage), "");
  for (size_t i = 80; i < garbage.size(); i += 80)
    garbage[i] = '\n';
  EXPECT_NE(errorsOfFile(garbage), "");
}

TEST(BadInput, DeepNesting) {
  for (std::string open : {"residual { ", "residual {\n", "let m = (", "fc ("})
    EXPECT_EQ(messagesOf("network n { input rgb 3x1x1x1\n" + repeated(open, 50'000)).size(), 1u) << open;
  EXPECT_EQ(messagesOf("network n { input rgb 3x1x1x1\n fc " + repeated("[", 50'000)).size(), 1u);
}

TEST(BadInput, LongThings) {
  EXPECT_EQ(messagesOf(network("  fc 1" + repeated("+1", 100'000))),
            Messages{"3:519: error: an expression of more than 256 operators"});
  EXPECT_EQ(messagesOf(network("  from a" + repeated(".a", 100'000))),
            Messages{"3:8: error: a name of more than 64 parts"});
  std::string word = errorsOf(network("  " + repeated("a", 100'000)));
  EXPECT_LT(word.size(), 2000u);
  EXPECT_LT(errorsOf(network("  fc " + repeated("9", 100'000))).size(), 1000u);
  EXPECT_LT(errorsOf(network("  " + repeated("bad 1 -> ", 10'000) + "relu")).size(), 10'000u);
}

TEST(BadInput, ManyErrors) {
  EXPECT_EQ(messagesOf(network(repeated("  conv2d ch=3 quux=3\n", 40'000))).size(), 21u);
  EXPECT_EQ(messagesOf(network(repeated("}\n", 100'000))).size(), 20u);
}

TEST(BadInput, NamesThatMultiply) {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += "block b" + std::to_string(i) + " { _: b" + std::to_string(i + 1) + " -> _: b" +
            std::to_string(i + 1) + " }\n";
  EXPECT_EQ(errorsOf(text + "block b60 { y: relu }\n" + network("  _: b0\n  from y")), "");
}

TEST(BadInput, CallChains) {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += "block b" + std::to_string(i) + " { _: b" + std::to_string(i + 1) + " }\n";
  EXPECT_EQ(messagesOf(text + "block b20000 { relu }\n" + network("  b0")),
            Messages{"19937:7: error: calls lie inside each other more than 64 deep"});
}

TEST(BadInput, Files) {
  Program program;
  Diagnostics diagnostics(program.sources);
  EXPECT_FALSE(loadFile("/no/such.arch", {}, program, diagnostics));
  EXPECT_FALSE(loadFile("/", {}, program, diagnostics));
  EXPECT_FALSE(loadFile("/dev/zero", {}, program, diagnostics));
  EXPECT_EQ(diagnostics.render(), "error: cannot read /: Is a directory\n"
                                  "error: cannot read /dev/zero: Operation not supported\n"
                                  "error: cannot read /no/such.arch: No such file or directory\n");
}

} // namespace
