// Every operation, printed and read again: once as written here, once in generic form.
// RUN: %kinema-opt %s | %kinema-opt | FileCheck %s
// RUN: %kinema-opt %s --mlir-print-op-generic | %kinema-opt | FileCheck %s

// Layouts have one name in the whole text; a plain one is a layout too.
// CHECK-DAG: #[[C8:.*]] = #kernel.layout<aBcde8b>
// CHECK-DAG: #[[PLAIN:.*]] = #kernel.layout<abcde>
// CHECK-DAG: #[[W:.*]] = #kernel.layout<ABcde4b8a>
// CHECK-DAG: #[[WT:.*]] = #kernel.layout<BAcde8a8b>
#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#abcde = #kernel.layout<abcde>
#abC8c = #kernel.layout<abC8c>
#aBCdef4c8b = #kernel.layout<aBCdef4c8b>
#ABcde4b8a = #kernel.layout<ABcde4b8a>
#BAcde8a8b = #kernel.layout<BAcde8a8b>
#abcdef = #kernel.layout<abcdef>

!x = tensor<2x4x3x8x8xf32, #aBcde8b>
!z = tensor<2x6x3x4x4xf32, #aBcde8b>
!half = tensor<2x4x3x4x4xf32, #aBcde8b>
!gate = tensor<2x4x1x1x1xf32, #aBcde8b>
!cx = tensor<4xf32, #A8a>
!cz = tensor<6xf32, #A8a>
!w = tensor<6x2x1x3x3xf32, #abcde>

// CHECK-LABEL: func.func @conv
func.func @conv(%x: !x, %gate: !gate, %s: !cx, %z: !z, %b: !cz, %w: !w) {
  // CHECK: %[[Z:.*]]:3 = kernel.conv forward %{{.*}} window <1x3x3 stride 1x2x2 pad 0x1x1>
  // CHECK-SAME: prologue (pixel %{{.*}}, channel %{{.*}}, batch_channel %{{.*}}) : (tensor<2x4x3x8x8xf32, #[[C8]]>, tensor<4xf32, #A8a>, tensor<2x4x1x1x1xf32, #[[C8]]>) {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[S:.*]]: f32, %[[G:.*]]: f32):
  // CHECK-NEXT: %[[N:.*]] = arith.mulf %[[X]], %[[S]] : f32
  // CHECK-NEXT: %[[A:.*]] = arith.mulf %[[N]], %[[G]] : f32
  // CHECK-NEXT: kernel.yield value %[[A]]
  // CHECK-NEXT: } epilogue (channel %{{.*}}, pixel %{{.*}}) : (tensor<6xf32, #A8a>, tensor<2x6x3x4x4xf32, #[[C8]]>) {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[B:.*]]: f32, %[[Y:.*]]: f32):
  // CHECK-NEXT: %[[R:.*]] = arith.addf %[[ACC]], %[[B]] : f32
  // CHECK-NEXT: %[[P:.*]] = arith.mulf %[[R]], %[[Y]] : f32
  // CHECK-NEXT: kernel.yield store %[[R]], moments %[[R]], sum %[[R]], sum %[[P]]
  // CHECK-NEXT: } {groups = 2 : i64, schedule = #kernel.schedule<"cpu.tile", grid = 6, scratch = 4096, {rows = 4 : i64}>} : tensor<6x2x1x3x3xf32, #[[PLAIN]]> -> tensor<2x6x3x4x4xf32, #[[C8]]>, tensor<6x3x6xf32, #abC8c>, tensor<6x2x6xf32, #abC8c>
  %y:3 = kernel.conv forward %w window <1x3x3 stride 1x2x2 pad 0x1x1>
    prologue(pixel %x, channel %s, batch_channel %gate) : (!x, !cx, !gate) {
    ^bb0(%a: f32, %c: f32, %g: f32):
      %0 = arith.mulf %a, %c : f32
      %1 = arith.mulf %0, %g : f32
      kernel.yield value %1
    }
    epilogue(channel %b, pixel %z) : (!cz, !z) {
    ^bb0(%acc: f32, %c: f32, %p: f32):
      %0 = arith.addf %acc, %c : f32
      %1 = arith.mulf %0, %p : f32
      kernel.yield store %0, moments %0, sum %0, sum %1
    } {groups = 2, schedule = #kernel.schedule<"cpu.tile", grid = 6, scratch = 4096, {rows = 4}>}
    : !w -> !z, tensor<6x3x6xf32, #abC8c>, tensor<6x2x6xf32, #abC8c>
  // CHECK: kernel.conv transposed %{{.*}} window <1x3x3 stride 1x2x2 pad 0x1x1>
  // CHECK-SAME: prologue (pixel %[[Z]]#0)
  // CHECK: } epilogue (lattice %{{.*}}, pixel %{{.*}}) : (tensor<2x4x3x4x4xf32, #[[C8]]>, tensor<2x4x3x8x8xf32, #[[C8]]>)
  // CHECK: } {groups = 2 : i64} : tensor<6x2x1x3x3xf32, #[[PLAIN]]> -> tensor<2x4x3x8x8xf32, #[[C8]]>
  %part = kernel.convert %x : !x -> !half
  %dx = kernel.conv transposed %w window <1x3x3 stride 1x2x2 pad 0x1x1>
    prologue(pixel %y#0) : (!z) {
    ^bb0(%g: f32):
      kernel.yield value %g
    }
    epilogue(lattice %part, pixel %x) : (!half, !x) {
    ^bb0(%acc: f32, %l: f32, %p: f32):
      %0 = arith.addf %acc, %l : f32
      kernel.yield store %0
    } {groups = 2} : !w -> !x
  return
}

// CHECK-LABEL: func.func @pair
func.func @pair(%x: tensor<2x4x3x8x8xf32>, %w1: tensor<6x4x1x3x3xf32>, %w2: tensor<5x6x3x1x1xf32>, %b: tensor<6xf32>,
                %r: tensor<2x5x3x8x8xf32>) {
  // CHECK: kernel.pair %{{.*}} window <1x3x3 pad 0x1x1> then %{{.*}} window <3x1x1 pad 1x0x0> prologue (pixel %{{.*}}) : (tensor<2x4x3x8x8xf32>) {
  // CHECK: } middle (channel %{{.*}}) : (tensor<6xf32>) {
  // CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[B:.*]]: f32):
  // CHECK-NEXT: %[[M:.*]] = arith.addf %[[ACC]], %[[B]] : f32
  // CHECK-NEXT: kernel.yield value %[[M]]
  // CHECK-NEXT: } epilogue (pixel %{{.*}}) : (tensor<2x5x3x8x8xf32>) {
  // CHECK: } : tensor<6x4x1x3x3xf32>, tensor<5x6x3x1x1xf32> -> tensor<2x5x3x8x8xf32>
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0>
    prologue(pixel %x) : (tensor<2x4x3x8x8xf32>) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    middle(channel %b) : (tensor<6xf32>) {
    ^bb0(%acc: f32, %c: f32):
      %0 = arith.addf %acc, %c : f32
      kernel.yield value %0
    }
    epilogue(pixel %r) : (tensor<2x5x3x8x8xf32>) {
    ^bb0(%acc: f32, %p: f32):
      %0 = arith.addf %acc, %p : f32
      kernel.yield store %0
    } : tensor<6x4x1x3x3xf32>, tensor<5x6x3x1x1xf32> -> tensor<2x5x3x8x8xf32>
  return
}

// CHECK-LABEL: func.func @wgrad
func.func @wgrad(%g: !z, %x: !x) {
  // CHECK: kernel.wgrad window <1x3x3 stride 1x2x2 pad 0x1x1> gradient (pixel %{{.*}}) : (tensor<2x6x3x4x4xf32, #[[C8]]>) {
  // CHECK: } activation (pixel %{{.*}}) : (tensor<2x4x3x8x8xf32, #[[C8]]>) {
  // CHECK: } : tensor<?x6x4x1x3x3xf32, #aBCdef4c8b>
  %dw = kernel.wgrad window <1x3x3 stride 1x2x2 pad 0x1x1>
    gradient(pixel %g) : (!z) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<?x6x4x1x3x3xf32, #aBCdef4c8b>
  // CHECK: kernel.reduce %{{.*}} : tensor<?x6x4x1x3x3xf32, #aBCdef4c8b> -> tensor<6x4x1x3x3xf32, #[[W]]>
  %sum = kernel.reduce %dw : tensor<?x6x4x1x3x3xf32, #aBCdef4c8b> -> tensor<6x4x1x3x3xf32, #ABcde4b8a>
  // CHECK: kernel.convert %{{.*}} : tensor<6x4x1x3x3xf32, #[[W]]> -> tensor<6x4x1x3x3xf32, #[[WT]]>
  %t = kernel.convert %sum : tensor<6x4x1x3x3xf32, #ABcde4b8a> -> tensor<6x4x1x3x3xf32, #BAcde8a8b>
  return
}

// CHECK-LABEL: func.func @map
func.func @map(%x: !x, %part: !half) {
  // CHECK: kernel.map (pixel %{{.*}}, lattice %{{.*}}) : (tensor<2x4x3x8x8xf32, #[[C8]]>, tensor<2x4x3x4x4xf32, #[[C8]]>) {
  // CHECK: kernel.yield store %{{.*}}, sum %{{.*}}
  // CHECK: } -> tensor<2x4x3x8x8xf32, #[[C8]]>, tensor<?x1x4xf32>
  %y:2 = kernel.map(pixel %x, lattice %part) : (!x, !half) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    kernel.yield store %0, sum %0
  } -> !x, tensor<?x1x4xf32>
  // No pixel operand: the domain is that of the result.
  // CHECK: kernel.map () : () {
  // CHECK: } -> tensor<2x4x3x8x8xf32, #[[C8]]>
  %zero = kernel.map() : () {
    %0 = arith.constant 0.0 : f32
    kernel.yield store %0
  } -> !x
  return
}

// CHECK-LABEL: func.func @pools
func.func @pools(%x: !x, %s: !cx) {
  // CHECK: kernel.pool max window <1x3x3 stride 1x2x2> prologue (pixel %{{.*}}, channel %{{.*}}) : (tensor<2x4x3x8x8xf32, #[[C8]]>, tensor<4xf32, #A8a>) {
  // CHECK: } -> tensor<2x4x3x3x3xf32, #[[C8]]>
  %m = kernel.pool max window <1x3x3 stride 1x2x2> prologue(pixel %x, channel %s) : (!x, !cx) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    kernel.yield value %0
  } -> tensor<2x4x3x3x3xf32, #aBcde8b>
  // The last window may begin inside and end outside (`ceil`).
  // CHECK: kernel.pool average window <1x3x3 stride 1x2x2> prologue
  // CHECK: -> tensor<2x4x3x4x4xf32, #[[C8]]>
  %a = kernel.pool average window <1x3x3 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> !half
  // CHECK: kernel.pool_grad max %{{.*}} window <1x3x3 stride 1x2x2> prologue (pixel %{{.*}}) : (tensor<2x4x3x8x8xf32, #[[C8]]>) {
  // CHECK: } : tensor<2x4x3x3x3xf32, #[[C8]]> -> tensor<2x4x3x8x8xf32, #[[C8]]>
  %dm = kernel.pool_grad max %m window <1x3x3 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%p: f32):
    kernel.yield value %p
  } : tensor<2x4x3x3x3xf32, #aBcde8b> -> !x
  // CHECK: kernel.pool_grad average %{{.*}} window <1x3x3 stride 1x2x2> prologue () : () {
  // CHECK: } : tensor<2x4x3x4x4xf32, #[[C8]]> -> tensor<2x4x3x8x8xf32, #[[C8]]>
  %da = kernel.pool_grad average %a window <1x3x3 stride 1x2x2> prologue() : () {
    %0 = arith.constant 0.0 : f32
    kernel.yield value %0
  } : !half -> !x
  return
}

// CHECK-LABEL: func.func @finalize
func.func @finalize(%moments: tensor<7x3x6xf32>, %sums: tensor<?x2x6xf32>, %v: !cz) {
  // CHECK: kernel.finalize %{{.*}} : tensor<7x3x6xf32>(%{{.*}} : tensor<6xf32, #A8a>) {
  // CHECK-NEXT: ^bb0(%[[MEAN:.*]]: f32, %[[VAR:.*]]: f32, %[[V:.*]]: f32):
  // CHECK: kernel.yield value %[[MEAN]], value %{{.*}}
  // CHECK: } {moments} -> tensor<6xf32, #A8a>, tensor<6xf32, #A8a>
  %a:2 = kernel.finalize %moments : tensor<7x3x6xf32> (%v : !cz) {
  ^bb0(%mean: f32, %var: f32, %c: f32):
    %0 = arith.mulf %var, %c : f32
    kernel.yield value %mean, value %0
  } {moments} -> !cz, !cz
  // CHECK: kernel.finalize %{{.*}} : tensor<?x2x6xf32>() {
  %b = kernel.finalize %sums : tensor<?x2x6xf32> () {
  ^bb0(%s0: f32, %s1: f32):
    %0 = arith.addf %s0, %s1 : f32
    kernel.yield value %0
  } -> !cz
  // CHECK: kernel.finalize(%{{.*}}, %{{.*}} : tensor<6xf32, #A8a>, tensor<6xf32, #A8a>) {
  %c = kernel.finalize (%v, %v : !cz, !cz) {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.addf %p, %q : f32
    kernel.yield value %0
  } -> !cz
  return
}

// CHECK-LABEL: func.func @over_ranks
func.func @over_ranks(%v: !cz) -> (!cz, !cz, !cz) {
  // CHECK: kernel.rank_sum weighted %{{.*}}, %{{.*}} : tensor<6xf32, #A8a>, tensor<6xf32, #A8a> -> tensor<6xf32, #A8a>, tensor<6xf32, #A8a>
  %a:2 = kernel.rank_sum weighted %v, %v : !cz, !cz -> !cz, !cz
  // CHECK: kernel.rank_sum %{{.*}} : tensor<6xf32, #A8a> -> tensor<6xf32, #A8a>
  %b = kernel.rank_sum %v : !cz -> !cz
  return %a#0, %a#1, %b : !cz, !cz, !cz
}

// CHECK-LABEL: func.func @loss_and_update
func.func @loss_and_update(%x: tensor<2x5x1x1x1xf32, #aBcde8b>, %labels: tensor<2xi32>, %targets: tensor<2x5xf32>, %shares: tensor<2xf32>, %w: !w, %partials: tensor<?x6x2x1x3x3xf32, #abcdef>, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>, %s: !cz) {
  // CHECK: kernel.softmax_xent %{{.*}}, %{{.*}} {smoothing = 1.000000e-01 : f64} : (tensor<2x5x1x1x1xf32, #[[C8]]>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32, #[[C8]]>)
  %loss, %d = kernel.softmax_xent %x, %labels {smoothing = 0.1} : (tensor<2x5x1x1x1xf32, #aBcde8b>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32, #aBcde8b>)
  // CHECK: kernel.target_xent %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x5x1x1x1xf32, #[[C8]]>, tensor<2x5xf32>, tensor<2xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32, #[[C8]]>)
  %loss2, %d2 = kernel.target_xent %x, %targets, %shares : (tensor<2x5x1x1x1xf32, #aBcde8b>, tensor<2x5xf32>, tensor<2xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32, #aBcde8b>)
  // CHECK: kernel.update sgd %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<6x2x1x3x3xf32, #[[PLAIN]]>, tensor<6x2x1x3x3xf32, #[[PLAIN]]>, tensor<?x6x2x1x3x3xf32, #abcdef>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<6x2x1x3x3xf32, #[[PLAIN]]>, tensor<6x2x1x3x3xf32, #[[PLAIN]]>)
  %w1, %v1 = kernel.update sgd %w, %w, %partials, %hyper : (!w, !w, tensor<?x6x2x1x3x3xf32, #abcdef>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w, !w)
  // CHECK: kernel.fold %{{.*}}, %{{.*}} : (tensor<6x2x1x3x3xf32, #[[PLAIN]]>, tensor<6xf32, #A8a>) -> tensor<6x2x1x3x3xf32, #[[PLAIN]]>
  %f = kernel.fold %w, %s : (!w, !cz) -> !w
  return
}

// CHECK-LABEL: kernel.def @k0 attributes {layers = ["stage1.0.conv1", "stage1.0.conv2"]} {
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<2x4x3x8x8xf32, #[[C8]]>):
// CHECK-NEXT: %[[Y:.*]] = kernel.convert %[[X]] : tensor<2x4x3x8x8xf32, #[[C8]]> -> tensor<2x4x3x8x8xf32, #[[PLAIN]]>
// CHECK-NEXT: kernel.return %[[Y]] : tensor<2x4x3x8x8xf32, #[[PLAIN]]>
kernel.def @k0 attributes {layers = ["stage1.0.conv1", "stage1.0.conv2"]} {
^bb0(%x: !x):
  %y = kernel.convert %x : !x -> tensor<2x4x3x8x8xf32, #abcde>
  kernel.return %y : tensor<2x4x3x8x8xf32, #abcde>
}

// CHECK-LABEL: kernel.entry @infer {
// CHECK-NEXT: kernel.launch @k0 [0, 12288] {layer = "stage1.0.conv1", macs = 0 : i64, reads = 12288 : i64, writes = 6144 : i64}
// CHECK-NEXT: kernel.output "logits" at 12288 : tensor<2x4x1x1x1xf32, #[[C8]]>
// CHECK-NEXT: kernel.output "grad.fc.weight" of @fc.weight at 12352 : tensor<4x2xf32>
// CHECK-NEXT: kernel.output "features.stem" layer "stem" at 12288 : tensor<2x4x1x1x1xf32, #[[C8]]>
// CHECK-NEXT: }
kernel.entry @infer {
  kernel.launch @k0 [0, 12288] {layer = "stage1.0.conv1", macs = 0, reads = 12288, writes = 6144}
  kernel.output "logits" at 12288 : !gate
  kernel.output "grad.fc.weight" of @fc.weight at 12352 : tensor<4x2xf32>
  kernel.output "features.stem" layer "stem" at 12288 : !gate
}

clip.param @fc.weight : tensor<4x2xf32> {role = "weight"}
clip.param @fc.weight.momentum : tensor<4x2xf32> {role = "momentum"}
clip.param @fc.weight.folded : tensor<4x2xf32> {role = "prepared"}

// CHECK-LABEL: kernel.arena 512 activations 64 separate 128 {
// CHECK-NEXT: kernel.segment parameters at 0 bytes 128
// CHECK-NEXT: kernel.buffer parameter @fc.weight at 0 : tensor<4x2xf32>
// CHECK-NEXT: kernel.buffer state @fc.weight.momentum of @fc.weight at 64 : tensor<4x2xf32>
// CHECK-NEXT: kernel.segment "inputs and outputs" at 128 bytes 256
// CHECK-NEXT: kernel.buffer input @rgb kind "rgb" at 128 : tensor<1x3x1x2x2xf32>
// CHECK-NEXT: kernel.buffer labels @labels at 192 : tensor<1xi32>
// CHECK-NEXT: kernel.buffer hyper @hyper at 256 : tensor<2xf32, #clip.hyper<rate, momentum>>
// CHECK-NEXT: kernel.buffer counters @counters at 320 : tensor<1xi32>
// CHECK-NEXT: kernel.segment prepared at 384 bytes 64
// CHECK-NEXT: kernel.buffer prepared @fc.weight.folded at 384 : tensor<4x2xbf16>
// CHECK-NEXT: kernel.segment activations at 448 bytes 64
// CHECK-NEXT: kernel.segment twins at 512 bytes 0
// CHECK-NEXT: }
kernel.arena 512 activations 64 separate 128 {
  kernel.segment parameters at 0 bytes 128
  kernel.buffer parameter @fc.weight at 0 : tensor<4x2xf32>
  kernel.buffer state @fc.weight.momentum of @fc.weight at 64 : tensor<4x2xf32>
  kernel.segment "inputs and outputs" at 128 bytes 256
  kernel.buffer input @rgb kind "rgb" at 128 : tensor<1x3x1x2x2xf32>
  kernel.buffer labels @labels at 192 : tensor<1xi32>
  kernel.buffer hyper @hyper at 256 : tensor<2xf32, #clip.hyper<rate, momentum>>
  kernel.buffer counters @counters at 320 : tensor<1xi32>
  kernel.segment prepared at 384 bytes 64
  kernel.buffer prepared @fc.weight.folded at 384 : tensor<4x2xbf16>
  kernel.segment activations at 448 bytes 64
  kernel.segment twins at 512 bytes 0
}
