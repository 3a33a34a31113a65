// RUN: %kinema-opt %s --arch-to-clip --mlir-use-nameloc-as-prefix | FileCheck %s

// Attention between positions, with fewer keys than queries; a shift of frames; the mean of three values.

// CHECK-LABEL: func.func @forward
// CHECK: %[[SHIFT:.*]] = clip.shift %rgb {channels = 1 : i64, frames = 1 : i64} : (tensor<1x3x4x6x6xf32>) -> tensor<1x3x4x6x6xf32>
// CHECK: %[[K:.*]] = clip.max_pool %[[SHIFT]]
// CHECK: %[[SCORES:.*]] = clip.matmul %[[K]], %[[SHIFT]] {transpose_lhs} : (tensor<1x3x4x2x2xf32>, tensor<1x3x4x6x6xf32>) -> tensor<1x16x4x6x6xf32>
// CHECK-NEXT: %[[SHARES:.*]] = clip.softmax %[[SCORES]] : (tensor<1x16x4x6x6xf32>) -> tensor<1x16x4x6x6xf32>
// CHECK-NEXT: %[[Y:.*]] = clip.matmul %[[K]], %[[SHARES]] : (tensor<1x3x4x2x2xf32>, tensor<1x16x4x6x6xf32>) -> tensor<1x3x4x6x6xf32>
// CHECK-NEXT: %[[TWO:.*]] = clip.add %[[Y]], %[[SHIFT]]
// CHECK-NEXT: %[[THREE:.*]] = clip.add %[[TWO]], %[[SHIFT]]
// CHECK-NEXT: %[[MEAN:.*]] = clip.scale %[[THREE]] {factor = 0.33333333333333331 : f64}
// CHECK-NEXT: clip.relu %[[MEAN]]
arch.file @net {
  arch.network @net() {
    arch.call input(rgb, 3x4x6x6)
    arch.call q: shift(2)
    arch.call k: pool(max, 1x3x3)
    arch.call attention(q, k, k)
    arch.call average(q, q, act = relu)
    arch.call pool(avg, global)
  }
}
