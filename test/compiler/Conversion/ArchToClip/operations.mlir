// RUN: %kinema-opt %s --arch-to-clip --mlir-use-nameloc-as-prefix | FileCheck %s

// Operations of the language, branches, named values, and streams: `motion` waits for `appearance`, which comes after it.

// CHECK: clip.param @motion.norm.running_var : tensor<6xf32>
// CHECK: func.func @forward(%flow: tensor<1x2x4x8x8xf32> {clip.input = "flow", clip.name = "flow"}, %rgb: tensor<1x3x4x16x16xf32> {clip.input = "rgb", clip.name = "rgb"})
// CHECK-NOT: clip.read @motion.norm.running_var
// CHECK: %motion.a = clip.conv %flow, %motion.a.weight window <2x3x3 stride 4x2x2 pad 0x0x0 to 0x1x1>
// CHECK: %motion.norm, {{.*}} = clip.batch_norm {{.*}} {eps = 5.000000e-01 : f64
// CHECK-NEXT: %motion.relu = clip.relu %motion.norm
// CHECK-NEXT: %appearance.fold = clip.fold_time %rgb : (tensor<1x3x4x16x16xf32>) -> tensor<1x12x1x16x16xf32>
// CHECK-NEXT: %appearance.conv = clip.conv %appearance.fold, %appearance.conv.weight bias %appearance.conv.bias window <1x4x4 stride 1x2x2 pad 0x1x1 dilate 1x2x2> {groups = 2 : i64}
// CHECK-NEXT: %[[SIGMOID:.*]] = clip.sigmoid %appearance.conv
// CHECK-NEXT: %appearance.pool = clip.max_pool %[[SIGMOID]] window <1x3x3 stride 1x2x2 pad 0x1x1> {ceil} : (tensor<1x6x1x6x6xf32>) -> tensor<1x6x1x4x4xf32>
// CHECK-NEXT: %motion.add = clip.add %motion.relu, %appearance.pool
// CHECK-NEXT: %motion.g.pool = clip.avg_pool %motion.add window <1x4x4 stride 1x4x4>
// CHECK-NEXT: %motion.g.conv = clip.conv %motion.g.pool
// CHECK-NEXT: %[[GATE:.*]] = clip.sigmoid %motion.g.conv
// CHECK-NEXT: %motion.g.mul = clip.mul %motion.add, %[[GATE]]
// CHECK-NEXT: %concat = clip.concat %motion.g.mul, %motion.g.mul, %appearance.pool
// CHECK-NEXT: %softmax = clip.softmax %concat
// CHECK-NEXT: %pool = clip.avg_pool %softmax window <1x4x4 stride 1x4x4>
// CHECK-NEXT: %pool2 = clip.avg_pool %pool window <1x1x1>
// CHECK-NEXT: return %pool2
arch.file @net {
  arch.block @gate() {
    arch.call mul() {
      arch.branch {
        arch.call pool(avg, global)
        arch.call conv(1x1x1, in.c, bn = off, act = sigmoid)
      }
      arch.branch {
        arch.call identity()
      }
    }
  }
  arch.network @net() {
    arch.stream motion {
      arch.call input(flow, 2x4x8x8)
      arch.call a: conv(2x3x3, 6, 4x2x2, same)
      arch.call norm: bn(eps = 0.5)
      arch.call relu()
      arch.call add(appearance)
      arch.call g: gate()
    }
    arch.stream appearance {
      arch.call input(rgb, 3x4x16x16)
      arch.call fold(time)
      arch.call conv(1x4x4, ch = 6, stride = 1x2x2, pad = 0x1x1, dilate = 1x2x2, groups = 2, bn = off, act = sigmoid)
      arch.call pool(max, 1x3x3, stride = 1x2x2, pad = 0x1x1, ceil = on)
    }
    arch.from motion.g
    arch.call concat(motion, appearance)
    arch.call softmax()
    arch.call pool(avg, space)
    arch.call pool(avg, time)
  }
}
