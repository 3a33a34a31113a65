// RUN: kinema-opt %s --merge-launches="parameters-per-launch=2 copies" | FileCheck %s
// RUN: kinema-opt %s --merge-launches=parameters-per-launch=2 | FileCheck %s --check-prefix=UPDATES
// RUN: kinema-opt %s --merge-launches="parameters-per-launch=2 copies" --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=NAMES

!w = tensor<6xf32>
!b = tensor<3xf32>
!p = tensor<?x3xf32>
!h = tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>
clip.param @w : !w {role = "weight"}
clip.param @b : !b {role = "weight"}

// Updates that follow one another become one, of at most two here: weights, velocities, gradients in their order, and
// each result goes where it went. Another rate, or another launch, begins anew.

// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[W:.*]]: tensor<6xf32>, %[[B:.*]]: tensor<3xf32>, %[[DW:.*]]: tensor<6xf32>, %[[DB:.*]]: tensor<?x3xf32>, %[[H:.*]]: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>, %[[I:.*]]: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>
// CHECK-NEXT: %[[A:.*]]:2, %[[V:.*]]:2 = kernel.sgd %[[W]], %[[B]], %[[W]], %[[B]], %[[DW]], %[[DB]], %[[H]] : (tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<?x3xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<3xf32>)
// CHECK-NEXT: %{{.*}}, %{{.*}} = kernel.sgd %[[W]], %[[W]], %[[DW]], %[[H]] :
// CHECK-NEXT: %{{.*}}, %{{.*}} = kernel.sgd %[[W]], %[[W]], %[[DW]], %[[I]] :
// CHECK-NEXT: kernel.convert
// CHECK-NEXT: %{{.*}}, %{{.*}} = kernel.sgd %[[W]], %[[W]], %[[DW]], %[[I]] :
// CHECK-NEXT: return %[[A]]#0, %[[V]]#0, %[[A]]#1, %[[V]]#1
// NAMES: loc("updates"(fused[
func.func @step(%w: !w, %b: !b, %dw: !w, %db: !p, %h: !h, %i: !h) -> (!w, !w, !b, !b) {
  %w1, %v1 = kernel.sgd %w, %w, %dw, %h : (!w, !w, !w, !h) -> (!w, !w)
  %b1, %u1 = kernel.sgd %b, %b, %db, %h : (!b, !b, !p, !h) -> (!b, !b)
  %w2, %v2 = kernel.sgd %w, %w, %dw, %h : (!w, !w, !w, !h) -> (!w, !w)
  %w3, %v3 = kernel.sgd %w, %w, %dw, %i : (!w, !w, !w, !h) -> (!w, !w)
  %c = kernel.convert %w : !w -> tensor<6xbf16>
  %w4, %v4 = kernel.sgd %w, %w, %dw, %i : (!w, !w, !w, !h) -> (!w, !w)
  return %w1, %v1, %b1, %u1 : !w, !w, !b, !b
}

// Copies of parameters are made where the first one was, of whatever else where they are read.

// CHECK-LABEL: func.func @copies
// CHECK: %[[W:.*]] = clip.read @w
// CHECK: %[[B:.*]] = clip.read @b
// CHECK-NEXT: %[[C:.*]]:2 = kernel.convert %[[W]], %[[B]] : tensor<6xf32>, tensor<3xf32> -> tensor<6xbf16>, tensor<3xbf16>
// CHECK-NEXT: %[[X:.*]] = kernel.convert %arg0 : tensor<6xf32> -> tensor<6xbf16>
// CHECK-NEXT: %[[T:.*]] = kernel.convert %[[W]] : tensor<6xf32> -> tensor<2x3xf32>
// CHECK-NEXT: return %[[C]]#0, %[[X]], %[[C]]#1, %[[T]]
// UPDATES-LABEL: func.func @copies
// UPDATES-COUNT-4: kernel.convert %{{[^,]*}} :
// UPDATES-NOT: kernel.convert
// NAMES: loc("weights"(fused[
func.func @copies(%x: !w) -> (tensor<6xbf16>, tensor<6xbf16>, tensor<3xbf16>, tensor<2x3xf32>) {
  %w = clip.read @w : !w
  %b = clip.read @b : !b
  %v = kernel.convert %w : !w -> tensor<6xbf16>
  %y = kernel.convert %x : !w -> tensor<6xbf16>
  %c = kernel.convert %b : !b -> tensor<3xbf16>
  %t = kernel.convert %w : !w -> tensor<2x3xf32>
  return %v, %y, %c, %t : tensor<6xbf16>, tensor<6xbf16>, tensor<3xbf16>, tensor<2x3xf32>
}

// Weights that are widened for convs in groups stay so.

clip.param @g : tensor<8x2x1x1x1xf32> {role = "weight"}

// CHECK-LABEL: func.func @widened
// UPDATES-LABEL: func.func @widened
// CHECK: %[[G:.*]] = clip.read @g
// CHECK-NEXT: %[[B:.*]] = clip.read @b
// CHECK-NEXT: kernel.convert %[[B]], %[[G]] {kernel.widened = array<i64: 1, 4>} :
func.func @widened() -> (tensor<3xbf16>, tensor<8x4x1x1x1xbf16>) {
  %g = clip.read @g : tensor<8x2x1x1x1xf32>
  %b = clip.read @b : !b
  %c = kernel.convert %b : !b -> tensor<3xbf16>
  %v = kernel.convert %g {kernel.widened = array<i64: 4>} : tensor<8x2x1x1x1xf32> -> tensor<8x4x1x1x1xbf16>
  return %c, %v : tensor<3xbf16>, tensor<8x4x1x1x1xbf16>
}
