// RUN: kinema-opt %s --set-target --assign-cpu-storage --split-input-file | FileCheck %s
// RUN: kinema-opt %s --set-target=name=x86-64-v4 --assign-cpu-storage --split-input-file | FileCheck %s --check-prefix=WIDE

// The network's input is blocked by 4 channels, everything else by 8, vectors and partials too. A weight has the order
// in which its forward conv reads it; momentum, gradient and update have the same. The data gradient gets a converted
// copy. Numbers that belong to no channel (hyper, labels, the loss) have no layout.

!x = tensor<2x3x4x8x8xf32>
!z = tensor<2x12x4x8x8xf32>
!c = tensor<12xf32>
!w0 = tensor<12x3x1x3x3xf32>
!w1 = tensor<12x12x1x1x1xf32>

clip.param @w0 : !w0 {role = "weight"}
clip.param @w0.momentum : !w0 {role = "momentum"}
clip.param @w1 : !w1 {role = "weight"}

// CHECK-DAG: #[[IN:.*]] = #kernel.layout<aBcde4b>
// CHECK-DAG: #[[C:.*]] = #kernel.layout<aBcde8b>
// CHECK-DAG: #[[W0:.*]] = #kernel.layout<ABcde4b8a>
// CHECK-DAG: #[[W1:.*]] = #kernel.layout<ABcde8b8a>
// CHECK-DAG: #[[WT:.*]] = #kernel.layout<BAcde8a8b>
// CHECK-LABEL: func.func @train_step
// CHECK-SAME: (%{{.*}}: tensor<2x3x4x8x8xf32, #[[IN]]> {{.*}}, %[[HYPER:.*]]: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"}, %{{.*}}: tensor<2xi32>
// CHECK-SAME: -> (tensor<2x12x4x8x8xf32, #[[C]]> {{.*}}, tensor<f32>
// CHECK: %[[R0:.*]] = clip.read @w0 : tensor<12x3x1x3x3xf32, #[[W0]]>
// CHECK: %[[V0:.*]] = clip.read @w0.momentum : tensor<12x3x1x3x3xf32, #[[W0]]>
// CHECK: %[[R1:.*]] = clip.read @w1 : tensor<12x12x1x1x1xf32, #[[W1]]>
// CHECK: kernel.conv forward %[[R0]]
// CHECK: } : tensor<12x3x1x3x3xf32, #[[W0]]> -> tensor<2x12x4x8x8xf32, #[[C]]>, tensor<?x3x12xf32, #abC8c>
// CHECK: kernel.finalize
// CHECK: -> tensor<12xf32, #A8a>, tensor<12xf32, #A8a>
// CHECK: kernel.conv forward %[[R1]]
// CHECK: %[[T1:.*]] = kernel.convert %[[R1]] : tensor<12x12x1x1x1xf32, #[[W1]]> -> tensor<12x12x1x1x1xf32, #[[WT]]>
// CHECK: kernel.conv transposed %[[T1]]
// CHECK: } : tensor<12x12x1x1x1xf32, #[[WT]]> -> tensor<2x12x4x8x8xf32, #[[C]]>
// CHECK: kernel.wgrad
// CHECK: } : tensor<?x12x3x1x3x3xf32, #aBCdef4c8b>
// CHECK: kernel.update sgd %[[R0]], %[[V0]], %{{.*}}, %[[HYPER]] : (tensor<12x3x1x3x3xf32, #[[W0]]>, tensor<12x3x1x3x3xf32, #[[W0]]>, tensor<?x12x3x1x3x3xf32, #aBCdef4c8b>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<12x3x1x3x3xf32, #[[W0]]>, tensor<12x3x1x3x3xf32, #[[W0]]>)
// CHECK: kernel.softmax_xent %{{.*}} : (tensor<2x12x1x1x1xf32, #[[C]]>, tensor<2xi32>) -> (tensor<f32>, tensor<2x12x1x1x1xf32, #[[C]]>)

// WIDE-DAG: #[[IN:.*]] = #kernel.layout<aBcde4b>
// WIDE-DAG: #[[C:.*]] = #kernel.layout<aBcde16b>
// WIDE-DAG: #[[W0:.*]] = #kernel.layout<ABcde4b16a>
// WIDE-LABEL: func.func @train_step
// WIDE: clip.read @w0 : tensor<12x3x1x3x3xf32, #[[W0]]>
// WIDE: -> tensor<2x12x4x8x8xf32, #[[C]]>, tensor<?x3x12xf32, #abC16c>
func.func @train_step(%x: !x {clip.input = "rgb", clip.name = "rgb"}, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>> {clip.name = "hyper"}, %labels: tensor<2xi32> {clip.name = "labels"}, %scores: tensor<2x12x1x1x1xf32> {clip.name = "scores"}) -> (!z {clip.name = "y"}, tensor<f32> {clip.name = "loss"}) {
  %w0 = clip.read @w0 : !w0
  %v0 = clip.read @w0.momentum : !w0
  %w1 = clip.read @w1 : !w1
  %z, %m = kernel.conv forward %w0 window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } : !w0 -> !z, tensor<?x3x12xf32>
  %mean, %var = kernel.finalize %m : tensor<?x3x12xf32> () {
  ^bb0(%a: f32, %b: f32):
    kernel.yield value %a, value %b
  } {moments} -> !c, !c
  %y = kernel.conv forward %w1 window <1x1x1> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1 -> !z
  %g = kernel.conv transposed %w1 window <1x1x1> prologue(pixel %y) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1 -> !z
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %g) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : tensor<?x12x3x1x3x3xf32>
  %w2, %v2 = kernel.update sgd %w0, %v0, %dw, %hyper : (!w0, !w0, tensor<?x12x3x1x3x3xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w0, !w0)
  clip.write @w0, %w2 : !w0
  clip.write @w0.momentum, %v2 : !w0
  %loss, %d = kernel.softmax_xent %scores, %labels {smoothing = 0.0} : (tensor<2x12x1x1x1xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2x12x1x1x1xf32>)
  return %y, %loss : !z, tensor<f32>
}

// -----

// The weight of a conv in groups holds vectors of output channels for each channel of a group and tap, in both
// directions, and so do its gradient, its sum and its copies.

!x = tensor<2x16x4x8x8xf32>
!w = tensor<16x1x1x3x3xf32>
clip.param @w : !w {role = "weight"}

// CHECK-DAG: #[[C:.*]] = #kernel.layout<aBcde8b>
// CHECK-DAG: #[[D:.*]] = #kernel.layout<Abcde8a>
// CHECK-LABEL: func.func @depthwise
// CHECK: clip.read @w : tensor<16x1x1x3x3xf32, #[[D]]>
// CHECK: kernel.conv forward
// CHECK: } {groups = 16 : i64} : tensor<16x1x1x3x3xf32, #[[D]]> -> tensor<2x16x4x8x8xf32, #[[C]]>
// CHECK-NOT: kernel.convert
// CHECK: kernel.conv transposed
// CHECK: } {groups = 16 : i64} : tensor<16x1x1x3x3xf32, #[[D]]> -> tensor<2x16x4x8x8xf32, #[[C]]>
// CHECK: kernel.wgrad
// CHECK: } {groups = 16 : i64} : tensor<?x16x1x1x3x3xf32, #aBcdef8b>
// CHECK: kernel.reduce %{{.*}} : tensor<?x16x1x1x3x3xf32, #aBcdef8b> -> tensor<16x1x1x3x3xf32, #[[D]]>
func.func @depthwise(%x: !x {clip.name = "x"}) -> (!x {clip.name = "y"}, !w {clip.name = "dw"}) {
  %w = clip.read @w : !w
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 16} : !w -> !x
  %g = kernel.conv transposed %w window <1x3x3 pad 0x1x1> prologue(pixel %y) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 16} : !w -> !x
  %p = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %g) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } {groups = 16} : tensor<?x16x1x1x3x3xf32>
  %dw = kernel.reduce %p : tensor<?x16x1x1x3x3xf32> -> !w
  return %y, %dw : !x, !w
}

// CHECK-LABEL: func.func @grouped
// CHECK: clip.read @v : tensor<16x8x1x3x3xf32, #[[D]]>
!v = tensor<16x8x1x3x3xf32>
clip.param @v : !v {role = "weight"}
func.func @grouped(%x: !x {clip.name = "x2"}) -> (!x {clip.name = "y2"}) {
  %w = clip.read @v : !v
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 2} : !v -> !x
  return %y : !x
}

// -----

// A folded weight has the order of the conv that reads it, and so has the weight that it is folded from.

!x = tensor<1x3x4x8x8xf32>
!z = tensor<1x12x4x8x8xf32>
!w = tensor<12x3x1x3x3xf32>
clip.param @w : !w {role = "weight"}
clip.param @s : tensor<12xf32> {role = "gamma"}

// CHECK-DAG: #[[C:.*]] = #kernel.layout<aBcde8b>
// CHECK-DAG: #[[W:.*]] = #kernel.layout<ABcde4b8a>
// CHECK-DAG: #[[V:.*]] = #kernel.layout<A8a>
// CHECK-LABEL: func.func @infer
// CHECK-SAME: tensor<1x3x4x8x8xf32, #aBcde4b>
// CHECK: clip.read @w : tensor<12x3x1x3x3xf32, #[[W]]>
// CHECK: clip.read @s : tensor<12xf32, #[[V]]>
// CHECK: kernel.fold {{.*}} -> tensor<12x3x1x3x3xf32, #[[W]]>
// CHECK: clip.prepared "w.folded", %{{.*}} : tensor<12x3x1x3x3xf32, #[[W]]>
// CHECK-NOT: kernel.convert
// CHECK: kernel.conv {{.*}}
// CHECK: -> tensor<1x12x4x8x8xf32, #[[C]]>
func.func @infer(%x: !x {clip.input = "rgb", clip.name = "rgb"}) -> (!z {clip.name = "y"}) {
  %m = clip.read @w : !w
  %s = clip.read @s : tensor<12xf32>
  %f = kernel.fold %m, %s : (!w, tensor<12xf32>) -> !w
  %w = clip.prepared "w.folded", %f : !w
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !z
  return %y : !z
}

// -----

// In training a dropout lies between the input and the conv, in inference nothing does. A weight has one order, so the
// input has the blocks of everything else, in both.

!x = tensor<1x3x4x8x8xf32>
!z = tensor<1x12x4x8x8xf32>
!w = tensor<12x3x1x3x3xf32>
clip.param @w : !w {role = "weight"}
clip.param @s : tensor<12xf32> {role = "gamma"}

// CHECK-DAG: #[[C:.*]] = #kernel.layout<aBcde8b>
// CHECK-DAG: #[[W:.*]] = #kernel.layout<ABcde8b8a>
// CHECK-LABEL: func.func @train_step
// CHECK-SAME: tensor<1x3x4x8x8xf32, #[[C]]>
// CHECK: clip.read @w : tensor<12x3x1x3x3xf32, #[[W]]>
// CHECK-LABEL: func.func @infer
// CHECK-SAME: tensor<1x3x4x8x8xf32, #[[C]]>
// CHECK: clip.read @w : tensor<12x3x1x3x3xf32, #[[W]]>
// CHECK: clip.prepared "w.folded", %{{.*}} : tensor<12x3x1x3x3xf32, #[[W]]>
func.func @train_step(%x: !x {clip.input = "rgb", clip.name = "rgb"}, %hyper: tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>> {clip.name = "hyper"}) -> (!z {clip.name = "y"}) {
  %d = kernel.dropout %x, %hyper {rate = 0.5 : f64, stream = 0 : i64} : (!x, tensor<6xf32, #clip.hyper<rate, momentum, nesterov, decay, seed, step>>) -> !x
  %w = clip.read @w : !w
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %d) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !z
  return %y : !z
}
func.func @infer(%x: !x {clip.input = "rgb", clip.name = "rgb"}) -> (!z {clip.name = "y"}) {
  %m = clip.read @w : !w
  %s = clip.read @s : tensor<12xf32>
  %f = kernel.fold %m, %s : (!w, tensor<12xf32>) -> !w
  %w = clip.prepared "w.folded", %f : !w
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !z
  return %y : !z
}
