// A small R(2+1)D by hand: a factorised stem, one block with a projection and one with the identity, a head.
clip.param @stem.spatial.weight : tensor<4x3x1x3x3xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
clip.param @stem.spatial.bn.weight : tensor<4xf32> {role = "gamma", init = {kind = "constant", value = 1.0}}
clip.param @stem.spatial.bn.bias : tensor<4xf32> {role = "beta", init = {kind = "constant", value = 0.0}}
clip.param @stem.spatial.bn.running_mean : tensor<4xf32> {role = "running_mean", init = {kind = "constant", value = 0.0}}
clip.param @stem.spatial.bn.running_var : tensor<4xf32> {role = "running_var", init = {kind = "constant", value = 1.0}}
clip.param @stem.temporal.weight : tensor<5x4x3x1x1xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
clip.param @stem.temporal.bn.weight : tensor<5xf32> {role = "gamma", init = {kind = "constant", value = 1.0}}
clip.param @stem.temporal.bn.bias : tensor<5xf32> {role = "beta", init = {kind = "constant", value = 0.0}}
clip.param @stem.temporal.bn.running_mean : tensor<5xf32> {role = "running_mean", init = {kind = "constant", value = 0.0}}
clip.param @stem.temporal.bn.running_var : tensor<5xf32> {role = "running_var", init = {kind = "constant", value = 1.0}}
clip.param @block0.conv1.weight : tensor<6x5x3x3x3xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
clip.param @block0.conv1.bn.weight : tensor<6xf32> {role = "gamma", init = {kind = "constant", value = 1.0}}
clip.param @block0.conv1.bn.bias : tensor<6xf32> {role = "beta", init = {kind = "constant", value = 0.0}}
clip.param @block0.conv1.bn.running_mean : tensor<6xf32> {role = "running_mean", init = {kind = "constant", value = 0.0}}
clip.param @block0.conv1.bn.running_var : tensor<6xf32> {role = "running_var", init = {kind = "constant", value = 1.0}}
clip.param @block0.shortcut.weight : tensor<6x5x1x1x1xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
clip.param @block0.shortcut.bn.weight : tensor<6xf32> {role = "gamma", init = {kind = "constant", value = 1.0}}
clip.param @block0.shortcut.bn.bias : tensor<6xf32> {role = "beta", init = {kind = "constant", value = 0.0}}
clip.param @block0.shortcut.bn.running_mean : tensor<6xf32> {role = "running_mean", init = {kind = "constant", value = 0.0}}
clip.param @block0.shortcut.bn.running_var : tensor<6xf32> {role = "running_var", init = {kind = "constant", value = 1.0}}
clip.param @block1.conv1.weight : tensor<6x6x1x3x3xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
clip.param @block1.conv1.bias : tensor<6xf32> {role = "bias", init = {kind = "constant", value = 0.0}}
clip.param @block1.conv1.bn.weight : tensor<6xf32> {role = "gamma", init = {kind = "constant", value = 1.0}}
clip.param @block1.conv1.bn.bias : tensor<6xf32> {role = "beta", init = {kind = "constant", value = 0.0}}
clip.param @block1.conv1.bn.running_mean : tensor<6xf32> {role = "running_mean", init = {kind = "constant", value = 0.0}}
clip.param @block1.conv1.bn.running_var : tensor<6xf32> {role = "running_var", init = {kind = "constant", value = 1.0}}
clip.param @fc.weight : tensor<4x6xf32> {role = "weight", init = {kind = "normal", std = 0.01}}
clip.param @fc.bias : tensor<4xf32> {role = "bias", init = {kind = "constant", value = 0.0}}

!in = tensor<2x3x4x9x8xf32>
!s = tensor<2x4x4x5x4xf32>
!x0 = tensor<2x5x4x5x4xf32>
!x1 = tensor<2x6x2x3x2xf32>
!c4 = tensor<4xf32>
!c5 = tensor<5xf32>
!c6 = tensor<6xf32>

func.func @forward(%rgb: !in {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"}) {
  %w0 = clip.read @stem.spatial.weight : tensor<4x3x1x3x3xf32>
  %g0 = clip.read @stem.spatial.bn.weight : !c4
  %b0 = clip.read @stem.spatial.bn.bias : !c4
  %z0 = clip.conv %rgb, %w0 window <1x3x3 stride 1x2x2 pad 0x1x1> : (!in, tensor<4x3x1x3x3xf32>) -> !s loc("stem.spatial")
  %n0, %m0, %r0 = clip.batch_norm %z0, %g0, %b0 running(@stem.spatial.bn.running_mean, @stem.spatial.bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased} : (!s, !c4, !c4) -> (!s, !c4, !c4) loc("stem.spatial.bn")
  %a0 = clip.relu %n0 : (!s) -> !s loc("stem.spatial")
  %w1 = clip.read @stem.temporal.weight : tensor<5x4x3x1x1xf32>
  %g1 = clip.read @stem.temporal.bn.weight : !c5
  %b1 = clip.read @stem.temporal.bn.bias : !c5
  %z1 = clip.conv %a0, %w1 window <3x1x1 pad 1x0x0> : (!s, tensor<5x4x3x1x1xf32>) -> !x0 loc("stem.temporal")
  %n1, %m1, %r1 = clip.batch_norm %z1, %g1, %b1 running(@stem.temporal.bn.running_mean, @stem.temporal.bn.running_var) {eps = 1.0e-3, momentum = 0.1} : (!x0, !c5, !c5) -> (!x0, !c5, !c5) loc("stem.temporal.bn")
  %x0 = clip.relu %n1 : (!x0) -> !x0 loc("stem.temporal")

  %w2 = clip.read @block0.conv1.weight : tensor<6x5x3x3x3xf32>
  %g2 = clip.read @block0.conv1.bn.weight : !c6
  %b2 = clip.read @block0.conv1.bn.bias : !c6
  %z2 = clip.conv %x0, %w2 window <3x3x3 stride 2x2x2 pad 1x1x1> : (!x0, tensor<6x5x3x3x3xf32>) -> !x1 loc("block0.conv1")
  %n2, %m2, %r2 = clip.batch_norm %z2, %g2, %b2 running(@block0.conv1.bn.running_mean, @block0.conv1.bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased} : (!x1, !c6, !c6) -> (!x1, !c6, !c6) loc("block0.conv1.bn")
  %ws = clip.read @block0.shortcut.weight : tensor<6x5x1x1x1xf32>
  %gs = clip.read @block0.shortcut.bn.weight : !c6
  %bs = clip.read @block0.shortcut.bn.bias : !c6
  %zs = clip.conv %x0, %ws window <1x1x1 stride 2x2x2> : (!x0, tensor<6x5x1x1x1xf32>) -> !x1 loc("block0.shortcut")
  %ns, %ms, %rs = clip.batch_norm %zs, %gs, %bs running(@block0.shortcut.bn.running_mean, @block0.shortcut.bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased} : (!x1, !c6, !c6) -> (!x1, !c6, !c6) loc("block0.shortcut.bn")
  %j0 = clip.add %n2, %ns : (!x1, !x1) -> !x1 loc("block0")
  %x1 = clip.relu %j0 : (!x1) -> !x1 loc("block0")

  %w3 = clip.read @block1.conv1.weight : tensor<6x6x1x3x3xf32>
  %c3 = clip.read @block1.conv1.bias : !c6
  %g3 = clip.read @block1.conv1.bn.weight : !c6
  %b3 = clip.read @block1.conv1.bn.bias : !c6
  %z3 = clip.conv %x1, %w3 bias %c3 window <1x3x3 pad 0x1x1> : (!x1, tensor<6x6x1x3x3xf32>, !c6) -> !x1 loc("block1.conv1")
  %n3, %m3, %r3 = clip.batch_norm %z3, %g3, %b3 running(@block1.conv1.bn.running_mean, @block1.conv1.bn.running_var) {eps = 1.0e-3, momentum = 0.1, unbiased} : (!x1, !c6, !c6) -> (!x1, !c6, !c6) loc("block1.conv1.bn")
  %j1 = clip.add %n3, %x1 : (!x1, !x1) -> !x1 loc("block1")
  %x2 = clip.relu %j1 : (!x1) -> !x1 loc("block1")

  %p = clip.avg_pool %x2 window <2x3x2> : (!x1) -> tensor<2x6x1x1x1xf32> loc("pool")
  %wf = clip.read @fc.weight : tensor<4x6xf32>
  %bf = clip.read @fc.bias : tensor<4xf32>
  %y = clip.linear %p, %wf, %bf : (tensor<2x6x1x1x1xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<2x4x1x1x1xf32> loc("fc")
  return %y : tensor<2x4x1x1x1xf32>
}
