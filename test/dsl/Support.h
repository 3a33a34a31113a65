// Helps the front end's tests.
#pragma once

#include "dsl/Load.h"
#include "dsl/Print.h"

#include <gtest/gtest.h>

namespace kinema::dsl {

/// Returns everything that is reported about a spec called net.arch.
inline std::string saidOf(const std::string &text, const LoadOptions &options = {}) {
  Program program;
  Diagnostics diagnostics(program.sources);
  bool good = loadText("net.arch", text, options, program, diagnostics);
  EXPECT_EQ(good, !diagnostics.any());
  EXPECT_EQ(good, program.network != nullptr);
  return diagnostics.render();
}

/// Returns what is reported about a spec that is wrong; an empty string if it is right.
inline std::string errorsOf(const std::string &text, const LoadOptions &options = {}) {
  std::string said = saidOf(text, options);
  return llvm::StringRef(said).contains("error: ") ? said : "";
}

/// Returns the errors' first lines, each without "net.arch:".
inline std::vector<std::string> messagesOf(const std::string &text, const LoadOptions &options = {}) {
  std::vector<std::string> messages;
  llvm::SmallVector<llvm::StringRef> lines;
  std::string errors = errorsOf(text, options);
  llvm::StringRef(errors).split(lines, '\n');
  for (llvm::StringRef line : lines)
    if (line.contains(": error: ") || line.starts_with("error: "))
      messages.push_back((line.starts_with("net.arch:") ? line.drop_front(9) : line).str());
  return messages;
}

/// Returns a network around some lines, the first of which is line 3.
inline std::string network(const std::string &lines) {
  return "network net classes=400 {\n  input rgb 3x16x112x112\n" + lines + "\n}\n";
}

} // namespace kinema::dsl
