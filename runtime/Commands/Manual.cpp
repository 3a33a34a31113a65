#include "runtime/Commands/Manual.h"

#include "runtime/Commands/CommandLine.h"
#include "runtime/Support/Files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

namespace kinema {
namespace {

// Returns a text as roff shows it literally.
std::string literal(const std::string &text) {
  std::string escaped;
  for (char letter : text)
    if (letter == '\\')
      escaped += "\\e";
    else if (letter == '-')
      escaped += "\\-";
    else
      escaped += letter;
  std::string lines;
  for (size_t begin = 0; begin < escaped.size();) {
    const size_t end = std::min(escaped.find('\n', begin), escaped.size());
    const std::string line = escaped.substr(begin, end - begin);
    lines += (line.starts_with('.') || line.starts_with('\'') ? "\\&" : "") + line + "\n";
    begin = end + 1;
  }
  return lines;
}

std::string bold(const std::string &text) { return ".B " + literal(text); }

// Returns an option as it is written: "-o, --output TEXT", or the name of a positional one.
std::string written(const CLI::Option &option) {
  const bool takes = option.get_items_expected_max() > 0;
  std::vector<std::string> names;
  for (const std::string &name : option.get_snames())
    names.push_back("-" + name);
  for (const std::string &name : option.get_lnames())
    names.push_back("--" + name);
  if (names.empty())
    return option.get_name(true);
  return fmt::format("{}{}", fmt::join(names, ", "), takes ? " " + option.get_type_name() : "");
}

std::string optionsOf(const CLI::App &app) {
  std::string text;
  for (const CLI::Option *option : app.get_options({}))
    text += ".TP\n" + bold(written(*option)) + literal(option->get_description());
  return text;
}

std::string sectionOf(const std::string &title, const std::string &text) {
  return text.empty() ? "" : ".SH " + title + "\n" + text;
}

std::string listOf(const CLI::App &app) {
  std::string text;
  for (const CLI::App *command : commandsOf(app))
    text += ".TP\n" + bold(command->get_name()) + literal(command->get_description());
  return text;
}

// Returns the options of a command, and under a heading each those of its own commands.
std::string bodyOf(const CLI::App &app, const std::string &path) {
  std::string text = sectionOf("OPTIONS", optionsOf(app));
  for (const CLI::App *command : commandsOf(app))
    text += sectionOf("\"" + path + " " + command->get_name() + "\"",
                      literal(command->get_description()) + optionsOf(*command));
  const std::string footer = app.get_footer();
  return text + sectionOf("NOTES", footer.empty() ? "" : ".nf\n" + literal(footer) + ".fi\n");
}

std::string headOf(const std::string &page, const std::string &description, const std::string &synopsis) {
  return fmt::format(".TH {} 1 \"\" \"Kinema " KINEMA_VERSION
                     "\"\n.SH NAME\n{} \\- {}.SH SYNOPSIS\n{}.SH DESCRIPTION\n{}",
                     page, page, literal(description), bold(synopsis), literal(description));
}

void writePages(const CLI::App &program, const std::string &folder) {
  makeDirectory(folder);
  const std::filesystem::path into = folder;
  writeFile((into / (program.get_name() + ".1")).string(), manualPage(program));
  for (const CLI::App *command : commandsOf(program))
    writeFile((into / fmt::format("{}-{}.1", program.get_name(), command->get_name())).string(),
              manualPage(program, *command));
}

} // namespace

std::string manualPage(const CLI::App &program) {
  return headOf(program.get_name(), program.get_description(), program.get_name() + " COMMAND [OPTION]...") +
         sectionOf("COMMANDS", listOf(program)) + sectionOf("OPTIONS", optionsOf(program));
}

std::string manualPage(const CLI::App &program, const CLI::App &command) {
  const std::string path = program.get_name() + " " + command.get_name();
  std::string synopsis = path;
  for (const CLI::Option *option : command.get_options({}))
    if (option->get_positional())
      synopsis += " " + option->get_name(true);
  synopsis += commandsOf(command).empty() ? " [OPTION]..." : " COMMAND [OPTION]...";
  return headOf(program.get_name() + "-" + command.get_name(), command.get_description(), synopsis) +
         sectionOf("COMMANDS", listOf(command)) + bodyOf(command, path);
}

void addManual(CLI::App &app) {
  CLI::App *manual = app.add_subcommand("manual", "writes the pages of man for all commands");
  auto folder = std::make_shared<std::string>();
  manual->add_option("FOLDER", *folder, "where the pages go")->required();
  manual->callback([&app, folder] { writePages(app, *folder); });
}

} // namespace kinema
