#include "runtime/Library/Exchange.h"

#include "runtime/Library/Sessions.h"

#include <cstdlib>

using namespace kinema;
using namespace kinema::library;

namespace {

constexpr size_t alignment = 64; // of memory that is handed out

// A Given is a tensor that is handed out, with what it keeps alive.
struct Given {
  DLManagedTensor tensor = {{nullptr, {kDLCPU, 0}, 0, {}, nullptr, nullptr, 0}, nullptr, nullptr};
  std::vector<int64_t> shape, strides; // no strides: row-major
  std::shared_ptr<void> memory;
};

void deleteGiven(DLManagedTensor *own) { delete static_cast<Given *>(own->manager_ctx); }

} // namespace

DLManagedTensor *library::give(std::shared_ptr<void> memory, DLDataType type, std::vector<int64_t> shape,
                               std::vector<int64_t> strides) {
  auto given = std::make_unique<Given>();
  given->shape = std::move(shape);
  given->strides = std::move(strides);
  given->memory = std::move(memory);
  DLTensor &tensor = given->tensor.dl_tensor;
  tensor.data = given->memory.get();
  tensor.ndim = static_cast<int>(given->shape.size());
  tensor.dtype = type;
  tensor.shape = given->shape.data();
  tensor.strides = given->strides.empty() ? nullptr : given->strides.data();
  given->tensor.manager_ctx = given.get();
  given->tensor.deleter = deleteGiven;
  return &given.release()->tensor;
}

namespace {

char *firstOf(const DLTensor &tensor) { return static_cast<char *>(tensor.data) + tensor.byte_offset; }

bool isCompact(const DLTensor &tensor) {
  if (!tensor.strides)
    return true;
  int64_t stride = 1;
  for (int axis = tensor.ndim - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != stride)
      return false;
    stride *= tensor.shape[axis];
  }
  return true;
}

// Calls visit(element) for each element of 4 bytes, in row-major order.
template <typename Visit> void visitElements(const DLTensor &tensor, Visit &&visit) {
  std::vector<int64_t> at(static_cast<size_t>(tensor.ndim));
  auto *first = reinterpret_cast<float *>(firstOf(tensor));
  int64_t place = 0;
  for (;;) {
    visit(first[place]);
    int axis = tensor.ndim - 1;
    for (; axis >= 0; --axis) {
      place += tensor.strides[axis];
      if (++at[axis] < tensor.shape[axis])
        break;
      place -= at[axis] * tensor.strides[axis];
      at[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

} // namespace

DLDataType library::typeOf(ElementType type) {
  return {static_cast<uint8_t>(type == ElementType::F32 ? kDLFloat : kDLInt),
          static_cast<uint8_t>(8 * bytesOf(type)), 1};
}

void library::requireLike(const ArenaTensor &tensor, const DLTensor &given) {
  const DLDataType type = typeOf(tensor.type);
  if (given.device.device_type != kDLCPU)
    refuse("tensor {} lies on a device of DLPack's type {}: only the machine's memory (kDLCPU) can be bound",
           tensor.name, static_cast<int>(given.device.device_type));
  if (given.dtype.code != type.code || given.dtype.bits != type.bits || given.dtype.lanes != 1)
    refuse("tensor {} is of {}, and was given one of DLPack's type {} with {} bits and {} lanes", tensor.name,
           nameOf(tensor.type), given.dtype.code, given.dtype.bits, given.dtype.lanes);
  const bool hasShape = given.ndim >= 0 && (given.ndim == 0 || given.shape);
  const std::vector<int64_t> shape =
      hasShape ? std::vector<int64_t>(given.shape, given.shape + given.ndim) : std::vector<int64_t>{-1};
  if (shape != tensor.fileShape)
    refuse("tensor {} is {}, and was given {}", tensor.name, describe(tensor.type, tensor.fileShape),
           describe(tensor.type, shape));
  if (!given.data)
    refuse("tensor {} was given one without data", tensor.name);
}

void library::copyIn(Program &program, const ArenaTensor &tensor, const DLTensor &from) {
  const auto count = static_cast<size_t>(tensor.elements());
  if (isCompact(from))
    return program.set(tensor, std::span(reinterpret_cast<const float *>(firstOf(from)), count));
  std::vector<float> values;
  values.reserve(count);
  visitElements(from, [&](float element) { values.push_back(element); });
  program.set(tensor, values);
}

void library::copyOut(Program &program, const ArenaTensor &tensor, const DLTensor &to) {
  const auto count = static_cast<size_t>(tensor.elements());
  if (isCompact(to))
    return program.get(tensor, std::span(reinterpret_cast<float *>(firstOf(to)), count));
  const std::vector<float> values = program.get(tensor);
  size_t next = 0;
  visitElements(to, [&](float &element) { element = values[next++]; });
}

kinema_error *kinema_allocate(kinema_type type, int64_t rank, const int64_t *shape,
                              DLManagedTensor **tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    if (type != KINEMA_FLOAT32 && type != KINEMA_INT32)
      refuse("{} is the number of no type of tensors", static_cast<int>(type));
    constexpr int64_t mostAxes = 8;
    if (rank < 0 || rank > mostAxes)
      refuse("a tensor of {} axes is asked for; it may have up to {}", rank, mostAxes);
    if (rank > 0)
      require(shape, "shape");
    int64_t bytes = 4;
    for (int64_t axis = 0; axis < rank; ++axis)
      if (shape[axis] < 1 || __builtin_mul_overflow(bytes, shape[axis], &bytes) || bytes > INT64_MAX / 2)
        refuse("a tensor cannot have {} as its size along axis {}", shape[axis], axis);
    const size_t whole = (static_cast<size_t>(bytes) + alignment - 1) / alignment * alignment;
    std::shared_ptr<void> memory(std::aligned_alloc(alignment, whole), std::free);
    if (!memory)
      throw std::bad_alloc();
    std::fill_n(static_cast<char *>(memory.get()), whole, '\0');
    *tensor = give(std::move(memory), typeOf(type == KINEMA_FLOAT32 ? ElementType::F32 : ElementType::I32),
                   std::vector<int64_t>(shape, shape + rank));
  });
}

kinema_error *kinema_share(const DLManagedTensor *tensor, DLManagedTensor **shared) {
  return guarded([&] {
    require(tensor, "tensor");
    require(shared, "shared");
    if (tensor->deleter != deleteGiven)
      refuse("the tensor is none that the library made: only such can be handed out once more");
    const auto *given = static_cast<const Given *>(tensor->manager_ctx);
    *shared = give(given->memory, tensor->dl_tensor.dtype, given->shape, given->strides);
  });
}

static void requireInputOrOutput(const kinema_tensor &tensor) {
  if (tensor.kind == KINEMA_PARAMETER || tensor.kind == KINEMA_STATE)
    refuse("tensor {} is no input and no output: write or read it", tensor.name);
}

kinema_error *kinema_session_bind(kinema_session *session, const kinema_tensor *tensor,
                                  DLManagedTensor *bound) {
  return withSession(session, [&] {
    require(tensor, "tensor");
    const ArenaTensor place = session->placeOf(*tensor);
    requireInputOrOutput(*tensor);
    if (!bound) {
      session->bound.erase(tensor);
      return;
    }
    requireLike(place, bound->dl_tensor);
    BoundTensor &held = session->bound[tensor];
    if (held.get() != bound)
      held.reset(bound);
  });
}

kinema_error *kinema_session_view(kinema_session *session, const kinema_tensor *tensor,
                                  DLManagedTensor **view) {
  return withSession(session, [&] {
    require(tensor, "tensor");
    require(view, "view");
    const ArenaTensor place = session->placeOf(*tensor);
    requireInputOrOutput(*tensor);
    void *memory = session->program->memoryOf(place);
    const std::optional<std::vector<int64_t>> strides = stridesOf(place.shape, place.order);
    const bool reshaped = !place.order.empty() && place.shape != place.fileShape;
    if (!memory || !strides || reshaped)
      refuse(
          "tensor {} does not lie in the machine's memory in an order that strides can say: write or read it",
          tensor->name);
    *view = give(std::shared_ptr<void>(session->program, memory), typeOf(place.type), place.fileShape,
                 place.order.empty() ? std::vector<int64_t>() : *strides);
    session->haveWritten(*tensor);
  });
}
