#include "tools/kinema/Editor/Rename.h"

#include "dsl/Parser.h"
#include "tools/kinema/Editor/Positions.h"

#include <map>

using namespace llvm;

namespace kinema::editor {

/// Makes an error that a client shows as it is.
static Error refusal(const Twine &message) {
  return make_error<lsp::LSPError>(message.str(), lsp::ErrorCode::RequestFailed);
}

Expected<dsl::Occurrence> renamableAt(const Analysis &analysis, dsl::Location place) {
  using Kind = dsl::Symbol::Kind;
  const dsl::Occurrence *occurrence = analysis.occurrenceAt(place);
  if (!occurrence)
    return refusal("there is no name here that is known");
  const dsl::Symbol &symbol = occurrence->symbol;
  const std::string name = "'" + symbol.name + "'";
  if (symbol.kind == Kind::File)
    return refusal(name + " is a file, which is renamed in its folder");
  if (!symbol.declaration.known())
    return refusal(name + " is a word of the language");
  if (symbol.declaration.file != 0)
    return refusal(name + " is defined in " + analysis.sources().path(symbol.declaration.file));
  if (symbol.kind == Kind::Value && !symbol.name.empty() &&
      analysis.sources()
              .line(0, symbol.declaration.line)
              .substr(symbol.declaration.column - 1, symbol.name.size()) != symbol.name)
    return refusal(name + " has no label: give it one");
  return *occurrence;
}

namespace {

/// A Renaming is a text with some words replaced, and where its places have come to lie.
class Renaming {
public:
  Renaming(const Analysis &analysis, const dsl::Symbol &symbol, StringRef newName)
      : analysis(analysis), newName(newName), change(int(newName.size()) - int(symbol.name.size())) {
    for (const dsl::Occurrence &occurrence : analysis.occurrences())
      if (occurrence.symbol.isSame(symbol))
        places.push_back(occurrence.location);
    places.erase(llvm::unique(places), places.end());
  }

  std::string text() const;
  dsl::Location moved(dsl::Location place) const;
  ArrayRef<dsl::Location> replaced() const { return places; }

private:
  const Analysis &analysis;
  StringRef newName;
  int change;                        // of a word's length
  std::vector<dsl::Location> places; // of the words, in their order
};

std::string Renaming::text() const {
  const StringRef old = analysis.sources().text(0);
  std::string result;
  size_t copied = 0, lineStart = 0;
  uint32_t line = 1;
  for (const dsl::Location &place : places) {
    for (; line < place.line; ++line)
      lineStart = old.find('\n', lineStart) + 1;
    const size_t start = lineStart + place.column - 1;
    result += old.substr(copied, start - copied).str() + newName.str();
    copied = start + place.length;
  }
  return result + old.drop_front(copied).str();
}

dsl::Location Renaming::moved(dsl::Location place) const {
  dsl::Location result = place;
  for (const dsl::Location &word : places) {
    if (place.file != 0 || word.line != place.line)
      continue;
    if (word.column < place.column)
      result.column += change;
    else if (word == place)
      result.length += change;
  }
  return result;
}

} // namespace

/// Returns the first error of a text; an empty string where there is none.
static std::string firstError(const Analysis &analysis) {
  for (const dsl::Diagnostic *diagnostic : analysis.diagnostics().sorted())
    if (diagnostic->severity == dsl::Diagnostic::Severity::Error)
      return diagnostic->message;
  return "";
}

/// Returns where each word is declared, by the place of the word.
static std::map<dsl::Location, dsl::Location> meaningsOf(const Analysis &analysis,
                                                         function_ref<dsl::Location(dsl::Location)> moved) {
  std::map<dsl::Location, dsl::Location> meanings;
  for (const dsl::Occurrence &occurrence : analysis.occurrences())
    meanings.try_emplace(moved(occurrence.location), moved(occurrence.symbol.declaration));
  return meanings;
}

Expected<std::vector<lsp::TextEdit>> rename(const Analysis &analysis, const dsl::Occurrence &what,
                                            StringRef newName, const Surroundings &surroundings) {
  dsl::Sources sources;
  dsl::Diagnostics diagnostics(sources);
  const std::vector<dsl::Token> tokens = dsl::lex(sources, sources.add("name", newName.str()), diagnostics);
  if (diagnostics.any() || !tokens.front().is(dsl::Token::Kind::Word) || tokens.front().text != newName ||
      is_contained(dsl::keywords(), newName))
    return refusal("'" + newName + "' cannot be a name");
  if (analysis.hasErrors())
    return refusal("the text has an error, with which it is not known what all names mean: " +
                   firstError(analysis));
  const Renaming renaming(analysis, what.symbol, newName);
  const Analysis after(analysis.sources().path(0), renaming.text(), surroundings);
  if (after.hasErrors())
    return refusal("with the name '" + newName + "' the text would have an error: " + firstError(after));
  const auto moved = [&](dsl::Location place) { return renaming.moved(place); };
  const auto same = [](dsl::Location place) { return place; };
  if (meaningsOf(analysis, moved) != meaningsOf(after, same))
    return refusal("with the name '" + newName + "' words of the text would mean something else");
  std::vector<lsp::TextEdit> edits;
  for (const dsl::Location &place : renaming.replaced())
    edits.push_back({rangeOf(analysis.sources(), place), newName.str()});
  return edits;
}

} // namespace kinema::editor
