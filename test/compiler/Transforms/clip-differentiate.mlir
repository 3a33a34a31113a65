// RUN: %kinema-opt %s --clip-differentiate='smoothing=0.1' --split-input-file --verify-diagnostics | FileCheck %s
// RUN: %kinema-opt %s --clip-differentiate='keep-gradients=1' --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=KEEP
// RUN: %kinema-opt %s --clip-differentiate --split-input-file --verify-diagnostics --mlir-print-local-scope --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

!x = tensor<2x3x1x4x4xf32>
!c = tensor<3xf32>

// CHECK: clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
// CHECK-NEXT: clip.param @a.weight.momentum : tensor<3x3x1x1x1xf32> {init = {kind = "constant", value = 0.000000e+00 : f64}, role = "momentum"}
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
// CHECK: clip.param @bn.weight.momentum
clip.param @bn.weight : !c {role = "gamma"}
// CHECK: clip.param @bn.bias.momentum
clip.param @bn.bias : !c {role = "beta"}
// CHECK: clip.param @bn.running_mean
// CHECK-NOT: clip.param @bn.running_mean.momentum
clip.param @bn.running_mean : !c {role = "running_mean"}
clip.param @bn.running_var : !c {role = "running_var"}
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}

// CHECK-LABEL: func.func @forward(
// CHECK-NOT: training
// CHECK: return

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x1x4x4xf32> {clip.input = "rgb", clip.name = "rgb"}
// CHECK-SAME: %[[LABELS:.*]]: tensor<2xi32> {clip.name = "labels"}
// CHECK-SAME: %[[HYPER:.*]]: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"}
// CHECK-SAME: -> (tensor<f32> {clip.name = "loss"}, tensor<2x5x1x1x1xf32> {clip.name = "logits"})
// CHECK: %[[VA:.*]] = clip.read @a.weight.momentum
// CHECK: %[[WA:.*]] = clip.read @a.weight
// CHECK: %[[GAMMA:.*]] = clip.read @bn.weight :
// CHECK: %[[WF:.*]] = clip.read @fc.weight :
// CHECK: %[[Z:.*]] = clip.conv %[[X]], %[[WA]]
// CHECK: %[[N:.*]], %[[MEAN:.*]], %[[RSTD:.*]] = clip.batch_norm %[[Z]], %[[GAMMA]], {{.*}} {eps = 1.000000e-03 : f64, momentum = 1.000000e-01 : f64, training} :
// CHECK: %[[S:.*]] = clip.add %[[N]], %[[Z]]
// CHECK: %[[A:.*]] = clip.relu %[[S]]
// CHECK: %[[Y:.*]] = clip.conv %[[A]], %[[WF]] window <1x4x4>
// CHECK: %[[LOSS:.*]], %[[DY:.*]] = clip.softmax_xent %[[Y]], %[[LABELS]] {smoothing = 1.000000e-01 : f64}
// CHECK: %[[DA:.*]] = clip.conv_dgrad %[[DY]], %[[WF]] window <1x4x4>
// CHECK: %[[DWF:.*]] = clip.conv_wgrad %[[DY]], %[[A]] window <1x4x4>
// The relu's result is the mask; the fork at %z adds the last user's part first.
// CHECK: %[[DS:.*]] = clip.relu_grad %[[DA]], %[[A]]
// CHECK: %[[DZ:.*]], %[[DGAMMA:.*]], %[[DBETA:.*]] = clip.batch_norm_grad %[[DS]], %[[Z]], %[[MEAN]], %[[RSTD]], %[[GAMMA]]
// CHECK: %[[G:.*]] = clip.add %[[DS]], %[[DZ]]
// No gradient with respect to the clip.
// CHECK-NOT: clip.conv_dgrad
// CHECK: %[[DWA:.*]] = clip.conv_wgrad %[[G]], %[[X]] window <1x1x1>
// CHECK: %[[NEW:.*]]:2 = clip.update sgd %[[WA]], %[[VA]], %[[DWA]], %[[HYPER]]
// CHECK: clip.update sgd {{.*}}, %[[DGAMMA]], %[[HYPER]]
// CHECK: clip.update sgd {{.*}}, %[[DBETA]], %[[HYPER]]
// CHECK: clip.update sgd %[[WF]], {{.*}}, %[[DWF]], %[[HYPER]]
// CHECK: clip.write @a.weight, %[[NEW]]#0
// CHECK: clip.write @a.weight.momentum, %[[NEW]]#1
// CHECK: return %[[LOSS]], %[[Y]] : tensor<f32>, tensor<2x5x1x1x1xf32>

// KEEP-LABEL: func.func @train_step(
// KEEP-SAME: tensor<3x3x1x1x1xf32> {clip.name = "grad.a.weight"}, tensor<3xf32> {clip.name = "grad.bn.weight"}, tensor<3xf32> {clip.name = "grad.bn.bias"}, tensor<5x3x1x4x4xf32> {clip.name = "grad.fc.weight"})
// KEEP: %[[DWA:.*]] = clip.conv_wgrad %{{.*}}, %arg0 window <1x1x1>
// KEEP: return %{{.*}}, %{{.*}}, %[[DWA]],

// LOC-LABEL: func.func @train_step(
// LOC: clip.relu_grad {{.*}} loc("join")
// LOC: clip.batch_norm_grad {{.*}} loc("a.bn")
// LOC: clip.conv_wgrad {{.*}} window <1x1x1> {{.*}} loc("a")
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %z = clip.conv %rgb, %w window <1x1x1> : (!x, tensor<3x3x1x1x1xf32>) -> !x loc("a")
  %g = clip.read @bn.weight : !c
  %b = clip.read @bn.bias : !c
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@bn.running_mean, @bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c) loc("a.bn")
  %s = clip.add %n, %z : (!x, !x) -> !x loc("join")
  %a = clip.relu %s : (!x) -> !x loc("join")
  %f = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %a, %f window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32> loc("fc")
  return %y : tensor<2x5x1x1x1xf32>
}

// -----

// A dropout in training takes %hyper, which then has its seed and step.
clip.param @fc.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[HYPER:[^ ]*]]: tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>> {clip.name = "hyper"}
// CHECK: clip.dropout %{{.*}}, %[[HYPER]] {rate = 5.000000e-01 : f64, stream = 2 : i64}
// CHECK: clip.softmax_xent
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x1x1xf32>
  %d = clip.dropout %x {rate = 0.5, stream = 2} : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
  %y = clip.conv %d, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}

// -----

clip.param @fc.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x1x1xf32>
  %y = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  // expected-error @unknown {{no gradient for clip.relu_grad at layer mask}}
  %p = clip.relu_grad %y, %y : (tensor<2x5x1x1x1xf32>, tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32> loc("mask")
  return %p : tensor<2x5x1x1x1xf32>
}

// -----

clip.param @a.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
clip.param @b.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %a = clip.read @a.weight : tensor<5x3x1x1x1xf32>
  // expected-error @below {{the loss does not depend on the parameter b.weight: nothing reads what is made with it}}
  %b = clip.read @b.weight : tensor<5x3x1x1x1xf32>
  %y = clip.conv %x, %a window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}

// -----

clip.param @a.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
clip.param @b.weight : tensor<1x5x1x1x1xf32> {role = "weight"}
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %a = clip.read @a.weight : tensor<5x3x1x1x1xf32>
  // expected-error @below {{the loss does not depend on the parameter b.weight: nothing reads what is made with it}}
  %b = clip.read @b.weight : tensor<1x5x1x1x1xf32>
  %y = clip.conv %x, %a window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  %z = clip.map %y, %b : (tensor<2x5x1x1x1xf32>, tensor<1x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32> {
  ^bb0(%s: f32, %t: f32):
    %zero = arith.constant 0.0 : f32
    %nought = arith.mulf %zero, %t : f32
    %sum = arith.addf %s, %nought : f32
    clip.yield %sum : f32
  }
  return %z : tensor<2x5x1x1x1xf32>
}

// -----

// expected-error @below {{a network in clip form is a function @forward of one block}}
module {
}

// -----

// expected-error @below {{@forward returns the scores, found no result}}
func.func @forward(%x: tensor<2x3x1x1x1xf32>) {
  return
}

// -----

// expected-error @below {{result 1 of @forward, which the loss is of, needs the type of the scores and the attribute clip.name}}
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> (tensor<2x3x1x1x1xf32>, tensor<2x3x1x1x1xf32>) {
  return %x, %x : tensor<2x3x1x1x1xf32>, tensor<2x3x1x1x1xf32>
}

// -----

// The gradient of what layers share is the sum of theirs, the last layer's first; what is frozen has none.
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bias : tensor<3xf32> {role = "bias"}
clip.param @c.weight : tensor<3x3x1x1x1xf32> {frozen, role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK-DAG: %[[A:.*]] = clip.read @a.weight :
// CHECK-DAG: %[[B:.*]] = clip.read @a.bias :
// CHECK: %[[Y:.*]] = clip.conv %[[X:.*]], %[[A]] bias %[[B]]
// CHECK: %[[Z:.*]] = clip.conv %[[Y]], %[[A]] bias %[[B]]
// CHECK: %[[DZ:.*]] = clip.conv_dgrad
// CHECK: %[[DY:.*]] = clip.conv_dgrad %[[DZ]], %[[A]]
// CHECK: %[[SECOND:.*]] = clip.conv_wgrad %[[DZ]], %[[Y]]
// CHECK: %[[BIAS2:.*]] = clip.channel_sum %[[DZ]]
// CHECK: %[[FIRST:.*]] = clip.conv_wgrad %[[DY]], %[[X]]
// CHECK: %[[BIAS1:.*]] = clip.channel_sum %[[DY]]
// CHECK: %[[DA:.*]] = clip.gradient_sum %[[SECOND]], %[[FIRST]]
// CHECK: %[[DB:.*]] = clip.gradient_sum %[[BIAS2]], %[[BIAS1]]
// CHECK: clip.update sgd %[[A]], %{{.*}}, %[[DA]]
// CHECK: clip.update sgd %[[B]], %{{.*}}, %[[DB]]
// CHECK-NOT: clip.update
func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x3x1x1x1xf32> {clip.name = "logits"}) {
  %a = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %b = clip.read @a.bias : tensor<3xf32>
  %c = clip.read @c.weight : tensor<3x3x1x1x1xf32>
  %y = clip.conv %x, %a bias %b window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<3x3x1x1x1xf32>, tensor<3xf32>) -> tensor<2x3x1x1x1xf32>
  %z = clip.conv %y, %a bias %b window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<3x3x1x1x1xf32>, tensor<3xf32>) -> tensor<2x3x1x1x1xf32>
  %s = clip.conv %z, %c window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<3x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
  return %s : tensor<2x3x1x1x1xf32>
}

// -----

// The loss of probabilities is that of their logarithms, which are then the logits.
clip.param @fc.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK: %[[P:.*]] = clip.softmax
// CHECK: %[[L:.*]] = clip.log %[[P]]
// CHECK: %{{.*}}, %[[G:.*]] = clip.softmax_xent %[[L]]
// CHECK: %[[D:.*]] = clip.log_grad %[[G]], %[[P]]
// CHECK: clip.softmax_grad %[[D]], %[[P]]
// CHECK: return %{{.*}}, %[[L]]
func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x1x1xf32>
  %y = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  %p = clip.softmax %y : (tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  return %p : tensor<2x5x1x1x1xf32>
}

// -----

// Each further result has a loss, and a gradient of its own from there.
clip.param @fc.weight : tensor<5x3x1x1x1xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: -> (tensor<f32> {clip.name = "loss.y"}, tensor<f32> {clip.name = "loss.z"}, tensor<2x5x1x1x1xf32> {clip.name = "logits"})
// CHECK: %[[Y:.*]] = clip.conv
// CHECK: %[[Z:.*]] = clip.scale %[[Y]] {factor = 3.0
// CHECK: %[[LY:.*]], %[[GY:.*]] = clip.softmax_xent %[[Y]]
// CHECK: %[[LZ:.*]], %[[GZ:.*]] = clip.softmax_xent %[[Z]]
// CHECK: %[[BACK:.*]] = clip.scale %[[GZ]] {factor = 3.0
// CHECK: %[[G:.*]] = clip.add %[[GY]], %[[BACK]]
// CHECK: clip.conv_wgrad %[[G]]
// CHECK: return %[[LY]], %[[LZ]], %{{.*}} :
func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}, tensor<2x5x1x1x1xf32> {clip.name = "loss.y"}, tensor<2x5x1x1x1xf32> {clip.name = "loss.z"}) {
  %w = clip.read @fc.weight : tensor<5x3x1x1x1xf32>
  %y = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<5x3x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  %z = clip.scale %y {factor = 3.0} : (tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  %sum = clip.add %y, %z : (tensor<2x5x1x1x1xf32>, tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  return %sum, %y, %z : tensor<2x5x1x1x1xf32>, tensor<2x5x1x1x1xf32>, tensor<2x5x1x1x1xf32>
}

// -----

// Targets take the place of labels where clips are mixed.
module attributes {clip.recipe = {train = {loss = "cross_entropy", mixup = 2.000000e-01 : f64}}} {
  clip.param @w : tensor<4x3x1x1x1xf32> {role = "weight"}
  func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
    %w = clip.read @w : tensor<4x3x1x1x1xf32>
    %y = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<4x3x1x1x1xf32>) -> tensor<2x4x1x1x1xf32>
    return %y : tensor<2x4x1x1x1xf32>
  }
}

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[TARGETS:[^:]+]]: tensor<2x4xf32> {clip.name = "targets"}
// CHECK-SAME: %[[SHARES:[^:]+]]: tensor<2xf32> {clip.name = "shares"}
// CHECK: clip.target_xent %{{.*}}, %[[TARGETS]], %[[SHARES]] :

// -----

// The binary cross-entropy takes sigmoids of its own.
module attributes {clip.recipe = {train = {loss = "binary_cross_entropy"}}} {
  clip.param @w : tensor<4x3x1x1x1xf32> {role = "weight"}
  func.func @forward(%x: tensor<2x3x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
    %w = clip.read @w : tensor<4x3x1x1x1xf32>
    %y = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<4x3x1x1x1xf32>) -> tensor<2x4x1x1x1xf32>
    // expected-error @below {{binary_cross_entropy would take sigmoids of them: it cannot be trained}}
    // expected-note @below {{leave this out to train}}
    %p = clip.sigmoid %y : (tensor<2x4x1x1x1xf32>) -> tensor<2x4x1x1x1xf32>
    return %p : tensor<2x4x1x1x1xf32>
  }
}

// -----

// The gradient of a factor that clips and channels share is the sum of their sums over positions.
clip.param @f.weight : tensor<1x1x1x1x1xf32> {role = "weight"}
clip.param @w : tensor<4x3x1x4x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @train_step(
// CHECK: %[[SUMS:.*]] = clip.spread_sum %{{.*}} : (tensor<2x3x1x4x4xf32>) -> tensor<2x3x1x1x1xf32>
// CHECK: clip.spread_sum %[[SUMS]] : (tensor<2x3x1x1x1xf32>) -> tensor<1x1x1x1x1xf32>
func.func @forward(%x: tensor<2x3x1x4x4xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
  %f = clip.read @f.weight : tensor<1x1x1x1x1xf32>
  %w = clip.read @w : tensor<4x3x1x4x4xf32>
  %z = clip.mul %x, %f : (tensor<2x3x1x4x4xf32>, tensor<1x1x1x1x1xf32>) -> tensor<2x3x1x4x4xf32>
  %y = clip.conv %z, %w window <1x4x4> : (tensor<2x3x1x4x4xf32>, tensor<4x3x1x4x4xf32>) -> tensor<2x4x1x1x1xf32>
  return %y : tensor<2x4x1x1x1xf32>
}
