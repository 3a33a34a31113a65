#include "compiler/Target/Common/AssignStorage.h"

#include "compiler/Target/Common/Layouts.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Halves.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/WidenedWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace kinema;
using kernel::LayoutAttr;

namespace {

class StorageAssigner {
public:
  StorageAssigner(ModuleOp module, const StorageRules &rules)
      : module(module), rules(rules), half(kernel::halfOf(rules.precision, module.getContext())) {}

  int64_t run() {
    findWideInputs();
    module.walk([&](func::FuncOp function) { assign(function); });
    if (half)
      module.walk([&](func::FuncOp function) { storeAsHalves(function); });
    module->setAttr(kernel::precisionAttribute,
                    kernel::PrecisionAttr::get(module.getContext(), rules.precision));
    module.walk([&](func::FuncOp function) {
      function.walk([&](kernel::ConvOp op) { settleWeight(op); });
      function.walk([&](kernel::WeightGradOp op) { op.setBf16x3(rules.terms && rules.terms(op)); });
      updateSignature(function);
    });
    return converted;
  }

private:
  ModuleOp module;
  const StorageRules &rules;
  FloatType half; // that activations are stored as; null where they are f32
  int64_t converted = 0;
  llvm::StringMap<LayoutAttr> layouts; // of parameters and states, as functions before have assigned them
  llvm::SmallPtrSet<StringAttr, 4> wideInputs; // inputs of few channels that have no blocks of their own

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
    int64_t block = isNarrow(value) ? StorageRules::inputBlock : rules.block;
    setLayout(value, LayoutAttr::blocked(type.getContext(), type.getRank(), block));
  }

  //===-- Inputs of few channels ------------------------------------------===//

  /// The name of a network's input; null where there is none.
  static StringAttr inputName(BlockArgument input) {
    auto function = cast<func::FuncOp>(input.getOwner()->getParentOp());
    return function.getArgAttrOfType<StringAttr>(input.getArgNumber(), clip::nameAttribute);
  }

  /// Returns whether the value is an input in blocks of `inputBlock`.
  bool isNarrow(Value value) {
    auto input = dyn_cast<BlockArgument>(value);
    auto type = tensorOf(value);
    return input && type.getRank() == 5 && type.getDimSize(1) <= StorageRules::inputBlock &&
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
      auto update = dyn_cast<kernel::UpdateOp>(use.getOwner());
      for (unsigned i = 0; update && i < update.getWeights().size(); ++i) {
        if (update.getGradients()[i] != gradient)
          continue;
        if (update.getRule() == clip::UpdateRule::Sum) // which another update goes on with
          return updatedBy(update.getNewTensors()[i]);
        if (auto read = update.getWeights()[i].getDefiningOp<clip::ReadOp>())
          return read.getParam();
      }
    }
    return {};
  }

  /// Returns what a weight is made of, one operation back: what is prepared or folded; null for others.
  static Value madeOf(Value weight) {
    if (auto prepared = weight.getDefiningOp<clip::PreparedOp>())
      return prepared.getValue();
    auto fold = weight.getDefiningOp<kernel::FoldOp>();
    return fold ? fold.getWeight() : Value();
  }

  /// The parameter that a conv's weight is or is made of; empty where there is none.
  static StringRef parameterOf(Value weight) {
    while (Value origin = madeOf(weight))
      weight = origin;
    auto read = weight.getDefiningOp<clip::ReadOp>();
    return read ? read.getParam() : StringRef();
  }

  /// A window that a parameter slides over a value, in some function.
  struct Sliding {
    Value source;
    shape::Window window;
  };

  llvm::StringMap<SmallVector<Sliding>> slidingOfWeights() {
    llvm::StringMap<SmallVector<Sliding>> found;
    auto add = [&](StringRef parameter, Value source, const shape::Window &window) {
      if (!parameter.empty())
        found[parameter].push_back({source, window});
    };
    module.walk([&](Operation *op) {
      auto conv = dyn_cast<kernel::ConvOp>(op);
      auto wgrad = dyn_cast<kernel::WeightGradOp>(op);
      if (conv && conv.getGroups() == 1 && conv.getDirection() == kernel::Direction::Forward)
        add(parameterOf(conv.getWeight()), conv.prologue().getPixel(), conv.getWindow().getWindow());
      else if (wgrad && wgrad.getGroups() == 1)
        add(updatedBy(wgrad.getResult()), wgrad.activation().getPixel(), wgrad.getWindow().getWindow());
    });
    return found;
  }

  /// A weight has one order. Where a window slides over an input in one function and over what was made of
  /// it in another (a dropout is a kernel in training and nothing in inference), the input is blocked as
  /// everything else is; so is another one that the same weight meets, and so on. So are inputs over which
  /// layers that share a weight slide it in windows of their own, or windows that no kernel slides over few
  /// channels.
  void findWideInputs() {
    auto sliding = slidingOfWeights();
    auto isOfNarrow = [&](const Sliding &s) { return s.source && isNarrow(s.source); };
    auto hasKernel = [&](const Sliding &s) {
      return !rules.slidesOverNarrow || rules.slidesOverNarrow(s.window);
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (auto &entry : sliding) {
        const shape::Window first = entry.second.front().window;
        if (llvm::all_of(entry.second, [&](const Sliding &s) {
              return isOfNarrow(s) && s.window == first && hasKernel(s);
            }))
          continue;
        for (const Sliding &s : llvm::make_filter_range(entry.second, isOfNarrow))
          if (StringAttr name = inputName(cast<BlockArgument>(s.source)))
            changed |= wideInputs.insert(name).second;
      }
    }
  }

  //===-- Weights and activations -----------------------------------------===//

  void assign(func::FuncOp function) {
    // Weights follow the convs that read them, so convs come first; everything else is blocked by channel.
    function.walk([&](kernel::ConvOp op) { assignConv(op); });
    function.walk([&](kernel::WeightGradOp op) {
      auto weight = tensorOf(op.getResult()).getShape().drop_front(); // of one of the partials
      WeightUse use{op.getWindow().getWindow(), weight, int64_t(op.getGroups()),
                    inputIsNarrow(op.activation())};
      setLayout(op.getResult(), rules.parameter(use).withRank(weight.size() + 1));
    });
    function.walk([&](clip::ReadOp read) {
      if (LayoutAttr known = layouts.lookup(read.getParam()); known && !tensorOf(read).getEncoding())
        setLayout(read, known);
    });
    function.walk([&](kernel::LaunchableOp op) {
      for (ArrayRef<Value> copies : op.getCopies())
        shareLayout(copies);
    });
    function.walk([&](clip::ReadOp read) {
      if (auto layout = dyn_cast_or_null<LayoutAttr>(tensorOf(read).getEncoding()))
        layouts.try_emplace(read.getParam(), layout);
    });
    function.walk([&](kernel::FoldOp op) { // whose result no conv reads
      for (Value weight : {op.getWeight(), op.getResult()})
        if (auto type = tensorOf(weight); !type.getEncoding())
          setLayout(weight, LayoutAttr::rowMajor(type.getContext(), type.getRank()));
    });
    for (Value argument : function.getArguments())
      assignActivation(argument);
    function.walk([&](Operation *op) {
      for (Value result : op->getResults())
        if (isa<RankedTensorType>(result.getType()))
          assignActivation(result);
    });
  }

  /// A data gradient reads the parameter of the conv whose gradient it is, which says how that lies.
  void assignConv(kernel::ConvOp op) {
    if (op.getGroups() == 1 && op.getDirection() == kernel::Direction::Transposed)
      return;
    LayoutAttr layout = rules.parameter({op.getWindow().getWindow(), tensorOf(op.getWeight()).getShape(),
                                         int64_t(op.getGroups()), inputIsNarrow(op.prologue())});
    for (Value weight = op.getWeight(); weight; weight = madeOf(weight))
      setLayout(weight, layout);
  }

  /// All copies of a parameter share its order: master, states, gradient. Those without a layout take it
  /// from the first that has one.
  static void shareLayout(ArrayRef<Value> copies) {
    auto layoutOf = [](Value copy) { return tensorOf(copy).getEncoding(); };
    auto first = llvm::find_if(copies, layoutOf);
    for (Value copy : copies)
      if (first != copies.end() && !layoutOf(copy))
        setLayout(copy, cast<LayoutAttr>(layoutOf(*first)).withRank(tensorOf(copy).getRank()));
  }

  /// Gives a conv its weight as its kernels read it: of halves where activations are, or by its terms, and
  /// in their layout.
  void settleWeight(kernel::ConvOp op) {
    auto type = tensorOf(op.getWeight());
    if (half && type.getElementType() != half)
      retypeWeight(op, RankedTensorType::get(type.getShape(), half, type.getEncoding()));
    type = tensorOf(op.getWeight());
    WeightForm wanted = rules.weight(op);
    SmallVector<int64_t> shape(type.getShape());
    shape[1] *= wanted.together;
    auto form = RankedTensorType::get(shape, type.getElementType(), wanted.layout);
    op.setBf16x3(wanted.terms);
    if (wanted.terms) {
      shape.insert(shape.begin(), kernel::terms);
      form = RankedTensorType::get(shape, BFloat16Type::get(type.getContext()),
                                   wanted.layout.withRank(shape.size()));
    }
    if (wanted.together > 1 || wanted.terms)
      widenWeight(op, form);
    else if (wanted.layout != kernel::layoutOf(type))
      retypeWeight(op, form);
  }

  /// Makes what the conv reads of another weight.
  Value convert(kernel::ConvOp op, Operation *before, Value weight, RankedTensorType type) {
    ++converted;
    OpBuilder builder(before);
    return kernel::ConvertOp::create(builder, op.getLoc(), TypeRange{type}, weight, kernel::ScheduleAttr())
        .getResult(0);
  }

  /// Widens a weight, or makes its terms, where it is copied or prepared for the conv, or else in a copy.
  void widenWeight(kernel::ConvOp op, RankedTensorType type) {
    Value weight = op.getWeight();
    auto prepared = weight.getDefiningOp<clip::PreparedOp>();
    if (weight.hasOneUse() && prepared) {
      prepared.getValueMutable().assign(convert(op, prepared, prepared.getValue(), type));
      weight.setType(type);
      weight = prepared.getValue();
    } else if (weight.hasOneUse() && weight.getDefiningOp<kernel::ConvertOp>()) {
      weight.setType(type);
    } else {
      weight = convert(op, op, weight, type);
      op.getWeightMutable().assign(weight);
    }
    bool isWidened =
        type.getShape().take_back(4)[0] != tensorOf(weight.getDefiningOp()->getOperand(0)).getDimSize(1);
    kernel::setWidenedGroups(weight.getDefiningOp<kernel::ConvertOp>(),
                             {isWidened ? int64_t(op.getGroups()) : 1});
  }

  /// A weight that is made for the conv alone is made so at once; anything else is copied.
  void retypeWeight(kernel::ConvOp op, RankedTensorType type) {
    Value weight = op.getWeight();
    auto prepared = weight.getDefiningOp<clip::PreparedOp>();
    Value made = prepared ? prepared.getValue() : weight;
    bool isItsOwn = weight.hasOneUse() && made.hasOneUse();
    if (isItsOwn && isa_and_nonnull<kernel::FoldOp, kernel::ConvertOp>(made.getDefiningOp())) {
      weight.setType(type);
      made.setType(type);
      return;
    }
    op.getWeightMutable().assign(convert(op, op, weight, type));
  }

  //===-- Halves ----------------------------------------------------------===//

  void setElement(Value value, Type element) {
    auto type = tensorOf(value);
    value.setType(RankedTensorType::get(type.getShape(), element, type.getEncoding()));
  }

  /// Returns whether a value is an operand or result of a product of matrices, and what makes it and all who
  /// read it take halves of any size.
  static bool isOfProducts(Value value) {
    auto takesAnySize = [](Operation *op) {
      return isa<kernel::MatmulOp, kernel::SoftmaxOp, kernel::SoftmaxGradOp, kernel::ArrangeOp,
                 kernel::PlaceOp, kernel::MapOp>(op);
    };
    auto users = value.getUsers();
    return takesAnySize(value.getDefiningOp()) && llvm::all_of(users, takesAnySize) &&
           (value.getDefiningOp<kernel::MatmulOp>() || llvm::any_of(users, llvm::IsaPred<kernel::MatmulOp>));
  }

  /// Activations become halves; parameters, channel vectors, partials, and what has one position a clip
  /// (pooled features, logits) but for attention stay f32. So does a pool's gradient, which is added up in
  /// place.
  void storeAsHalves(func::FuncOp function) {
    function.walk([&](Operation *op) {
      if (op->hasTrait<kernel::MakesActivations>())
        for (Value result : op->getResults())
          if (auto type = tensorOf(result);
              type.getRank() == 5 && (shape::product(clip::spatialSize(type)) > 1 || isOfProducts(result)) &&
              updatedBy(result).empty()) // no gradient of a learned tensor
            setElement(result, half);
    });
    function.walk([&](Operation *op) { round(op); });
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

  /// Returns the value of a region as a half holds it.
  arith::ExtFOp rounded(OpBuilder &b, Location loc, Value value) {
    Value narrow = arith::TruncFOp::create(b, loc, half, value);
    return arith::ExtFOp::create(b, loc, b.getF32Type(), narrow);
  }

  void roundPrologue(const kernel::AccessRegion &prologue) {
    auto yield = cast<kernel::YieldOp>(prologue.getRegion().front().getTerminator());
    Value value = yield.getValues()[0], operand = prologue.operandOf(value);
    if (operand && kernel::isHalf(operand.getType()))
      return;
    OpBuilder builder(yield);
    yield.getValuesMutable()[0].assign(rounded(builder, yield.getLoc(), value));
  }

  void roundStores(Operation *op, Region &region) {
    auto yield = cast<kernel::YieldOp>(region.front().getTerminator());
    for (int64_t i = 0; i < yield.countOf(kernel::Yield::Store); ++i) {
      if (!kernel::isHalf(op->getResult(i).getType()))
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

LayoutAttr kinema::blockedParameter(MLIRContext *context, const WeightUse &use, int64_t block) {
  int64_t reduce = use.groups > 1 ? 1 : use.isNarrow ? StorageRules::inputBlock : block;
  return blockedWeight(context, use.shape.size(), {block, reduce});
}

int64_t kinema::assignStorage(ModuleOp module, const StorageRules &rules) {
  return StorageAssigner(module, rules).run();
}
