// RUN: kinema-opt %s --split-input-file --nvvm-to-emulator --verify-diagnostics

gpu.module @m {
  llvm.func @k(%x: i32) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know llvm.inline_asm in this form}}
    %y = llvm.inline_asm has_side_effects "popc.b32 $0, $1;", "=r,r" %x : (i32) -> i32
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know gpu.barrier in this form}}
    gpu.barrier
    llvm.return
  }
}

// -----

gpu.module @m {
  // expected-error @+1 {{kernel k does not say how many threads a block has (nvvm.reqntid)}}
  llvm.func @k() attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}

// -----

gpu.module @m {
  // expected-error @+1 {{the emulator has no function __nv_expf: it is declared but not defined}}
  llvm.func @__nv_expf(f32) -> f32
}

// -----

gpu.module @m {
  // expected-error @+1 {{shared memory cannot be initialised}}
  llvm.mlir.global internal @x(1 : i32) {addr_space = 3 : i32} : i32
}

// -----

module attributes {kernel.target = #kernel.target<cpu "x86-64-v3">} {
  // expected-error @+1 {{the module is for #kernel.target<cpu "x86-64-v3">; here it can be for sm_80, sm_86, sm_89, sm_90a, sm_100, sm_120}}
  gpu.module @m {
    llvm.func @k() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
      llvm.return
    }
  }
}
