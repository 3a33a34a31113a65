// RUN: %kinema-opt %s --prepare-values=most-bytes=4096 --split-input-file | FileCheck %s

// The last value of parameters alone on each way is prepared, by the name of its layer. What is too large is made in each run,
// of the last small one.
!p = tensor<2x16x1x1x4xf32, #kernel.layout<aBcde16b>>
!l = tensor<64x16x1x1x4xf32, #kernel.layout<aBcde16b>>
clip.param @p : tensor<2x16x1x1x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @infer(
// CHECK: %[[P:.*]] = clip.read @p
// CHECK: %[[A:.*]] = kernel.arrange %[[P]] <0, 1, 2, 3, 4 -> 0, 1, 3, 2, 4
// CHECK-NEXT: %[[B:.*]] = kernel.softmax %[[A]]
// CHECK-NEXT: %[[M:.*]] = clip.prepared "table.prepared", %[[B]]
// CHECK-NEXT: %[[L:.*]] = kernel.arrange %[[M]] {{.*}} tensor<64x16x1x1x4xf32
// CHECK-NEXT: %[[C:.*]] = kernel.softmax %[[P]]
// CHECK-NEXT: %[[N:.*]] = clip.prepared "table.prepared2", %[[C]]
// CHECK-NEXT: kernel.matmul %[[L]], %{{.*}} :
// CHECK-NEXT: kernel.matmul %[[N]], %{{.*}} {transpose_lhs} :
func.func @infer(%x: tensor<64x4x1x1x3xf32, #kernel.layout<aBcde16b>>, %g: !p) -> (tensor<64x16x1x1x3xf32, #kernel.layout<aBcde16b>>, tensor<2x4x1x1x4xf32, #kernel.layout<aBcde16b>>) {
  %p = clip.read @p : !p
  %a = kernel.arrange %p <0, 1, 2, 3, 4 -> 0, 1, 3, 2, 4 of 2x16x1x1x4> : (!p) -> !p
  %b = kernel.softmax %a : (!p) -> !p loc("table")
  %l = kernel.arrange %b <1, 2, 3, 4, 5 -> 0 1, 2, 3, 4, 5 of 32x2x16x1x1x4> : (!p) -> !l
  %c = kernel.softmax %p : (!p) -> !p loc("table")
  %y = kernel.matmul %l, %x : (!l, tensor<64x4x1x1x3xf32, #kernel.layout<aBcde16b>>) -> tensor<64x16x1x1x3xf32, #kernel.layout<aBcde16b>>
  %z = kernel.matmul %c, %g {transpose_lhs} : (!p, !p) -> tensor<2x4x1x1x4xf32, #kernel.layout<aBcde16b>> loc("product")
  return %y, %z : tensor<64x16x1x1x3xf32, #kernel.layout<aBcde16b>>, tensor<2x4x1x1x4xf32, #kernel.layout<aBcde16b>>
}

// -----

// A function that writes parameters makes everything anew.
!p = tensor<2x16x1x1x4xf32, #kernel.layout<aBcde16b>>
clip.param @p : tensor<2x16x1x1x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @step(
// CHECK-NOT: clip.prepared
func.func @step(%x: !p) -> !p {
  %p = clip.read @p : !p
  %a = kernel.softmax %p : (!p) -> !p
  %y = kernel.softmax_grad %x, %a : (!p, !p) -> !p
  clip.write @p, %y : !p
  return %y : !p
}
