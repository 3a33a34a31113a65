// RUN: kinema-opt %s --outline-prepared --split-input-file --verify-diagnostics | FileCheck %s

// What is prepared becomes a parameter that @prepare writes. What it is made of is there once, with the parameters read at
// the function's beginning; the function keeps what it needs itself.

!w = tensor<4x3x1x1x1xf32>
!c = tensor<4xf32>
!x = tensor<2x3x1x4x4xf32>
!y = tensor<2x4x1x4x4xf32>
// CHECK: clip.param @b :
// CHECK-NEXT: clip.param @w.folded : tensor<4x3x1x1x1xf32> {role = "prepared"}
// CHECK-NEXT: clip.param @w.folded_bias : tensor<4xf32> {role = "prepared"}
clip.param @w : !w {role = "weight"}
clip.param @s : !c {role = "gamma"}
clip.param @b : !c {role = "bias"}
// CHECK-LABEL: func.func @infer
// CHECK: %[[S:.*]] = clip.read @s
// CHECK: %[[W:.*]] = clip.read @w.folded :
// CHECK: %[[B:.*]] = clip.read @w.folded_bias :
// CHECK-NOT: clip.read
// CHECK-NOT: clip.fold
// CHECK: clip.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK: clip.affine %{{.*}}, %[[S]], %[[S]]
// CHECK-LABEL: func.func @prepare
// CHECK: %[[W:.*]] = clip.read @w :
// CHECK: %[[S:.*]] = clip.read @s
// CHECK: %[[B:.*]] = clip.read @b :
// CHECK-NOT: clip.read
// CHECK: %[[F:.*]] = clip.fold_weight %[[W]], %[[S]]
// CHECK: clip.write @w.folded, %[[F]]
// CHECK: %[[G:.*]] = clip.fold_bias %[[B]], %[[S]], %[[S]]
// CHECK: clip.write @w.folded_bias, %[[G]]
func.func @infer(%x: !x) -> !y {
  %s = clip.read @s : !c
  %w = clip.read @w : !w
  %b = clip.read @b : !c
  %f = clip.fold_weight %w, %s : (!w, !c) -> !w
  %p = clip.prepared "w.folded", %f : !w
  %g = clip.fold_bias %b, %s, %s : (!c, !c, !c) -> !c
  %q = clip.prepared "w.folded_bias", %g : !c
  %z = clip.conv %x, %p bias %q window <1x1x1> : (!x, !w, !c) -> !y
  %y = clip.affine %z, %s, %s : (!y, !c, !c) -> !y
  return %y : !y
}

// -----

// Every program has @prepare, if it has nothing to do.
// CHECK-LABEL: func.func @nothing
// CHECK-LABEL: func.func @prepare() {
// CHECK-NEXT: return
func.func @nothing() {
  return
}

// -----

// What is prepared of what is prepared is made of that itself, not of a parameter that @prepare has yet to write.
!p = tensor<2x16x1x1x4xf32, #kernel.layout<aBcde16b>>
clip.param @p : tensor<2x16x1x1x4xf32> {role = "weight"}
// CHECK-LABEL: func.func @nested(
// CHECK: clip.read @a
// CHECK: clip.read @b
// CHECK-LABEL: func.func @prepare
// CHECK: %[[P:.*]] = clip.read @p
// CHECK-NOT: clip.read
// CHECK: %[[A:.*]] = kernel.softmax %[[P]]
// CHECK-NEXT: clip.write @a, %[[A]]
// CHECK-NEXT: %[[B:.*]] = kernel.softmax %[[A]]
// CHECK-NEXT: clip.write @b, %[[B]]
func.func @nested() -> (!p, !p) {
  %p = clip.read @p : !p
  %a = kernel.softmax %p : (!p) -> !p
  %m = clip.prepared "a", %a : !p
  %b = kernel.softmax %m : (!p) -> !p
  %n = clip.prepared "b", %b : !p
  return %m, %n : !p, !p
}

// -----

func.func @input(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'clip.prepared' op is made of an input of the function, expected parameters alone}}
  %p = clip.prepared "a", %x : tensor<4xf32>
  return %p : tensor<4xf32>
}

// -----

clip.param @a : tensor<4xf32> {role = "bias"}
func.func @twice() -> tensor<4xf32> {
  %a = clip.read @a : tensor<4xf32>
  // expected-error @below {{'clip.prepared' op has the name 'a', which is another parameter's}}
  %p = clip.prepared "a", %a : tensor<4xf32>
  return %p : tensor<4xf32>
}

// -----

func.func private @made() -> tensor<4xf32>
func.func @impure() -> tensor<4xf32> {
  %a = func.call @made() : () -> tensor<4xf32>
  // expected-error @below {{'clip.prepared' op is made by func.call, which does more than compute a value}}
  %p = clip.prepared "a", %a : tensor<4xf32>
  return %p : tensor<4xf32>
}
