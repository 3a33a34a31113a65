// RUN: %kinema-opt %s --arch-to-clip=batch=2 --mlir-use-nameloc-as-prefix | FileCheck %s
// RUN: %kinema-opt %s --arch-to-clip="frames=5 height=20 width=24" --mlir-use-nameloc-as-prefix | FileCheck %s --check-prefix=SIZE

// The facts about the network, and the rows of the layer table.
// CHECK: kinema.layers = [{kind = "conv(2+1)d", name = "stem"}, {kind = "conv3d", name = "stage1.0.conv1"}
// CHECK-SAME: {kind = "conv", name = "stage1.0.shortcut"}, {kind = "residual", name = "stage1.0.residual"}
// CHECK-SAME: kinema.network = {batch = 2 : i64, classes = 4 : i64, inputs = [{kind = "rgb", name = "rgb", shape = [2, 3, 8, 16, 16]}], name = "net"}

// Parameters under the names that one reads off the labels, in order.
// CHECK-NEXT: clip.param @stem.spatial.weight : tensor<6x3x1x3x3xf32> {init = {fan = "out", kind = "he_normal"}, role = "weight"}
// CHECK-NEXT: clip.param @stem.spatial.bn.weight : tensor<6xf32> {init = {kind = "constant", value = 1.000000e+00 : f64}, role = "gamma"}
// CHECK-NEXT: clip.param @stem.spatial.bn.bias : tensor<6xf32> {init = {kind = "constant", value = 0.000000e+00 : f64}, role = "beta"}
// CHECK-NEXT: clip.param @stem.spatial.bn.running_mean : tensor<6xf32> {init = {kind = "constant", value = 0.000000e+00 : f64}, role = "running_mean"}
// CHECK-NEXT: clip.param @stem.spatial.bn.running_var : tensor<6xf32> {init = {kind = "constant", value = 1.000000e+00 : f64}, role = "running_var"}
// CHECK-NEXT: clip.param @stem.temporal.weight : tensor<8x6x3x1x1xf32>
// CHECK: clip.param @stage1.0.conv2.bn.weight : tensor<16xf32> {init = {kind = "constant", value = 0.000000e+00 : f64}, role = "gamma"}
// CHECK: clip.param @stage1.0.shortcut.weight : tensor<16x8x1x1x1xf32>
// CHECK: clip.param @fc.weight : tensor<4x16xf32> {init = {kind = "normal", std = 1.000000e-02 : f64}, role = "weight"}
// CHECK-NEXT: clip.param @fc.bias : tensor<4xf32> {init = {kind = "constant", value = 0.000000e+00 : f64}, role = "bias"}
// CHECK-NOT: arch.

// CHECK: func.func @forward(%rgb: tensor<2x3x8x16x16xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (tensor<2x4x1x1x1xf32> {clip.name = "logits"})
// CHECK-NEXT: %stem.spatial.weight = clip.read @stem.spatial.weight
// CHECK: %stem.spatial = clip.conv %rgb, %stem.spatial.weight window <1x3x3 stride 1x2x2 pad 0x1x1>
// CHECK-NEXT: clip.batch_norm %stem.spatial, %stem.spatial.bn.weight, %stem.spatial.bn.bias running(@stem.spatial.bn.running_mean, @stem.spatial.bn.running_var) {eps = 1.000000e-05 : f64, momentum = 1.000000e-01 : f64, unbiased}
// CHECK-NEXT: %[[SPATIAL:.*]] = clip.relu
// CHECK-NEXT: %stem.temporal = clip.conv %[[SPATIAL]], %stem.temporal.weight window <3x1x1 pad 1x0x0>
// CHECK: %[[STEM:stem.temporal.*]] = clip.relu

// A body that changes channels or stride: the shortcut is projected, with the body's stride.
// CHECK-NEXT: %stage1.0.conv1 = clip.conv %[[STEM]], %stage1.0.conv1.weight window <3x3x3 stride 2x2x2 pad 1x1x1>
// CHECK: %stage1.0.conv2 = clip.conv
// CHECK-NEXT: %[[BODY:.*]], %{{.*}}, %{{.*}} = clip.batch_norm %stage1.0.conv2
// CHECK-NEXT: %stage1.0.shortcut = clip.conv %[[STEM]], %stage1.0.shortcut.weight window <1x1x1 stride 2x2x2>
// CHECK-NEXT: %[[SHORT:.*]], %{{.*}}, %{{.*}} = clip.batch_norm %stage1.0.shortcut
// CHECK-NEXT: %stage1.0.residual = clip.add %[[BODY]], %[[SHORT]]
// CHECK-NEXT: %[[BLOCK0:.*]] = clip.relu %stage1.0.residual

// The second copy keeps the stride's default and its shortcut.
// CHECK-NEXT: %stage1.1.conv1 = clip.conv %[[BLOCK0]], %stage1.1.conv1.weight window <3x3x3 pad 1x1x1>
// CHECK: %stage1.1.residual = clip.add %{{.*}}, %[[BLOCK0]]
// CHECK-NEXT: %[[LAST:.*]] = clip.relu

// CHECK-NEXT: %pool = clip.avg_pool %[[LAST]] window <4x4x4 stride 4x4x4>
// CHECK-NEXT: %dropout = clip.dropout %pool {rate = 5.000000e-01 : f64, stream = 0 : i64}
// CHECK-NEXT: %fc = clip.linear %dropout, %fc.weight, %fc.bias
// CHECK-NEXT: return %fc

// SIZE: %rgb: tensor<1x3x5x20x24xf32>
// SIZE: %pool = clip.avg_pool %{{.*}} window <3x5x6 stride 3x5x6>
arch.file @net uses [@library] {
  arch.network @net(classes: int = 4) {
    arch.set bn[eps] = 1.0e-5
    arch.call input(rgb, 3x8x16x16)
    arch.call stem: "conv(2+1)d"(ch = 8, mid = 6, stride = 1x2x2)
    arch.call stage(conv3d, block = basic, ch = 16, stride = 2) times 2
    arch.call pool(avg, global)
    arch.call dropout(0.5)
    arch.call fc(classes)
  }
}
arch.file @library {
  arch.unit @conv3d(t: int = 3, d: int = 3, ch: int, stride: size = 1, act: word = auto, gamma: number = 1) {
    arch.call _: conv([t, d, d], ch = ch, stride = stride, act = act, gamma = gamma)
  }
  arch.unit @"conv(2+1)d"(t: int = 3, d: int = 3, ch: int, stride: size = 1, mid: int = t*d*d*in.c*ch / (d*d*in.c + t*ch)) {
    arch.call spatial: conv([1, d, d], ch = mid, stride = [1, stride.h, stride.w])
    arch.call temporal: conv([t, 1, 1], ch = ch, stride = [stride.t, 1, 1])
  }
  arch.block @basic(kind: unit, ch: int, stride: size = 1) {
    arch.call residual() {
      arch.call conv1: kind(ch = ch, stride = stride)
      arch.call conv2: kind(ch = ch, act = none, gamma = 0)
    }
  }
}
