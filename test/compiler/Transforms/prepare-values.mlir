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

// -----

// What is prepared of something prepared takes the place of that, or has the same origin.
!p = tensor<2x16x1x1x4xf32, #kernel.layout<aBcde16b>>
clip.param @p : tensor<2x16x1x1x4xf32> {role = "weight"}
clip.param @q : tensor<2x16x1x1x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @twice(
// CHECK: %[[P:.*]] = clip.read @p
// CHECK-NEXT: %[[Q:.*]] = clip.read @q
// CHECK-NEXT: %[[A:.*]] = kernel.softmax %[[P]]
// CHECK-NEXT: %[[B:.*]] = kernel.softmax %[[A]]
// CHECK-NEXT: %[[M:.*]] = clip.prepared "b.prepared", %[[B]]
// CHECK-NEXT: %[[C:.*]] = kernel.softmax %[[Q]]
// CHECK-NEXT: %[[N:.*]] = clip.prepared "c", %[[C]]
// CHECK-NEXT: %[[D:.*]] = kernel.softmax %[[C]]
// CHECK-NEXT: %[[O:.*]] = clip.prepared "d.prepared", %[[D]]
// CHECK-NEXT: kernel.softmax_grad %{{.*}}, %[[M]]
// CHECK-NEXT: kernel.softmax_grad %[[N]], %{{.*}} :
// CHECK-NEXT: kernel.softmax_grad %{{.*}}, %[[O]] :
func.func @twice(%x: !p) -> (!p, !p, !p) {
  %p = clip.read @p : !p
  %q = clip.read @q : !p
  %a = kernel.softmax %p : (!p) -> !p
  %m = clip.prepared "a", %a : !p
  %b = kernel.softmax %m : (!p) -> !p loc("b")
  %c = kernel.softmax %q : (!p) -> !p
  %n = clip.prepared "c", %c : !p
  %d = kernel.softmax %n : (!p) -> !p loc("d")
  %y = kernel.softmax_grad %x, %b : (!p, !p) -> !p
  %z = kernel.softmax_grad %n, %x : (!p, !p) -> !p
  %w = kernel.softmax_grad %x, %d : (!p, !p) -> !p
  return %y, %z, %w : !p, !p, !p
}
