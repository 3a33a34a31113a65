#ifndef KINEMA_COMPILER_CONVERSION_PASSES
#define KINEMA_COMPILER_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def FuseKernels : Pass<"fuse-kernels", "::mlir::ModuleOp"> {
  let summary = "turns clip operations into kernels, pointwise ones riding in prologues and epilogues";
  let description = [{
    Why: a launch per operation moves every activation through memory several times. Convs and their gradients, pools,
    the loss and the update become one kernel each. Values made by pointwise operations are virtual: a kernel that
    reads one recomputes it in its prologue from at most two stored tensors; a sum of two activations (a residual's
    end) is stored once by a `kernel.map`, unless a global pool is all that reads it. An anchor stores the value at the end of the pointwise operations that
    follow it alone (bias, residual and ReLU in inference, the ReLU mask and the fork's addition in the backward pass),
    and sums of a stored value (batch norm's moments, the sums of its gradient) ride with the kernel that stores it. What
    the backward pass of a strided 1x1x1 conv adds at a fork is stored at that conv's resolution and added on the
    points that it read (`lattice`).

    `fuse=none` stores every value, `fuse=epilogue` leaves prologues empty; all settings agree numerically.

    Before:
    ```mlir
    %m, %v = clip.moments %z0 : ...
    %s, %o, %r = clip.bn_coeffs %m, %v, %g, %b {eps = 1.0e-3} : ...
    %n = clip.affine %z0, %s, %o : ...
    %a = clip.relu %n : ...
    %z1 = clip.conv %a, %w window <3x1x1 pad 1x0x0> : ...
    ```
    After:
    ```mlir
    %c:2 = kernel.finalize %m0 : ... (%g, %b : ...) {...} -> ...
    %z1 = kernel.conv forward %w window <3x1x1 pad 1x0x0>
      prologue(pixel %z0, channel %c#0, channel %c#1) : (...) {
      ^bb0(%z: f32, %s: f32, %o: f32):
        %n = math.fma %z, %s, %o : f32
        %zero = arith.constant 0.0 : f32
        %a = arith.maximumf %n, %zero : f32
        kernel.yield value %a
      } ...
    ```
  }];
  let options = [
    Option<"fuse", "fuse", "::kinema::FusionScope", "::kinema::FusionScope::All", "what rides with what",
           [{::llvm::cl::values(clEnumValN(::kinema::FusionScope::None, "none", "nothing"),
                                clEnumValN(::kinema::FusionScope::Epilogue, "epilogue", "epilogues and sums"),
                                clEnumValN(::kinema::FusionScope::All, "all", "prologues too"))}]>
  ];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
}

#endif
