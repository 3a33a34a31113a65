// RUN: kinema-opt %s --set-target=name=x86-64-v4-bf16 --assign-cpu-schedules --lower-kernels-to-cpu | FileCheck %s
// RUN: kinema-opt %s --set-target=name=x86-64-v4-amx --assign-cpu-schedules --lower-kernels-to-cpu | FileCheck %s --check-prefix=MATRICES
// RUN: kinema-opt %s --set-target=name=x86-64-v4 --assign-cpu-schedules | FileCheck %s --check-prefix=SINGLE

// A conv in bf16 multiplies pairs of channels where the level does, its weight gradient pairs of columns. A weight in
// pairs is no other level's. Where it multiplies matrices, pixels of a step are brought together, and the
// activation of a weight gradient is turned.

#aBcde16b = #kernel.layout<aBcde16b>
#ABcde8b16a2b = #kernel.layout<ABcde8b16a2b>
#aBCdef16c16b = #kernel.layout<aBCdef16c16b>
!z = tensor<1x32x2x8x8xbf16, #aBcde16b>
!w = tensor<32x32x1x3x3xbf16, #ABcde8b16a2b>
!g = tensor<?x32x32x1x5x5xf32, #aBCdef16c16b>

// CHECK-LABEL: func.func @conv(
// CHECK: arith.shrui
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
// CHECK: vector.bitcast %{{.*}} : vector<16xi16> to vector<8xf32>
// CHECK: call @conv_tile_8x2_8_pairs(
// MATRICES-LABEL: func.func @conv(
// MATRICES: call @conv_tile_32x2_8_matrices(
// SINGLE-LABEL: kernel.def @conv
// SINGLE: schedule = #kernel.schedule<"cpu.reference"
kernel.def @conv attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !z):
  %z = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !z
  kernel.return %z : !z
}

// CHECK-LABEL: func.func @wgrad(
// CHECK: arith.ori
// CHECK: call @wgrad_tile_{{.*}}_pairs(
// CHECK: func.func private @conv_tile_8x2_8_pairs(
// CHECK: vector.load %{{.*}} : memref<{{.*}}xbf16>, vector<32xbf16>
// CHECK-COUNT-16: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// MATRICES-LABEL: func.func @wgrad(
// MATRICES: vector.shuffle
// MATRICES: call @wgrad_tile_4x2_16_matrices(
// MATRICES: func.func private @conv_tile_32x2_8_matrices(
// MATRICES: memref.alloca() {alignment = 64 : i64} : memref<256xf32>
// MATRICES: memref.alloca() {alignment = 64 : i64} : memref<1024xf32>
// MATRICES: scf.for {{.*}} -> (!llvm.x86_amx, !llvm.x86_amx, !llvm.x86_amx, !llvm.x86_amx)
// MATRICES: llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// MATRICES-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"
// MATRICES: func.func private @wgrad_tile_4x2_16_matrices(
// MATRICES-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"
// SINGLE-LABEL: kernel.def @wgrad
// SINGLE: schedule = #kernel.schedule<"cpu.wgrad_tile"
kernel.def @wgrad attributes {layers = ["a"]} {
^bb0(%d: !z, %x: !z):
  %g = kernel.wgrad window <1x5x5 pad 0x2x2> gradient(pixel %d) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !g
  kernel.return %g : !g
}
