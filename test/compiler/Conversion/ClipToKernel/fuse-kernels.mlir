// RUN: kinema-opt %s --fuse-kernels --split-input-file | FileCheck %s
// RUN: kinema-opt %s --fuse-kernels=fuse=epilogue --split-input-file | FileCheck %s --check-prefix=EPILOGUE
// RUN: kinema-opt %s --fuse-kernels=fuse=none --split-input-file | FileCheck %s --check-prefix=NONE

// Moments ride with the conv that stores z0; normalisation and ReLU with the conv that reads it.

!x = tensor<2x8x4x6x6xf32>
!z = tensor<2x16x4x6x6xf32>
!c = tensor<16xf32>

clip.param @gamma : !c {role = "gamma"}
clip.param @beta : !c {role = "beta"}
clip.param @w0 : tensor<16x8x1x3x3xf32> {role = "weight"}
clip.param @w1 : tensor<16x16x3x1x1xf32> {role = "weight"}

// CHECK-LABEL: func.func @normalised
// CHECK: %[[Z0:.*]]:2 = kernel.conv forward
// CHECK: kernel.yield store %[[ACC:.*]], moments %[[ACC]]
// CHECK: tensor<2x16x4x6x6xf32>, tensor<?x3x16xf32>
// CHECK: %[[C:.*]]:2 = kernel.finalize %[[Z0]]#1
// CHECK: math.sqrt
// CHECK: moments
// CHECK: kernel.conv forward {{.*}} prologue (pixel %[[Z0]]#0, channel %[[C]]#0, channel %[[C]]#1)
// CHECK: math.fma
// CHECK-NEXT: arith.constant 0.0
// CHECK-NEXT: arith.maximumf
// CHECK-NOT: kernel.map
// CHECK: return

// EPILOGUE-LABEL: func.func @normalised
// EPILOGUE: kernel.yield store %[[ACC:.*]], moments %[[ACC]]
// EPILOGUE: %[[A:.*]] = kernel.map
// EPILOGUE: kernel.conv forward {{.*}} prologue (pixel %[[A]])

// NONE-LABEL: func.func @normalised
// NONE: %[[Z:.*]] = kernel.conv forward
// NONE: %[[M:.*]] = kernel.map (pixel %[[Z]])
// NONE: kernel.yield moments
// NONE: kernel.finalize %[[M]]
// NONE: kernel.map
// NONE: math.fma
// NONE: kernel.map
// NONE: arith.maximumf
// NONE: kernel.conv forward
func.func @normalised(%x: !x {clip.name = "x"}) -> (!z {clip.name = "y"}) {
  %w0 = clip.read @w0 : tensor<16x8x1x3x3xf32>
  %w1 = clip.read @w1 : tensor<16x16x3x1x1xf32>
  %g = clip.read @gamma : !c
  %b = clip.read @beta : !c
  %z0 = clip.conv %x, %w0 window <1x3x3 pad 0x1x1> : (!x, tensor<16x8x1x3x3xf32>) -> !z
  %m, %v = clip.moments %z0 : (!z) -> (!c, !c)
  %s, %o, %r = clip.bn_coeffs %m, %v, %g, %b {eps = 1.0e-3} : (!c, !c, !c, !c) -> (!c, !c, !c)
  %n = clip.affine %z0, %s, %o : (!z, !c, !c) -> !z
  %a = clip.relu %n : (!z) -> !z
  %z1 = clip.conv %a, %w1 window <3x1x1 pad 1x0x0> : (!z, tensor<16x16x3x1x1xf32>) -> !z
  return %z1 : !z
}

// -----

// Inference: bias, residual and ReLU ride in the epilogue.

!x = tensor<1x8x2x3x3xf32>
clip.param @w : tensor<8x8x1x1x1xf32> {role = "weight"}
clip.param @b : tensor<8xf32> {role = "bias"}

// CHECK-LABEL: func.func @residual
// CHECK: kernel.conv forward
// CHECK: epilogue (channel %{{.*}}, pixel %arg0)
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[B:.*]]: f32, %[[X:.*]]: f32):
// CHECK-NEXT: %[[Z:.*]] = arith.addf %[[ACC]], %[[B]]
// CHECK-NEXT: %[[J:.*]] = arith.addf %[[Z]], %[[X]]
// CHECK: arith.maximumf %[[J]]
// CHECK-NEXT: kernel.yield store
// CHECK-NOT: kernel.map
// CHECK: return
func.func @residual(%x: !x {clip.name = "x"}) -> (!x {clip.name = "y"}) {
  %w = clip.read @w : tensor<8x8x1x1x1xf32>
  %b = clip.read @b : tensor<8xf32>
  %z = clip.conv %x, %w bias %b window <1x1x1> : (!x, tensor<8x8x1x1x1xf32>, tensor<8xf32>) -> !x
  %j = clip.add %z, %x : (!x, !x) -> !x
  %y = clip.relu %j : (!x) -> !x
  return %y : !x
}

// -----

// A join of two normalised tensors is stored once, by a map; both its readers read that.

!x = tensor<1x8x2x3x3xf32>
!c = tensor<8xf32>
clip.param @w : tensor<8x8x1x1x1xf32> {role = "weight"}

// CHECK-LABEL: func.func @join
// CHECK: %[[J:.*]] = kernel.map (pixel %arg0, channel %arg2, channel %arg3, pixel %arg1)
// CHECK: kernel.conv forward {{.*}} prologue (pixel %[[J]])
// CHECK: kernel.conv forward {{.*}} prologue (pixel %[[J]])
func.func @join(%x: !x {clip.name = "x"}, %y: !x {clip.name = "y"}, %s: !c {clip.name = "s"}, %o: !c {clip.name = "o"}) -> (!x {clip.name = "p"}, !x {clip.name = "q"}) {
  %w = clip.read @w : tensor<8x8x1x1x1xf32>
  %n = clip.affine %x, %s, %o : (!x, !c, !c) -> !x
  %j = clip.add %n, %y : (!x, !x) -> !x
  %a = clip.relu %j : (!x) -> !x
  %p = clip.conv %a, %w window <1x1x1> : (!x, tensor<8x8x1x1x1xf32>) -> !x
  %q = clip.conv %a, %w window <1x1x1> : (!x, tensor<8x8x1x1x1xf32>) -> !x
  return %p, %q : !x, !x
}

// -----

// Backward: dz of batch norm is formed in the prologues of both its readers; the mask of the ReLU below and the sums
// for the batch norm below ride in the data gradient's epilogue.

!x = tensor<1x8x2x3x3xf32>
!c = tensor<8xf32>
!w = tensor<8x8x1x1x1xf32>
clip.param @w : !w {role = "weight"}

// CHECK-LABEL: func.func @backward
// CHECK: %[[G:.*]]:2 = kernel.conv transposed {{.*}} prologue (pixel %arg0, pixel %arg1, channel
// CHECK: } epilogue (pixel %arg2, channel %arg4)
// CHECK: arith.cmpf ogt
// CHECK: %[[MASKED:.*]] = arith.select
// CHECK: kernel.yield store %[[MASKED]], sum %[[MASKED]], sum
// CHECK: tensor<1x8x2x3x3xf32>, tensor<?x2x8xf32>
// CHECK: kernel.wgrad {{.*}} gradient (pixel %arg0, pixel %arg1, channel
// CHECK: kernel.finalize %[[G]]#1
func.func @backward(%g: !x {clip.name = "g"}, %z: !x {clip.name = "z"}, %z0: !x {clip.name = "z0"}, %p: !c {clip.name = "p"}, %m: !c {clip.name = "m"})
    -> (!w {clip.name = "dw"}, !c {clip.name = "a"}, !c {clip.name = "b"}, !x {clip.name = "masked"}) {
  %w = clip.read @w : !w
  %dz = clip.affine2 %g, %z, %p, %p, %p : (!x, !x, !c, !c, !c) -> !x
  %dx = clip.conv_dgrad %dz, %w window <1x1x1> : (!x, !w) -> !x
  %dw = clip.conv_wgrad %dz, %z0 window <1x1x1> : (!x, !x) -> !w
  %masked = clip.relu_grad %dx, %z0 : (!x, !x) -> !x
  %a, %b = clip.bn_grad_sums %masked, %z0, %m, %m : (!x, !x, !c, !c) -> (!c, !c)
  return %dw, %a, %b, %masked : !w, !c, !c, !x
}

// -----

// A fork: what a strided 1x1x1 conv gives back is stored at that conv's own resolution; the other gradient's kernel adds
// it on the points that the conv read.

!x = tensor<1x8x2x6x6xf32>
!y = tensor<1x16x1x3x3xf32>
!wp = tensor<16x8x1x1x1xf32>
!wm = tensor<16x8x3x3x3xf32>
clip.param @projection : !wp {role = "weight"}
clip.param @main : !wm {role = "weight"}

// CHECK-LABEL: func.func @fork
// CHECK: %[[PART:.*]] = kernel.conv transposed %{{.*}} window <1x1x1> prologue (pixel %arg0)
// CHECK: tensor<16x8x1x1x1xf32> -> tensor<1x8x1x3x3xf32>
// CHECK: kernel.conv transposed
// CHECK: } epilogue (lattice %[[PART]]) : (tensor<1x8x1x3x3xf32>) {
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[P:.*]]: f32):
// CHECK-NEXT: arith.addf %[[P]], %[[ACC]]
// CHECK: -> tensor<1x8x2x6x6xf32>
// CHECK-NOT: kernel.map
// CHECK: return

// EPILOGUE-LABEL: func.func @fork
// EPILOGUE: } epilogue (lattice

// NONE-LABEL: func.func @fork
// NONE: kernel.conv transposed %{{.*}} window <1x1x1 stride 2x2x2>
// NONE: -> tensor<1x8x2x6x6xf32>
// NONE: kernel.map (pixel %{{.*}}, pixel %{{.*}})
func.func @fork(%g: !y {clip.name = "g"}, %h: !y {clip.name = "h"}) -> (!x {clip.name = "dx"}) {
  %wp = clip.read @projection : !wp
  %wm = clip.read @main : !wm
  %a = clip.conv_dgrad %g, %wp window <1x1x1 stride 2x2x2> : (!y, !wp) -> !x
  %b = clip.conv_dgrad %h, %wm window <3x3x3 stride 2x2x2 pad 1x1x1> : (!y, !wm) -> !x
  %s = clip.add %a, %b : (!x, !x) -> !x
  return %s : !x
}

// -----

// Where sizes do not tell the stride (4 and 2: it might be 2 or 3), all of it is stored.

!x = tensor<1x8x1x4x4xf32>
!y = tensor<1x16x1x2x2xf32>
!wp = tensor<16x8x1x1x1xf32>
!wm = tensor<16x8x1x3x3xf32>
clip.param @projection : !wp {role = "weight"}
clip.param @main : !wm {role = "weight"}

// CHECK-LABEL: func.func @untold
// CHECK: %[[PART:.*]] = kernel.conv transposed %{{.*}} window <1x1x1 stride 1x3x3>
// CHECK: -> tensor<1x8x1x4x4xf32>
// CHECK: } epilogue (pixel %[[PART]])
func.func @untold(%g: !y {clip.name = "g"}, %h: !y {clip.name = "h"}) -> (!x {clip.name = "dx"}) {
  %wp = clip.read @projection : !wp
  %wm = clip.read @main : !wm
  %a = clip.conv_dgrad %g, %wp window <1x1x1 stride 1x3x3> : (!y, !wp) -> !x
  %b = clip.conv_dgrad %h, %wm window <1x3x3 stride 1x3x3 pad 0x1x1> : (!y, !wm) -> !x
  %s = clip.add %a, %b : (!x, !x) -> !x
  return %s : !x
}

// -----

// A join that only a global pool reads is never stored: the pool computes it, and so does the mask of its gradient.

!x = tensor<1x8x2x3x3xf32>
!c = tensor<8xf32>
!p = tensor<1x8x1x1x1xf32>

// CHECK-LABEL: func.func @pooled
// CHECK: kernel.pool average window <2x3x3> prologue (pixel %arg0, channel %arg2, channel %arg3, pixel %arg1)
// CHECK: arith.maximumf
// CHECK: kernel.map (pixel %arg0, channel %arg2, channel %arg3, pixel %arg1, batch_channel %arg4)
// CHECK: arith.cmpf ogt
// CHECK: kernel.yield store
// CHECK-NOT: kernel.map
// CHECK: return

// EPILOGUE-LABEL: func.func @pooled
// EPILOGUE: %[[J:.*]] = kernel.map (pixel %arg0, channel %arg2, channel %arg3, pixel %arg1)
// EPILOGUE: kernel.pool average window <2x3x3> prologue (pixel %[[J]])
func.func @pooled(%z: !x {clip.name = "z"}, %y: !x {clip.name = "y"}, %s: !c {clip.name = "s"}, %o: !c {clip.name = "o"}, %g: !p {clip.name = "g"}) -> (!p {clip.name = "p"}, !x {clip.name = "dx"}) {
  %n = clip.affine %z, %s, %o : (!x, !c, !c) -> !x
  %j = clip.add %n, %y : (!x, !x) -> !x
  %a = clip.relu %j : (!x) -> !x
  %p = clip.avg_pool %a window <2x3x3> : (!x) -> !p
  %d = clip.avg_pool_grad %g window <2x3x3> : (!p) -> !x
  %dx = clip.relu_grad %d, %a : (!x, !x) -> !x
  return %p, %dx : !p, !x
}

// -----

// The gradient of an average over the frames' positions is spread over these.

!x = tensor<1x8x2x3x3xf32>
!p = tensor<1x8x2x1x1xf32>

// CHECK-LABEL: func.func @of_frames
// CHECK: kernel.map (spread %arg0)
// CHECK-NOT: kernel.pool_grad
// CHECK: return
func.func @of_frames(%g: !p {clip.name = "g"}) -> (!x {clip.name = "dx"}) {
  %d = clip.avg_pool_grad %g window <1x3x3 stride 1x3x3> : (!p) -> !x
  return %d : !x
}

// -----

// Channels that move do so in one kernel, its pieces in the order of the operands; gradients are slices. What one kernel
// alone takes pieces of is not stored, but where frames move twice.

!x = tensor<1x8x2x3x3xf32>
!y = tensor<1x4x2x3x3xf32>
!xy = tensor<1x12x2x3x3xf32>

// CHECK-LABEL: func.func @channels
// CHECK: %[[R:.*]] = kernel.map (pixel %arg0)
// CHECK: %[[C:.*]] = kernel.place %[[R]], %arg1 [#kernel.piece<input = 0, from = 0, to = 0, count = 8, frames = 0>, #kernel.piece<input = 1, from = 0, to = 8, count = 4, frames = 0>] :
// CHECK: %[[T:.*]] = kernel.place %[[C]] [#kernel.piece<input = 0, from = 8, to = 3, count = 1, frames = -1>, #kernel.piece<input = 0, from = 9, to = 4, count = 3, frames = 0>] :
// CHECK: kernel.place %[[T]] [#kernel.piece<input = 0, from = 0, to = 0, count = 2, frames = 1>, #kernel.piece<input = 0, from = 2, to = 2, count = 2, frames = -1>, #kernel.piece<input = 0, from = 4, to = 4, count = 4, frames = 0>] :
// CHECK-NOT: kernel.place
// CHECK: return
// NONE-LABEL: func.func @channels
// NONE-COUNT-5: kernel.place
func.func @channels(%x: !x {clip.name = "x"}, %y: !y {clip.name = "y"}) -> (!xy {clip.name = "xy"}, !x {clip.name = "s"}) {
  %r = clip.relu %x : (!x) -> !x
  %c = clip.concat %r, %y : (!x, !y) -> !xy
  %s = clip.slice %c[8, 4] : (!xy) -> !y
  %p = clip.pad_channels %s[3, 8] : (!y) -> !x
  %t = clip.shift %p {channels = 2, frames = 1} : (!x) -> !x
  %u = clip.shift %t {channels = 2, frames = 1} : (!x) -> !x
  return %c, %u : !xy, !x
}

// -----

// A grid that is turned, its first channels moved to the end, is read twice in place of being stored twice over.

!x = tensor<1x8x2x3x3xf32>
!xx = tensor<1x16x2x3x3xf32>

// CHECK-LABEL: func.func @turned
// CHECK-NEXT: kernel.place %arg0 [#kernel.piece<input = 0, from = 3, to = 0, count = 5, frames = 0>, #kernel.piece<input = 0, from = 0, to = 5, count = 3, frames = 0>] :
// CHECK-NEXT: return
func.func @turned(%x: !x {clip.name = "x"}) -> (!x {clip.name = "y"}) {
  %c = clip.concat %x, %x : (!x, !x) -> !xx
  %s = clip.slice %c[3, 8] : (!xx) -> !x
  return %s : !x
}

// -----

// A factor [N, C, 1, 1, 1] is stored, however it is made, and read where it is used; its gradient sums a product that is
// never stored. A factor that is spread over the channels is read by a map alone.

!x = tensor<1x8x2x3x3xf32>
!f = tensor<1x8x1x1x1xf32>
!h = tensor<1x1x2x3x3xf32>

// CHECK-LABEL: func.func @spread
// CHECK: %[[F:.*]] = kernel.map (pixel %arg1)
// CHECK-NOT: kernel.map
// CHECK: kernel.spread_sum prologue (pixel %arg0, pixel %arg3) : (tensor<1x8x2x3x3xf32>, tensor<1x8x2x3x3xf32>)
// CHECK: -> tensor<1x8x1x1x1xf32>
// CHECK: kernel.map (pixel %arg0, spread %arg2)
// CHECK: kernel.map (pixel %arg0, batch_channel %[[F]])
// CHECK-NOT: kernel.map
// CHECK: return
func.func @spread(%x: !x {clip.name = "x"}, %f: !f {clip.name = "f"}, %h: !h {clip.name = "h"}, %g: !x {clip.name = "g"}) -> (!x {clip.name = "y"}, !f {clip.name = "df"}, !x {clip.name = "z"}) {
  %r = clip.relu %f : (!f) -> !f
  %y = clip.mul %x, %r : (!x, !f) -> !x
  %a = clip.relu %y : (!x) -> !x
  %p = clip.mul %x, %g : (!x, !x) -> !x
  %df = clip.spread_sum %p : (!x) -> !f
  %z = clip.mul %x, %h : (!x, !h) -> !x
  return %a, %df, %z : !x, !f, !x
}

// -----

// What attention and dropout are made of.

!q = tensor<1x8x2x3x3xf32>
!s = tensor<1x18x2x3x3xf32>

// CHECK-LABEL: func.func @attention
// CHECK: %[[S:.*]] = kernel.matmul %arg0, %arg0 {transpose_lhs} :
// CHECK: %[[A:.*]] = kernel.softmax %[[S]] :
// CHECK: %[[Y:.*]] = kernel.matmul %arg0, %[[A]] :
// CHECK: kernel.dropout %[[Y]], %arg1 {rate = 5.000000e-01 : f64, stream = 2 : i64} :
// CHECK: kernel.softmax_grad %[[A]], %[[A]] :
func.func @attention(%q: !q {clip.name = "q"}, %hyper: tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>> {clip.name = "hyper"}) -> (!q {clip.name = "y"}, !s {clip.name = "s"}) {
  %s = clip.matmul %q, %q {transpose_lhs} : (!q, !q) -> !s
  %a = clip.softmax %s : (!s) -> !s
  %y = clip.matmul %q, %a : (!q, !s) -> !q
  %d = clip.dropout %y, %hyper {rate = 0.5, stream = 2} : (!q, tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>>) -> !q
  %g = clip.softmax_grad %a, %a : (!s, !s) -> !s
  return %d, %g : !q, !s
}
