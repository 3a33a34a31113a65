#ifndef KINEMA_DIALECTS_KERNEL_KERNELDIALECT
#define KINEMA_DIALECTS_KERNEL_KERNELDIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def KernelDialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::kinema::kernel";
  let summary = "one operation is one launch: a contraction or reduction with a prologue and an epilogue";
  let description = [{
    Operands and results are tensors whose encoding, a `#kernel.layout`, says how they lie in memory. What is done to
    an operand on its way in (the prologue) and to the result on its way out (the epilogue) are regions of scalar f32
    arithmetic; their operands are read at the element's own position (`pixel`), by channel (`channel`), by clip and
    channel (`batch_channel`), on a coarser lattice (`lattice`), or, by maps alone, with sizes of 1 repeated (`spread`).

    A `partials` value is a tensor whose first dimension counts the blocks of the launch that made it, `?` until a
    schedule has fixed them; they are merged in order by `kernel.finalize`, `kernel.reduce` or `kernel.sgd`.

    After memory is planned, operations live in `kernel.def`s without duplicates, and an entry point is a list of
    `kernel.launch`es on offsets in one arena.
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
}

class KernelAttr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<KernelDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def LayoutKind : I32EnumAttr<"LayoutKind", "how a tensor lies in memory", [
    I32EnumAttrCase<"Plain", 0, "plain">,
    I32EnumAttrCase<"Blocked", 1, "blocked">,
    I32EnumAttrCase<"Weight", 2, "weight">,
    I32EnumAttrCase<"WeightTransposed", 3, "weight_transposed">,
    I32EnumAttrCase<"Taps", 4, "taps">,
    I32EnumAttrCase<"TapsTransposed", 5, "taps_transposed">,
    I32EnumAttrCase<"Points", 6, "points">,
    I32EnumAttrCase<"PointsTransposed", 7, "points_transposed">,
    I32EnumAttrCase<"Pairs", 8, "pairs">,
    I32EnumAttrCase<"PairsTransposed", 9, "pairs_transposed">]> {
  let cppNamespace = "::kinema::kernel";
}

def LayoutAttr : KernelAttr<"Layout", "layout"> {
  let summary = "the storage order of a tensor";
  let description = [{
    - `plain`: row-major.
    - `blocked 8`: channels in blocks: N, C/8, T, H, W, 8; a channel vector is padded to a multiple of 8.
    - `weight 8, 4`: O/8, I/4, T, H, W, 4, 8: output channels in vectors of 8, input channels in blocks of 4.
    - `weight_transposed 8, 8`: I/8, O/8, T, H, W, 8, 8, the same for the data gradient.
    - `pairs 16, 4`: O/16, I/4, T, H, W, 2, 16, 2: as `weight`, with two input channels beside each other, which are
      multiplied at once; `pairs_transposed 16, 16` exchanges O and I.
    - `taps 8`: T, H, W, I/8, O, 8: each tap a matrix as tensor cores read it; `taps_transposed 8` exchanges O and I.
    - `taps 8, 4`: T, H, W/2, I/4, O, 2, 4: of an input with few channels, pairs of taps of a row; an even number of them.

    - `points 8, 4`: H, W, O/8, I/4, T, 4, 8: each point of Winograd's tiles a weight without H and W; `points_transposed 8, 8`
      exchanges O and I.

    Leading dimensions beyond those (the blocks of partials) are outermost. Channels are padded up; padding holds zero.
  }];
  let parameters = (ins EnumParameter<LayoutKind>:$kind, DefaultValuedParameter<"int64_t", "1">:$block,
                        DefaultValuedParameter<"int64_t", "1">:$reduce);
  let assemblyFormat = "`<` $kind (`block` `=` $block^)? (`reduce` `=` $reduce^)? `>`";
  let extraClassDeclaration = [{
    /// The loops of the storage, outermost first, as docs/package.md describes them.
    ::llvm::SmallVector<StorageLoop> order(::llvm::ArrayRef<int64_t> shape) const;
    /// Elements in memory, padding included.
    int64_t storedElements(::llvm::ArrayRef<int64_t> shape) const;
    /// Of `taps`: how many taps of a row one block holds.
    int64_t getTapsTogether() const;
  }];
  let genVerifyDecl = 1;
}

def TargetKind : I32EnumAttr<"TargetKind", "what runs a target's code", [
    I32EnumAttrCase<"CPU", 0, "cpu">, I32EnumAttrCase<"CUDA", 1, "cuda">]> {
  let cppNamespace = "::kinema::kernel";
}

def TargetAttr : KernelAttr<"Target", "target"> {
  let summary = "the machine that a module's layouts and schedules are chosen for";
  let description = [{
    The attribute `kernel.target` of a module from phase `fused` on. What the machine can do stands in the table of its
    family (compiler/Target/CPU/Level.h, compiler/Target/NVGPU/Processor.h) under the same name, which is that of
    `--target` and of packages.

    Example: `#kernel.target<cuda "sm_90a">`
  }];
  let parameters = (ins EnumParameter<TargetKind>:$kind, StringRefParameter<>:$name);
  let assemblyFormat = "`<` $kind $name `>`";
  let extraClassDeclaration = [{
    /// The target of the innermost module around the operation that has one; null where none has.
    static TargetAttr of(::mlir::Operation *operation);
  }];
}

def ScheduleAttr : KernelAttr<"Schedule", "schedule"> {
  let summary = "how a target carries a kernel out";
  let description = [{
    `grid` blocks, each with `scratch` bytes of near memory; the name and the parameters are the target's.
    Example: `#kernel.schedule<"cpu.tile", grid = 56, scratch = 262144, {rows = 8}>`
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$grid, "int64_t":$scratch, "::mlir::DictionaryAttr":$parameters);
  let assemblyFormat = "`<` $name `,` `grid` `=` $grid `,` `scratch` `=` $scratch `,` $parameters `>`";
  let extraClassDeclaration = [{
    int64_t getInt(::llvm::StringRef key) const;
  }];
  let genVerifyDecl = 1;
}

def PieceAttr : KernelAttr<"Piece", "piece"> {
  let summary = "channels of an operand and where they go";
  let description = [{
    Channels [from, from + count) of operand `input` become the channels [to, to + count), each frame t taken from frame
    t + `frames`, zero where there is none.
  }];
  let parameters = (ins "int64_t":$input, "int64_t":$from, "int64_t":$to, "int64_t":$count, "int64_t":$frames);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Access : I32EnumAttr<"Access", "where a region's operand is read", [
    I32EnumAttrCase<"Pixel", 0, "pixel">, I32EnumAttrCase<"Channel", 1, "channel">,
    I32EnumAttrCase<"BatchChannel", 2, "batch_channel">, I32EnumAttrCase<"Lattice", 3, "lattice">,
    I32EnumAttrCase<"Spread", 4, "spread">]> {
  let cppNamespace = "::kinema::kernel";
}
def Yield : I32EnumAttr<"Yield", "what becomes of a yielded value", [
    I32EnumAttrCase<"Value", 0, "value">, I32EnumAttrCase<"Store", 1, "store">,
    I32EnumAttrCase<"Moments", 2, "moments">, I32EnumAttrCase<"Sum", 3, "sum">]> {
  let cppNamespace = "::kinema::kernel";
}
/// An array of such kinds, in the generic form and for measurements an array of their numbers.
class KindsAttr<EnumAttrInfo kind> : Attr<And<[DenseI32ArrayAttr.predicate, CPred<[{
    ::llvm::all_of(::llvm::cast<::mlir::DenseI32ArrayAttr>($_self).asArrayRef(),
                   [](int32_t i) { return ::kinema::kernel::symbolize}] # kind.className # [{(i).has_value(); })}]>]>,
    "of each, " # kind.summary> {
  let storageType = "::mlir::DenseI32ArrayAttr";
  let returnType = "::llvm::ArrayRef<::kinema::kernel::" # kind.className # ">";
  let convertFromStorage = "::kinema::kernel::kindsOf<::kinema::kernel::" # kind.className # ">($_self)";
  let constBuilderCall = "::kinema::kernel::kindsAttr<::kinema::kernel::" # kind.className # ">($_builder, $0)";
}
def AccessKinds : KindsAttr<Access>;
def YieldKinds : KindsAttr<Yield>;

def Direction : I32EnumAttr<"Direction", "which way a conv gathers", [
    I32EnumAttrCase<"Forward", 0, "forward">, I32EnumAttrCase<"Transposed", 1, "transposed">]> {
  let cppNamespace = "::kinema::kernel";
}
def PoolKind : I32EnumAttr<"PoolKind", "what a pool takes of its window", [
    I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]> {
  let cppNamespace = "::kinema::kernel";
}

#endif
