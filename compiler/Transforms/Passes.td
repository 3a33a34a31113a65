#ifndef KINEMA_COMPILER_TRANSFORMS_PASSES
#define KINEMA_COMPILER_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

//===-- clip --------------------------------------------------------------===//

def ClipLinearToConv : Pass<"clip-linear-to-conv", "::mlir::ModuleOp"> {
  let summary = "turn fully connected layers into convs whose window covers the input";
  let description = [{
    Why: everything after this pass (differentiation, folding, fusion, lowering) then knows one contraction. The
    weight of n x C*T*H*W becomes n x C x T x H x W, the same elements in the same order; its shape in weights files
    stays two-dimensional (`file_shape`).

    Before:
    ```mlir
    clip.param @fc.weight : tensor<4x24xf32> {role = "weight"}
    %y = clip.linear %x, %w, %b : (tensor<2x3x2x2x2xf32>, tensor<4x24xf32>, tensor<4xf32>) -> tensor<2x4x1x1x1xf32>
    ```
    After:
    ```mlir
    clip.param @fc.weight : tensor<4x3x2x2x2xf32> {file_shape = array<i64: 4, 24>, role = "weight"}
    %y = clip.conv %x, %w bias %b window <2x2x2> : (tensor<2x3x2x2x2xf32>, tensor<4x3x2x2x2xf32>, tensor<4xf32>) -> tensor<2x4x1x1x1xf32>
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [Statistic<"layers", "layers", "fully connected layers turned into convs">];
}

def ClipDifferentiate : Pass<"clip-differentiate", "::mlir::ModuleOp"> {
  let summary = "make the training step @train_step from @forward";
  let description = [{
    Why: the whole step (forward, loss, backward, update) is then one straight line of operations that fusion and the
    memory plan see at once; a backward operation that uses a forward value is all that "saving an activation" means.

    The forward body is copied with `training` set on batch norms and dropouts, `clip.softmax_xent` is added, and the
    copy is walked backwards, asking each operation on the way for its gradients (`DifferentiableOp`). Gradients that
    meet at a fork are added in reverse program order. Inputs of the network get no gradient. Every trained parameter
    gets a `@NAME.momentum`, a `clip.sgd` and two writes. Backward operations carry the location of the forward one.
    An operation between a trained parameter and the loss that is not differentiable is an error that names its layer.

    Before:
    ```mlir
    clip.param @fc.weight : tensor<4x3x1x1x1xf32> {role = "weight"}
    func.func @forward(%rgb: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
      %w = clip.read @fc.weight : tensor<4x3x1x1x1xf32>
      %y = clip.conv %rgb, %w window <1x1x1> : ...
      return %y : tensor<2x4x1x1x1xf32>
    }
    ```
    After, beside @forward:
    ```mlir
    clip.param @fc.weight.momentum : tensor<4x3x1x1x1xf32> {init = {kind = "constant", value = 0.0}, role = "momentum"}
    func.func @train_step(%rgb: tensor<2x3x1x1x1xf32> {...}, %labels: tensor<2xi32> {clip.name = "labels"}, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"})
        -> (tensor<f32> {clip.name = "loss"}, tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
      %w = clip.read @fc.weight : ...
      %v = clip.read @fc.weight.momentum : ...
      %y = clip.conv %rgb, %w window <1x1x1> : ...
      %loss, %dy = clip.softmax_xent %y, %labels : ...
      %dw = clip.conv_wgrad %dy, %rgb window <1x1x1> : ...
      %w1, %v1 = clip.sgd %w, %v, %dw, %hyper : ...
      clip.write @fc.weight, %w1 : ...
      clip.write @fc.weight.momentum, %v1 : ...
      return %loss, %y : ...
    }
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let options = [
    Option<"keepGradients", "keep-gradients", "bool", "false", "also return the gradient of every trained parameter, as `grad.NAME`">,
    Option<"smoothing", "smoothing", "double", "-1", "share of the uniform distribution in the loss's target, 0 to 1; -1: the recipe's, or 0 without a recipe">
  ];
  let statistics = [
    Statistic<"parameters", "parameters", "trained parameters">,
    Statistic<"forks", "forks", "gradients added where a value has several users">
  ];
}

def ClipFoldBatchNorm : Pass<"clip-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "make @infer and @prepare from @forward, batch norm folded into the convs";
  let description = [{
    Why: in evaluation a batch norm is a fixed factor and offset for each channel; behind a conv they cost nothing as
    part of its weight and bias. @prepare computes the folded parameters from the trained ones, once after loading or
    changing them; @infer reads them. A batch norm behind anything else stays an `affine` with coefficients from
    @prepare. Dropout disappears. @forward is erased.

    Before, in @forward:
    ```mlir
    %z = clip.conv %x, %w window <1x3x3> : ...
    %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.mean, @bn.var) {eps = 1.0e-5, momentum = 0.1} : ...
    ```
    After:
    ```mlir
    func.func @infer(...)
      %wf = clip.read @conv.weight.folded : ...
      %bf = clip.read @conv.weight.folded_bias : ...
      %y = clip.conv %x, %wf bias %bf window <1x3x3> : ...
    func.func @prepare()
      %s, %o, %r = clip.bn_coeffs %mean, %var, %gamma, %beta {eps = 1.0e-5} : ...
      %wf = clip.fold_weight %w, %s : ...
      clip.write @conv.weight.folded, %wf : ...
      clip.write @conv.weight.folded_bias, %o : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [
    Statistic<"folded", "folded", "batch norms folded into a conv">,
    Statistic<"affines", "affines", "batch norms left as an affine">
  ];
}

def ClipDecomposeBatchNorm : Pass<"clip-decompose-batch-norm", "::mlir::ModuleOp"> {
  let summary = "split training batch norms and their gradients into sums, coefficients and pointwise operations";
  let description = [{
    Why: the pieces fuse differently. Sums ride in the kernel that stores the value, coefficients are a few numbers a
    channel, and the pointwise piece is recomputed by whoever reads it. Runs after differentiation, which treats batch
    norm as a whole.

    Before:
    ```mlir
    %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.mean, @bn.var) {eps = 1.0e-5, momentum = 0.1, training} : ...
    %dz, %dgamma, %dbeta = clip.batch_norm_grad %g, %z, %m, %r, %gamma : ...
    ```
    After:
    ```mlir
    %m, %v = clip.moments %z : ...
    %s, %o, %r = clip.bn_coeffs %m, %v, %gamma, %beta {eps = 1.0e-5} : ...
    %y = clip.affine %z, %s, %o : ...
    %m1, %v1 = clip.bn_running %m0, %v0, %m, %v {count = 64, momentum = 0.1} : ...
    %sum, %xsum = clip.bn_grad_sums %g, %z, %m, %r : ...
    %p, %q, %t, %dgamma, %dbeta = clip.bn_grad_coeffs %sum, %xsum, %m, %r, %gamma {count = 64} : ...
    %dz = clip.affine2 %g, %z, %p, %q, %t : ...
    clip.write @bn.mean, %m1 : ...
    clip.write @bn.var, %v1 : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [Statistic<"decomposed", "decomposed", "batch norms and batch norm gradients split">];
}

//===-- kernel ------------------------------------------------------------===//

def SetTarget : Pass<"set-target", "::mlir::ModuleOp"> {
  let summary = "write down the machine that a module is for";
  let description = [{
    Why: layouts, schedules and the plan are one machine's. The passes that choose them ask the module which, and what was
    chosen for one machine is not taken for another's.

    Before: `module { ... }`

    After: `module attributes {kernel.target = #kernel.target<cpu "x86-64-v3">} { ... }`
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"kind", "kind", "::kinema::kernel::TargetKind", "::kinema::kernel::TargetKind::CPU", "what runs its code",
           [{::llvm::cl::values(clEnumValN(::kinema::kernel::TargetKind::CPU, "cpu", "a CPU"),
                                clEnumValN(::kinema::kernel::TargetKind::CUDA, "cuda", "an NVIDIA GPU"))}]>,
    Option<"name", "name", "std::string", "\"x86-64-v3\"", "of the machine, as --target spells it">
  ];
}

def AssignStorage : Pass<"assign-storage", "::mlir::ModuleOp"> {
  let summary = "choose how every tensor lies in memory";
  let description = [{
    Why: layout and channel padding are one decision of one place; nothing before it knows of them and nothing after
    it changes them. Activations and channel vectors are blocked by `block` channels, the network's few input channels
    by `input-block`, weights in the order that their forward conv reads (master, momentum, gradient and folded copy
    alike); the data gradient gets a `kernel.convert` of its weight.

    With `bfloat16`, activations, and the weights that convs read, are stored as bf16. What is computed stays f32 and is
    rounded, in sight, where it is stored (sums are of the stored value) and where a prologue hands it to a product.

    Before:
    ```mlir
    %z = kernel.conv forward %w ... : tensor<230x64x1x3x3xf32> -> tensor<2x230x16x28x28xf32>
    ```
    After:
    ```mlir
    %z = kernel.conv forward %w ... : tensor<230x64x1x3x3xf32, #kernel.layout<weight block = 8 reduce = 8>>
        -> tensor<2x230x16x28x28xf32, #kernel.layout<blocked block = 8>>
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"block", "block", "int64_t", "8", "channels in a block (a vector register of the target)">,
    Option<"inputBlock", "input-block", "int64_t", "4", "channels in a block of a network input that has no more">,
    Option<"bfloat16", "bfloat16", "bool", "false", "activations and the weights that convs read are bf16">,
    Option<"taps", "taps", "bool", "false", "weights that convs read are matrices of their taps, for tensor cores">,
    Option<"pairs", "pairs", "bool", "false", "bf16 weights that convs read are pairs of input channels">
  ];
  let statistics = [Statistic<"converted", "converted", "weights converted for a conv">];
}

def MergeLaunches : Pass<"merge-launches", "::mlir::ModuleOp"> {
  let summary = "update, and copy, many parameters in one launch";
  let description = [{
    Why: a network has a hundred parameters and more, most of them small, and a launch costs as much as what it does for
    most of them. Updates that follow one another become one `kernel.sgd`; with `copies`, the conversions of parameters
    become one `kernel.convert` where the first of them was, for which the copies' memory is taken longer. One launch has
    at most `parameters-per-launch`, since a GPU limits the bytes of a launch's arguments. Which blocks of the launch work
    on which parameter is decided when its code is written.

    Before:
    ```mlir
    %w1, %v1 = kernel.sgd %w, %v, %dw, %hyper : ...
    %b1, %u1 = kernel.sgd %b, %u, %db, %hyper : ...
    ```
    After:
    ```mlir
    %new:4 = kernel.sgd %w, %b, %v, %u, %dw, %db, %hyper : ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"parametersPerLaunch", "parameters-per-launch", "int64_t", "64", "parameters of one launch at most: an update has 5 buffers for each">,
    Option<"copies", "copies", "bool", "false", "also merge the conversions of parameters">
  ];
  let statistics = [Statistic<"launches", "merged", "launches for several parameters">];
}

def HoistUpdates : Pass<"hoist-updates", "::mlir::ModuleOp"> {
  let summary = "update each parameter as soon as its gradient is there";
  let description = [{
    Why: all gradients at once take as much memory as the network. An update goes behind the last operation that makes its
    gradient or reads its parameter; the gradient's memory is free from there on. For targets whose launches cost little;
    the others merge updates (`merge-launches`).

    Before:
    ```mlir
    %dw = kernel.wgrad ... : ...
    %g = kernel.conv transposed ... : ...
    %w1, %v1 = kernel.sgd %w, %v, %dw, %hyper : ...
    ```
    After:
    ```mlir
    %dw = kernel.wgrad ... : ...
    %w1, %v1 = kernel.sgd %w, %v, %dw, %hyper : ...
    %g = kernel.conv transposed ... : ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let statistics = [Statistic<"hoisted", "hoisted", "updates that were moved">];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "place every buffer in one arena and turn functions into lists of launches";
  let description = [{
    Why: memory is known, and stated, before anything runs. Parameters, inputs and outputs keep their places; all other
    tensors live from the launch that makes them to the last that reads them, and share the rest of the arena: largest
    first, each at the lowest place that is free during its life. An updated parameter is written over the old one. What
    @prepare folds for @infer lies where a training step, which reads none of it, has its activations: after a step it has
    to be prepared anew.
    Equal operations become one `kernel.def`; a function becomes a `kernel.entry` of `kernel.launch`es. The places are
    left on the module as `kernel.plan`, in the form of the package's manifest (docs/package.md).

    Before:
    ```mlir
    func.func @infer(%rgb: ...) -> ... {
      %w = clip.read @stem.weight.folded : ...
      %y = kernel.conv forward %w ... {schedule = #kernel.schedule<"cpu.tile", grid = 56, scratch = 1024, {}>} : ...
      return %y : ...
    }
    ```
    After:
    ```mlir
    kernel.def @k0 attributes {layers = ["stem"]} { ^bb0(%w: ..., %x: ...): %y = kernel.conv ... kernel.return %y : ... }
    kernel.entry @infer {
      kernel.launch @k0 [0, 4096, 65536] {layer = "stem", macs = 1024, reads = 2048, writes = 512}
    }
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let statistics = [
    Statistic<"launches", "launches", "launches in all entries">,
    Statistic<"kernels", "kernels", "different kernels">
  ];
}

#endif
