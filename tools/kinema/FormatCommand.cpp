// Implements `kinema format`: the text of specs in the house style.
#include "dsl/Format.h"
#include "dsl/Load.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Exit.h"

#include <cstdio>
#include <iostream>
#include <iterator>

namespace kinema {

namespace {
struct FormatOptions {
  std::vector<std::string> specs; // "-" is the standard input
  bool check = false;
  bool inPlace = false;
};

/// A Formatted is a spec's text before and after; there is none after where it has errors, which were
/// printed.
struct Formatted {
  std::string before;
  std::optional<std::string> after;
};

std::string textOf(const std::string &spec) {
  if (spec == "-")
    return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  auto text = dsl::readSpec(spec);
  if (!text)
    refuse("{}", llvm::toString(text.takeError()));
  return std::move(*text);
}

Formatted formatted(const std::string &spec) {
  Formatted result{textOf(spec), {}};
  dsl::Sources sources;
  dsl::Diagnostics diagnostics(sources);
  const uint32_t id = sources.add(spec == "-" ? "stdin" : spec, result.before);
  result.after = dsl::format(sources, id, diagnostics);
  fmt::print(stderr, "{}", diagnostics.render());
  return result;
}

void format(const FormatOptions &options) {
  bool failed = false, differs = false;
  for (const std::string &spec : options.specs) {
    if (options.inPlace && spec == "-")
      refuse("--in-place writes files, and - is the standard input: leave one of them out");
    const Formatted text = formatted(spec);
    failed |= !text.after;
    if (!text.after)
      continue;
    const bool isChanged = *text.after != text.before;
    differs |= isChanged;
    if (isChanged && options.inPlace)
      writeFile(spec, *text.after);
    else if (isChanged && options.check)
      fmt::print("{} is not in the house style: `kinema format --in-place` changes it\n", spec);
    else if (!options.inPlace && !options.check)
      fmt::print("{}", *text.after);
  }
  if (std::fflush(stdout) != 0)
    refuse("cannot write to the standard output");
  if (failed)
    throw Exit{Error::argumentsWrong};
  if (differs && options.check)
    throw Exit{Error::workFailed};
}
} // namespace

void addFormat(CLI::App &app) {
  auto options = std::make_shared<FormatOptions>();
  CLI::App *command = app.add_subcommand(
      "format", "write specs in the house style: lines, comments and what is meant stay as they are");
  command->add_option("SPEC", options->specs, "specs, .arch files; - is the standard input")->required();
  CLI::Option *check = command->add_flag(
      "--check", options->check,
      "name the specs that would change, and change none; the exit status is 1 if there are any");
  command->add_flag("-i,--in-place", options->inPlace, "write the files in place of the standard output")
      ->excludes(check);
  command->callback([options] { format(*options); });
}

} // namespace kinema
