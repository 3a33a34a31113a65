// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --store-nvgpu-prologues --split-input-file | FileCheck %s
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --store-nvgpu-prologues=always --split-input-file | FileCheck %s --check-prefix=ALWAYS

// Few positions with many channels: the products' operands would be computed anew for every block of channels.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#cdeAB8b8a = #kernel.layout<cdeAB8b8a>
!g = tensor<32x1152x2x7x7xbf16, #aBcde8b>
!x = tensor<32x512x2x7x7xbf16, #aBcde8b>
!c = tensor<1152xf32, #A8a>
!w = tensor<1152x512x1x3x3xbf16, #cdeAB8b8a>
!dw = tensor<?x1152x512x1x3x3xf32, #kernel.layout<adefCB8b8c>>

// CHECK-LABEL: func.func @deep
// CHECK-SAME: (%[[G:.*]]: tensor<32x1152x2x7x7xbf16, #aBcde8b>, %[[Z:.*]]: tensor<32x1152x2x7x7xbf16, #aBcde8b>, %[[X:.*]]: tensor<32x512
// CHECK: %[[STORED:.*]] = kernel.map (pixel %[[G]], channel %{{.*}}, pixel %[[Z]])
// CHECK: %[[SUM:.*]] = math.fma
// CHECK: kernel.yield store %[[SUM]]
// CHECK: %[[DX:.*]] = kernel.conv transposed %{{.*}} window <1x3x3 pad 0x1x1> prologue (pixel %[[STORED]])
// CHECK-NEXT: ^bb0(%[[V:.*]]: f32):
// CHECK-NEXT: kernel.yield value %[[V]]
// CHECK: %[[DW:.*]] = kernel.wgrad window <1x3x3 pad 0x1x1> gradient (pixel %[[STORED]])
// CHECK-NEXT: ^bb0(%[[D:.*]]: f32):
// CHECK-NEXT: kernel.yield value %[[D]]
// CHECK-NEXT: } activation (pixel %[[X]])
// CHECK: return %[[DX]], %[[DW]]
func.func @deep(%g: !g, %z: !g, %x: !x, %p: !c, %w: !w) -> (!x, !dw) {
  %dx = kernel.conv transposed %w window <1x3x3 pad 0x1x1> prologue(pixel %g, channel %p, pixel %z) : (!g, !c, !g) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %g, channel %p, pixel %z) : (!g, !c, !g) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !dw
  return %dx, %dw : !x, !dw
}

// -----

// Few channels, which each kernel reads once: another launch would take longer.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#cdeAB8b8a = #kernel.layout<cdeAB8b8a>
!g = tensor<1x16x2x7x7xbf16, #aBcde8b>
!x = tensor<1x16x2x7x7xbf16, #aBcde8b>
!w = tensor<16x16x1x1x1xbf16, #cdeAB8b8a>
!dw = tensor<?x16x16x1x1x1xf32, #kernel.layout<adefCB8b8c>>

// CHECK-LABEL: func.func @small
// CHECK-NOT: kernel.map
// ALWAYS-LABEL: func.func @small
// ALWAYS: kernel.map
func.func @small(%g: !g, %z: !g, %x: !x, %w: !w) -> (!x, !dw) {
  %dx = kernel.conv transposed %w window <1x1x1> prologue(pixel %g, pixel %z) : (!g, !g) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %dw = kernel.wgrad window <1x1x1> gradient(pixel %g, pixel %z) : (!g, !g) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    kernel.yield value %0
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !dw
  return %dx, %dw : !x, !dw
}

// -----

// The data gradient computes something else of the same tensors: they share nothing.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#cdeAB8b8a = #kernel.layout<cdeAB8b8a>
!g = tensor<1x16x2x7x7xbf16, #aBcde8b>
!x = tensor<1x16x2x7x7xbf16, #aBcde8b>
!w = tensor<16x16x1x1x1xbf16, #cdeAB8b8a>
!dw = tensor<?x16x16x1x1x1xf32, #kernel.layout<adefCB8b8c>>

// ALWAYS-LABEL: func.func @others
// ALWAYS: %[[M:.*]] = kernel.map
// ALWAYS: arith.mulf
// ALWAYS: prologue (pixel %[[M]])
// ALWAYS: %[[A:.*]] = kernel.map
// ALWAYS: arith.addf
// ALWAYS: gradient (pixel %[[A]])
func.func @others(%g: !g, %z: !g, %x: !x, %w: !w) -> (!x, !dw) {
  %dx = kernel.conv transposed %w window <1x1x1> prologue(pixel %g, pixel %z) : (!g, !g) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %dw = kernel.wgrad window <1x1x1> gradient(pixel %g, pixel %z) : (!g, !g) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    kernel.yield value %0
  } activation(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !dw
  return %dx, %dw : !x, !dw
}

// -----

// Three convs scale and offset the same tensor, each once for every block of its channels: what they read is stored once. A weight gradient
// does not read what the forward pass has stored; where storing is no gain for itself alone, it computes the value again.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
!x = tensor<8x768x8x14x14xbf16, #aBcde8b>
!c = tensor<768xf32, #A8a>
!w = tensor<768x768x1x1x1xbf16, #cdeBA8a8b>
!dw = tensor<?x768x768x1x1x1xf32, #kernel.layout<adefCB8b8c>>

// CHECK-LABEL: func.func @queries_keys_values
// CHECK-SAME: (%[[X:.*]]: tensor<8x768x8x14x14xbf16, #aBcde8b>, %[[S:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor<768xf32
// CHECK: %[[Y:.*]] = kernel.map (pixel %[[X]], channel %[[S]], channel %[[O]])
// CHECK-COUNT-3: kernel.conv forward %{{.*}} window <1x1x1> prologue (pixel %[[Y]])
// CHECK-NOT: kernel.map
// CHECK: kernel.wgrad window <1x1x1> gradient (pixel %{{.*}})
// CHECK: } activation (pixel %[[X]], channel %[[S]], channel %[[O]])
// ALWAYS-LABEL: func.func @queries_keys_values
// ALWAYS-SAME: (%[[X:.*]]: tensor<8x768x8x14x14xbf16, #aBcde8b>, %[[S:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor<768xf32
// ALWAYS: %[[Y:.*]] = kernel.map (pixel %[[X]], channel %[[S]], channel %[[O]])
// ALWAYS-COUNT-3: kernel.conv forward %{{.*}} window <1x1x1> prologue (pixel %[[Y]])
// ALWAYS: %[[Z:.*]] = kernel.map (pixel %[[X]], channel %[[S]], channel %[[O]])
// ALWAYS: } activation (pixel %[[Z]])
func.func @queries_keys_values(%x: !x, %s: !c, %o: !c, %w: !w, %g: !x) -> (!x, !x, !x, !dw) {
  %q = kernel.conv forward %w window <1x1x1> prologue(pixel %x, channel %s, channel %o) : (!x, !c, !c) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %k = kernel.conv forward %w window <1x1x1> prologue(pixel %x, channel %s, channel %o) : (!x, !c, !c) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %v = kernel.conv forward %w window <1x1x1> prologue(pixel %x, channel %s, channel %o) : (!x, !c, !c) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w -> !x
  %dw = kernel.wgrad window <1x1x1> gradient(pixel %g) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x, channel %s, channel %o) : (!x, !c, !c) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = math.fma %a, %b, %c : f32
    kernel.yield value %0
  } : !dw
  return %q, %k, %v, %dw : !x, !x, !x, !dw
}
