// Hands tensors over as DLPack has them.
#pragma once

#include "runtime/Program/Program.h"

#include <dlpack/dlpack.h>

#include <memory>

namespace kinema::library {

// A BoundTensor is a tensor of the caller's, whose deleter is called at last.
struct CallDeleter {
  void operator()(DLManagedTensor *tensor) const {
    if (tensor->deleter)
      tensor->deleter(tensor);
  }
};
using BoundTensor = std::unique_ptr<DLManagedTensor, CallDeleter>;

DLDataType typeOf(ElementType type);

// Makes a tensor of memory that the library hands out, which stays for as long as the tensor. Without strides
// it is row-major.
DLManagedTensor *give(std::shared_ptr<void> memory, DLDataType type, std::vector<int64_t> shape,
                      std::vector<int64_t> strides = {});

// Throws Error unless a tensor lies in this machine's memory, with the type and shape of `tensor`.
void requireLike(const ArenaTensor &tensor, const DLTensor &given);

// These copy between a tensor of the caller's, of any strides, and one of a program.
void copyIn(Program &program, const ArenaTensor &tensor, const DLTensor &from);
void copyOut(Program &program, const ArenaTensor &tensor, const DLTensor &to);

} // namespace kinema::library
