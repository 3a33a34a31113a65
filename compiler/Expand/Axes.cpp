// Expands operations along axes: arrangements, norms over chosen axes, slices, learned tensors, pools over
// channels, products and attention.
#include "compiler/Expand/Expander.h"
#include "dialects/Clip/Formula.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

static constexpr StringRef axisNames[] = {"n", "c", "t", "h", "w"};

using Side = SmallVector<SmallVector<int64_t>>; // the factors of five axes

static clip::ArrangementAttr arrangement(MLIRContext &context, ArrayRef<int64_t> sizes, const Side &source,
                                         const Side &target) {
  auto flatten = [](const Side &side, SmallVector<int64_t> &counts) {
    SmallVector<int64_t> factors;
    for (const auto &axis : side) {
      llvm::append_range(factors, axis);
      counts.push_back(axis.size());
    }
    return factors;
  };
  SmallVector<int64_t> sourceCounts, targetCounts;
  auto from = flatten(source, sourceCounts), to = flatten(target, targetCounts);
  return clip::ArrangementAttr::get(&context, sizes, from, sourceCounts, to, targetCounts);
}

Value Expander::arrange(Location where, Value x, ArrayRef<int64_t> sizes, const Side &source,
                        const Side &target) {
  return network.create<clip::ArrangeOp>(where, x, arrangement(context, sizes, source, target));
}

//===-- Arrange -----------------------------------------------------------===//

namespace {
/// Finds the sizes of an arrangement's factors.
class FactorFinder {
public:
  FactorFinder(const Activation &value, SmallVector<int64_t> &sizes) : value(value), sizes(sizes) {}

  /// Returns the factors of the source; empty, with `error` set, where they do not fit the value.
  Side source(const dsl::Axes &axes);
  Side target(const dsl::Axes &axes);
  std::string error;

private:
  int64_t add(const dsl::Factor &factor, int64_t size);

  const Activation &value;
  SmallVector<int64_t> &sizes;
  llvm::StringMap<int64_t> numbers; // of the factors that have names
};
} // namespace

int64_t FactorFinder::add(const dsl::Factor &factor, int64_t size) {
  int64_t number = sizes.size();
  sizes.push_back(size);
  if (!factor.name.empty() && !numbers.try_emplace(factor.name, number).second)
    error = "'" + factor.name + "' stands twice on one side";
  return number;
}

Side FactorFinder::source(const dsl::Axes &axes) {
  Side side(5);
  for (auto [axis, factors] : llvm::enumerate(axes)) {
    const int64_t extent = value.type().getDimSize(axis);
    int64_t known = 1, unknown = llvm::count_if(factors, [](const dsl::Factor &f) { return !f.size; });
    for (const dsl::Factor &factor : factors)
      known *= factor.size.value_or(1);
    std::string what = (axisNames[axis] + " has " + Twine(extent)).str();
    if (unknown > 1)
      error = what + ", of which one factor alone may be left open: others have a number or a `let`";
    else if (extent % known || (unknown == 0 && extent != known))
      error = what + ", which is not " + (unknown ? "a multiple of " : "") + std::to_string(known);
    if (!error.empty())
      return side;
    for (const dsl::Factor &factor : factors)
      side[axis].push_back(add(factor, factor.size.value_or(extent / known)));
  }
  return side;
}

Side FactorFinder::target(const dsl::Axes &axes) {
  Side side(5);
  llvm::StringSet<> used;
  for (auto [axis, factors] : llvm::enumerate(axes))
    for (const dsl::Factor &factor : factors) {
      auto found = numbers.find(factor.name);
      if (!factor.name.empty() && !used.insert(factor.name).second)
        error = "'" + factor.name + "' stands twice on one side";
      else if (!factor.name.empty() && found != numbers.end())
        side[axis].push_back(found->second);
      else if (factor.size) {
        side[axis].push_back(sizes.size());
        sizes.push_back(*factor.size);
      } else
        error = "'" + factor.name + "' is on the right alone, and no integer is called so";
      if (!error.empty())
        return side;
    }
  return side;
}

Activation Expander::expandArrange(Site &site, Arguments &arguments) {
  const auto &from = std::get<dsl::Axes>(arguments["from"]), &to = std::get<dsl::Axes>(arguments["to"]);
  const char *form = "frames as channels are `arrange [n c t h w] [n [c t] 1 h w]`";
  for (const dsl::Axes *axes : {&from, &to})
    if (axes->size() != 5) {
      fail(site.where(), site.frame,
           "an arrangement has the axes n c t h w on both sides, found " + Twine(axes->size()), form);
      return Activation::failed();
    }
  SmallVector<int64_t> sizes;
  FactorFinder finder(site.value, sizes);
  Side source = finder.source(from);
  Side target = finder.error.empty() ? finder.target(to) : Side(5);
  if (!finder.error.empty()) {
    fail(site.where(), site.frame,
         "this arrangement does not fit " + site.value.describe() + ": " + finder.error, form);
    return Activation::failed();
  }
  SmallVector<int64_t> shape;
  for (const auto &axis : target) {
    shape.push_back(1);
    for (int64_t factor : axis)
      shape.back() = std::min(maxElements + 1, shape.back() * std::min(sizes[factor], maxElements + 1));
  }
  if (!countElements(shape)) {
    fail(site.where(), site.frame, "the result of this arrangement has more than 2^40 elements");
    return Activation::failed();
  }
  return result(site, arrange(layerLocation(site), site.value.value, sizes, source, target), {1, 1, 1});
}

Activation Expander::expandFold(Site &site) {
  shape::Size3 size = site.value.size();
  int64_t sizes[] = {site.value.type().getDimSize(0), site.value.channels(), size[0], size[1], size[2]};
  Value y = arrange(layerLocation(site), site.value.value, sizes, {{0}, {1}, {2}, {3}, {4}},
                    {{0}, {1, 2}, {}, {3}, {4}});
  return result(site, y, {size[0], 1, 1});
}

/// Pools over the channels: an average is a sum, a maximum is one along W, where the channels are brought.
Activation Expander::poolChannels(Site &site, bool takesMaximum) {
  Location layer = layerLocation(site);
  RankedTensorType type = site.value.type();
  ArrayRef<int64_t> sizes = type.getShape();
  Value x = site.value.value, y;
  const Side all = {{0}, {1}, {2}, {3}, {4}}, none = {{0}, {}, {2}, {3}, {4}};
  if (takesMaximum) {
    Value turned = arrange(layer, x, sizes, all, {{0}, {}, {2}, {3, 4}, {1}});
    shape::Window window;
    window.kernel = window.stride = {1, 1, type.getDimSize(1)};
    y = network.create<clip::MaxPoolOp>(layer, turned, clip::WindowAttr::get(&context, window), UnitAttr());
    int64_t left[] = {sizes[0], sizes[2], sizes[3], sizes[4]};
    y = arrange(layer, y, left, {{0}, {}, {1}, {2, 3}, {}}, {{0}, {}, {1}, {2}, {3}});
  } else {
    Value sum = arrange(layer, x, sizes, all, none);
    y = network.create<clip::ScaleOp>(layer, sum, llvm::APFloat(1.0 / double(type.getDimSize(1))));
  }
  return result(site, y, {1, 1, 1});
}

//===-- Norms, slices, learned tensors ------------------------------------===//

Activation Expander::expandNorm(Site &site, Arguments &arguments) {
  SmallVector<int64_t> over;
  for (const auto &factors : std::get<dsl::Axes>(arguments["over"])) {
    const auto *name =
        factors.size() == 1 ? llvm::find(axisNames, factors.front().name) : std::end(axisNames);
    if (name == std::end(axisNames) || name == std::begin(axisNames)) {
      fail(site.where(), site.frame, "a norm is over some of the axes c t h w",
           "over the batch it is `bn`; layer norm at each position is `norm [c]`");
      return Activation::failed();
    }
    over.push_back(name - std::begin(axisNames));
  }
  llvm::sort(over);
  const int64_t groups = std::get<int64_t>(arguments["groups"]), channels = site.value.channels();
  if (std::adjacent_find(over.begin(), over.end()) != over.end() || channels % groups ||
      (groups > 1 && over.front() != 1)) {
    fail(site.where(), site.frame,
         channels % groups ? "groups=" + Twine(groups) + " does not divide the " + Twine(channels) +
                                 " channels of the value before"
         : groups > 1      ? "a norm in groups is over c, too"
                           : "an axis stands twice in this norm",
         "group norm is `norm [c t h w] groups=8`");
    return Activation::failed();
  }
  Location layer = layerLocation(site);
  Value y = network.create<clip::StandardiseOp>(layer, site.value.value, over, uint64_t(groups),
                                                llvm::APFloat(std::get<double>(arguments["eps"])));
  if (dsl::isWord(arguments["affine"], "off"))
    return result(site, y, {1, 1, 1});
  Value weight = parameter(site, site.path, "weight", {channels}, "gamma", constantOf(1));
  Value bias = weight ? parameter(site, site.path, "bias", {channels}, "beta", constantOf(0)) : Value();
  if (!bias)
    return Activation::failed();
  y = network.createMap(layer, {y, weight, bias}, site.value.type(), /*kept=*/false,
                        [](clip::Formula &f, ValueRange x) { return f.fma(x[0], x[1], x[2]); });
  return result(site, y, {1, 1, 1});
}

Activation Expander::expandSlice(Site &site, Arguments &arguments) {
  int64_t from = std::get<int64_t>(arguments["from"]), count = std::get<int64_t>(arguments["ch"]);
  if (from + count > site.value.channels()) {
    fail(site.where(), site.frame,
         Twine(count) + " channels from channel " + Twine(from) + " on, of " + Twine(site.value.channels()),
         "channels count from 0");
    return Activation::failed();
  }
  Value y =
      network.create<clip::SliceOp>(layerLocation(site), site.value.value, uint64_t(from), uint64_t(count));
  return result(site, y, {1, 1, 1});
}

Activation Expander::expandParam(Site &site, Arguments &arguments) {
  const auto &size = std::get<dsl::Size>(arguments["size"]);
  const dsl::Binding &init = arguments["init"];
  DictionaryAttr start = dsl::isWord(init, "normal") ? smallNormal() : constantOf(dsl::isWord(init, "one"));
  Value weight =
      parameter(site, site.path, "weight", {1, size[0], size[1], size[2], size[3]}, "weight", start);
  if (!weight)
    return Activation::failed();
  if (!site.value.ready())
    site.value.state = Activation::State::Ready;
  return result(site, weight, {1, 1, 1});
}

/// Returns a value that has each clip's elements: a learned tensor, which has those of one, is repeated.
Activation Expander::batched(Location where, Activation value) {
  ArrayRef<int64_t> shape = value.ready() ? value.type().getShape() : ArrayRef<int64_t>();
  if (shape.empty() || shape[0] != 1 || options.batch == 1)
    return value;
  SmallVector<int64_t> sizes(shape);
  sizes[0] = options.batch;
  value.value = arrange(where, value.value, sizes, {{}, {1}, {2}, {3}, {4}}, {{0}, {1}, {2}, {3}, {4}});
  return value;
}

//===-- Products ----------------------------------------------------------===//

/// Returns the factor that a number or the word `rsqrt` stands for, of a product over so many elements.
static double scaleOf(const dsl::Binding &scale, int64_t depth) {
  return dsl::isWord(scale, "rsqrt") ? 1 / std::sqrt(double(depth)) : std::get<double>(scale);
}

Value Expander::scaled(Location where, Value x, double factor) {
  return factor == 1 ? x : Value(network.create<clip::ScaleOp>(where, x, llvm::APFloat(factor)));
}

Expander::Operand Expander::operandNamed(Site &site, Arguments &arguments, const char *name) {
  auto node = std::static_pointer_cast<Node>(std::get<dsl::NamedPtr>(arguments[name]));
  return Operand{batched(layerLocation(site), node->value), "'" + node->name + "'"};
}

Activation Expander::expandProduct(Site &site, Arguments &arguments) {
  Operand a = operandNamed(site, arguments, "a"), b = operandNamed(site, arguments, "b");
  if (!a.value.ready() || !b.value.ready())
    return Activation::failed();
  const dsl::Binding &turned = arguments["turned"];
  const bool first = dsl::isWord(turned, "first") || dsl::isWord(turned, "both");
  const bool second = dsl::isWord(turned, "second") || dsl::isWord(turned, "both");
  auto positions = [](const Operand &operand) { return shape::product(operand.value.size()); };
  const int64_t rows = first ? positions(a) : a.value.channels(),
                depth = first ? a.value.channels() : positions(a);
  const int64_t otherDepth = second ? positions(b) : b.value.channels();
  if (depth != otherDepth || a.value.type().getDimSize(0) != b.value.type().getDimSize(0)) {
    dsl::Diagnostic &error =
        fail(site.where(), site.frame,
             "this product sums over " + Twine(depth) + " elements of " + a.name + " and " +
                 Twine(otherDepth) + " of " + b.name,
             "a value is a matrix of channels by positions; `turned=first` turns the first one");
    error.note(a.value.describe() + " is " + a.name);
    error.note(b.value.describe() + " is " + b.name);
    return Activation::failed();
  }
  shape::Size3 size = second ? shape::Size3{1, 1, b.value.channels()} : b.value.size();
  auto type = RankedTensorType::get({a.value.type().getDimSize(0), rows, size[0], size[1], size[2]},
                                    Builder(&context).getF32Type());
  if (!countElements(type.getShape())) {
    fail(site.where(), site.frame, "the result of this product has more than 2^40 elements");
    return Activation::failed();
  }
  Location layer = layerLocation(site);
  Value left = scaled(layer, a.value.value, scaleOf(arguments["scale"], depth));
  site.value = b.value;
  return result(site, network.create<clip::MatmulOp>(layer, type, left, b.value.value, first, second),
                {1, 1, 1});
}

Activation Expander::expandAttention(Site &site, Arguments &arguments) {
  Operand q = operandNamed(site, arguments, "q"), k = operandNamed(site, arguments, "k"),
          v = operandNamed(site, arguments, "v");
  if (!q.value.ready() || !k.value.ready() || !v.value.ready())
    return Activation::failed();
  if (q.value.channels() != k.value.channels())
    return clash("attention", q, k, site);
  if (k.value.size() != v.value.size())
    return clash("attention", k, v, site);
  const int64_t heads = std::get<int64_t>(arguments["heads"]);
  for (const Operand *operand : {&q, &v})
    if (operand->value.channels() % heads) {
      fail(site.where(), site.frame,
           "heads=" + Twine(heads) + " does not divide the " + Twine(operand->value.channels()) +
               " channels of " + operand->name);
      return Activation::failed();
    }
  const int64_t clips = q.value.type().getDimSize(0), depth = q.value.channels() / heads;
  // The channels of scores and shares are the positions of the keys.
  auto at = [&](int64_t channels) {
    shape::Size3 size = q.value.size();
    return RankedTensorType::get({clips * heads, channels, size[0], size[1], size[2]},
                                 Builder(&context).getF32Type());
  };
  auto scores = at(shape::product(k.value.size()));
  if (!countElements(scores.getShape())) {
    fail(site.where(), site.frame, "the scores of this attention have more than 2^40 elements",
         "pool the keys and values first");
    return Activation::failed();
  }
  Location layer = layerLocation(site);
  // Heads are clips of their own.
  auto headsOf = [&](const Activation &value, Value x) -> Value {
    ArrayRef<int64_t> shape = value.type().getShape();
    int64_t sizes[] = {clips, heads, shape[1] / heads, shape[2], shape[3], shape[4]};
    return heads == 1 ? x
                      : arrange(layer, x, sizes, {{0}, {1, 2}, {3}, {4}, {5}}, {{0, 1}, {2}, {3}, {4}, {5}});
  };
  Value queries = headsOf(q.value, scaled(layer, q.value.value, scaleOf(arguments["scale"], depth)));
  Value score = network.create<clip::MatmulOp>(layer, scores, headsOf(k.value, k.value.value), queries,
                                               /*transpose_lhs=*/true, /*transpose_rhs=*/false);
  Value share = network.create<clip::SoftmaxOp>(layer, score);
  Value y =
      network.create<clip::MatmulOp>(layer, at(v.value.channels() / heads), headsOf(v.value, v.value.value),
                                     share, /*transpose_lhs=*/false, /*transpose_rhs=*/false);
  if (heads > 1) {
    shape::Size3 size = q.value.size();
    int64_t sizes[] = {clips, heads, v.value.channels() / heads, size[0], size[1], size[2]};
    y = arrange(layer, y, sizes, {{0, 1}, {2}, {3}, {4}, {5}}, {{0}, {1, 2}, {3}, {4}, {5}});
  }
  site.value = q.value;
  return result(site, y, {1, 1, 1});
}
