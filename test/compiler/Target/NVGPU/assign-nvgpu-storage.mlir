// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-storage=precision=bf16 | FileCheck %s
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-storage=precision=fp16 | FileCheck %s --check-prefix=F16 --implicit-check-not=bf16
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-storage=precision=bf16x3 | FileCheck %s --check-prefix=TERMS
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-storage=precision=bf16x3 | kinema-opt | FileCheck %s --check-prefix=TERMS
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-storage="precision=bf16x3 reference" | FileCheck %s --check-prefix=PLAIN
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_100a" --assign-nvgpu-storage=precision=bf16x3 | FileCheck %s --check-prefix=TERMS

// For tensor cores a weight is a matrix for each tap; over an input of few channels, one for each pair of taps of a row.
// An input over which windows begin three positions apart is in blocks like all other tensors.

!x = tensor<1x3x2x8x12xf32>
!z = tensor<1x16x2x8x6xf32>
!y = tensor<1x16x2x8x4xf32>

clip.param @stem : tensor<16x3x1x3x7xf32> {role = "weight"}
clip.param @v : tensor<16x16x1x1x1xf32> {role = "weight"}
clip.param @wide : tensor<16x3x1x1x3xf32> {role = "weight"}

// With bf16x3, tensors are f32, and tensor cores multiply them by terms, of which the weights' copies are. On other
// processors, all is multiplied as it is.

// TERMS: kernel.precision = #kernel.precision<bf16x3>
// TERMS-LABEL: func.func @train_step
// TERMS: kernel.conv forward {{.*}} window <1x3x7 stride 1x1x2 pad 0x1x3> bf16x3 prologue
// TERMS: tensor<2x16x3x1x3x7xbf16, #adeF2fCB8b2f4c> -> tensor<1x16x2x8x6xf32, #aBcde8b>
// TERMS: kernel.conv forward {{.*}} window <1x1x1> bf16x3 prologue
// TERMS: kernel.conv forward {{.*}} window <1x1x3 stride 1x1x3> bf16x3 prologue (pixel {{.*}}) : (tensor<1x3x2x8x12xf32, #aBcde8b>)
// TERMS: kernel.wgrad window <1x3x7 stride 1x1x2 pad 0x1x3> bf16x3 gradient

// F16-DAG: #[[TAPS16:.*]] = #kernel.layout<cdeBA8a8b>
// F16-DAG: kernel.precision = #kernel.precision<fp16>
// F16-LABEL: func.func @train_step
// F16: kernel.convert {{.*}} : tensor<16x16x1x1x1xf32, #[[TAPS16]]> -> tensor<16x16x1x1x1xf16, #[[TAPS16]]>
// F16: arith.truncf {{.*}} : f32 to f16

// PLAIN: kernel.precision = #kernel.precision<fp32>
// PLAIN-NOT: bf16

// CHECK-DAG: #[[TAPS:.*]] = #kernel.layout<cdeBA8a8b>
// CHECK-DAG: #[[PAIRS:.*]] = #kernel.layout<cdE2eBA8a2e4b>
// CHECK-DAG: kernel.precision = #kernel.precision<bf16>
// CHECK-LABEL: func.func @train_step
// CHECK-SAME: tensor<1x3x2x8x12xf32, #aBcde4b>{{.*}}, %{{.*}}: tensor<1x3x2x8x12xf32, #aBcde8b>
// CHECK-DAG: clip.read @stem : tensor<16x3x1x3x7xf32, #[[PAIRS]]>
// CHECK-DAG: clip.read @v : tensor<16x16x1x1x1xf32, #[[TAPS]]>
// CHECK-DAG: clip.read @wide : tensor<16x3x1x1x3xf32, #[[TAPS]]>
// CHECK: kernel.conv forward {{.*}} window <1x3x7 stride 1x1x2
// CHECK: kernel.wgrad window <1x3x7 stride 1x1x2
// CHECK: tensor<?x16x3x1x3x7xf32, #adeF2fCB8b2f4c>
func.func @train_step(%x: !x {clip.name = "rgb", clip.input = "rgb"}, %f: !x {clip.name = "flow", clip.input = "rgb"}) -> (!z {clip.name = "v"}, !y {clip.name = "y"}, tensor<?x16x3x1x3x7xf32> {clip.name = "dw"}) {
  %w = clip.read @stem : tensor<16x3x1x3x7xf32>
  %v = clip.read @v : tensor<16x16x1x1x1xf32>
  %u = clip.read @wide : tensor<16x3x1x1x3xf32>
  %z = kernel.conv forward %w window <1x3x7 stride 1x1x2 pad 0x1x3> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x3x1x3x7xf32> -> !z
  %p = kernel.conv forward %v window <1x1x1> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x16x1x1x1xf32> -> !z
  %y = kernel.conv forward %u window <1x1x3 stride 1x1x3> prologue(pixel %f) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<16x3x1x1x3xf32> -> !y
  %dw = kernel.wgrad window <1x3x7 stride 1x1x2 pad 0x1x3> gradient(pixel %p) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : tensor<?x16x3x1x3x7xf32>
  return %p, %y, %dw : !z, !y, tensor<?x16x3x1x3x7xf32>
}

// Of a conv in groups of 4 channels, 4 groups share their inputs, so that whole blocks are contracted. The weight itself
// lies tap by tap, with the inputs of a group side by side.

clip.param @grouped : tensor<32x4x1x1x3xf32> {role = "weight"}
!g = tensor<1x32x2x8x6xf32>

// TERMS-LABEL: func.func @groups
// TERMS: kernel.convert {{.*}} {kernel.widened = array<i64: 8>} : tensor<32x4x1x1x3xf32, {{.*}}> -> tensor<2x32x16x1x1x3xbf16, {{.*}}>
// TERMS: kernel.conv forward {{.*}} bf16x3
// TERMS: kernel.conv transposed {{.*}} bf16x3
// TERMS: kernel.wgrad {{.*}} bf16x3

// CHECK-LABEL: func.func @groups
// CHECK: %[[READ:.*]] = clip.read @grouped : tensor<32x4x1x1x3xf32, #[[GROUPED:.*]]>
// CHECK: %[[W:.*]] = kernel.convert %[[READ]] {kernel.widened = array<i64: 8>} : tensor<32x4x1x1x3xf32, #[[GROUPED]]> -> tensor<32x16x1x1x3xbf16, #[[TAPS]]>
// CHECK: kernel.conv forward %[[W]]
// CHECK: {groups = 8 : i64}
// CHECK: %[[T:.*]] = kernel.convert %[[READ]] {kernel.widened = array<i64: 8>} : {{.*}} -> tensor<32x16x1x1x3xbf16, #cdeAB8b8a>
// CHECK: kernel.conv transposed %[[T]]
// CHECK: kernel.wgrad
// CHECK: tensor<?x32x4x1x1x3xf32, #adefbc>
func.func @groups(%x: !g) -> (!g {clip.name = "y"}, tensor<?x32x4x1x1x3xf32> {clip.name = "dw"}) {
  %w = clip.read @grouped : tensor<32x4x1x1x3xf32>
  %y = kernel.conv forward %w window <1x1x3 pad 0x0x1> prologue(pixel %x) : (!g) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 8 : i64} : tensor<32x4x1x1x3xf32> -> !g
  %dx = kernel.conv transposed %w window <1x1x3 pad 0x0x1> prologue(pixel %y) : (!g) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 8 : i64} : tensor<32x4x1x1x3xf32> -> !g
  %dw = kernel.wgrad window <1x1x3 pad 0x0x1> gradient(pixel %y) : (!g) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!g) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } {groups = 8 : i64} : tensor<?x32x4x1x1x3xf32>
  return %dx, %dw : !g, tensor<?x32x4x1x1x3xf32>
}

// Attention's scores, shares and results are activations as all others: softmax and products compute in f32 and round.

!q = tensor<1x16x2x4x5xf32>
!s = tensor<1x40x2x4x5xf32>

// CHECK-LABEL: func.func @attention
// CHECK: kernel.matmul {{.*}} -> tensor<1x40x2x4x5xbf16, #aBcde8b>
// CHECK: kernel.softmax {{.*}} -> tensor<1x40x2x4x5xbf16, #aBcde8b>
// CHECK: kernel.matmul {{.*}} -> tensor<1x16x2x4x5xbf16, #aBcde8b>
// CHECK: kernel.softmax_grad {{.*}} -> tensor<1x40x2x4x5xbf16, #aBcde8b>
func.func @attention(%q: !q {clip.name = "q"}) -> (!q {clip.name = "y"}, !s {clip.name = "ds"}) {
  %scores = kernel.matmul %q, %q {transpose_lhs} : (!q, !q) -> !s
  %shares = kernel.softmax %scores : (!s) -> !s
  %y = kernel.matmul %q, %shares : (!q, !s) -> !q
  %ds = kernel.softmax_grad %scores, %shares : (!s, !s) -> !s
  return %y, %ds : !q, !s
}

// What attention makes is bfloat16 where it has one query, too. What is returned stays f32.

// CHECK-LABEL: func.func @one_query
// CHECK: kernel.matmul {{.*}} -> tensor<1x4x1x1x1xbf16, #{{.*}}>
// CHECK: kernel.softmax {{.*}} -> tensor<1x4x1x1x1xbf16, #{{.*}}>
// CHECK: kernel.matmul {{.*}} -> tensor<1x16x1x1x1xf32, #{{.*}}>
func.func @one_query(%k: tensor<1x16x1x2x2xf32>, %q: tensor<1x16x1x1x1xf32>) -> (tensor<1x16x1x1x1xf32> {clip.name = "y"}) {
  %scores = kernel.matmul %k, %q {transpose_lhs} : (tensor<1x16x1x2x2xf32>, tensor<1x16x1x1x1xf32>) -> tensor<1x4x1x1x1xf32>
  %shares = kernel.softmax %scores : (tensor<1x4x1x1x1xf32>) -> tensor<1x4x1x1x1xf32>
  %y = kernel.matmul %k, %shares : (tensor<1x16x1x2x2xf32>, tensor<1x4x1x1x1xf32>) -> tensor<1x16x1x1x1xf32>
  return %y : tensor<1x16x1x1x1xf32>
}
