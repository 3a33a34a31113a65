// Tells what lives where in the arena, from which launch of an entry to which.
#ifndef KINEMA_COMPILER_INSPECT_LIVES_H
#define KINEMA_COMPILER_INSPECT_LIVES_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <string>
#include <vector>

namespace kinema::inspect {

/// A Life is a tensor that a launch makes and leaves in the arena.
struct Life {
  int64_t offset, bytes;       // of the arena, padding included
  std::string type;            // "2x64x8x56x56xbf16"
  size_t maker;                // the launch, by its number in the entry
  std::vector<size_t> readers; // launches, ascending, each once
  std::string output;          // the entry leaves it for its caller under this name; empty: it does not
  /// Returns the last launch that needs it; `launches`, their number, where the caller does.
  size_t last(size_t launches) const {
    return !output.empty() ? launches : readers.empty() ? maker : readers.back();
  }
};

/// A BufferUse is a buffer of the arena with the launches of an entry that read and write it.
struct BufferUse {
  std::string name;
  kernel::BufferRole role;
  int64_t offset, bytes;
  std::vector<size_t> readers, writers; // launches, ascending, each once
};

struct EntryLives {
  std::vector<Life> lives;        // in the order of their makers
  std::vector<BufferUse> buffers; // those that a launch reads or writes, by offset
  std::vector<int64_t> live;      // bytes of the lives at each launch
};

/// Follows the launches of an entry of a module in phase `planned`, whose symbols are given.
EntryLives livesOf(kernel::EntryOp entry, kernel::ArenaOp arena, mlir::SymbolTable &symbols);

} // namespace kinema::inspect

#endif
