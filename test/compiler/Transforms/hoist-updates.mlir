// RUN: kinema-opt %s --hoist-updates | FileCheck %s

// An update goes behind what makes its gradient, but not before who reads the parameter it overwrites.

!x = tensor<1x8x1x4x4xf32>
!w = tensor<8x8x1x1x1xf32>
!p = tensor<?x8x8x1x1x1xf32>
!h = tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>

// CHECK-LABEL: func.func @step
// CHECK-SAME: %{{.*}}: tensor<1x8x1x4x4xf32>, %[[A:[^:]*]]: tensor<8x8x1x1x1xf32>, %[[B:[^:]*]]: tensor<8x8x1x1x1xf32>
// CHECK: %[[DB:.*]] = kernel.wgrad
// CHECK-NOT: kernel.update
// CHECK: kernel.conv transposed %[[B]]
// CHECK: kernel.update sgd %[[B]], %{{.*}}, %[[DB]],
// CHECK: %[[DA:.*]] = kernel.wgrad
// CHECK: kernel.update sgd %[[A]], %{{.*}}, %[[DA]],
// CHECK-NEXT: return
func.func @step(%x: !x, %a: !w, %b: !w, %va: !w, %vb: !w, %h: !h) -> (!w, !w, !w, !w) {
  %db = kernel.wgrad window <1x1x1> gradient(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !p
  %g = kernel.conv transposed %b window <1x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %da = kernel.wgrad window <1x1x1> gradient(pixel %g) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !p
  %a1, %va1 = kernel.update sgd %a, %va, %da, %h : (!w, !w, !p, !h) -> (!w, !w)
  %b1, %vb1 = kernel.update sgd %b, %vb, %db, %h : (!w, !w, !p, !h) -> (!w, !w)
  return %a1, %va1, %b1, %vb1 : !w, !w, !w, !w
}
