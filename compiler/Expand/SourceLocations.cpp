#include "compiler/Expand/SourceLocations.h"

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

Location kinema::locationOf(dsl::Location location, const dsl::Sources &sources, MLIRContext &context) {
  if (!location.known())
    return UnknownLoc::get(&context);
  return FileLineColRange::get(StringAttr::get(&context, sources.path(location.file)), location.line,
                               location.column, location.column + location.length);
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

void kinema::addDiagnostic(mlir::Diagnostic &diagnostic, const dsl::Sources &sources,
                           dsl::Diagnostics &diagnostics) {
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  if (!isError && diagnostic.getSeverity() != DiagnosticSeverity::Warning)
    return;
  dsl::Location where = sourceLocation(diagnostic.getLocation(), sources);
  std::string hint;
  std::vector<std::string> lines;
  for (mlir::Diagnostic &note : diagnostic.getNotes()) {
    std::string text = note.str();
    if (StringRef rest = text; rest.consume_front("hint: "))
      hint = rest.str();
    else
      lines.push_back(text);
  }
  dsl::Diagnostic &error = isError ? diagnostics.error(where, diagnostic.str(), hint)
                                   : diagnostics.warning(where, diagnostic.str(), hint);
  for (std::string &line : lines)
    error.note(std::move(line));
}
