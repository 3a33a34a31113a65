// RUN: %kinema-opt %s --clip-move-arrangements --split-input-file | FileCheck %s

// Attention over frames: queries are computed of the clips as they came, and one arrangement makes clips of places and heads. What follows
// the heads is not touched; the arrangement back goes before the convs behind it, with that of the heads.
!x = tensor<2x16x4x3x3xf32>
!p = tensor<18x16x4x1x1xf32>
!h = tensor<36x8x4x1x1xf32>
!w = tensor<16x16x1x1x1xf32>
!b = tensor<16xf32>
clip.param @q : !w {role = "weight"}
clip.param @qb : !b {role = "bias"}
clip.param @o : !w {role = "weight"}
// CHECK-LABEL: func.func @frames(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4x3x3xf32>)
// CHECK-NEXT: %[[Q:.*]] = clip.read @q
// CHECK-NEXT: %[[QB:.*]] = clip.read @qb
// CHECK-NEXT: %[[O:.*]] = clip.read @o
// CHECK-NEXT: %[[C:.*]] = clip.conv %[[X]], %[[Q]] bias %[[QB]] window <1x1x1> : {{.*}} -> tensor<2x16x4x3x3xf32>
// CHECK-NEXT: %[[S:.*]] = clip.scale %[[C]] {{.*}} -> tensor<2x16x4x3x3xf32>
// CHECK-NEXT: %[[H:.*]] = clip.arrange %[[S]] <0, 3 4, 5, 1, 2 -> 0 1 2 3, 4, 5, _, _ of 2x3x3x2x8x4> : {{.*}} -> tensor<36x8x4x1x1xf32>
// CHECK-NEXT: %[[A:.*]] = clip.softmax %[[H]]
// CHECK-NEXT: %[[B:.*]] = clip.arrange %[[A]] <0 1 2 3, 4, 5, _, _ -> 0, 3 4, 5, 1, 2 of 2x3x3x2x8x4> : {{.*}} -> tensor<2x16x4x3x3xf32>
// CHECK-NEXT: %[[P:.*]] = clip.conv %[[B]], %[[O]] window <1x1x1> : {{.*}} -> tensor<2x16x4x3x3xf32>
// CHECK-NEXT: clip.add %[[P]], %[[X]]
func.func @frames(%x: !x) -> !x {
  %q = clip.read @q : !w
  %qb = clip.read @qb : !b
  %o = clip.read @o : !w
  %a = clip.arrange %x <0, 1, 2, 3, 4 -> 0 3 4, 1, 2, _, _ of 2x16x4x3x3> : (!x) -> !p
  %c = clip.conv %a, %q bias %qb window <1x1x1> : (!p, !w, !b) -> !p
  %s = clip.scale %c {factor = 5.0e-01 : f64} : (!p) -> !p
  %h = clip.arrange %s <0, 1 2, 3, _, _ -> 0 1, 2, 3, _, _ of 18x2x8x4> : (!p) -> !h
  %m = clip.softmax %h : (!h) -> !h
  %g = clip.arrange %m <0 1, 2, 3, _, _ -> 0, 1 2, 3, _, _ of 18x2x8x4> : (!h) -> !p
  %d = clip.conv %g, %o window <1x1x1> : (!p, !w) -> !p
  %r = clip.arrange %d <0 1 2, 3, 4, _, _ -> 0, 3, 4, 1, 2 of 2x3x3x16x4> : (!p) -> !x
  %y = clip.add %r, %x : (!x, !x) -> !x
  return %y : !x
}

// -----

// A perceptron between an arrangement and its inverse, with another number of channels: nothing is arranged.
!x = tensor<1x8x2x4x4xf32>
!p = tensor<4x8x2x2x2xf32>
!v = tensor<24x8x1x1x1xf32>
!w = tensor<8x24x1x1x1xf32>
clip.param @v : !v {role = "weight"}
clip.param @w : !w {role = "weight"}
// CHECK-LABEL: func.func @there_and_back(
// CHECK-SAME: %[[X:.*]]: tensor<1x8x2x4x4xf32>)
// CHECK: %[[A:.*]] = clip.conv %[[X]], %{{.*}} -> tensor<1x24x2x4x4xf32>
// CHECK-NEXT: %[[B:.*]] = clip.relu %[[A]] : {{.*}} -> tensor<1x24x2x4x4xf32>
// CHECK-NEXT: %[[C:.*]] = clip.conv %[[B]], %{{.*}} -> tensor<1x8x2x4x4xf32>
// CHECK-NEXT: return %[[C]]
func.func @there_and_back(%x: !x) -> !x {
  %v = clip.read @v : !v
  %w = clip.read @w : !w
  %p = clip.arrange %x <0, 1, 2, 3 4, 5 6 -> 0 3 5, 1, 2, 4, 6 of 1x8x2x2x2x2x2> : (!x) -> !p
  %a = clip.conv %p, %v window <1x1x1> : (!p, !v) -> tensor<4x24x2x2x2xf32>
  %b = clip.relu %a : (tensor<4x24x2x2x2xf32>) -> tensor<4x24x2x2x2xf32>
  %c = clip.conv %b, %w window <1x1x1> : (tensor<4x24x2x2x2xf32>, !w) -> !p
  %y = clip.arrange %c <0 3 5, 1, 2, 4, 6 -> 0, 1, 2, 3 4, 5 6 of 1x8x2x2x2x2x2> : (!p) -> !x
  return %y : !x
}

// -----

// What others than arrangements read is arranged for them, behind the conv.
!x = tensor<1x8x6x1x1xf32>
!p = tensor<3x8x2x1x1xf32>
!w = tensor<8x8x1x1x1xf32>
clip.param @w : !w {role = "weight"}
// CHECK-LABEL: func.func @read_by_others(
// CHECK: %[[A:.*]] = clip.conv %{{.*}} -> tensor<1x8x6x1x1xf32>
// CHECK-NEXT: %[[P:.*]] = clip.arrange %[[A]] <_, 0, 1 2, _, _ -> 1, 0, 2, _, _ of 8x3x2> : {{.*}} -> tensor<3x8x2x1x1xf32>
// CHECK-NEXT: %[[M:.*]] = clip.max_pool %[[P]]
// CHECK-NEXT: return %[[M]], %[[P]]
func.func @read_by_others(%x: !x) -> (tensor<3x8x1x1x1xf32>, !p) {
  %w = clip.read @w : !w
  %p = clip.arrange %x <_, 0, 1 2, _, _ -> 1, 0, 2, _, _ of 8x3x2> : (!x) -> !p
  %c = clip.conv %p, %w window <1x1x1> : (!p, !w) -> !p
  %m = clip.max_pool %c window <2x1x1> : (!p) -> tensor<3x8x1x1x1xf32>
  return %m, %c : tensor<3x8x1x1x1xf32>, !p
}

// -----

// Two arrangements stay two where an axis is cut at places that do not fit each other, here into 2 times 3 and then into 3 times 2.
!x = tensor<1x8x6x1x1xf32>
!p = tensor<6x8x1x1x1xf32>
!w = tensor<8x8x1x1x1xf32>
clip.param @w : !w {role = "weight"}
// CHECK-LABEL: func.func @cut_elsewhere(
// CHECK: %[[A:.*]] = clip.conv %{{.*}} -> tensor<1x8x6x1x1xf32>
// CHECK-NEXT: %[[P:.*]] = clip.arrange %[[A]] <_, 0, 1 2, _, _ -> 2 1, 0, _, _, _ of 8x3x2> : {{.*}} -> tensor<6x8x1x1x1xf32>
// CHECK-NEXT: %[[Q:.*]] = clip.arrange %[[P]] <0 1, 2, _, _, _ -> 0, 2, 1, _, _ of 3x2x8> : {{.*}} -> tensor<3x8x2x1x1xf32>
// CHECK-NEXT: return %[[Q]]
func.func @cut_elsewhere(%x: !x) -> tensor<3x8x2x1x1xf32> {
  %w = clip.read @w : !w
  %p = clip.arrange %x <_, 0, 1 2, _, _ -> 2 1, 0, _, _, _ of 8x3x2> : (!x) -> !p
  %c = clip.conv %p, %w window <1x1x1> : (!p, !w) -> !p
  %q = clip.arrange %c <0 1, 2, _, _, _ -> 0, 2, 1, _, _ of 3x2x8> : (!p) -> tensor<3x8x2x1x1xf32>
  return %q : tensor<3x8x2x1x1xf32>
}

// -----

// A pointwise operation between an arrangement and a conv stays where it is: it makes no kernel of its own.
!x = tensor<1x8x6x1x1xf32>
!p = tensor<6x8x1x1x1xf32>
!w = tensor<8x8x1x1x1xf32>
clip.param @w : !w {role = "weight"}
// CHECK-LABEL: func.func @pointwise_first(
// CHECK: clip.arrange %{{.*}} -> tensor<6x8x1x1x1xf32>
// CHECK-NEXT: clip.relu %{{.*}} -> tensor<6x8x1x1x1xf32>
// CHECK-NEXT: clip.conv %{{.*}} -> tensor<6x8x1x1x1xf32>
func.func @pointwise_first(%x: !x) -> !p {
  %w = clip.read @w : !w
  %p = clip.arrange %x <_, 0, 1, _, _ -> 1, 0, _, _, _ of 8x6> : (!x) -> !p
  %r = clip.relu %p : (!p) -> !p
  %c = clip.conv %r, %w window <1x1x1> : (!p, !w) -> !p
  return %c : !p
}

// -----

// A conv that a batch norm follows stays beside it, so that the norm is folded into it.
!x = tensor<1x8x6x1x1xf32>
!p = tensor<6x8x1x1x1xf32>
!w = tensor<8x8x1x1x1xf32>
!c = tensor<8xf32>
clip.param @w : !w {role = "weight"}
clip.param @mean : !c {role = "running_mean"}
clip.param @var : !c {role = "running_var"}
clip.param @gamma : !c {role = "gamma"}
clip.param @beta : !c {role = "beta"}
// CHECK-LABEL: func.func @normalised(
// CHECK: clip.arrange %{{.*}} -> tensor<6x8x1x1x1xf32>
// CHECK-NEXT: %[[C:.*]] = clip.conv %{{.*}} -> tensor<6x8x1x1x1xf32>
// CHECK-NEXT: clip.batch_norm %[[C]]
func.func @normalised(%x: !x) -> !p {
  %w = clip.read @w : !w
  %gamma = clip.read @gamma : !c
  %beta = clip.read @beta : !c
  %p = clip.arrange %x <_, 0, 1, _, _ -> 1, 0, _, _, _ of 8x6> : (!x) -> !p
  %c = clip.conv %p, %w window <1x1x1> : (!p, !w) -> !p
  %y, %m, %r = clip.batch_norm %c, %gamma, %beta running(@mean, @var) {eps = 1.0e-3, momentum = 0.1} : (!p, !c, !c) -> (!p, !c, !c)
  return %y : !p
}

// -----

// Windows of several positions, strides, and arrangements that sum, repeat or move channels stay where they are.
!x = tensor<1x8x6x1x1xf32>
!p = tensor<3x8x2x1x1xf32>
!w = tensor<8x8x2x1x1xf32>
!v = tensor<8x8x1x1x1xf32>
clip.param @w : !w {role = "weight"}
clip.param @v : !v {role = "weight"}
// CHECK-LABEL: func.func @stay(
// CHECK: clip.arrange %{{.*}} -> tensor<3x8x2x1x1xf32>
// CHECK-NEXT: clip.conv %{{.*}} window <2x1x1> : {{.*}} -> tensor<3x8x1x1x1xf32>
// CHECK-NEXT: clip.conv %{{.*}} window <1x1x1 stride 2x1x1> : {{.*}} -> tensor<3x8x1x1x1xf32>
// CHECK-NEXT: clip.arrange %{{.*}} -> tensor<3x8x6x1x1xf32>
// CHECK-NEXT: clip.conv %{{.*}} -> tensor<3x8x6x1x1xf32>
func.func @stay(%x: !x) -> (tensor<3x8x1x1x1xf32>, tensor<3x8x1x1x1xf32>, tensor<3x8x6x1x1xf32>) {
  %w = clip.read @w : !w
  %v = clip.read @v : !v
  %p = clip.arrange %x <_, 0, 1 2, _, _ -> 1, 0, 2, _, _ of 8x3x2> : (!x) -> !p
  %a = clip.conv %p, %w window <2x1x1> : (!p, !w) -> tensor<3x8x1x1x1xf32>
  %b = clip.conv %p, %v window <1x1x1 stride 2x1x1> : (!p, !v) -> tensor<3x8x1x1x1xf32>
  %r = clip.arrange %x <_, 0, 1, _, _ -> 2, 0, 1, _, _ of 8x6x3> : (!x) -> tensor<3x8x6x1x1xf32>
  %c = clip.conv %r, %v window <1x1x1> : (tensor<3x8x6x1x1xf32>, !v) -> tensor<3x8x6x1x1xf32>
  return %a, %b, %c : tensor<3x8x1x1x1xf32>, tensor<3x8x1x1x1xf32>, tensor<3x8x6x1x1xf32>
}
