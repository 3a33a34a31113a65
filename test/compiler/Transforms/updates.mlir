// RUN: %kinema-opt %s --clip-differentiate --split-input-file | FileCheck %s

// The recipe says how parameters are updated: here by LARS, by the summed and clipped gradients of several batches, with
// an average of the weights, batch norms spared from decay, and rates by name, of which 0 freezes.

!x = tensor<2x3x1x4x4xf32>
!c = tensor<3xf32>
module attributes {clip.recipe = {train = {optimiser = "lars", spare = ["norms"], max_norm = 1.0, accumulate = 2 : i64,
                                           average = 0.9, parts = ["a.*", "*.bn.*"], rates = [0.0, 0.5]}}} {
// CHECK-NOT: @a.weight.
// CHECK: clip.param @a.bn.bias : tensor<3xf32> {role = "beta"}
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bn.weight : !c {role = "gamma"}
clip.param @a.bn.bias : !c {role = "beta"}
clip.param @a.bn.running_mean : !c {role = "running_mean"}
clip.param @a.bn.running_var : !c {role = "running_var"}
// CHECK: clip.param @fc.weight :
// CHECK-DAG: clip.param @fc.weight.momentum : {{.*}} role = "momentum"
// CHECK-DAG: clip.param @fc.weight.average : {{.*}} role = "average"
// CHECK-DAG: clip.param @fc.weight.gradient : {{.*}} role = "gradient"
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}

// The patterns are in order: the last one gives a.bn half a rate, so that it trains.
// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[H:[^ ]*]]: tensor<8xf32, #clip.hyper<rate, momentum, decay, trust, average_gain, apply, keep, share>>
// CHECK-DAG: %[[W:.*]] = clip.read @fc.weight :
// CHECK-DAG: %[[SUM:.*]] = clip.read @fc.weight.gradient
// CHECK-DAG: %[[V:.*]] = clip.read @fc.weight.momentum
// CHECK-DAG: %[[AVERAGE:.*]] = clip.read @fc.weight.average
// CHECK: clip.batch_norm {{.*}} training}
// CHECK: %[[DW:.*]] = clip.conv_wgrad
// CHECK-NOT: clip.conv_wgrad
// CHECK: %[[G:.*]] = clip.update sum %[[SUM]], %[[DW]], %[[H]] :
// CHECK: %[[NW:.*]] = clip.norm %[[W]] :
// CHECK: %[[NG:.*]] = clip.norm %[[G]] :
// CHECK: %[[ALL:.*]] = clip.norm %{{.*}}, %{{.*}}, %[[G]] :
// CHECK: clip.update lars {{.*}} {averaged, decay_factor = 0.000000e+00 : f64, held, max_norm = 1.000000e+00 : f64, rate_factor = 5.000000e-01 : f64}
// CHECK: clip.update lars {{.*}} {averaged, decay_factor = 0.000000e+00 : f64, held, max_norm = 1.000000e+00 : f64, rate_factor = 5.000000e-01 : f64}
// CHECK: %[[NEW:.*]]:3 = clip.update lars %[[W]], %[[V]], %[[AVERAGE]], %[[G]], %[[NW]], %[[NG]], %[[ALL]], %[[H]] {averaged, held, max_norm = 1.000000e+00 : f64} :
// CHECK-DAG: clip.write @fc.weight.gradient, %[[G]]
// CHECK-DAG: clip.write @fc.weight, %[[NEW]]#0
// CHECK-DAG: clip.write @fc.weight.momentum, %[[NEW]]#1
// CHECK-DAG: clip.write @fc.weight.average, %[[NEW]]#2
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %z = clip.conv %rgb, %w window <1x1x1> : (!x, tensor<3x3x1x1x1xf32>) -> !x
  %g = clip.read @a.bn.weight : !c
  %b = clip.read @a.bn.bias : !c
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@a.bn.running_mean, @a.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %f = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %n, %f window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}
}

// -----

// A batch norm whose factors and offsets are frozen takes its running statistics; gradients go through it all the same.

!x = tensor<2x3x1x4x4xf32>
!c = tensor<3xf32>
module attributes {clip.recipe = {train = {parts = ["*.bn.*"], rates = [0.0]}}} {
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bn.weight : !c {role = "gamma"}
clip.param @a.bn.bias : !c {role = "beta"}
clip.param @a.bn.running_mean : !c {role = "running_mean"}
clip.param @a.bn.running_var : !c {role = "running_var"}
// CHECK-LABEL: func.func @train_step(
// CHECK: %[[GAMMA:.*]] = clip.read @a.bn.weight
// CHECK: %{{.*}}, %{{.*}}, %[[R:.*]] = clip.batch_norm {{.*}} {eps = 1.000000e-03 : f64, momentum = 1.000000e-01 : f64} :
// CHECK: %[[G:.*]] = clip.avg_pool_grad
// CHECK: %[[DZ:.*]] = clip.frozen_norm_grad %[[G]], %[[R]], %[[GAMMA]]
// CHECK: clip.conv_wgrad %[[DZ]]
// CHECK-COUNT-1: clip.update sgd
// CHECK-NOT: clip.update
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x3x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %z = clip.conv %rgb, %w window <1x1x1> : (!x, tensor<3x3x1x1x1xf32>) -> !x
  %g = clip.read @a.bn.weight : !c
  %b = clip.read @a.bn.bias : !c
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@a.bn.running_mean, @a.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %y = clip.avg_pool %n window <1x4x4> : (!x) -> tensor<2x3x1x1x1xf32>
  return %y : tensor<2x3x1x1x1xf32>
}
}

// -----

// Where several processes train the network, a step leaves its gradients for them, and @update goes on from there.

!x = tensor<2x3x1x4x4xf32>
module attributes {clip.distributed} {
// CHECK: clip.param @fc.weight.gradient : tensor<5x3x1x4x4xf32>
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[HYPER:[a-z0-9]+]]: tensor<7xf32, #clip.hyper<rate, momentum, nesterov, decay, apply, keep, share>> {clip.name = "hyper"}
// CHECK: %[[HELD:.*]] = clip.read @fc.weight.gradient
// CHECK: %[[OWN:.*]] = clip.conv_wgrad
// CHECK: %[[SUM:.*]] = clip.update sum %[[HELD]], %[[OWN]], %[[HYPER]]
// CHECK-NOT: clip.update
// CHECK: clip.write @fc.weight.gradient, %[[SUM]]
// CHECK-NOT: clip.write
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[TOLD:[a-z0-9]+]]: tensor<7xf32, #clip.hyper<rate, momentum, nesterov, decay, apply, keep, share>> {clip.name = "hyper"})
// CHECK: %[[G:.*]] = clip.read @fc.weight.gradient
// CHECK: %[[V:.*]] = clip.read @fc.weight.momentum
// CHECK: %[[W:.*]] = clip.read @fc.weight :
// CHECK: %[[NEW:.*]]:2 = clip.update sgd %[[W]], %[[V]], %[[G]], %[[TOLD]] {held}
// CHECK: clip.write @fc.weight, %[[NEW]]#0
// CHECK: clip.write @fc.weight.momentum, %[[NEW]]#1
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %rgb, %w window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}
}

// -----

// Where the loss is scaled, the step says so to the loss, adds gradients up without the scale, and leaves all as it is
// where their norm, which it returns, is not finite.

!x = tensor<2x3x1x4x4xf32>
module attributes {clip.scaled_loss} {
// CHECK: clip.param @fc.weight.gradient : tensor<5x3x1x4x4xf32>
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[HYPER:[a-z0-9]+]]: tensor<8xf32, #clip.hyper<rate, momentum, nesterov, decay, apply, keep, share, loss_scale>> {clip.name = "hyper"}
// CHECK-SAME: tensor<1xf32> {clip.name = "gradient_norm"}
// CHECK: clip.softmax_xent %{{.*}}, %{{.*}}, %[[HYPER]] :
// CHECK: %[[SUM:.*]] = clip.update sum
// CHECK: %[[NORM:.*]] = clip.norm %[[SUM]]
// CHECK: clip.update sgd %{{.*}}, %{{.*}}, %[[SUM]], %[[NORM]], %[[HYPER]] {checked, held, max_norm = 0x7FF0000000000000 : f64}
// CHECK: return %{{.*}}, %{{.*}}, %[[NORM]] :
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %rgb, %w window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}
}

// -----

// So it is where several processes train the network: it is @update that knows the norm.

!x = tensor<2x3x1x4x4xf32>
module attributes {clip.distributed, clip.scaled_loss} {
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @update(
// CHECK-SAME: tensor<1xf32> {clip.name = "gradient_norm"}
// CHECK: clip.update sgd {{.*}} {checked, held, max_norm = 0x7FF0000000000000 : f64}
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %rgb, %w window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}
}
