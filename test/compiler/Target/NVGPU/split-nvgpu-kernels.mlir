// RUN: kinema-opt %s --split-nvgpu-kernels=kernels-per-module=2 | FileCheck %s

// CHECK: kernel.def @k0
// CHECK: kernel.def @k1
// CHECK: kernel.entry @infer
// CHECK: kernel.def @k2
// CHECK: gpu.module @part0 {
// CHECK: kernel.def @k0
// CHECK: kernel.def @k1
// CHECK: gpu.module @part1 {
// CHECK: kernel.def @k2
// CHECK-NOT: kernel.entry
kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}
kernel.def @k1 attributes {layers = ["b"]} {
^bb0(%x: tensor<16xf32>):
  %y = kernel.convert %x : tensor<16xf32> -> tensor<16xf32>
  kernel.return %y : tensor<16xf32>
}
kernel.entry @infer {
  kernel.launch @k0 [0, 64] {reads = 32 : i64, writes = 32 : i64, macs = 0 : i64, layer = "a"}
}
kernel.def @k2 attributes {layers = ["c"]} {
^bb0(%x: tensor<24xf32>):
  %y = kernel.convert %x : tensor<24xf32> -> tensor<24xf32>
  kernel.return %y : tensor<24xf32>
}
