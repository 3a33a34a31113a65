#include "tools/kinema/Editor/Hover.h"

#include "dsl/Print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace llvm;

namespace kinema::editor {

std::string shapeOf(ArrayRef<int64_t> shape) { return inspect::shapeText(shape); }

std::string signatureOf(const dsl::CalleeParameter &parameter) {
  std::string text = parameter.name.str();
  if (parameter.type != dsl::Type::Int)
    text += ":" + dsl::toString(parameter.type).str();
  if (parameter.defaultValue)
    text += "=" + dsl::print(*parameter.defaultValue);
  return text;
}

std::string signatureOf(const dsl::Callee &callee) {
  std::string text = callee.operation ? "operation" : dsl::toString(callee.definition->kind).str();
  text += " " + callee.name().str();
  if (callee.isAct())
    for (const dsl::Name &operand : callee.definition->operands)
      text += " " + operand.text;
  for (const dsl::CalleeParameter &parameter : callee.parameters())
    text += " " + signatureOf(parameter);
  return text;
}

std::string commentOf(const dsl::Definition &definition, const dsl::Sources &sources) {
  std::vector<std::string> lines;
  for (uint32_t line = definition.location.line - 1; line > 0; --line) {
    StringRef text = sources.line(definition.location.file, line).trim();
    if (!text.consume_front("#"))
      break;
    lines.insert(lines.begin(), text.trim().str());
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

static std::string code(const std::string &text) { return "```kinema\n" + text + "\n```\n"; }

/// Says what a statement does to the value that it takes, in one line.
static std::string describe(const Effect &effect) {
  std::vector<std::string> facts;
  std::string shapes =
      effect.before.empty() ? shapeOf(effect.after) : shapeOf(effect.before) + " → " + shapeOf(effect.after);
  facts.push_back("`" + shapes + "`" + (effect.varies ? " the first time" : ""));
  if (effect.cost) {
    const inspect::Cost &cost = *effect.cost;
    if (!cost.mids.empty())
      facts.push_back(fmt::format("M_i = {}", fmt::join(cost.mids, ", ")));
    if (cost.parameters > 0)
      facts.push_back(inspect::grouped(cost.parameters) + " parameters");
    if (cost.macs > 0)
      facts.push_back(inspect::grouped(cost.macs) + " multiply-adds a clip");
    if (cost.activationBytes > 0)
      facts.push_back(inspect::grouped(cost.activationBytes) + " bytes of activations a clip");
  }
  if (effect.steps > 1)
    facts.push_back(fmt::format("called {} times", effect.steps));
  return fmt::format("{}\n", fmt::join(facts, " · "));
}

static std::string describe(const RecipeField &field) {
  std::string text =
      code(fmt::format("{}.{}", field.section, field.name)) + std::string(field.meaning) + "\n";
  if (!field.words.empty())
    text += fmt::format("\nOne of {}.\n", fmt::join(field.words, ", "));
  return text;
}

static std::string describe(const dsl::Symbol &symbol, const Analysis &analysis) {
  using Kind = dsl::Symbol::Kind;
  switch (symbol.kind) {
  case Kind::File:
    return code("use " + symbol.name) + analysis.sources().path(symbol.declaration.file).str() + "\n";
  case Kind::Operation:
    return code(signatureOf(symbol.callee));
  case Kind::Definition:
    return code(signatureOf(symbol.callee)) + commentOf(*symbol.callee.definition, analysis.sources()) + "\n";
  case Kind::Parameter: {
    std::optional<dsl::CalleeParameter> parameter = symbol.callee.parameter(symbol.name);
    std::string text = parameter ? signatureOf(*parameter) : symbol.name; // an operand of an act
    text = code(text) + "of " + symbol.callee.describe() + "\n";
    if (parameter && !parameter->words.empty())
      text += fmt::format("\nOne of {}.\n", fmt::join(parameter->words, ", "));
    return text;
  }
  case Kind::Setting:
  case Kind::StatementWord:
    return describe(*symbol.setting);
  case Kind::Function:
    return code("function " + symbol.name);
  case Kind::Let:
    return code("let " + analysis.sources().statementAt(symbol.declaration).str());
  case Kind::Value:
    return "";
  }
  llvm_unreachable("no kind of symbol");
}

std::string hoverAt(const Analysis &analysis, dsl::Location place) {
  std::string text;
  const dsl::Occurrence *occurrence = analysis.occurrenceAt(place);
  if (occurrence)
    text = describe(occurrence->symbol, analysis);
  const dsl::Stmt *statement = analysis.statementAt(place);
  if (const Effect *effect = statement ? analysis.effectOf(*statement) : nullptr)
    text += (text.empty() ? "" : "\n") + describe(*effect);
  const bool isNetwork = occurrence && occurrence->symbol.kind == dsl::Symbol::Kind::Definition &&
                         occurrence->symbol.callee.definition == analysis.program().network;
  if (isNetwork && analysis.table())
    text +=
        fmt::format("\n{} parameters · {} multiply-adds a clip\n",
                    inspect::grouped(analysis.table()->parameters), inspect::grouped(analysis.table()->macs));
  return text;
}

} // namespace kinema::editor
