#include "compiler/Inspect/Lives.h"

#include "dialects/Kernel/ArenaContents.h"

#include <map>

using namespace mlir;
using namespace kinema;
using namespace kinema::inspect;

/// Returns the shape and element of a tensor, without its layout.
static std::string typeText(RankedTensorType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t size : type.getShape())
    os << size << "x";
  type.getElementType().print(os);
  return text;
}

namespace {

/// A Held is a value in the arena, by its number among the lives.
struct Held {
  int64_t bytes = 0;
  size_t life = 0;
};

class Follower {
public:
  Follower(kernel::ArenaOp arena, SymbolTable &symbols) : symbols(symbols) {
    for (auto buffer : arena.getOps<kernel::BufferOp>())
      buffers[buffer.getOffset()] = {buffer.getSymName().str(),
                                     buffer.getRole(),
                                     int64_t(buffer.getOffset()),
                                     buffer.getBytes(),
                                     {},
                                     {}};
  }

  EntryLives follow(kernel::EntryOp entry) {
    prepares = entry.getSymName() == "prepare";
    size_t number = 0;
    for (auto launch : entry.getOps<kernel::LaunchOp>())
      follow(launch, number++);
    for (auto output : entry.getOps<kernel::OutputOp>())
      if (const Held *held = contents.find(output.getOffset()))
        result.lives[held->life].output = output.getName().str();
    result.live.assign(number, 0);
    for (const Life &life : result.lives)
      for (size_t launch = life.maker; launch < number && launch <= life.last(number); ++launch)
        result.live[launch] += life.bytes;
    for (auto &[offset, buffer] : buffers)
      if (!buffer.readers.empty() || !buffer.writers.empty())
        result.buffers.push_back(std::move(buffer));
    return std::move(result);
  }

private:
  static void note(std::vector<size_t> &launches, size_t number) {
    if (launches.empty() || launches.back() != number)
      launches.push_back(number);
  }

  /// Returns the buffer that an argument is; null for a value that a launch has made. What an entry prepares
  /// lies where a training step has activations, so a value that was made there comes first.
  BufferUse *bufferAt(int64_t offset) {
    auto found = buffers.find(offset);
    return found == buffers.end() || contents.find(offset) ? nullptr : &found->second;
  }

  void follow(kernel::LaunchOp launch, size_t number) {
    auto def = symbols.lookup<kernel::DefOp>(launch.getKernel());
    auto operands = launch.getArgs().take_front(def.getOperandTypes().size());
    for (int64_t offset : operands) {
      if (BufferUse *buffer = bufferAt(offset))
        note(buffer->readers, number);
      else if (const Held *held = contents.find(offset))
        note(result.lives[held->life].readers, number);
    }
    for (auto [offset, type] :
         llvm::zip_equal(launch.getArgs().drop_front(operands.size()), def.getResultTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      if (auto found = buffers.find(offset); found != buffers.end() && keeps(found->second)) {
        note(found->second.writers, number);
        continue;
      }
      const int64_t bytes = kernel::storedBytes(tensor);
      contents.put(offset, {bytes, result.lives.size()});
      result.lives.push_back({offset, bytes, typeText(tensor), number, {}, ""});
    }
  }

  /// Returns whether what is written at a buffer's place goes to that buffer.
  bool keeps(const BufferUse &buffer) const {
    return prepares || buffer.role != kernel::BufferRole::Prepared;
  }

  SymbolTable &symbols;
  std::map<int64_t, BufferUse> buffers;
  kernel::ArenaContents<Held> contents;
  bool prepares = false; // the entry makes what is prepared
  EntryLives result;
};

} // namespace

EntryLives kinema::inspect::livesOf(kernel::EntryOp entry, kernel::ArenaOp arena, SymbolTable &symbols) {
  return Follower(arena, symbols).follow(entry);
}
