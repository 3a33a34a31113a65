// RUN: %kinema-opt %s --arch-to-clip -split-input-file -verify-diagnostics

// What the front end's checks would have found, in IR that did not pass them. Sizes: Errors_test.cpp.

// expected-error @+1 {{the first arch.file of a module has one network, found 0}}
module {
}

// -----

arch.file @f {
  arch.network @n() {
    // expected-error @+2 {{there is no value before 'conv'}}
    // expected-note @+1 {{hint: a network starts with a line such as `input rgb 3x16x112x112`}}
    arch.call conv(1x1x1, 4)
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+2 {{'dropot' is no unit, block or operation}}
    // expected-note @+1 {{hint: did you mean 'dropout'?}}
    arch.call dropot(0.5)
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+2 {{operation 'conv' wants 'ch'}}
    // expected-note @+1 {{hint: write it behind the head, as in ch=...}}
    arch.call conv(1x1x1)
  }
}

// -----

arch.file @f {
  // expected-error @+2 {{network 'n' wants 'classes'}}
  // expected-note @+1 {{hint: write it behind the head}}
  arch.network @n(classes: int) {
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    arch.call clip: identity()
    // expected-error @+1 {{'ch' is an integer, found the size 1x2x2}}
    arch.call conv(1x1x1, 1x2x2)
    arch.from clip
    // expected-error @+1 {{'k' is a size such as 1x2x2, found the size 1x2}}
    arch.call conv(1x2, 4)
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+2 {{operation 'pool' takes no further argument}}
    // expected-note @+1 {{hint: (pool: how k stride pad ceil)}}
    arch.call pool(avg, 1, 1, 0, off, 3)
  }
}

// -----

arch.file @f {
  arch.block @b(kind: unit, ch: int) {
  }
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+2 {{neither block 'b' nor operation 'conv' has a parameter 'chan'}}
    // expected-note @+1 {{hint: (b: kind ch; conv: k ch stride pad dilate groups bias bn act init gamma)}}
    arch.call stage(conv, block = b, ch = 3, chan = 4)
  }
}

// -----

arch.file @f {
  arch.block @b(ch: int) {
  }
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+2 {{block 'b' takes no kind of conv, as a stage's block must}}
    // expected-note @+1 {{hint: its parameters are ch}}
    arch.call stage(conv, block = b, ch = 3)
  }
}

// -----

arch.file @f {
  arch.block @b() {
    // expected-error @+2 {{calls lie inside each other more than 100 deep}}
    // expected-note @+1 100 {{called from here}}
    arch.call b()
  }
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-note @+1 {{called from here}}
    arch.call b()
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+1 {{0 copies: there are at least 1 and at most 4096}}
    arch.call identity() times 0
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    arch.call a: identity()
    // expected-error @+2 {{'a' has no value 'b'}}
    // expected-note @+1 {{hint: 'a' has no named values}}
    arch.from a.b
    // expected-error @+1 {{'m' is not known here}}
    arch.let n = m + 1
    // expected-error @+1 {{the result of 9223372036854775807 + 1 does not fit into 64 bits}}
    arch.let big = 9223372036854775807 + 1
    // expected-error @+1 {{'nothing' is no unit, block or operation}}
    arch.set nothing[eps] = 1
    // expected-error @+1 {{operation 'bn' has no parameter 'ch'}}
    arch.set bn[ch] = 1
  }
}

// -----

arch.file @f {
  arch.network @n() {
    arch.call input(rgb, 3x4x8x8)
    // expected-error @+1 {{`|` belongs to an argument of a call with copies}}
    arch.call stage(conv {k = 1 | 3}, block = b, ch = 4)
  }
  arch.block @b(kind: unit, ch: int) {
  }
}
