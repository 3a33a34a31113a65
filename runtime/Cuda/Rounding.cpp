#include "runtime/Cuda/Rounding.h"

#include "runtime/Support/Error.h"

#include <algorithm>

namespace kinema::cuda {

// Threads walk over their tensor's numbers, in steps of as many as its row of blocks has threads. A kernel
// finds its tensor, and then does something with each number.
#define KINEMA_BEGIN_WALK(name)                                                                              \
  "\n.visible .entry " name R"((.param .align 8 .b8 table[1024], .param .u64 rounded)
{
  .reg .pred %done;
  .reg .b16 %half, %zero;
  .reg .b32 %index, %step, %first, %count, %word;
  .reg .f32 %value;
  .reg .b64 %entry, %tensor, %memory, %at, %offset;

  mov.u32 %word, %ctaid.y;
  mul.wide.u32 %offset, %word, 16;
  mov.b64 %entry, table;
  add.u64 %entry, %entry, %offset;
  ld.param.u64 %tensor, [%entry];
  ld.param.u32 %first, [%entry+8];
  ld.param.u32 %count, [%entry+12];
  ld.param.u64 %memory, [rounded];
  cvta.to.global.u64 %tensor, %tensor;
  cvta.to.global.u64 %memory, %memory;
  mov.u32 %index, %ctaid.x;
  mov.u32 %step, %ntid.x;
  mov.u32 %word, %tid.x;
  mad.lo.u32 %index, %index, %step, %word;
  mov.u32 %word, %nctaid.x;
  mul.lo.u32 %step, %step, %word;
next:
  setp.ge.u32 %done, %index, %count;
  @%done bra end;
  mul.wide.u32 %offset, %index, 4;
  add.u64 %at, %tensor, %offset; // of the number
  add.u32 %word, %first, %index;
  mul.wide.u32 %offset, %word, 2;
  add.u64 %offset, %memory, %offset; // of what it is rounded to
)"
#define KINEMA_END_WALK                                                                                      \
  R"(  add.u32 %index, %index, %step;
  bra next;
end:
  ret;
}
)"
const char roundingCode[] =
    ".version 7.1\n.target sm_80\n.address_size 64\n" KINEMA_BEGIN_WALK("kinema_round") R"(
  ld.global.f32 %value, [%at];
  cvt.rn.bf16.f32 %half, %value;
  st.global.b16 [%offset], %half;
)" KINEMA_END_WALK KINEMA_BEGIN_WALK("kinema_widen") R"(
  mov.u16 %zero, 0;
  ld.global.b16 %half, [%offset];
  mov.b32 %word, {%zero, %half};
  st.global.b32 [%at], %word;
)" KINEMA_END_WALK;
#undef KINEMA_BEGIN_WALK
#undef KINEMA_END_WALK
static_assert(sizeof(RoundingTable) == 1024 && sizeof(RoundingTable::Tensor) == 16 &&
              offsetof(RoundingTable::Tensor, first) == 8 && offsetof(RoundingTable::Tensor, count) == 12);

static constexpr unsigned threadsOfBlock = 256, mostBlocks = 512; // of a tensor

// What it delegates to has made the object, so that it is taken apart where something fails here.
Rounding::Rounding(int64_t elements) : Rounding() {
  // A thread's index, which goes beyond the last number by a step, is of 32 bits.
  if (elements > UINT32_MAX - int64_t{threadsOfBlock} * mostBlocks)
    fail("{} gradients are more than ranks can round together: give a smaller --bucket", elements);
  capacity = elements;
  check(api.memAlloc(&memory, static_cast<size_t>(bytes())), "allocating memory for rounded gradients");
  check(api.moduleLoad(&module, roundingCode, 0, nullptr, nullptr), "loading the kernels that round");
  check(api.moduleGetFunction(&roundFunction, module, roundKernel), "finding the kernel that rounds");
  check(api.moduleGetFunction(&widenFunction, module, widenKernel), "finding the kernel that widens");
}

Rounding::~Rounding() {
  if (module)
    api.moduleUnload(module);
  if (memory)
    api.memFree(memory);
}

size_t Rounding::start(Function function, std::span<const Tensor> tensors, Stream stream) const {
  size_t first = 0;
  while (!tensors.empty()) {
    const auto together = tensors.first(std::min(tensors.size(), RoundingTable::mostTensors));
    RoundingTable table{};
    size_t most = 1;
    for (size_t i = 0; i < together.size(); ++i) {
      const auto [address, elements] = together[i];
      table.tensors[i] = {address, static_cast<uint32_t>(first), static_cast<uint32_t>(elements)};
      first += elements;
      most = std::max(most, elements);
    }
    DeviceAddress to = memory;
    void *arguments[] = {&table, &to};
    const auto blocks =
        static_cast<unsigned>(std::min<size_t>((most + threadsOfBlock - 1) / threadsOfBlock, mostBlocks));
    check(api.launchKernel(function, blocks, static_cast<unsigned>(together.size()), 1, threadsOfBlock, 1, 1,
                           0, stream, arguments, nullptr),
          "starting a kernel that rounds or widens");
    tensors = tensors.subspan(together.size());
  }
  return first;
}

} // namespace kinema::cuda
