#ifndef KINEMA_COMPILER_TARGET_NVGPU_PASSES
#define KINEMA_COMPILER_TARGET_NVGPU_PASSES

include "mlir/Pass/PassBase.td"

def PairNVGPUConvs : Pass<"pair-nvgpu-convs", "::mlir::ModuleOp"> {
  let summary = "puts a conv within frames and the conv across frames behind it into one kernel";
  let description = [{
    Why: the channels M_i between the two convs of a (2+1)D conv are the largest tensors of a network. Where nobody else
    reads them (inference), they need not leave shared memory.

    A conv whose only reader is a conv with a window over frames alone becomes one `kernel.pair` with it: its epilogue
    and the other's prologue are the pair's middle. It does so where a tile of the pair fits into shared memory and the
    model of time finds the pair quicker than the two; where it does not, the second conv's attribute `kernel.note` says
    why.

    Before:
    ```mlir
    %z = kernel.conv forward %w1 window <1x3x3 pad 0x1x1> prologue(pixel %x) ... epilogue(channel %b) ... -> !z
    %y = kernel.conv forward %w2 window <3x1x1 pad 1x0x0> prologue(pixel %z) ... epilogue(channel %c) ... -> !y
    ```
    After:
    ```mlir
    %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0>
      prologue(pixel %x) ... middle(channel %b) ... epilogue(channel %c) ... -> !y
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [Option<"always", "always", "bool", "false", "pairs that fit, whether they are quicker or not">];
  let statistics = [Statistic<"pairs", "pairs", "pairs of convs that became one kernel">];
}

def StoreNVGPUPrologues : Pass<"store-nvgpu-prologues", "::mlir::ModuleOp"> {
  let summary = "stores what kernels would compute of their operands, each on its way in";
  let description = [{
    Why: a kernel that computes what it multiplies does so once for every block of channels and taps that reads a
    position, and with tensor cores it may wait for that rather than for its products. Other kernels do it once more:
    batch norm's gradient is computed by a conv's data gradient and by its weight gradient, a layer norm's scale and
    offset by all of a block's queries, keys and values. What is stored needs no computing: copies bring it straight to
    where products read it.

    Where the model of time finds the kernels quicker that way, that of the `kernel.map` included which stores the
    value, all of them read what is stored. Their bits stay the same, since products read what is stored, be it halves or terms of f32.
    Kernels of the forward pass share no value with those of the backward pass, which would have to be kept for as long;
    the backward pass may store it again.

    Before:
    ```mlir
    %dx = kernel.conv transposed %w ... prologue(pixel %g, pixel %z, channel %p, channel %q, channel %r) ...
    %dw = kernel.wgrad ... gradient(pixel %g, pixel %z, channel %p, channel %q, channel %r) ... activation(pixel %x) ...
    ```
    After:
    ```mlir
    %dz = kernel.map(pixel %g, pixel %z, channel %p, channel %q, channel %r) ...
    %dx = kernel.conv transposed %w ... prologue(pixel %dz) ...
    %dw = kernel.wgrad ... gradient(pixel %dz) ... activation(pixel %x) ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [Option<"always", "always", "bool", "false", "whether that is quicker or not">];
  let statistics = [Statistic<"stored", "stored", "values that are stored">];
}

def AssignNVGPUStorage : Pass<"assign-nvgpu-storage", "::mlir::ModuleOp"> {
  let summary = "choose how every tensor lies in memory";
  let description = [{
    Why: layout and channel padding are one decision of one place; nothing before it knows of them and nothing after
    it changes them. Activations and channel vectors are blocked by 8 channels, the network's few input channels by 4.
    With a `precision` other than fp32, on a processor whose tensor cores kernels use, weights are a matrix for each tap, as these read
    them; otherwise in vectors of 8 output channels. The data gradient reads a copy of its weight with input and output
    channels exchanged (`kernel.convert`).

    With `bf16` or `fp16`, activations, and the weights that convs read, are stored so. What is computed stays f32 and is
    rounded, in sight, where it is stored (sums are of the stored value) and where a prologue hands it to a product.

    With `bf16x3`, activations stay f32. Convs and weight gradients that tensor cores can take multiply them by terms
    (`#kernel.precision`) and say so, and the copies of their weights are of terms. On other processors, and with
    `reference`, nothing is, and the precision is fp32.

    Before:
    ```mlir
    %z = kernel.conv forward %w ... : tensor<230x64x1x3x3xf32> -> tensor<2x230x16x28x28xf32>
    ```
    After:
    ```mlir
    %c = kernel.convert %w : tensor<230x64x1x3x3xf32, #kernel.layout<cdeBA8a8b>> -> tensor<230x64x1x3x3xbf16, #kernel.layout<cdeBA8a8b>>
    %z = kernel.conv forward %c ... : tensor<230x64x1x3x3xbf16, #kernel.layout<cdeBA8a8b>>
        -> tensor<2x230x16x28x28xbf16, #kernel.layout<aBcde8b>>
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"precision", "precision", "::kinema::kernel::Precision", "::kinema::kernel::Precision::FP32",
           "how activations are stored and multiplied (#kernel.precision)",
           [{::llvm::cl::values(
               clEnumValN(::kinema::kernel::Precision::FP32, "fp32", "f32"),
               clEnumValN(::kinema::kernel::Precision::BF16, "bf16", "bfloat16, and so are the weights that convs read"),
               clEnumValN(::kinema::kernel::Precision::FP16, "fp16", "f16, and so are the weights that convs read"),
               clEnumValN(::kinema::kernel::Precision::BF16x3, "bf16x3", "f32, which tensor cores multiply by terms"))}]>,
    Option<"reference", "reference", "bool", "false", "weights as the reference lowering reads them">
  ];
  let statistics = [Statistic<"converted", "converted", "weights converted for a conv">];
}

def AssignNVGPUSchedules : Pass<"assign-nvgpu-schedules", "::mlir::ModuleOp"> {
  let summary = "choose how each kernel is carried out on an NVIDIA GPU";
  let description = [{
    Why: the number of partials that a kernel leaves for the next one is its schedule's, so schedules come before the
    memory plan. A conv on bfloat16 activations gets the tile of the schedule `sm90.halo` (tensor cores) that a model
    of its time finds cheapest, its weight gradient the tile of `sm90.halo_wgrad`, the gradient of a pool the schedule
    `sm90.gather`. What memory bounds (maps, pools, merges, updates, copies) has `sm90.stream`: a thread moves 16 bytes
    at once, and neighbouring threads what lies side by side. A conv of vectors has `nvgpu.vectors`, its weight gradient
    `nvgpu.vectors_wgrad`. Every other kernel has the reference lowering, `nvgpu.reference`.

    Where a kernel was measured on a GPU (`kinema tune`), the quickest of the model's best few is taken instead, and the
    seconds of a launch are noted in its attribute `kernel.measured`. With `candidates`, those few are noted in
    `kernel.candidates`.

    Before: `%z, %m = kernel.conv forward ... -> tensor<2x64x8x56x56xf32, ...>, tensor<?x3x64xf32, ...>`

    After: `... {schedule = #kernel.schedule<"sm90.halo", grid = 224, scratch = 98432, {channels = 64, columns = 28, ..., partials = 224}>} -> ...`
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"reference", "reference", "bool", "false", "the reference lowering for every kernel">,
    Option<"choice", "choice", "int64_t", "-1", "from 0: the model's choice of that number for each kernel, or the last; -1: the measured one, or the model's first">,
    Option<"measurements", "measurements", "std::string", "", "a file of measured schedules">,
    Option<"candidates", "candidates", "bool", "false", "note the schedules that each kernel's was chosen from">
  ];
  let statistics = [Statistic<"plain", "reference", "kernels with the reference lowering">];
}

def AttachNVGPUMerges : Pass<"attach-nvgpu-merges", "::mlir::ModuleOp"> {
  let summary = "lets the last block of a conv merge the partials that all its blocks leave";
  let description = [{
    Why: a merge is little work, and as a launch of its own it waits for the conv's end and for its own beginning.

    A `kernel.finalize` that alone reads the partials of a conv with the schedule `sm90.halo`, and whose other operands
    are there before the conv, is `attached` to it: the plan makes one kernel of the two.

    Before:
    ```mlir
    %z, %p = kernel.conv forward ... {schedule = #kernel.schedule<"sm90.halo", ...>} -> !z, !p
    %scale, %offset = kernel.finalize %p : !p(%weight, %bias : !c, !c) {...} {moments, schedule = ...} -> !c, !c
    ```
    After:
    ```mlir
    %z, %p = kernel.conv forward ... {schedule = #kernel.schedule<"sm90.halo", ...>} -> !z, !p
    %scale, %offset = kernel.finalize %p : !p(%weight, %bias : !c, !c) {...} {attached, moments} -> !c, !c
    ```
  }];
  let statistics = [Statistic<"merges", "merges", "merges that are no launches of their own">];
}

def AddNVGPUTwins : Pass<"add-nvgpu-twins", "::mlir::ModuleOp"> {
  let summary = "give each launch a twin that computes the same by the plain lowering";
  let description = [{
    Why: what a kernel ought to leave is known only where its operands are, on the GPU and in the middle of a step; there
    `kinema-runtime verify` runs each launch beside its twin and says which of them differs.

    Behind the plan, each launch gets in `kernel.twins` launches that read the same buffers and write what they compute
    behind everything else in the arena. A kernel on tensor cores has its operation with the reference schedule as its
    twin, and what is attached to it another one, which reads the partials of the launch itself. A kernel that is plain
    already is its own twin: it has to leave the same bits again.

    Before: `kernel.launch @k3 [0, 4096, 8192] {...}`

    After: `kernel.launch @k3 [0, 4096, 8192] {kernel.twins = [{args = array<i64: 0, 4096, 65536>, kernel = @k3_twin}, ...], ...}`
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let statistics = [Statistic<"twins", "twins", "kernels that were made">];
}

def SplitNVGPUKernels : Pass<"split-nvgpu-kernels", "::mlir::ModuleOp"> {
  let summary = "spreads the kernels over gpu.modules that are compiled apart";
  let description = [{
    Why: `gpu.module`s are lowered and compiled in parallel.

    Copies the `kernel.def`s, in order, into `gpu.module`s of `kernels-per-module`, in which they become functions. The
    program around them stays: a package says of kernels and launches what it says. How the modules are cut depends on
    the program alone, so that its machine code does too.

    Before:
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} { ... }
    kernel.entry @infer { ... }
    ```
    After:
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} { ... }
    kernel.entry @infer { ... }
    gpu.module @part0 {
      kernel.def @k0 attributes {layers = ["a"]} { ... }
    }
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
  let options = [
    Option<"kernelsPerModule", "kernels-per-module", "int64_t", "8", "kernels that are compiled together">
  ];
}

def LowerKernelsToNVGPU : Pass<"lower-kernels-to-nvgpu", "::mlir::gpu::GPUModuleOp"> {
  let summary = "writes each kernel as loops of one thread, as its schedule says";
  let description = [{
    A `kernel.def` becomes a function of its buffers in global memory; block and thread come from special registers.
    The schedule's name picks the strategy; an operation without a schedule, or of a strategy that the target lacks, is
    an error.

    Before:
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} {
    ^bb0(%x: tensor<64xf32>):
      %y = kernel.map(channel %x) ... {schedule = #kernel.schedule<"nvgpu.reference", grid = 1, scratch = 0, {partials = 1, threads = 64}>}
      kernel.return %y : tensor<64xf32>
    }
    ```
    After:
    ```mlir
    func.func @k0(%x: memref<64xf32, 1>, %y: memref<64xf32, 1>) attributes {kernel.threads = 64 : i32} {
      %block = nvvm.read.ptx.sreg.ctaid.x : i32
      %thread = nvvm.read.ptx.sreg.tid.x : i32
      ...
    }
    ```
  }];
  let statistics = [Statistic<"kernels", "kernels", "kernels that were written">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def WatchNVGPUWaits : Pass<"watch-nvgpu-waits", "::mlir::ModuleOp"> {
  let summary = "let a kernel that waits for ever say where, and end";
  let description = [{
    Why: a kernel that hangs says nothing, and takes all that was measured before along. Each wait for an mbarrier looks at
    the clock too; after some seconds, more than any launch takes, the thread writes one word with its number, its block's
    and the site's to an address that every kernel gets as one more argument, and traps. The address is in the host's
    memory, since what is on the GPU is lost with the trap. The module's `kernel.sites` has the sites' names by their
    numbers. It is for packages that are to find a hang (`kinema compile --watchdog`): looking at the clock costs time.

    Before: `nvvm.mbarrier.try_wait.parity %barrier, %parity, %ticks : !llvm.ptr<3>, i32, i32`

    After: `llvm.inline_asm has_side_effects "... mov.u64 begin, %globaltimer; ... trap; ..." ...`
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"waits", "waits", "waits that end">];
}

def PollNVGPUWaits : Pass<"poll-nvgpu-waits", "::mlir::gpu::GPUModuleOp"> {
  let summary = "let warps look at mbarriers where the processor has no instruction that waits for them";
  let description = [{
    Why: before compute capability 9.0 no instruction lets a warp sleep until a phase of an mbarrier ends. Kernels say
    that they wait, and this pass, the last before assembly, makes loops of it that look at the mbarrier and leave the
    multiprocessor to other warps in between.

    Before: `nvvm.mbarrier.try_wait.parity %barrier, %parity, %ticks : !llvm.ptr<3>, i32, i32`

    After: `llvm.inline_asm has_side_effects "... mbarrier.test_wait.parity.shared.b64 ..." ...`
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"waits", "waits", "waits that became loops">];
}

def LowerNVGPUToLLVM : Pass<"lower-nvgpu-to-llvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "brings functions of loops on flat buffers to the LLVM and NVVM dialects";
  let description = [{
    Buffers become pointers to global memory; exp, log and their like become polynomials, the same as on a CPU, so that
    no library is needed. Indices have 32 bits where every buffer allows it. Whatever is left over is an error.
    Control flow must be in blocks already (`convert-scf-to-cf`).

    Before:
    ```mlir
    func.func @k0(%x: memref<64xf32, 1>, %y: memref<64xf32, 1>) attributes {kernel.threads = 64 : i32} { ... }
    ```
    After:
    ```mlir
    llvm.func @k0(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 64>} { ... }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
