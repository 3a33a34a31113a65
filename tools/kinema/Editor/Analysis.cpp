#include "tools/kinema/Editor/Analysis.h"

using namespace llvm;

namespace kinema::editor {

Analysis::Analysis(StringRef path, std::string text, const Surroundings &surroundings) {
  dsl::LoadOptions options;
  options.libraryPaths = surroundings.libraryPaths;
  options.textOf = surroundings.textOf;
  options.needsNetwork = false;
  dsl::loadText(path, std::move(text), options, spec.program, spec.diagnostics);
  dsl::Diagnostics reportedBefore(sources());
  allTokens = dsl::lex(sources(), 0, reportedBefore);
  found = dsl::occurrencesIn(program(), 0);
  if (program().network)
    expand();
}

void Analysis::expand() {
  // A context keeps whatever was made in it, so that each text has one of its own.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    addModuleDiagnostic(diagnostic, spec);
    return mlir::success();
  });
  Trace trace;
  FrontendOptions options;
  options.batch = 1;
  options.trace = &trace;
  mlir::OwningOpRef<mlir::ModuleOp> module = expandLoaded(context, options, spec);
  if (module)
    if (auto table = inspect::describeNetwork(*module); succeeded(table))
      layers = std::move(*table);
  addEffects(trace, layers ? *module : mlir::ModuleOp());
}

void Analysis::addEffects(ArrayRef<Step> trace, mlir::ModuleOp module) {
  std::optional<inspect::Costs> costs;
  if (module)
    costs.emplace(module, *layers);
  for (const Step &step : trace) {
    if (step.statement->location.file != 0)
      continue;
    Effect &effect = allEffects[step.statement];
    if (effect.steps++ > 0) {
      effect.varies |= effect.after != step.after;
      continue;
    }
    effect.before = step.before;
    effect.after = step.after;
    if (costs)
      effect.cost = costs->of(step.operations);
  }
}

bool Analysis::uses(StringRef path) const {
  const std::optional<uint32_t> file = sources().find(path);
  return file && *file != 0;
}

const dsl::Occurrence *Analysis::occurrenceAt(dsl::Location place) const {
  const dsl::Occurrence *at = nullptr;
  for (const dsl::Occurrence &occurrence : found) {
    const dsl::Location &word = occurrence.location;
    if (word.line == place.line && word.column <= place.column && place.column <= word.column + word.length)
      if (!at || at->location.column < word.column)
        at = &occurrence;
  }
  return at;
}

const dsl::Stmt *Analysis::statementAt(dsl::Location place) const {
  const dsl::Stmt *innermost = nullptr;
  auto look = [&](const dsl::Stmt &statement) {
    const Extent extent = extentOf(statement);
    dsl::Location end = extent.last;
    end.column += end.length;
    const auto isBefore = [](const dsl::Location &a, const dsl::Location &b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    };
    if (!isBefore(place, extent.first) && !isBefore(end, place))
      innermost = &statement;
  };
  for (const auto &definition : file().definitions)
    dsl::visitStatements(definition->body, look);
  return innermost;
}

Extent Analysis::extentOf(const dsl::Stmt &statement) const {
  using Kind = dsl::Token::Kind;
  auto token =
      llvm::lower_bound(allTokens, statement.location, [](const dsl::Token &token, dsl::Location at) {
        return std::tie(token.location.line, token.location.column) < std::tie(at.line, at.column);
      });
  Extent extent{statement.location, statement.location};
  int braces = 0, brackets = 0;
  for (; token != allTokens.end() && !token->is(Kind::End); ++token) {
    const bool ends = token->is(Kind::Arrow) || token->is(Kind::Newline) || token->isMark('}');
    if (ends && braces == 0 && brackets == 0)
      break;
    braces += token->isMark('{') - token->isMark('}');
    brackets += token->isMark('(') + token->isMark('[') - token->isMark(')') - token->isMark(']');
    if (!token->is(Kind::Newline))
      extent.last = token->location;
  }
  return extent;
}

const Effect *Analysis::effectOf(const dsl::Stmt &statement) const {
  const auto found = allEffects.find(&statement);
  return found == allEffects.end() ? nullptr : &found->second;
}

} // namespace kinema::editor
