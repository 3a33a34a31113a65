#ifndef KINEMA_DIALECTS_KERNEL_KERNELDIALECT
#define KINEMA_DIALECTS_KERNEL_KERNELDIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"

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
    schedule has fixed them; they are merged in order by `kernel.finalize`, `kernel.reduce` or `kernel.update`.

    After memory is planned, operations live in `kernel.def`s without duplicates, an entry point is a list of
    `kernel.launch`es on offsets in one arena, and `kernel.arena` says what lies where in it.
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
}

class KernelAttr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<KernelDialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def LayoutAttr : KernelAttr<"Layout", "layout", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "the order in which a tensor's elements lie in memory";
  let description = [{
    The loops that walk over the elements as memory has them, outermost first, written as oneDNN writes its memory
    formats: the letters a, b, c, ... are the tensor's axes. A small letter is a loop over a whole axis. A capital one is
    the outer loop of an axis that is cut into blocks, whose elements are counted by a number and the small letter further
    inside. Axes are padded up to whole blocks; padding holds zero.

    - `abcde`: row-major, as is a tensor without a layout.
    - `aBcde8b`: an activation N, C/8, T, H, W, 8, its channels in blocks of 8; `A8a` is such a vector of channels.
    - `ABcde4b8a`: a weight O/8, I/4, T, H, W, 4, 8, in vectors of 8 output channels and blocks of 4 input channels.

    The dialect knows the general form alone. Which orders a target's kernels read stands beside their schedules
    (compiler/Target/Common/Layouts.h, compiler/Target/CPU/Layouts.h, compiler/Target/NVGPU/Layouts.h).
  }];
  let parameters = (ins StringRefParameter<>:$tag);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<LayoutLoop>":$loops)>];
  let extraClassDeclaration = [{
    /// Row-major, of a tensor with so many axes.
    static LayoutAttr rowMajor(::mlir::MLIRContext *context, int64_t rank);
    /// The channels in blocks: those of axis 1 of an activation [N, C, T, H, W], else of the last axis.
    static LayoutAttr blocked(::mlir::MLIRContext *context, int64_t rank, int64_t block);

    /// The loops, outermost first.
    ::llvm::SmallVector<LayoutLoop> loops() const;
    int64_t rank() const;
    bool isRowMajor() const;
    /// The elements of an axis that one turn of its outermost loop covers; 1 where the axis is not cut.
    int64_t blockOf(int64_t axis) const;
    /// The same order of the last axes, for a tensor with more or fewer axes in front of them.
    LayoutAttr withRank(int64_t rank) const;

    /// The loops with their sizes for a tensor of this shape, as docs/package.md describes them.
    ::llvm::SmallVector<StorageLoop> order(::llvm::ArrayRef<int64_t> shape) const;
    /// Elements in memory, padding included.
    int64_t storedElements(::llvm::ArrayRef<int64_t> shape) const;
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

def Precision : I32EnumAttr<"Precision", "how numbers are stored and multiplied", [
    I32EnumAttrCase<"FP32", 0, "fp32">, I32EnumAttrCase<"BF16", 1, "bf16">, I32EnumAttrCase<"BF16x3", 2, "bf16x3">,
    I32EnumAttrCase<"FP16", 3, "fp16">]> {
  let cppNamespace = "::kinema::kernel";
  let genSpecializedAttr = 0;
}

def PrecisionAttr : EnumAttr<KernelDialect, Precision, "precision"> {
  let summary = "how a module's activations are stored and multiplied";
  let description = [{
    The attribute `kernel.precision` of a module from phase `fused` on, which its package records.

    - `fp32`: activations are f32, and so are products.
    - `bf16`: activations are bfloat16, and so are the weights that convs read.
    - `fp16`: activations are f16, and so are the weights that convs read.
    - `bf16x3`: activations are f32. Contractions that say `bf16x3` split each number into two terms, x = hi + lo:
      hi is x rounded to bfloat16, and lo is the rest, rounded. Of two numbers they add up three products of terms,
      hi * hi + hi * lo + lo * hi, in f32. What is left out is 2^-16 of a product or less.

    Example: `#kernel.precision<bf16x3>`
  }];
  let assemblyFormat = "`<` $value `>`";
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
    static constexpr ::llvm::StringLiteral threadsName = "threads", partialsName = "partials";

    /// The value of a parameter; nothing where the schedule has none of that name.
    std::optional<int64_t> find(::llvm::StringRef parameter) const;
    /// All parameters, by their names.
    std::map<std::string, int64_t> getNumbers() const;
    /// The threads of a block; nothing on machines whose blocks are not shared among threads.
    std::optional<int64_t> getThreads() const { return find(threadsName); }
    /// Counts the partials that a launch leaves: as many as blocks where the schedule does not say.
    int64_t getPartials() const { return find(partialsName).value_or(getGrid()); }
  }];
  let genVerifyDecl = 1;
}

def TensorMapAttr : KernelAttr<"TensorMap", "tensor_map"> {
  let summary = "the boxes that a GPU's copy engine brings of a buffer";
  let description = [{
    The attribute `kernel.tensor_map` of a parameter of a GPU's kernel: the runtime gives, in that place, the engine's own
    description of the buffer that is parameter number `buffer` (CUDA driver API, cuTensorMapEncodeTiled). The buffer is
    row-major and has these sizes, outermost first, in words of 8 bytes. A copy brings a box of it that begins anywhere,
    with zeros where the buffer does not reach: of each axis every `steps`-th position of the `box`.

    Example: `#kernel.tensor_map<0, [2, 8, 16, 56, 112], box = [1, 2, 2, 16, 60], steps = [1, 1, 1, 1, 1]>`
  }];
  let parameters = (ins "int64_t":$buffer, ArrayRefParameter<"int64_t">:$sizes, ArrayRefParameter<"int64_t">:$box,
                        ArrayRefParameter<"int64_t">:$steps);
  let assemblyFormat =
      "`<` $buffer `,` `[` $sizes `]` `,` `box` `=` `[` $box `]` `,` `steps` `=` `[` $steps `]` `>`";
  let extraClassDeclaration = [{
    /// The engine has so many axes at most, and of a box so many positions along each of them.
    static constexpr int64_t wordBytes = 8, mostAxes = 5, mostPositions = 256, mostStep = 8;
    /// What the engine reads and where copies begin in shared memory are multiples of so many bytes.
    static constexpr int64_t unitBytes = 16, targetAlignment = 128;

    /// Counts the positions along an axis that a copy brings.
    int64_t copied(int64_t axis) const { return (getBox()[axis] - 1) / getSteps()[axis] + 1; }
    /// The bytes of the buffer, and those that a copy brings.
    int64_t bytes() const;
    int64_t boxBytes() const;
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

def BufferRole : I32EnumAttr<"BufferRole", "what a buffer of the arena is for", [
    I32EnumAttrCase<"Parameter", 0, "parameter">, I32EnumAttrCase<"State", 1, "state">,
    I32EnumAttrCase<"Prepared", 2, "prepared">, I32EnumAttrCase<"Input", 3, "input">,
    I32EnumAttrCase<"Labels", 4, "labels">, I32EnumAttrCase<"Hyper", 5, "hyper">,
    I32EnumAttrCase<"Counters", 6, "counters">, I32EnumAttrCase<"Targets", 7, "targets">,
    I32EnumAttrCase<"Shares", 8, "shares">]> {
  let cppNamespace = "::kinema::kernel";
}
def SegmentKind : I32EnumAttr<"SegmentKind", "what a part of the arena is for", [
    I32EnumAttrCase<"Parameters", 0, "parameters">, I32EnumAttrCase<"InputsAndOutputs", 1, "inputs and outputs">,
    I32EnumAttrCase<"Prepared", 2, "prepared">, I32EnumAttrCase<"Activations", 3, "activations">,
    I32EnumAttrCase<"Twins", 4, "twins">]> {
  let cppNamespace = "::kinema::kernel";
}

#endif
