// RUN: kinema-opt %s --set-target=name=x86-64-v4 --assign-cpu-schedules | FileCheck %s
// RUN: kinema-opt %s --set-target=name=x86-64-v4 --assign-cpu-schedules --lower-kernels-to-cpu | FileCheck %s --check-prefix=LOWER
// RUN: kinema-opt %s --set-target --assign-cpu-schedules | FileCheck %s --check-prefix=LEAST
// RUN: not kinema-opt %s --set-target=name=x86-64-v2 --assign-cpu-schedules 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// Blocks of 16 channels are the vectors of AVX-512; at another level they are nobody's.

#aBcde16b = #kernel.layout<aBcde16b>
#ABcde16b16a = #kernel.layout<ABcde16b16a>
!z = tensor<1x32x2x8x8xf32, #aBcde16b>
!w = tensor<32x32x1x3x3xf32, #ABcde16b16a>

// CHECK: kernel.conv forward
// CHECK: schedule = #kernel.schedule<"cpu.tile"
// LOWER: func.func private @conv_tile_8x2_16(
// LOWER-COUNT-16: math.fma %{{.*}} : vector<16xf32>
// LEAST: kernel.conv forward
// LEAST: schedule = #kernel.schedule<"cpu.reference"
// UNKNOWN: error: the module is for #kernel.target<cpu "x86-64-v2">; here it can be for x86-64-v3, x86-64-v4, x86-64-v4-bf16, x86-64-v4-amx, aarch64

kernel.def @k attributes {layers = ["a"]} {
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
