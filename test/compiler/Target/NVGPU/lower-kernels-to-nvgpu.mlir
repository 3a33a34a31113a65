// RUN: kinema-opt %s --pass-pipeline='builtin.module(gpu.module(lower-kernels-to-nvgpu))' | FileCheck %s
// RUN: kinema-opt %s --pass-pipeline='builtin.module(gpu.module(lower-kernels-to-nvgpu,convert-scf-to-cf,lower-nvgpu-to-llvm))' | FileCheck %s --check-prefix=LLVM

#s = #kernel.schedule<"sm90.reference", grid = 1, scratch = 0, {partials = 0, threads = 64}>
#c8 = #kernel.layout<blocked block = 8>

gpu.module @kernels {
  // The block's channels, 43 and their padding, are shared out among its threads; bfloat16 is widened as it is loaded.

  // CHECK-LABEL: func.func @scale(
  // CHECK-SAME: %[[X:.*]]: memref<48xbf16, 1>, %[[Y:.*]]: memref<48xf32, 1>) attributes {kernel.threads = 64 : i32}
  // CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x : i32
  // CHECK: %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // CHECK: %[[T:.*]] = arith.index_cast %[[THREAD]] : i32 to index
  // CHECK: %[[STEP:.*]] = arith.constant 64 : index
  // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %[[STEP]]
  // CHECK: %[[NARROW:.*]] = memref.load %[[X]]
  // CHECK: arith.extf %[[NARROW]] : bf16 to f32
  // CHECK: memref.store %{{.*}}, %[[Y]]

  // Control flow in blocks, buffers in global memory, indices of 32 bits, no library.
  // LLVM-LABEL: llvm.func @scale(
  // LLVM-SAME: %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>}
  // LLVM: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // LLVM: llvm.br ^{{.*}}(%[[TID]] : i32)
  // LLVM: llvm.load %{{.*}} : !llvm.ptr<1> -> bf16
  // LLVM-NOT: math.exp
  kernel.def @scale attributes {layers = ["a"]} {
  ^bb0(%x: tensor<43xbf16, #c8>):
    %y = kernel.finalize (%x : tensor<43xbf16, #c8>) {
    ^bb0(%a: f32):
      %e = math.exp %a : f32
      kernel.yield value %e
    } {schedule = #s} -> tensor<43xf32, #c8>
    kernel.return %y : tensor<43xf32, #c8>
  }

  // One thread does what has an order over all clips.
  // CHECK-LABEL: func.func @loss(
  // CHECK: %[[T:.*]] = arith.index_cast %{{.*}} : i32 to index
  // CHECK: %[[LAST:.*]] = arith.constant 1 : index
  // CHECK: scf.for %{{.*}} = %{{.*}} to %[[LAST]] step
  kernel.def @loss attributes {layers = ["b"]} {
  ^bb0(%x: tensor<2x5x1x1x1xf32, #c8>, %l: tensor<2xi32>):
    %loss, %d = kernel.softmax_xent %x, %l {schedule = #s, smoothing = 0.0 : f64} : (tensor<2x5x1x1x1xf32, #c8>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32, #c8>)
    kernel.return %loss, %d : tensor<f32>, tensor<2x5x1x1x1xf32, #c8>
  }
}

// A buffer of 2^31 elements and more needs wider indices.
gpu.module @large {
  // LLVM-LABEL: llvm.func @copy(
  // LLVM: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // LLVM: llvm.sext %[[TID]] : i32 to i64
  kernel.def @copy attributes {layers = ["c"]} {
  ^bb0(%x: tensor<2147483656xf32>):
    %y = kernel.convert %x {schedule = #s} : tensor<2147483656xf32> -> tensor<2147483656xf32>
    kernel.return %y : tensor<2147483656xf32>
  }
}
