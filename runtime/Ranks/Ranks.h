// Lets several processes train one network together. Each of them is a rank and computes the gradients of its
// share of the clips; the ranks add these up and then update the same weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// How ranks send numbers to each other: as they are, or rounded to the nearest bfloat16, which
// takes half the bytes.
enum class Wire { Float32, Bfloat16 };
// Lists the words of the option --compress.
inline const std::vector<std::string> wireWords = {"none", "bf16"};
// Returns what such a word stands for.
inline Wire wireOf(std::string_view word) { return word == wireWords[1] ? Wire::Bfloat16 : Wire::Float32; }
// Returns what messages say of a wire, behind what is sent by it.
inline const char *textOf(Wire wire) { return wire == Wire::Bfloat16 ? ", as bfloat16" : ""; }
// Returns the bytes of a number.
inline constexpr int64_t bytesOf(Wire wire) { return wire == Wire::Bfloat16 ? 2 : 4; }

// The ranks of one training. All functions but `abort` and `giveUp` are called by all ranks, in the same
// order and by one thread of each at a time. They throw Error where another rank does not answer in time.
class Ranks {
public:
  Ranks(int rank, int count) : own(rank), all(count) {}
  virtual ~Ranks() = default;
  Ranks(const Ranks &) = delete;
  Ranks &operator=(const Ranks &) = delete;

  int rank() const { return own; } // from 0
  int count() const { return all; }
  // The first rank writes files and speaks for all.
  bool isFirst() const { return own == 0; }

  // Replaces each value by its sum over all ranks: ((rank 0 + rank 1) + rank 2) + ..., so that all ranks have
  // the same bits, and the same ones in each run of as many ranks. All ranks give as many values. By
  // bfloat16, what is added up is rounded, and the sums are.
  virtual void sum(std::span<float> values, Wire wire = Wire::Float32) = 0;
  // Returns what each rank gives, in the order of the ranks.
  std::vector<std::string> gather(std::string_view own);
  // Names what the ranks meet through.
  virtual std::string library() const = 0;
  // Returns whether threads other than the one that made the ranks may call functions.
  virtual bool serveAnyThread() const { return true; }
  // Has a wait for other ranks, in which another thread is, end at once with an Error, and all later ones.
  virtual void giveUp() = 0;
  // Ends all ranks with this exit status, whatever they are doing.
  [[noreturn]] virtual void abort(int status) = 0;

  // Says that the other ranks' GPUs have not joined this one's in time, and ends all ranks.
  [[noreturn]] void endUnjoined();

  // Returns for how many seconds a rank waits for the others: 600, or what KINEMA_RANK_SECONDS says.
  static double patience();

protected:
  // Has each rank take as many bytes of all. from: [bytesEach], to: [count, bytesEach]
  virtual void allGather(const void *from, void *to, size_t bytesEach) = 0;

private:
  int own, all;
};

// Returns what the environment says of how this process was started: by how many ranks; 1 where it was
// started alone.
int startedRanks();

// Returns the number of this process among the ranks on its machine, from 0, as the environment says it; 0
// where it does not.
int rankOnMachine();

// Returns the number of the GPU that this process takes where nobody names one: ranks share out those that it
// sees; 0 for a process alone.
int gpuOfRank();

// Returns the ranks that this process was started with: by mpirun or srun, joined through the MPI library of
// this machine; by torchrun, joined through NCCL on their GPUs. Null where it was started alone. The first
// call joins, later ones return the same. Throws Error where there is no library.
Ranks *ranksOfProcess();
// Returns whether this process is the first of them, or was started alone.
bool isFirstRank();
// Returns the ranks if this process has joined them; else null.
Ranks *joinedRanks();
// Returns the exit status. Where it is not 0 and this process has joined the ranks, all of them end with it
// at once: the others would wait for this one.
int leaveRanks(int status);

} // namespace kinema
