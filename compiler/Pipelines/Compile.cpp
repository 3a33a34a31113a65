#include "compiler/Pipelines/Compile.h"

#include "compiler/Expand/SourceLocations.h"
#include "compiler/Pipelines/Register.h"
#include "compiler/Transforms/ClipFunctions.h"
#include "dialects/Clip/Attributes.h"
#include "dsl/Print.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace kinema;

/// Returns "file:line:column: ", or an empty string where the place is not known.
static std::string place(Location location) {
  std::string text;
  location->walk([&](Location part) {
    auto file = dyn_cast<FileLineColLoc>(part);
    if (!file)
      return WalkResult::advance();
    llvm::raw_string_ostream(text) << file.getFilename().getValue() << ":" << file.getLine() << ":"
                                   << file.getColumn() << ": ";
    return WalkResult::interrupt();
  });
  return text;
}

Compilation::Compilation(const CompileOptions &options, const FrontendOptions &frontend, int threads,
                         llvm::raw_ostream &errors)
    : options(options), frontend(frontend), errors(errors),
      context(std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED)) {
  DialectRegistry registry;
  registerAllKinema(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  context->enableMultithreading(threads != 1);
  context->printOpOnDiagnostic(false); // a warning about the module would print the whole module
  context->getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    if (spec && sourceLocation(diagnostic.getLocation(), spec->program.sources).known()) {
      dsl::Diagnostics one(spec->program.sources);
      addDiagnostic(diagnostic, spec->program.sources, one);
      this->errors << one.render();
      return success();
    }
    bool error = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    if (error || diagnostic.getSeverity() == DiagnosticSeverity::Warning)
      this->errors << place(diagnostic.getLocation()) << (error ? "error: " : "warning: ") << diagnostic.str()
                   << "\n";
    return success();
  });
}

Compilation::~Compilation() = default;

Outcome Compilation::advanceTo(Phase stop) {
  Phase from = reached;
  reached = stop;
  return advance(*current, from, stop, options);
}

/// Returns whether the file is a module rather than a spec: by its name, or because its first word is
/// `module`. A module's aliases stand before that word and begin with `#`, as a spec's comments do.
static bool isModule(StringRef path) {
  if (!llvm::sys::fs::is_regular_file(path))
    return false;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer || path.ends_with(".mlir"))
    return bool(buffer);
  for (StringRef rest = (*buffer)->getBuffer(); !rest.empty();) {
    auto [line, more] = rest.split('\n');
    line = line.trim();
    if (!line.empty() && !line.starts_with("#") && !line.starts_with("//"))
      return line.split(' ').first == "module";
    rest = more;
  }
  return false;
}

Outcome Compilation::fromSpec(StringRef path, Phase stop) {
  if (isModule(path)) {
    errors << path << ": error: this is a module, not a spec: make a package of it, with kinema compile "
           << path << " --from PHASE -o NAME.kinema, which the commands that run networks take\n";
    return Outcome::SpecWrong;
  }
  spec = std::make_unique<Spec>();
  current = loadAndExpand(*context, path, frontend, std::min(stop, Phase::Clip), *spec);
  errors << spec->diagnostics.render();
  if (spec->diagnostics.any() || (stop != Phase::Ast && !current))
    return Outcome::SpecWrong;
  specText = spec->program.sources.text(0).str();
  if (failed(dumpSource()))
    return Outcome::Failed;
  if (stop < Phase::Clip)
    return Outcome::Done;
  noteDigest(*current);
  noteTraining(*current, options);
  reached = Phase::Clip;
  return stop == Phase::Clip ? Outcome::Done : proceedTo(stop);
}

dsl::Location Compilation::placeOf(Operation &op) const {
  return sourceLocation(op.getLoc(), spec->program.sources);
}

Outcome Compilation::proceedTo(Phase stop) { return advanceTo(stop); }

/// Dumps the spec, in phase `ast`: the phases after it lead from module to module and are dumped by
/// `advance`.
LogicalResult Compilation::dumpSource() {
  return dumpPhase(UnknownLoc::get(context.get()), Phase::Ast, options.dumpDirectory,
                   [&] { return dsl::print(*spec->program.files.front()); });
}

Outcome Compilation::fromModule(StringRef path, Phase phase, Phase stop) {
  current = parseSourceFile<ModuleOp>(path, ParserConfig(context.get()));
  if (!current)
    return Outcome::SpecWrong;
  if (auto found = phaseOf(*current); found != phase) {
    auto error = current->emitError("the module is in ");
    if (found)
      error << "phase " << info(*found).name << ", not in phase " << info(phase).name << ": say --from "
            << info(*found).name;
    else
      error << "no phase: it has neither functions nor kernels";
    return Outcome::SpecWrong;
  }
  if (failed(verifyDescription(*current)))
    return Outcome::SpecWrong;
  if (phase == Phase::Clip)
    noteTraining(*current, options);
  for (auto function : current->getOps<func::FuncOp>())
    if (failed(verifyNames(function)))
      return Outcome::SpecWrong;
  if (!options.target) {
    auto target = targetOf(*current);
    if (failed(target))
      return Outcome::SpecWrong;
    options.target = *target;
  }
  reached = phase;
  return advanceTo(stop);
}

Outcome Compilation::addTo(PackageWriter &package, const CompileOptions &forTarget) {
  if (reached < Phase::Step)
    if (Outcome outcome = advanceTo(Phase::Step); outcome != Outcome::Done)
      return outcome;
  const Target &target = forTarget.target ? *forTarget.target : *options.target;
  OwningOpRef<ModuleOp> copy = reached == Phase::Step ? current->clone() : ModuleOp();
  ModuleOp module = copy ? *copy : *current;
  if (reached < Phase::Target) {
    CompileOptions onwards = forTarget;
    onwards.target = &target;
    if (Outcome outcome = advance(module, reached, Phase::Target, onwards); outcome != Outcome::Done)
      return outcome;
  }
  auto code = target.makeCode(module, forTarget.targetOptions);
  if (failed(code) || failed(addToPackage(package, module, target, std::move(*code), specText)))
    return Outcome::Failed;
  return Outcome::Done;
}
