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
  // expected-error @+1 {{the module is for #kernel.target<cpu "x86-64-v3">; here it can be for sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120}}
  gpu.module @m {
    llvm.func @k() attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
      llvm.return
    }
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.alloc in this form}}
    nvvm.tcgen05.alloc %s, %n {group = #nvvm.cta_group<cta_2>} : !llvm.ptr<3>, i32
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.dealloc in this form}}
    nvvm.tcgen05.dealloc %d, %n {group = #nvvm.cta_group<cta_2>} : !llvm.ptr<6>, i32
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.relinquish_alloc_permit in this form}}
    nvvm.tcgen05.relinquish_alloc_permit {group = #nvvm.cta_group<cta_2>}
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.commit in this form}}
    nvvm.tcgen05.commit %s {group = #nvvm.cta_group<cta_2>} : !llvm.ptr<3>
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.wait in this form}}
    nvvm.tcgen05.wait #nvvm.tcgen05_wait<store>
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.mma in this form}}
    nvvm.tcgen05.mma %d, %a, %a, %n, %e {kind = #nvvm.tcgen05_mma_kind<tf32>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.mma in this form}}
    nvvm.tcgen05.mma %d, %a, %a, %n, %e {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_2>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.mma in this form}}
    nvvm.tcgen05.mma %d, %d, %a, %n, %e {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_1>} : (!llvm.ptr<6>, !llvm.ptr<6>, i64, i32, i1)
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.mma in this form}}
    nvvm.tcgen05.mma %d, %a, %a, %n, %e {kind = #nvvm.tcgen05_mma_kind<f16>, ctaGroup = #nvvm.cta_group<cta_1>, collectorOp = #nvvm.tcgen05_mma_collectorop<fill>} : (!llvm.ptr<6>, i64, i64, i32, i1)
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.ld in this form}}
    %x = nvvm.tcgen05.ld %d {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<8xi32>
    llvm.return
  }
}

// -----

gpu.module @m {
  llvm.func @k(%s: !llvm.ptr<3>, %d: !llvm.ptr<6>, %a: i64, %n: i32, %e: i1) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    // expected-error @+1 {{the emulator does not know nvvm.tcgen05.ld in this form}}
    %x = nvvm.tcgen05.ld %d pack {shape = #nvvm.tcgen05_ldst_shape<shape_16x256b>} : vector<8xi32>
    llvm.return
  }
}
