#include "runtime/Support/BoxMap.h"

using namespace kinema;

BoxMapAxes::BoxMapAxes(const BoxMap &map) : rank(static_cast<uint32_t>(map.sizes.size())) {
  uint64_t stride = BoxMap::wordBytes;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    uint32_t from = rank - 1 - axis;
    sizes[axis] = static_cast<uint64_t>(map.sizes[from]);
    strides[axis] = stride;
    box[axis] = static_cast<uint32_t>(map.box[from]);
    steps[axis] = static_cast<uint32_t>(map.steps[from]);
    stride *= sizes[axis];
  }
}
