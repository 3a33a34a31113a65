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

// -----

// expected-error @below {{@infer has the argument x, which is none of labels, targets, shares and hyper, nor an input, of which clip.input says the kind}}
func.func @infer(%x: tensor<8xf32> {clip.name = "x"}) -> (tensor<8xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

func.func @train_step(%x: tensor<8xf32> {clip.name = "x", clip.input = "rgb"}) -> (tensor<8xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}
// expected-error @below {{@infer has the argument x of type 'tensor<4xf32>', another function has it as 'tensor<8xf32>'}}
func.func @infer(%x: tensor<4xf32> {clip.name = "x", clip.input = "rgb"}) -> (tensor<4xf32> {clip.name = "y"}) {
  %y = kernel.convert %x : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// expected-error @below {{'clip.param' op is momentum, but named after no parameter: expected @NAME.momentum}}
clip.param @v : tensor<8xf32> {role = "momentum"}

// -----

// expected-error @below {{result 0 of @infer is not made by a kernel}}
func.func @infer(%x: tensor<8xf32> {clip.name = "x", clip.input = "rgb"}) -> (tensor<8xf32> {clip.name = "y"}) {
  return %x : tensor<8xf32>
}

// -----

clip.param @w : tensor<8xf32> {role = "weight"}
func.func @infer(%x: tensor<8xf32> {clip.name = "x", clip.input = "rgb"}) -> (tensor<8xf32> {clip.name = "y"}) {
  %w = clip.read @w : tensor<8xf32>
  // expected-error @below {{the new value of @w is not made for it alone}}
  clip.write @w, %x : tensor<8xf32>
  %y = kernel.convert %w : tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

#A8a = #kernel.layout<A8a>
clip.param @w : tensor<8xf32> {role = "weight"}
func.func @infer(%x: tensor<8xf32> {clip.name = "x", clip.input = "rgb"}) -> (tensor<8xf32> {clip.name = "y"}) {
  %a = clip.read @w : tensor<8xf32>
  // expected-error @below {{parameter @w is stored as 'tensor<8xf32>' and as 'tensor<8xf32, #kernel.layout<A8a>>'}}
  %b = clip.read @w : tensor<8xf32, #A8a>
  %y = kernel.convert %b : tensor<8xf32, #A8a> -> tensor<8xf32>
  return %y : tensor<8xf32>
}
