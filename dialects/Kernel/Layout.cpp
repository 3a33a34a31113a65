// Implements the layout of a tensor: its tag, the loops that the tag stands for, and the storage order for a
// given shape.
#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

//===-- Tags --------------------------------------------------------------===//

namespace {
/// Reads a tag token by token.
class TagReader {
public:
  explicit TagReader(StringRef tag) : rest(tag) {}

  bool atEnd() const { return rest.empty(); }

  struct Token {
    LayoutLoop loop;
    bool isCut; // the letter is a capital one
  };
  /// Reads the next loop; returns nothing where there is none of the form `a`, `A` or `8a`.
  std::optional<Token> next() {
    LayoutLoop loop{0, 0};
    bool isInner = !rest.empty() && llvm::isDigit(rest.front());
    if ((isInner && (rest.consumeInteger(10, loop.size) || loop.size < 2)) || rest.empty() ||
        !llvm::isAlpha(rest.front()))
      return std::nullopt;
    char letter = rest.front();
    rest = rest.drop_front();
    loop.axis = llvm::toLower(letter) - 'a';
    bool isCut = llvm::isUpper(letter);
    return isInner && isCut ? std::nullopt : std::optional<Token>({loop, isCut});
  }

private:
  StringRef rest;
};
} // namespace

/// Returns the tag of loops. It leaves out loops with one turn inside another loop of their axis.
static std::string tagOf(ArrayRef<LayoutLoop> loops) {
  auto isCut = [&](int64_t axis) {
    return llvm::any_of(loops, [&](const LayoutLoop &loop) { return loop.axis == axis && loop.size > 1; });
  };
  std::string tag;
  for (const LayoutLoop &loop : loops) {
    char letter = 'a' + loop.axis;
    if (loop.size == 0)
      tag += isCut(loop.axis) ? llvm::toUpper(letter) : letter;
    else if (loop.size > 1)
      tag += std::to_string(loop.size) + letter;
  }
  return tag;
}

SmallVector<LayoutLoop> LayoutAttr::loops() const {
  SmallVector<LayoutLoop> loops;
  for (TagReader reader(getTag()); !reader.atEnd();)
    loops.push_back(reader.next()->loop);
  return loops;
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef tag) {
  auto fault = [&] { return emitError() << "the layout " << tag << " "; };
  constexpr int64_t most = 4096;     // more than any machine's vectors have; sizes stay far from overflow
  std::map<int64_t, int64_t> blocks; // size of the axis's block, by axis
  std::map<int64_t, bool> cuts;      // whether the axis's letter is a capital one, by axis
  for (TagReader reader(tag); !reader.atEnd();) {
    auto token = reader.next();
    if (!token)
      return fault()
             << "is none: it is written in letters of axes, with a number from 2 before the letter of a "
                "block's elements, as in aBcde8b";
    auto [loop, isCut] = *token;
    char letter = 'a' + loop.axis;
    if (loop.size == 0) {
      if (!cuts.emplace(loop.axis, isCut).second)
        return fault() << "walks twice over the axis " << Twine(letter);
      blocks[loop.axis] = 1;
    } else if (!cuts.count(loop.axis) || !cuts[loop.axis]) {
      return fault() << "has " << loop.size << " elements of the axis " << Twine(letter)
                     << ", which no capital letter before them cuts into blocks";
    } else if (loop.size > most || (blocks[loop.axis] *= loop.size) > most) {
      return fault() << "has blocks of more than " << most << " elements of the axis " << Twine(letter);
    }
  }
  for (auto [i, entry] : llvm::enumerate(cuts)) {
    char letter = 'a' + entry.first;
    if (entry.first != int64_t(i))
      return fault() << "walks over the axis " << Twine(letter) << " but not over all before it";
    if (entry.second && blocks[entry.first] == 1)
      return fault() << "cuts the axis " << Twine(letter) << " into blocks whose elements it does not count";
  }
  return success();
}

LogicalResult LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  if (rank() == int64_t(shape.size()))
    return success();
  return emitError() << "the layout " << getTag() << " is one of " << rank() << " axes, the tensor has "
                     << shape.size();
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  StringRef tag;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseOptionalKeyword(&tag)) {
    parser.emitError(at, "expected the tag of a layout, such as <aBcde8b>");
    return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<LayoutAttr>(at, parser.getContext(), tag);
}

void LayoutAttr::print(AsmPrinter &printer) const { printer << "<" << getTag() << ">"; }

//===-- Layouts -----------------------------------------------------------===//

LayoutAttr LayoutAttr::get(MLIRContext *context, ArrayRef<LayoutLoop> loops) {
  return get(context, StringRef(tagOf(loops)));
}

static SmallVector<LayoutLoop> wholeAxes(int64_t from, int64_t to) {
  SmallVector<LayoutLoop> loops;
  for (int64_t axis = from; axis < to; ++axis)
    loops.push_back({axis});
  return loops;
}

LayoutAttr LayoutAttr::rowMajor(MLIRContext *context, int64_t rank) {
  return get(context, wholeAxes(0, rank));
}

LayoutAttr LayoutAttr::blocked(MLIRContext *context, int64_t rank, int64_t block) {
  constexpr int64_t activationRank = 5;
  auto loops = wholeAxes(0, rank);
  loops.push_back({rank == activationRank ? 1 : rank - 1, block});
  return get(context, loops);
}

int64_t LayoutAttr::rank() const {
  return llvm::count_if(loops(), [](const LayoutLoop &loop) { return loop.size == 0; });
}

bool LayoutAttr::isRowMajor() const { return *this == rowMajor(getContext(), rank()); }

int64_t LayoutAttr::blockOf(int64_t axis) const {
  int64_t block = 1;
  for (const LayoutLoop &loop : loops())
    if (loop.axis == axis && loop.size)
      block *= loop.size;
  return block;
}

LayoutAttr LayoutAttr::withRank(int64_t wanted) const {
  int64_t more = wanted - rank();
  auto changed = wholeAxes(0, std::max<int64_t>(more, 0));
  for (LayoutLoop loop : loops())
    if ((loop.axis += more) >= 0)
      changed.push_back(loop);
  return get(getContext(), changed);
}

SmallVector<StorageLoop> LayoutAttr::order(ArrayRef<int64_t> shape) const {
  SmallVector<StorageLoop> order;
  SmallVector<int64_t> steps(shape.size()); // step of each axis's last loop so far
  for (const LayoutLoop &loop : loops()) {
    int64_t block = blockOf(loop.axis), &step = steps[loop.axis];
    if (loop.size == 0) {
      step = block;
      order.push_back({loop.axis, shape::ceilDiv(shape[loop.axis], block), step});
      continue;
    }
    step /= loop.size;
    if (StorageLoop &before = order.back(); before.axis == loop.axis)
      before = {loop.axis, before.size * loop.size, step}; // the two loops are one
    else
      order.push_back({loop.axis, loop.size, step});
  }
  return order;
}

int64_t LayoutAttr::storedElements(ArrayRef<int64_t> shape) const {
  int64_t elements = 1;
  for (const StorageLoop &loop : order(shape))
    elements *= loop.size;
  return elements;
}

//===-- Tensors -----------------------------------------------------------===//

LayoutAttr kinema::kernel::layoutOf(RankedTensorType type) {
  if (auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    return layout;
  return LayoutAttr::rowMajor(type.getContext(), type.getRank());
}

int64_t kinema::kernel::channelBlock(RankedTensorType type) {
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout)
    return 1;
  // This compares loops and not layouts, since cost models ask for each of thousands of plans.
  SmallVector<LayoutLoop> loops = layout.loops();
  constexpr int64_t activationRank = 5;
  int64_t rank = type.getRank(), channels = rank == activationRank ? 1 : rank - 1;
  bool isBlocked = int64_t(loops.size()) == rank + 1 && loops.back().axis == channels && loops.back().size;
  for (int64_t axis = 0; axis < rank; ++axis)
    isBlocked = isBlocked && loops[axis].axis == axis && loops[axis].size == 0;
  return isBlocked ? loops.back().size : 1;
}

int64_t kinema::kernel::storedBytes(RankedTensorType type) {
  return layoutOf(type).storedElements(type.getShape()) * type.getElementTypeBitWidth() / 8;
}
