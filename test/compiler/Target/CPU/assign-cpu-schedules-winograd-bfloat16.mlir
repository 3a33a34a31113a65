// RUN: kinema-opt %s --set-target=name=x86-64-v4-bf16 --assign-cpu-schedules | FileCheck %s

// In bf16 a weight is brought to points from its own taps: rounded like the conv's, but not in pairs, from the parameter
// itself or from the folded weight. What nobody reads then is gone.

#aBcde16b = #kernel.layout<aBcde16b>
#ABcde16b16a = #kernel.layout<ABcde16b16a>
#ABcde8b16a2b = #kernel.layout<ABcde8b16a2b>
#A16a = #kernel.layout<A16a>
!x = tensor<2x64x4x56x56xbf16, #aBcde16b>
!w = tensor<64x64x1x3x3xf32, #ABcde16b16a>
!p = tensor<64x64x1x3x3xbf16, #ABcde8b16a2b>

// CHECK-DAG: #[[W:.*]] = #kernel.layout<ABcde16b16a>
// CHECK-DAG: #[[P:.*]] = #kernel.layout<ABcde8b16a2b>
// CHECK-DAG: #[[POINTS:.*]] = #kernel.layout<deABc16b16a>
module {
  clip.param @a : tensor<64x64x1x3x3xf32> {role = "weight"}
  clip.param @scale : tensor<64xf32> {role = "gamma"}

  // CHECK-LABEL: func.func @infer
  // CHECK: %[[F:.*]] = kernel.fold {{.*}} -> tensor<64x64x1x3x3xbf16, #[[P]]>
  // CHECK-NOT: clip.prepared "a.folded",
  // CHECK: %[[T:.*]] = kernel.convert %[[F]] {{.*}} : tensor<64x64x1x3x3xbf16, #[[P]]> -> tensor<64x64x1x3x3xbf16, #[[W]]>
  // CHECK: %[[G:.*]] = kernel.winograd %[[T]] {{.*}} : tensor<64x64x1x3x3xbf16, #[[W]]> -> tensor<64x64x1x6x6xf32, #[[POINTS]]>
  // CHECK: %[[U:.*]] = clip.prepared "a.folded.winograd1x4x4", %[[G]]
  // CHECK: kernel.conv forward %[[U]]
  func.func @infer(%x: !x) -> !x {
    %m = clip.read @a : !w
    %s = clip.read @scale : tensor<64xf32, #A16a>
    %f = kernel.fold %m, %s : (!w, tensor<64xf32, #A16a>) -> !p
    %w = clip.prepared "a.folded", %f : !p
    %1 = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !p -> !x
    return %1 : !x
  }

  // CHECK-LABEL: func.func @train_step
  // CHECK: %[[R:.*]] = clip.read @a
  // CHECK-NOT: #[[P]]>
  // CHECK: %[[C:.*]] = kernel.convert %[[R]] {{.*}} -> tensor<64x64x1x3x3xbf16, #[[W]]>
  // CHECK: %[[V:.*]] = kernel.winograd %[[C]]
  // CHECK: kernel.conv forward %[[V]]
  func.func @train_step(%x: !x) -> !x {
    %w = clip.read @a : !w
    %p = kernel.convert %w : !w -> !p
    %1 = kernel.conv forward %p window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !p -> !x
    clip.write @a, %w : !w
    return %1 : !x
  }
}
