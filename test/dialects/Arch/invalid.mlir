// RUN: %kinema-opt %s -split-input-file -verify-diagnostics

arch.file @f {
  // expected-error @+1 {{has two parameters named 'ch'}}
  arch.unit @u(ch: int, ch: int) {
  }
}

// -----

arch.file @f {
  // expected-error @+1 {{parameter 'ch' has the unknown type 'integer'}}
  arch.unit @u(ch: integer) {
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    // expected-error @+1 {{has a body: braces may follow residual, add, mul, average and concat alone, not 'conv'}}
    arch.call conv() {
      arch.call identity()
    }
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    arch.call add() {
      // expected-error @+1 {{stands outside an arch.branch}}
      arch.call identity()
    }
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    arch.call residual() {
      // expected-error @+1 {{stands in a residual, which has no branches}}
      arch.branch {
      }
    }
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    arch.call residual() {
      // expected-error @+1 {{stands in braces that belong to a call: streams belong to a definition}}
      arch.stream s {
      }
    }
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    // expected-error @+1 {{has a value that is no expression}}
    "arch.let"() {name = "m", value = unit} : () -> ()
  }
}

// -----

arch.file @f {
  arch.unit @u() {
    // expected-error @+1 {{has an empty path}}
    "arch.from"() {path = ""} : () -> ()
  }
}

// -----

// expected-error @+1 {{expected a different expression here}}
module attributes {arch.x = #arch.size<4>} {
}

// -----

func.func @f() {
  // expected-error @+1 {{expects parent op 'builtin.module'}}
  arch.file @f {
  }
}
