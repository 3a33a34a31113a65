#include "dialects/Clip/ClipLog.h"

#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Formula.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

#include "dialects/Clip/ClipDialect.cpp.inc"
#include "dialects/Clip/ClipEnums.cpp.inc"
#include "dialects/Clip/ClipInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Clip/ClipAttributes.cpp.inc"

void ClipDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Clip/ClipAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Clip/ClipOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Clip/ClipLogOps.cpp.inc"
      >();
}

//===-- Attributes of modules and functions -------------------------------===//

static bool isListOfDictionaries(Attribute attribute) {
  auto list = dyn_cast<ArrayAttr>(attribute);
  return list && llvm::all_of(list, llvm::IsaPred<DictionaryAttr>);
}

static bool isListOfNames(Attribute attribute) {
  auto list = dyn_cast<ArrayAttr>(attribute);
  return list && llvm::all_of(list, llvm::IsaPred<StringAttr>);
}

static bool isDictionaryOfDictionaries(Attribute attribute) {
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  return dictionary &&
         llvm::all_of(dictionary, [](NamedAttribute entry) { return isa<DictionaryAttr>(entry.getValue()); });
}

LogicalResult ClipDialect::verifyOperationAttribute(Operation *operation, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  auto expect = [&](bool right, StringRef what) -> LogicalResult {
    if (right && operation->hasTrait<OpTrait::SymbolTable>())
      return success();
    return operation->emitOpError("has the attribute ")
           << name << " = " << value << ", expected " << what << " on a module";
  };
  if (name == networkAttribute)
    return expect(isa<DictionaryAttr>(value), "a dictionary");
  if (name == layersAttribute)
    return expect(isListOfDictionaries(value), "a list of dictionaries");
  if (name == featuresAttribute)
    return expect(isListOfNames(value), "a list of the names of layers");
  if (name == distributedAttribute || name == scaledLossAttribute)
    return expect(isa<UnitAttr>(value), "no value,");
  if (name == recipeAttribute)
    return expect(isDictionaryOfDictionaries(value), "a dictionary of sections, which are dictionaries,");
  return success();
}

/// Checks names and kinds, which are strings.
static LogicalResult verifyText(Operation *operation, const Twine &of, NamedAttribute attribute) {
  if (isa<StringAttr>(attribute.getValue()))
    return success();
  return operation->emitOpError("has, on ") << of << ", the attribute " << attribute.getName().getValue()
                                            << " = " << attribute.getValue() << ", expected a string";
}

LogicalResult ClipDialect::verifyRegionArgAttribute(Operation *operation, unsigned, unsigned argument,
                                                    NamedAttribute attribute) {
  return verifyText(operation, "argument " + Twine(argument), attribute);
}

LogicalResult ClipDialect::verifyRegionResultAttribute(Operation *operation, unsigned, unsigned result,
                                                       NamedAttribute attribute) {
  return verifyText(operation, "result " + Twine(result), attribute);
}

//===-- Hyper -------------------------------------------------------------===//

LogicalResult HyperAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<HyperField> fields) {
  if (fields.empty())
    return emitError() << "a training step is told at least one number";
  for (auto [i, field] : llvm::enumerate(fields))
    if (llvm::is_contained(fields.take_front(i), field))
      return emitError() << "the field " << stringifyHyperField(field) << " is there twice";
  return success();
}

int64_t HyperAttr::indexOf(HyperField field) const {
  const HyperField *found = llvm::find(getFields(), field);
  return found == getFields().end() ? -1 : found - getFields().begin();
}

RankedTensorType HyperAttr::tensorType(MLIRContext *context, ArrayRef<HyperField> fields) {
  return RankedTensorType::get({int64_t(fields.size())}, Float32Type::get(context), get(context, fields));
}

HyperAttr HyperAttr::of(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto hyper = tensor ? dyn_cast_or_null<HyperAttr>(tensor.getEncoding()) : HyperAttr();
  return hyper && tensor == tensorType(type.getContext(), hyper.getFields()) ? hyper : HyperAttr();
}

//===-- Arrangement -------------------------------------------------------===//

static constexpr unsigned arrangedAxes = 5; // N, C, T, H, W

static ArrayRef<int64_t> factorsOf(ArrayRef<int64_t> factors, ArrayRef<int64_t> counts, unsigned axis) {
  int64_t first = 0;
  for (int64_t count : counts.take_front(axis))
    first += count;
  return factors.slice(first, counts[axis]);
}

ArrayRef<int64_t> ArrangementAttr::sourceFactors(unsigned axis) const {
  return factorsOf(getSource(), getSourceCounts(), axis);
}
ArrayRef<int64_t> ArrangementAttr::targetFactors(unsigned axis) const {
  return factorsOf(getTarget(), getTargetCounts(), axis);
}

/// Returns the size of each axis, which is the product of its factors.
static SmallVector<int64_t> arrangedShape(ArrayRef<int64_t> sizes, ArrayRef<int64_t> factors,
                                          ArrayRef<int64_t> counts) {
  SmallVector<int64_t> shape(arrangedAxes, 1);
  for (unsigned axis = 0; axis < arrangedAxes; ++axis)
    for (int64_t factor : factorsOf(factors, counts, axis))
      shape[axis] *= sizes[factor];
  return shape;
}

SmallVector<int64_t> ArrangementAttr::sourceShape() const {
  return arrangedShape(getSizes(), getSource(), getSourceCounts());
}
SmallVector<int64_t> ArrangementAttr::targetShape() const {
  return arrangedShape(getSizes(), getTarget(), getTargetCounts());
}

SmallVector<int64_t> ArrangementAttr::summed() const {
  SmallVector<int64_t> found;
  for (int64_t factor : getSource())
    if (!llvm::is_contained(getTarget(), factor))
      found.push_back(factor);
  return found;
}

ArrangementAttr ArrangementAttr::inverse() const {
  return get(getContext(), getSizes(), getTarget(), getTargetCounts(), getSource(), getSourceCounts());
}

/// Returns those of the factors that are larger than 1.
static SmallVector<int64_t> without1(ArrangementAttr how, ArrayRef<int64_t> factors) {
  return llvm::to_vector(
      llvm::make_filter_range(factors, [&](int64_t factor) { return how.getSizes()[factor] != 1; }));
}

bool ArrangementAttr::isIdentity() const {
  return sourceShape() == targetShape() && without1(*this, getSource()) == without1(*this, getTarget());
}

bool ArrangementAttr::movesPositionsAlone() const {
  auto channels = sourceFactors(1);
  return getSource().size() == getTarget().size() && summed().empty() && channels == targetFactors(1);
}

ArrangementAttr ArrangementAttr::withChannels(int64_t channels) const {
  ArrayRef<int64_t> before = sourceFactors(1);
  SmallVector<int64_t> sizes = {channels}, number(getSizes().size());
  for (auto [factor, size] : llvm::enumerate(getSizes()))
    if (!llvm::is_contained(before, factor)) {
      number[factor] = sizes.size();
      sizes.push_back(size);
    }
  auto side = [&](auto factorsOf, SmallVector<int64_t> &counts) {
    SmallVector<int64_t> factors;
    for (unsigned axis = 0; axis < arrangedAxes; ++axis) {
      ArrayRef<int64_t> ofAxis = axis == 1 ? ArrayRef<int64_t>() : factorsOf(axis);
      for (int64_t factor : ofAxis)
        factors.push_back(number[factor]);
      if (axis == 1)
        factors.push_back(0);
      counts.push_back(axis == 1 ? 1 : ofAxis.size());
    }
    return factors;
  };
  SmallVector<int64_t> sourceCounts, targetCounts;
  auto source = side([&](unsigned axis) { return sourceFactors(axis); }, sourceCounts);
  auto target = side([&](unsigned axis) { return targetFactors(axis); }, targetCounts);
  return sizes.size() > mostFactors ? ArrangementAttr()
                                    : get(getContext(), sizes, source, sourceCounts, target, targetCounts);
}

namespace {
/// The factors of an arrangement that are cut further, each into parts, the slowest first.
class CutFactors {
public:
  explicit CutFactors(ArrangementAttr how) : how(how), parts(how.getSizes().size()) {
    for (auto [factor, size] : llvm::enumerate(how.getSizes()))
      parts[factor] = {size};
  }

  /// Cuts what is fastest of the part with this number into a part of its own.
  void cut(int64_t factor, size_t part, int64_t size) {
    parts[factor][part] /= size;
    parts[factor].insert(parts[factor].begin() + part + 1, size);
  }
  /// A part of a factor.
  using Part = std::pair<int64_t, size_t>;
  SmallVector<Part> of(ArrayRef<int64_t> factors) const {
    SmallVector<Part> found;
    for (int64_t factor : factors)
      for (size_t part = 0; part < parts[factor].size(); ++part)
        found.emplace_back(factor, part);
    return found;
  }
  int64_t size(Part part) const { return parts[part.first][part.second]; }

private:
  ArrangementAttr how;
  SmallVector<SmallVector<int64_t>> parts;
};
} // namespace

/// Cuts the factors of an axis so that both lists have the same sizes, and returns whether that is possible.
static bool cutAlike(CutFactors &one, ArrayRef<int64_t> factorsOfOne, CutFactors &other,
                     ArrayRef<int64_t> factorsOfOther) {
  for (size_t fromEnd = 0;; ++fromEnd) {
    auto left = one.of(factorsOfOne), right = other.of(factorsOfOther);
    if (fromEnd >= left.size() || fromEnd >= right.size())
      return fromEnd >= left.size() && fromEnd >= right.size();
    auto ofOne = left[left.size() - 1 - fromEnd], ofOther = right[right.size() - 1 - fromEnd];
    int64_t size = one.size(ofOne), sizeOfOther = other.size(ofOther), least = std::min(size, sizeOfOther);
    if (size % least || sizeOfOther % least)
      return false;
    if (size > least)
      one.cut(ofOne.first, ofOne.second, least);
    if (sizeOfOther > least)
      other.cut(ofOther.first, ofOther.second, least);
  }
}

ArrangementAttr ArrangementAttr::then(ArrangementAttr next) const {
  if (!summed().empty() || getSource().size() != getTarget().size())
    return {};
  // Factors of size 1 would be cut off without end.
  CutFactors one(*this), other(next);
  for (unsigned axis = 0; axis < arrangedAxes; ++axis)
    if (!cutAlike(one, without1(*this, targetFactors(axis)), other, without1(next, next.sourceFactors(axis))))
      return {};

  SmallVector<int64_t> sizes;
  llvm::SmallDenseMap<CutFactors::Part, int64_t> ofOne, ofOther;
  for (unsigned axis = 0; axis < arrangedAxes; ++axis) {
    auto left = one.of(without1(*this, targetFactors(axis))),
         right = other.of(without1(next, next.sourceFactors(axis)));
    for (auto [a, b] : llvm::zip_equal(left, right)) {
      ofOne[a] = ofOther[b] = sizes.size();
      sizes.push_back(one.size(a));
    }
  }
  auto side = [&](ArrangementAttr how, const CutFactors &cut, auto &numbers, bool ofSource,
                  SmallVector<int64_t> &counts) {
    SmallVector<int64_t> factors;
    for (unsigned axis = 0; axis < arrangedAxes; ++axis) {
      auto parts = cut.of(without1(how, ofSource ? how.sourceFactors(axis) : how.targetFactors(axis)));
      counts.push_back(parts.size());
      for (auto part : parts) {
        auto [known, isNew] = numbers.try_emplace(part, sizes.size());
        if (isNew) // the next one repeats
          sizes.push_back(cut.size(part));
        factors.push_back(known->second);
      }
    }
    return factors;
  };
  SmallVector<int64_t> sourceCounts, targetCounts;
  auto source = side(*this, one, ofOne, true, sourceCounts);
  auto target = side(next, other, ofOther, false, targetCounts);
  return sizes.size() > mostFactors ? ArrangementAttr()
                                    : get(getContext(), sizes, source, sourceCounts, target, targetCounts);
}

/// Returns whether the counts of five axes add up to the factors, which are numbers of sizes, each at most
/// once.
static bool isArranged(ArrayRef<int64_t> sizes, ArrayRef<int64_t> factors, ArrayRef<int64_t> counts) {
  int64_t all = 0;
  for (int64_t count : counts)
    all += count < 0 ? int64_t(factors.size()) + 1 : count;
  if (counts.size() != arrangedAxes || all != int64_t(factors.size()))
    return false;
  for (auto [i, factor] : llvm::enumerate(factors))
    if (factor < 0 || factor >= int64_t(sizes.size()) || llvm::is_contained(factors.take_front(i), factor))
      return false;
  return true;
}

LogicalResult ArrangementAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> sizes,
                                      ArrayRef<int64_t> source, ArrayRef<int64_t> sourceCounts,
                                      ArrayRef<int64_t> target, ArrayRef<int64_t> targetCounts) {
  constexpr int64_t most = int64_t(1) << 40;
  if (llvm::any_of(sizes, [](int64_t size) { return size < 1 || size > most; }) || sizes.size() > mostFactors)
    return emitError() << "an arrangement has up to " << mostFactors
                       << " factors, each with a size of at least 1";
  if (!isArranged(sizes, source, sourceCounts) || !isArranged(sizes, target, targetCounts))
    return emitError() << "each side of an arrangement has five axes, of factors that `of` gives the sizes "
                          "of, each at most once";
  for (int64_t factor = 0; factor < int64_t(sizes.size()); ++factor)
    if (!llvm::is_contained(source, factor) && !llvm::is_contained(target, factor))
      return emitError() << "factor " << factor << " is on neither side of the arrangement";
  return success();
}

/// Parses axes such as `0, 1 2, _, 3, 4`.
static ParseResult parseAxes(AsmParser &parser, SmallVectorImpl<int64_t> &factors,
                             SmallVectorImpl<int64_t> &counts) {
  for (unsigned axis = 0; axis < arrangedAxes; ++axis) {
    if (axis > 0 && parser.parseComma())
      return failure();
    size_t before = factors.size();
    if (failed(parser.parseOptionalKeyword("_"))) {
      int64_t factor = 0;
      OptionalParseResult next = parser.parseOptionalInteger(factor);
      if (!next.has_value())
        return parser.emitError(parser.getCurrentLocation(), "expected the number of a factor, or _");
      for (; next.has_value(); next = parser.parseOptionalInteger(factor)) {
        if (failed(*next))
          return failure();
        factors.push_back(factor);
      }
    }
    counts.push_back(factors.size() - before);
  }
  return success();
}

Attribute ArrangementAttr::parse(AsmParser &parser, Type) {
  SmallVector<int64_t> sizes, source, sourceCounts, target, targetCounts;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parseAxes(parser, source, sourceCounts) || parser.parseArrow() ||
      parseAxes(parser, target, targetCounts) || parser.parseKeyword("of") ||
      parser.parseDimensionList(sizes, /*allowDynamic=*/false, /*withTrailingX=*/false) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<ArrangementAttr>(where, parser.getContext(), sizes, source, sourceCounts, target,
                                            targetCounts);
}

void ArrangementAttr::print(AsmPrinter &printer) const {
  auto axes = [&](bool ofSource) {
    for (unsigned axis = 0; axis < arrangedAxes; ++axis) {
      ArrayRef<int64_t> factors = ofSource ? sourceFactors(axis) : targetFactors(axis);
      printer << (axis > 0 ? ", " : "") << (factors.empty() ? "_" : "");
      llvm::interleave(factors, printer.getStream(), " ");
    }
  };
  printer << "<";
  axes(true);
  printer << " -> ";
  axes(false);
  printer << " of ";
  llvm::interleave(getSizes(), printer.getStream(), "x");
  printer << ">";
}

//===-- Window ------------------------------------------------------------===//

static shape::Size3 toSize3(ArrayRef<int64_t> values) { return {values[0], values[1], values[2]}; }

WindowAttr WindowAttr::get(MLIRContext *context, const shape::Window &w) {
  return get(context, w.kernel, w.stride, w.padLow, w.padHigh, w.dilation);
}

shape::Window WindowAttr::getWindow() const {
  return {toSize3(getKernel()), toSize3(getStride()), toSize3(getPadLow()), toSize3(getPadHigh()),
          toSize3(getDilation())};
}

LogicalResult WindowAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> kernel,
                                 ArrayRef<int64_t> stride, ArrayRef<int64_t> padLow,
                                 ArrayRef<int64_t> padHigh, ArrayRef<int64_t> dilation) {
  for (ArrayRef<int64_t> part : {kernel, stride, padLow, padHigh, dilation})
    if (part.size() != 3)
      return emitError() << "a window's sizes have three parts, T x H x W, found " << part.size();
  for (ArrayRef<int64_t> part : {kernel, stride, dilation})
    if (llvm::any_of(part, [](int64_t v) { return v < 1; }))
      return emitError() << "kernel, stride and dilation of a window are at least 1";
  if (llvm::any_of(padLow, [](int64_t v) { return v < 0; }) ||
      llvm::any_of(padHigh, [](int64_t v) { return v < 0; }))
    return emitError() << "a window's padding is not negative";
  return success();
}

static ParseResult parseSize(AsmParser &parser, SmallVectorImpl<int64_t> &size) {
  size.clear();
  return parser.parseDimensionList(size, /*allowDynamic=*/false, /*withTrailingX=*/false);
}

Attribute WindowAttr::parse(AsmParser &parser, Type) {
  SmallVector<int64_t> kernel, stride(3, 1), padLow(3, 0), padHigh(3, 0), dilation(3, 1);
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseLess() || parseSize(parser, kernel))
    return {};
  if (succeeded(parser.parseOptionalKeyword("stride")) && parseSize(parser, stride))
    return {};
  if (succeeded(parser.parseOptionalKeyword("pad"))) {
    if (parseSize(parser, padLow))
      return {};
    padHigh = padLow;
    if (succeeded(parser.parseOptionalKeyword("to")) && parseSize(parser, padHigh))
      return {};
  }
  if (succeeded(parser.parseOptionalKeyword("dilate")) && parseSize(parser, dilation))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<WindowAttr>(where, parser.getContext(), kernel, stride, padLow, padHigh, dilation);
}

void WindowAttr::print(AsmPrinter &printer) const {
  auto size = [&](StringRef word, ArrayRef<int64_t> values) {
    printer << word;
    llvm::interleave(values, printer.getStream(), "x");
  };
  auto differs = [](ArrayRef<int64_t> values, int64_t usual) {
    return llvm::any_of(values, [=](int64_t v) { return v != usual; });
  };
  size("<", getKernel());
  if (differs(getStride(), 1))
    size(" stride ", getStride());
  if (differs(getPadLow(), 0) || differs(getPadHigh(), 0)) {
    size(" pad ", getPadLow());
    if (getPadLow() != getPadHigh())
      size(" to ", getPadHigh());
  }
  if (differs(getDilation(), 1))
    size(" dilate ", getDilation());
  printer << ">";
}
