#include "Cases.h"

#include <fmt/format.h>
#include <vector>

using namespace kinema;
using namespace kinema::cpu::test;

namespace {

struct Operand {
  std::string access, name, type;
};

/// A region with the operands that it reads.
struct RegionText {
  std::vector<Operand> operands;
  std::string body, first; // `first`: arguments before the operands'

  std::string list() const;
};

std::string join(const std::vector<std::string> &parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

std::string RegionText::list() const {
  std::vector<std::string> reads, types, arguments;
  if (!first.empty())
    arguments.push_back(first);
  for (const auto &o : operands) {
    reads.push_back(fmt::format("{} %{}", o.access, o.name));
    types.push_back(o.type);
    arguments.push_back(fmt::format("%e_{}: f32", o.name));
  }
  return fmt::format("({}) : ({}) {{\n^bb0({}):\n{}\n}}", join(reads), join(types), join(arguments), body);
}

std::string sizes(const shape::Size3 &s) { return fmt::format("{}x{}x{}", s[0], s[1], s[2]); }

const char *element(const Case &c) { return c.bfloat16 ? "bf16" : "f32"; }

std::string activation(const Case &c, int64_t channels, const shape::Size3 &s, int64_t block) {
  return fmt::format("tensor<{}x{}x{}x{}, #kernel.layout<aBcde{}b>>", c.clips, channels, sizes(s), element(c),
                     block);
}

std::string channel(int64_t c, int64_t block) {
  return fmt::format("tensor<{}xf32, #kernel.layout<A{}a>>", c, block);
}

std::string windowText(const shape::Window &w) {
  return fmt::format("<{} stride {} pad {} to {} dilate {}>", sizes(w.kernel), sizes(w.stride),
                     sizes(w.padLow), sizes(w.padHigh), sizes(w.dilation));
}

RegionText prologue(const Case &c, const std::string &kind, const std::string &prefix,
                    const std::string &type, int64_t channels) {
  auto name = [&](const char *s) { return prefix + s; };
  Operand z{"pixel", name("z"), type};
  auto vector = [&](const char *s) { return Operand{"channel", name(s), channel(channels, c.block)}; };
  if (kind == "none")
    return {{z}, fmt::format("kernel.yield value %e_{0}z", prefix), ""};
  auto yield = [&](const char *value) { // what is multiplied is rounded
    return fmt::format(fmt::runtime(c.bfloat16 ? "%h = arith.truncf {0} : f32 to bf16\n"
                                                 "%f = arith.extf %h : bf16 to f32\nkernel.yield value %f"
                                               : "kernel.yield value {0}"),
                       value);
  };
  if (kind == "bn_relu")
    return {{z, vector("s"), vector("o")},
            fmt::format("%zero = arith.constant 0.0 : f32\n%n = math.fma %e_{0}z, %e_{0}s, %e_{0}o : f32\n"
                        "%a = arith.maximumf %n, %zero : f32\n{1}",
                        prefix, yield("%a")),
            ""};
  return {
      {Operand{"pixel", name("g"), type}, z, vector("p"), vector("q"), vector("r")},
      fmt::format("%0 = math.fma %e_{0}q, %e_{0}z, %e_{0}r : f32\n%d = math.fma %e_{0}p, %e_{0}g, %0 : f32\n"
                  "{1}",
                  prefix, yield("%d")),
      ""};
}

/// The epilogue and the types of the results.
std::pair<RegionText, std::string> epilogue(const Case &of, int64_t c, const shape::Size3 &size) {
  const std::string &kind = of.epilogue;
  int64_t block = of.block;
  std::string type = activation(of, c, size, block);
  auto partial = [&](int rows) {
    return fmt::format("tensor<?x{}x{}xf32, #kernel.layout<abC{}c>>", rows, c, block);
  };
  auto vector = [&](const char *s) { return Operand{"channel", s, channel(c, block)}; };
  RegionText r;
  r.first = "%acc: f32";
  std::string zero = "%zero = arith.constant 0.0 : f32\n";
  if (kind == "identity") {
    r.body = "kernel.yield store %acc";
    return {r, type};
  }
  if (kind == "moments") {
    r.body = "kernel.yield store %acc, moments %acc";
    return {r, type + ", " + partial(3)};
  }
  if (kind == "mask") {
    r.operands = {{"pixel", "y", type}, vector("ys"), vector("yo"), vector("ym"), vector("yr")};
    r.body = zero + "%n = math.fma %e_y, %e_ys, %e_yo : f32\n%on = arith.cmpf ogt, %n, %zero : f32\n"
                    "%g = arith.select %on, %acc, %zero : f32\n%d = arith.subf %e_y, %e_ym : f32\n"
                    "%x = arith.mulf %d, %e_yr : f32\n%gx = arith.mulf %g, %x : f32\n"
                    "kernel.yield store %g, sum %g, sum %gx";
    return {r, type + ", " + partial(2)};
  }
  if (kind == "bias_relu") { // not zero at zero
    r.operands = {vector("bias")};
    r.body = "%one = arith.constant 1.0 : f32\n%zero = arith.constant 0.0 : f32\n%b = arith.addf %acc, "
             "%e_bias : f32\n"
             "%c = arith.addf %b, %one : f32\n%m = arith.maximumf %c, %zero : f32\n"
             "kernel.yield store %m, store %b, moments %m, sum %b";
    return {r, type + ", " + type + ", " + partial(3) + ", " + partial(1)};
  }
  if (kind == "residual") {
    r.operands = {{"pixel", "residual", type}, vector("bias")};
    r.body = zero + "%b = arith.addf %acc, %e_bias : f32\n%s = arith.addf %b, %e_residual : f32\n"
                    "%m = arith.maximumf %s, %zero : f32\nkernel.yield store %m";
    return {r, type};
  }
  if (kind == "lattice") {
    shape::Size3 coarse;
    for (int i = 0; i < 3; ++i)
      coarse[i] = shape::ceilDiv(size[i], 2);
    r.operands = {{"lattice", "part", activation(of, c, coarse, block)}, {"pixel", "x", type}};
    r.body = zero + "%s = arith.addf %acc, %e_part : f32\n%on = arith.cmpf ogt, %e_x, %zero : f32\n"
                    "%g = arith.select %on, %s, %zero : f32\nkernel.yield store %g, sum %g";
    return {r, type + ", " + partial(1)};
  }
  r.operands = {{"batch_channel", "gate", activation(of, c, {1, 1, 1}, block)}};
  r.body = "%g = arith.mulf %acc, %e_gate : f32\nkernel.yield store %g";
  return {r, type};
}

std::string definition(const std::vector<Operand> &operands, const std::string &op, const std::string &types,
                       int64_t results) {
  std::vector<std::string> arguments, names;
  for (const auto &o : operands)
    arguments.push_back(fmt::format("%{}: {}", o.name, o.type));
  for (int64_t i = 0; i < results; ++i)
    names.push_back(fmt::format("%k#{}", i));
  return fmt::format(
      "kernel.def @kernel attributes {{layers = []}} {{\n^bb0({}):\n%k:{} = {}\nkernel.return {} : {}\n}}\n",
      join(arguments), results, op, join(names), types);
}

/// The type of a conv's weight in groups, and of its gradient, whose partials lead the shape.
std::string groupedWeightText(const Case &c, bool isGradient) {
  std::string size = fmt::format("{}x{}x{}", c.out, c.in / c.groups, sizes(c.window.kernel));
  return isGradient ? fmt::format("tensor<?x{}xf32, #kernel.layout<aBcdef{}b>>", size, c.block)
                    : fmt::format("tensor<{}x{}, #kernel.layout<Abcde{}a>>", size, element(c), c.block);
}

/// The layout of a weight in Winograd's form, of channel blocks in this order.
std::string pointLayout(const Case &c, const std::string &outer, const std::string &inner) {
  std::string points, taps;
  for (int axis = 0; axis < 3; ++axis)
    (c.tile[axis] > 1 ? points : taps) += "cde"[axis];
  return points + outer + taps + inner;
}

/// The type of the weight as the conv reads it; `points`: in Winograd's form, if that is how.
std::string weightText(const Case &c, bool transposed, bool points) {
  shape::Size3 size = c.window.kernel;
  for (int axis = 0; axis < 3 && points; ++axis)
    size[axis] += c.tile[axis] - 1;
  if (c.groups > 1)
    return groupedWeightText(c, /*isGradient=*/false);
  char vector = transposed ? 'b' : 'a', reduce = transposed ? 'a' : 'b';
  std::string outer = transposed ? "BA" : "AB";
  int64_t block = transposed ? c.block : c.blockOfInput();
  std::string layout =
      points && shape::product(c.tile) > 1
          ? pointLayout(c, outer, fmt::format("{}{}{}{}", block, reduce, c.block, vector))
      : c.bfloat16 && c.pairs
          ? (block > 2 ? fmt::format("{}cde{}{}{}{}2{}", outer, block / 2, reduce, c.block, vector, reduce)
                       : fmt::format("{}cde{}{}2{}", outer, c.block, vector, reduce))
          : fmt::format("{}cde{}{}{}{}", outer, block, reduce, c.block, vector);
  return fmt::format("tensor<{}x{}x{}x{}, #kernel.layout<{}>>", c.out, c.in, sizes(size), element(c), layout);
}

std::string convText(const Case &c, bool transposed) {
  auto output = c.output();
  auto source = transposed
                    ? prologue(c, c.prologue, "s", activation(c, c.out, output, c.block), c.out)
                    : prologue(c, c.prologue, "s", activation(c, c.in, c.size, c.blockOfInput()), c.in);
  auto [sink, types] = transposed ? epilogue(c, c.in, c.size) : epilogue(c, c.out, output);
  std::string weight = weightText(c, transposed, /*points=*/true);
  std::vector<Operand> operands = {{"", "w", weight}};
  operands.insert(operands.end(), source.operands.begin(), source.operands.end());
  operands.insert(operands.end(), sink.operands.begin(), sink.operands.end());
  int64_t results = 1 + (c.epilogue != "identity" && c.epilogue != "residual" && c.epilogue != "gate") +
                    2 * (c.epilogue == "bias_relu");
  auto op = fmt::format("kernel.conv {} %w window {}\nprologue{}\nepilogue{} {{groups = {}}} : {} -> {}",
                        transposed ? "transposed" : "forward", windowText(c.window), source.list(),
                        sink.list(), c.groups, weight, types);
  return definition(operands, op, types, results);
}

} // namespace

shape::Window kinema::cpu::test::half(shape::Size3 kernel, shape::Size3 stride) {
  shape::Window window;
  window.kernel = kernel;
  window.stride = stride;
  shape::setHalfPadding(window);
  return window;
}

std::string kinema::cpu::test::forwardText(const Case &c) { return convText(c, false); }
std::string kinema::cpu::test::transposedText(const Case &c) { return convText(c, true); }

std::string kinema::cpu::test::winogradText(const Case &c, bool transposed) {
  std::string weight = weightText(c, transposed, /*points=*/false), points = weightText(c, transposed, true);
  auto op = fmt::format("kernel.winograd %w {} : {} -> {}", transposed ? "turned" : "", weight, points);
  return definition({{"", "w", weight}}, op, points, 1);
}

std::string kinema::cpu::test::convertText(const Case &c, bool transposed) {
  Case single = c;
  single.bfloat16 = false;
  std::string from = weightText(single, /*transposed=*/false, /*points=*/false);
  std::string to = weightText(c, transposed, /*points=*/false);
  return definition({{"", "w", from}}, fmt::format("kernel.convert %w : {} -> {}", from, to), to, 1);
}

std::string kinema::cpu::test::weightGradText(const Case &c) {
  auto gradient = prologue(c, c.prologue == "none" ? "none" : "bn_dz", "d",
                           activation(c, c.out, c.output(), c.block), c.out);
  auto input = prologue(c, c.prologue, "a", activation(c, c.in, c.size, c.blockOfInput()), c.in);
  std::string type = fmt::format("tensor<?x{}x{}x{}xf32, #kernel.layout<aBCdef{}c{}b>>", c.out, c.in,
                                 sizes(c.window.kernel), c.blockOfInput(), c.block);
  if (c.groups > 1)
    type = groupedWeightText(c, /*isGradient=*/true);
  auto operands = gradient.operands;
  operands.insert(operands.end(), input.operands.begin(), input.operands.end());
  auto op = fmt::format("kernel.wgrad window {}\ngradient{}\nactivation{} {{groups = {}}} : {}",
                        windowText(c.window), gradient.list(), input.list(), c.groups, type);
  return definition(operands, op, type, 1);
}

std::string kinema::cpu::test::describe(const Case &c) {
  return fmt::format("{}->{} in {} groups, {} stride {} pad {} to {} dilate {}, {} of {}, {} {}, {}, "
                     "tiles of {}, blocks of {}",
                     c.in, c.out, c.groups, sizes(c.window.kernel), sizes(c.window.stride),
                     sizes(c.window.padLow), sizes(c.window.padHigh), sizes(c.window.dilation), c.clips,
                     sizes(c.size), c.prologue, c.epilogue, element(c), sizes(c.tile), c.block);
}

std::string kinema::cpu::test::matmulText(const MatmulCase &c) {
  auto matrix = [&](int64_t channels, int64_t positions, bool turns) {
    if (turns)
      std::swap(channels, positions);
    return fmt::format("tensor<{}x{}x1x1x{}x{}, #kernel.layout<aBcde{}b>>", c.clips, channels, positions,
                       c.bfloat16 ? "bf16" : "f32", c.block);
  };
  std::string lhs = matrix(c.rows, c.depth, c.turnsLhs), rhs = matrix(c.depth, c.columns, c.turnsRhs);
  std::string result = matrix(c.rows, c.columns, false), attributes;
  for (const char *attribute : {c.turnsLhs ? "transpose_lhs" : "", c.turnsRhs ? "transpose_rhs" : ""})
    attributes += fmt::format("{}{}", *attribute && !attributes.empty() ? ", " : "", attribute);
  auto op = fmt::format("kernel.matmul %l, %r {{{}}} : ({}, {}) -> {}", attributes, lhs, rhs, result);
  return definition({{"", "l", lhs}, {"", "r", rhs}}, op, result, 1);
}

std::string kinema::cpu::test::describe(const MatmulCase &c) {
  return fmt::format("{} times {}x{}{} . {}x{}{}, {}, blocks of {}", c.clips, c.rows, c.depth,
                     c.turnsLhs ? " turned" : "", c.depth, c.columns, c.turnsRhs ? " turned" : "",
                     c.bfloat16 ? "bf16" : "f32", c.block);
}
