#ifndef KINEMA_COMPILER_TARGET_CPU_PASSES
#define KINEMA_COMPILER_TARGET_CPU_PASSES

include "mlir/Pass/PassBase.td"

def AssignCPUStorage : Pass<"assign-cpu-storage", "::mlir::ModuleOp"> {
  let summary = "choose how every tensor lies in memory";
  let description = [{
    Why: layout and channel padding are one decision of one place; nothing before it knows of them and nothing after
    it changes them but a schedule that says so. Activations and channel vectors are blocked by as many channels as a
    vector has, the network's few input channels by 4, parameters in the order in which their gradient's kernels leave
    them (master, momentum and gradient alike). A conv reads its weight in the order that its schedules want: of a data
    gradient with input and output channels exchanged, of bf16 in pairs where the CPU multiplies them. What is folded for
    the conv alone is made so, of anything else a `kernel.convert` makes a copy.

    With `bfloat16`, activations, and the weights that convs read, are stored as bf16. What is computed stays f32 and is
    rounded, in sight, where it is stored (sums are of the stored value) and where a prologue hands it to a product.

    Before:
    ```mlir
    %z = kernel.conv forward %w ... : tensor<230x64x1x3x3xf32> -> tensor<2x230x16x28x28xf32>
    ```
    After:
    ```mlir
    %z = kernel.conv forward %w ... : tensor<230x64x1x3x3xf32, #kernel.layout<ABcde8b8a>>
        -> tensor<2x230x16x28x28xf32, #kernel.layout<aBcde8b>>
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"bfloat16", "bfloat16", "bool", "false", "activations and the weights that convs read are bf16">,
    Option<"reference", "reference", "bool", "false", "weights as the reference lowering reads them">
  ];
  let statistics = [Statistic<"converted", "converted", "weights converted for a conv">];
}

def AssignCPUSchedules : Pass<"assign-cpu-schedules", "::mlir::ModuleOp"> {
  let summary = "choose how each kernel is carried out on a CPU";
  let description = [{
    Why: the number of partials that a kernel leaves for the next one is its schedule's, so schedules come before the
    memory plan. Convs and their weight gradients get a register-tiled schedule where one applies, everything else the
    reference lowering; `reference` gives it to all. Where a kernel was measured (`kinema tune`), the quickest of the
    model's best few is taken, and the seconds of a launch are noted in its attribute `kernel.measured`. With
    `candidates`, those few are noted in `kernel.candidates`.

    Windows of 3 taps in steps of 1, along H and W or along T, may be computed by Winograd's tiles. Those of 4 x 4 results
    take 36 products a channel, of 2 x 2 results 16, where the taps take 144 and 36; those of 4 frames take 6 products,
    of 2 frames 4, where the taps take 12 and 6. Which is quicker, with what it takes to bring the source, the weight and
    the results to that form, is the cost model's to say; the tiles are parameters of the schedule (`winograd` along H
    and W, `winograd_frames` along T), so that one search finds both. The conv then reads the weight that a `kernel.winograd`
    makes: prepared, where inference reads it (beside a training step only where it is small), anew in each training
    step. Sums are in another order than the taps', and larger on the way: docs/cpu.md has the errors. The recipe's
    `compute.winograd` turns the tiles off.

    Before: `%z, %m = kernel.conv forward ... -> tensor<2x64x8x56x56xf32, ...>, tensor<?x3x64xf32, ...>`

    After: `... {schedule = #kernel.schedule<"cpu.tile", grid = 32, scratch = 131072, {...}>} -> ..., tensor<32x3x64xf32, ...>`

    Before:
    ```mlir
    %y = kernel.conv forward %w window <3x3x3 pad 1x1x1> ... : tensor<64x64x3x3x3xf32, #ABcde8b8a> -> ...
    ```
    After:
    ```mlir
    %u = kernel.winograd %w : tensor<64x64x3x3x3xf32, #ABcde8b8a> -> tensor<64x64x3x6x6xf32, #deABc8b8a>
    %y = kernel.conv forward %u window <3x3x3 pad 1x1x1> ... {schedule = #kernel.schedule<"cpu.tile", ..., {..., winograd = 4 : i64, winograd_frames = 1 : i64}>}
        : tensor<64x64x3x6x6xf32, #deABc8b8a> -> ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"reference", "reference", "bool", "false", "the reference lowering for every kernel">,
    Option<"choice", "choice", "int64_t", "-1", "from 0: the model's choice of that number for each kernel, or the last; -1: the measured one, or the model's first">,
    Option<"measurements", "measurements", "std::string", "", "a file of measured schedules">,
    Option<"candidates", "candidates", "bool", "false", "note the schedules that each kernel's was chosen from">
  ];
  let statistics = [
    Statistic<"tiled", "tiled", "kernels with a register-tiled schedule">,
    Statistic<"plain", "reference", "kernels with the reference lowering">
  ];
}

def SplitCPUKernels : Pass<"split-cpu-kernels", "::mlir::ModuleOp"> {
  let summary = "spreads the kernels over modules that are compiled apart";
  let description = [{
    Why: nested modules are lowered and compiled in parallel.

    Copies the `kernel.def`s, in order, into nested modules of `kernels-per-module`, in which they become functions. The
    program around them stays: a package says of kernels and launches what it says. How the modules are cut depends on
    the program alone, so that its machine code does too.

    Before:
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} { ... }
    kernel.def @k1 attributes {layers = ["b"]} { ... }
    kernel.entry @infer { ... }
    ```
    After (with `kernels-per-module=1`):
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} { ... }
    kernel.def @k1 attributes {layers = ["b"]} { ... }
    kernel.entry @infer { ... }
    module {
      kernel.def @k0 attributes {layers = ["a"]} { ... }
    }
    module {
      kernel.def @k1 attributes {layers = ["b"]} { ... }
    }
    ```
  }];
  let options = [
    Option<"kernelsPerModule", "kernels-per-module", "int64_t", "4", "kernels that are compiled together">
  ];
}

def LowerKernelsToCPU : Pass<"lower-kernels-to-cpu", "::mlir::ModuleOp"> {
  let summary = "writes each kernel as loops, as its schedule says";
  let description = [{
    A `kernel.def` becomes a function of its buffers, the blocks [begin, end) to compute, and scratch memory. The
    schedule's name picks the strategy; an operation without a schedule, or of a strategy that the target lacks, is an
    error.

    Before:
    ```mlir
    kernel.def @k0 attributes {layers = ["a"]} {
    ^bb0(%x: tensor<64xf32>):
      %y = kernel.map(channel %x) ... {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {partials = 1}>}
      kernel.return %y : tensor<64xf32>
    }
    ```
    After:
    ```mlir
    func.func @k0(%x: memref<64xf32>, %y: memref<64xf32>, %begin: index, %end: index, %scratch: memref<0xf32>) {
      scf.for %block = %begin to %end step %c1 { ... }
      return
    }
    ```
  }];
  let statistics = [
    Statistic<"kernels", "kernels", "kernels that were written">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerCPUToLLVM : Pass<"lower-cpu-to-llvm", "::mlir::ModuleOp"> {
  let summary = "brings functions of loops on flat buffers to the LLVM dialect and exports them";
  let description = [{
    Buffers become bare pointers; exp, log and their like become polynomials, so that results do not depend on the
    machine's libm. Whatever is left over is an error. Each function becomes the internal `NAME.body`, called by
    `void NAME(void *const *args, int64_t begin, int64_t end, void *scratch)`, which takes its buffers from `args`.
    Control flow must be in blocks already (`convert-scf-to-cf`).

    Before:
    ```mlir
    func.func @k0(%x: memref<64xf32>, %begin: index, %end: index, %scratch: memref<0xf32>) { ... }
    ```
    After:
    ```mlir
    llvm.func internal @k0.body(%x: !llvm.ptr, %begin: i64, %end: i64, %scratch: !llvm.ptr) { ... }
    llvm.func @k0(%args: !llvm.ptr, %begin: i64, %end: i64, %scratch: !llvm.ptr) {
      %x = llvm.load %args : !llvm.ptr -> !llvm.ptr
      llvm.call @k0.body(%x, %begin, %end, %scratch) : (!llvm.ptr, i64, i64, !llvm.ptr) -> ()
      llvm.return
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
