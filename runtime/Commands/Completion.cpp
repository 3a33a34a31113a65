#include "runtime/Commands/Completion.h"

#include "runtime/Commands/CommandLine.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace kinema {
namespace {

// Calls visit(command, path) for the program and all of its commands; a path is "kinema data check".
template <typename Visit> void visitCommands(const CLI::App &app, const std::string &path, Visit &&visit) {
  visit(app, path);
  for (const CLI::App *command : commandsOf(app))
    visitCommands(*command, path + " " + command->get_name(), visit);
}

// Returns the paths of all commands, each in quotes.
std::vector<std::string> pathsOf(const CLI::App &program) {
  std::vector<std::string> paths;
  visitCommands(program, program.get_name(), [&](const CLI::App &app, const std::string &path) {
    if (&app != &program)
      paths.push_back(fmt::format("'{}'", path));
  });
  return paths;
}

// Returns the words that may follow the program, or one of its commands.
std::string wordsOf(const CLI::App &app) {
  std::vector<std::string> words;
  for (const CLI::App *command : commandsOf(app))
    words.push_back(command->get_name());
  for (const CLI::Option *option : app.get_options({}))
    for (const std::string &name : option->get_lnames())
      words.push_back("--" + name);
  return fmt::format("{}", fmt::join(words, " "));
}

// Returns a case for each command, for bash and zsh.
std::string casesOf(const CLI::App &program) {
  std::string cases;
  visitCommands(program, program.get_name(), [&](const CLI::App &app, const std::string &path) {
    cases += fmt::format("  '{}') choices='{}' commands={} ;;\n", path, wordsOf(app), commandsOf(app).size());
  });
  return cases;
}

std::string functionOf(const CLI::App &program) {
  std::string function = "_" + program.get_name();
  std::ranges::replace(function, '-', '_');
  return function;
}

std::string bashScript(const CLI::App &program) {
  return fmt::format(
      R"(# Completes the commands and options of {name} in bash, and files elsewhere.
{function}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command={name} choices= commands=0 i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$command ${{COMP_WORDS[i]}}" in
    {paths}) command="$command ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case $command in
{cases}  esac
  if [[ $word == -* || $commands -gt 0 ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -F {function} {name}
)",
      fmt::arg("name", program.get_name()), fmt::arg("function", functionOf(program)),
      fmt::arg("paths", fmt::join(pathsOf(program), " | ")), fmt::arg("cases", casesOf(program)));
}

// The file is read either as the function itself, when a word is completed, or by `source`.
std::string zshScript(const CLI::App &program) {
  return fmt::format(
      R"(#compdef {name}
# Completes the commands and options of {name} in zsh, and files elsewhere.
{function}() {{
  local command={name} choices= commands=0 i
  for ((i = 2; i < CURRENT; ++i)); do
    case "$command ${{words[i]}}" in
    ({paths}) command="$command ${{words[i]}}" ;;
    esac
  done
  case $command in
{cases}  esac
  if [[ ${{words[CURRENT]}} == -* || $commands -gt 0 ]]; then
    compadd -- ${{=choices}}
  else
    _files
  fi
}}
if [[ ${{funcstack[1]-}} == _{name} ]]; then
  {function} "$@"
else
  compdef {function} {name}
fi
)",
      fmt::arg("name", program.get_name()), fmt::arg("function", functionOf(program)),
      fmt::arg("paths", fmt::join(pathsOf(program), " | ")), fmt::arg("cases", casesOf(program)));
}

// Returns a text in the quotes of fish.
std::string quoted(const std::string &text) {
  std::string escaped;
  for (char letter : text) {
    if (letter == '\'' || letter == '\\')
      escaped += '\\';
    escaped += letter;
  }
  return "'" + escaped + "'";
}

// Returns a line for each command and option that may follow a path.
std::string fishLines(const CLI::App &program, const std::string &function) {
  std::string lines;
  visitCommands(program, program.get_name(), [&](const CLI::App &app, const std::string &path) {
    const std::string when =
        fmt::format("complete -c {} -n \"test ({}) = '{}'\"", program.get_name(), function, path);
    for (const CLI::App *command : commandsOf(app))
      lines +=
          fmt::format("{} -f -a {} -d {}\n", when, command->get_name(), quoted(command->get_description()));
    for (const CLI::Option *option : app.get_options({}))
      for (const std::string &name : option->get_lnames())
        lines +=
            fmt::format("{} -l {}{} -d {}\n", when, name, option->get_items_expected_max() > 0 ? " -r" : "",
                        quoted(option->get_description()));
  });
  return lines;
}

std::string fishScript(const CLI::App &program) {
  const std::string function = "_" + functionOf(program);
  return fmt::format(
      R"(# Completes the commands and options of {name} in fish, and files elsewhere.
function {function}
  set -l command {name}
  for word in (commandline -opc)[2..-1]
    switch "$command $word"
      case {paths}
        set command "$command $word"
    end
  end
  echo $command
end
{lines})",
      fmt::arg("name", program.get_name()), fmt::arg("function", function),
      fmt::arg("paths", fmt::join(pathsOf(program), " ")), fmt::arg("lines", fishLines(program, function)));
}

} // namespace

void addCompletion(CLI::App &app) {
  CLI::App *command =
      app.add_subcommand("completion", "a script that has a shell complete commands and options");
  auto shell = std::make_shared<std::string>("bash");
  command->add_option("SHELL", *shell, "bash, zsh or fish (default: bash)")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell] {
    fmt::print("{}", *shell == "bash" ? bashScript(app) : *shell == "zsh" ? zshScript(app) : fishScript(app));
  });
}

} // namespace kinema
