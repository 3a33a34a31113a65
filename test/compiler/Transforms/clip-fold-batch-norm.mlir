// RUN: %kinema-opt %s --clip-fold-batch-norm --split-input-file --verify-diagnostics | FileCheck %s
// RUN: %kinema-opt %s --clip-fold-batch-norm --split-input-file --verify-diagnostics --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOC

!x = tensor<2x3x1x4x4xf32>
!c = tensor<3xf32>

clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bias : !c {role = "bias"}
clip.param @a.bn.weight : !c {role = "gamma"}
clip.param @a.bn.bias : !c {role = "beta"}
clip.param @a.bn.running_mean : !c {role = "running_mean"}
clip.param @a.bn.running_var : !c {role = "running_var"}
clip.param @b.weight : !c {role = "gamma"}
clip.param @b.bias : !c {role = "beta"}
clip.param @b.running_mean : !c {role = "running_mean"}
clip.param @b.running_var : !c {role = "running_var"}
clip.param @fc.weight : tensor<5x3x1x4x4xf32> {role = "weight"}

// CHECK-NOT: @forward
// CHECK-LABEL: func.func @infer(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x1x4x4xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"})
// CHECK-DAG: %[[MEAN:.*]] = clip.read @a.bn.running_mean
// CHECK-DAG: %[[VAR:.*]] = clip.read @a.bn.running_var
// CHECK-DAG: %[[GAMMA:.*]] = clip.read @a.bn.weight
// CHECK-DAG: %[[BETA:.*]] = clip.read @a.bn.bias
// CHECK-DAG: %[[OWN:.*]] = clip.read @a.bias
// CHECK-DAG: %[[WEIGHT:.*]] = clip.read @a.weight :
// CHECK-DAG: %[[F:.*]] = clip.read @fc.weight :
// CHECK: %[[SCALE:.*]], %[[OFFSET:.*]], %{{.*}} = clip.bn_coeffs %[[MEAN]], %[[VAR]], %[[GAMMA]], %[[BETA]] {eps = 1.000000e-03 : f64}
// CHECK: %[[FB:.*]] = clip.fold_bias %[[OWN]], %[[SCALE]], %[[OFFSET]]
// CHECK: %[[B:.*]] = clip.prepared "a.weight.folded_bias", %[[FB]]
// CHECK: %[[FW:.*]] = clip.fold_weight %[[WEIGHT]], %[[SCALE]]
// CHECK: %[[W:.*]] = clip.prepared "a.weight.folded", %[[FW]]
// CHECK: %[[N:.*]] = clip.conv %[[X]], %[[W]] bias %[[B]] window <1x1x1>
// CHECK: %[[P:.*]] = clip.max_pool %[[N]]
// CHECK: %[[SB:.*]], %[[OB:.*]], %{{.*}} = clip.bn_coeffs
// CHECK: %[[O:.*]] = clip.prepared "b.folded_offset", %[[OB]]
// CHECK: %[[S:.*]] = clip.prepared "b.folded_scale", %[[SB]]
// CHECK: %[[Q:.*]] = clip.affine %[[P]], %[[S]], %[[O]]
// A dropout is the identity here; a conv without batch norm keeps its own weight.
// CHECK: %[[Y:.*]] = clip.conv %[[Q]], %[[F]] window <1x4x4>
// CHECK: return %[[Y]]

// LOC: clip.conv {{.*}} window <1x1x1> {{.*}} loc(fused["a", "a.bn"])

func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %own = clip.read @a.bias : !c
  %z = clip.conv %rgb, %w bias %own window <1x1x1> : (!x, tensor<3x3x1x1x1xf32>, !c) -> !x loc("a")
  %g = clip.read @a.bn.weight : !c
  %b = clip.read @a.bn.bias : !c
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@a.bn.running_mean, @a.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c) loc("a.bn")
  %p = clip.max_pool %n window <1x3x3 pad 0x1x1> : (!x) -> !x
  %g1 = clip.read @b.weight : !c
  %b1 = clip.read @b.bias : !c
  %q, %m1, %r1 = clip.batch_norm %p, %g1, %b1 running(@b.running_mean, @b.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %d = clip.dropout %q {rate = 0.5, stream = 0} : (!x) -> !x
  %f = clip.read @fc.weight : tensor<5x3x1x4x4xf32>
  %y = clip.conv %d, %f window <1x4x4> : (!x, tensor<5x3x1x4x4xf32>) -> tensor<2x5x1x1x1xf32>
  return %y : tensor<2x5x1x1x1xf32>
}

// -----

// A conv with a second reader cannot take the batch norm in.
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bn.weight : tensor<3xf32> {role = "gamma"}
clip.param @a.bn.bias : tensor<3xf32> {role = "beta"}
clip.param @a.bn.running_mean : tensor<3xf32> {role = "running_mean"}
clip.param @a.bn.running_var : tensor<3xf32> {role = "running_var"}
// CHECK-LABEL: func.func @infer(
// CHECK: %[[Z:.*]] = clip.conv
// CHECK: %[[N:.*]] = clip.affine %[[Z]]
// CHECK: clip.add %[[N]], %[[Z]]
func.func @forward(%x: tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32> {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %z = clip.conv %x, %w window <1x1x1> : (tensor<2x3x1x1x1xf32>, tensor<3x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
  %g = clip.read @a.bn.weight : tensor<3xf32>
  %b = clip.read @a.bn.bias : tensor<3xf32>
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@a.bn.running_mean, @a.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (tensor<2x3x1x1x1xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x1x1x1xf32>, tensor<3xf32>, tensor<3xf32>)
  %y = clip.add %n, %z : (tensor<2x3x1x1x1xf32>, tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
  return %y : tensor<2x3x1x1x1xf32>
}

// -----

// Of two batch norms behind a conv the first one is folded into it; the second one stays.
!c = tensor<3xf32>
!x = tensor<2x3x1x1x1xf32>
clip.param @a.weight : tensor<3x3x1x1x1xf32> {role = "weight"}
clip.param @a.bn.weight : !c {role = "gamma"}
clip.param @a.bn.bias : !c {role = "beta"}
clip.param @a.bn.running_mean : !c {role = "running_mean"}
clip.param @a.bn.running_var : !c {role = "running_var"}
clip.param @b.weight : !c {role = "gamma"}
clip.param @b.bias : !c {role = "beta"}
clip.param @b.running_mean : !c {role = "running_mean"}
clip.param @b.running_var : !c {role = "running_var"}
// CHECK-LABEL: func.func @infer(
// CHECK: %[[B:.*]] = clip.prepared "a.weight.folded_bias"
// CHECK: %[[W:.*]] = clip.prepared "a.weight.folded"
// CHECK: %[[Z:.*]] = clip.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK: %[[O:.*]] = clip.prepared "b.folded_offset"
// CHECK: %[[S:.*]] = clip.prepared "b.folded_scale"
// CHECK: %[[Y:.*]] = clip.affine %[[Z]], %[[S]], %[[O]]
// CHECK: return %[[Y]]
func.func @forward(%x: !x) -> !x {
  %w = clip.read @a.weight : tensor<3x3x1x1x1xf32>
  %z = clip.conv %x, %w window <1x1x1> : (!x, tensor<3x3x1x1x1xf32>) -> !x
  %g = clip.read @a.bn.weight : !c
  %b = clip.read @a.bn.bias : !c
  %n, %m, %r = clip.batch_norm %z, %g, %b running(@a.bn.running_mean, @a.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %g1 = clip.read @b.weight : !c
  %b1 = clip.read @b.bias : !c
  %y, %m1, %r1 = clip.batch_norm %n, %g1, %b1 running(@b.running_mean, @b.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  return %y : !x
}

// -----

clip.param @bn.running_mean : tensor<3xf32> {role = "running_mean"}
clip.param @bn.running_var : tensor<3xf32> {role = "running_var"}
func.func @forward(%x: tensor<2x3x1x1x1xf32>, %g: tensor<3xf32>) -> tensor<2x3x1x1x1xf32> {
  // expected-error @below {{a batch norm to fold evaluates with parameters alone, and nobody reads its statistics}}
  %n, %m, %r = clip.batch_norm %x, %g, %g running(@bn.running_mean, @bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (tensor<2x3x1x1x1xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x1x1x1xf32>, tensor<3xf32>, tensor<3xf32>)
  return %n : tensor<2x3x1x1x1xf32>
}

// -----

// The features of layers come behind the scores. What has one position is its own mean, and a dropout gives
// what it is given.
!x = tensor<2x3x1x4x4xf32>
// CHECK: module attributes {clip.features = ["a", "drop"]
// CHECK-LABEL: func.func @infer(
// CHECK-SAME: -> (tensor<2x3x1x1x1xf32> {clip.name = "logits"}, tensor<2x3x1x1x1xf32> {clip.layer = "a", clip.name = "features.a"}, tensor<2x3x1x1x1xf32> {clip.layer = "drop", clip.name = "features.drop"})
// CHECK: clip.relu
// CHECK: %[[A:.*]] = clip.relu
// CHECK: %[[MEAN:.*]] = clip.avg_pool %[[A]] window <1x4x4 stride 1x4x4>
// CHECK: %[[MAX:.*]] = clip.max_pool %[[A]]
// CHECK: %[[Y:.*]] = clip.relu %[[MAX]]
// CHECK: return %[[Y]], %[[MEAN]], %[[MAX]]
module attributes {clip.features = ["a", "drop"], clip.layers = [{kind = "conv", name = "a"}, {kind = "pool", name = "max"}, {kind = "dropout", name = "drop"}, {kind = "relu", name = "y"}]} {
  func.func @forward(%x: !x {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x3x1x1x1xf32> {clip.name = "logits"}) {
    %b = clip.relu %x : (!x) -> !x loc("a.spatial")
    %a = clip.relu %b : (!x) -> !x loc("a")
    %m = clip.max_pool %a window <1x4x4> : (!x) -> tensor<2x3x1x1x1xf32> loc("max")
    %d = clip.dropout %m {rate = 0.5, stream = 0} : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32> loc("drop")
    %y = clip.relu %d : (tensor<2x3x1x1x1xf32>) -> tensor<2x3x1x1x1xf32> loc("y")
    return %y : tensor<2x3x1x1x1xf32>
  }
}

// -----

module attributes {clip.features = ["b"], clip.layers = [{kind = "relu", name = "a"}]} {
  // expected-error @below {{no operation is of layer "b", whose features are asked for: a module as text needs its locations}}
  func.func @forward(%x: tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32> {
    return %x : tensor<2x5x1x1x1xf32>
  }
}

// -----

// What an inference gives is called what it is.
// CHECK-LABEL: func.func @infer(
// CHECK-SAME: {clip.name = "probabilities"}
func.func @forward(%x: tensor<2x5x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}) {
  %p = clip.softmax %x : (tensor<2x5x1x1x1xf32>) -> tensor<2x5x1x1x1xf32>
  return %p : tensor<2x5x1x1x1xf32>
}

// -----

// What the loss is of ends with the training.
// CHECK-LABEL: func.func @infer(
// CHECK-SAME: -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"})
func.func @forward(%x: tensor<2x5x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x5x1x1x1xf32> {clip.name = "logits"}, tensor<2x5x1x1x1xf32> {clip.name = "loss.rgb"}) {
  return %x, %x : tensor<2x5x1x1x1xf32>, tensor<2x5x1x1x1xf32>
}

// -----

// Layers that share all of it fold it once; one that shares the conv alone has folded weights of its own.
!x = tensor<2x3x1x1x1xf32>
!w = tensor<3x3x1x1x1xf32>
!c = tensor<3xf32>
clip.param @a.weight : !w {role = "weight"}
clip.param @n.weight : !c {role = "gamma"}
clip.param @n.bias : !c {role = "beta"}
clip.param @n.running_mean : !c {role = "running_mean"}
clip.param @n.running_var : !c {role = "running_var"}
clip.param @m.running_mean : !c {role = "running_mean"}
clip.param @m.running_var : !c {role = "running_var"}
// CHECK-LABEL: func.func @infer(
// CHECK: %[[B1:.*]] = clip.prepared "a.weight.folded_bias"
// CHECK: %[[W1:.*]] = clip.prepared "a.weight.folded"
// CHECK: %[[X:.*]] = clip.conv %{{.*}}, %[[W1]] bias %[[B1]]
// CHECK-NOT: clip.prepared
// CHECK: %[[Y:.*]] = clip.conv %[[X]], %[[W1]] bias %[[B1]]
// CHECK: %[[B2:.*]] = clip.prepared "a.weight.folded_bias2"
// CHECK: %[[W2:.*]] = clip.prepared "a.weight.folded2"
// CHECK: clip.conv %[[Y]], %[[W2]] bias %[[B2]]
func.func @forward(%rgb: !x {clip.input = "rgb", clip.name = "rgb"}) -> (!x {clip.name = "logits"}) {
  %w = clip.read @a.weight : !w
  %g = clip.read @n.weight : !c
  %b = clip.read @n.bias : !c
  %z1 = clip.conv %rgb, %w window <1x1x1> : (!x, !w) -> !x
  %n1, %m1, %r1 = clip.batch_norm %z1, %g, %b running(@n.running_mean, @n.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %z2 = clip.conv %n1, %w window <1x1x1> : (!x, !w) -> !x
  %n2, %m2, %r2 = clip.batch_norm %z2, %g, %b running(@n.running_mean, @n.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  %z3 = clip.conv %n2, %w window <1x1x1> : (!x, !w) -> !x
  %n3, %m3, %r3 = clip.batch_norm %z3, %g, %b running(@m.running_mean, @m.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x, !c, !c) -> (!x, !c, !c)
  return %n3 : !x
}
