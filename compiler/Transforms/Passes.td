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

def ClipPatchesToChannels : Pass<"clip-patches-to-channels", "::mlir::ModuleOp"> {
  let summary = "turn convs over patches of few channels into 1x1x1 convs of many channels";
  let description = [{
    Why: kernels go through a window tap by tap, each of which is a product of as many channels as there are. The
    patches of a transformer have 3 channels and hundreds of taps, which lie side by side: arranged as channels they
    are one product. The weight keeps its elements in their order, and its shape in weights files (`file_shape`).

    Before:
    ```mlir
    %y = clip.conv %x, %w window <2x8x8 stride 2x8x8> : (tensor<1x3x4x16x16xf32>, tensor<32x3x2x8x8xf32>) -> tensor<1x32x2x2x2xf32>
    ```
    After:
    ```mlir
    %p = clip.arrange %x #clip.arrangement<0, 1, 2 3, 4 5, 6 7 -> 0, 1 3 5 7, 2, 4, 6 of 1x3x2x2x2x8x2x8> : (tensor<1x3x4x16x16xf32>) -> tensor<1x384x2x2x2xf32>
    %y = clip.conv %p, %w window <1x1x1> : (tensor<1x384x2x2x2xf32>, tensor<32x384x1x1x1xf32>) -> tensor<1x32x2x2x2xf32>
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [Statistic<"layers", "layers", "convs over patches turned into 1x1x1 convs">];
}

def ClipFoldIdentities : Pass<"clip-fold-identities", "::mlir::ModuleOp"> {
  let summary = "drop slices of all channels, concats of one value and arrangements that change nothing";
  let description = [{
    Why: each of them would be a copy, in the backward pass too. Definitions that work for all sizes, such as those of
    relative positions, make many. What a layer gives that `clip.features` names stays, so that it has an operation.

    Before:
    ```mlir
    %s = clip.slice %x[0, 8] : (tensor<2x8x4x7x7xf32>) -> tensor<2x8x4x7x7xf32>
    %y = clip.relu %s : ...
    ```
    After:
    ```mlir
    %y = clip.relu %x : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [Statistic<"folded", "folded", "operations dropped">];
}

def ClipRepeatLate : Pass<"clip-repeat-late", "::mlir::ModuleOp"> {
  let summary = "compute once what is the same for all clips, and repeat it where it meets what is not";
  let description = [{
    Why: a parameter that takes part in a network as a value is repeated for all clips first, as blocks are written for
    values of any number of clips. Tables of relative positions are then made for each clip, by dozens of operations, and
    the backward pass goes through all of these clip by clip before it sums over clips.

    What is the same for all clips is made by an arrangement whose first factor of N repeats, or by an operation that
    does the same with each clip (`worksClipByClip`) of such values alone; an arrangement is one of these where it leaves
    clips the first factor of N. Such an operation is done with one clip. Only where others than these read its
    result is that repeated: an arrangement that gives it repeats it at once. Runs before differentiation, so that
    gradients are summed over clips as soon as they reach such a value.

    Before:
    ```mlir
    %r = clip.arrange %p <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x7x7> : (tensor<1x4x2x7x7xf32>) -> tensor<8x4x2x7x7xf32>
    %s = clip.slice %r[1, 3] : (tensor<8x4x2x7x7xf32>) -> tensor<8x3x2x7x7xf32>
    %y = clip.add %x, %s : ...
    ```
    After:
    ```mlir
    %s = clip.slice %p[1, 3] : (tensor<1x4x2x7x7xf32>) -> tensor<1x3x2x7x7xf32>
    %r = clip.arrange %s <_, 0, 1, 2, 3 -> 4, 0, 1, 2, 3 of 3x2x7x7x8> : (tensor<1x3x2x7x7xf32>) -> tensor<8x3x2x7x7xf32>
    %y = clip.add %x, %r : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [
    Statistic<"operations", "operations", "operations done with one clip for all">,
    Statistic<"repetitions", "repetitions", "values repeated for other operations">
  ];
}

def ClipMoveArrangements : Pass<"clip-move-arrangements", "::mlir::ModuleOp"> {
  let summary = "compute 1x1x1 convs where there are few clips of many positions, and arrange what they make";
  let description = [{
    Why: attention over frames alone, or within windows, has a clip for each place or window. Its queries, keys and values
    are 1x1x1 convs, to which it makes no difference where a position lies; but a kernel's tile lies in one clip, of
    which there may be no more than 8 positions. And where heads are taken apart behind the conv, one arrangement does both.

    An arrangement is moved if channels and the number of elements stay what they are. One that makes more clips moves
    behind 1x1x1 convs, and behind pointwise operations that follow these, until another arrangement goes on with it or
    others read the value. One that makes fewer clips moves before 1x1x1 convs, and pointwise operations between them,
    whose results nobody else reads. Runs before differentiation, so that gradients go the same way.

    Before:
    ```mlir
    %a = clip.arrange %x <0, 1, 2, 3, 4 -> 0 3 4, 1, 2, _, _ of 2x768x8x14x14> : (tensor<2x768x8x14x14xf32>) -> tensor<392x768x8x1x1xf32>
    %q = clip.conv %a, %w window <1x1x1> : (tensor<392x768x8x1x1xf32>, ...) -> tensor<392x768x8x1x1xf32>
    %h = clip.arrange %q <0, 1 2, 3, 4, 5 -> 0 1, 2, 3, 4, 5 of 392x12x64x8x1x1> : ... -> tensor<4704x64x8x1x1xf32>
    ```
    After:
    ```mlir
    %q = clip.conv %x, %w window <1x1x1> : (tensor<2x768x8x14x14xf32>, ...) -> tensor<2x768x8x14x14xf32>
    %h = clip.arrange %q <0, 3 4, 5, 1, 2 -> 0 1 2 3, 4, 5, _, _ of 2x14x14x12x64x8> : ... -> tensor<4704x64x8x1x1xf32>
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [
    Statistic<"convs", "convs", "1x1x1 convs computed before or behind an arrangement">,
    Statistic<"joined", "joined", "pairs of arrangements that became one">
  ];
}

def ClipDifferentiate : Pass<"clip-differentiate", "::mlir::ModuleOp"> {
  let summary = "make the training step @train_step from @forward";
  let description = [{
    Why: the whole step (forward, loss, backward, update) is then one straight line of operations that fusion and the
    memory plan see at once; a backward operation that uses a forward value is all that "saving an activation" means.

    The forward body is copied with `training` set on batch norms and dropouts, the recipe's loss is added (`clip.softmax_xent`, or
    `clip.target_xent` where clips are mixed, classes weigh differently or a clip has several labels), and the copy is
    walked backwards, asking each operation on the way for its gradients (`DifferentiableOp`). Gradients that
    meet at a fork are added in reverse program order. Inputs of the network get no gradient. Every trained parameter
    gets a `clip.update` by the rule of the module's recipe (SGD without one), the states that the rule keeps, such as
    `@NAME.momentum`, and writes of both. Backward operations carry the location of the forward one.
    Where the recipe has precise batch norm and batch norms take statistics, @statistics is made too, which leaves a
    batch's statistics as the running ones.
    Where several processes train the network (`clip.distributed` on the module), @train_step ends with the gradients,
    which it leaves in the states `@NAME.gradient`. The processes add these up, and @update, which is made too, updates
    the parameters by the sums.
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
      %w1, %v1 = clip.update sgd %w, %v, %dw, %hyper : ...
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
  let summary = "make @infer from @forward, batch norm folded into the convs";
  let description = [{
    Why: in evaluation a batch norm is a fixed factor and offset for each channel; behind a conv they cost nothing as
    part of its weight and bias. What is folded is marked as `clip.prepared`: it is computed once after loading or
    changing parameters (`outline-prepared`). A batch norm behind anything else stays an `affine` with prepared
    coefficients. Dropout disappears. @forward is erased. The scores are the first result of @infer; behind them come
    the features of the layers that the module's `clip.features` names, each the mean of what the layer gives over
    frames, rows and columns.

    Before, in @forward:
    ```mlir
    %z = clip.conv %x, %w window <1x3x3> : ...
    %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.mean, @bn.var) {eps = 1.0e-5, momentum = 0.1} : ...
    ```
    After:
    ```mlir
    func.func @infer(...)
      %s, %o, %r = clip.bn_coeffs %mean, %var, %gamma, %beta {eps = 1.0e-5} : ...
      %bf = clip.prepared "conv.weight.folded_bias", %o : ...
      %f = clip.fold_weight %w, %s : ...
      %wf = clip.prepared "conv.weight.folded", %f : ...
      %y = clip.conv %x, %wf bias %bf window <1x3x3> : ...
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
    Option<"name", "name", "std::string", "\"x86-64-v3\"", "the machine, as --target spells it">
  ];
}

def MergeLaunches : Pass<"merge-launches", "::mlir::ModuleOp"> {
  let summary = "update, and copy, many parameters in one launch";
  let description = [{
    Why: a network has a hundred parameters and more, most of them small, and a launch costs as much as what it does for
    most of them. Updates that follow one another become one `kernel.update`, and norms one `kernel.norms`; with `copies`, the conversions of parameters
    become one `kernel.convert` where the first of them was, for which the copies' memory is taken longer. One launch has
    at most `parameters-per-launch`, and fewer where each has more buffers than by SGD, since a GPU limits the bytes of a
    launch's arguments. Which blocks of the launch work
    on which parameter is decided when its code is written.

    Where processes add up gradients (`clip.distributed`), the sums of these go behind the gradients, `bytes-per-sum` of
    them or more at a time, so that the processes can add up the first ones while the step computes the others.

    Before:
    ```mlir
    %w1, %v1 = kernel.update sgd %w, %v, %dw, %hyper : ...
    %b1, %u1 = kernel.update sgd %b, %u, %db, %hyper : ...
    ```
    After:
    ```mlir
    %new:4 = kernel.update sgd %w, %b, %v, %u, %dw, %db, %hyper : ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [
    Option<"parametersPerLaunch", "parameters-per-launch", "int64_t", "64", "parameters of one launch at most: an update has 5 buffers for each">,
    Option<"bytesPerSum", "bytes-per-sum", "int64_t", "1000000", "bytes of gradients that a distributed step sums in one launch, at least">,
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
    %w1, %v1 = kernel.update sgd %w, %v, %dw, %hyper : ...
    ```
    After:
    ```mlir
    %dw = kernel.wgrad ... : ...
    %w1, %v1 = kernel.update sgd %w, %v, %dw, %hyper : ...
    %g = kernel.conv transposed ... : ...
    ```
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let statistics = [Statistic<"hoisted", "hoisted", "updates that were moved">];
}

def PrepareValues : Pass<"prepare-values", "::mlir::ModuleOp"> {
  let summary = "mark as prepared what launches make of parameters alone";
  let description = [{
    Why: a table of positions, a mask, a weight in the form that a kernel reads are the same in every run of a function that
    changes no parameters. What is made of parameters alone, or of what is prepared, and read by anything else, becomes a
    `clip.prepared`. A value of more than `most-bytes` is made in each run, out of what is prepared: a small table that all
    windows repeat is kept as the small one.

    Before:
    ```mlir
    %w = clip.read @table : ...
    %t = kernel.arrange %w ... : ...
    %y = kernel.matmul %x, %t : ...
    ```
    After:
    ```mlir
    %w = clip.read @table : ...
    %t = kernel.arrange %w ... : ...
    %p = clip.prepared "attention.prepared", %t : ...
    %y = kernel.matmul %x, %p : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let options = [Option<"mostBytes", "most-bytes", "int64_t", /*default=*/"16 << 20", "the largest value that is prepared">];
  let statistics = [Statistic<"prepared", "prepared", "values that were marked">];
}

def OutlinePrepared : Pass<"outline-prepared", "::mlir::ModuleOp"> {
  let summary = "compute what depends on parameters alone in @prepare, once for all runs of @infer";
  let description = [{
    Why: schedules decide in which form inference reads its weights, so that up to here a weight's making stands in sight
    of the conv that reads it. From here on it is done once, after loading or changing parameters. Each
    `clip.prepared` becomes a parameter of that name, which @prepare writes and its readers read.

    Before:
    ```mlir
    func.func @infer(...)
      %w = clip.read @conv.weight : ...
      %f = kernel.fold %w, %s : ...
      %p = clip.prepared "conv.weight.folded", %f : ...
      %y = kernel.conv forward %p ...
    ```
    After:
    ```mlir
    clip.param @conv.weight.folded : ... {role = "prepared"}
    func.func @infer(...)
      %p = clip.read @conv.weight.folded : ...
      %y = kernel.conv forward %p ...
    func.func @prepare()
      %w = clip.read @conv.weight : ...
      %f = kernel.fold %w, %s : ...
      clip.write @conv.weight.folded, %f : ...
    ```
  }];
  let dependentDialects = ["::kinema::clip::ClipDialect"];
  let statistics = [Statistic<"prepared", "prepared", "values that @prepare computes">];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "place every buffer in one arena and turn functions into lists of launches";
  let description = [{
    Why: memory is known, and stated, before anything runs. Parameters, inputs and outputs keep their places; all other
    tensors live from the launch that makes them to the last that reads them, and share the rest of the arena: largest
    first, each at the lowest place that is free during its life. An updated parameter is written over the old one. What
    @prepare computes for @infer lies where a training step, which reads none of it, has its activations: after a step it has
    to be prepared anew.
    Equal operations become one `kernel.def`; a function becomes a `kernel.entry` of `kernel.launch`es and `kernel.output`s.
    What has a place of its own stands in the `kernel.arena`.

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
    kernel.arena 69632 activations 4096 separate 4096 {
      kernel.buffer input @rgb kind "rgb" at 4096 : ...
      kernel.buffer prepared @stem.weight.folded at 0 : ...
      ...
    }
    kernel.def @k0 attributes {layers = ["stem"]} { ^bb0(%w: ..., %x: ...): %y = kernel.conv ... kernel.return %y : ... }
    kernel.entry @infer {
      kernel.launch @k0 [0, 4096, 65536] {layer = "stem", macs = 1024, reads = 2048, writes = 512}
      kernel.output "logits" at 65536 : ...
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
