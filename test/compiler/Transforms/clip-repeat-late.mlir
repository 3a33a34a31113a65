// RUN: %kinema-opt %s --clip-repeat-late --split-input-file | FileCheck %s

// A chain of operations that do the same with each clip is done with one; where its result meets what differs, it is repeated.
!p = tensor<1x4x2x3x3xf32>
!x = tensor<8x8x2x3x3xf32>
clip.param @p : !p {role = "weight"}
clip.param @s : tensor<8xf32> {role = "gamma"}
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %[[X:.*]]: tensor<8x8x2x3x3xf32>)
// CHECK-DAG: %[[P:.*]] = clip.read @p
// CHECK-DAG: %[[S:.*]] = clip.read @s
// CHECK-NEXT: %[[A:.*]] = clip.slice %[[P]][1, 2] : {{.*}} -> tensor<1x2x2x3x3xf32>
// CHECK-NEXT: %[[B:.*]] = clip.concat %[[A]], %[[P]], %[[A]] : {{.*}} -> tensor<1x8x2x3x3xf32>
// CHECK-NEXT: %[[C:.*]] = clip.shift %[[B]] {{.*}} -> tensor<1x8x2x3x3xf32>
// CHECK-NEXT: %[[D:.*]] = clip.map %[[C]], %[[S]] : {{.*}} -> tensor<1x8x2x3x3xf32> {
// CHECK: %[[R:.*]] = clip.arrange %[[D]] <_, 0, 1, 2, 3 -> 4, 0, 1, 2, 3 of 8x2x3x3x8> : {{.*}} -> tensor<8x8x2x3x3xf32>
// CHECK-NEXT: clip.add %[[X]], %[[R]]
func.func @chain(%x: !x) -> !x {
  %p = clip.read @p : !p
  %s = clip.read @s : tensor<8xf32>
  %r = clip.arrange %p <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x3x3> : (!p) -> tensor<8x4x2x3x3xf32>
  %a = clip.slice %r[1, 2] : (tensor<8x4x2x3x3xf32>) -> tensor<8x2x2x3x3xf32>
  %b = clip.concat %a, %r, %a : (tensor<8x2x2x3x3xf32>, tensor<8x4x2x3x3xf32>, tensor<8x2x2x3x3xf32>) -> !x
  %c = clip.shift %b {channels = 2 : i64, frames = 1 : i64} : (!x) -> !x
  %d = clip.map %c, %s : (!x, tensor<8xf32>) -> !x {
  ^bb0(%e: f32, %f: f32):
    %g = arith.mulf %e, %f : f32
    clip.yield %g : f32
  }
  %y = clip.add %x, %d : (!x, !x) -> !x
  return %y : !x
}

// -----

// Arrangements that leave clips the first factor of N are done with one, whether clips are a factor or a part of one. The last repeats at
// once: windows, and clips of these. What is made of it alone, such as a product clip by clip, goes on with one clip.
!p = tensor<1x12x6x1x1xf32>
!t = tensor<64x3x6x1x1xf32>
clip.param @p : !p {role = "weight"}
// CHECK-LABEL: func.func @arranged(
// CHECK-NEXT: %[[P:.*]] = clip.read @p
// CHECK-NEXT: %[[A:.*]] = clip.arrange %[[P]] <_, 0 1, 2, _, _ -> 0, 1, 2, _, _ of 4x3x6> : {{.*}} -> tensor<4x3x6x1x1xf32>
// CHECK-NEXT: %[[B:.*]] = clip.arrange %[[A]] <0, 1, 2, _, _ -> 0, 2, 1, _, _ of 4x3x6> : {{.*}} -> tensor<4x6x3x1x1xf32>
// CHECK-NEXT: %[[C:.*]] = clip.arrange %[[B]] <0, 1, 2, _, _ -> 4 0 3, 1, 2, _, _ of 4x6x3x2x8> : {{.*}} -> tensor<64x6x3x1x1xf32>
// CHECK-NEXT: %[[M:.*]] = clip.matmul %[[A]], %[[B]] : {{.*}} -> tensor<4x3x3x1x1xf32>
// CHECK-NEXT: %[[N:.*]] = clip.arrange %[[M]] <0, 1, 2, _, _ -> 3 0, 1, 2, _, _ of 4x3x3x8> : {{.*}} -> tensor<32x3x3x1x1xf32>
// CHECK-NEXT: return %[[C]], %[[N]]
func.func @arranged() -> (tensor<64x6x3x1x1xf32>, tensor<32x3x3x1x1xf32>) {
  %p = clip.read @p : !p
  %r = clip.arrange %p <_, 1, 2, _, _ -> 0, 1, 2, _, _ of 8x12x6> : (!p) -> tensor<8x12x6x1x1xf32>
  %a = clip.arrange %r <0, 1 2, 3, _, _ -> 0 1, 2, 3, _, _ of 8x4x3x6> : (tensor<8x12x6x1x1xf32>) -> tensor<32x3x6x1x1xf32>
  %b = clip.arrange %a <0, 1, 2, _, _ -> 0, 2, 1, _, _ of 32x3x6> : (tensor<32x3x6x1x1xf32>) -> tensor<32x6x3x1x1xf32>
  %c = clip.arrange %b <0, 1, 2, _, _ -> 0 3, 1, 2, _, _ of 32x6x3x2> : (tensor<32x6x3x1x1xf32>) -> tensor<64x6x3x1x1xf32>
  %m = clip.matmul %a, %b : (tensor<32x3x6x1x1xf32>, tensor<32x6x3x1x1xf32>) -> tensor<32x3x3x1x1xf32>
  return %c, %m : tensor<64x6x3x1x1xf32>, tensor<32x3x3x1x1xf32>
}

// -----

// Of a conv, clips are the input's; weights stay as they are. What is spread over clips anyway is not repeated.
!p = tensor<1x4x2x3x3xf32>
clip.param @p : !p {role = "weight"}
clip.param @w : tensor<6x4x1x1x1xf32> {role = "weight"}
// CHECK-LABEL: func.func @conv(
// CHECK-DAG: %[[P:.*]] = clip.read @p
// CHECK-DAG: %[[W:.*]] = clip.read @w
// CHECK: %[[M:.*]] = clip.mul %[[P]], %[[P]] : {{.*}} -> tensor<1x4x2x3x3xf32>
// CHECK-NEXT: %[[Z:.*]] = clip.conv %[[M]], %[[W]] window <1x1x1> : {{.*}} -> tensor<1x6x2x3x3xf32>
// CHECK-NEXT: clip.arrange %[[Z]] <_, 0, 1, 2, 3 -> 4, 0, 1, 2, 3 of 6x2x3x3x8>
func.func @conv() -> tensor<8x6x2x3x3xf32> {
  %p = clip.read @p : !p
  %w = clip.read @w : tensor<6x4x1x1x1xf32>
  %r = clip.arrange %p <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x3x3> : (!p) -> tensor<8x4x2x3x3xf32>
  %m = clip.mul %r, %p : (tensor<8x4x2x3x3xf32>, !p) -> tensor<8x4x2x3x3xf32>
  %z = clip.conv %m, %w window <1x1x1> : (tensor<8x4x2x3x3xf32>, tensor<6x4x1x1x1xf32>) -> tensor<8x6x2x3x3xf32>
  return %z : tensor<8x6x2x3x3xf32>
}

// -----

// Left alone are repetitions that meet other values at once, arrangements that put clips elsewhere or take them apart, random numbers and
// statistics over clips, and repetitions that are not the first factor of N.
!p = tensor<1x4x2x3x3xf32>
!x = tensor<8x4x2x3x3xf32>
clip.param @p : !p {role = "weight"}
clip.param @c : tensor<4xf32> {role = "gamma"}
clip.param @m : tensor<4xf32> {role = "running_mean"}
// CHECK-LABEL: func.func @others(
// CHECK: %[[R:.*]] = clip.arrange %{{.*}} <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x3x3>
// CHECK-NEXT: clip.add %{{.*}}, %[[R]] : (tensor<8x
// CHECK-NEXT: clip.concat %[[R]], %{{.*}} : (tensor<8x
// CHECK-NEXT: clip.arrange %[[R]] <0, 1, 2, 3, 4 -> 1, 0, 2, 3, 4 of 8x4x2x3x3>
// CHECK-NEXT: clip.arrange %[[R]] <0 1, 2, 3, 4, 5 -> 0, 2, 1 3, 4, 5 of 2x4x4x2x3x3>
// CHECK-NEXT: clip.arrange %[[R]] <0, 1, 2, 3, 4 -> _, 1, 2, 3, 4 of 8x4x2x3x3>
// CHECK-NEXT: clip.dropout %[[R]]
// CHECK-NEXT: clip.batch_norm %[[R]]
// CHECK-NEXT: %[[I:.*]] = clip.arrange %{{.*}} <0, 1, 2, 3, 4 -> 0 5, 1, 2, 3, 4 of 8x4x2x3x3x2>
// CHECK-NEXT: clip.relu %[[I]] : (tensor<16x
func.func @others(%x: !x) {
  %p = clip.read @p : !p
  %c = clip.read @c : tensor<4xf32>
  %r = clip.arrange %p <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x3x3> : (!p) -> !x
  %y = clip.add %x, %r : (!x, !x) -> !x
  %z = clip.concat %r, %x : (!x, !x) -> tensor<8x8x2x3x3xf32>
  %d = clip.arrange %r <0, 1, 2, 3, 4 -> 1, 0, 2, 3, 4 of 8x4x2x3x3> : (!x) -> tensor<4x8x2x3x3xf32>
  %e = clip.arrange %r <0 1, 2, 3, 4, 5 -> 0, 2, 1 3, 4, 5 of 2x4x4x2x3x3> : (!x) -> tensor<2x4x8x3x3xf32>
  %f = clip.arrange %r <0, 1, 2, 3, 4 -> _, 1, 2, 3, 4 of 8x4x2x3x3> : (!x) -> !p
  %g = clip.dropout %r {rate = 0.5, stream = 0} : (!x) -> !x
  %b, %mean, %rstd = clip.batch_norm %r, %c, %c running(@m, @m) {eps = 1.0e-5, momentum = 0.1} : (!x, tensor<4xf32>, tensor<4xf32>) -> (!x, tensor<4xf32>, tensor<4xf32>)
  %h = clip.arrange %x <0, 1, 2, 3, 4 -> 0 5, 1, 2, 3, 4 of 8x4x2x3x3x2> : (!x) -> tensor<16x4x2x3x3xf32>
  %i = clip.relu %h : (tensor<16x4x2x3x3xf32>) -> tensor<16x4x2x3x3xf32>
  return
}

// -----

// What a layer gives whose features are asked for is there for all clips.
!p = tensor<1x4x2x3x3xf32>
module attributes {clip.features = ["kept"], clip.layers = [{name = "kept"}, {name = "other"}]} {
  clip.param @p : !p {role = "weight"}
  // CHECK-LABEL: func.func @features(
  // CHECK: %[[A:.*]] = clip.relu %{{.*}} : {{.*}} -> tensor<1x4x2x3x3xf32>
  // CHECK-NEXT: clip.arrange %[[A]] {{.*}} -> tensor<8x4x2x3x3xf32>
  // CHECK-NEXT: %[[B:.*]] = clip.sigmoid %[[A]] : {{.*}} -> tensor<1x4x2x3x3xf32>
  // CHECK-NEXT: %[[R:.*]] = clip.arrange %[[B]]
  // CHECK-NEXT: return %[[R]]
  func.func @features() -> tensor<8x4x2x3x3xf32> {
    %p = clip.read @p : !p
    %r = clip.arrange %p <_, 1, 2, 3, 4 -> 0, 1, 2, 3, 4 of 8x4x2x3x3> : (!p) -> tensor<8x4x2x3x3xf32>
    %kept = clip.relu %r : (tensor<8x4x2x3x3xf32>) -> tensor<8x4x2x3x3xf32> loc("kept")
    %other = clip.sigmoid %kept : (tensor<8x4x2x3x3xf32>) -> tensor<8x4x2x3x3xf32> loc("other")
    return %other : tensor<8x4x2x3x3xf32>
  }
}
