// RUN: kinema-opt %s --set-target --assign-cpu-schedules --split-input-file | FileCheck %s
// RUN: kinema-opt %s --set-target --assign-cpu-schedules=choice=1 --split-input-file | FileCheck %s --check-prefix=SECOND
// RUN: kinema-opt %s --set-target --assign-cpu-schedules=choice=99 --split-input-file | FileCheck %s --check-prefix=LAST
// RUN: not kinema-opt %s --set-target --assign-cpu-schedules=measurements=%S/Inputs/broken.json --split-input-file 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: not kinema-opt %s --set-target --assign-cpu-schedules=measurements=%S/Inputs/elsewhere.json --split-input-file 2>&1 | FileCheck %s --check-prefix=ELSEWHERE
// BROKEN: error: {{.*}}broken.json: no JSON: [3:0, byte={{[0-9]+}}]: {{.*}}; `kinema tune` writes such files
// ELSEWHERE: error: {{.*}}elsewhere.json: was measured for sm_90a, not for x86-64-v3; `kinema tune --target x86-64-v3` measures for that

// Inference: the folded weight is brought to points, which are prepared in its place. A parameter's points are prepared as
// well. Windows of 3 frames whose rows and columns have strides, or one tap, are tiled along T.

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
#A8a = #kernel.layout<A8a>
!x = tensor<2x64x4x56x56xf32, #aBcde8b>
!y = tensor<2x64x4x28x28xf32, #aBcde8b>
!w = tensor<64x64x3x3x3xf32, #ABcde8b8a>
!wt = tensor<64x64x3x1x1xf32, #ABcde8b8a>
!c = tensor<64xf32, #A8a>

// CHECK-DAG: #[[W:.*]] = #kernel.layout<ABcde8b8a>
// CHECK-DAG: #[[P:.*]] = #kernel.layout<cdeAB8b8a>
// CHECK-DAG: #kernel.layout<cABde8b8a>
module {
  clip.param @a.weight : tensor<64x64x3x3x3xf32> {role = "weight"}
  clip.param @b.weight : tensor<64x64x3x3x3xf32> {role = "weight"}
  clip.param @t.weight : tensor<64x64x3x1x1xf32> {role = "weight"}
  clip.param @u.weight : tensor<64x64x3x3x3xf32> {role = "weight"}
  clip.param @scale : tensor<64xf32> {role = "gamma"}

  // CHECK-LABEL: func.func @infer
  // CHECK: %[[F:.*]] = kernel.fold
  // CHECK-NOT: clip.prepared "a.weight.folded",
  // CHECK: %[[V:.*]] = kernel.winograd %[[F]] {schedule = #kernel.schedule<"cpu.winograd", grid = 64, scratch = 0, {}>} : tensor<64x64x3x3x3xf32, #[[W]]> -> tensor<64x64x6x6x6xf32, #[[P]]>
  // CHECK: %[[U:.*]] = clip.prepared "a.weight.folded.winograd4x4x4", %[[V]]
  // CHECK: kernel.conv forward %[[U]] window <3x3x3 pad 1x1x1>
  // CHECK: {schedule = #kernel.schedule<"cpu.tile", {{.*}}winograd = 4 : i64, winograd_frames = 4 : i64}>} : tensor<64x64x6x6x6xf32, #[[P]]>
  // CHECK: %[[OWN:.*]] = clip.prepared "u.weight.winograd4x4x4"
  // CHECK: kernel.conv forward %[[OWN]]
  // CHECK-NOT: clip.prepared
  // CHECK: kernel.conv forward %[[OWN]]
  // CHECK: %[[B:.*]] = clip.prepared "b.weight.winograd4x1x1", {{.*}} : tensor<64x64x6x3x3xf32, #[[T:.*]]>
  // CHECK: kernel.conv forward %[[B]] window <3x3x3 stride 1x2x2 pad 1x1x1>
  // CHECK: winograd = 1 : i64, winograd_frames = 4 : i64
  // CHECK: %[[G:.*]] = kernel.winograd {{.*}} : tensor<64x64x3x1x1xf32, #[[W]]> -> tensor<64x64x6x1x1xf32, #[[T]]>
  // CHECK: %[[H:.*]] = clip.prepared "t.weight.winograd4x1x1", %[[G]]
  // CHECK: kernel.conv forward %[[H]] window <3x1x1 pad 1x0x0>
  // CHECK: winograd = 1 : i64, winograd_frames = 4 : i64
  // CHECK: return
  func.func @infer(%x: !x) -> !y {
    %m = clip.read @a.weight : !w
    %s = clip.read @scale : !c
    %f = kernel.fold %m, %s : (!w, !c) -> !w
    %a = clip.prepared "a.weight.folded", %f : !w
    %b = clip.read @b.weight : !w
    %t = clip.read @t.weight : !wt
    %u = clip.read @u.weight : !w
    %1 = kernel.conv forward %a window <3x3x3 pad 1x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> !x
    %own = kernel.conv forward %u window <3x3x3 pad 1x1x1> prologue(pixel %1) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> !x
    %again = kernel.conv forward %u window <3x3x3 pad 1x1x1> prologue(pixel %own) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> !x
    %2 = kernel.conv forward %b window <3x3x3 stride 1x2x2 pad 1x1x1> prologue(pixel %again) : (!x) {
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
}

// -----

// A step makes the points anew, of the data gradient's weight turned round.

#aBcde8b = #kernel.layout<aBcde8b>
#BAcde8a8b = #kernel.layout<BAcde8a8b>
!x = tensor<2x64x4x56x56xf32, #aBcde8b>
!w = tensor<64x64x1x3x3xf32, #BAcde8a8b>

// CHECK-LABEL: func.func @train_step
// CHECK-NOT: clip.prepared
// CHECK: %[[U:.*]] = kernel.winograd %{{.*}} turned {{.*}} : tensor<64x64x1x3x3xf32, #{{.*}}> -> tensor<64x64x1x6x6xf32, #[[P:.*]]>
// CHECK: kernel.conv transposed %[[U]]
// The second choice is the best with tiles of another size, the last one some block of a size that is far behind.
// SECOND-LABEL: func.func @train_step
// SECOND: kernel.conv transposed
// SECOND-SAME: window <1x3x3
// SECOND: winograd = {{1|2}} : i64, winograd_frames = 1 : i64}>
// LAST-LABEL: func.func @train_step
// LAST: kernel.conv transposed
// LAST: schedule = #kernel.schedule<"cpu.tile"
// CHECK: winograd = 4 : i64, winograd_frames = 1 : i64}
clip.param @w : tensor<64x64x1x3x3xf32> {role = "weight"}
func.func @train_step(%g: !x) -> !x {
  %w = clip.read @w : !w
  %1 = kernel.conv transposed %w window <1x3x3 pad 0x1x1> prologue(pixel %g) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  clip.write @w, %w : !w
  return %1 : !x
}

// -----

// The recipe turns it off.

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
!x = tensor<2x64x4x56x56xf32, #aBcde8b>
!w = tensor<64x64x1x3x3xf32, #ABcde8b8a>

// CHECK-LABEL: func.func @off
// CHECK-NOT: kernel.winograd
// CHECK: winograd = 1 : i64
// CHECK: kernel.wgrad
// CHECK: winograd = 1 : i64
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
  } : tensor<?x64x64x1x3x3xf32, #aBCdef8c8b>
  %3 = kernel.reduce %2 : tensor<?x64x64x1x3x3xf32, #aBCdef8c8b> -> !w
  return %1, %3 : !x, !w
}
}
