// RUN: %kinema-opt %s --arch-to-clip --mlir-use-nameloc-as-prefix | FileCheck %s

// Each operation of the language that the expansion knows, once.
// CHECK: func.func @forward(%rgb: tensor<1x3x4x16x16xf32> {{.*}}, %flow: tensor<1x2x4x8x8xf32>
arch.file @net {
  arch.network @net() {
    // CHECK: %appearance.fold = clip.fold_time %rgb : (tensor<1x3x4x16x16xf32>) -> tensor<1x12x1x16x16xf32>
    // CHECK: %appearance.conv = clip.conv %appearance.fold, %appearance.conv.weight bias %appearance.conv.bias window <1x4x4 stride 1x2x2 pad 0x1x1 dilate 1x2x2> {groups = 2 : i64}
    // CHECK-NEXT: %[[A:.*]] = clip.sigmoid %appearance.conv
    // CHECK-NEXT: %appearance.pool = clip.max_pool %[[A]] window <1x3x3 stride 1x2x2 pad 0x1x1 to 0x1x1> {ceil}
    arch.stream appearance {
      arch.call input(rgb, 3x4x16x16)
      arch.call fold(time)
      arch.call conv(1x4x4, ch = 6, stride = 1x2x2, pad = 0x1x1, dilate = 1x2x2, groups = 2, bn = off, act = sigmoid)
      arch.call pool(max, 1x3x3, stride = 1x2x2, pad = 0x1x1, ceil = on)
    }
    // CHECK: %motion.a = clip.conv %flow, %motion.a.weight window <2x2x2 stride 4x3x3 pad 0x0x0 to 0x0x0>
    arch.stream motion {
      arch.call input(flow, 2x4x8x8)
      arch.call a: conv(2x2x2, 6, 4x3x3, same)
      arch.call bn: bn()
      arch.call relu()
    }
  }
}
