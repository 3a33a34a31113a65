// RUN: kinema-opt %s --split-input-file --nvvm-to-emulator | FileCheck %s

gpu.module @m {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32} : !llvm.array<100 x f32>
  llvm.mlir.global internal @flags() {addr_space = 3 : i32, alignment = 64 : i64} : !llvm.array<2 x i8>
  llvm.mlir.global external @dynamic() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal constant @table(dense<[1, 2]> : tensor<2xi32>) {addr_space = 4 : i32} : !llvm.array<2 x i32>

  // CHECK-LABEL: llvm.func @k(
  // CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr) {
  // CHECK: %[[S0:.*]] = llvm.getelementptr %[[ARGS]][0]
  // CHECK: %[[X:.*]] = llvm.load %[[S0]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[S1:.*]] = llvm.getelementptr %[[ARGS]][1]
  // CHECK: %[[N:.*]] = llvm.load %[[S1]] : !llvm.ptr -> i32
  // Where most of global memory lies is before the arguments.
  // CHECK: %[[B:.*]] = llvm.getelementptr %[[ARGS]][-2]
  // CHECK: %[[BEGIN:.*]] = llvm.load %[[B]] : !llvm.ptr -> i64
  // CHECK: %[[L:.*]] = llvm.getelementptr %[[ARGS]][-1]
  // CHECK: %[[LENGTH:.*]] = llvm.load %[[L]] : !llvm.ptr -> i64
  // CHECK: llvm.call @k.body(%[[X]], %[[N]], %[[BEGIN]], %[[LENGTH]])

  // CHECK-LABEL: llvm.func internal @k.body(
  // CHECK-SAME: %[[X:.*]]: !llvm.ptr, %[[N:.*]]: i32, %[[BEGIN:.*]]: i64, %[[LENGTH:.*]]: i64) {
  llvm.func @k(%x: !llvm.ptr<1>, %n: i32) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64, 2>} {
    // Shared addresses start at 1024; what is allocated at the launch comes last.
    // CHECK: %[[PLACE:.*]] = llvm.mlir.constant(1024 : i32)
    // CHECK: %[[TILE:.*]] = llvm.call @kinema_emulator_shared(%[[PLACE]])
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    // CHECK: llvm.mlir.constant(1472 : i32)
    // CHECK-NEXT: llvm.call @kinema_emulator_shared
    %flags = llvm.mlir.addressof @flags : !llvm.ptr<3>
    // CHECK: llvm.mlir.constant(1536 : i32)
    // CHECK-NEXT: llvm.call @kinema_emulator_shared
    %dynamic = llvm.mlir.addressof @dynamic : !llvm.ptr<3>
    // A register, by its number.
    // CHECK: %[[THREAD:.*]] = llvm.mlir.constant(0 : i32)
    // CHECK: llvm.call @kinema_emulator_register(%[[THREAD]], %{{.*}})
    %t = nvvm.read.ptx.sreg.tid.x : i32
    // A check before each access: bytes, alignment, space.
    // CHECK: %[[P:.*]] = llvm.getelementptr %[[X]][%{{.*}}] : (!llvm.ptr, i32) -> !llvm.ptr, vector<4xf32>
    // CHECK: %[[ADDRESS:.*]] = llvm.ptrtoint %[[P]]
    // CHECK: %[[AT:.*]] = llvm.sub %[[ADDRESS]], %[[BEGIN]]
    // CHECK: llvm.icmp "ult" %[[AT]], %[[LENGTH]]
    // CHECK: llvm.cond_br %{{.*}} weights([1000, 1]), ^[[AFTER:.*]], ^[[SLOW:.*]]
    // CHECK: ^[[SLOW]]:
    // CHECK: %[[BYTES:.*]] = llvm.mlir.constant(16 : i64)
    // CHECK: %[[ALIGN:.*]] = llvm.mlir.constant(8 : i32)
    // CHECK: %[[SPACE:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: llvm.call @kinema_emulator_read(%[[P]], %[[BYTES]], %[[ALIGN]], %[[SPACE]], %{{.*}})
    // CHECK-NEXT: llvm.br ^[[AFTER]]
    // CHECK: ^[[AFTER]]:
    // CHECK-NEXT: %[[V:.*]] = llvm.load %[[P]]
    %p = llvm.getelementptr %x[%t] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xf32>
    %v = llvm.load %p {alignment = 8 : i64} : !llvm.ptr<1> -> vector<4xf32>
    // CHECK: %[[SHARED:.*]] = llvm.mlir.constant(3 : i32)
    // CHECK: llvm.call @kinema_emulator_write(%[[TILE]], %{{.*}}, %{{.*}}, %[[SHARED]], %{{.*}})
    // CHECK-NEXT: llvm.store
    llvm.store %t, %tile : i32, !llvm.ptr<3>
    // CHECK: llvm.call @kinema_emulator_barrier(
    nvvm.barrier0
    // The address of shared memory as a number: its low 24 bits.
    // CHECK: %[[HOST:.*]] = llvm.ptrtoint %[[TILE]] : !llvm.ptr to i64
    // CHECK: %[[MASK:.*]] = llvm.mlir.constant(16777215 : i64)
    // CHECK: llvm.and %[[HOST]], %[[MASK]]
    %address = llvm.ptrtoint %tile : !llvm.ptr<3> to i32
    // A variable of the thread's own needs no check.
    // CHECK: %[[OWN:.*]] = llvm.alloca
    // CHECK-NOT: kinema_emulator_write
    // CHECK: llvm.store %{{.*}}, %[[OWN]]
    %one = llvm.mlir.constant(1 : i32) : i32
    %own = llvm.alloca %one x i32 : (i32) -> !llvm.ptr
    llvm.store %address, %own : i32, !llvm.ptr
    // A generic pointer is the same address.
    // CHECK: llvm.call @kinema_emulator_atomic(%[[TILE]],
    // CHECK: llvm.atomicrmw add %[[TILE]], %{{.*}} monotonic
    %generic = llvm.addrspacecast %tile : !llvm.ptr<3> to !llvm.ptr
    %old = llvm.atomicrmw add %generic, %one syncscope("block") monotonic : !llvm.ptr, i32
    // A fence for a part of the device hands on nothing to other blocks.
    // CHECK-NOT: llvm.fence
    llvm.fence syncscope("block") acq_rel
    // CHECK: llvm.call @kinema_emulator_fence_device(
    llvm.fence syncscope("device") acq_rel
    // CHECK: llvm.call @kinema_emulator_fence_device(
    nvvm.memory.barrier #nvvm.mem_scope<gpu>
    // Volatile and ordered accesses, and loads for constants, are told apart.
    // CHECK: llvm.call @kinema_emulator_read_strong(
    // CHECK: llvm.call @kinema_emulator_read_strong(
    // CHECK: llvm.call @kinema_emulator_write_strong(
    // CHECK: llvm.call @kinema_emulator_read_constant(
    %volatile = llvm.load volatile %x : !llvm.ptr<1> -> i32
    %acquired = llvm.load %x atomic syncscope("device") acquire {alignment = 4 : i64} : !llvm.ptr<1> -> i32
    llvm.store %acquired, %x atomic syncscope("device") release {alignment = 4 : i64} : i32, !llvm.ptr<1>
    %constant = llvm.load %x invariant : !llvm.ptr<1> -> i32
    // Places of the same text are told apart by the upper half of their numbers.
    // CHECK: llvm.mlir.constant(11 : i32)
    // CHECK-NEXT: llvm.call @kinema_emulator_write(
    // CHECK: llvm.mlir.constant(65547 : i32)
    // CHECK-NEXT: llvm.call @kinema_emulator_write(
    llvm.store %one, %tile : i32, !llvm.ptr<3> loc("here")
    llvm.store %one, %tile : i32, !llvm.ptr<3> loc("here")
    // A fence of the async proxy, by the memory that it is for.
    // CHECK: %[[GLOBAL:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: llvm.call @kinema_emulator_fence_proxy(%[[GLOBAL]],
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.global>}
    // CHECK: %[[SHAREDONLY:.*]] = llvm.mlir.constant(2 : i32)
    // CHECK: llvm.call @kinema_emulator_fence_proxy(%[[SHAREDONLY]],
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    llvm.return
  }
}
// What the emulator reads: version, threads, cluster, bytes of static shared memory and of all that a
// block may have (of the processor that has most, since the module is for none in particular), numbers of sites and
// globals.
// CHECK: @emulator.sites("nvvm.read.ptx.sreg.tid.x {{.*}}nvvm-to-emulator.mlir:{{[0-9]+}}:{{[0-9]+}}\00llvm.load
// CHECK-LABEL: llvm.mlir.global external constant @k.info()
// CHECK-NEXT: llvm.mlir.constant(4 : i32)
// CHECK-NEXT: llvm.mlir.constant(64 : i32)
// CHECK-NEXT: llvm.mlir.constant(2 : i32)
// CHECK-NEXT: llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.mlir.constant(512 : i32)
// CHECK-NEXT: llvm.mlir.constant(232448 : i32)
// CHECK-NEXT: llvm.mlir.constant(14 : i32)
// CHECK-NEXT: llvm.mlir.constant(1 : i32)

// -----

// A block has what the module's processor gives it.
module attributes {kernel.target = #kernel.target<cuda "sm_89">} {
  gpu.module @m {
    llvm.func @small() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
      llvm.return
    }
  }
}

// CHECK-LABEL: llvm.mlir.global external constant @small.info()
// CHECK: llvm.mlir.constant(101376 : i32)

// -----

// Tensor memory.
gpu.module @m {
  llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4 x i32>

  // CHECK-LABEL: llvm.func internal @tensor.body(
  // CHECK-SAME: %[[OUT:.*]]: !llvm.ptr, %[[A:.*]]: i64, %[[ADDS:.*]]: i1, %[[MASK:.*]]: i16,
  llvm.func @tensor(%out: !llvm.ptr<1>, %a: i64, %adds: i1, %mask: i16) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
    // What loads yield has memory of its own.
    // CHECK: %[[MEMORY:.*]] = llvm.alloca %{{.*}} x vector<8xi32> {alignment = 16 : i64}
    // CHECK: %[[SHARED:.*]] = llvm.call @kinema_emulator_shared(
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %columns = llvm.mlir.constant(64 : i32) : i32
    // CHECK: llvm.call @kinema_emulator_tcgen05_alloc(%[[SHARED]], %[[COLUMNS:.*]], %{{.*}})
    nvvm.tcgen05.alloc %shared, %columns : !llvm.ptr<3>, i32
    // CHECK: llvm.call @kinema_emulator_tcgen05_relinquish(
    nvvm.tcgen05.relinquish_alloc_permit
    // CHECK: %[[NUMBER:.*]] = llvm.load %[[SHARED]]
    // CHECK: %[[D:.*]] = llvm.inttoptr %[[NUMBER]] : i32 to !llvm.ptr
    %number = llvm.load %shared : !llvm.ptr<3> -> i32
    %d = llvm.inttoptr %number : i32 to !llvm.ptr<6>
    // CHECK: %[[ADDSWORD:.*]] = llvm.zext %[[ADDS]] : i1 to i32
    // CHECK: llvm.call @kinema_emulator_tcgen05_product(%[[D]], %[[A]], %[[A]], %[[COLUMNS]], %[[ADDSWORD]], %{{.*}})
    nvvm.tcgen05.mma %d, %a, %a, %columns, %adds {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    // CHECK: %[[NOBLOCKS:.*]] = llvm.mlir.constant(0 : i32)
    // CHECK: llvm.call @kinema_emulator_tcgen05_commit(%[[SHARED]], %[[NOBLOCKS]], %{{.*}})
    nvvm.tcgen05.commit %shared : !llvm.ptr<3>
    // CHECK: %[[BLOCKS:.*]] = llvm.zext %[[MASK]] : i16 to i32
    // CHECK: llvm.call @kinema_emulator_tcgen05_commit(%[[SHARED]], %[[BLOCKS]], %{{.*}})
    nvvm.tcgen05.commit %shared, multicast_mask = %mask : !llvm.ptr<3>, i16
    // CHECK: %[[AFTER:.*]] = llvm.mlir.constant(1 : i32)
    // CHECK: llvm.call @kinema_emulator_tcgen05_fence(%[[AFTER]],
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<after>
    // CHECK: %[[GROUPS:.*]] = llvm.mlir.constant(2 : i32)
    // CHECK: llvm.call @kinema_emulator_tcgen05_load(%[[D]], %[[GROUPS]], %[[MEMORY]], %{{.*}})
    %loaded = nvvm.tcgen05.ld %d {shape = #nvvm.tcgen05_ldst_shape<shape_16x256b>} : vector<8xi32>
    // Each use takes what is there by then.
    // CHECK: %[[EARLY:.*]] = llvm.load %[[MEMORY]] {alignment = 16 : i64} : !llvm.ptr -> vector<8xi32>
    // CHECK-NEXT: llvm.bitcast %[[EARLY]]
    %early = llvm.bitcast %loaded : vector<8xi32> to vector<8xf32>
    // CHECK: llvm.call @kinema_emulator_tcgen05_wait_load(
    nvvm.tcgen05.wait #nvvm.tcgen05_wait<load>
    // CHECK: %[[FORBRANCH:.*]] = llvm.load %[[MEMORY]]
    // CHECK-NEXT: llvm.br ^[[NEXT:.*]](%[[FORBRANCH]] : vector<8xi32>)
    llvm.br ^next(%loaded : vector<8xi32>)
  ^next(%late: vector<8xi32>):
    // CHECK: ^[[NEXT]](%[[LATE:.*]]: vector<8xi32>):
    // CHECK: llvm.store %[[LATE]], %[[OUT]]
    llvm.store %late, %out : vector<8xi32>, !llvm.ptr<1>
    // CHECK: %[[BEFORE:.*]] = llvm.mlir.constant(0 : i32)
    // CHECK: llvm.call @kinema_emulator_tcgen05_fence(%[[BEFORE]],
    nvvm.tcgen05.fence #nvvm.tcgen05_fence<before>
    // CHECK: llvm.call @kinema_emulator_tcgen05_dealloc(%[[D]], %[[COLUMNS]], %{{.*}})
    nvvm.tcgen05.dealloc %d, %columns : !llvm.ptr<6>, i32
    llvm.return
  }
}
