// Every operation, printed and read again: once as written here, once in generic form.
// RUN: %kinema-opt %s | %kinema-opt | FileCheck %s
// RUN: %kinema-opt %s --mlir-print-op-generic | %kinema-opt | FileCheck %s

// CHECK-LABEL: clip.param @conv.weight : tensor<6x2x1x3x3xf32> {init = {fan = "out", kind = "he_normal"}, role = "weight"}
clip.param @conv.weight : tensor<6x2x1x3x3xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
// CHECK: clip.param @fc.weight : tensor<5x4x1x1x1xf32> {file_shape = array<i64: 5, 4>, role = "weight"}
clip.param @fc.weight : tensor<5x4x1x1x1xf32> {role = "weight", file_shape = array<i64: 5, 4>}
// CHECK: clip.param @bn.running_mean : tensor<6xf32> {role = "running_mean"}
clip.param @bn.running_mean : tensor<6xf32> {role = "running_mean"}
// CHECK: clip.param @bn.running_var : tensor<6xf32> {role = "running_var"}
clip.param @bn.running_var : tensor<6xf32> {role = "running_var"}

!x = tensor<2x4x3x8x8xf32>
!z = tensor<2x6x3x4x4xf32>
!c = tensor<6xf32>
!w = tensor<6x2x1x3x3xf32>

// CHECK-LABEL: func.func @conv
func.func @conv(%x: !x, %b: !c) -> !z {
  // CHECK: %[[W:.*]] = clip.read @conv.weight : tensor<6x2x1x3x3xf32>
  %w = clip.read @conv.weight : !w
  // CHECK: %[[Z:.*]] = clip.conv %{{.*}}, %[[W]] bias %{{.*}} window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2 : i64} : (tensor<2x4x3x8x8xf32>, tensor<6x2x1x3x3xf32>, tensor<6xf32>) -> tensor<2x6x3x4x4xf32>
  %z = clip.conv %x, %w bias %b window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2} : (!x, !w, !c) -> !z
  // CHECK: clip.conv %{{.*}}, %[[W]] window <1x3x3 pad 0x0x2 to 0x1x2 dilate 1x2x2> {groups = 2 : i64} :
  %y = clip.conv %x, %w window <1x3x3 pad 0x0x2 to 0x1x2 dilate 1x2x2> {groups = 2} : (!x, !w) -> tensor<2x6x3x5x8xf32>
  // CHECK: clip.conv_dgrad %[[Z]], %[[W]] window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2 : i64} : (tensor<2x6x3x4x4xf32>, tensor<6x2x1x3x3xf32>) -> tensor<2x4x3x8x8xf32>
  %dx = clip.conv_dgrad %z, %w window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2} : (!z, !w) -> !x
  // CHECK: clip.conv_wgrad %[[Z]], %{{.*}} window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2 : i64} : (tensor<2x6x3x4x4xf32>, tensor<2x4x3x8x8xf32>) -> tensor<6x2x1x3x3xf32>
  %dw = clip.conv_wgrad %z, %x window <1x3x3 stride 1x2x2 pad 0x1x1> {groups = 2} : (!z, !x) -> !w
  // CHECK: clip.channel_sum %[[Z]] : (tensor<2x6x3x4x4xf32>) -> tensor<6xf32>
  %db = clip.channel_sum %z : (!z) -> !c
  // CHECK: clip.fold_weight %[[W]], %{{.*}} : (tensor<6x2x1x3x3xf32>, tensor<6xf32>) -> tensor<6x2x1x3x3xf32>
  %f = clip.fold_weight %w, %b : (!w, !c) -> !w
  // CHECK: clip.fold_bias %{{.*}}, %{{.*}}, %{{.*}} : (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
  %fb = clip.fold_bias %b, %b, %b : (!c, !c, !c) -> !c
  // CHECK: clip.write @conv.weight, %{{.*}} : tensor<6x2x1x3x3xf32>
  clip.write @conv.weight, %dw : !w
  return %z : !z
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<2x4x3x1x1xf32>, %w: tensor<5x12xf32>, %b: tensor<5xf32>) {
  // CHECK: clip.linear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x3x1x1xf32>, tensor<5x12xf32>, tensor<5xf32>) -> tensor<2x5x1x1x1xf32>
  %y = clip.linear %x, %w, %b : (tensor<2x4x3x1x1xf32>, tensor<5x12xf32>, tensor<5xf32>) -> tensor<2x5x1x1x1xf32>
  // CHECK: clip.linear %{{.*}}, %{{.*}} : (tensor<2x4x3x1x1xf32>, tensor<5x12xf32>) -> tensor<2x5x1x1x1xf32>
  %u = clip.linear %x, %w : (tensor<2x4x3x1x1xf32>, tensor<5x12xf32>) -> tensor<2x5x1x1x1xf32>
  return
}

// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%z: !z, %g: !z, %gamma: !c, %beta: !c) {
  // CHECK: clip.batch_norm %{{.*}}, %{{.*}}, %{{.*}} running(@bn.running_mean, @bn.running_var) {eps = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64, training, unbiased} :
  %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.running_mean, @bn.running_var) {eps = 1.0e-5, momentum = 0.1, training, unbiased} : (!z, !c, !c) -> (!z, !c, !c)
  // CHECK: clip.batch_norm_grad
  %dz, %dgamma, %dbeta = clip.batch_norm_grad %g, %z, %m, %r, %gamma : (!z, !z, !c, !c, !c) -> (!z, !c, !c)
  return
}

// CHECK-LABEL: func.func @batch_norm_in_pieces
func.func @batch_norm_in_pieces(%z: !z, %g: !z, %gamma: !c, %beta: !c) {
  %m0 = clip.read @bn.running_mean : !c
  %v0 = clip.read @bn.running_var : !c
  // CHECK: clip.moments %{{.*}} : (tensor<2x6x3x4x4xf32>) -> (tensor<6xf32>, tensor<6xf32>)
  %m, %v = clip.moments %z : (!z) -> (!c, !c)
  // CHECK: clip.bn_coeffs {{.*}} {eps = 1.000000e-05 : f64} :
  %s, %o, %r = clip.bn_coeffs %m, %v, %gamma, %beta {eps = 1.0e-5} : (!c, !c, !c, !c) -> (!c, !c, !c)
  // CHECK: clip.affine %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x6x3x4x4xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<2x6x3x4x4xf32>
  %n = clip.affine %z, %s, %o : (!z, !c, !c) -> !z
  // CHECK: clip.bn_running {{.*}} {count = 96 : i64, momentum = 1.000000e-01 : f64, unbiased} :
  %m1, %v1 = clip.bn_running %m0, %v0, %m, %v {momentum = 0.1, count = 96, unbiased} : (!c, !c, !c, !c) -> (!c, !c)
  // CHECK: clip.bn_share {{.*}} : (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>)
  %d, %sp, %one = clip.bn_share %m, %v, %m0 : (!c, !c, !c) -> (!c, !c, !c)
  // CHECK: clip.rank_sum weighted %{{.*}}, %{{.*}} : tensor<6xf32>, tensor<6xf32>
  %rs:2 = clip.rank_sum weighted %d, %sp : !c, !c
  // CHECK: clip.rank_sum %{{.*}} : tensor<6xf32>
  %ranks = clip.rank_sum %one : !c
  // CHECK: clip.bn_joint
  %mj, %vj = clip.bn_joint %rs#0, %rs#1, %m0 : (!c, !c, !c) -> (!c, !c)
  // CHECK: clip.bn_running {{.*}} {count = 96 : i64, momentum = 1.000000e-01 : f64, unbiased} : (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) ->
  %m2, %v2 = clip.bn_running %m0, %v0, %mj, %vj, %ranks {momentum = 0.1, count = 96, unbiased} : (!c, !c, !c, !c, !c) -> (!c, !c)
  // CHECK: clip.bn_grad_means {{.*}} {count = 96 : i64}
  %mg, %mx = clip.bn_grad_means %m, %v {count = 96} : (!c, !c) -> (!c, !c)
  // CHECK: clip.bn_grad_sums
  %sum, %xsum = clip.bn_grad_sums %g, %z, %m, %r : (!z, !z, !c, !c) -> (!c, !c)
  // CHECK: clip.bn_grad_coeffs {{.*}} {count = 96 : i64} :
  %p, %q, %t, %dg, %db = clip.bn_grad_coeffs %sum, %xsum, %m, %r, %gamma {count = 96} : (!c, !c, !c, !c, !c) -> (!c, !c, !c, !c, !c)
  // CHECK: clip.frozen_norm_grad
  %fz = clip.frozen_norm_grad %g, %s, %o : (!z, !c, !c) -> !z
  // CHECK: clip.affine2
  %dz = clip.affine2 %g, %z, %p, %q, %t : (!z, !z, !c, !c, !c) -> !z
  return
}

// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: !x, %gate: tensor<2x4x1x1x1xf32>, %hyper: tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>>) {
  // CHECK: clip.relu %{{.*}} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %a = clip.relu %x : (!x) -> !x
  // CHECK: clip.relu_grad
  %b = clip.relu_grad %x, %a : (!x, !x) -> !x
  // CHECK: clip.map kept %{{.*}}, %{{.*}} : (tensor<2x4x3x8x8xf32>, tensor<2x4x1x1x1xf32>) -> tensor<2x4x3x8x8xf32> {
  // CHECK-NEXT: ^bb0(%[[P:.*]]: f32, %[[Q:.*]]: f32):
  // CHECK-NEXT: %[[S:.*]] = clip.expit %[[P]] : f32
  // CHECK-NEXT: %[[D:.*]] = arith.subf %[[S]], %[[Q]] : f32
  // CHECK-NEXT: clip.yield %[[D]] : f32
  %map = clip.map kept %x, %gate : (!x, tensor<2x4x1x1x1xf32>) -> !x {
  ^bb0(%p: f32, %q: f32):
    %s = clip.expit %p : f32
    %e = arith.subf %s, %q : f32
    clip.yield %e : f32
  }
  // CHECK: clip.log %{{.*}} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %log = clip.log %x : (!x) -> !x
  // CHECK: clip.log_grad %{{.*}}, %{{.*}} : (tensor<2x4x3x8x8xf32>, tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %log_grad = clip.log_grad %x, %x : (!x, !x) -> !x
  // CHECK: clip.sigmoid
  %c = clip.sigmoid %x : (!x) -> !x
  // CHECK: clip.softmax %{{.*}} :
  %d = clip.softmax %x : (!x) -> !x
  // CHECK: clip.softmax_grad %{{.*}}, %{{.*}} : (tensor<2x4x3x8x8xf32>, tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %k = clip.softmax_grad %x, %d : (!x, !x) -> !x
  // CHECK: clip.add
  %e = clip.add %a, %c : (!x, !x) -> !x
  // CHECK: clip.mul %{{.*}}, %{{.*}} : (tensor<2x4x3x8x8xf32>, tensor<2x4x1x1x1xf32>) -> tensor<2x4x3x8x8xf32>
  %f = clip.mul %x, %gate : (!x, tensor<2x4x1x1x1xf32>) -> !x
  // CHECK: clip.spread_sum %{{.*}} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x1x1x1xf32>
  %g = clip.spread_sum %f : (!x) -> tensor<2x4x1x1x1xf32>
  // CHECK: clip.dropout %{{.*}} {rate = 5.000000e-01 : f64, stream = 3 : i64} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %h = clip.dropout %x {rate = 0.5, stream = 3} : (!x) -> !x
  // CHECK: clip.dropout %{{.*}}, %{{.*}} {rate = 5.000000e-01 : f64, stream = 3 : i64} : (tensor<2x4x3x8x8xf32>, tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>>) -> tensor<2x4x3x8x8xf32>
  %i = clip.dropout %x, %hyper {rate = 0.5, stream = 3} : (!x, tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>>) -> !x
  // CHECK: clip.scale %{{.*}} {factor = 5.000000e-01 : f64} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %j = clip.scale %x {factor = 0.5} : (!x) -> !x
  return
}

// CHECK-LABEL: func.func @pools
func.func @pools(%x: !x) {
  // CHECK: clip.max_pool %{{.*}} window <1x3x3 stride 1x2x2> {ceil} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x4x4xf32>
  %m = clip.max_pool %x window <1x3x3 stride 1x2x2> {ceil} : (!x) -> tensor<2x4x3x4x4xf32>
  // CHECK: clip.max_pool_grad
  %dm = clip.max_pool_grad %m, %x window <1x3x3 stride 1x2x2> {ceil} : (tensor<2x4x3x4x4xf32>, !x) -> !x
  // CHECK: clip.avg_pool %{{.*}} window <3x8x8> : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x1x1x1xf32>
  %a = clip.avg_pool %x window <3x8x8> : (!x) -> tensor<2x4x1x1x1xf32>
  // CHECK: clip.avg_pool_grad
  %da = clip.avg_pool_grad %a window <3x8x8> : (tensor<2x4x1x1x1xf32>) -> !x
  return
}

// CHECK-LABEL: func.func @channels
func.func @channels(%x: !x) {
  // CHECK: clip.concat %{{.*}}, %{{.*}} : (tensor<2x4x3x8x8xf32>, tensor<2x4x3x8x8xf32>) -> tensor<2x8x3x8x8xf32>
  %c = clip.concat %x, %x : (!x, !x) -> tensor<2x8x3x8x8xf32>
  // CHECK: clip.slice %{{.*}}[3, 2] : (tensor<2x8x3x8x8xf32>) -> tensor<2x2x3x8x8xf32>
  %s = clip.slice %c[3, 2] : (tensor<2x8x3x8x8xf32>) -> tensor<2x2x3x8x8xf32>
  // CHECK: clip.pad_channels %{{.*}}[1, 4] : (tensor<2x2x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %p = clip.pad_channels %s[1, 4] : (tensor<2x2x3x8x8xf32>) -> !x
  // CHECK: clip.shift %{{.*}} {channels = 2 : i64, frames = -1 : i64} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %t = clip.shift %x {channels = 2, frames = -1} : (!x) -> !x
  // CHECK: clip.matmul %{{.*}}, %{{.*}} {transpose_lhs} : (tensor<2x4x3x8x8xf32>, tensor<2x4x1x2x3xf32>) -> tensor<2x192x1x2x3xf32>
  %k = clip.slice %p[0, 4] : (!x) -> !x
  %q = clip.max_pool %k window <3x4x3 stride 3x4x2> : (!x) -> tensor<2x4x1x2x3xf32>
  %m = clip.matmul %x, %q {transpose_lhs} : (!x, tensor<2x4x1x2x3xf32>) -> tensor<2x192x1x2x3xf32>
  // CHECK: clip.arrange %{{.*}} <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x4x3x8x8> : (tensor<2x4x3x8x8xf32>) -> tensor<2x12x1x8x8xf32>
  %f = clip.arrange %p <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x4x3x8x8> : (!x) -> tensor<2x12x1x8x8xf32>
  // CHECK: clip.arrange %{{.*}} <0, 1 2, _, 3, 4 -> 0, 1, 5 2, _, 4 of 2x4x3x8x8x2> : (tensor<2x12x1x8x8xf32>) -> tensor<2x4x6x1x8xf32>
  %u = clip.arrange %f <0, 1 2, _, 3, 4 -> 0, 1, 5 2, _, 4 of 2x4x3x8x8x2> : (tensor<2x12x1x8x8xf32>) -> tensor<2x4x6x1x8xf32>
  // CHECK: clip.standardise %{{.*}} over [1, 3] {eps = 1.000000e-05 : f64, groups = 2 : i64} : (tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %st = clip.standardise %p over [1, 3] {groups = 2, eps = 1.0e-5} : (!x) -> !x
  // CHECK: clip.standardise_grad %{{.*}}, %{{.*}} over [1] {eps = 1.000000e-05 : f64} : (tensor<2x4x3x8x8xf32>, tensor<2x4x3x8x8xf32>) -> tensor<2x4x3x8x8xf32>
  %sg = clip.standardise_grad %p, %st over [1] {eps = 1.0e-5} : (!x, !x) -> !x
  return
}

// CHECK-LABEL: func.func @loss_and_update
func.func @loss_and_update(%x: tensor<2x5x1x1x1xf32>, %labels: tensor<2xi32> {clip.name = "labels"}, %targets: tensor<2x5xf32>, %shares: tensor<2xf32>, %w: !w, %v: !w, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // CHECK: clip.softmax_xent %{{.*}}, %{{.*}} {smoothing = 1.000000e-01 : f64} : (tensor<2x5x1x1x1xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  %loss, %d = clip.softmax_xent %x, %labels {smoothing = 0.1} : (tensor<2x5x1x1x1xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  // CHECK: clip.target_xent %{{.*}}, %{{.*}}, %{{.*}} {sigmoid} : (tensor<2x5x1x1x1xf32>, tensor<2x5xf32>, tensor<2xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  %loss2, %d2 = clip.target_xent %x, %targets, %shares {sigmoid} : (tensor<2x5x1x1x1xf32>, tensor<2x5xf32>, tensor<2xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  // CHECK: clip.norm %{{.*}}, %{{.*}} : (tensor
  %norm = clip.norm %w, %v : (!w, !w) -> tensor<1xf32>
  // CHECK: clip.update sgd
  %w1, %v1 = clip.update sgd %w, %v, %w, %hyper : (!w, !w, !w, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w, !w)
  return
}
