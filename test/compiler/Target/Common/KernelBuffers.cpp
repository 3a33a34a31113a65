#include "test/compiler/Target/Common/KernelBuffers.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

float &kinema::testing::Tensor::at(std::initializer_list<int64_t> coordinates) {
  size_t index = 0, axis = 0;
  for (int64_t coordinate : coordinates)
    index = index * shape[axis++] + coordinate;
  return values[index];
}

static int64_t product(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

Tensor kinema::testing::random(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor{shape, std::vector<float>(product(shape))};
  std::mt19937 bits(seed);
  for (float &value : tensor.values)
    value = float(bits() >> 8) / float(1 << 23) - 1.0f;
  return tensor;
}

Tensor kinema::testing::coarse(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor = random(std::move(shape), seed);
  for (float &value : tensor.values)
    value = std::trunc(value * 128) / 128;
  return tensor;
}

Tensor kinema::testing::filled(std::vector<int64_t> shape, float value) {
  return {shape, std::vector<float>(product(shape), value)};
}

//===-- Packing -----------------------------------------------------------===//

/// Calls body(position in storage, row-major index, or -1 in padding).
static void overStorage(RankedTensorType type, function_ref<void(int64_t, int64_t)> body) {
  auto shape = type.getShape();
  auto loops = kernel::layoutOf(type).order(shape);
  int64_t total = kernel::layoutOf(type).storedElements(shape);
  for (int64_t position = 0; position < total; ++position) {
    SmallVector<int64_t> at(shape.size(), 0);
    int64_t rest = position, index = 0;
    for (size_t i = loops.size(); i-- > 0; rest /= loops[i].size)
      at[loops[i].axis] += rest % loops[i].size * loops[i].step;
    for (size_t axis = 0; axis < shape.size() && index >= 0; ++axis)
      index = at[axis] < shape[axis] ? index * shape[axis] + at[axis] : -1;
    body(position, index);
  }
}

static constexpr unsigned char guardValue = 0xA5;

/// An element as the type holds it.
static void write(std::byte *to, Type element, float value) {
  int32_t label = static_cast<int32_t>(value);
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint16_t upper = bits >> 16;
  if (element.isBF16()) {
    EXPECT_EQ(bits & 0xFFFF, 0u) << value << " is no bfloat16";
    std::memcpy(to, &upper, 2);
  } else if (element.isF16()) {
    auto half = static_cast<_Float16>(value);
    EXPECT_EQ(static_cast<float>(half), value) << "no f16";
    std::memcpy(to, &half, 2);
  } else {
    std::memcpy(to, element.isF32() ? static_cast<void *>(&value) : &label, 4);
  }
}

static float read(const std::byte *from, Type element) {
  if (element.isF16()) {
    _Float16 half;
    std::memcpy(&half, from, 2);
    return static_cast<float>(half);
  }
  uint32_t bits = 0;
  std::memcpy(element.isBF16() ? reinterpret_cast<std::byte *>(&bits) + 2
                               : reinterpret_cast<std::byte *>(&bits),
              from, element.getIntOrFloatBitWidth() / 8);
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

Bytes kinema::testing::makeBytes(RankedTensorType type) {
  Bytes bytes(kernel::storedBytes(type), std::byte(0xFF)); // NaN
  bytes.resize(bytes.size() + guardBytes, std::byte(guardValue));
  return bytes;
}

Bytes kinema::testing::pack(const Tensor &tensor, RankedTensorType type) {
  EXPECT_EQ(ArrayRef<int64_t>(tensor.shape), type.getShape());
  Bytes bytes = makeBytes(type);
  Type element = type.getElementType();
  overStorage(type, [&](int64_t position, int64_t index) {
    write(&bytes[position * (element.getIntOrFloatBitWidth() / 8)], element,
          index < 0 ? 0.0f : tensor.values[index]);
  });
  return bytes;
}

Tensor kinema::testing::unpack(const Bytes &bytes, RankedTensorType type) {
  Tensor tensor{type.getShape().vec(), std::vector<float>(type.getNumElements())};
  Type element = type.getElementType();
  int64_t dirty = 0, beyond = 0;
  overStorage(type, [&](int64_t position, int64_t index) {
    float value = read(&bytes[position * (element.getIntOrFloatBitWidth() / 8)], element);
    if (index >= 0)
      tensor.values[index] = value;
    else
      dirty += value != 0.0f;
  });
  for (size_t i = bytes.size() - guardBytes; i < bytes.size(); ++i)
    beyond += bytes[i] != std::byte(guardValue);
  EXPECT_EQ(dirty, 0) << "elements of padding that are not zero";
  EXPECT_EQ(beyond, 0) << "bytes written beyond the buffer";
  return tensor;
}
