// docs/language.md says what the compiler does.
#include "Support.h"

#include "dsl/Callee.h"

#include <fstream>
#include <sstream>

using namespace kinema::dsl;

namespace {

std::string reference() {
  std::ifstream file(std::string(KINEMA_SOURCE_DIR) + "/docs/language.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> blocksOf(const std::string &text, const std::string &language) {
  std::vector<std::string> blocks;
  std::string fence = "\n```" + language + "\n";
  for (size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    blocks.push_back(text.substr(at, text.find("\n```\n", at) + 1 - at));
  }
  return blocks;
}

TEST(Docs, EveryOperationIsInTheTable) {
  std::string text = reference();
  for (const Operation &operation : operations()) {
    std::string signature = "`" + operation.name.str();
    for (const OperationParameter &parameter : operation.parameters)
      signature += " " + parameter.name.str() +
                   (parameter.defaultText.empty() ? "" : "=" + parameter.defaultText.str());
    EXPECT_NE(text.find(signature + "`"), std::string::npos) << signature;
  }
}

TEST(Docs, EveryDefinitionOfThePreludeIsInTheTable) {
  std::string text = reference();
  Program program;
  Diagnostics diagnostics(program.sources);
  ASSERT_TRUE(loadText("net.arch", network("  relu"), {}, program, diagnostics));
  for (const auto &definition : program.files.back()->definitions) {
    std::string header = print(*definition);
    header = header.substr(0, header.find(" {"));
    header = header.substr(0, header.find(" mid=")); // a formula
    std::erase(header, '\n');
    if (size_t at = header.find("ch / 4"); at != std::string::npos)
      header.replace(at, 6, "ch/4");
    EXPECT_NE(text.find("`" + header), std::string::npos) << header;
  }
}

TEST(Docs, TheExamplesAreRight) {
  auto blocks = blocksOf(reference(), "arch");
  ASSERT_EQ(blocks.size(), 7u);
  for (const std::string &block : blocks)
    EXPECT_EQ(errorsOf(block), "") << block;
}

TEST(Docs, TheRecipeThatIsWrittenOutIsTheDefault) {
  std::string example = blocksOf(reference(), "arch").back();
  Program written, left;
  Diagnostics writtenErrors(written.sources), leftErrors(left.sources);
  ASSERT_TRUE(loadText("net.arch", example, {}, written, writtenErrors));
  ASSERT_TRUE(loadText("net.arch", example.substr(0, example.find("data {")), {}, left, leftErrors));
  EXPECT_TRUE(written.recipe.data == left.recipe.data);
  EXPECT_TRUE(written.recipe.train == left.recipe.train);
  EXPECT_TRUE(written.recipe.eval == left.recipe.eval);
}

TEST(Docs, TheErrorsAreThese) {
  std::string errors;
  for (const std::string &block : blocksOf(reference(), "text"))
    if (block.starts_with("net.arch:"))
      errors = block;
  EXPECT_EQ(errorsOf("network net {\n  input rgb 3x16x112x112\n  relu\n  relu\n"
                     "  stage conv(2+1)d t=3 d=3 chan=128 x4 stride=2\n"
                     "  stage conv(2+1)d t=3 d=3 ch=128x4 stride=2\n"
                     "  stage conv(2+1)D t=3 d=3 ch=128 x4\n}\n"),
            errors);
}

} // namespace
