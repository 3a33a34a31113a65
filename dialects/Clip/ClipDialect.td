#ifndef KINEMA_DIALECTS_CLIP_CLIPDIALECT
#define KINEMA_DIALECTS_CLIP_CLIPDIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ClipDialect : Dialect {
  let name = "clip";
  let cppNamespace = "::kinema::clip";
  let summary = "networks of operations on clips: what is computed, without layout or schedule";
  let description = [{
    Values are builtin tensors of f32 in logical shape, `tensor<NxCxTxHxWxf32>` for activations and `tensor<Cxf32>` for
    what belongs to a channel. Parameters are symbols of the module (`clip.param`); a function reads them at its top
    and writes each at most once. The dialect holds the forward network (phase `clip`), and, after differentiation,
    the whole training step (phase `step`).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
}

class ClipAttr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<ClipDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def WindowAttr : ClipAttr<"Window", "window"> {
  let summary = "the sliding window of a convolution or a pool";
  let description = [{
    Sizes are T x H x W. Strides and dilations of 1 and pads of 0 are not printed; a padding that differs before and
    behind is `pad 0x2x2 to 0x3x3`.

    Example: `#clip.window<1x3x3 stride 1x2x2 pad 0x1x1>`
  }];
  let parameters = (ins
    ArrayRefParameter<"int64_t">:$kernel, ArrayRefParameter<"int64_t">:$stride, ArrayRefParameter<"int64_t">:$padLow,
    ArrayRefParameter<"int64_t">:$padHigh, ArrayRefParameter<"int64_t">:$dilation);
  let builders = [AttrBuilder<(ins "const ::kinema::shape::Window &":$window)>];
  let extraClassDeclaration = [{ ::kinema::shape::Window getWindow() const; }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def ArrangementAttr : ClipAttr<"Arrangement", "arrangement"> {
  let summary = "how axes are taken apart into factors and put together again";
  let description = [{
    Both tensors have the axes N, C, T, H, W, and each axis is a list of factors, the slowest first; `_` is an axis of
    size 1 without any. Factors have numbers, and `of` gives their sizes. A factor that the source alone has is summed
    over, one that the result alone has repeats what is there. So the gradient of an arrangement is its inverse.

    Example: 4 groups of 8 channels go to the batch of 2 clips
    `#clip.arrangement<0, 1 2, 3, 4, 5 -> 0 1, 2, 3, 4, 5 of 2x4x8x3x5x5>`
  }];
  let parameters = (ins
    ArrayRefParameter<"int64_t">:$sizes, ArrayRefParameter<"int64_t">:$source, ArrayRefParameter<"int64_t">:$sourceCounts,
    ArrayRefParameter<"int64_t">:$target, ArrayRefParameter<"int64_t">:$targetCounts);
  let extraClassDeclaration = [{
    /// Limits the factors of an arrangement.
    static constexpr size_t mostFactors = 20;
    /// Returns the factors of an axis of the source or of the result.
    ::llvm::ArrayRef<int64_t> sourceFactors(unsigned axis) const;
    ::llvm::ArrayRef<int64_t> targetFactors(unsigned axis) const;
    ::llvm::SmallVector<int64_t> sourceShape() const;
    ::llvm::SmallVector<int64_t> targetShape() const;
    /// Returns the factors that are summed over.
    ::llvm::SmallVector<int64_t> summed() const;
    ArrangementAttr inverse() const;
    /// Returns whether the result is the source: axis by axis both have the same size, and all elements lie in one order.
    bool isIdentity() const;
    /// Returns whether each channel stays what it is, and all its elements go elsewhere in N, T, H and W, each to one place.
    bool movesPositionsAlone() const;
    /// Returns the arrangement that moves the positions of so many channels in the same way, if it moves these alone.
    ArrangementAttr withChannels(int64_t channels) const;
    /// Returns the arrangement that does the same as this one and then `next`; null where axes are cut at places that do
    /// not fit each other, where this one sums or repeats, and where that takes more factors than there may be.
    ArrangementAttr then(ArrangementAttr next) const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def HyperField : I32EnumAttr<"HyperField", "a number that a training step is told", [
    I32EnumAttrCase<"Rate", 0, "rate">,
    I32EnumAttrCase<"Momentum", 1, "momentum">,
    I32EnumAttrCase<"Nesterov", 2, "nesterov">,
    I32EnumAttrCase<"Decay", 3, "decay">,
    I32EnumAttrCase<"Seed", 4, "seed">,
    I32EnumAttrCase<"Step", 5, "step">,
    I32EnumAttrCase<"MeanGain", 6, "mean_gain">,
    I32EnumAttrCase<"SquareGain", 7, "square_gain">,
    I32EnumAttrCase<"MeanScale", 8, "mean_scale">,
    I32EnumAttrCase<"SquareScale", 9, "square_scale">,
    I32EnumAttrCase<"Epsilon", 10, "epsilon">,
    I32EnumAttrCase<"Trust", 11, "trust">,
    I32EnumAttrCase<"Keep", 12, "keep">,
    I32EnumAttrCase<"Share", 13, "share">,
    I32EnumAttrCase<"Apply", 14, "apply">,
    I32EnumAttrCase<"AverageGain", 15, "average_gain">,
    I32EnumAttrCase<"LossScale", 16, "loss_scale">]> {
  let cppNamespace = "::kinema::clip";
}

def UpdateRule : I32EnumAttr<"UpdateRule", "how a step changes a parameter", [
    I32EnumAttrCase<"Sgd", 0, "sgd">,
    I32EnumAttrCase<"AdamW", 1, "adamw">,
    I32EnumAttrCase<"Lars", 2, "lars">,
    I32EnumAttrCase<"Sum", 3, "sum">]> {
  let cppNamespace = "::kinema::clip";
}

def HyperAttr : ClipAttr<"Hyper", "hyper"> {
  let summary = "which numbers a training step is told";
  let description = [{
    This is the encoding of `%hyper`, a tensor with one f32 for each field. Operations ask for fields by name; the
    runtime, which writes them before each step, knows them by the same names (docs/package.md, "Hyper").

    Example: `tensor<2xf32, #clip.hyper<rate, momentum>>`
  }];
  let parameters = (ins ArrayRefParameter<"::kinema::clip::HyperField">:$fields);
  let assemblyFormat = "`<` $fields `>`";
  let extraClassDeclaration = [{
    /// Returns the index of a field; -1 where it is none of them.
    int64_t indexOf(HyperField field) const;
    /// Returns the type of `%hyper` with these fields.
    static ::mlir::RankedTensorType tensorType(::mlir::MLIRContext *context, ::llvm::ArrayRef<HyperField> fields);
    /// Returns the fields of `%hyper`; null where the type is not one of it.
    static HyperAttr of(::mlir::Type type);
  }];
  let genVerifyDecl = 1;
}

def Hyper : Type<CPred<"::kinema::clip::HyperAttr::of($_self)">, "f32 tensor of one value a field of its `#clip.hyper`",
                 "::mlir::RankedTensorType">;

#endif
