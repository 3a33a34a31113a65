#include "tools/kinema/Editor/Server.h"

#include "dsl/Format.h"
#include "dsl/Library.h"
#include "tools/kinema/Editor/Completion.h"
#include "tools/kinema/Editor/Hover.h"
#include "tools/kinema/Editor/LibraryCopies.h"
#include "tools/kinema/Editor/Positions.h"
#include "tools/kinema/Editor/Rename.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/LSP/Transport.h"

using namespace llvm;

namespace kinema::editor {

namespace {

/// A RenameParams is what LLVM's part of the protocol lacks: a new name.
struct RenameParams : lsp::TextDocumentPositionParams {
  std::string newName;
};

bool fromJSON(const json::Value &value, RenameParams &result, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && lsp::fromJSON(value, result, path) && mapper.map("newName", result.newName);
}

/// A DocumentParams is the document of a request that has nothing else of interest.
struct DocumentParams {
  lsp::TextDocumentIdentifier textDocument;
};

bool fromJSON(const json::Value &value, DocumentParams &result, json::Path path) {
  json::ObjectMapper mapper(value, path);
  return mapper && mapper.map("textDocument", result.textDocument);
}

struct Document {
  lsp::URIForFile uri;
  int64_t version = 0;
  std::unique_ptr<Analysis> analysis;
};

class Server {
public:
  Server(lsp::JSONTransport &transport, const std::vector<std::string> &libraryPaths,
         const std::string &copies);

  int run();

private:
  template <typename Result> using Reply = lsp::Callback<Result>;

  void initialize(const lsp::InitializeParams &params, Reply<json::Value> reply);
  void initialized(const lsp::InitializedParams &) {}
  void shutdown(const lsp::NoParams &params, Reply<std::nullptr_t> reply);
  void didOpen(const lsp::DidOpenTextDocumentParams &params);
  void didChange(const lsp::DidChangeTextDocumentParams &params);
  void didClose(const lsp::DidCloseTextDocumentParams &params);
  void hover(const lsp::TextDocumentPositionParams &params, Reply<std::optional<lsp::Hover>> reply);
  void definition(const lsp::TextDocumentPositionParams &params, Reply<std::vector<lsp::Location>> reply);
  void references(const lsp::ReferenceParams &params, Reply<std::vector<lsp::Location>> reply);
  void completion(const lsp::CompletionParams &params, Reply<lsp::CompletionList> reply);
  void symbols(const lsp::DocumentSymbolParams &params, Reply<std::vector<lsp::DocumentSymbol>> reply);
  void prepareRename(const lsp::TextDocumentPositionParams &params, Reply<json::Value> reply);
  void rename(const RenameParams &params, Reply<lsp::WorkspaceEdit> reply);
  void inlayHints(const lsp::InlayHintsParams &params, Reply<std::vector<lsp::InlayHint>> reply);
  void formatting(const DocumentParams &params, Reply<std::vector<lsp::TextEdit>> reply);

  void analyse(const lsp::URIForFile &uri, int64_t version, std::string text);
  void analyseUsers(StringRef path);
  std::optional<std::string> textOf(StringRef path) const;
  void publish(const lsp::URIForFile &uri, const Document &document);
  /// Returns the analysis of an open text; null where it is not open.
  const Analysis *find(const lsp::URIForFile &uri) const;
  std::optional<lsp::Location> locationOf(const Analysis &analysis, const lsp::URIForFile &uri,
                                          dsl::Location place);

  lsp::JSONTransport &transport;
  lsp::MessageHandler handler;
  const Surroundings surroundings;
  LibraryCopies copies;
  lsp::OutgoingNotification<lsp::PublishDiagnosticsParams> publishDiagnostics;
  StringMap<Document> documents; // by the path of the file
  bool isShutDown = false;
};

Server::Server(lsp::JSONTransport &transport, const std::vector<std::string> &libraryPaths,
               const std::string &copies)
    : transport(transport), handler(transport),
      surroundings{libraryPaths, [this](StringRef path) { return textOf(path); }}, copies(copies),
      publishDiagnostics(
          handler.outgoingNotification<lsp::PublishDiagnosticsParams>("textDocument/publishDiagnostics")) {
  handler.method("initialize", this, &Server::initialize);
  handler.notification("initialized", this, &Server::initialized);
  handler.method("shutdown", this, &Server::shutdown);
  handler.notification("textDocument/didOpen", this, &Server::didOpen);
  handler.notification("textDocument/didChange", this, &Server::didChange);
  handler.notification("textDocument/didClose", this, &Server::didClose);
  handler.method("textDocument/hover", this, &Server::hover);
  handler.method("textDocument/definition", this, &Server::definition);
  handler.method("textDocument/references", this, &Server::references);
  handler.method("textDocument/completion", this, &Server::completion);
  handler.method("textDocument/documentSymbol", this, &Server::symbols);
  handler.method("textDocument/prepareRename", this, &Server::prepareRename);
  handler.method("textDocument/rename", this, &Server::rename);
  handler.method("textDocument/inlayHint", this, &Server::inlayHints);
  handler.method("textDocument/formatting", this, &Server::formatting);
}

int Server::run() {
  consumeError(transport.run(handler)); // of the stream, which has ended then
  return isShutDown ? 0 : 1;
}

void Server::initialize(const lsp::InitializeParams &, Reply<json::Value> reply) {
  json::Object capabilities{
      {"positionEncoding", "utf-16"},
      // Texts are sent in full: they have some hundred lines, and the protocol counts other units than LLVM.
      {"textDocumentSync",
       json::Object{{"openClose", true}, {"change", int(lsp::TextDocumentSyncKind::Full)}}},
      {"hoverProvider", true},
      {"definitionProvider", true},
      {"referencesProvider", true},
      {"completionProvider", json::Object{{"triggerCharacters", json::Array{".", "=", ":", "|"}}}},
      {"documentSymbolProvider", true},
      {"renameProvider", json::Object{{"prepareProvider", true}}},
      {"inlayHintProvider", true},
      {"documentFormattingProvider", true}};
  reply(json::Object{{"serverInfo", json::Object{{"name", "kinema"}}},
                     {"capabilities", std::move(capabilities)}});
}

void Server::shutdown(const lsp::NoParams &, Reply<std::nullptr_t> reply) {
  isShutDown = true;
  reply(nullptr);
}

//===-- Texts -------------------------------------------------------------===//

void Server::didOpen(const lsp::DidOpenTextDocumentParams &params) {
  analyse(params.textDocument.uri, params.textDocument.version, params.textDocument.text);
}

void Server::didChange(const lsp::DidChangeTextDocumentParams &params) {
  if (!params.contentChanges.empty())
    analyse(params.textDocument.uri, params.textDocument.version, params.contentChanges.back().text);
}

void Server::didClose(const lsp::DidCloseTextDocumentParams &params) {
  documents.erase(params.textDocument.uri.file());
  publishDiagnostics({params.textDocument.uri, 0}); // none are left
  analyseUsers(params.textDocument.uri.file());     // of what the disk has from now on
}

/// Returns the text of a file that is open.
std::optional<std::string> Server::textOf(StringRef path) const {
  const auto found = documents.find(path);
  if (found == documents.end() || !found->second.analysis)
    return std::nullopt;
  return found->second.analysis->sources().text(0).str();
}

/// Analyses again what uses a file, after that has changed.
void Server::analyseUsers(StringRef path) {
  for (auto &[name, document] : documents) {
    if (!document.analysis || !document.analysis->uses(path))
      continue;
    document.analysis =
        std::make_unique<Analysis>(name, document.analysis->sources().text(0).str(), surroundings);
    publish(document.uri, document);
  }
}

void Server::analyse(const lsp::URIForFile &uri, int64_t version, std::string text) {
  Document &document = documents[uri.file()];
  document.uri = uri;
  document.version = version;
  document.analysis = std::make_unique<Analysis>(uri.file(), std::move(text), surroundings);
  publish(uri, document);
  analyseUsers(uri.file());
}

const Analysis *Server::find(const lsp::URIForFile &uri) const {
  const auto found = documents.find(uri.file());
  return found == documents.end() ? nullptr : found->second.analysis.get();
}

/// Returns the place of a diagnostic in the text itself: its own, that of the call which led to it, or that
/// of the `use` of its file.
dsl::Location placeInText(const dsl::Diagnostic &diagnostic, const Analysis &analysis) {
  if (diagnostic.location.file == 0)
    return diagnostic.location;
  for (const dsl::Location &call : reverse(diagnostic.calledFrom))
    if (call.file == 0)
      return call;
  for (auto [use, file] : zip(analysis.file().uses, analysis.program().uses[0]))
    if (file == diagnostic.location.file)
      return use.location;
  return {};
}

void Server::publish(const lsp::URIForFile &uri, const Document &document) {
  const Analysis &analysis = *document.analysis;
  lsp::PublishDiagnosticsParams params(uri, document.version);
  for (const dsl::Diagnostic *diagnostic : analysis.diagnostics().sorted()) {
    lsp::Diagnostic &shown = params.diagnostics.emplace_back();
    const dsl::Location place = placeInText(*diagnostic, analysis);
    shown.range = rangeOf(analysis.sources(), place);
    shown.severity = diagnostic->severity == dsl::Diagnostic::Severity::Error
                         ? lsp::DiagnosticSeverity::Error
                         : lsp::DiagnosticSeverity::Warning;
    shown.source = "kinema";
    shown.message = diagnostic->message;
    for (const std::string &line : diagnostic->notes)
      shown.message += "\n" + line;
    if (!diagnostic->hint.empty())
      shown.message += "\n" + diagnostic->hint;
    if (place == diagnostic->location)
      continue;
    shown.relatedInformation.emplace();
    if (std::optional<lsp::Location> there = locationOf(analysis, uri, diagnostic->location))
      shown.relatedInformation->emplace_back(*there, "here");
  }
  publishDiagnostics(params);
}

/// Returns a place as a location of a file; nothing where there is no such file.
std::optional<lsp::Location> Server::locationOf(const Analysis &analysis, const lsp::URIForFile &uri,
                                                dsl::Location place) {
  if (!place.known())
    return std::nullopt;
  const lsp::Range range = rangeOf(analysis.sources(), place);
  if (place.file == 0)
    return lsp::Location(uri, range);
  const std::string path = copies.pathOf(analysis.sources(), place.file);
  Expected<lsp::URIForFile> file = lsp::URIForFile::fromFile(path);
  if (!file) {
    consumeError(file.takeError());
    return std::nullopt;
  }
  return lsp::Location(*file, range);
}

//===-- Requests ----------------------------------------------------------===//

void Server::hover(const lsp::TextDocumentPositionParams &params, Reply<std::optional<lsp::Hover>> reply) {
  const Analysis *analysis = find(params.textDocument.uri);
  if (!analysis)
    return reply(std::nullopt);
  const dsl::Location place = editor::locationOf(analysis->sources(), 0, params.position);
  std::string text = hoverAt(*analysis, place);
  if (text.empty())
    return reply(std::nullopt);
  const dsl::Occurrence *occurrence = analysis->occurrenceAt(place);
  lsp::Hover hover(rangeOf(analysis->sources(), occurrence ? occurrence->location : place));
  hover.contents.value = std::move(text);
  reply(std::move(hover));
}

void Server::definition(const lsp::TextDocumentPositionParams &params,
                        Reply<std::vector<lsp::Location>> reply) {
  std::vector<lsp::Location> locations;
  if (const Analysis *analysis = find(params.textDocument.uri))
    if (const dsl::Occurrence *occurrence =
            analysis->occurrenceAt(editor::locationOf(analysis->sources(), 0, params.position)))
      if (auto location = locationOf(*analysis, params.textDocument.uri, occurrence->symbol.declaration))
        locations.push_back(*location);
  reply(std::move(locations));
}

void Server::references(const lsp::ReferenceParams &params, Reply<std::vector<lsp::Location>> reply) {
  std::vector<lsp::Location> locations;
  const Analysis *analysis = find(params.textDocument.uri);
  const dsl::Occurrence *at =
      analysis ? analysis->occurrenceAt(editor::locationOf(analysis->sources(), 0, params.position))
               : nullptr;
  if (at)
    for (const dsl::Occurrence &occurrence : analysis->occurrences()) {
      const bool isDeclaration = occurrence.location == occurrence.symbol.declaration;
      if (occurrence.symbol.isSame(at->symbol) && (!isDeclaration || params.context.includeDeclaration))
        locations.push_back(*locationOf(*analysis, params.textDocument.uri, occurrence.location));
    }
  reply(std::move(locations));
}

void Server::completion(const lsp::CompletionParams &params, Reply<lsp::CompletionList> reply) {
  lsp::CompletionList list;
  if (const Analysis *analysis = find(params.textDocument.uri))
    list.items = completionsAt(*analysis, editor::locationOf(analysis->sources(), 0, params.position));
  reply(std::move(list));
}

lsp::SymbolKind kindOf(dsl::Definition::Kind kind) {
  switch (kind) {
  case dsl::Definition::Kind::Network:
    return lsp::SymbolKind::Module;
  case dsl::Definition::Kind::Block:
    return lsp::SymbolKind::Class;
  case dsl::Definition::Kind::Unit:
  case dsl::Definition::Kind::Act:
    return lsp::SymbolKind::Function;
  }
  llvm_unreachable("no kind of definition");
}

lsp::DocumentSymbol symbolOf(const dsl::Definition &definition, const Analysis &analysis) {
  const dsl::Sources &sources = analysis.sources();
  const dsl::Location end = definition.body.close.known() ? definition.body.close : definition.name.location;
  lsp::DocumentSymbol symbol(definition.name.text, kindOf(definition.kind),
                             rangeOf(sources, definition.location, end),
                             rangeOf(sources, definition.name.location));
  symbol.detail = dsl::toString(definition.kind).str();
  dsl::visitStatements(definition.body, [&](const dsl::Stmt &stmt) {
    std::optional<dsl::Name> name;
    if (const auto *stream = dyn_cast<dsl::StreamStmt>(&stmt))
      name = stream->name;
    else if (const auto *from = dyn_cast<dsl::FromStmt>(&stmt))
      name = from->label;
    else if (const auto *call = dyn_cast<dsl::CallStmt>(&stmt))
      name = call->label;
    if (!name || name->text == "_")
      return;
    const Extent extent = analysis.extentOf(stmt);
    lsp::DocumentSymbol &child = symbol.children.emplace_back(
        name->text, isa<dsl::StreamStmt>(stmt) ? lsp::SymbolKind::Namespace : lsp::SymbolKind::Variable,
        rangeOf(sources, extent.first, extent.last), rangeOf(sources, name->location));
    if (const Effect *effect = analysis.effectOf(stmt))
      child.detail = shapeOf(effect->after);
  });
  return symbol;
}

void Server::symbols(const lsp::DocumentSymbolParams &params, Reply<std::vector<lsp::DocumentSymbol>> reply) {
  std::vector<lsp::DocumentSymbol> symbols;
  if (const Analysis *analysis = find(params.textDocument.uri)) {
    for (const auto &definition : analysis->file().definitions)
      symbols.push_back(symbolOf(*definition, *analysis));
    for (const dsl::Section &section : analysis->file().sections)
      symbols.emplace_back(dsl::toString(section.kind), lsp::SymbolKind::Object,
                           rangeOf(analysis->sources(), section.location, section.body.close),
                           rangeOf(analysis->sources(), section.location));
  }
  reply(std::move(symbols));
}

/// Returns what can be renamed at a place of a file, which is null where it is not open.
Expected<dsl::Occurrence> renamable(const Analysis *analysis, const lsp::Position &position) {
  if (!analysis)
    return make_error<lsp::LSPError>("the file is not open", lsp::ErrorCode::InvalidParams);
  return renamableAt(*analysis, editor::locationOf(analysis->sources(), 0, position));
}

void Server::prepareRename(const lsp::TextDocumentPositionParams &params, Reply<json::Value> reply) {
  const Analysis *analysis = find(params.textDocument.uri);
  auto what = renamable(analysis, params.position);
  if (!what)
    return reply(what.takeError());
  reply(json::Object{{"range", lsp::toJSON(rangeOf(analysis->sources(), what->location))},
                     {"placeholder", what->symbol.name}});
}

void Server::rename(const RenameParams &params, Reply<lsp::WorkspaceEdit> reply) {
  const Analysis *analysis = find(params.textDocument.uri);
  auto what = renamable(analysis, params.position);
  if (!what)
    return reply(what.takeError());
  auto edits = editor::rename(*analysis, *what, params.newName, surroundings);
  if (!edits)
    return reply(edits.takeError());
  lsp::WorkspaceEdit edit;
  edit.changes[params.textDocument.uri.uri().str()] = std::move(*edits);
  reply(std::move(edit));
}

/// Shows behind each line the value that it leaves.
void Server::inlayHints(const lsp::InlayHintsParams &params, Reply<std::vector<lsp::InlayHint>> reply) {
  std::vector<lsp::InlayHint> hints;
  const Analysis *analysis = find(params.textDocument.uri);
  if (!analysis)
    return reply(std::move(hints));
  // Of the statements that end on a line, the last counts, and of several that end there together the
  // outermost, which starts first.
  std::map<uint32_t, std::pair<Extent, const Effect *>> lines;
  for (const auto &[statement, effect] : analysis->effects()) {
    const Extent extent = analysis->extentOf(*statement);
    auto [place, isNew] = lines.try_emplace(extent.last.line, extent, &effect);
    const Extent &other = place->second.first;
    const bool isLater =
        extent.last.column > other.last.column || (extent.last == other.last && extent.first < other.first);
    if (!isNew && isLater)
      place->second = {extent, &effect};
  }
  for (const auto &[line, shown] : lines) {
    const lsp::Position end = rangeOf(analysis->sources(), shown.first.last).end;
    if (end < params.range.start || params.range.end < end)
      continue;
    lsp::InlayHint &hint = hints.emplace_back(lsp::InlayHintKind::Type, end);
    hint.label = shapeOf(shown.second->after) + (shown.second->varies ? " …" : "");
    hint.paddingLeft = true;
  }
  reply(std::move(hints));
}

/// Replaces the lines from the first that changes to the last.
void Server::formatting(const DocumentParams &params, Reply<std::vector<lsp::TextEdit>> reply) {
  std::vector<lsp::TextEdit> edits;
  const Analysis *analysis = find(params.textDocument.uri);
  if (!analysis)
    return reply(std::move(edits));
  dsl::Diagnostics diagnostics(analysis->sources());
  const std::optional<std::string> text = dsl::format(analysis->sources(), 0, diagnostics);
  const StringRef old = analysis->sources().text(0);
  if (!text || *text == old)
    return reply(std::move(edits));
  SmallVector<StringRef> before, after;
  old.split(before, '\n');
  StringRef(*text).split(after, '\n');
  size_t first = 0, same = 0;
  while (first < std::min(before.size(), after.size()) - 1 && before[first] == after[first])
    ++first;
  while (same < std::min(before.size(), after.size()) - first - 1 &&
         before[before.size() - 1 - same] == after[after.size() - 1 - same])
    ++same;
  const size_t last = before.size() - same - 1;
  const dsl::Location end{0, uint32_t(last + 1), uint32_t(before[last].size() + 1), 0};
  std::string lines = join(ArrayRef(after).slice(first, after.size() - same - first), "\n");
  edits.push_back({{{int(first), 0}, rangeOf(analysis->sources(), end).end}, std::move(lines)});
  reply(std::move(edits));
}

} // namespace

int serve(std::FILE *input, raw_ostream &output, const std::vector<std::string> &libraryPaths,
          const std::string &copies) {
  lsp::JSONTransport transport(input, output);
  return Server(transport, libraryPaths, copies).run();
}

} // namespace kinema::editor
