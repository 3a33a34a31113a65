// RUN: kinema-opt %s --set-target --use-winograd --split-input-file | FileCheck %s
// RUN: kinema-opt %s --set-target --use-winograd --assign-cpu-schedules --split-input-file | FileCheck %s --check-prefix=SCHEDULED
// RUN: kinema-opt %s --set-target --use-winograd=choice=1 --split-input-file | FileCheck %s --check-prefix=SECOND
// RUN: kinema-opt %s --set-target --use-winograd=choice=99 --split-input-file | FileCheck %s --check-prefix=LAST
// RUN: not kinema-opt %s --set-target --use-winograd=measurements=%S/Inputs/broken.json --split-input-file 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: not kinema-opt %s --set-target --assign-cpu-schedules=measurements=%S/Inputs/broken.json --split-input-file 2>&1 | FileCheck %s --check-prefix=BROKEN
// BROKEN: error: {{.*}}broken.json: no JSON: [3:0, byte={{[0-9]+}}]: {{.*}}; `kinema tune` and bench/tune write such files

// Inference: the folded weight is brought to points in @prepare, and is itself no longer kept. Small tiles of a small
// map, strides, and windows that are not 3 x 3 stay as they are.

#c8 = #kernel.layout<blocked block = 8>
#w8 = #kernel.layout<weight block = 8 reduce = 8>
!x = tensor<2x64x4x56x56xf32, #c8>
!y = tensor<2x64x4x28x28xf32, #c8>
!w = tensor<64x64x3x3x3xf32, #w8>
!wt = tensor<64x64x3x1x1xf32, #w8>
!c = tensor<64xf32, #c8>

// CHECK-DAG: #[[W:.*]] = #kernel.layout<weight block = 8 reduce = 8>
// CHECK-DAG: #[[P:.*]] = #kernel.layout<points block = 8 reduce = 8>
module {
  // CHECK-DAG: clip.param @a.weight : tensor<64x64x3x3x3xf32>
  // CHECK-DAG: clip.param @a.weight.folded.winograd4 : tensor<64x64x3x6x6xf32> {role = "folded"}
  // CHECK-NOT: clip.param @a.weight.folded :
  clip.param @a.weight : tensor<64x64x3x3x3xf32> {role = "weight"}
  clip.param @a.weight.folded : tensor<64x64x3x3x3xf32> {role = "folded"}
  clip.param @b.weight : tensor<64x64x3x3x3xf32> {role = "weight"}
  clip.param @t.weight : tensor<64x64x3x1x1xf32> {role = "weight"}
  clip.param @scale : tensor<64xf32> {role = "gamma"}

  // CHECK-LABEL: func.func @infer
  // CHECK: %[[U:.*]] = clip.read @a.weight.folded.winograd4 : tensor<64x64x3x6x6xf32, #[[P]]>
  // CHECK: kernel.conv forward %[[U]] window <3x3x3 pad 1x1x1>
  // CHECK: {schedule = #kernel.schedule<"cpu.tile", {{.*}}winograd = 4 : i64}>, winograd = 4 : i64} : tensor<64x64x3x6x6xf32, #[[P]]>
  // CHECK: kernel.conv forward %{{.*}} window <3x3x3 stride 1x2x2 pad 1x1x1>
  // CHECK-NOT: winograd
  // CHECK: kernel.conv forward %{{.*}} window <3x1x1 pad 1x0x0>
  // CHECK-NOT: winograd
  // CHECK: return
  // SCHEDULED-LABEL: func.func @infer
  // SCHEDULED: schedule = #kernel.schedule<"cpu.tile", {{.*}}>, winograd = 4 : i64}
  func.func @infer(%x: !x) -> !y {
    %a = clip.read @a.weight.folded : !w
    %b = clip.read @b.weight : !w
    %t = clip.read @t.weight : !wt
    %1 = kernel.conv forward %a window <3x3x3 pad 1x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> !x
    %2 = kernel.conv forward %b window <3x3x3 stride 1x2x2 pad 1x1x1> prologue(pixel %1) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> !y
    %3 = kernel.conv forward %t window <3x1x1 pad 1x0x0> prologue(pixel %2) : (!y) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !wt -> !y
    return %3 : !y
  }
  // CHECK-LABEL: func.func @prepare
  // CHECK: %[[F:.*]] = kernel.fold
  // CHECK-NOT: clip.write @a.weight.folded,
  // CHECK: %[[V:.*]] = kernel.winograd 4 %[[F]] : tensor<64x64x3x3x3xf32, #[[W]]> -> tensor<64x64x3x6x6xf32, #[[P]]>
  // CHECK: clip.write @a.weight.folded.winograd4, %[[V]]
  // SCHEDULED-LABEL: func.func @prepare
  // SCHEDULED: kernel.winograd 4 {{.*}} {schedule = #kernel.schedule<"cpu.winograd", grid = 64, scratch = 0, {}>}
  func.func @prepare() {
    %w = clip.read @a.weight : !w
    %s = clip.read @scale : !c
    %f = kernel.fold %w, %s : (!w, !c) -> !w
    clip.write @a.weight.folded, %f : !w
    return
  }
}

// -----

// A step makes the points anew, of the data gradient's weight turned round.

#c8 = #kernel.layout<blocked block = 8>
#w8 = #kernel.layout<weight_transposed block = 8 reduce = 8>
!x = tensor<2x64x4x56x56xf32, #c8>
!w = tensor<64x64x1x3x3xf32, #w8>

// CHECK-LABEL: func.func @train_step
// CHECK: %[[U:.*]] = kernel.winograd 4 %{{.*}} turned : tensor<64x64x1x3x3xf32, #{{.*}}> -> tensor<64x64x1x6x6xf32, #[[P:.*]]>
// CHECK: kernel.conv transposed %[[U]]
// The second choice is the best with tiles of another size, the last one some block of a size that is far behind.
// SECOND-LABEL: func.func @train_step
// SECOND: kernel.conv transposed
// SECOND-SAME: window <1x3x3
// SECOND: winograd = {{1|2}} : i64}>
// LAST-LABEL: func.func @train_step
// LAST: kernel.conv transposed
// LAST: schedule = #kernel.schedule<"cpu.tile"
// CHECK: winograd = 4 : i64}
func.func @train_step(%g: !x, %w: !w) -> !x {
  %1 = kernel.conv transposed %w window <1x3x3 pad 0x1x1> prologue(pixel %g) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  return %1 : !x
}

// -----

// The recipe turns it off.

#c8 = #kernel.layout<blocked block = 8>
#w8 = #kernel.layout<weight block = 8 reduce = 8>
!x = tensor<2x64x4x56x56xf32, #c8>
!w = tensor<64x64x1x3x3xf32, #w8>

// CHECK-LABEL: func.func @off
// CHECK-NOT: winograd
// CHECK: return
// SCHEDULED-LABEL: func.func @off
// SCHEDULED: kernel.wgrad
// SCHEDULED: winograd = 1 : i64
module attributes {clip.recipe = {compute = {winograd = false}}} {
func.func @off(%x: !x, %w: !w) -> (!x, !w) {
  %1 = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %2 = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %1) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : tensor<?x64x64x1x3x3xf32, #w8>
  %3 = kernel.reduce %2 : tensor<?x64x64x1x3x3xf32, #w8> -> !w
  return %1, %3 : !x, !w
}
}
