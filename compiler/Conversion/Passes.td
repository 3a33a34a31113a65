#ifndef KINEMA_COMPILER_CONVERSION_PASSES
#define KINEMA_COMPILER_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ArchToClip : Pass<"arch-to-clip", "::mlir::ModuleOp"> {
  let summary = "expands the network into clip operations";
  let description = [{
    Calls the network's definition: units, blocks, stages, copies and streams become one function `@forward` of `clip`
    operations with all shapes known, and its weights become `clip.param` symbols under the names that the author can
    read off the text. The definitions are dropped. Errors of size are reported where the author wrote them, with the
    calls that led there.

    Before:
    ```mlir
    arch.network @net() {
      arch.call input(rgb, 3x8x56x56)
      arch.call stem: conv(3x7x7, ch = 64, stride = 1x2x2)
      arch.call pool(avg, global)
      arch.call fc(400)
    }
    ```
    After:
    ```mlir
    clip.param @stem.weight : tensor<64x3x3x7x7xf32> {init = {fan = "out", kind = "he_normal"}, role = "weight"}
    func.func @forward(%rgb: tensor<1x3x8x56x56xf32> {clip.input = "rgb", clip.name = "rgb"})
        -> (tensor<1x400x1x1x1xf32> {clip.name = "logits"}) {
      %0 = clip.read @stem.weight : tensor<64x3x3x7x7xf32>
      %stem = clip.conv %rgb, %0 window <3x7x7 stride 1x2x2 pad 1x3x3> : ...
    ```
  }];
  let options = [
    Option<"batch", "batch", "int64_t", "1", "clips that are computed together (N)">,
    Option<"frames", "frames", "int64_t", "0", "frames of every input; 0: as written">,
    Option<"height", "height", "int64_t", "0", "height of every input; 0: as written">,
    Option<"width", "width", "int64_t", "0", "width of every input; 0: as written">
  ];
  let statistics = [
    Statistic<"calls", "calls", "calls of definitions and operations that were expanded">
  ];
  let dependentDialects = ["::kinema::clip::ClipDialect", "::mlir::func::FuncDialect"];
}

#endif
