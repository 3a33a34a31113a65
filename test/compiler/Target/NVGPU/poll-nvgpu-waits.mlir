// RUN: kinema-opt %s --split-input-file --pass-pipeline="builtin.module(gpu.module(poll-nvgpu-waits))" | FileCheck %s

// CHECK-LABEL: llvm.func @ampere
// CHECK: %[[BARRIER:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK: llvm.inline_asm has_side_effects
// CHECK-SAME: LOOK:\0Ambarrier.test_wait.parity.shared.b64 done, [$0], $1;\0A@done bra DONE;\0Ananosleep.u32 20;\0Abra LOOK;\0ADONE:
// CHECK-SAME: "r,r,~{memory}" %[[BARRIER]], %{{.*}} : (i32, i32) -> ()
// CHECK-NOT: nvvm.mbarrier.try_wait.parity
module attributes {kernel.target = #kernel.target<cuda "sm_80">} {
  gpu.module @part {
    llvm.mlir.global external @shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
    llvm.func @ampere() attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %barrier = llvm.mlir.addressof @shared : !llvm.ptr<3>
      nvvm.mbarrier.try_wait.parity %barrier, %zero, %zero : !llvm.ptr<3>, i32, i32
      llvm.return
    }
  }
}

// -----

// CHECK-LABEL: llvm.func @hopper
// CHECK: nvvm.mbarrier.try_wait.parity
module attributes {kernel.target = #kernel.target<cuda "sm_90a">} {
  gpu.module @part {
    llvm.mlir.global external @shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
    llvm.func @hopper() attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %barrier = llvm.mlir.addressof @shared : !llvm.ptr<3>
      nvvm.mbarrier.try_wait.parity %barrier, %zero, %zero : !llvm.ptr<3>, i32, i32
      llvm.return
    }
  }
}
