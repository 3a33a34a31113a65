// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --assign-nvgpu-schedules | FileCheck %s

// What memory bounds is a stream: a block's threads share its positions, or the partials that it merges. The number of
// partials is the schedule's, and whoever merges them sees it: it has a thread for each, up to 512.

#c8 = #kernel.layout<blocked block = 8>
!z = tensor<2x230x4x28x28xbf16, #c8>
!c = tensor<230xf32, #c8>
#w8 = #kernel.layout<weight block = 8 reduce = 8>
!dw = tensor<?x230x16x1x3x3xf32, #w8>

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
func.func @step(%x: !z, %a: tensor<2x16x4x28x28xf32, #c8>) -> (!z, !c, tensor<230x16x1x3x3xf32, #w8>) {
  %y, %m = kernel.map(pixel %x) : (!z) {
  ^bb0(%v: f32):
    kernel.yield store %v, moments %v
  } -> !z, tensor<?x3x230xf32, #c8>
  %mean = kernel.finalize %m : tensor<?x3x230xf32, #c8> () {
  ^bb0(%v: f32, %w: f32):
    kernel.yield value %v
  } {moments} -> !c
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %y) : (!z) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %a) : (tensor<2x16x4x28x28xf32, #c8>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !dw
  %sum = kernel.reduce %dw : !dw -> tensor<230x16x1x3x3xf32, #w8>
  return %y, %mean, %sum : !z, !c, tensor<230x16x1x3x3xf32, #w8>
}

// The weight gradient of a dense conv on bfloat16 contracts on tensor cores; its partials are one a chunk of positions.

#taps = #kernel.layout<taps block = 8>
!x = tensor<2x16x4x28x28xbf16, #c8>
!partials = tensor<?x230x16x1x3x3xf32, #taps>

// CHECK-LABEL: func.func @weight_gradient
// CHECK: kernel.wgrad
// CHECK: schedule = #kernel.schedule<"sm90.halo_wgrad", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {columns = 28 : i64, consumers = {{[23]}} : i64,
// CHECK-SAME: partials = [[C:[0-9]+]] : i64
// CHECK-SAME: tensor<[[C]]x230x16x1x3x3xf32
func.func @weight_gradient(%z: !z, %x: !x) -> tensor<230x16x1x3x3xf32, #taps> {
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %z) : (!z) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } : !partials
  %sum = kernel.reduce %dw : !partials -> tensor<230x16x1x3x3xf32, #taps>
  return %sum : tensor<230x16x1x3x3xf32, #taps>
}
