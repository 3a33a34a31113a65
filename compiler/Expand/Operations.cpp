// Expands the operations that the compiler itself knows: their shapes, parameters and clip operations.
#include "compiler/Expand/Expander.h"
#include "runtime/Package/InputKinds.h"

#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;
using Kind = dsl::Operation::Kind;

/// Limits the sizes of windows: the arithmetic of larger ones could overflow, and no video is that large.
static constexpr int64_t maxWindow = 1'000'000;

//===-- Arguments and parts that operations share -------------------------===//

static int64_t integerOf(dsl::CalleeScope &arguments, StringRef name) {
  return std::get<int64_t>(arguments[name]);
}
static double numberOf(dsl::CalleeScope &arguments, StringRef name) {
  return std::get<double>(arguments[name]);
}
static bool isOn(dsl::CalleeScope &arguments, StringRef name) { return dsl::isWord(arguments[name], "on"); }

static std::string text(ArrayRef<int64_t> sizes) {
  return llvm::join(llvm::map_range(sizes, [](int64_t size) { return std::to_string(size); }), "x");
}

static shape::Size3 size3(const dsl::Binding &binding) {
  const auto &size = std::get<dsl::Size>(binding);
  return {size[0], size[1], size[2]};
}

Location Expander::layerLocation(const Site &site) {
  return NameLoc::get(StringAttr::get(&context, site.layer), place(rootStatement));
}

static int64_t multiplyStride(int64_t a, int64_t b) {
  return std::min(llvm::checkedMul(a, b).value_or(maxElements), maxElements);
}

/// Returns a value made from the site's; `stride` is the operation's own.
Activation Expander::result(Site &site, Value value, const shape::Size3 &stride) {
  Activation made = site.value;
  made.value = value;
  for (int axis = 0; axis < 3; ++axis)
    made.stride[axis] = multiplyStride(made.stride[axis], stride[axis]);
  if (stride != shape::Size3{1, 1, 1})
    made.reductions.push_back({rootStatement, stride});
  if (!countElements(made.type().getShape())) {
    fail(site.where(), site.frame, made.describe() + " has more than 2^40 elements");
    return Activation::failed();
  }
  return made;
}

/// Returns false, with an error, where another statement owns the name already.
bool Expander::claim(Site &site, StringRef name) {
  for (Claim &claim : claims) {
    auto [owner, isNew] = claim.frame->owners.try_emplace(claim.path, claim.statement);
    if (isNew || owner->second == claim.statement)
      continue;
    dsl::Location where = claim.statement->location;
    fail(where, *claim.frame, "two statements own weights under the name '" + claim.path + "'",
         "give this one a label of its own")
        .note(withOrigin("the other one stands here", owner->second->location, where, root.program.sources));
    return false;
  }
  if (!network.parameter(name))
    return true;
  fail(site.where(), site.frame, "two weights are called '" + name + "'", "labels make names differ");
  return false;
}

/// Declares a parameter; returns null, with an error, where it cannot exist.
clip::ParamOp Expander::declare(Site &site, StringRef path, StringRef name, ArrayRef<int64_t> shape,
                                StringRef role, DictionaryAttr init) {
  std::string full = path.empty() ? name.str() : (path + "." + name).str();
  if (!countElements(shape)) {
    fail(site.where(), site.frame, "the weight '" + full + "' has more than 2^40 elements");
    return {};
  }
  if (site.frame.sharing)
    return shared(site, full, shape, role);
  if (!claim(site, full))
    return {};
  clip::ParamOp made = network.addParameter(full, shape, role, init, place(rootStatement));
  made.setFrozen(site.frame.frozen);
  return made;
}

/// Returns the parameter that another call owns, and this one uses in the place of its own of the name `own`;
/// null, with an error, where there is none such.
clip::ParamOp Expander::shared(Site &site, StringRef own, ArrayRef<int64_t> shape, StringRef role) {
  const std::string name = site.frame.sharing->nameFor(own);
  clip::ParamOp found = network.parameter(name);
  const dsl::Location where = site.frame.sharing->where;
  if (!found)
    root.error(where,
               "there is no weight '" + name + "' to share: this call needs it, and the other has none",
               "calls that share weights are alike: in kind, `bn` and `bias`");
  else if (found.getTensorType().getShape() != shape || found.getRole() != role)
    root.error(where,
               "the weight '" + name + "' is " + text(found.getTensorType().getShape()) +
                   ", this call needs " + text(shape),
               "calls that share weights are alike: in channels, window and groups");
  else
    return found;
  return {};
}

Value Expander::parameter(Site &site, StringRef path, StringRef name, ArrayRef<int64_t> shape, StringRef role,
                          DictionaryAttr init) {
  clip::ParamOp declared = declare(site, path, name, shape, role, init);
  return declared ? network.read(declared) : Value();
}

static DictionaryAttr initialise(MLIRContext &context, StringRef kind, StringRef key, Attribute value) {
  Builder builder(&context);
  SmallVector<NamedAttribute> entries = {builder.getNamedAttr("kind", builder.getStringAttr(kind))};
  if (value)
    entries.push_back(builder.getNamedAttr(key, value));
  return builder.getDictionaryAttr(entries);
}

DictionaryAttr Expander::constantOf(double value) {
  return initialise(context, "constant", "value", Builder(&context).getF64FloatAttr(value));
}

/// Returns the initialisation of the layer that gives the scores: so small that all classes are about as
/// probable at the start.
DictionaryAttr Expander::smallNormal() {
  return initialise(context, "normal", "std", Builder(&context).getF64FloatAttr(0.01));
}

/// Returns the initial values that a conv's `init` names.
DictionaryAttr Expander::convInitialisation(const dsl::Binding &init) {
  for (StringRef kind : {"identity", "later", "earlier"})
    if (dsl::isWord(init, kind))
      return initialise(context, kind, "", {});
  if (dsl::isWord(init, "normal"))
    return smallNormal();
  if (dsl::isWord(init, "zero"))
    return constantOf(0);
  return initialise(context, "he_normal", "fan", StringAttr::get(&context, "out"));
}

/// Adds a batch norm under the names of `path`. The arguments are those of a `bn` statement, or null for the
/// batch norm that belongs to a conv.
Value Expander::normalise(Value x, StringRef path, double gamma, Site &site, Arguments *arguments) {
  dsl::Callee bn{dsl::findOperation("bn")};
  Arguments own(site.frame, bn, site.where());
  if (!arguments) {
    if (!own.fill({bn}, site.where()))
      return {};
    arguments = &own;
  }
  int64_t channels = cast<RankedTensorType>(x.getType()).getDimSize(1);
  Value weight = parameter(site, path, "weight", {channels}, "gamma", constantOf(gamma));
  Value bias = weight ? parameter(site, path, "bias", {channels}, "beta", constantOf(0)) : Value();
  // The operation names the running statistics as symbols, since a forward network need not read them.
  auto statistic = [&](StringRef name, double init) {
    clip::ParamOp declared = declare(site, path, name, {channels}, name, constantOf(init));
    return declared ? FlatSymbolRefAttr::get(declared.getSymNameAttr()) : FlatSymbolRefAttr();
  };
  FlatSymbolRefAttr mean = bias ? statistic("running_mean", 0) : FlatSymbolRefAttr();
  FlatSymbolRefAttr variance = mean ? statistic("running_var", 1) : FlatSymbolRefAttr();
  if (!variance)
    return {};
  Builder builder(&context);
  auto op = network.create<clip::BatchNormOp>(layerLocation(site), x, weight, bias, mean, variance,
                                              builder.getF64FloatAttr(numberOf(*arguments, "eps")),
                                              builder.getF64FloatAttr(numberOf(*arguments, "momentum")),
                                              builder.getUnitAttr(), UnitAttr());
  return op.getResult();
}

//===-- Windows -----------------------------------------------------------===//

/// Sets padding as it is written: one size for both sides, or what is in front and what is behind.
static void setWrittenPadding(const dsl::Size &size, shape::Window &window) {
  for (int axis = 0; axis < 3; ++axis) {
    window.padLow[axis] = size[axis];
    window.padHigh[axis] = size[size.size() - 3 + axis];
  }
}

static bool setPadding(const dsl::Binding &pad, const shape::Size3 &input, shape::Window &window) {
  if (dsl::isWord(pad, "same"))
    shape::setSamePadding(input, window);
  else if (dsl::isWord(pad, "half"))
    shape::setHalfPadding(window);
  else if (dsl::isWord(pad, "causal"))
    shape::setCausalPadding(window);
  else
    setWrittenPadding(std::get<dsl::Size>(pad), window);
  auto small = [](const shape::Size3 &size) {
    return llvm::all_of(size, [](int64_t part) { return part <= maxWindow; });
  };
  return small(window.kernel) && small(window.stride) && small(window.dilation) && small(window.padLow) &&
         small(window.padHigh);
}

/// Returns the first axis along which the window is larger than the padded value.
static int axisThatIsTooSmall(const Activation &value, const shape::Window &window) {
  for (int axis = 0; axis < 3; ++axis)
    if (value.size()[axis] + window.padLow[axis] + window.padHigh[axis] <
        window.dilation[axis] * (window.kernel[axis] - 1) + 1)
      return axis;
  return 0;
}

/// Returns the place of a positional or named argument of the site's call, where it has one.
static dsl::Location argumentPlace(const dsl::CallStmt &call, StringRef name, unsigned position,
                                   dsl::Location otherwise) {
  unsigned positional = 0;
  for (const dsl::Argument &argument : call.arguments)
    if (argument.isNamed() ? argument.name == name : positional++ == position)
      return argument.value().location;
  return otherwise;
}

//===-- Operations --------------------------------------------------------===//

/// Returns whether an operation takes learned tensors as they are, with the elements of one clip.
static bool joinsValues(Kind kind) {
  return kind == Kind::Add || kind == Kind::Mul || kind == Kind::Average || kind == Kind::Activation ||
         kind == Kind::Identity || kind == Kind::Input || kind == Kind::Param;
}

Activation Expander::expandOperation(const dsl::Callable &callable, Site &site) {
  Arguments arguments(site.frame, callable.callee, site.where());
  if (!arguments.fill(callable, site.where()))
    return Activation::failed();
  if (!joinsValues(callable.callee.operation->kind))
    site.value = batched(layerLocation(site), site.value);
  switch (callable.callee.operation->kind) {
  case Kind::Input:
    return expandInput(site, arguments);
  case Kind::Conv:
    return expandConv(site, arguments);
  case Kind::Pool:
    return expandPool(site, arguments);
  case Kind::Fc:
    return expandFc(site, arguments);
  case Kind::Bn:
    return expandBn(site, arguments);
  case Kind::Activation:
    return result(
        site, network.createUnary(layerLocation(site), callable.callee.operation->lowered, site.value.value),
        {1, 1, 1});
  case Kind::Softmax:
    return result(site, network.create<clip::SoftmaxOp>(layerLocation(site), site.value.value), {1, 1, 1});
  case Kind::Dropout:
    return expandDropout(site, arguments);
  case Kind::Identity:
    return site.value;
  case Kind::Add:
  case Kind::Mul:
  case Kind::Average:
  case Kind::Concat:
    return expandJoin(callable, site, arguments);
  case Kind::Residual:
    return expandResidual(site, arguments);
  case Kind::Fold:
    return expandFold(site);
  case Kind::Shift:
    return expandShift(site, arguments);
  case Kind::Slice:
    return expandSlice(site, arguments);
  case Kind::Arrange:
    return expandArrange(site, arguments);
  case Kind::Norm:
    return expandNorm(site, arguments);
  case Kind::Param:
    return expandParam(site, arguments);
  case Kind::Product:
    return expandProduct(site, arguments);
  case Kind::Attention:
    return expandAttention(site, arguments);
  case Kind::Stage:
    break; // a definition calls its block
  }
  llvm_unreachable("a stage is no operation of its own");
}

/// Checks that pictures of this kind have so many channels.
bool Expander::checkInput(StringRef kind, int64_t channels, Site &site) {
  const InputKind &known = *findInputKind(kind);
  if (!known.takes(channels))
    fail(argumentPlace(site.call, "size", 1, site.where()), site.frame,
         "an input of kind " + kind + " has " + known.wanted() + ", found " + Twine(channels));
  return known.takes(channels);
}

Activation Expander::expandInput(Site &site, Arguments &arguments) {
  // A network that is called by another one works on the value that it is called on.
  if (site.frame.isCalled && site.value.ready())
    return site.value;
  dsl::Size size = std::get<dsl::Size>(arguments["size"]);
  const int64_t every = std::get<int64_t>(arguments["every"]);
  int64_t replaced[] = {0, shape::ceilDiv(options.frames, every), options.height, options.width};
  for (int axis = 0; axis < 4; ++axis)
    if (replaced[axis])
      size[axis] = replaced[axis];
  SmallVector<int64_t> shape = {options.batch, size[0], size[1], size[2], size[3]};
  if (!countElements(shape)) {
    fail(argumentPlace(site.call, "size", 1, site.where()), site.frame,
         "a batch of " + Twine(options.batch) + " such inputs has more than 2^40 elements");
    return Activation::failed();
  }
  Activation input;
  input.state = Activation::State::Ready;
  const std::string &kind = std::get<dsl::Word>(arguments["kind"]).text;
  if (!checkInput(kind, size[0], site))
    return Activation::failed();
  input.value = network.addInput(kind, site.frame.path, shape, every, place(rootStatement));
  input.input = input.size();
  return input;
}

/// Warns of what is allowed and hardly meant. Inside of what is called, the warning stands at the author's
/// own statement.
void Expander::warn(Site &site, dsl::Location where, std::string message, std::string hint) {
  root.diagnostics.warning(site.frame.isCalled ? rootStatement : where, std::move(message), std::move(hint));
}

/// Warns of windows that are hardly meant. A stride beyond the size gives one position, however large it is.
/// An even window has no middle, so that half of it on either side gives one position less than there were.
void Expander::warnOfWindow(Site &site, const Activation &x, const shape::Window &window,
                            const dsl::Binding &padding) {
  for (int axis = 0; axis < 3; ++axis)
    if (x.size()[axis] > 1 && window.stride[axis] > x.size()[axis]) {
      warn(site, argumentPlace(site.call, "stride", 2, site.where()),
           "the stride " + text(window.stride) + " is larger than " + x.describe());
      return;
    }
  if (!dsl::isWord(padding, "half"))
    return;
  for (int axis = 0; axis < 3; ++axis)
    if (window.kernel[axis] % 2 == 0 && window.stride[axis] == 1) {
      warn(site, argumentPlace(site.call, "k", 0, site.where()),
           "the window " + text(window.kernel) + " is even, so it leaves one position less of " +
               x.describe(),
           "`pad=same` keeps the size");
      return;
    }
}

Activation Expander::expandConv(Site &site, Arguments &arguments) {
  const Activation &x = site.value;
  shape::Window window;
  window.kernel = size3(arguments["k"]);
  window.stride = size3(arguments["stride"]);
  window.dilation = size3(arguments["dilate"]);
  bool sane = setPadding(arguments["pad"], x.size(), window);
  int64_t channels = integerOf(arguments, "ch"), groups = integerOf(arguments, "groups");
  if (!sane || !shape::windowOutput(x.size(), window)) {
    int axis = axisThatIsTooSmall(x, window);
    fail(argumentPlace(site.call, "k", 0, site.where()), site.frame,
         "the window " + text(window.kernel) + " does not fit into " + x.describe(),
         sane ? historyOf(x, axis) + "; `pad=half` lets odd windows fit"
              : "a window of at most 10^6 is possible");
    return Activation::failed();
  }
  warnOfWindow(site, x, window, arguments["pad"]);
  if (x.channels() % groups || channels % groups) {
    fail(argumentPlace(site.call, "groups", ~0u, site.where()), site.frame,
         "groups=" + Twine(groups) + " does not divide " +
             (x.channels() % groups ? "the " + Twine(x.channels()) + " channels of the value before"
                                    : "ch=" + Twine(channels)));
    return Activation::failed();
  }
  bool hasBn = isOn(arguments, "bn");
  bool hasBias = dsl::is<dsl::Auto>(arguments["bias"]) ? !hasBn : isOn(arguments, "bias");
  auto init = convInitialisation(arguments["init"]);
  bool ofOtherFrames = dsl::isWord(arguments["init"], "later") || dsl::isWord(arguments["init"], "earlier");
  if (ofOtherFrames && window.kernel[0] < 3) {
    fail(argumentPlace(site.call, "init", ~0u, site.where()), site.frame,
         "a window of " + text(window.kernel) + " sees no frame before or behind, which `init` asks for");
    return Activation::failed();
  }
  Value weight =
      parameter(site, site.path, "weight",
                {channels, x.channels() / groups, window.kernel[0], window.kernel[1], window.kernel[2]},
                "weight", init);
  Value bias =
      weight && hasBias ? parameter(site, site.path, "bias", {channels}, "bias", constantOf(0)) : Value();
  if (!weight || (hasBias && !bias))
    return Activation::failed();
  for (Operation *user : weight.getUsers())
    if (auto other = dyn_cast<clip::ConvOp>(user); other && int64_t(other.getGroups()) != groups) {
      root.error(site.frame.sharing->where,
                 llvm::formatv("the weight is shared with a conv of groups={0}, this one has groups={1}",
                               other.getGroups(), groups));
      return Activation::failed();
    }
  Value y =
      network.create<clip::ConvOp>(layerLocation(site), x.value, weight, bias,
                                   clip::WindowAttr::get(&context, window), static_cast<uint64_t>(groups));
  if (hasBn)
    y = normalise(y, site.path.empty() ? "bn" : site.path + ".bn", numberOf(arguments, "gamma"), site,
                  nullptr);
  return y ? result(site, activate(y, arguments["act"], site), window.stride) : Activation::failed();
}

/// Returns the window of a pool over a value: `global`, `space`, `time` or a size.
static shape::Size3 poolWindow(const dsl::Binding &binding, const Activation &x) {
  if (dsl::isWord(binding, "global"))
    return x.size();
  if (dsl::isWord(binding, "space"))
    return {1, x.size()[1], x.size()[2]};
  if (dsl::isWord(binding, "time"))
    return {x.size()[0], 1, 1};
  return size3(binding);
}

Activation Expander::expandPool(Site &site, Arguments &arguments) {
  if (dsl::isWord(arguments["k"], "channels"))
    return poolChannels(site, dsl::isWord(arguments["how"], "max"));
  const Activation &x = site.value;
  shape::Window window;
  window.kernel = poolWindow(arguments["k"], x);
  window.stride = poolWindow(arguments["stride"], x);
  bool ceil = isOn(arguments, "ceil");
  bool sane = setPadding(arguments["pad"], x.size(), window);
  dsl::Location where = argumentPlace(site.call, "k", 1, site.where());
  auto size = ceil ? shape::windowOutputCeil(x.size(), window) : shape::windowOutput(x.size(), window);
  if (!sane || !size) {
    fail(where, site.frame, "the window " + text(window.kernel) + " does not fit into " + x.describe(),
         historyOf(x, axisThatIsTooSmall(x, window)) + "; `pool avg global` fits any size");
    return Activation::failed();
  }
  for (int axis = 0; axis < 3; ++axis)
    if (window.padLow[axis] >= window.kernel[axis]) {
      fail(argumentPlace(site.call, "pad", 3, where), site.frame,
           "the padding " + text(window.padLow) + " is not smaller than the window " + text(window.kernel),
           "some windows would hold padding alone");
      return Activation::failed();
    }
  if (window == shape::Window())
    return site.value; // a library's pool whose stride turned out to be 1
  auto attribute = clip::WindowAttr::get(&context, window);
  auto unit = ceil ? UnitAttr::get(&context) : UnitAttr();
  Location layer = layerLocation(site);
  Value y = dsl::isWord(arguments["how"], "max")
                ? Value(network.create<clip::MaxPoolOp>(layer, x.value, attribute, unit))
                : Value(network.create<clip::AvgPoolOp>(layer, x.value, attribute, unit));
  return result(site, y, window.stride);
}

Activation Expander::expandFc(Site &site, Arguments &arguments) {
  const Activation &x = site.value;
  int64_t outputs = integerOf(arguments, "n");
  int64_t features = x.type().getNumElements() / x.type().getDimSize(0);
  Value weight = parameter(site, site.path, "weight", {outputs, features}, "weight", smallNormal());
  bool hasBias = isOn(arguments, "bias");
  Value bias =
      weight && hasBias ? parameter(site, site.path, "bias", {outputs}, "bias", constantOf(0)) : Value();
  if (!weight || (hasBias && !bias))
    return Activation::failed();
  Value y = network.create<clip::LinearOp>(layerLocation(site), x.value, weight, bias);
  return result(site, activate(y, arguments["act"], site), x.size());
}

Activation Expander::expandBn(Site &site, Arguments &arguments) {
  Value y = normalise(site.value.value, site.path, 1, site, &arguments);
  return y ? result(site, y, {1, 1, 1}) : Activation::failed();
}

Activation Expander::expandDropout(Site &site, Arguments &arguments) {
  double rate = numberOf(arguments, "p");
  if (rate >= 1) {
    fail(argumentPlace(site.call, "p", 0, site.where()), site.frame, "a dropout of 1 would leave nothing",
         "p is less than 1");
    return Activation::failed();
  }
  if (auto before = site.value.value.getDefiningOp<clip::DropoutOp>()) {
    double kept = (1 - rate) * (1 - before.getRate().convertToDouble());
    warn(site, site.where(),
         llvm::formatv("a dropout of what a dropout has left: {0:P0} are dropped", 1 - kept).str());
  }
  Builder builder(&context);
  Value y =
      network.create<clip::DropoutOp>(layerLocation(site), site.value.value, Value(),
                                      builder.getF64FloatAttr(rate), builder.getI64IntegerAttr(dropouts++));
  return result(site, y, {1, 1, 1});
}

Activation Expander::expandShift(Site &site, Arguments &arguments) {
  int64_t parts = integerOf(arguments, "n"), channels = site.value.channels() / parts;
  if (channels == 0) {
    fail(argumentPlace(site.call, "n", 0, site.where()), site.frame,
         "an n-th of the channels moves: with n=" + Twine(parts) + " and " + Twine(site.value.channels()) +
             " channels, none would",
         "n is at most the number of channels");
    return Activation::failed();
  }
  Value y = network.create<clip::ShiftOp>(layerLocation(site), site.value.value, channels, int64_t{1});
  return result(site, y, {1, 1, 1});
}
