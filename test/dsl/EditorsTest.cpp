// The words that editors highlight are those of the language.
#include "dsl/Formula.h"
#include "dsl/Operations.h"
#include "dsl/ParseExpression.h"
#include "dsl/Parser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

using namespace kinema::dsl;

namespace {

using Words = std::vector<llvm::StringRef>;

/// Returns a file of editors/ with one blank for each gap, be it a line's end.
std::string textOf(const std::string &name) {
  std::ifstream file(std::string(KINEMA_SOURCE_DIR) + "/editors/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return std::regex_replace(text.str(), std::regex("\\s+(\\\\ )?"), " ");
}

Words operationNames() {
  Words names;
  for (const Operation &operation : operations())
    names.push_back(operation.name);
  return names;
}

Words functionNames() {
  Words names;
  for (const Function &function : functions())
    names.push_back(function.name);
  return names;
}

/// Returns the words that cannot be names and start nothing.
Words constants() {
  Words words;
  for (llvm::StringRef word : keywords())
    if (!llvm::is_contained(partWords(), word) && !llvm::is_contained(statementWords(), word))
      words.push_back(word);
  return words;
}

struct Group {
  const char *name;
  Words words;
};

std::vector<Group> groups() {
  return {{"Part", partWords()},           {"Statement", statementWords()}, {"Constant", constants()},
          {"Operation", operationNames()}, {"Type", parameterTypes()},      {"Function", functionNames()},
          {"Option", callOptionNames()}};
}

void expectIn(const std::string &text, const std::string &list) {
  EXPECT_NE(text.find(list), std::string::npos) << "there should be: " << list;
}

TEST(Editors, VisualStudioCodeHasTheWords) {
  const std::string text = textOf("vscode/syntaxes/arch.tmLanguage.json");
  for (const Group &group : groups())
    expectIn(text, "(" + llvm::join(group.words, "|") + ")");
}

TEST(Editors, VimHasTheWords) {
  const std::string text = textOf("vim/syntax/kinema.vim");
  for (const Group &group : groups()) {
    const std::string name = std::string(" kinema") + group.name + " ";
    if (text.find("syntax keyword" + name) != std::string::npos)
      expectIn(text, "syntax keyword" + name + llvm::join(group.words, " ") + " syntax ");
    else
      expectIn(text, "\\%(" + llvm::join(group.words, "\\|") + "\\)");
  }
}

TEST(Editors, EmacsHasTheWords) {
  const std::string text = textOf("emacs/kinema-mode.el");
  for (const Group &group : groups())
    expectIn(text, "(defconst kinema-" + llvm::StringRef(group.name).lower() + "s '(\"" +
                       llvm::join(group.words, "\" \"") + "\"))");
}

} // namespace
