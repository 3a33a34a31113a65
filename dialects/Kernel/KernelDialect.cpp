#include "dialects/Kernel/Kernel.h"

#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/Twins.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

#include "dialects/Kernel/KernelDialect.cpp.inc"
#include "dialects/Kernel/KernelEnums.cpp.inc"
#include "dialects/Kernel/KernelInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttributes.cpp.inc"

namespace {
/// Layouts recur in every type: dumps name each once (#aBcde8b).
struct KernelAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    auto layout = dyn_cast<LayoutAttr>(attribute);
    if (!layout)
      return AliasResult::NoAlias;
    os << layout.getTag();
    return AliasResult::FinalAlias;
  }
};
} // namespace

TargetAttr TargetAttr::of(Operation *operation) {
  for (; operation; operation = operation->getParentOp())
    if (auto target = operation->getAttrOfType<TargetAttr>(targetAttribute))
      return target;
  return {};
}

void kernel::emitTargetError(Operation *at, TargetAttr target, ArrayRef<StringRef> names) {
  auto error = at->emitError();
  if (target)
    error << "the module is for " << target << "; here";
  else
    error << "the module has no " << targetAttribute << ", which says what machine it is for; here";
  error << " it can be for ";
  llvm::interleaveComma(names, error);
}

/// Succeeds if no kernel multiplies terms in a module that does not say so.
static LogicalResult verifyProducts(Operation *module, PrecisionAttr precision) {
  if (precision.getValue() == Precision::BF16x3)
    return success();
  auto verified = module->walk([&](LaunchableOp kernel) -> WalkResult {
    if (!multipliesTerms(kernel))
      return WalkResult::advance();
    return kernel.emitOpError("multiplies numbers by terms in a module of the precision ")
           << stringifyPrecision(precision.getValue()) << ", expected bf16x3";
  });
  return failure(verified.wasInterrupted());
}

/// Returns whether that is a list of schedules with their seconds.
static bool isCandidates(Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  return list && llvm::all_of(list, [](Attribute entry) {
           auto candidate = dyn_cast<DictionaryAttr>(entry);
           return candidate && candidate.getAs<ScheduleAttr>("schedule") &&
                  candidate.getAs<FloatAttr>("seconds");
         });
}

LogicalResult KernelDialect::verifyOperationAttribute(Operation *operation, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  auto expect = [&](bool right, StringRef what) -> LogicalResult {
    if (right)
      return success();
    return operation->emitOpError("has the attribute ") << name << " = " << value << ", expected " << what;
  };
  bool isModule = operation->hasTrait<OpTrait::SymbolTable>();
  if (name == targetAttribute)
    return expect(isModule && isa<TargetAttr>(value),
                  "a target such as #kernel.target<cuda \"sm_90a\"> on a module");
  if (name == precisionAttribute) {
    auto precision = dyn_cast<PrecisionAttr>(value);
    if (failed(expect(isModule && precision, "a precision such as #kernel.precision<bf16> on a module")))
      return failure();
    return verifyProducts(operation, precision);
  }
  if (name == twinsAttribute)
    return expect(isa<LaunchOp>(operation) && readTwins(value),
                  "a list of {kernel = @NAME, args = array<i64: ...>} on a launch");
  if (name == noteAttribute)
    return expect(isa<StringAttr>(value), "a string");
  if (name == measuredAttribute)
    return expect(isa<FloatAttr>(value), "seconds, a number");
  if (name == candidatesAttribute)
    return expect(isCandidates(value), "a list of {schedule = #kernel.schedule<...>, seconds = NUMBER}");
  if (name == threadsAttribute || name == clusterAttribute)
    return expect(isa<IntegerAttr>(value) && cast<IntegerAttr>(value).getType().isSignlessInteger(32),
                  "a number of 32 bits");
  if (name == widenedAttribute)
    return expect(isa<ConvertOp>(operation) && isa<DenseI64ArrayAttr>(value),
                  "a list of numbers of groups on a convert");
  if (name == sitesAttribute)
    return expect(
        isModule && isa<ArrayAttr>(value) &&
            llvm::all_of(cast<ArrayAttr>(value), [](Attribute site) { return isa<StringAttr>(site); }),
        "a list of strings on a module");
  return success();
}

LogicalResult KernelDialect::verifyRegionArgAttribute(Operation *operation, unsigned, unsigned argument,
                                                      NamedAttribute attribute) {
  if (attribute.getName() != tensorMapAttribute)
    return success();
  auto map = dyn_cast<TensorMapAttr>(attribute.getValue());
  if (map && map.getBuffer() < argument)
    return success();
  return operation->emitOpError("has a parameter ")
         << argument << " with the attribute " << tensorMapAttribute << " = " << attribute.getValue()
         << ", expected a #kernel.tensor_map of one of the parameters before it";
}

LogicalResult TensorMapAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t buffer,
                                    ArrayRef<int64_t> sizes, ArrayRef<int64_t> box, ArrayRef<int64_t> steps) {
  auto fault = [&]() { return emitError() << "a tensor map "; };
  int64_t axes = sizes.size();
  if (axes < 1 || axes > mostAxes || int64_t(box.size()) != axes || int64_t(steps.size()) != axes)
    return fault() << "has " << axes << " sizes, " << box.size() << " of a box and " << steps.size()
                   << " steps, expected 1 to " << mostAxes << ", of each as many";
  if (buffer < 0)
    return fault() << "is of buffer " << buffer << ", expected the number of a parameter";
  for (auto [size, span, step] : llvm::zip_equal(sizes, box, steps))
    if (size < 1 || size > std::numeric_limits<int32_t>::max() || span < 1 || span > mostPositions ||
        step < 1 || step > mostStep)
      return fault() << "has an axis of " << size << ", of which a box spans " << span << " in steps of "
                     << step << ", expected less than 2^31, at most " << mostPositions << " and " << mostStep;
  if (sizes.back() * wordBytes % unitBytes || box.back() * wordBytes % unitBytes || steps.back() != 1)
    return fault() << "has rows of " << sizes.back() << " words, of which a box spans " << box.back()
                   << " in steps of " << steps.back() << ", expected even numbers and 1";
  return success();
}

int64_t TensorMapAttr::bytes() const {
  int64_t bytes = wordBytes;
  for (int64_t size : getSizes())
    bytes = llvm::SaturatingMultiply<uint64_t>(bytes, size) >> 62 ? std::numeric_limits<int64_t>::max()
                                                                  : bytes * size;
  return bytes;
}

int64_t TensorMapAttr::boxBytes() const {
  int64_t bytes = wordBytes;
  for (int64_t axis = 0; axis < int64_t(getBox().size()); ++axis)
    bytes *= copied(axis);
  return bytes;
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t grid,
                                   int64_t scratch, DictionaryAttr parameters) {
  if (grid < 1 || scratch < 0)
    return emitError() << "the schedule " << name << " has a grid of " << grid << " blocks and " << scratch
                       << " bytes of scratch, expected at least 1 and 0";
  for (NamedAttribute parameter : parameters)
    if (auto value = dyn_cast<IntegerAttr>(parameter.getValue()); !value || !value.getType().isInteger(64))
      return emitError() << "the schedule " << name << " has the parameter " << parameter.getName() << " = "
                         << parameter.getValue() << ", expected a whole number of 64 bits";
  return success();
}

void KernelDialect::initialize() {
  addInterfaces<KernelAliases>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/KernelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/KernelOps.cpp.inc"
      >();
}

std::optional<int64_t> ScheduleAttr::find(StringRef parameter) const {
  auto value = getParameters().getAs<IntegerAttr>(parameter);
  return value ? std::optional(value.getInt()) : std::nullopt;
}

std::map<std::string, int64_t> ScheduleAttr::getNumbers() const {
  std::map<std::string, int64_t> numbers;
  for (NamedAttribute parameter : getParameters())
    numbers[parameter.getName().str()] = cast<IntegerAttr>(parameter.getValue()).getInt();
  return numbers;
}

ScheduleAttr kinema::kernel::scheduleOf(Operation *kernel) {
  auto launchable = dyn_cast<LaunchableOp>(kernel);
  return launchable ? launchable.getScheduleAttr() : ScheduleAttr();
}
