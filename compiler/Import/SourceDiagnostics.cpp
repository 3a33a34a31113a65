#include "compiler/Import/SourceDiagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;

static FileLineColRange findRange(LocationAttr location) {
  if (!location)
    return {};
  return TypeSwitch<LocationAttr, FileLineColRange>(location)
      .Case<FileLineColRange>([](auto range) { return range; })
      .Case<NameLoc>([](auto name) { return findRange(name.getChildLoc()); })
      .Case<CallSiteLoc>([](auto call) { return findRange(call.getCallee()); })
      .Case<FusedLoc>([](auto fused) -> FileLineColRange {
        for (Location part : fused.getLocations())
          if (FileLineColRange range = findRange(part))
            return range;
        return {};
      })
      .Default([](auto) { return FileLineColRange(); });
}

dsl::Location kinema::sourceLocation(LocationAttr location, const dsl::Sources &sources) {
  FileLineColRange range = findRange(location);
  std::optional<uint32_t> file = range ? sources.find(range.getFilename()) : std::nullopt;
  if (!file)
    return {};
  bool oneLine = range.getEndLine() == range.getStartLine() && range.getEndColumn() > range.getStartColumn();
  return {*file, range.getStartLine(), range.getStartColumn(),
          oneLine ? range.getEndColumn() - range.getStartColumn() : 1};
}

SourceDiagnostics::SourceDiagnostics(MLIRContext &context, const dsl::Sources &sources,
                                     dsl::Diagnostics &diagnostics)
    : handler(&context, [&sources, &diagnostics](mlir::Diagnostic &diagnostic) {
        addDiagnostic(diagnostic, sources, diagnostics);
        return success();
      }) {}

/// `text, from line 5: stage conv3d ch=64 x2 stride=2`, with the file where it is another one than the
/// error's.
static std::string withOrigin(std::string text, dsl::Location origin, uint32_t errorFile,
                              const dsl::Sources &sources) {
  std::string line = std::to_string(origin.line);
  text += origin.file == errorFile ? ", from line " + line
                                   : ", from " + sources.path(origin.file).str() + ":" + line;
  return text + ": " + sources.statementAt(origin).str();
}

void kinema::addDiagnostic(mlir::Diagnostic &diagnostic, const dsl::Sources &sources,
                           dsl::Diagnostics &diagnostics) {
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  if (!isError && diagnostic.getSeverity() != DiagnosticSeverity::Warning)
    return;
  dsl::Location where = sourceLocation(diagnostic.getLocation(), sources);
  std::string hint;
  std::vector<std::string> lines;
  std::vector<dsl::Location> calls;
  for (mlir::Diagnostic &note : diagnostic.getNotes()) {
    std::string text = note.str();
    dsl::Location place = sourceLocation(note.getLocation(), sources);
    if (StringRef rest = text; rest.consume_front("hint: "))
      hint = rest.str();
    else if (text == "called from here")
      calls.push_back(place);
    else
      lines.push_back(place.known() && place != where ? withOrigin(text, place, where.file, sources) : text);
  }
  dsl::Diagnostic &error = isError ? diagnostics.error(where, diagnostic.str(), hint)
                                   : diagnostics.warning(where, diagnostic.str(), hint);
  for (std::string &line : lines)
    error.note(std::move(line));
  error.from(calls);
}
