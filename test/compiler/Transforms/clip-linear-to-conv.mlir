// RUN: %kinema-opt %s --clip-linear-to-conv --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: clip.param @fc.weight : tensor<4x3x2x1x2xf32> {file_shape = array<i64: 4, 12>, role = "weight"}
clip.param @fc.weight : tensor<4x12xf32> {role = "weight"}
clip.param @fc.bias : tensor<4xf32> {role = "bias"}
// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<2x3x2x1x2xf32>) -> tensor<2x4x1x1x1xf32> {
  // CHECK: %[[W:.*]] = clip.read @fc.weight : tensor<4x3x2x1x2xf32>
  %w = clip.read @fc.weight : tensor<4x12xf32>
  // CHECK: %[[B:.*]] = clip.read @fc.bias
  %b = clip.read @fc.bias : tensor<4xf32>
  // CHECK: clip.conv %{{.*}}, %[[W]] bias %[[B]] window <2x1x2> : (tensor<2x3x2x1x2xf32>, tensor<4x3x2x1x2xf32>, tensor<4xf32>) -> tensor<2x4x1x1x1xf32>
  // CHECK-NOT: clip.linear
  %y = clip.linear %x, %w, %b : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>, tensor<4xf32>) -> tensor<2x4x1x1x1xf32>
  return %y : tensor<2x4x1x1x1xf32>
}

// -----

// Two layers of one weight are two convs of it.
// CHECK-LABEL: clip.param @fc.weight : tensor<4x3x2x1x2xf32>
clip.param @fc.weight : tensor<4x12xf32> {role = "weight"}
func.func @twice(%x: tensor<2x3x2x1x2xf32>, %y: tensor<2x3x2x1x2xf32>) {
  %w = clip.read @fc.weight : tensor<4x12xf32>
  // CHECK-COUNT-2: clip.conv %{{.*}}, %{{.*}} window <2x1x2> :
  %a = clip.linear %x, %w : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>) -> tensor<2x4x1x1x1xf32>
  %v = clip.read @fc.weight : tensor<4x12xf32>
  %b = clip.linear %y, %v : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>) -> tensor<2x4x1x1x1xf32>
  return
}

// -----

clip.param @fc.weight : tensor<4x12xf32> {role = "weight"}
func.func @shapes(%x: tensor<2x3x2x1x2xf32>, %y: tensor<2x6x2x1x1xf32>) {
  %w = clip.read @fc.weight : tensor<4x12xf32>
  %a = clip.linear %x, %w : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>) -> tensor<2x4x1x1x1xf32>
  %v = clip.read @fc.weight : tensor<4x12xf32>
  // expected-error @below {{shares its weight with a layer of another input shape: 'tensor<4x3x2x1x2xf32>' and 'tensor<4x6x2x1x1xf32>'}}
  %b = clip.linear %y, %v : (tensor<2x6x2x1x1xf32>, tensor<4x12xf32>) -> tensor<2x4x1x1x1xf32>
  return
}

// -----

func.func @no_parameter(%x: tensor<2x3x2x1x2xf32>, %w: tensor<4x12xf32>) {
  // expected-error @below {{the weight of a fully connected layer is a parameter of the network}}
  %a = clip.linear %x, %w : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>) -> tensor<2x4x1x1x1xf32>
  return
}
