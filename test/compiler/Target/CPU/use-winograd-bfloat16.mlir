// RUN: kinema-opt %s --set-target=name=x86-64-v4-bf16 --use-winograd | FileCheck %s

// In bf16 a weight is brought to points from its own taps: rounded like the conv's, but not in pairs, from the parameter
// itself, or in @prepare from the folded weight. What nobody reads then is gone.

#c16 = #kernel.layout<blocked block = 16>
#w16 = #kernel.layout<weight block = 16 reduce = 16>
#p16 = #kernel.layout<pairs block = 16 reduce = 16>
!x = tensor<2x64x4x56x56xbf16, #c16>
!w = tensor<64x64x1x3x3xf32, #w16>
!p = tensor<64x64x1x3x3xbf16, #p16>

// CHECK-DAG: #[[W:.*]] = #kernel.layout<weight block = 16 reduce = 16>
// CHECK-DAG: #[[P:.*]] = #kernel.layout<pairs block = 16 reduce = 16>
// CHECK-DAG: #[[POINTS:.*]] = #kernel.layout<points block = 16 reduce = 16>
module {
  // CHECK-NOT: clip.param @a.folded :
  // CHECK: clip.param @a.folded.winograd4 : tensor<64x64x1x6x6xf32> {role = "folded"}
  clip.param @a : tensor<64x64x1x3x3xf32> {role = "weight"}
  clip.param @a.folded : tensor<64x64x1x3x3xf32> {role = "folded"}
  clip.param @scale : tensor<64xf32> {role = "gamma"}

  // CHECK-LABEL: func.func @infer
  // CHECK: %[[U:.*]] = clip.read @a.folded.winograd4 : tensor<64x64x1x6x6xf32, #[[POINTS]]>
  // CHECK: kernel.conv forward %[[U]]
  func.func @infer(%x: !x) -> !x {
    %w = clip.read @a.folded : !p
    %1 = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !p -> !x
    return %1 : !x
  }

  // CHECK-LABEL: func.func @prepare
  // CHECK: %[[F:.*]] = kernel.fold {{.*}} -> tensor<64x64x1x3x3xbf16, #[[P]]>
  // CHECK: %[[T:.*]] = kernel.convert %[[F]] : tensor<64x64x1x3x3xbf16, #[[P]]> -> tensor<64x64x1x3x3xbf16, #[[W]]>
  // CHECK: %[[G:.*]] = kernel.winograd 4 %[[T]] : tensor<64x64x1x3x3xbf16, #[[W]]> -> tensor<64x64x1x6x6xf32, #[[POINTS]]>
  // CHECK-NOT: clip.write @a.folded,
  // CHECK: clip.write @a.folded.winograd4, %[[G]]
  func.func @prepare() {
    %w = clip.read @a : !w
    %s = clip.read @scale : tensor<64xf32, #c16>
    %f = kernel.fold %w, %s : (!w, tensor<64xf32, #c16>) -> !p
    clip.write @a.folded, %f : !p
    return
  }

  // CHECK-LABEL: func.func @train_step
  // CHECK: %[[R:.*]] = clip.read @a
  // CHECK-NOT: #[[P]]>
  // CHECK: %[[C:.*]] = kernel.convert %[[R]] : {{.*}} -> tensor<64x64x1x3x3xbf16, #[[W]]>
  // CHECK: %[[V:.*]] = kernel.winograd 4 %[[C]]
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
    return %1 : !x
  }
}
