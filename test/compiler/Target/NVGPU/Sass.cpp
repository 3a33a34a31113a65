#include "test/compiler/Target/NVGPU/Sass.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <map>
#include <set>

using namespace llvm;
using namespace kinema::testing;

namespace {

/// A line such as `/*0d90*/ @!P0 LDG.E.128 R32, desc[UR10][R32.64] ;`.
struct Instruction {
  StringRef opcode;                // "LDG.E.128"
  SmallVector<StringRef> operands; // "R32", "desc[UR10][R32.64]"
  StringRef target;                // the label of a branch
  bool isConditional;              // whether a predicate decides about it

  bool is(StringRef name) const {
    return opcode == name || (opcode.starts_with(name) && opcode.drop_front(name.size()).starts_with("."));
  }
};

using Code = std::vector<Instruction>;

/// A loop: from the instruction that is branched back to, to the branch.
struct Range {
  size_t begin, end;

  bool holds(const Range &other) const { return begin <= other.begin && other.end <= end; }
  /// Whether it begins inside of the other one and ends behind it, as the blocks do, far behind a loop, that
  /// try a barrier again and go back.
  bool leaves(const Range &other) const {
    return begin > other.begin && begin <= other.end && end > other.end;
  }
};

/// A kernel's code and its labels, by the number of the instruction behind each.
struct Routine {
  Code code;
  std::map<StringRef, size_t> labels;

  void read(StringRef line);
  std::vector<Range> loops() const;
};

void Routine::read(StringRef line) {
  line = line.trim();
  if (line.starts_with(".L_")) {
    labels[line.split(':').first] = code.size();
    return;
  }
  if (!line.consume_front("/*") || !line.contains(';'))
    return;
  StringRef text = line.split("*/").second.split(';').first.trim();
  bool isConditional = text.starts_with("@");
  if (isConditional)
    text = text.split(' ').second.trim();
  auto [opcode, rest] = text.split(' ');
  if (opcode.empty() || opcode == "NOP")
    return;
  Instruction instruction{opcode, {}, {}, isConditional};
  rest.split(instruction.operands, ',', -1, /*KeepEmpty=*/false);
  for (StringRef &operand : instruction.operands)
    operand = operand.trim();
  if (size_t at = rest.find("`("); at != StringRef::npos)
    instruction.target = rest.drop_front(at + 2).split(')').first;
  code.push_back(std::move(instruction));
}

std::vector<Range> Routine::loops() const {
  std::vector<Range> found;
  for (size_t i = 0; i < code.size(); ++i)
    if (auto label = labels.find(code[i].target);
        code[i].is("BRA") && label != labels.end() && label->second <= i)
      found.push_back({label->second, i});
  std::vector<Range> proper;
  llvm::copy_if(found, std::back_inserter(proper), [&](const Range &loop) {
    return llvm::none_of(found, [&](const Range &other) { return loop.leaves(other); });
  });
  return proper;
}

/// Calls `visit` with the number of each general register in an operand such as "desc[UR10][R32.64+0x10]".
void forEachRegister(StringRef operand, function_ref<void(int64_t)> visit) {
  for (size_t at = operand.find('R'); at != StringRef::npos; at = operand.find('R', at + 1)) {
    if (at > 0 && isAlnum(operand[at - 1]))
      continue; // of UR10
    StringRef rest = operand.drop_front(at + 1);
    int64_t number = 0;
    if (rest.consumeInteger(10, number))
      continue; // RZ
    visit(number);
    if (rest.starts_with(".64"))
      visit(number + 1);
  }
}

int64_t registersOf(const Instruction &instruction) {
  if (instruction.opcode.contains(".128"))
    return 4;
  return instruction.opcode.contains(".64") || instruction.opcode.contains("WIDE") ? 2 : 1;
}

/// Walks a loop in order and counts the waits for loads.
class Walk {
public:
  int64_t waits = 0;

  void step(const Instruction &instruction) {
    bool stores = instruction.is("STS") || instruction.is("STG") || instruction.is("STL");
    bool writes = !stores && !instruction.operands.empty() && instruction.operands.front().starts_with("R");
    for (StringRef operand : ArrayRef(instruction.operands).drop_front(writes))
      read(operand);
    if (stores)
      readWide(instruction.operands.back(), registersOf(instruction));
    if (instruction.is("MEMBAR"))
      waitFor(round);
    if (writes)
      write(instruction);
  }

private:
  /// Loads of a round are under way together; a wait for one of them ends the round.
  void waitFor(int64_t loaded) {
    if (loaded == round && pending) {
      ++waits;
      ++round;
      pending = false;
    }
  }
  void readRegister(int64_t number) {
    if (auto load = loads.find(number); load != loads.end()) {
      waitFor(load->second);
      loads.erase(load);
    }
  }
  void read(StringRef operand) {
    forEachRegister(operand, [&](int64_t number) { readRegister(number); });
  }
  void readWide(StringRef operand, int64_t count) {
    forEachRegister(operand, [&](int64_t number) {
      for (int64_t i = 1; i < count; ++i)
        readRegister(number + i);
    });
  }
  void write(const Instruction &instruction) {
    bool isLoad = instruction.is("LDG");
    forEachRegister(instruction.operands.front(), [&](int64_t number) {
      for (int64_t i = 0; i < registersOf(instruction); ++i) {
        loads.erase(number + i);
        if (isLoad)
          loads[number + i] = round;
      }
    });
    pending |= isLoad;
  }

  std::map<int64_t, int64_t> loads; // by register: the round that the load belongs to
  int64_t round = 0;
  bool pending = false; // the round has loads
};

LoopCounts count(ArrayRef<Instruction> loop) {
  auto times = [&](StringRef opcode) {
    return llvm::count_if(loop, [&](const Instruction &instruction) { return instruction.is(opcode); });
  };
  Walk walk;
  for (const Instruction &instruction : loop)
    walk.step(instruction);
  int64_t first = walk.waits;
  for (const Instruction &instruction : loop)
    walk.step(instruction);
  return {int64_t(loop.size()),      walk.waits - first,
          times("STS.128"),          times("HGMMA") + times("HMMA") + times("UTCHMMA"),
          times("WARPGROUP.DEPBAR"), times("LDSM")};
}

/// The counts of those loops that `wanted` takes and that hold no other one of these.
std::vector<LoopCounts> innermost(const Routine &routine, ArrayRef<Range> loops,
                                  function_ref<bool(ArrayRef<Instruction>)> wanted) {
  auto codeOf = [&](const Range &loop) {
    return ArrayRef(routine.code).slice(loop.begin, loop.end - loop.begin + 1);
  };
  std::vector<Range> taken;
  llvm::copy_if(loops, std::back_inserter(taken), [&](const Range &loop) { return wanted(codeOf(loop)); });
  std::vector<LoopCounts> counts;
  for (const Range &loop : taken)
    if (llvm::none_of(taken, [&](const Range &other) { return &other != &loop && loop.holds(other); }))
      counts.push_back(count(codeOf(loop)));
  return counts;
}

/// Returns how many columns a product of a warpgroup has, by its opcode "HGMMA.64x48x16.F32.BF16".
int64_t columnsOf(StringRef opcode) {
  int64_t columns = 0;
  opcode.split("64x").second.consumeInteger(10, columns);
  return columns;
}

/// Counts the instructions that touch sums under way, in the order of the code: from a product on, to the
/// wait for all, or to where the code goes on elsewhere.
int64_t countEarly(const Code &code) {
  std::set<int64_t> sums; // registers
  int64_t early = 0;
  for (const Instruction &instruction : code) {
    if (instruction.is("HGMMA")) {
      forEachRegister(instruction.operands.front(), [&](int64_t first) {
        for (int64_t i = 0; i < columnsOf(instruction.opcode) / 2; ++i) // 64 rows of 128 threads
          sums.insert(first + i);
      });
      continue;
    }
    bool waitsForAll = instruction.is("WARPGROUP.DEPBAR") && instruction.operands.back() == "0x0";
    // BRA.DIV and its like, and those with a predicate among their operands, may go on below.
    bool leaves = instruction.is("EXIT") || instruction.is("RET") ||
                  (instruction.opcode == "BRA" && instruction.operands.size() == 1);
    if (waitsForAll || (leaves && !instruction.isConditional))
      sums.clear();
    bool touches = false;
    for (auto [number, operand] : enumerate(instruction.operands))
      forEachRegister(operand, [&](int64_t first) {
        bool stores = instruction.opcode.starts_with("ST");
        bool isWide = stores ? number + 1 == instruction.operands.size() : number == 0;
        for (int64_t i = 0; i < (isWide ? registersOf(instruction) : 1); ++i)
          touches |= sums.count(first + i) > 0;
      });
    early += touches;
  }
  return early;
}

KernelCounts countsOf(const Routine &routine) {
  auto has = [](ArrayRef<Instruction> loop, StringRef opcode) {
    return llvm::any_of(loop, [&](const Instruction &instruction) { return instruction.is(opcode); });
  };
  auto multiplies = [&](ArrayRef<Instruction> loop) {
    return has(loop, "HGMMA") || has(loop, "HMMA") || has(loop, "UTCHMMA");
  };
  auto copies = [&](ArrayRef<Instruction> loop) { return has(loop, "UBLKCP") || has(loop, "LDGSTS"); };
  std::vector<Range> loops = routine.loops();
  KernelCounts counts;
  counts.staging = innermost(routine, loops, [&](ArrayRef<Instruction> loop) {
    return (has(loop, "LDG") || has(loop, "LDS.128")) && has(loop, "STS.128") && !multiplies(loop) &&
           !has(loop, "BAR") && !has(loop, "STG");
  });
  counts.products = innermost(routine, loops, [&](ArrayRef<Instruction> loop) {
    return multiplies(loop) && !copies(loop) && !has(loop, "STS.128");
  });
  counts.local = llvm::count_if(routine.code, [](const Instruction &instruction) {
    return instruction.is("LDL") || instruction.is("STL");
  });
  counts.early = countEarly(routine.code);
  return counts;
}

} // namespace

std::map<std::string, KernelCounts> kinema::testing::readSass(StringRef text) {
  std::map<std::string, Routine> routines;
  Routine *current = nullptr;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    StringRef trimmed = line.trim();
    if (trimmed.consume_front(".section\t")) { // and not .sectioninfo, which follows
      StringRef name = trimmed.trim().split(',').first;
      current = name.consume_front(".text.") ? &routines[name.str()] : nullptr;
    } else if (current) {
      current->read(line);
    }
  }
  std::map<std::string, KernelCounts> counts;
  for (const auto &[name, routine] : routines)
    counts[name] = countsOf(routine);
  return counts;
}
