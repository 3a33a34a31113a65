// Pass assign-storage: how every tensor lies in memory.
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNSTORAGE
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::LayoutAttr;
using kernel::LayoutKind;

namespace {

struct AssignStorage : kinema::impl::AssignStorageBase<AssignStorage> {
  using AssignStorageBase::AssignStorageBase;

  void runOnOperation() override {
    findWideInputs();
    getOperation().walk([&](func::FuncOp function) { assign(function); });
    if (bfloat16)
      getOperation().walk([&](func::FuncOp function) { narrow(function); });
    getOperation().walk([&](func::FuncOp function) {
      function.walk([&](kernel::ConvOp op) { convertWeight(op); });
      updateSignature(function);
    });
  }

private:
  llvm::SmallPtrSet<StringAttr, 4> wideInputs; // inputs of few channels that have no blocks of their own

  LayoutAttr blocked(int64_t size) { return LayoutAttr::get(&getContext(), LayoutKind::Blocked, size, 1); }

  static void setLayout(Value value, LayoutAttr layout) {
    auto type = tensorOf(value);
    value.setType(RankedTensorType::get(type.getShape(), type.getElementType(), layout));
  }

  /// Channels of an input are few: blocks of `inputBlock` waste less, and the first conv packs its weight to
  /// match.
  void assignActivation(Value value) {
    auto type = tensorOf(value);
    if (!type.getElementType().isF32() || type.getRank() == 0 || type.getEncoding())
      return;
    setLayout(value, blocked(isNarrow(value) ? inputBlock : block));
  }

  //===-- Inputs of few channels ------------------------------------------===//

  /// The name of a network's input; null where there is none.
  static StringAttr inputName(BlockArgument input) {
    auto function = cast<func::FuncOp>(input.getOwner()->getParentOp());
    return function.getArgAttrOfType<StringAttr>(input.getArgNumber(), clip::nameAttribute);
  }

  /// An input in blocks of `inputBlock`.
  bool isNarrow(Value value) {
    auto input = dyn_cast<BlockArgument>(value);
    auto type = tensorOf(value);
    return input && type.getRank() == 5 && type.getDimSize(1) <= inputBlock &&
           !wideInputs.contains(inputName(input));
  }

  /// Does the window slide over an input of few channels?
  bool inputIsNarrow(const kernel::AccessRegion &prologue) {
    Value source = prologue.getPixel();
    return source && isNarrow(source);
  }

  /// The parameter that a gradient updates; empty where it updates none.
  static StringRef updatedBy(Value gradient) {
    for (OpOperand &use : gradient.getUses()) {
      if (auto reduce = dyn_cast<kernel::ReduceOp>(use.getOwner()))
        return updatedBy(reduce.getResult());
      auto sgd = dyn_cast<kernel::SgdOp>(use.getOwner());
      for (unsigned i = 0; sgd && i < sgd.getWeights().size(); ++i)
        if (sgd.getGradients()[i] == gradient)
          if (auto read = sgd.getWeights()[i].getDefiningOp<clip::ReadOp>())
            return read.getParam();
    }
    return {};
  }

  /// What the windows of each weight slide over, in all functions; a folded weight counts as the one that it
  /// is made of.
  llvm::StringMap<SmallVector<Value>> sourcesOfWeights() {
    llvm::StringMap<StringRef> madeOf;
    getOperation().walk([&](kernel::FoldOp fold) {
      for (Operation *user : fold.getResult().getUsers())
        if (auto write = dyn_cast<clip::WriteOp>(user))
          if (auto read = fold.getWeight().getDefiningOp<clip::ReadOp>())
            madeOf[write.getParam()] = read.getParam();
    });
    llvm::StringMap<SmallVector<Value>> sources;
    getOperation().walk([&](Operation *op) {
      auto conv = dyn_cast<kernel::ConvOp>(op);
      auto wgrad = dyn_cast<kernel::WeightGradOp>(op);
      auto read = conv ? conv.getWeight().getDefiningOp<clip::ReadOp>() : clip::ReadOp();
      if (read && conv.getGroups() == 1 && conv.getDirection() == kernel::Direction::Forward) {
        auto made = madeOf.find(read.getParam());
        sources[made == madeOf.end() ? read.getParam() : made->second].push_back(conv.prologue().getPixel());
      } else if (StringRef name = wgrad ? updatedBy(wgrad.getResult()) : StringRef();
                 !name.empty() && wgrad.getGroups() == 1) {
        sources[name].push_back(wgrad.activation().getPixel());
      }
    });
    return sources;
  }

  /// A weight has one order. Where a window slides over an input in one function and over what was made of
  /// it in another (a dropout is a kernel in training and nothing in inference), the input is blocked as
  /// everything else is; so is another one that the same weight meets, and so on.
  void findWideInputs() {
    llvm::StringMap<SmallVector<Value>> sources = sourcesOfWeights();
    for (bool changed = true; changed;) {
      changed = false;
      for (auto &entry : sources) {
        auto narrow = [&](Value source) { return source && isNarrow(source); };
        if (llvm::all_of(entry.second, narrow))
          continue;
        for (Value source : llvm::make_filter_range(entry.second, narrow))
          if (StringAttr name = inputName(cast<BlockArgument>(source)))
            changed |= wideInputs.insert(name).second;
      }
    }
  }

  //===-- Weights and activations -----------------------------------------===//

  /// Of the weight of a conv; narrow: its window slides over an input of few channels. Tensor cores then
  /// contract two neighbours of a row at once, and windows begin one or two positions apart.
  LayoutAttr weightLayout(bool narrow, const shape::Window &window) {
    constexpr int width = 2; // axis
    bool pairs = 2 * inputBlock == block && window.stride[width] <= 2 && window.dilation[width] == 1;
    if (taps && (!narrow || pairs))
      return LayoutAttr::get(&getContext(), LayoutKind::Taps, block, narrow ? inputBlock : 1);
    return LayoutAttr::get(&getContext(), LayoutKind::Weight, block, narrow ? inputBlock : block);
  }

  void assign(func::FuncOp function) {
    // Weights follow the convs that read them, so convs come first; everything else is blocked by channel.
    function.walk([&](kernel::ConvOp op) { assignConv(op); });
    function.walk([&](kernel::WeightGradOp op) {
      bool narrow = inputIsNarrow(op.activation());
      auto shape = tensorOf(op.getResult()).getShape().drop_front(); // of a partial
      setLayout(op.getResult(), op.getGroups() == 1 ? weightLayout(narrow, op.getWindow().getWindow())
                                                    : groupedLayout(shape, op.getGroups()));
    });
    function.walk([&](Operation *op) { followWeights(op); });
    for (Value argument : function.getArguments())
      assignActivation(argument);
    function.walk([&](Operation *op) {
      for (Value result : op->getResults())
        if (isa<RankedTensorType>(result.getType()))
          assignActivation(result);
    });
  }

  LayoutAttr plain() { return LayoutAttr::get(&getContext(), LayoutKind::Plain, 1, 1); }

  /// Of the weight of a conv in groups: vectors of output channels for each channel of a group and tap. A
  /// machine that has its weights by taps has them for groups of one channel alone.
  LayoutAttr groupedLayout(ArrayRef<int64_t> weight, int64_t groups) {
    bool depthwise = weight[0] == groups && weight[1] == 1;
    return depthwise || !taps ? LayoutAttr::get(&getContext(), LayoutKind::Weight, block, 1) : plain();
  }

  void assignConv(kernel::ConvOp op) {
    if (op.getGroups() != 1) {
      setLayout(op.getWeight(), groupedLayout(tensorOf(op.getWeight()).getShape(), op.getGroups()));
      return;
    }
    if (op.getDirection() == kernel::Direction::Forward)
      setLayout(op.getWeight(), weightLayout(inputIsNarrow(op.prologue()), op.getWindow().getWindow()));
  }

  /// All copies of a parameter share its order: master, momentum, gradient, folded weight.
  void followWeights(Operation *op) {
    if (auto fold = dyn_cast<kernel::FoldOp>(op)) {
      LayoutAttr layout = foldedLayout(fold);
      setLayout(fold.getWeight(), layout);
      setLayout(fold.getResult(), layout);
    } else if (auto kernel = dyn_cast<kernel::LaunchableOp>(op)) {
      for (ArrayRef<Value> copies : kernel.getCopies())
        shareLayout(copies);
    }
  }

  /// Those without a layout take it from the first that has one.
  static void shareLayout(ArrayRef<Value> copies) {
    auto layoutOf = [](Value copy) { return tensorOf(copy).getEncoding(); };
    auto first = llvm::find_if(copies, layoutOf);
    for (Value copy : copies)
      if (first != copies.end() && !layoutOf(copy))
        setLayout(copy, cast<LayoutAttr>(layoutOf(*first)));
  }

  /// In @prepare no conv is in sight: the layout is that of the reads of the same parameters elsewhere.
  LayoutAttr foldedLayout(kernel::FoldOp fold) {
    auto name = fold.getWeight().getDefiningOp<clip::ReadOp>().getParam();
    LayoutAttr layout = plain();
    for (Operation *user : fold.getResult().getUsers())
      if (auto write = dyn_cast<clip::WriteOp>(user))
        name = write.getParam();
    getOperation().walk([&](clip::ReadOp read) {
      if (read.getParam() != name)
        return;
      for (Operation *user : read->getUsers())
        if (auto conv = dyn_cast<kernel::ConvOp>(user)) {
          bool narrow = inputIsNarrow(conv.prologue());
          layout = conv.getGroups() == 1
                       ? weightLayout(narrow, conv.getWindow().getWindow())
                       : groupedLayout(tensorOf(conv.getWeight()).getShape(), conv.getGroups());
        }
    });
    return layout;
  }

  /// Weights of groups, which have no pairs of channels, stay as they are.
  static LayoutAttr pairsOf(LayoutAttr layout) {
    bool transposed = layout.getKind() == LayoutKind::WeightTransposed;
    if ((layout.getKind() != LayoutKind::Weight && !transposed) || layout.getReduce() % 2 != 0)
      return layout;
    return LayoutAttr::get(layout.getContext(), transposed ? LayoutKind::PairsTransposed : LayoutKind::Pairs,
                           layout.getBlock(), layout.getReduce());
  }

  /// The data gradient reads its weight with rows and columns exchanged; where activations are bfloat16,
  /// every conv reads a weight of that type.
  void convertWeight(kernel::ConvOp op) {
    auto type = tensorOf(op.getWeight());
    bool exchanged = op.getDirection() == kernel::Direction::Transposed && op.getGroups() == 1;
    Attribute layout = type.getEncoding();
    if (exchanged)
      layout = taps ? LayoutAttr::get(&getContext(), LayoutKind::TapsTransposed, block, 1)
                    : LayoutAttr::get(&getContext(), LayoutKind::WeightTransposed, block, block);
    if (pairs)
      layout = pairsOf(cast<LayoutAttr>(layout));
    Type element = bfloat16 ? Type(BFloat16Type::get(&getContext())) : type.getElementType();
    auto wanted = RankedTensorType::get(type.getShape(), element, layout);
    if (wanted == type)
      return;
    OpBuilder builder(op);
    auto copy = kernel::ConvertOp::create(builder, op.getLoc(), TypeRange{wanted}, op.getWeight(),
                                          kernel::ScheduleAttr());
    op.getWeightMutable().assign(copy.getResult(0));
    ++converted;
  }

  //===-- bfloat16 --------------------------------------------------------===//

  void setElement(Value value, Type element) {
    auto type = tensorOf(value);
    value.setType(RankedTensorType::get(type.getShape(), element, type.getEncoding()));
  }

  /// Activations and folded weights become bfloat16; parameters, channel vectors, partials, and what has one
  /// position a clip (pooled features, logits) stay f32. So do a pool's gradient, which is added up in
  /// place, and what attention makes.
  void narrow(func::FuncOp function) {
    Type element = BFloat16Type::get(&getContext());
    function.walk([&](Operation *op) {
      if (op->hasTrait<kernel::MakesActivations>())
        for (Value result : op->getResults())
          if (auto type = tensorOf(result);
              type.getRank() == 5 && shape::product(clip::spatialSize(type)) > 1)
            setElement(result, element);
      if (auto fold = dyn_cast<kernel::FoldOp>(op))
        narrowFolded(fold, element);
    });
    function.walk([&](Operation *op) { round(op); });
  }

  void narrowFolded(kernel::FoldOp fold, Type element) {
    auto setType = [&](Value weight) {
      setElement(weight, element);
      if (pairs)
        setLayout(weight, pairsOf(cast<LayoutAttr>(tensorOf(weight).getEncoding())));
    };
    setType(fold.getResult());
    for (Operation *user : fold.getResult().getUsers())
      if (auto write = dyn_cast<clip::WriteOp>(user))
        getOperation().walk([&](clip::ReadOp read) {
          if (read.getParam() == write.getParam())
            setType(read.getValue());
        });
  }

  /// A prologue's result is rounded before the product; moments and sums are taken of what is stored.
  void round(Operation *op) {
    if (auto conv = dyn_cast<kernel::ConvOp>(op)) {
      roundPrologue(conv.prologue());
      roundStores(conv, conv.getEpilogue());
    } else if (auto wgrad = dyn_cast<kernel::WeightGradOp>(op)) {
      roundPrologue(wgrad.gradient());
      roundPrologue(wgrad.activation());
    } else if (auto map = dyn_cast<kernel::MapOp>(op)) {
      roundStores(map, map.getBody());
    }
  }

  /// The value of a region as bfloat16 holds it.
  static arith::ExtFOp rounded(OpBuilder &b, Location loc, Value value) {
    Value narrow = arith::TruncFOp::create(b, loc, b.getBF16Type(), value);
    return arith::ExtFOp::create(b, loc, b.getF32Type(), narrow);
  }

  static void roundPrologue(const kernel::AccessRegion &prologue) {
    auto yield = cast<kernel::YieldOp>(prologue.getRegion().front().getTerminator());
    Value value = yield.getValues()[0], operand = prologue.operandOf(value);
    if (operand && tensorOf(operand).getElementType().isBF16())
      return;
    OpBuilder builder(yield);
    yield.getValuesMutable()[0].assign(rounded(builder, yield.getLoc(), value));
  }

  static void roundStores(Operation *op, Region &region) {
    auto yield = cast<kernel::YieldOp>(region.front().getTerminator());
    for (int64_t i = 0; i < yield.countOf(kernel::Yield::Store); ++i) {
      if (!tensorOf(op->getResult(i)).getElementType().isBF16())
        continue;
      Value value = yield.getValues()[i];
      OpBuilder builder(op->getContext());
      builder.setInsertionPointAfterValue(value);
      auto stored = rounded(builder, yield.getLoc(), value);
      value.replaceAllUsesExcept(stored, stored.getIn().getDefiningOp());
    }
  }

  static void updateSignature(func::FuncOp function) {
    auto returned = function.front().getTerminator()->getOperandTypes();
    function.setType(FunctionType::get(function.getContext(), function.front().getArgumentTypes(),
                                       SmallVector<Type>(returned)));
  }
};

} // namespace
