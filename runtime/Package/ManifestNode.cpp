#include "runtime/Package/ManifestNode.h"

#include <fmt/ranges.h>

using namespace kinema;

static constexpr int64_t alignment = 64;

int64_t kinema::parsePlace(const ManifestNode &node, int64_t bytes, int64_t arenaBytes) {
  int64_t offset = node.integer(0, arenaBytes);
  if (offset % alignment != 0)
    node.fault("{} is no multiple of {}", offset, alignment);
  if (bytes > arenaBytes - offset)
    node.fault("{} bytes at {} reach beyond the arena of {}", bytes, offset, arenaBytes);
  return offset;
}

Order kinema::parseOrder(const ManifestNode &node) {
  Order order;
  for (const ManifestNode &item : node.list()) {
    std::vector<ManifestNode> loop = item.list();
    if (loop.size() != 3)
      item.fault("expected [axis, size, step], found {} numbers", loop.size());
    order.push_back({loop[0].integer(0, 63), loop[1].integer(1, INT32_MAX), loop[2].integer(1, INT32_MAX)});
  }
  return order;
}

std::vector<int64_t> kinema::parseShape(const ManifestNode &node) {
  std::vector<int64_t> shape;
  for (const ManifestNode &size : node.list())
    shape.push_back(size.integer(1, INT32_MAX));
  return shape;
}

void kinema::parseTensor(const ManifestNode &node, int64_t arenaBytes, ArenaTensor &tensor) {
  tensor.name = node.at("name").text();
  std::string type = node.at("type").text();
  if (type != "f32" && type != "i32")
    node.at("type").fault("expected f32 or i32, found {}", type);
  tensor.type = type == "f32" ? ElementType::F32 : ElementType::I32;
  tensor.shape = parseShape(node.at("shape"));
  tensor.fileShape = node.has("file_shape") ? parseShape(node.at("file_shape")) : tensor.shape;
  tensor.order = parseOrder(node.at("order"));
  if (std::string fault = findFault(tensor.shape, tensor.order); !fault.empty())
    node.fault("tensor {}: {}", tensor.name, fault);

  auto logical = storageBytes(tensor.shape, [](int64_t size) { return size; });
  if (storageBytes(tensor.fileShape, [](int64_t size) { return size; }) != logical)
    node.fault("tensor {} has shape [{}] but [{}] in files", tensor.name, fmt::join(tensor.shape, ", "),
               fmt::join(tensor.fileShape, ", "));
  auto stored =
      tensor.order.empty() ? logical : storageBytes(tensor.order, [](const Loop &loop) { return loop.size; });
  tensor.bytes = node.at("bytes").integer(0, largestArena);
  if (!logical || !stored || tensor.bytes != *stored)
    node.fault("tensor {} has {} bytes, its order takes {}", tensor.name, tensor.bytes,
               logical && stored ? fmt::to_string(*stored) : "more than any arena");
  tensor.offset = parsePlace(node.at("offset"), tensor.bytes, arenaBytes);
}

bool kinema::overlap(int64_t offset, int64_t bytes, const Segment &segment) {
  return offset < segment.offset + segment.bytes && segment.offset < offset + bytes;
}
