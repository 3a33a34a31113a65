// RUN: kinema-opt %s --split-input-file --plan-memory --verify-diagnostics

// expected-error @below {{@infer has argument 0 without a name: it needs the attribute clip.name, a string}}
func.func @infer(%x: tensor<8xf32>) -> (tensor<8xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// expected-error @below {{@infer has result 0 without a name: it needs the attribute clip.name, a string}}
func.func @infer(%x: tensor<8xf32> {clip.name = "x"}) -> tensor<8xf32> {
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// expected-error @below {{@infer has argument 0 of type 'tensor<?xf32>', expected a tensor of fixed size}}
func.func @infer(%x: tensor<?xf32> {clip.name = "x"}) -> (tensor<8xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<?xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// expected-error @below {{@train_step has the argument hyper of type 'tensor<7xf32>', expected one f32 a field of a #clip.hyper}}
func.func @train_step(%x: tensor<7xf32> {clip.name = "hyper"}) -> (tensor<7xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<7xf32> -> tensor<7xf32>
  return %y : tensor<7xf32>
}

// -----

// expected-error @below {{@infer is not one block of operations}}
func.func private @infer(tensor<8xf32>)
