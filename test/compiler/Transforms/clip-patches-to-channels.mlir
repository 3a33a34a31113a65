// RUN: %kinema-opt %s --clip-patches-to-channels --split-input-file | FileCheck %s

// CHECK: clip.param @embed.weight : tensor<32x384x1x1x1xf32> {file_shape = array<i64: 32, 3, 2, 8, 8>, role = "weight"}
clip.param @embed.weight : tensor<32x3x2x8x8xf32> {role = "weight"}
clip.param @embed.bias : tensor<32xf32> {role = "bias"}
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[X:.*]]: tensor<1x3x4x16x24xf32>)
// CHECK: %[[W:.*]] = clip.read @embed.weight : tensor<32x384x1x1x1xf32>
// CHECK: %[[B:.*]] = clip.read @embed.bias
// CHECK: %[[P:.*]] = clip.arrange %[[X]] <0, 1, 2 3, 4 5, 6 7 -> 0, 1 3 5 7, 2, 4, 6 of 1x3x2x2x2x8x3x8> : (tensor<1x3x4x16x24xf32>) -> tensor<1x384x2x2x3xf32>
// CHECK: clip.conv %[[P]], %[[W]] bias %[[B]] window <1x1x1> : {{.*}} -> tensor<1x32x2x2x3xf32>
func.func @forward(%x: tensor<1x3x4x16x24xf32>) -> tensor<1x32x2x2x3xf32> {
  %w = clip.read @embed.weight : tensor<32x3x2x8x8xf32>
  %b = clip.read @embed.bias : tensor<32xf32>
  %y = clip.conv %x, %w bias %b window <2x8x8 stride 2x8x8> : (tensor<1x3x4x16x24xf32>, tensor<32x3x2x8x8xf32>, tensor<32xf32>) -> tensor<1x32x2x2x3xf32>
  return %y : tensor<1x32x2x2x3xf32>
}

// -----

// Left alone are patches of which some elements are in no window, windows that overlap, windows of few elements, and weights that
// another conv reads, too.
clip.param @w.weight : tensor<4x3x1x8x8xf32> {role = "weight"}
clip.param @v.weight : tensor<4x3x1x4x4xf32> {role = "weight"}
clip.param @s.weight : tensor<4x3x1x8x8xf32> {role = "weight"}
// CHECK-LABEL: func.func @others(
// CHECK-NOT: clip.arrange
// CHECK: return
func.func @others(%x: tensor<1x3x1x16x20xf32>, %z: tensor<1x3x1x16x16xf32>) {
  %w = clip.read @w.weight : tensor<4x3x1x8x8xf32>
  %a = clip.conv %x, %w window <1x8x8 stride 1x8x8> : (tensor<1x3x1x16x20xf32>, tensor<4x3x1x8x8xf32>) -> tensor<1x4x1x2x2xf32>
  %v = clip.read @v.weight : tensor<4x3x1x4x4xf32>
  %b = clip.conv %z, %v window <1x4x4 stride 1x4x4> : (tensor<1x3x1x16x16xf32>, tensor<4x3x1x4x4xf32>) -> tensor<1x4x1x4x4xf32>
  %s = clip.read @s.weight : tensor<4x3x1x8x8xf32>
  %c = clip.conv %z, %s window <1x8x8 stride 1x8x8> : (tensor<1x3x1x16x16xf32>, tensor<4x3x1x8x8xf32>) -> tensor<1x4x1x2x2xf32>
  %d = clip.conv %z, %s window <1x8x8 stride 1x4x4> : (tensor<1x3x1x16x16xf32>, tensor<4x3x1x8x8xf32>) -> tensor<1x4x1x3x3xf32>
  return
}
