// Implements `kinema explore`: one page on which a network is looked at in all phases, its launches and its
// memory.
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Explorer.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>

#include <filesystem>

namespace kinema {

namespace {
struct ExploreOptions {
  SpecOptions spec;
  TargetChoice choice;
  std::vector<std::string> targets = {"cpu"};
  std::string against;                      // another spec; empty: none, or the same with other settings
  std::vector<std::string> againstSettings; // of that one alone
  std::string output;
  bool json = false;

  bool compares() const { return !against.empty() || !againstSettings.empty(); }
};

/// Follows a spec to the code of each target.
void addSides(const SpecOptions &spec, const ExploreOptions &options, std::vector<ExploredSide> &sides) {
  Compilation compilation({}, frontendOptions(spec), spec.threads, llvm::errs());
  require(compilation.fromSpec(spec.spec, Phase::Clip));
  for (const CompileOptions &target : optionsOf(options.choice, chosenTargets(options.targets), {})) {
    sayCompiling(spec.spec, target.target);
    ExploredSide &side = sides.emplace_back(explore(compilation, target, !options.json));
    side.spec = spec.spec;
    side.settings = spec.settings;
  }
}

void explore(const ExploreOptions &options) {
  const size_t targets = chosenTargets(options.targets).size();
  if (targets > 2 || (targets == 2 && options.compares()))
    refuse("explore: a page shows two networks on one target or one network on two; {} targets{} are more",
           targets, options.compares() ? " of two networks" : "");
  for (const std::string &spec : {options.spec.spec, options.against})
    if (isPackage(spec))
      refuse("explore: {} is compiled, and has no phases before its code: name its spec", spec);
  const std::string output = options.output.empty()
                                 ? std::filesystem::path(options.spec.spec).stem().string() + ".html"
                                 : options.output;
  if (!options.json)
    checkWritable(output);
  std::vector<ExploredSide> sides;
  addSides(options.spec, options, sides);
  if (options.compares()) {
    SpecOptions other = options.spec;
    if (!options.against.empty())
      other.spec = options.against;
    other.settings.insert(other.settings.end(), options.againstSettings.begin(),
                          options.againstSettings.end());
    addSides(other, options, sides);
  }
  if (options.json) {
    fmt::print("{}\n", explorerFacts(sides).dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  writeFile(output, explorerPage(sides));
  fmt::print("the page is {}\n", output);
}
} // namespace

void addExplore(CLI::App &app) {
  auto options = std::make_shared<ExploreOptions>();
  CLI::App *command = app.add_subcommand(
      "explore",
      "make one page on which a spec is looked at from its text to its machine code: its launches by "
      "time, its memory, its phases side by side, and what two specs or targets differ in");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  addTargets(*command, options->targets)->capture_default_str();
  addCode(*command, options->choice);
  addSchedules(*command, options->choice);
  auto *output = command->add_option("-o,--output", options->output,
                                     "the page (default: the spec's name with .html, in this folder)");
  command->add_option("--against", options->against, "another spec, which the page compares with the first");
  addRepeated(
      *command, "--set-against", options->againstSettings,
      "a setting of the second spec alone, which is the first again without --against; may be repeated");
  command
      ->add_flag("--json", options->json,
                 "print the page's facts as JSON, without the phases' texts and code")
      ->excludes(output);
  command->callback([options] { explore(*options); });
}

} // namespace kinema
