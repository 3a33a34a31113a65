// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --pair-nvgpu-convs=always --split-input-file | FileCheck %s
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --pair-nvgpu-convs=always --assign-nvgpu-schedules --split-input-file | FileCheck %s --check-prefix=SCHEDULED

// A conv within frames and the one across frames that alone reads it: the first one's epilogue, then the second one's
// prologue, are the pair's middle.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
!x = tensor<2x24x5x9x9xbf16, #aBcde8b>
!z = tensor<2x40x5x9x9xbf16, #aBcde8b>
!y = tensor<2x16x5x9x9xbf16, #aBcde8b>
!cz = tensor<40xf32, #A8a>
!w1 = tensor<40x24x1x3x3xbf16, #cdeBA8a8b>
!w2 = tensor<16x40x3x1x1xbf16, #cdeBA8a8b>

// CHECK-LABEL: func.func @pair
// CHECK-NOT: kernel.conv
// CHECK: %[[Y:.*]] = kernel.pair %{{.*}} window <1x3x3 pad 0x1x1> then %{{.*}} window <3x1x1 pad 1x0x0>
// CHECK-SAME: prologue (pixel %{{.*}}) : (tensor<2x24x5x9x9xbf16, #aBcde8b>)
// CHECK: } middle (channel %{{.*}}, channel %{{.*}}) : (tensor<40xf32, #A8a>, tensor<40xf32, #A8a>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[B:.*]]: f32, %[[S:.*]]: f32):
// CHECK-NEXT: %[[M:.*]] = arith.addf %[[ACC]], %[[B]] : f32
// CHECK-NEXT: %[[N:.*]] = arith.mulf %[[M]], %[[S]] : f32
// CHECK-NEXT: kernel.yield value %[[N]]
// CHECK-NEXT: } epilogue (pixel %{{.*}}) : (tensor<2x16x5x9x9xbf16, #aBcde8b>) {
// CHECK: kernel.yield store
// CHECK: return %[[Y]]
// SCHEDULED: schedule = #kernel.schedule<"sm90.pair", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {boxes = 1 : i64, channels = {{[0-9]+}} : i64, columns = {{[0-9]+}} : i64, depth = {{[0-9]+}} : i64, feed_stages = {{[0-9]+}} : i64, frames = {{[0-9]+}} : i64, rows = {{[0-9]+}} : i64, threads = 384 : i64, weight_stages = {{[0-9]+}} : i64}>
func.func @pair(%x: !x, %w1: !w1, %w2: !w2, %b: !cz, %s: !cz, %r: !y) -> !y {
  %z = kernel.conv forward %w1 window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue(channel %b) : (!cz) {
  ^bb0(%acc: f32, %c: f32):
    %0 = arith.addf %acc, %c : f32
    kernel.yield store %0
  } : !w1 -> !z
  %y = kernel.conv forward %w2 window <3x1x1 pad 1x0x0> prologue(channel %s, pixel %z) : (!cz, !z) {
  ^bb0(%c: f32, %v: f32):
    %0 = arith.mulf %v, %c : f32
    kernel.yield value %0
  } epilogue(pixel %r) : (!y) {
  ^bb0(%acc: f32, %p: f32):
    %0 = arith.addf %acc, %p : f32
    kernel.yield store %0
  } : !w2 -> !y
  return %y : !y
}

// -----

// Somebody else reads what lies between.

#aBcde8b = #kernel.layout<aBcde8b>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
!x = tensor<1x16x3x4x4xbf16, #aBcde8b>
!w1 = tensor<16x16x1x3x3xbf16, #cdeBA8a8b>
!w2 = tensor<16x16x3x1x1xbf16, #cdeBA8a8b>

// CHECK-LABEL: func.func @two_readers
// CHECK-NOT: kernel.pair
// CHECK-NOT: kernel.note
func.func @two_readers(%x: !x, %w1: !w1, %w2: !w2) -> (!x, !x) {
  %z = kernel.conv forward %w1 window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1 -> !x
  %y = kernel.conv forward %w2 window <3x1x1 pad 1x0x0> prologue(pixel %z) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w2 -> !x
  return %y, %z : !x, !x
}

// -----

// Three frames of so many channels do not fit into a block's shared memory.

#aBcde8b = #kernel.layout<aBcde8b>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
!x = tensor<1x256x3x4x4xbf16, #aBcde8b>
!z = tensor<1x1152x3x4x4xbf16, #aBcde8b>
!w1 = tensor<1152x256x1x3x3xbf16, #cdeBA8a8b>
!w2 = tensor<256x1152x3x1x1xbf16, #cdeBA8a8b>

// CHECK-LABEL: func.func @wide
// CHECK-NOT: kernel.pair
// CHECK: {kernel.note = "not paired: takes {{[0-9]+}} of 232448 bytes of shared memory"}
func.func @wide(%x: !x, %w1: !w1, %w2: !w2) -> !x {
  %z = kernel.conv forward %w1 window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1 -> !z
  %y = kernel.conv forward %w2 window <3x1x1 pad 1x0x0> prologue(pixel %z) : (!z) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w2 -> !x
  return %y : !x
}
