// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-schedules | FileCheck %s

// What memory bounds is a stream: a block's threads share its positions, or the partials that it merges. The number of
// partials is the schedule's, and whoever merges them sees it: it has a thread for each, up to 512.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
#abC8c = #kernel.layout<abC8c>
#adefCB8b8c = #kernel.layout<adefCB8b8c>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
!z = tensor<2x230x4x28x28xbf16, #aBcde8b>
!c = tensor<230xf32, #A8a>
!dw = tensor<?x230x16x1x3x3xf32, #aBCdef8c8b>

// CHECK-LABEL: func.func @step
// CHECK: kernel.map
// CHECK: schedule = #kernel.schedule<"sm90.stream", grid = [[G:[0-9]+]], scratch = 0, {partials = [[P:[0-9]+]] : i64, threads = 256 : i64}>
// CHECK-SAME: tensor<[[P]]x3x230xf32
// CHECK: kernel.finalize %{{.*}} : tensor<[[P]]x3x230xf32
// CHECK: schedule = #kernel.schedule<"sm90.stream", grid = 58, scratch = 0, {partials = 1 : i64, threads = 32 : i64}>
// CHECK: kernel.wgrad
// CHECK: #kernel.schedule<"nvgpu.reference"
// CHECK: kernel.reduce
// CHECK-SAME: #kernel.schedule<"sm90.stream"
func.func @step(%x: !z, %a: tensor<2x16x4x28x28xf32, #aBcde8b>) -> (!z, !c, tensor<230x16x1x3x3xf32, #ABcde8b8a>) {
  %y, %m = kernel.map(pixel %x) : (!z) {
  ^bb0(%v: f32):
    kernel.yield store %v, moments %v
  } -> !z, tensor<?x3x230xf32, #abC8c>
  %mean = kernel.finalize %m : tensor<?x3x230xf32, #abC8c> () {
  ^bb0(%v: f32, %w: f32):
    kernel.yield value %v
  } {moments} -> !c
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %y) : (!z) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %a) : (tensor<2x16x4x28x28xf32, #aBcde8b>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !dw
  %sum = kernel.reduce %dw : !dw -> tensor<230x16x1x3x3xf32, #ABcde8b8a>
  return %y, %mean, %sum : !z, !c, tensor<230x16x1x3x3xf32, #ABcde8b8a>
}

// The weight gradient of a dense conv on bfloat16 contracts on tensor cores; its partials are one a chunk of positions.

!x = tensor<2x16x4x28x28xbf16, #aBcde8b>
!partials = tensor<?x230x16x1x3x3xf32, #adefCB8b8c>

// CHECK-LABEL: func.func @weight_gradient
// CHECK: kernel.wgrad
// CHECK: schedule = #kernel.schedule<"sm90.halo_wgrad", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {boxes = 1 : i64, columns = 28 : i64, consumers = {{[23]}} : i64,
// CHECK-SAME: partials = [[C:[0-9]+]] : i64
// CHECK-SAME: tensor<[[C]]x230x16x1x3x3xf32
func.func @weight_gradient(%z: !z, %x: !x) -> tensor<230x16x1x3x3xf32, #cdeBA8a8b> {
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %z) : (!z) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !partials
  %sum = kernel.reduce %dw : !partials -> tensor<230x16x1x3x3xf32, #cdeBA8a8b>
  return %sum : tensor<230x16x1x3x3xf32, #cdeBA8a8b>
}

// So do products of matrices on bfloat16, whichever sides are transposed. Where an operand is of f32, they are loops.

!keys = tensor<2x24x4x7x7xbf16, #aBcde8b>
!queries = tensor<2x24x4x9x9xbf16, #aBcde8b>
!scores = tensor<2x196x4x9x9xbf16, #aBcde8b>

// CHECK-LABEL: func.func @attention
// CHECK: kernel.matmul
// CHECK-SAME: #kernel.schedule<"sm90.matmul", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {channels = {{[0-9]+}} : i64, cluster = {{[12]}} : i64, depth = {{[0-9]+}} : i64, positions = {{[0-9]+}} : i64, stages = {{[0-9]}} : i64, threads = 384 : i64}>
// CHECK: kernel.softmax
// CHECK-SAME: #kernel.schedule<"sm90.softmax", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {splits = {{[0123]}} : i64, threads = {{[0-9]+}} : i64, warps = {{[0-9]+}} : i64}>
// CHECK: kernel.matmul
// CHECK-SAME: #kernel.schedule<"sm90.matmul"
// CHECK: kernel.matmul
// CHECK-SAME: #kernel.schedule<"nvgpu.reference"
func.func @attention(%k: !keys, %q: !queries, %v: tensor<2x24x4x7x7xf32, #aBcde8b>) -> (!queries, !queries) {
  %scores = kernel.matmul %k, %q {transpose_lhs} : (!keys, !queries) -> !scores
  %shares = kernel.softmax %scores : (!scores) -> !scores
  %y = kernel.matmul %k, %shares : (!keys, !scores) -> !queries
  %z = kernel.matmul %v, %shares : (tensor<2x24x4x7x7xf32, #aBcde8b>, !scores) -> !queries
  return %y, %z : !queries, !queries
}

// A conv of vectors and its weight gradient are bound by the weights' bytes. The gradient has one partial.

!v = tensor<8x512x1x1x1xf32, #aBcde8b>
!logits = tensor<8x400x1x1x1xf32, #aBcde8b>

// CHECK-LABEL: func.func @classifier
// CHECK: kernel.conv forward
// CHECK: schedule = #kernel.schedule<"nvgpu.vectors", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {clips = {{[0-9]+}} : i64, lanes = {{[0-9]+}} : i64,
// CHECK: kernel.wgrad
// CHECK: schedule = #kernel.schedule<"nvgpu.vectors_wgrad"
// CHECK-SAME: partials = 1 : i64
// CHECK-SAME: tensor<1x400x512x1x1x1xf32
func.func @classifier(%w: tensor<400x512x1x1x1xbf16, #cdeBA8a8b>, %x: !v, %g: !logits) -> (!logits, tensor<400x512x1x1x1xf32, #cdeBA8a8b>) {
  %y = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (!v) {
  ^bb0(%e: f32):
    kernel.yield value %e
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<400x512x1x1x1xbf16, #cdeBA8a8b> -> !logits
  %dw = kernel.wgrad window <1x1x1> gradient(pixel %g) : (!logits) {
  ^bb0(%e: f32):
    kernel.yield value %e
  } activation(pixel %x) : (!v) {
  ^bb0(%e: f32):
    kernel.yield value %e
  } : tensor<?x400x512x1x1x1xf32, #adefCB8b8c>
  %sum = kernel.reduce %dw : tensor<?x400x512x1x1x1xf32, #adefCB8b8c> -> tensor<400x512x1x1x1xf32, #cdeBA8a8b>
  return %y, %sum : !logits, tensor<400x512x1x1x1xf32, #cdeBA8a8b>
}
