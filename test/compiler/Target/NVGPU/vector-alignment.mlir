// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-schedules --nvgpu-lowering | FileCheck %s

// A vector that is not known to lie at a multiple of its size is moved element by element: what transforms the halo in
// shared memory must read and write 16 bytes at once, the epilogue pairs of channels, and so must the pair's vectors.

#aBcde8b = #kernel.layout<aBcde8b>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
#A8a = #kernel.layout<A8a>
!z = tensor<1x16x1x8x8xbf16, #aBcde8b>
!w = tensor<16x16x1x1x1xbf16, #cdeBA8a8b>
!c = tensor<16xf32, #A8a>

// CHECK-LABEL: llvm.func @conv
// CHECK-NOT: alignment = 2 : i64
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<8xbf16>
// CHECK-NOT: alignment = 2 : i64
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK-NOT: alignment = 2 : i64
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> vector<2xbf16>
// CHECK-NOT: alignment = 2 : i64
// CHECK: llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<3> -> vector<2xf32>
// CHECK-NOT: alignment = 2 : i64
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : vector<2xbf16>, !llvm.ptr<1>
// CHECK-NOT: alignment = 2 : i64
kernel.def @conv attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !z, %r: !z, %s: !c):
  %y = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (!z) {
  ^bb0(%v: f32):
    %twice = arith.addf %v, %v : f32
    kernel.yield value %twice
  } epilogue(pixel %r, channel %s) : (!z, !c) {
  ^bb0(%sum: f32, %v: f32, %scale: f32):
    %o = math.fma %v, %scale, %sum : f32
    kernel.yield store %o
  } : !w -> !z
  kernel.return %y : !z
}
