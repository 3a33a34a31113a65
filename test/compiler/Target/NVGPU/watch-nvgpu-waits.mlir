// RUN: kinema-opt %s --watch-nvgpu-waits | FileCheck %s

// Every kernel gets one more argument, every wait its site: 1 and 2, above 40 bits for thread and block.

// CHECK: module attributes {kernel.sites = ["first: waits until a stage of the weights is full", "second: waits for an mbarrier"]
// CHECK: llvm.func @first(%{{.*}}: !llvm.ptr<1>, %[[RECORD:.*]]: !llvm.ptr<1>)
// CHECK: %[[BARRIER:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK: llvm.inline_asm has_side_effects
// CHECK-SAME: mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1, $2;
// CHECK-SAME: setp.gt.u64 done, now, 4000000000;
// CHECK-SAME: or.b64 told, told, 1099511627776;
// CHECK-SAME: st.relaxed.sys.global.b64 [$3], told;
// CHECK-SAME: trap;\0ADONE:\0A}", "r,r,r,l,~{memory}"
// CHECK-SAME: %[[BARRIER]], %{{.*}}, %{{.*}}, %[[RECORD]]
// CHECK-NOT: nvvm.mbarrier.try_wait.parity
// CHECK: llvm.func @second
// CHECK: or.b64 told, told, 2199023255552;
// CHECK: llvm.func @without(%{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>)
module attributes {kernel.target = #kernel.target<cuda "sm_90a">} {
  gpu.module @part0 {
    llvm.mlir.global external @shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
    llvm.func @first(%x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %barrier = llvm.mlir.addressof @shared : !llvm.ptr<3>
      nvvm.mbarrier.try_wait.parity %barrier, %zero, %zero : !llvm.ptr<3>, i32, i32 loc("waits until a stage of the weights is full"("layer"))
      llvm.return
    }
  }
  gpu.module @part1 {
    llvm.mlir.global external @shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
    llvm.func @second(%x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %barrier = llvm.mlir.addressof @shared : !llvm.ptr<3>
      nvvm.mbarrier.try_wait.parity %barrier, %zero, %zero : !llvm.ptr<3>, i32, i32
      llvm.return
    }
    llvm.func @without(%x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
}
