// RUN: kinema-opt %s --set-target=name=x86-64-v4-bf16 --assign-cpu-storage=bfloat16 | FileCheck %s

// Where two pairs of bfloat16 are multiplied at once, a conv reads its weight in pairs of input channels: a copy of the
// parameter, which stays in single channels, and of the folded weight, which is in pairs from the start. Weights of
// groups have no pairs.

!x = tensor<1x3x2x8x8xf32>
!z = tensor<1x16x2x8x8xf32>

clip.param @stem : tensor<16x3x1x3x3xf32> {role = "weight"}
clip.param @v : tensor<16x16x1x1x1xf32> {role = "weight"}
clip.param @depthwise : tensor<16x1x1x3x3xf32> {role = "weight"}

// CHECK-DAG: #[[STEM:.*]] = #kernel.layout<ABcde2b16a2b>
// CHECK-DAG: #[[PAIRS:.*]] = #kernel.layout<ABcde8b16a2b>
// CHECK-DAG: #[[TURNED:.*]] = #kernel.layout<BAcde8a16b2a>
// CHECK-LABEL: func.func @train_step
// CHECK: %[[S:.*]] = kernel.convert %{{.*}} : tensor<16x3x1x3x3xf32, #ABcde4b16a> -> tensor<16x3x1x3x3xbf16, #[[STEM]]>
// CHECK: kernel.conv forward %[[S]]
// CHECK: %[[V:.*]] = kernel.convert %{{.*}} : tensor<16x16x1x1x1xf32, #ABcde16b16a> -> tensor<16x16x1x1x1xbf16, #[[PAIRS]]>
// CHECK: kernel.conv forward %[[V]]
// CHECK: %[[T:.*]] = kernel.convert %{{.*}} : tensor<16x16x1x1x1xf32, #ABcde16b16a> -> tensor<16x16x1x1x1xbf16, #[[TURNED]]>
// CHECK: kernel.conv transposed %[[T]]
// CHECK: kernel.convert %{{.*}} : tensor<16x1x1x3x3xf32, #Abcde16a> -> tensor<16x1x1x3x3xbf16, #Abcde16a>
func.func @train_step(%x: !x {clip.name = "rgb", clip.input = "rgb"}) -> (!z {clip.name = "y"}, !z {clip.name = "d"}, !z {clip.name = "g"}) {
  %w = clip.read @stem : tensor<16x3x1x3x3xf32>
  %v = clip.read @v : tensor<16x16x1x1x1xf32>
  %u = clip.read @depthwise : tensor<16x1x1x3x3xf32>
  %z = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x3x1x3x3xf32> -> !z
  %y = kernel.conv forward %v window <1x1x1> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x16x1x1x1xf32> -> !z
  %d = kernel.conv transposed %v window <1x1x1> prologue(pixel %y) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x16x1x1x1xf32> -> !z
  %g = kernel.conv forward %u window <1x3x3 pad 0x1x1> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 16 : i64} : tensor<16x1x1x3x3xf32> -> !z
  return %y, %d, %g : !z, !z, !z
}
