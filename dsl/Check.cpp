#include "dsl/Check.h"

#include "dsl/CheckDefinition.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

/// Limits how deep definitions may call each other.
constexpr unsigned maxCallDepth = 64;

struct Reference {
  const Definition *definition;
  Location location;
};

/// Collects all definitions that one definition names: as heads, kinds, blocks, defaults.
class References {
public:
  References(const Program &program, const Definition &owner) : program(program), owner(owner) {
    for (const Parameter &parameter : owner.parameters)
      if (parameter.defaultValue)
        expression(*parameter.defaultValue);
    body(owner.body);
    if (owner.formula)
      visitFormula(*owner.formula, [&](const Formula &part) {
        if (part.kind == Formula::Kind::Call && !findFunction(part.text))
          word(part.text, part.location);
      });
  }
  std::vector<Reference> found;

private:
  void word(llvm::StringRef word, Location location) {
    if (owner.parameter(word) || findOperation(word))
      return;
    if (const Definition *definition = program.find(owner.location.file, word))
      found.push_back({definition, location});
  }
  void expression(const Expr &expr) {
    if (const auto *path = llvm::dyn_cast<PathExpr>(&expr); path && path->isWord())
      word(path->text(), path->location);
    if (const auto *bound = llvm::dyn_cast<BoundExpr>(&expr)) {
      expression(*bound->callee);
      arguments(bound->arguments);
    }
  }
  void arguments(llvm::ArrayRef<Argument> arguments) {
    for (const Argument &argument : arguments)
      for (const ExprPtr &value : argument.cycle)
        expression(*value);
  }
  void body(const Body &body) {
    for (const Chain &chain : body.chains)
      for (const StmtPtr &stmt : chain.statements)
        statement(*stmt);
  }
  void statement(const Stmt &stmt) {
    if (const auto *set = llvm::dyn_cast<SetStmt>(&stmt)) {
      expression(*set->value);
    } else if (const auto *stream = llvm::dyn_cast<StreamStmt>(&stmt)) {
      body(stream->body);
    } else if (const auto *call = llvm::dyn_cast<CallStmt>(&stmt)) {
      word(call->head.text, call->head.location);
      if (call->head.text != "input") // its kinds are words, even where a network is called flow
        arguments(call->arguments);
      if (call->body)
        body(*call->body);
    }
  }

  const Program &program;
  const Definition &owner;
};

/// Finds recursion. It walks all definitions along their references without recursing itself, since the text
/// may chain thousands of them.
class RecursionChecker {
public:
  RecursionChecker(const Program &program, Diagnostics &diagnostics)
      : program(program), diagnostics(diagnostics) {}

  bool run() {
    size_t before = diagnostics.count();
    for (const auto &file : program.files)
      for (const auto &definition : file->definitions)
        if (!depth.count(definition.get()))
          walk(*definition);
    return diagnostics.count() == before;
  }

private:
  struct Step {
    const Definition *definition;
    std::vector<Reference> references;
    size_t next = 0;
    unsigned depth = 0;
  };

  void walk(const Definition &root) {
    enter(root);
    while (!stack.empty() && diagnostics.count() < 10 * Diagnostics::limit) {
      Step &step = stack.back();
      if (step.next == step.references.size()) {
        leave();
        continue;
      }
      Reference reference = step.references[step.next++];
      if (auto known = depth.find(reference.definition); known != depth.end())
        step.depth = std::max(step.depth, known->second + 1);
      else if (onStack.count(reference.definition))
        circle(reference);
      else
        enter(*reference.definition);
    }
  }

  void enter(const Definition &definition) {
    stack.push_back({&definition, References(program, definition).found});
    onStack.insert(&definition);
  }

  void leave() {
    Step done = std::move(stack.back());
    stack.pop_back();
    onStack.erase(done.definition);
    depth[done.definition] = done.depth;
    if (done.depth == maxCallDepth)
      diagnostics.error(done.definition->name.location,
                        "calls lie inside each other more than " + std::to_string(maxCallDepth) + " deep");
    if (!stack.empty())
      stack.back().depth = std::max(stack.back().depth, done.depth + 1);
  }

  void circle(const Reference &reference) {
    std::string path = reference.definition->name.text;
    bool inside = false;
    for (const Step &step : stack) {
      if (inside)
        path += " -> " + step.definition->name.text;
      inside |= step.definition == reference.definition;
    }
    path += " -> " + reference.definition->name.text;
    diagnostics.error(
        reference.location,
        (toString(reference.definition->kind) + " '" + reference.definition->name.text + "' calls itself")
            .str(),
        path.size() > 120 ? "" : path);
  }

  const Program &program;
  Diagnostics &diagnostics;
  std::vector<Step> stack;
  llvm::DenseSet<const Definition *> onStack;
  llvm::DenseMap<const Definition *, unsigned> depth; // depth of calls below a definition that is done
};

/// Returns the parameters that some `set` gives a default, such as "conv.pad".
llvm::StringSet<> settingsOf(const Program &program) {
  llvm::StringSet<> settings;
  auto add = [&](const Stmt &stmt) {
    if (const auto *set = llvm::dyn_cast<SetStmt>(&stmt))
      settings.insert(set->head.text + "." + set->parameter.text);
  };
  for (const auto &file : program.files)
    for (const auto &definition : file->definitions)
      visitStatements(definition->body, add);
  return settings;
}

void checkOneNetwork(const Program &program, bool needsNetwork, Diagnostics &diagnostics) {
  const File &spec = *program.files[0];
  const Definition *first = nullptr;
  for (const auto &definition : spec.definitions) {
    if (definition->kind != Definition::Kind::Network)
      continue;
    if (first)
      diagnostics.error(definition->name.location, "a second network in one file",
                        "the first is '" + first->name.text + "' in line " +
                            std::to_string(first->name.location.line) +
                            "; `use` takes networks from other files");
    else
      first = definition.get();
  }
  if (first || !needsNetwork)
    return;
  diagnostics.error({0, 1, 1, 1}, "the file defines no network",
                    "a spec has one: network NAME { input ... }");
}

/// Reports parameters without a value. Nobody calls the network that is compiled, so that they cannot get
/// one.
void checkParametersGiven(const Definition &network, Diagnostics &diagnostics) {
  for (const Parameter &parameter : network.parameters)
    if (!parameter.defaultValue)
      diagnostics.error(
          parameter.name.location, "parameter '" + parameter.name.text + "' of the network has no value",
          "give it a default, or a value on the command line: --set " + parameter.name.text + "=...");
}

/// Returns the words that a definition's expressions and calls start with.
llvm::StringSet<> wordsOf(const Definition &definition) {
  llvm::StringSet<> words;
  auto addFirst = [&](const PathExpr &path) { words.insert(path.parts[0].text); };
  for (const Parameter &parameter : definition.parameters)
    if (parameter.defaultValue)
      visitPaths(*parameter.defaultValue, addFirst);
  visitStatements(definition.body, [&](const Stmt &stmt) {
    visitPaths(stmt, addFirst);
    if (const auto *call = llvm::dyn_cast<CallStmt>(&stmt))
      words.insert(call->head.text);
  });
  return words;
}

} // namespace

std::vector<NetworkInput> check(Program &program, bool needsNetwork, Diagnostics &diagnostics) {
  std::vector<NetworkInput> inputs;
  if (!diagnostics.any())
    checkOneNetwork(program, needsNetwork, diagnostics);
  if (program.network)
    checkParametersGiven(*program.network, diagnostics);
  program.callsEnd = RecursionChecker(program, diagnostics).run();
  if (!program.callsEnd)
    return inputs;
  llvm::StringSet<> settings = settingsOf(program);
  Values values(program);
  for (const auto &file : program.files)
    for (const auto &definition : file->definitions)
      checkDefinition(program, *definition, values, settings, inputs, program.arguments, diagnostics);
  return inputs;
}

std::vector<Name> unusedParameters(const Definition &definition) {
  llvm::StringSet<> used = wordsOf(definition);
  std::vector<Name> unused;
  for (const Parameter &parameter : definition.parameters)
    if (!used.contains(parameter.name.text))
      unused.push_back(parameter.name);
  return unused;
}

} // namespace kinema::dsl
