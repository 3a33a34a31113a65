// kinema compile: a spec becomes a package, or shows itself in any phase on the way.
#include "runtime/Error.h"
#include "runtime/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/SpecOptions.h"

#include "dsl/Print.h"

#include <cstdio>

namespace kinema {

namespace {
struct Options {
  SpecOptions spec;
  TargetChoice target;
  std::string output, mode = "train", emit = "package", from, dump, fuse = "all";
  bool locations = false;
  bool keepGradients = false;
};

std::vector<std::string> phaseNames() {
  std::vector<std::string> names;
  for (const PhaseInfo &phase : phases())
    names.push_back(phase.name.str());
  return names;
}

void compile(const Options &options) {
  CompileOptions compile;
  compile.train = options.mode == "train";
  compile.keepGradients = options.keepGradients;
  applyTarget(options.target, compile);
  compile.dumpDirectory = options.dump;
  compile.fuse = options.fuse == "all"        ? FuseLevel::All
                 : options.fuse == "epilogue" ? FuseLevel::Epilogue
                                              : FuseLevel::None;
  Phase wanted = *phaseNamed(options.emit);
  if (wanted == Phase::Package && options.output.empty())
    refuse("compile: where should the package go? add -o FILE, or --emit PHASE to look at the network on its "
           "way");
  Phase stop = wanted == Phase::Package ? Phase::Planned : wanted;
  Compilation compilation(compile, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  if (options.from.empty()) {
    require(compilation.fromSpec(options.spec.spec, stop));
  } else {
    Phase from = *phaseNamed(options.from);
    if (from == Phase::Ast || from > stop || from >= wanted)
      refuse("compile: --from {} does not lead to {}", options.from, options.emit);
    const SpecOptions &spec = options.spec;
    if (spec.batch || spec.frames || spec.classes || !spec.size.empty() || !spec.settings.empty())
      refuse("compile: --batch, --frames, --size, --classes and --set change a spec; with --from, change the "
             "module's text");
    require(compilation.fromModule(options.spec.spec, from, stop));
  }
  if (wanted == Phase::Package) {
    PackageWriter package;
    require(compilation.addTo(package));
    return package.write(options.output);
  }
  std::string text = wanted == Phase::Ast ? dsl::print(*compilation.program().files.front())
                                          : printed(compilation.module(), options.locations);
  if (options.output.empty())
    std::fwrite(text.data(), 1, text.size(), stdout);
  else
    writeFile(options.output, text);
}
} // namespace

void addCompile(CLI::App &app) {
  auto options = std::make_shared<Options>();
  CLI::App *command =
      app.add_subcommand("compile", "make a package of a spec, or show it in a phase on the way");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  command->add_option("-o,--output", options->output, "the package, or the text of the phase");
  addTarget(*command, options->target);
  command->add_flag("--emulator", options->target.emulator,
                    "with code for --device emulator, which runs a GPU's kernels on the CPU and checks them");
  command->add_option("--mode", options->mode, "train (which can infer too) or infer")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  command->add_option("--emit", options->emit, "stop at a phase and show it")
      ->check(CLI::IsMember(phaseNames()))
      ->capture_default_str();
  command->add_option("--from", options->from, "SPEC is a module in this phase")
      ->check(CLI::IsMember(phaseNames()));
  command->add_flag(
      "--locations", options->locations,
      "with --emit: each operation's layer and place in the spec, as --from needs them to name layers");
  command->add_option("--dump-phases", options->dump, "a folder for the module in each phase");
  command->add_option("--fuse", options->fuse, "what rides with what")
      ->check(CLI::IsMember({"none", "epilogue", "all"}))
      ->capture_default_str();
  command->add_flag("--keep-gradients", options->keepGradients, "the training step gives the gradients too");
  command->callback([options] { compile(*options); });
}

} // namespace kinema
