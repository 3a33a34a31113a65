// Every message of the dialect's verifiers and parsers.
// RUN: %kinema-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{has the unknown role 'scale'}}
clip.param @p : tensor<4xf32> {role = "scale"}

// -----

// expected-error @below {{has a file_shape of 8 elements for 'tensor<4xf32>'}}
clip.param @p : tensor<4xf32> {role = "weight", file_shape = array<i64: 2, 4>}

// -----

func.func @read() {
  // expected-error @below {{names no parameter: @p}}
  %p = clip.read @p : tensor<4xf32>
  return
}

// -----

clip.param @p : tensor<4xf32> {role = "weight"}
func.func @read() {
  // expected-error @below {{has type 'tensor<5xf32>', the parameter @p is 'tensor<4xf32>'}}
  %p = clip.read @p : tensor<5xf32>
  return
}

// -----

clip.param @p : tensor<4xf32> {role = "weight"}
func.func @write(%x: tensor<5xf32>) {
  // expected-error @below {{has type 'tensor<5xf32>', the parameter @p is 'tensor<4xf32>'}}
  clip.write @p, %x : tensor<5xf32>
  return
}

// -----

clip.param @p : tensor<4xf32> {role = "weight"}
func.func @write(%x: tensor<4xf32>) {
  clip.write @p, %x : tensor<4xf32>
  // expected-error @below {{writes @p, which is written before}}
  clip.write @p, %x : tensor<4xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{a window's sizes have three parts, T x H x W, found 2}}
  %y = clip.conv %x, %w window <3x3> : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{kernel, stride and dilation of a window are at least 1}}
  %y = clip.conv %x, %w window <1x3x3 stride 1x0x1> : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{the weight's kernel is 1x3x3, the window's 3x3x3}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w window <3x3x3> : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x1x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{3 groups do not divide 4 and 6 channels}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w window <1x3x3> {groups = 3} : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{the input has 4 channels, the weight wants 8}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w window <1x3x3> {groups = 2} : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x2x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{the window 1x3x3 does not fit into 3x2x8}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w window <1x3x3> : (tensor<1x4x3x2x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x1x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{the bias has 5 elements for 6 channels}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w bias %b window <1x3x3> : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>, tensor<5xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x4x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<1x6x3x6x6xf32>' are incompatible with return type(s) of operation 'tensor<1x6x3x8x8xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.conv %x, %w window <1x3x3> : (tensor<1x4x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x8x8xf32>
  return
}

// -----

func.func @conv(%x: tensor<1x?x3x8x8xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{operand #0 must be 5D tensor of 32-bit float values with static sizes}}
  %y = clip.conv %x, %w window <1x3x3> : (tensor<1x?x3x8x8xf32>, tensor<6x4x1x3x3xf32>) -> tensor<1x6x3x6x6xf32>
  return
}

// -----

func.func @linear(%x: tensor<2x3x2x1x2xf32>, %w: tensor<4x11xf32>) {
  // expected-error @below {{the input has 12 features, the weight wants 11}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.linear %x, %w : (tensor<2x3x2x1x2xf32>, tensor<4x11xf32>) -> tensor<2x4x1x1x1xf32>
  return
}

// -----

func.func @linear(%x: tensor<2x3x2x1x2xf32>, %w: tensor<4x12xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{the bias has 3 elements for 4 features}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.linear %x, %w, %b : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>, tensor<3xf32>) -> tensor<2x4x1x1x1xf32>
  return
}

// -----

clip.param @m : tensor<3xf32> {role = "running_mean"}
func.func @batch_norm(%x: tensor<2x3x2x4x4xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{a channel vector of 4 for 3 channels}}
  // expected-error @below {{failed to infer returned types}}
  %y, %m, %r = clip.batch_norm %x, %g, %g running(@m, @m) {eps = 1.0e-3, momentum = 0.1} : (tensor<2x3x2x4x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x3x2x4x4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

clip.param @m : tensor<3xf32> {role = "running_mean"}
func.func @batch_norm(%x: tensor<2x3x2x4x4xf32>, %g: tensor<3xf32>) {
  // expected-error @below {{names no parameter: @v}}
  %y, %m, %r = clip.batch_norm %x, %g, %g running(@m, @v) {eps = 1.0e-3, momentum = 0.1} : (tensor<2x3x2x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x2x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @add(%a: tensor<2x3x2x4x4xf32>, %b: tensor<2x3x1x4x4xf32>) {
  // expected-error @below {{operands differ: tensor<2x3x2x4x4xf32> and tensor<2x3x1x4x4xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.add %a, %b : (tensor<2x3x2x4x4xf32>, tensor<2x3x1x4x4xf32>) -> tensor<2x3x2x4x4xf32>
  return
}

// -----

func.func @mul(%a: tensor<2x3x2x4x4xf32>, %b: tensor<2x2x1x1x1xf32>) {
  // expected-error @below {{operands differ: tensor<2x3x2x4x4xf32> and tensor<2x2x1x1x1xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.mul %a, %b : (tensor<2x3x2x4x4xf32>, tensor<2x2x1x1x1xf32>) -> tensor<2x3x2x4x4xf32>
  return
}

// -----

func.func @pool(%x: tensor<2x3x2x4x4xf32>) {
  // expected-error @below {{the window 3x1x1 does not fit into 2x4x4}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.max_pool %x window <3x1x1> : (tensor<2x3x2x4x4xf32>) -> tensor<2x3x1x4x4xf32>
  return
}

// -----

func.func @concat(%a: tensor<2x3x2x4x4xf32>, %b: tensor<2x2x1x4x4xf32>) {
  // expected-error @below {{operands differ: tensor<2x3x2x4x4xf32> and tensor<2x2x1x4x4xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.concat %a, %b : (tensor<2x3x2x4x4xf32>, tensor<2x2x1x4x4xf32>) -> tensor<2x5x2x4x4xf32>
  return
}

// -----

func.func @concat() {
  // expected-error @below {{a concat needs an input}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.concat : () -> tensor<2x5x2x4x4xf32>
  return
}

// -----

func.func @slice(%x: tensor<2x3x2x4x4xf32>) {
  // expected-error @below {{channels [2, 4) of 3}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.slice %x[2, 2] : (tensor<2x3x2x4x4xf32>) -> tensor<2x2x2x4x4xf32>
  return
}

// -----

func.func @pad_channels(%x: tensor<2x3x2x4x4xf32>) {
  // expected-error @below {{3 channels at 2 of 4}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.pad_channels %x[2, 4] : (tensor<2x3x2x4x4xf32>) -> tensor<2x4x2x4x4xf32>
  return
}

// -----

func.func @arrange(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{arranges tensor<2x6x1x4x4xf32> by #clip.arrangement<0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x2x4x4>}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.arrange %x <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x2x4x4> : (tensor<2x6x1x4x4xf32>) -> tensor<2x12x1x4x4xf32>
  return
}

// -----

func.func @arrange(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{each side of an arrangement has five axes, of factors that `of` gives the sizes of, each at most once}}
  %y = clip.arrange %x <0, 1, 2, 3, 3 -> 0, 1 2, _, 3, 4 of 2x6x1x4x4> : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @arrange(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{factor 5 is on neither side of the arrangement}}
  %y = clip.arrange %x <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x1x4x4x7> : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @arrange(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{an arrangement has up to 20 factors, each with a size of at least 1}}
  %y = clip.arrange %x <0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x0x4x4> : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @arrange(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{expected the number of a factor, or _}}
  %y = clip.arrange %x <0, 1, c, 3, 4 -> 0, 1 2, _, 3, 4 of 2x6x1x4x4> : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @standardise(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{wants axes from 1 (C) to 4 (W) in ascending order to take statistics over}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.standardise %x over [2, 1] {eps = 1.0e-5} : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @standardise(%x: tensor<2x6x1x4x4xf32>) {
  // expected-error @below {{cuts 6 channels into 4 groups}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.standardise %x over [1] {groups = 4, eps = 1.0e-5} : (tensor<2x6x1x4x4xf32>) -> tensor<2x6x1x4x4xf32>
  return
}

// -----

func.func @dropout(%x: tensor<2x6x1x1x1xf32>, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @below {{%hyper has no field seed}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.dropout %x, %hyper {rate = 0.5, stream = 0} : (tensor<2x6x1x1x1xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> tensor<2x6x1x1x1xf32>
  return
}

// -----

func.func @dropout(%x: tensor<2x6x1x1x1xf32>) {
  // expected-error @below {{a dropout's rate is at least 0 and below 1, found 1.0000}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.dropout %x {rate = 1.0, stream = 0} : (tensor<2x6x1x1x1xf32>) -> tensor<2x6x1x1x1xf32>
  return
}

// -----

func.func @softmax_xent(%x: tensor<2x5x1x2x1xf32>, %labels: tensor<2xi32>) {
  // expected-error @below {{scores have the size 1x1x1, found 1x2x1}}
  // expected-error @below {{failed to infer returned types}}
  %l, %d = clip.softmax_xent %x, %labels : (tensor<2x5x1x2x1xf32>, tensor<2xi32>) -> (tensor<f32>, tensor<2x5x1x2x1xf32>)
  return
}

// -----

func.func @softmax_xent(%x: tensor<2x5x1x1x1xf32>, %labels: tensor<3xi32>) {
  // expected-error @below {{3 labels for a batch of 2}}
  // expected-error @below {{failed to infer returned types}}
  %l, %d = clip.softmax_xent %x, %labels : (tensor<2x5x1x1x1xf32>, tensor<3xi32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  return
}

// -----

func.func @target_xent(%x: tensor<2x5x1x1x1xf32>, %targets: tensor<2x4xf32>, %shares: tensor<2xf32>) {
  // expected-error @below {{targets of 2 clips and 4 classes for scores of 2 and 5}}
  // expected-error @below {{failed to infer returned types}}
  %l, %d = clip.target_xent %x, %targets, %shares : (tensor<2x5x1x1x1xf32>, tensor<2x4xf32>, tensor<2xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  return
}

// -----

func.func @target_xent(%x: tensor<2x5x1x1x1xf32>, %targets: tensor<2x5xf32>, %shares: tensor<3xf32>) {
  // expected-error @below {{3 shares for a batch of 2}}
  // expected-error @below {{failed to infer returned types}}
  %l, %d = clip.target_xent %x, %targets, %shares : (tensor<2x5x1x1x1xf32>, tensor<2x5xf32>, tensor<3xf32>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  return
}

// -----

func.func @sgd(%w: tensor<4x3xf32>, %g: tensor<3x4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @below {{operands differ: tensor<4x3xf32> and tensor<3x4xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %a, %b = clip.update sgd %w, %w, %g, %h : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<3x4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

func.func @sgd(%w: tensor<4x3xf32>, %h: tensor<3xf32, #clip.hyper<rate, momentum, decay>>) {
  // expected-error @below {{%hyper has no field nesterov}}
  // expected-error @below {{failed to infer returned types}}
  %a, %b = clip.update sgd %w, %w, %w, %h : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<3xf32, #clip.hyper<rate, momentum, decay>>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

func.func @checked(%w: tensor<4x3xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @below {{a checked update needs max_norm and held}}
  // expected-error @below {{failed to infer returned types}}
  %a, %b = clip.update sgd %w, %w, %w, %h {checked} : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

func.func @scaled(%x: tensor<2x5x1x1x1xf32>, %labels: tensor<2xi32>, %h: tensor<1xf32, #clip.hyper<rate>>) {
  // expected-error @below {{%hyper has no field loss_scale}}
  // expected-error @below {{failed to infer returned types}}
  %l, %d = clip.softmax_xent %x, %labels, %h : (tensor<2x5x1x1x1xf32>, tensor<2xi32>, tensor<1xf32, #clip.hyper<rate>>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  return
}

// -----

func.func @adamw(%w: tensor<4x3xf32>, %h: tensor<1xf32, #clip.hyper<rate>>) {
  // expected-error @below {{an update by adamw takes a weight, 2 states, a gradient and 0 norms, found 3 tensors}}
  // expected-error @below {{failed to infer returned types}}
  %a, %b = clip.update adamw %w, %w, %w, %h : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<1xf32, #clip.hyper<rate>>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

func.func @lars(%w: tensor<4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) {
  // expected-error @below {{a norm is one number, found 4}}
  // expected-error @below {{failed to infer returned types}}
  %a, %b = clip.update lars %w, %w, %w, %w, %w, %h : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

// The fields say how many numbers there are.
func.func @sgd(%w: tensor<4x3xf32>, %h: tensor<5xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @below {{operand #3 must be f32 tensor of one value a field of its `#clip.hyper`}}
  %a, %b = clip.update sgd %w, %w, %w, %h : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<5xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
  return
}

// -----

// expected-error @below {{the field rate is there twice}}
func.func @sgd(%h: tensor<2xf32, #clip.hyper<rate, rate>>) {
  return
}

// -----

func.func @conv_dgrad(%g: tensor<2x6x3x4x4xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{has channels that do not match the weight 'tensor<6x4x1x3x3xf32>'}}
  %x = clip.conv_dgrad %g, %w window <1x3x3 pad 0x1x1> : (tensor<2x6x3x4x4xf32>, tensor<6x4x1x3x3xf32>) -> tensor<2x5x3x4x4xf32>
  return
}

// -----

func.func @conv_dgrad(%g: tensor<2x6x3x4x4xf32>, %w: tensor<6x4x1x3x3xf32>) {
  // expected-error @below {{has a gradient 'tensor<2x6x3x4x4xf32>' that no window over 'tensor<2x4x3x4x5xf32>' gives}}
  %x = clip.conv_dgrad %g, %w window <1x3x3 pad 0x1x1> : (tensor<2x6x3x4x4xf32>, tensor<6x4x1x3x3xf32>) -> tensor<2x4x3x4x5xf32>
  return
}

// -----

func.func @conv_wgrad(%g: tensor<2x6x3x4x4xf32>, %x: tensor<2x4x3x4x4xf32>) {
  // expected-error @below {{has operands that do not match the weight 'tensor<6x4x3x3x3xf32>'}}
  %w = clip.conv_wgrad %g, %x window <1x3x3 pad 0x1x1> : (tensor<2x6x3x4x4xf32>, tensor<2x4x3x4x4xf32>) -> tensor<6x4x3x3x3xf32>
  return
}

// -----

func.func @max_pool_grad(%g: tensor<2x6x3x2x2xf32>, %x: tensor<2x6x3x4x4xf32>) {
  // expected-error @below {{has the result 'tensor<2x6x3x5x5xf32>' for the input 'tensor<2x6x3x4x4xf32>'}}
  %d = clip.max_pool_grad %g, %x window <1x2x2 stride 1x2x2> : (tensor<2x6x3x2x2xf32>, tensor<2x6x3x4x4xf32>) -> tensor<2x6x3x5x5xf32>
  return
}

// -----

func.func @avg_pool_grad(%g: tensor<2x6x3x2x2xf32>) {
  // expected-error @below {{has a gradient 'tensor<2x6x3x2x2xf32>' that no window over 'tensor<2x6x3x6x6xf32>' gives}}
  %d = clip.avg_pool_grad %g window <1x2x2 stride 1x2x2> : (tensor<2x6x3x2x2xf32>) -> tensor<2x6x3x6x6xf32>
  return
}

// -----

func.func @pool_grad_channels(%g: tensor<2x5x3x2x2xf32>) {
  // expected-error @below {{has 5 channels in and 6 out}}
  %d = clip.avg_pool_grad %g window <1x2x2 stride 1x2x2> : (tensor<2x5x3x2x2xf32>) -> tensor<2x6x3x4x4xf32>
  return
}

// -----

func.func @pool_grad_channels(%g: tensor<2x5x3x2x2xf32>, %x: tensor<2x6x3x4x4xf32>) {
  // expected-error @below {{has 5 channels in and 6 out}}
  %d = clip.max_pool_grad %g, %x window <1x2x2 stride 1x2x2> : (tensor<2x5x3x2x2xf32>, tensor<2x6x3x4x4xf32>) -> tensor<2x6x3x4x4xf32>
  return
}

// -----

func.func @coeffs(%a: tensor<3xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{operands differ: tensor<3xf32> and tensor<4xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %s, %o, %r = clip.bn_coeffs %a, %a, %b, %a {eps = 1.0e-3} : (tensor<3xf32>, tensor<3xf32>, tensor<4xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @affine(%x: tensor<2x3x2x4x4xf32>, %s: tensor<2xf32>) {
  // expected-error @below {{a channel vector of 2 for 3 channels}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.affine %x, %s, %s : (tensor<2x3x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3x2x4x4xf32>
  return
}

// -----

func.func @fold_weight(%w: tensor<6x4x1x3x3xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{a factor for each of 6 channels is wanted, found 4}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.fold_weight %w, %s : (tensor<6x4x1x3x3xf32>, tensor<4xf32>) -> tensor<6x4x1x3x3xf32>
  return
}

// -----

func.func @shift(%x: tensor<2x3x2x4x4xf32>) {
  // expected-error @below {{cannot shift 2 channels either way: there are 3}}
  // expected-error @below {{failed to infer returned types}}
  %y = clip.shift %x {channels = 2, frames = 1} : (tensor<2x3x2x4x4xf32>) -> tensor<2x3x2x4x4xf32>
  return
}

// -----

func.func @softmax_grad(%g: tensor<2x3x1x1x1xf32>, %y: tensor<2x4x1x1x1xf32>) {
  // expected-error @below {{operands differ: tensor<2x3x1x1x1xf32> and tensor<2x4x1x1x1xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %dx = clip.softmax_grad %g, %y : (tensor<2x3x1x1x1xf32>, tensor<2x4x1x1x1xf32>) -> tensor<2x3x1x1x1xf32>
  return
}

// -----

func.func @matmul(%k: tensor<2x3x1x2x2xf32>, %q: tensor<2x4x2x3x2xf32>) {
  // expected-error @below {{'clip.matmul' op multiplies matrices of 4x3 and 4x12, which does not give 'tensor<2x4x2x3x2xf32>'}}
  %s = clip.matmul %k, %q {transpose_lhs} : (tensor<2x3x1x2x2xf32>, tensor<2x4x2x3x2xf32>) -> tensor<2x4x2x3x2xf32>
  return
}

// -----

func.func @spread_sum(%x: tensor<2x3x2x4x4xf32>) {
  // expected-error @below {{'clip.spread_sum' op sums 'tensor<2x3x2x4x4xf32>' to 'tensor<2x3x1x2x2xf32>', whose sizes are neither equal nor 1}}
  %y = clip.spread_sum %x : (tensor<2x3x2x4x4xf32>) -> tensor<2x3x1x2x2xf32>
  return
}

// -----

// expected-error @below {{'func.func' op has, on argument 0, the attribute clip.name = 3 : i64, expected a string}}
func.func @forward(%x: tensor<1x3x1x1x1xf32> {clip.name = 3 : i64}) {
  return
}

// -----

// expected-error @below {{'func.func' op has, on result 0, the attribute clip.name = unit, expected a string}}
func.func @forward(%x: tensor<1x3x1x1x1xf32>) -> (tensor<1x3x1x1x1xf32> {clip.name}) {
  return %x : tensor<1x3x1x1x1xf32>
}

// -----

// expected-error @below {{'builtin.module' op has the attribute clip.network = "r3d", expected a dictionary on a module}}
module attributes {clip.network = "r3d"} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute clip.layers = ["a"], expected a list of dictionaries on a module}}
module attributes {clip.layers = ["a"]} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute clip.features = [1], expected a list of the names of layers on a module}}
module attributes {clip.features = [1]} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute clip.recipe = {train = 1 : i64}, expected a dictionary of sections, which are dictionaries, on a module}}
module attributes {clip.recipe = {train = 1 : i64}} {
}

// -----

// expected-error @below {{'clip.param' op begins as {kind = "random"}, expected a kind: he_normal, normal, constant, identity, later or earlier}}
clip.param @w : tensor<4xf32> {role = "bias", init = {kind = "random"}}

// -----

// expected-error @below {{'clip.param' op begins as {kind = "constant", value}, in which value is neither a string nor a number}}
clip.param @w : tensor<4xf32> {role = "bias", init = {kind = "constant", value}}

// -----

func.func @f(%x: tensor<2x4x1x2x2xf32>, %y: tensor<2x4x1x2x3xf32>) {
  // expected-error @below {{'clip.map' op makes 'tensor<2x4x1x2x2xf32>' of 'tensor<2x4x1x2x3xf32>', which does not spread over it}}
  %z = clip.map %x, %y : (tensor<2x4x1x2x2xf32>, tensor<2x4x1x2x3xf32>) -> tensor<2x4x1x2x2xf32> {
  ^bb0(%p: f32, %q: f32):
    clip.yield %p : f32
  }
  return
}

// -----

func.func @f() {
  // expected-error @below {{'clip.map' op has no operand}}
  %z = clip.map : () -> tensor<2x4x1x2x2xf32> {
    %p = arith.constant 1.0 : f32
    clip.yield %p : f32
  }
  return
}

// -----

func.func @f(%x: tensor<2x4x1x2x2xf32>) {
  // expected-error @below {{'clip.map' op wants a region of 1 numbers in f32, one for each operand}}
  %z = clip.map %x : (tensor<2x4x1x2x2xf32>) -> tensor<2x4x1x2x2xf32> {
  ^bb0(%p: f32, %q: f32):
    clip.yield %p : f32
  }
  return
}

// -----

func.func @f(%x: tensor<2x4x1x2x2xf32>) {
  %z = clip.map %x : (tensor<2x4x1x2x2xf32>) -> tensor<2x4x1x2x2xf32> {
  ^bb0(%p: f32):
    // expected-error @below {{'math.sin' op is no arithmetic on f32 that the region of a clip.map may hold}}
    %q = math.sin %p : f32
    clip.yield %q : f32
  }
  return
}

// -----

func.func @f(%x: tensor<2x4x1x2x2xf32>) {
  // expected-error @below {{'clip.map' op wants a region that ends with clip.yield}}
  %z = clip.map %x : (tensor<2x4x1x2x2xf32>) -> tensor<2x4x1x2x2xf32> {
  ^bb0(%p: f32):
    kernel.yield value %p
  }
  return
}

// -----

func.func @gradient_sum() {
  // expected-error @below {{a sum of gradients has at least one}}
  // expected-error @below {{failed to infer returned types}}
  %s = clip.gradient_sum : () -> tensor<4xf32>
  return
}

// -----

func.func @gradient_sum(%a: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{operands differ: tensor<4xf32> and tensor<5xf32>}}
  // expected-error @below {{failed to infer returned types}}
  %s = clip.gradient_sum %a, %b : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error @below {{'builtin.module' op has the attribute clip.distributed = 2 : i64, expected no value, on a module}}
module attributes {clip.distributed = 2} {
}
