// RUN: kinema-opt %s --set-target --assign-cpu-storage=bfloat16 | FileCheck %s

// Activations are bf16, and so are the weights that convs read. What is stored is rounded before it is summed; a
// prologue's result is rounded before the product, unless it comes as bf16 already. Inputs, parameters, channel vectors,
// partials and what has one position a clip stay f32.

!x = tensor<1x3x2x8x8xf32>
!z = tensor<1x16x2x8x8xf32>
!g = tensor<1x16x1x1x1xf32>

clip.param @w : tensor<16x3x1x3x3xf32> {role = "weight"}
clip.param @v : tensor<16x16x1x1x1xf32> {role = "weight"}
clip.param @f : tensor<16xf32> {role = "bias"}

// CHECK-LABEL: func.func @train_step
// CHECK-SAME: %[[X:.*]]: tensor<1x3x2x8x8xf32, #{{.*}}>
// CHECK-DAG: %[[W:.*]] = clip.read @w : tensor<16x3x1x3x3xf32, #[[PACK:.*]]>
// CHECK-DAG: %[[V:.*]] = clip.read @v : tensor<16x16x1x1x1xf32, #{{.*}}>
// CHECK: %[[WB:.*]] = kernel.convert %[[W]] : tensor<16x3x1x3x3xf32, #[[PACK]]> -> tensor<16x3x1x3x3xbf16, #[[PACK]]>
// CHECK: kernel.conv forward %[[WB]]
// CHECK: ^bb0(%[[IN:.*]]: f32):
// CHECK-NEXT: %[[T0:.*]] = arith.truncf %[[IN]] : f32 to bf16
// CHECK-NEXT: %[[E0:.*]] = arith.extf %[[T0]] : bf16 to f32
// CHECK-NEXT: kernel.yield value %[[E0]]
// CHECK: ^bb0(%[[ACC:.*]]: f32):
// CHECK-NEXT: %[[T1:.*]] = arith.truncf %[[ACC]] : f32 to bf16
// CHECK-NEXT: %[[E1:.*]] = arith.extf %[[T1]] : bf16 to f32
// CHECK-NEXT: kernel.yield store %[[E1]], moments %[[E1]]
// CHECK: -> tensor<1x16x2x8x8xbf16, #aBcde8b>, tensor<?x3x16xf32, #abC8c>
// CHECK: kernel.pool average
// CHECK-NOT: truncf
// CHECK: -> tensor<1x16x1x1x1xf32
// CHECK: kernel.wgrad
// CHECK: ^bb0(%[[G:.*]]: f32):
// CHECK-NEXT: kernel.yield value %[[G]]
// CHECK: arith.truncf
func.func @train_step(%x: !x {clip.name = "rgb", clip.input = "rgb"}) -> (!g {clip.name = "logits"}, tensor<?x3x16xf32> {clip.name = "m"}, tensor<?x16x3x1x3x3xf32> {clip.name = "dw"}) {
  %w = clip.read @w : tensor<16x3x1x3x3xf32>
  %v = clip.read @v : tensor<16x16x1x1x1xf32>
  %z, %m = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } : tensor<16x3x1x3x3xf32> -> !z, tensor<?x3x16xf32>
  %p = kernel.pool average window <2x8x8 stride 2x8x8> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> !g
  %y = kernel.conv forward %v window <1x1x1> prologue(pixel %p) : (!g) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x16x1x1x1xf32> -> !g
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : tensor<?x16x3x1x3x3xf32>
  return %y, %m, %dw : !g, tensor<?x3x16xf32>, tensor<?x16x3x1x3x3xf32>
}

// A folded weight is bf16 from where it is made.
// CHECK-LABEL: func.func @infer
// CHECK: %[[F:.*]] = kernel.fold %{{.*}} : ({{.*}}) -> tensor<16x3x1x3x3xbf16, #{{.*}}>
// CHECK: %[[P:.*]] = clip.prepared "w.folded", %[[F]]
// CHECK-NOT: kernel.convert
// CHECK: kernel.conv forward %[[P]]
func.func @infer(%x: !x {clip.name = "rgb", clip.input = "rgb"}) -> (!z {clip.name = "logits"}) {
  %m = clip.read @w : tensor<16x3x1x3x3xf32>
  %s = clip.read @f : tensor<16xf32>
  %f = kernel.fold %m, %s : (tensor<16x3x1x3x3xf32>, tensor<16xf32>) -> tensor<16x3x1x3x3xf32>
  %w = clip.prepared "w.folded", %f : tensor<16x3x1x3x3xf32>
  %z = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x3x1x3x3xf32> -> !z
  return %z : !z
}
