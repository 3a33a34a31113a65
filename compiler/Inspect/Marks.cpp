#include "compiler/Inspect/Marks.h"

#include "mlir/IR/Builders.h"

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
