// RUN: kinema-opt %s --plan-memory --split-input-file --verify-diagnostics | FileCheck %s

// Four maps in a row over equal shapes are one kernel. Two buffers are enough for three values in flight: the third takes
// the place of the first. The update of @w is written over it.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!x = tensor<1x16x1x1x1xf32, #aBcde8b>
!w = tensor<16xf32, #A8a>

clip.param @w : tensor<16xf32> {role = "weight"}
clip.param @w.momentum : tensor<16xf32> {role = "momentum"}

// CHECK: kernel.arena 448 activations 128 separate 192 {
// CHECK-NEXT: kernel.buffer parameter @w at 0 : tensor<16xf32, #A8a>
// CHECK-NEXT: kernel.buffer state @w.momentum of @w at 64 : tensor<16xf32, #A8a>
// CHECK-NEXT: kernel.segment parameters at 0 bytes 128
// CHECK-NEXT: kernel.buffer input @rgb kind "rgb" at 128 : tensor<1x16x1x1x1xf32, #aBcde8b>
// CHECK-NEXT: kernel.buffer hyper @hyper at 192 : tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>
// CHECK-NEXT: kernel.segment "inputs and outputs" at 128 bytes 192
// CHECK-NEXT: kernel.segment activations at 320 bytes 128
// CHECK-NEXT: }
// CHECK-NOT: func.func
// CHECK: kernel.entry @train_step
// CHECK-NEXT: kernel.launch @[[MAP:k[0-9]+]] [128, 320] {layer = "?", macs = 0 : i64, reads = 64 : i64, writes = 64 : i64}
// CHECK-NEXT: kernel.launch @[[MAP]] [320, 384]
// CHECK-NEXT: kernel.launch @[[MAP]] [384, 320]
// CHECK-NEXT: kernel.launch @[[MAP]] [320, 256]
// CHECK-NEXT: kernel.launch @[[SGD:k[0-9]+]] [0, 64, 0, 192, 0, 64]
// CHECK-NEXT: kernel.output "y" at 256 : tensor<1x16x1x1x1xf32, #aBcde8b>
// CHECK: kernel.def @[[MAP]]
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor
// CHECK-NEXT: kernel.map (pixel %[[X]])
// CHECK: kernel.return
func.func @train_step(%x: !x {clip.input = "rgb", clip.name = "rgb"}, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"}) -> (!x {clip.name = "y"}) {
  %w = clip.read @w : !w
  %v = clip.read @w.momentum : !w
  %a = kernel.map (pixel %x) : (!x) {
  ^bb0(%p: f32):
    kernel.yield store %p
  } {schedule = #s} -> !x
  %b = kernel.map (pixel %a) : (!x) {
  ^bb0(%p: f32):
    kernel.yield store %p
  } {schedule = #s} -> !x
  %c = kernel.map (pixel %b) : (!x) {
  ^bb0(%p: f32):
    kernel.yield store %p
  } {schedule = #s} -> !x
  %d = kernel.map (pixel %c) : (!x) {
  ^bb0(%p: f32):
    kernel.yield store %p
  } {schedule = #s} -> !x
  %w1, %v1 = kernel.update sgd %w, %v, %w, %hyper {schedule = #s} : (!w, !w, !w, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w, !w)
  clip.write @w, %w1 : !w
  clip.write @w.momentum, %v1 : !w
  return %d : !x
}

// -----

#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!x = tensor<1x16x1x1x1xf32>
!w = tensor<16xf32>
clip.param @w : !w {role = "weight"}

func.func @train_step(%hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"}) -> (!x {clip.name = "y"}) {
  %w = clip.read @w : !w
  %w1, %v1 = kernel.update sgd %w, %w, %w, %hyper {schedule = #s} : (!w, !w, !w, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w, !w)
  clip.write @w, %w1 : !w
  // expected-error @below {{parameter @w is read after its update}}
  %d = kernel.map (channel %w) : (!w) {
  ^bb0(%p: f32):
    kernel.yield store %p
  } {schedule = #s} -> !x
  return %d : !x
}

// -----

// A strided 1x1x1 conv reads an eighth of its input (1024 of 8192 bytes) beside its weight (256).

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!x = tensor<1x8x4x8x8xf32, #aBcde8b>
!y = tensor<1x8x2x4x4xf32, #aBcde8b>
!w = tensor<8x8x1x1x1xf32, #ABcde8b8a>
!p = tensor<1x8x8x1x1x1xf32, #aBCdef8c8b>
clip.param @w : tensor<8x8x1x1x1xf32> {role = "weight"}

// CHECK-LABEL: kernel.entry @infer
// CHECK-NEXT: kernel.launch {{.*}} {layer = "?", macs = 2048 : i64, reads = 1280 : i64, writes = 1024 : i64}
// CHECK-NEXT: kernel.launch {{.*}} {layer = "?", macs = 2048 : i64, reads = 2048 : i64, writes = 256 : i64}
func.func @infer(%x: !x {clip.input = "rgb", clip.name = "rgb"}) -> (!y {clip.name = "y"}, !p {clip.name = "dw"}) {
  %w = clip.read @w : !w
  %y = kernel.conv forward %w window <1x1x1 stride 2x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #s} : !w -> !y
  %dw = kernel.wgrad window <1x1x1 stride 2x2x2> gradient(pixel %y) : (!y) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } {schedule = #s} : !p
  return %y, %dw : !y, !p
}

// -----

// What is prepared lies where a step has its activations; the scores of a step have the same place; a gradient is that
// of a parameter.

#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!w = tensor<16xf32>
clip.param @w : !w {role = "weight"}
clip.param @w.folded : !w {role = "prepared"}

// CHECK: kernel.arena 320 activations 64 separate 64 {
// CHECK: kernel.buffer labels @labels at 128 : tensor<16xi32>
// CHECK: kernel.buffer prepared @w.folded at 256 : tensor<16xf32>
// CHECK-NEXT: kernel.segment prepared at 256 bytes 64
// CHECK-NEXT: kernel.segment activations at 320 bytes 0
// CHECK: kernel.entry @prepare {
// CHECK-NEXT: kernel.launch @{{.*}} [0, 256] {{.*}}}
// CHECK-NEXT: }
// CHECK: kernel.entry @train_step
// CHECK: kernel.output "grad.w" of @w at 192 : tensor<16xf32>
// CHECK-NEXT: kernel.output "grad.v" at 192 : tensor<16xf32>
func.func @prepare() {
  %w = clip.read @w : !w
  %f = kernel.convert %w {schedule = #s} : !w -> !w
  clip.write @w.folded, %f : !w
  return
}

func.func @train_step(%x: !w {clip.input = "rgb", clip.name = "rgb"}, %l: tensor<16xi32> {clip.name = "labels"}) -> (!w {clip.name = "grad.w"}, !w {clip.name = "grad.v"}) {
  %g = kernel.convert %x {schedule = #s} : !w -> !w
  return %g, %g : !w, !w
}

// -----

// Ranks add up where a launch has left its results, which nothing takes the place of before the sums have been read: the
// third and the fourth value lie beside them, and the fifth where the first did.

#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!v = tensor<16xf32>
// CHECK-LABEL: kernel.entry @summed
// CHECK-NEXT: kernel.launch @{{.*}} [0, 128, 192]
// CHECK-NEXT: kernel.launch @{{.*}} [0, 256]
// CHECK-NEXT: kernel.add_up weighted [128, 192] : [tensor<16xf32>, tensor<16xf32>] {layer = "?"}
// CHECK-NEXT: kernel.launch @{{.*}} [128, 192, 256, 320]
// CHECK-NEXT: kernel.launch @{{.*}} [320, 128]
// CHECK-NEXT: kernel.launch @{{.*}} [128, 64]
func.func @summed(%x: !v {clip.input = "rgb", clip.name = "rgb"}) -> (!v {clip.name = "y"}) {
  %a:2 = kernel.finalize (%x : !v) {
  ^bb0(%p: f32):
    kernel.yield value %p, value %p
  } {schedule = #s} -> !v, !v
  %c = kernel.finalize (%x : !v) {
  ^bb0(%p: f32):
    kernel.yield value %p
  } {schedule = #s} -> !v
  %sums:2 = kernel.rank_sum weighted %a#0, %a#1 : !v, !v -> !v, !v
  %d = kernel.finalize (%sums#0, %sums#1, %c : !v, !v, !v) {
  ^bb0(%p: f32, %q: f32, %r: f32):
    kernel.yield value %q
  } {schedule = #s} -> !v
  %e = kernel.finalize (%d : !v) {
  ^bb0(%p: f32):
    kernel.yield value %p
  } {schedule = #s} -> !v
  %y = kernel.finalize (%e : !v) {
  ^bb0(%p: f32):
    kernel.yield value %p
  } {schedule = #s} -> !v
  return %y : !v
}

// -----

#s = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>
!v = tensor<16xf32>
func.func @summed(%x: !v {clip.input = "rgb", clip.name = "rgb"}) -> (!v {clip.name = "y"}) {
  // expected-error @below {{adds up operand 0, which is not made by a kernel for it alone}}
  %sum = kernel.rank_sum %x : !v -> !v
  %y = kernel.finalize (%sum : !v) {
  ^bb0(%p: f32):
    kernel.yield value %p
  } {schedule = #s} -> !v
  return %y : !v
}
