// RUN: kinema-opt %s --pass-pipeline='builtin.module(set-target{kind=cuda name=sm_90a},gpu.module(lower-kernels-to-nvgpu))' | FileCheck %s
// RUN: kinema-opt %s --pass-pipeline='builtin.module(set-target{kind=cuda name=sm_90a},gpu.module(lower-kernels-to-nvgpu,convert-scf-to-cf,lower-nvgpu-to-llvm))' | FileCheck %s --check-prefix=LLVM

#scale = #kernel.schedule<"nvgpu.reference", grid = 1, scratch = 0, {partials = 1, threads = 32}>
#loss = #kernel.schedule<"nvgpu.reference", grid = 1, scratch = 0, {partials = 0, threads = 64}>
#copy = #kernel.schedule<"nvgpu.reference", grid = 4096, scratch = 0, {partials = 0, threads = 256}>
#A8a = #kernel.layout<A8a>
#aBcde8b = #kernel.layout<aBcde8b>

gpu.module @kernels {
  // The block's channels, 43 and their padding, are shared out among its threads, 8 at a time; bfloat16 is widened as
  // it is loaded, 16 bytes at once.

  // CHECK-LABEL: func.func @scale(
  // CHECK-SAME: %[[X:.*]]: memref<48xbf16, 1>, %[[Y:.*]]: memref<48xf32, 1>) attributes {kernel.threads = 32 : i32}
  // CHECK-NEXT: nvvm.griddepcontrol launch_dependents
  // CHECK-NEXT: nvvm.griddepcontrol wait
  // CHECK-NEXT: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x : i32
  // CHECK: %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // CHECK: %[[T:.*]] = arith.index_cast %[[THREAD]] : i32 to index
  // CHECK: %[[STEP:.*]] = arith.constant 32 : index
  // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %[[STEP]]
  // CHECK: %[[NARROW:.*]] = vector.load %[[X]][%{{.*}}] {alignment = 16 : i64} : memref<48xbf16, 1>, vector<8xbf16>
  // CHECK: arith.extf %[[NARROW]] : vector<8xbf16> to vector<8xf32>
  // CHECK: vector.store %{{.*}}, %[[Y]]

  // Control flow in blocks, buffers in global memory, indices of 32 bits, no library.
  // LLVM-LABEL: llvm.func @scale(
  // LLVM-SAME: %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 32>}
  // LLVM: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // LLVM: llvm.br ^{{.*}}(%[[TID]] : i32)
  // LLVM: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xbf16>
  // LLVM-NOT: math.exp
  kernel.def @scale attributes {layers = ["a"]} {
  ^bb0(%x: tensor<43xbf16, #A8a>):
    %y = kernel.finalize (%x : tensor<43xbf16, #A8a>) {
    ^bb0(%a: f32):
      %e = math.exp %a : f32
      kernel.yield value %e
    } {schedule = #scale} -> tensor<43xf32, #A8a>
    kernel.return %y : tensor<43xf32, #A8a>
  }

  // Each warp has clips of its own, whose classes its threads share and put together by a butterfly. The clips' losses
  // are put together warp by warp. One thread stores the sum.
  // CHECK-LABEL: func.func @loss(
  // CHECK: scf.for
  // CHECK: arith.maximumf
  // CHECK: nvvm.shfl.sync bfly
  // CHECK: memref.store %{{.*}} : memref<80xf32, 1>
  // CHECK: nvvm.shfl.sync bfly
  // CHECK: nvvm.barrier
  // CHECK: %[[FIRST:.*]] = arith.cmpi eq, %{{.*}}, %{{.*}} : index
  // CHECK: scf.if %[[FIRST]] {
  // CHECK-NOT: }
  // CHECK: memref.store %{{.*}} : memref<1xf32, 1>
  kernel.def @loss attributes {layers = ["b"]} {
  ^bb0(%x: tensor<2x40x1x1x1xf32, #aBcde8b>, %l: tensor<2xi32>):
    %loss, %d = kernel.softmax_xent %x, %l {schedule = #loss, smoothing = 0.0 : f64} : (tensor<2x40x1x1x1xf32, #aBcde8b>, tensor<2xi32>) -> (tensor<f32>, tensor<2x40x1x1x1xf32, #aBcde8b>)
    kernel.return %loss, %d : tensor<f32>, tensor<2x40x1x1x1xf32, #aBcde8b>
  }
}

// A buffer of 2^31 elements and more needs wider indices.
gpu.module @large {
  // LLVM-LABEL: llvm.func @copy(
  // LLVM: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x : i32
  // LLVM: llvm.sext %[[TID]] : i32 to i64
  kernel.def @copy attributes {layers = ["c"]} {
  ^bb0(%x: tensor<2147483656xf32>):
    %y = kernel.convert %x {schedule = #copy} : tensor<2147483656xf32> -> tensor<2147483656xf32>
    kernel.return %y : tensor<2147483656xf32>
  }
}
