#include "dialects/Kernel/AccessRegion.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

AccessOperand AccessRegion::dereference(const AccessRegionBase &base, ptrdiff_t index) {
  auto arguments = base.region->getArguments();
  BlockArgument argument;
  if (arguments.size() >= base.operands) // the region's first arguments are accumulators and statistics
    argument = arguments[arguments.size() - base.operands + index];
  return {base.first + index, base.access[index], argument};
}

Value AccessRegion::getPixel() const {
  for (AccessOperand operand : *this)
    if (operand.access == Access::Pixel)
      return operand.get();
  return {};
}

RankedTensorType AccessRegion::getPixelType() const {
  Value pixel = getPixel();
  return pixel ? tensorOf(pixel) : RankedTensorType();
}

Value AccessRegion::operandOf(Value scalar) const {
  for (AccessOperand operand : *this)
    if (operand.argument == scalar)
      return operand.get();
  return {};
}
