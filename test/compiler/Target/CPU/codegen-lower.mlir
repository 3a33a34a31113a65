// RUN: kinema-opt %s --set-target --split-input-file --lower-kernels-to-cpu --verify-diagnostics | FileCheck %s
// RUN: kinema-opt %s --set-target --split-input-file --cpu-lowering | FileCheck %s --check-prefix=LLVM

#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {partials = 1}>
!c = tensor<16xf32>

// CHECK-LABEL: func.func @k0(
// CHECK-SAME: %[[X:.*]]: memref<16xf32>, %[[Y:.*]]: memref<16xf32>, %[[BEGIN:.*]]: index, %[[END:.*]]: index, %{{.*}}: memref<0xf32>) {
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// CHECK: scf.for
// CHECK: %[[V:.*]] = vector.load %[[X]][%[[C:.*]]] : memref<16xf32>, vector<8xf32>
// CHECK-NEXT: %[[E:.*]] = math.exp %[[V]] : vector<8xf32>
// CHECK-NEXT: vector.store %[[E]], %[[Y]][%[[C]]]
// CHECK-NOT: kernel.finalize

// The kernels stay beside modules with an exported function for each.
// LLVM: kernel.target = #kernel.target<cpu "x86-64-v3">
// LLVM: kernel.def @k0
// LLVM: module {
// LLVM-NOT: kernel.
// LLVM: llvm.func @k0(%[[ARGS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %[[SCRATCH:.*]]: !llvm.ptr) {
// LLVM: %[[S0:.*]] = llvm.getelementptr %[[ARGS]][0]
// LLVM-NEXT: %[[X:.*]] = llvm.load %[[S0]]
// LLVM-NEXT: %[[S1:.*]] = llvm.getelementptr %[[ARGS]][1]
// LLVM-NEXT: %[[Y:.*]] = llvm.load %[[S1]]
// LLVM-NEXT: llvm.call @k0.body(%[[X]], %[[Y]], %[[BEGIN]], %[[END]], %[[SCRATCH]])
// LLVM: llvm.func internal @k0.body(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// LLVM-NOT: math.exp
kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: !c):
  %y = kernel.finalize (%x : !c) {
  ^bb0(%a: f32):
    %e = math.exp %a : f32
    kernel.yield value %e
  } {schedule = #s} -> !c
  kernel.return %y : !c
}

// -----

// In memory, bfloat16s are integers: what LLVM does with values that it loads or stores needs no arithmetic of theirs.

// LLVM: llvm.func internal @k0.body(
// LLVM-NOT: {{(load|store).*bf16}}
// LLVM: llvm.load %{{.*}} : !llvm.ptr -> vector<8xi16>
// LLVM-NOT: {{(load|store).*bf16}}
// LLVM: llvm.store %{{.*}} : vector<8xi16>, !llvm.ptr
// LLVM-NOT: {{(load|store).*bf16}}
// LLVM: llvm.return
#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {partials = 1}>
#aBcde8b = #kernel.layout<aBcde8b>
!x = tensor<1x8x1x1x4xbf16, #aBcde8b>
kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: !x):
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    %e = arith.negf %a : f32
    kernel.yield store %e
  } {schedule = #s} -> !x
  kernel.return %y : !x
}

// -----

// A conv adds up its products in f64, in which those of two f32 are exact, and rounds once.

// CHECK-LABEL: func.func @k0(
// CHECK: scf.if %{{.*}} -> (vector<8xf64>)
// CHECK: %[[A:.*]] = arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// CHECK: %[[B:.*]] = arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// CHECK: math.fma %[[A]], %[[B]], %{{.*}} : vector<8xf64>
// CHECK: arith.truncf %{{.*}} : vector<8xf64> to vector<8xf32>
// CHECK: vector.store
#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {partials = 1}>
#aBcde8b = #kernel.layout<aBcde8b>
!x = tensor<1x8x1x1x4xf32, #aBcde8b>
!w = tensor<8x8x1x1x1xf32, #kernel.layout<Abcde8a>>
kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  %y = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #s} : !w -> !x
  kernel.return %y : !x
}
