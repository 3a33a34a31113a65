#include "compiler/Inspect/Marks.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/PassManager.h"

#include <set>

using namespace mlir;
using namespace kinema::inspect;

/// Adds a mark below the name of a location, which stays where passes look for it.
static Location marked(Location location, Attribute mark) {
  MLIRContext *context = location.getContext();
  if (auto name = dyn_cast<NameLoc>(location))
    return NameLoc::get(name.getName(), FusedLoc::get({name.getChildLoc()}, mark, context));
  return FusedLoc::get({location}, mark, context);
}

void kinema::inspect::mark(ArrayRef<Operation *> operations, StringRef phase) {
  for (auto [number, operation] : llvm::enumerate(operations)) {
    Builder builder(operation->getContext());
    NamedAttribute entry = builder.getNamedAttr(phase, builder.getI64IntegerAttr(number));
    operation->setLoc(marked(operation->getLoc(), builder.getDictionaryAttr({entry})));
  }
}

static void addMarks(Location location, StringRef phase, std::set<int64_t> &numbers) {
  location->walk([&](Location part) {
    if (auto fused = dyn_cast<FusedLoc>(part))
      if (auto mark = dyn_cast_or_null<DictionaryAttr>(fused.getMetadata()))
        if (auto number = mark.getAs<IntegerAttr>(phase))
          numbers.insert(number.getInt());
    return WalkResult::advance();
  });
}

std::vector<int64_t> kinema::inspect::marksIn(Location location, StringRef phase) {
  std::set<int64_t> numbers;
  addMarks(location, phase, numbers);
  return {numbers.begin(), numbers.end()};
}

std::vector<int64_t> kinema::inspect::marksIn(Operation *operation, StringRef phase) {
  std::set<int64_t> numbers;
  operation->walk([&](Operation *inner) { addMarks(inner->getLoc(), phase, numbers); });
  return {numbers.begin(), numbers.end()};
}

MarkedLines kinema::inspect::markedLines(Operation *operation, const AsmState::LocationMap &printed,
                                         StringRef phase) {
  std::map<size_t, std::set<int64_t>> lines;
  operation->walk([&](Operation *inner) {
    if (auto place = printed.find(inner); place != printed.end())
      addMarks(inner->getLoc(), phase, lines[place->second.first - 1]);
  });
  MarkedLines marked;
  for (auto &[line, numbers] : lines)
    marked[line] = {numbers.begin(), numbers.end()};
  return marked;
}

//===-- Machine code ------------------------------------------------------===//

LogicalResult kinema::inspect::placeMarks(ModuleOp lowered, StringRef phase) {
  auto file = StringAttr::get(lowered.getContext(), phase);
  lowered.walk([&](Operation *op) {
    std::vector<int64_t> numbers = marksIn(op->getLoc(), phase);
    op->setLoc(FileLineColLoc::get(file, numbers.size() == 1 ? numbers.front() + 1 : 0, 1));
  });
  PassManager passes(lowered.getContext());
  LLVM::DIScopeForLLVMFuncOpPassOptions options;
  options.emissionKind = LLVM::DIEmissionKind::DebugDirectivesOnly;
  passes.addPass(LLVM::createDIScopeForLLVMFuncOpPass(options));
  return passes.run(lowered);
}

/// Returns whether a line stands in code for its debug info alone: labels, files, and what unwinds the stack.
static bool isForPlaces(StringRef line) {
  for (StringRef word : {".cfi_", ".file", ".Ltmp", ".Lfunc_begin", "$L__tmp", "$L__func_"})
    if (line.starts_with(word))
      return true;
  return false;
}

MarkedLines kinema::inspect::takePlaces(std::string &code) {
  MarkedLines lines;
  std::string kept;
  size_t number = 0;
  for (StringRef rest = code; !rest.empty();) {
    auto [line, more] = rest.split('\n');
    rest = more;
    StringRef word = line.trim();
    if (word.consume_front(".loc")) { // its file, line and column
      int64_t place = 0;
      word.ltrim().split(' ').second.split(' ').first.getAsInteger(10, place);
      lines[number] = place > 0 ? std::vector<int64_t>{place - 1} : std::vector<int64_t>();
    } else if (!isForPlaces(word)) {
      kept += (line + "\n").str();
      ++number;
    }
  }
  code = std::move(kept);
  return lines;
}
