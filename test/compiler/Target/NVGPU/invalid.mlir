// RUN: kinema-opt %s --split-input-file --pass-pipeline='builtin.module(set-target{kind=cuda name=sm_90a},gpu.module(lower-kernels-to-nvgpu))' --verify-diagnostics

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%x: tensor<8xf32>):
    // expected-error @below {{'kernel.convert' op has no schedule; run the pass that assigns them first}}
    %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
    kernel.return %y : tensor<8xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%x: tensor<8xf32>):
    // expected-error @below {{'kernel.convert' op has the schedule cpu.reference, which the NVIDIA target does not know}}
    %y = kernel.convert %x {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>} : tensor<8xf32> -> tensor<8xf32>
    kernel.return %y : tensor<8xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%x: tensor<?x8xf32>):
    // expected-error @below {{'kernel.reduce' op has the type 'tensor<?x8xf32>', whose size is not fixed}}
    %y = kernel.reduce %x {schedule = #kernel.schedule<"nvgpu.reference", grid = 1, scratch = 0, {threads = 32}>} : tensor<?x8xf32> -> tensor<8xf32>
    kernel.return %y : tensor<8xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%x: tensor<4x8xf32>, %p: tensor<4x3x16xf32>, %old: tensor<16xf32>, %count: tensor<1xi32>):
    %y = kernel.reduce %x {schedule = #kernel.schedule<"nvgpu.reference", grid = 1, scratch = 0, {partials = 0, threads = 32}>} : tensor<4x8xf32> -> tensor<8xf32>
    // expected-error @below {{'kernel.finalize' op is attached to a kernel that does not make its partials}}
    %m = kernel.finalize %p : tensor<4x3x16xf32>(%old : tensor<16xf32>) {
    ^bb0(%mean: f32, %variance: f32, %before: f32):
      kernel.yield value %mean
    } {attached, moments} -> tensor<16xf32>
    kernel.return %y, %m : tensor<8xf32>, tensor<16xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%w: tensor<16x16x1x1x1xf32>, %x: tensor<1x16x2x9x9xf32>, %old: tensor<16xf32>, %count: tensor<1xi32>):
    %y, %p = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (tensor<1x16x2x9x9xf32>) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc, moments %acc
    } {schedule = #kernel.schedule<"nvgpu.reference", grid = 2, scratch = 0, {partials = 2, threads = 96}>} : tensor<16x16x1x1x1xf32> -> tensor<1x16x2x9x9xf32>, tensor<2x3x16xf32>
    // expected-error @below {{'kernel.finalize' op is attached to a kernel with the schedule nvgpu.reference, which does not go on with merges}}
    %m = kernel.finalize %p : tensor<2x3x16xf32>(%old : tensor<16xf32>) {
    ^bb0(%mean: f32, %variance: f32, %before: f32):
      kernel.yield value %mean
    } {attached, moments} -> tensor<16xf32>
    kernel.return %y, %p, %m : tensor<1x16x2x9x9xf32>, tensor<2x3x16xf32>, tensor<16xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%w: tensor<16x16x1x1x1xf32>, %x: tensor<1x16x2x9x9xf32>):
    // expected-error @below {{'kernel.conv' op leaves the partials 'tensor<4x3x16xf32>', but by its schedule there are 2 of them}}
    %y, %p = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (tensor<1x16x2x9x9xf32>) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc, moments %acc
    } {schedule = #kernel.schedule<"nvgpu.reference", grid = 16, scratch = 0, {partials = 2, threads = 96}>} : tensor<16x16x1x1x1xf32> -> tensor<1x16x2x9x9xf32>, tensor<4x3x16xf32>
    kernel.return %y, %p : tensor<1x16x2x9x9xf32>, tensor<4x3x16xf32>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%w: tensor<16x16x1x1x1xf32, #kernel.layout<ABcde8b8a>>, %x: tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>):
    // expected-error @below {{'kernel.conv' op has the schedule nvgpu.vectors, whose tile does not fit: lanes and shares have to be powers of two that make 32 to 512 threads, whose sums have room in registers and in shared memory}}
    %y = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } {schedule = #kernel.schedule<"nvgpu.vectors", grid = 1, scratch = 3072, {clips = 2, lanes = 2, partials = 1, shares = 24, threads = 48, vectors = 1}>} : tensor<16x16x1x1x1xf32, #kernel.layout<ABcde8b8a>> -> tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>
    kernel.return %y : tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>
  }
}

// -----

gpu.module @kernels {
  kernel.def @k0 attributes {layers = ["a"]} {
  ^bb0(%g: tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>, %x: tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>):
    // expected-error @below {{'kernel.wgrad' op has the schedule nvgpu.vectors_wgrad, whose lanes is 33, expected 8 to 32 in multiples of 8}}
    %dw = kernel.wgrad window <1x1x1> gradient(pixel %g) : (tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } activation(pixel %x) : (tensor<2x16x1x1x1xf32, #kernel.layout<aBcde8b>>) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } {schedule = #kernel.schedule<"nvgpu.vectors_wgrad", grid = 2, scratch = 0, {lanes = 33, partials = 1, rows = 1, threads = 32, vectors = 1, warps = 1}>} : tensor<1x16x16x1x1x1xf32, #kernel.layout<aBCdef8c8b>>
    kernel.return %dw : tensor<1x16x16x1x1x1xf32, #kernel.layout<aBCdef8c8b>>
  }
}
