// RUN: %kinema-opt %s --clip-decompose-batch-norm --split-input-file | FileCheck %s

!z = tensor<2x3x4x5x5xf32>
!c = tensor<3xf32>
clip.param @bn.running_mean : !c {role = "running_mean"}
clip.param @bn.running_var : !c {role = "running_var"}

// CHECK-LABEL: func.func @train(
// CHECK-SAME: %[[Z:[^ ]*]]: tensor<2x3x4x5x5xf32>, %[[G:[^ ]*]]: tensor<2x3x4x5x5xf32>, %[[GAMMA:[^ ]*]]: tensor<3xf32>, %[[BETA:[^ ]*]]: tensor<3xf32>
// CHECK-DAG: %[[M0:.*]] = clip.read @bn.running_mean
// CHECK-DAG: %[[V0:.*]] = clip.read @bn.running_var
// CHECK: %[[M:.*]], %[[V:.*]] = clip.moments %[[Z]]
// CHECK: %[[S:.*]], %[[O:.*]], %[[R:.*]] = clip.bn_coeffs %[[M]], %[[V]], %[[GAMMA]], %[[BETA]] {eps = 1.000000e-03 : f64}
// CHECK: %[[Y:.*]] = clip.affine %[[Z]], %[[S]], %[[O]]
// CHECK: %[[M1:.*]], %[[V1:.*]] = clip.bn_running %[[M0]], %[[V0]], %[[M]], %[[V]] {count = 200 : i64, momentum = 1.000000e-01 : f64, unbiased}
// CHECK: %[[SUM:.*]], %[[XSUM:.*]] = clip.bn_grad_sums %[[G]], %[[Z]], %[[M]], %[[R]]
// CHECK: %[[P:.*]], %[[Q:.*]], %[[T:.*]], %[[DGAMMA:.*]], %[[DBETA:.*]] = clip.bn_grad_coeffs %[[SUM]], %[[XSUM]], %[[M]], %[[R]], %[[GAMMA]] {count = 200 : i64}
// CHECK: %[[DZ:.*]] = clip.affine2 %[[G]], %[[Z]], %[[P]], %[[Q]], %[[T]]
// CHECK: clip.write @bn.running_mean, %[[M1]]
// CHECK: clip.write @bn.running_var, %[[V1]]
// CHECK: return %[[Y]], %[[DZ]], %[[DGAMMA]], %[[DBETA]]
func.func @train(%z: !z, %g: !z, %gamma: !c, %beta: !c) -> (!z, !z, !c, !c) {
  %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.running_mean, @bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased, training} : (!z, !c, !c) -> (!z, !c, !c)
  %dz, %dgamma, %dbeta = clip.batch_norm_grad %g, %z, %m, %r, %gamma : (!z, !z, !c, !c, !c) -> (!z, !c, !c)
  return %y, %dz, %dgamma, %dbeta : !z, !z, !c, !c
}

// One that is frozen takes its running statistics, which stay as they are.
// CHECK-LABEL: func.func @frozen(
// CHECK-SAME: %[[Z:[^ ]*]]: tensor<2x3x4x5x5xf32>, %[[GAMMA:[^ ]*]]: tensor<3xf32>, %[[BETA:[^ ]*]]: tensor<3xf32>
// CHECK-DAG: %[[M:.*]] = clip.read @bn.running_mean
// CHECK-DAG: %[[V:.*]] = clip.read @bn.running_var
// CHECK: %[[S:.*]], %[[O:.*]], %{{.*}} = clip.bn_coeffs %[[M]], %[[V]], %[[GAMMA]], %[[BETA]] {eps = 1.000000e-03 : f64}
// CHECK: clip.affine %[[Z]], %[[S]], %[[O]]
// CHECK-NOT: clip.write
func.func @frozen(%z: !z, %gamma: !c, %beta: !c) -> !z {
  %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.running_mean, @bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!z, !c, !c) -> (!z, !c, !c)
  return %y : !z
}

// -----

// Batch norms that share their statistics move them one after another, and write them once.
!x = tensor<2x3x1x4x4xf32>
!c = tensor<3xf32>
clip.param @n.running_mean : !c {role = "running_mean"}
clip.param @n.running_var : !c {role = "running_var"}
// CHECK-LABEL: func.func @shared(
// CHECK-DAG: %[[MEAN:.*]] = clip.read @n.running_mean
// CHECK-DAG: %[[VAR:.*]] = clip.read @n.running_var
// CHECK: %[[MEAN1:.*]], %[[VAR1:.*]] = clip.bn_running %[[MEAN]], %[[VAR]],
// CHECK: %[[MEAN2:.*]], %[[VAR2:.*]] = clip.bn_running %[[MEAN1]], %[[VAR1]],
// CHECK-NOT: %[[MEAN1]]
// CHECK: clip.write @n.running_mean, %[[MEAN2]]
// CHECK-NEXT: clip.write @n.running_var, %[[VAR2]]
// CHECK-NEXT: return
func.func @shared(%x: !x, %g: !c, %b: !c) -> !x {
  %n1, %m1, %r1 = clip.batch_norm %x, %g, %b running(@n.running_mean, @n.running_var) {eps = 1.0e-3, momentum = 0.1, training} : (!x, !c, !c) -> (!x, !c, !c)
  %n2, %m2, %r2 = clip.batch_norm %n1, %g, %b running(@n.running_mean, @n.running_var) {eps = 1.0e-3, momentum = 0.1, training} : (!x, !c, !c) -> (!x, !c, !c)
  return %n2 : !x
}

// -----

// One whose statistics are those of all ranks: what they add up is means about the running mean, a number of ranks,
// and means of gradients. The gradients of the factors and offsets stay this rank's.
!z = tensor<2x3x4x5x5xf32>
!c = tensor<3xf32>
clip.param @bn.running_mean : !c {role = "running_mean"}
clip.param @bn.running_var : !c {role = "running_var"}
// CHECK-LABEL: func.func @synced(
// CHECK-SAME: %[[Z:[^ ]*]]: tensor<2x3x4x5x5xf32>, %[[G:[^ ]*]]: tensor<2x3x4x5x5xf32>, %[[GAMMA:[^ ]*]]: tensor<3xf32>
// CHECK: clip.read @bn.running_mean
// CHECK: clip.read @bn.running_var
// CHECK: %[[PIVOT:.*]] = clip.read @bn.running_mean
// CHECK: %[[M:.*]], %[[V:.*]] = clip.moments %[[Z]]
// CHECK: %[[D:.*]], %[[S:.*]], %[[ONE:.*]] = clip.bn_share %[[M]], %[[V]], %[[PIVOT]]
// CHECK: %[[ALL:.*]]:2 = clip.rank_sum weighted %[[D]], %[[S]]
// CHECK: %[[RANKS:.*]] = clip.rank_sum %[[ONE]] :
// CHECK: %[[MEAN:.*]], %[[VAR:.*]] = clip.bn_joint %[[ALL]]#0, %[[ALL]]#1, %[[PIVOT]]
// CHECK: clip.bn_coeffs %[[MEAN]], %[[VAR]]
// CHECK: clip.bn_running %{{.*}}, %{{.*}}, %[[MEAN]], %[[VAR]], %[[RANKS]] {count = 200 : i64
// CHECK: %[[SUM:.*]], %[[XSUM:.*]] = clip.bn_grad_sums %[[G]], %[[Z]], %[[MEAN]]
// CHECK: %[[OWN:.*]], %[[XOWN:.*]] = clip.bn_grad_means %[[SUM]], %[[XSUM]] {count = 200 : i64}
// CHECK: %[[MEANS:.*]]:2 = clip.rank_sum weighted %[[OWN]], %[[XOWN]]
// CHECK: clip.bn_grad_coeffs %[[MEANS]]#0, %[[MEANS]]#1, %[[MEAN]], %{{.*}}, %[[GAMMA]] {count = 1 : i64}
// CHECK: return %{{.*}}, %{{.*}}, %[[XSUM]], %[[SUM]]
func.func @synced(%z: !z, %g: !z, %gamma: !c, %beta: !c) -> (!z, !z, !c, !c) {
  %y, %m, %r = clip.batch_norm %z, %gamma, %beta running(@bn.running_mean, @bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased, training, synced} : (!z, !c, !c) -> (!z, !c, !c)
  %dz, %dgamma, %dbeta = clip.batch_norm_grad %g, %z, %m, %r, %gamma {synced} : (!z, !z, !c, !c, !c) -> (!z, !c, !c)
  return %y, %dz, %dgamma, %dbeta : !z, !z, !c, !c
}
