// Speed of the tiled contractions on one core, beside the peak of the machine measured in the same run.
#include "Cases.h"
#include "KernelRunner.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "runtime/Device/CpuLevel.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <functional>

using namespace kinema;
using namespace kinema::cpu::test;

namespace {

/// Processor time of this thread: waiting for other programs does not count.
double seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/// The fastest of several runs: other programs only ever add time.
double fastest(const std::function<void()> &run) {
  run();
  double best = 1e9, begin = seconds();
  for (int i = 0; i < 3 || seconds() - begin < 0.4; ++i) {
    double start = seconds();
    run();
    best = std::min(best, seconds() - start);
  }
  return best;
}

/// GFLOP/s of independent multiply-adds on vectors of 8, of which processors do as many as of longer ones or
/// more.
double peak() {
  typedef float Vector __attribute__((vector_size(32)));
  constexpr int steps = 1 << 22;
  double time = fastest([&] {
    Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, x{};
    for (int i = 0; i < steps; ++i)
      asm volatile("vfmadd231ps %8, %8, %0\n\tvfmadd231ps %8, %8, %1\n\tvfmadd231ps %8, %8, %2\n\t"
                   "vfmadd231ps %8, %8, %3\n\tvfmadd231ps %8, %8, %4\n\tvfmadd231ps %8, %8, %5\n\t"
                   "vfmadd231ps %8, %8, %6\n\tvfmadd231ps %8, %8, %7"
                   : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h)
                   : "x"(x));
  });
  return 2.0 * 8 * 8 * steps / time / 1e9;
}

std::string wanted; // a part of the name
const cpu::Level *level = &cpu::levels[0];

void measure(const std::string &name, const std::string &text, double work, double peakRate,
             const Scheduler &scheduler = nullptr) {
  if (name.find(wanted) == std::string::npos)
    return;
  Kernel kernel(text, *level, scheduler);
  auto *op = kernel.operation();
  std::vector<Storage> storage;
  std::vector<float *> buffers;
  auto add = [&](mlir::RankedTensorType type) {
    storage.emplace_back(kernel::storedBytes(type) / 4, 0.5f);
    buffers.push_back(storage.back().data());
  };
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    add(kernel.operandType(i));
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    add(kernel.resultType(i));
  double time = fastest([&] { kernel.runAll(buffers); });
  double rate = 2 * work / time / 1e9;
  std::string parameters;
  llvm::raw_string_ostream stream(parameters);
  for (const auto &[name, value] : kernel.schedule().getNumbers())
    stream << " " << name << " " << value;
  auto conv = mlir::dyn_cast<kernel::ConvOp>(op);
  double predicted = conv ? cpu::predictConvTile(conv, *level) : 0;
  fmt::print("{:44} {:6.1f} GFLOP/s {:3.0f}%  {:7.2f} ms  model {:7.2f} grid {:3} scratch {:4} KB compile "
             "{:2.0f}+{:3.0f} "
             "ms {}\n",
             name, rate, 100 * rate / peakRate, 1e3 * time, 1e3 * predicted, kernel.schedule().getGrid(),
             kernel.schedule().getScratch() >> 10, 1e3 * kernel.scheduleSeconds, 1e3 * kernel.compileSeconds,
             parameters);
  std::fflush(stdout);
}

/// The conv in blocks of all shapes.
void sweep(const std::string &name, const std::string &text, const Case &c, double peakRate) {
  auto size = c.output();
  for (int64_t clips : {c.clips, c.clips / 2, int64_t(1)})
    for (int64_t frames : {size[0], (size[0] + 1) / 2, c.tile[0]})
      for (int64_t rows : {size[1], (size[1] + 1) / 2, (size[1] + 3) / 4, c.tile[1]})
        for (int64_t parts : {1, 2, 4, 8, 16})
          if (clips > 0 && rows * size[2] * frames * clips <= 4096 &&
              parts <= cpu::groupBlocks(shape::ceilDiv(c.out, c.block)).count())
            measure(name, text, c.work(), peakRate, [&](mlir::Operation *op) {
              frames = std::min(size[0], shape::roundUp(frames, c.tile[0]));
              rows = std::min(size[1], shape::roundUp(rows, c.tile[1]));
              return cpu::convTileSchedule(mlir::cast<kernel::ConvOp>(op), level->machine,
                                           {clips, frames, rows}, parts);
            });
}

} // namespace

int main(int argc, char **argv) {
  for (const cpu::Level &each : cpu::levels) // LEVEL before all else
    if (argc > 1 && each.name == argv[1]) {
      level = &each;
      if (!kinema::runsHere(*findCpuLevel(argv[1]))) {
        fmt::print(stderr, "this processor cannot run code for {}\n", argv[1]);
        return 1;
      }
      --argc;
      ++argv;
    }
  std::string only = argc > 1 ? argv[1] : "";
  wanted = argc > 2 ? argv[2] : "";
  double rate = peak();
  fmt::print("peak {:.1f} GFLOP/s\n", rate);
  const Case layers[] = {
      {1, 64, 144, {16, 56, 56}, half({1, 3, 3})},
      {1, 144, 64, {16, 56, 56}, half({3, 1, 1})},
      {1, 64, 64, {16, 56, 56}, half({3, 3, 3})},
      {1, 64, 230, {16, 56, 56}, half({1, 3, 3}, {1, 2, 2})},
      {4, 256, 576, {4, 14, 14}, half({1, 3, 3})},
      {4, 576, 256, {4, 14, 14}, half({3, 1, 1})},
      {8, 512, 1152, {2, 7, 7}, half({1, 3, 3})},
      {8, 1152, 512, {2, 7, 7}, half({3, 1, 1})},
      {2, 256, 576, {2, 14, 14}, half({1, 3, 3})},
      {2, 576, 256, {2, 14, 14}, half({3, 1, 1})},
      {2, 256, 921, {2, 14, 14}, half({1, 3, 3}, {1, 2, 2})},
      {2, 921, 512, {2, 7, 7}, half({3, 1, 1}, {2, 1, 1})},
      {2, 512, 1152, {1, 7, 7}, half({1, 3, 3})},
      {2, 1152, 512, {1, 7, 7}, half({3, 1, 1})},
      {2, 512, 512, {1, 7, 7}, half({3, 3, 3})},
      {2, 64, 64, {8, 56, 56}, half({3, 3, 3})},
      {2, 128, 128, {4, 28, 28}, half({3, 3, 3})},
      {2, 256, 256, {2, 14, 14}, half({3, 3, 3})},
      {2, 128, 128, {8, 28, 28}, half({3, 3, 3})},
      {2, 64, 128, {8, 56, 56}, half({1, 1, 1}, {2, 2, 2})},
      {2, 230, 128, {8, 28, 28}, half({3, 1, 1}, {2, 1, 1})},
      {2, 768, 3072, {4, 7, 7}, half({1, 1, 1})},
      {2, 3072, 768, {4, 7, 7}, half({1, 1, 1})},
      {2, 768, 768, {4, 7, 7}, half({1, 1, 1})},
      {2, 3, 45, {8, 112, 112}, half({1, 7, 7}, {1, 2, 2}), "none", "moments", 4},
      {2, 3, 64, {8, 112, 112}, half({3, 7, 7}, {1, 2, 2}), "none", "moments", 4},
  };
  for (Case c : layers) {
    c.block = level->machine.vector;
    c.bfloat16 = c.pairs = level->machine.multipliesPairs;
    std::string name =
        fmt::format("{}->{} {}x{}x{} s{}{}{} {}x{}x{}x{}", c.in, c.out, c.window.kernel[0],
                    c.window.kernel[1], c.window.kernel[2], c.window.stride[0], c.window.stride[1],
                    c.window.stride[2], c.clips, c.size[0], c.size[1], c.size[2]);
    auto isForward = only.empty() || only == "forward";
    llvm::SmallVector<shape::Size3> tiles = {cpu::noTile};
    if (!c.bfloat16)
      tiles.append(cpu::winogradTiles(c.window));
    for (const shape::Size3 &tile : tiles) {
      c.tile = tile;
      std::string tiled = fmt::format("{} m={}{}{}", name, tile[0], tile[1], tile[2]);
      if (argc > 3)
        sweep(tiled, forwardText(c), c, rate);
      else if (isForward)
        measure("forward " + tiled, forwardText(c), c.work(), rate);
    }
    for (const shape::Size3 &tile : tiles)
      if (only.empty() || only == "wgrad")
        measure(fmt::format("wgrad {} m={}{}{}", name, tile[0], tile[1], tile[2]), weightGradText(c),
                c.work(), rate, [&](mlir::Operation *op) {
                  auto wgrad = mlir::cast<kernel::WeightGradOp>(op);
                  return cpu::weightGradTileCandidates(wgrad, *level, tile).front().schedule;
                });
    if (c.in == 3)
      continue;
    c.prologue = "bn_dz";
    c.epilogue = "mask";
    if (only.empty() || only == "dgrad")
      for (const shape::Size3 &tile : tiles) {
        c.tile = tile;
        measure(fmt::format("dgrad {} m={}{}{}", name, tile[0], tile[1], tile[2]), transposedText(c),
                c.work(), rate);
      }
  }
}
