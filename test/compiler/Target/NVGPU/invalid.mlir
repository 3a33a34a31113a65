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
