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
// CHECK-NEXT: %[[A:.*]]:4 = kernel.update sgd %[[W]], %[[B]], %[[W]], %[[B]], %[[DW]], %[[DB]], %[[H]] : (tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<?x3xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<6xf32>, tensor<3xf32>, tensor<6xf32>, tensor<3xf32>)
// CHECK-NEXT: %{{.*}}:2 = kernel.update sgd %[[W]], %[[W]], %[[DW]], %[[H]] :
// CHECK-NEXT: %{{.*}}:2 = kernel.update sgd %[[W]], %[[W]], %[[DW]], %[[I]] :
// CHECK-NEXT: kernel.convert
// CHECK-NEXT: %{{.*}}:2 = kernel.update sgd %[[W]], %[[W]], %[[DW]], %[[I]] :
// CHECK-NEXT: return %[[A]]#0, %[[A]]#2, %[[A]]#1, %[[A]]#3
// NAMES: loc("updates"(fused[
func.func @step(%w: !w, %b: !b, %dw: !w, %db: !p, %h: !h, %i: !h) -> (!w, !w, !b, !b) {
  %w1, %v1 = kernel.update sgd %w, %w, %dw, %h : (!w, !w, !w, !h) -> (!w, !w)
  %b1, %u1 = kernel.update sgd %b, %b, %db, %h : (!b, !b, !p, !h) -> (!b, !b)
  %w2, %v2 = kernel.update sgd %w, %w, %dw, %h : (!w, !w, !w, !h) -> (!w, !w)
  %w3, %v3 = kernel.update sgd %w, %w, %dw, %i : (!w, !w, !w, !h) -> (!w, !w)
  %c = kernel.convert %w : !w -> tensor<6xbf16>
  %w4, %v4 = kernel.update sgd %w, %w, %dw, %i : (!w, !w, !w, !h) -> (!w, !w)
  return %w1, %v1, %b1, %u1 : !w, !w, !b, !b
}

// Factors and norms go with their parameters, whichever rule it is; what is done beside the rule has to be the same.

// CHECK-LABEL: func.func @lars
// CHECK-SAME: %[[W:.*]]: tensor<6xf32>, %[[B:.*]]: tensor<3xf32>, %[[H:.*]]: tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>, %[[C:.*]]: tensor<1xf32>
// CHECK-NEXT: %[[N:.*]]:2 = kernel.norms %[[W]], %[[B]] : tensor<6xf32>, tensor<3xf32> -> tensor<2xf32>, tensor<1xf32>
// CHECK-NEXT: %[[M:.*]] = kernel.norms %[[N]]#0 : tensor<2xf32> -> tensor<1xf32>
// CHECK-NEXT: %{{.*}}:4 = kernel.update lars %[[W]], %[[B]], %[[W]], %[[B]], %[[W]], %[[B]], %[[M]], %[[N]]#1, %[[M]], %[[N]]#1, %[[C]], %[[H]] {max_norm = 1.000000e+00 : f64, rate_factors = array<f64: 1.000000e+00, 5.000000e-01>} :
// CHECK-NEXT: %{{.*}}:2 = kernel.update lars %[[W]], %[[W]], %[[W]], %[[M]], %[[M]], %[[H]] :
func.func @lars(%w: !w, %b: !b, %h: tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>, %c: tensor<1xf32>) {
  %p = kernel.norms %w : !w -> tensor<2xf32>
  %m = kernel.norms %p : tensor<2xf32> -> tensor<1xf32>
  %n = kernel.norms %b : !b -> tensor<1xf32>
  %0:2 = kernel.update lars %w, %w, %w, %m, %m, %c, %h {max_norm = 1.0} : (!w, !w, !w, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) -> (!w, !w)
  %1:2 = kernel.update lars %b, %b, %b, %n, %n, %c, %h {max_norm = 1.0, rate_factors = array<f64: 0.5>} : (!b, !b, !b, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) -> (!b, !b)
  %2:2 = kernel.update lars %w, %w, %w, %m, %m, %h : (!w, !w, !w, tensor<1xf32>, tensor<1xf32>, tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) -> (!w, !w)
  return
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
