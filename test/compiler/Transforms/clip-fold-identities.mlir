// RUN: %kinema-opt %s --clip-fold-identities --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @identities(
// CHECK-SAME: %[[X:.*]]: tensor<2x6x4x1x7xf32>)
// CHECK-NEXT: %[[Y:.*]] = clip.relu %[[X]]
// CHECK-NEXT: return %[[Y]]
func.func @identities(%x: tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32> {
  %a = clip.slice %x[0, 6] : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32>
  %b = clip.concat %a : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32>
  %c = clip.arrange %b <0, 1 2, 3, 4, 5 -> 0, 1 2, 3, _, 5 of 2x3x2x4x1x7> : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32>
  %y = clip.relu %c : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32>
  return %y : tensor<2x6x4x1x7xf32>
}

// -----

// Left alone is what takes some of the channels, has several inputs, changes the shape, or the order of elements, or repeats or sums them.
// CHECK-LABEL: func.func @others(
// CHECK: clip.slice
// CHECK: clip.concat
// CHECK: clip.arrange
// CHECK: clip.arrange
// CHECK: clip.arrange
// CHECK: clip.arrange
// CHECK: return
func.func @others(%x: tensor<2x6x4x6x7xf32>) {
  %a = clip.slice %x[0, 5] : (tensor<2x6x4x6x7xf32>) -> tensor<2x5x4x6x7xf32>
  %b = clip.concat %x, %x : (tensor<2x6x4x6x7xf32>, tensor<2x6x4x6x7xf32>) -> tensor<2x12x4x6x7xf32>
  %c = clip.arrange %x <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x4x6x7> : (tensor<2x6x4x6x7xf32>) -> tensor<2x24x1x6x7xf32>
  %d = clip.arrange %x <0, 1, 2, 3, 4 -> 0, 3, 2, 1, 4 of 2x6x4x6x7> : (tensor<2x6x4x6x7xf32>) -> tensor<2x6x4x6x7xf32>
  %e = clip.arrange %x <0, 1, 2, 3, 4 -> 5, 1, 2, 3, 4 of 2x6x4x6x7x2> : (tensor<2x6x4x6x7xf32>) -> tensor<2x6x4x6x7xf32>
  %f = clip.arrange %x <0, 1 2, 3, 4, 5 -> 0, 2 1, 3, 4, 5 of 2x2x3x4x6x7> : (tensor<2x6x4x6x7xf32>) -> tensor<2x6x4x6x7xf32>
  return
}

// -----

// What a layer gives whose features are asked for stays.
module attributes {clip.features = ["kept"], clip.layers = [{name = "kept"}, {name = "other"}]} {
  // CHECK-LABEL: func.func @features(
  // CHECK-NEXT: clip.slice
  // CHECK-NEXT: return
  func.func @features(%x: tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32> {
    %kept = clip.slice %x[0, 6] : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32> loc("kept")
    %other = clip.slice %kept[0, 6] : (tensor<2x6x4x1x7xf32>) -> tensor<2x6x4x1x7xf32> loc("other")
    return %other : tensor<2x6x4x1x7xf32>
  }
}
