// Every message of the dialect's verifiers and parsers.
// RUN: %kinema-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expected the tag of a layout, such as <aBcde8b>}}
func.func private @f(tensor<8xf32, #kernel.layout<8>>)

// -----

// expected-error @below {{the layout a_b is none: it is written in letters of axes, with a number from 2 before the letter of a block's elements, as in aBcde8b}}
func.func private @f(tensor<8x8xf32, #kernel.layout<a_b>>)

// -----

// expected-error @below {{the layout A1a is none: it is written in letters of axes}}
func.func private @f(tensor<8xf32, #kernel.layout<A1a>>)

// -----

// expected-error @below {{the layout aBcde8 is none: it is written in letters of axes}}
func.func private @f(tensor<1x8x1x1x1xf32, #kernel.layout<aBcde8>>)

// -----

// expected-error @below {{the layout aa walks twice over the axis a}}
func.func private @f(tensor<8xf32, #kernel.layout<aa>>)

// -----

// expected-error @below {{the layout a8a has 8 elements of the axis a, which no capital letter before them cuts into blocks}}
func.func private @f(tensor<8xf32, #kernel.layout<a8a>>)

// -----

// expected-error @below {{the layout A99999a has blocks of more than 4096 elements of the axis a}}
func.func private @f(tensor<8xf32, #kernel.layout<A99999a>>)

// -----

// expected-error @below {{the layout A4096a4096a has blocks of more than 4096 elements of the axis a}}
func.func private @f(tensor<8xf32, #kernel.layout<A4096a4096a>>)

// -----

// expected-error @below {{the layout ac walks over the axis c but not over all before it}}
func.func private @f(tensor<8x8xf32, #kernel.layout<ac>>)

// -----

// expected-error @below {{the layout aB cuts the axis b into blocks whose elements it does not count}}
func.func private @f(tensor<8x8xf32, #kernel.layout<aB>>)

// -----

// expected-error @below {{the layout aBcde8b is one of 5 axes, the tensor has 1}}
func.func private @f(tensor<8xf32, #kernel.layout<aBcde8b>>)

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{expected pixel, channel, batch_channel, lattice or spread, found row}}
  %y = kernel.map(row %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    // expected-error @below {{expected value, store, moments or sum, found mean}}
    kernel.yield mean %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op attribute 'access' failed to satisfy constraint: of each, where a region's operand is read}}
  %y = "kernel.map"(%x) <{access = array<i32: 5>}> ({
  ^bb0(%a: f32):
    kernel.yield store %a
  }) : (!x) -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    // expected-error @below {{'kernel.yield' op attribute 'kinds' failed to satisfy constraint: of each, what becomes of a yielded value}}
    "kernel.yield"(%a, %a) <{kinds = array<i32: 1, 9>}> : (f32, f32) -> ()
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.pool' op has 1 operands and 2 ways to read them}}
  %y = "kernel.pool"(%x) <{access = array<i32: 1, 0>, kind = 0 : i32, window = #clip.window<1x2x2 stride 1x2x2>}> ({
  ^bb0(%a: f32):
    kernel.yield value %a
  }) : (!x) -> tensor<1x8x2x2x2xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has 1 operands and 2 ways to read them}}
  %y = "kernel.map"(%x) <{access = array<i32: 0, 0>}> ({
  ^bb0(%a: f32):
    kernel.yield store %a
  }) : (!x) -> !x
  return
}

// -----

!x = tensor<8xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op runs over 'tensor<8xf32>', expected [N, C, T, H, W]}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!v = tensor<1x8x2x4x5xf32>
func.func @f(%x: !x, %v: !v) {
  // expected-error @below {{'kernel.map' op reads 'tensor<1x8x2x4x5xf32>' as pixel over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x, pixel %v) : (!x, !v) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!v = tensor<4xf32>
func.func @f(%x: !x, %v: !v) {
  // expected-error @below {{'kernel.map' op reads 'tensor<4xf32>' as channel over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x, channel %v) : (!x, !v) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!v = tensor<1x8x1x4x4xf32>
func.func @f(%x: !x, %v: !v) {
  // expected-error @below {{'kernel.map' op reads 'tensor<1x8x1x4x4xf32>' as batch_channel over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x, batch_channel %v) : (!x, !v) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!v = tensor<1x4x1x2x2xf32>
func.func @f(%x: !x, %v: !v) {
  // expected-error @below {{'kernel.map' op reads 'tensor<1x4x1x2x2xf32>' as lattice over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x, lattice %v) : (!x, !v) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!v = tensor<1x8x2x3x4xf32>
func.func @f(%x: !x, %v: !v) {
  // expected-error @below {{'kernel.map' op reads 'tensor<1x8x2x3x4xf32>' as lattice over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x, lattice %v) : (!x, !v) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op wants a region of 1 f32 arguments, found 2}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32, %b: f32):
    kernel.yield store %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op wants a region of 1 f32 arguments, found 1}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f64):
    %0 = arith.truncf %a : f64 to f32
    kernel.yield store %0
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op wants a region that ends with kernel.yield}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    llvm.unreachable
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has no result}}
  "kernel.map"(%x) <{access = array<i32: 0>}> ({
  ^bb0(%a: f32):
    kernel.yield store %a
  }) : (!x) -> ()
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op yields stores, then at most one moments, then sums}}
  %y:2 = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield sum %a, store %a
  } -> !x, tensor<?x1x8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op yields stores, then at most one moments, then sums}}
  %y:2 = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> !x, tensor<?x1x8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op yields stores, then at most one moments, then sums}}
  %y:2 = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield store %a, moments %a, moments %a
  } -> !x, tensor<?x1x8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op yields 2 results, has 1}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield store %a, sum %a, sum %a
  } -> !x
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has the result 'tensor<1x8x2x4x5xf32>' over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield store %a
  } -> tensor<1x8x2x4x5xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has the result 'tensor<?x3x7xf32>' over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield moments %a
  } -> tensor<?x3x7xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has the result 'tensor<?x2x8xf32>' over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield moments %a
  } -> tensor<?x2x8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has the result 'tensor<?x1x8xf32>' over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield sum %a, sum %a
  } -> tensor<?x1x8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.map' op has the result 'tensor<1x8xf32>' over the domain 'tensor<1x8x2x4x4xf32>'}}
  %y = kernel.map(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield sum %a
  } -> tensor<1x8xf32>
  return
}

// -----

!x = tensor<8xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op reads no pixel operand}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(channel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op wants a region of 1 f32 arguments, found 2}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op has a prologue that does not yield one value}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a, value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op has a prologue that does not yield one value}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield store %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
!x8 = tensor<1x8x2x4x4xf32, #kernel.layout<aBcde8b>>
func.func @f(%x: !x, %w: !w, %x8: !x8) {
  // expected-error @below {{'kernel.conv' op has a prologue that reads two layouts: 'tensor<1x8x2x4x4xf32>' and 'tensor<1x8x2x4x4xf32, #kernel.layout<aBcde8b>>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x, pixel %x8) : (!x, !x8) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op wants a region of 1 f32 arguments, found 2}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32, %b: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op stores nothing}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield sum %acc
    } : !w -> tensor<?x1x16xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op reads 'tensor<1x8x2x4x4xf32>' as pixel over the domain 'tensor<1x16x2x4x4xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue(pixel %x) : (!x) {
    ^bb0(%acc: f32, %b: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
!c = tensor<16xf32>
func.func @f(%x: !x, %w: !w, %c: !c) {
  // expected-error @below {{'kernel.conv' op takes moments of a value that it does not store}}
  %y:2 = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue(channel %c) : (!c) {
    ^bb0(%acc: f32, %b: f32):
      kernel.yield store %acc, moments %b
    } : !w -> tensor<1x16x2x4x4xf32>, tensor<?x3x16xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op has 3 groups, which do not divide 16 output channels}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } {groups = 3} : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op has the weight 'tensor<16x8xf32>', expected [O, I, T, H, W]}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x16x2x2x2xf32>' by the weight 'tensor<16x8x1x3x3xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x2x2xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<2x16x2x4x4xf32>' by the weight 'tensor<16x8x1x3x3xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<2x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<8x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x16x2x4x4xf32>' by the weight 'tensor<8x8x1x3x3xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x6x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x16x2x4x4xf32>' by the weight 'tensor<16x6x1x3x3xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } {groups = 2} : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x1x1xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x16x2x4x4xf32>' by the weight 'tensor<16x8x1x1x1xf32>'}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!w = tensor<16x8x1x3x3xf32>
func.func @f(%x: !x, %w: !w) {
  // expected-error @below {{'kernel.conv' op does not lead from 'tensor<1x16x2x4x4xf32>' to 'tensor<1x8x2x4x4xf32>' by the weight 'tensor<16x8x1x3x3xf32>'}}
  %y = kernel.conv transposed %w window <1x3x3 pad 0x1x1>
    prologue(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc
    } : !w -> tensor<1x16x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.wgrad' op wants a region of 1 f32 arguments, found 2}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<?x16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
!c = tensor<8xf32>
func.func @f(%x: !x, %g: !g, %c: !c) {
  // expected-error @below {{'kernel.wgrad' op reads no pixel operand}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(channel %c) : (!c) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<?x16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
!b8 = tensor<1x16x2x4x4xf32, #kernel.layout<aBcde8b>>
func.func @f(%x: !x, %g: !g, %b8: !b8) {
  // expected-error @below {{'kernel.wgrad' op has a prologue that reads two layouts: 'tensor<1x16x2x4x4xf32>' and 'tensor<1x16x2x4x4xf32, #kernel.layout<aBcde8b>>'}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g, pixel %b8) : (!g, !b8) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<?x16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
!b8 = tensor<1x8x2x4x4xf32, #kernel.layout<aBcde8b>>
func.func @f(%x: !x, %g: !g, %b8: !b8) {
  // expected-error @below {{'kernel.wgrad' op has a prologue that reads two layouts: 'tensor<1x8x2x4x4xf32>' and 'tensor<1x8x2x4x4xf32, #kernel.layout<aBcde8b>>'}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(pixel %x, pixel %b8) : (!x, !b8) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield value %a
    } : tensor<?x16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.wgrad' op has the result 'tensor<16x8x1x3x3xf32>', expected partials [blocks, O, I, T, H, W]}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.wgrad' op has 3 groups, which do not divide 16 output channels}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } {groups = 3} : tensor<?x16x8x1x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x16x2x4x4xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.wgrad' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x16x2x4x4xf32>' by the weight 'tensor<?x8x8x1x3x3xf32>'}}
  %y = kernel.wgrad window <1x3x3 pad 0x1x1>
    gradient(pixel %g) : (!g) {
    ^bb0(%a: f32):
      kernel.yield value %a
    }
    activation(pixel %x) : (!x) {
    ^bb0(%a: f32):
      kernel.yield value %a
    } : tensor<?x8x8x1x3x3xf32>
  return
}

// -----

!x = tensor<8xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.pool' op reads no pixel operand}}
  %y = kernel.pool max window <1x2x2> prologue(channel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<1x8x2x2x2xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.pool' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x8x2x3x3xf32>' by its window}}
  %y = kernel.pool max window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<1x8x2x3x3xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.pool' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x4x2x2x2xf32>' by its window}}
  %y = kernel.pool max window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<1x4x2x2x2xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
func.func @f(%x: !x) {
  // expected-error @below {{'kernel.pool' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<8xf32>' by its window}}
  %y = kernel.pool max window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<8xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x8x2x2x2xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.pool_grad' op of an average reads nothing but the gradient}}
  %y = kernel.pool_grad average %g window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !g -> tensor<1x8x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x8x2x2x2xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.pool_grad' op runs over 'tensor<8xf32>', expected [N, C, T, H, W]}}
  %y = kernel.pool_grad average %g window <1x2x2 stride 1x2x2> prologue() : () {
    %0 = arith.constant 0.0 : f32
    kernel.yield value %0
  } : !g -> tensor<8xf32>
  return
}

// -----

!x = tensor<8xf32>
!g = tensor<1x8x2x2x2xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.pool_grad' op reads no pixel operand}}
  %y = kernel.pool_grad max %g window <1x2x2 stride 1x2x2> prologue(channel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !g -> tensor<1x8x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x5x5xf32>
!g = tensor<1x8x2x2x2xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.pool_grad' op has the result 'tensor<1x8x2x4x4xf32>' for the input 'tensor<1x8x2x5x5xf32>'}}
  %y = kernel.pool_grad max %g window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !g -> tensor<1x8x2x4x4xf32>
  return
}

// -----

!x = tensor<1x8x2x4x4xf32>
!g = tensor<1x8x2x3x3xf32>
func.func @f(%x: !x, %g: !g) {
  // expected-error @below {{'kernel.pool_grad' op does not lead from 'tensor<1x8x2x4x4xf32>' to 'tensor<1x8x2x3x3xf32>' by its window}}
  %y = kernel.pool_grad max %g window <1x2x2 stride 1x2x2> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !g -> tensor<1x8x2x4x4xf32>
  return
}

// -----

!p = tensor<8xf32>
func.func @f(%p: !p) {
  // expected-error @below {{'kernel.finalize' op merges 'tensor<8xf32>', expected partials [blocks, sums, C]}}
  %y = kernel.finalize %p : !p () {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<8xf32>
  return
}

// -----

!p = tensor<?x2x8xf32>
func.func @f(%p: !p) {
  // expected-error @below {{'kernel.finalize' op merges 'tensor<?x2x8xf32>', expected partials [blocks, 3, C]}}
  %y = kernel.finalize %p : !p () {
  ^bb0(%a: f32, %b: f32):
    kernel.yield value %a
  } {moments} -> tensor<8xf32>
  return
}

// -----

!p = tensor<?x3x8xf32>
func.func @f(%p: !p) {
  // expected-error @below {{'kernel.finalize' op wants a region of 2 f32 arguments, found 1}}
  %y = kernel.finalize %p : !p () {
  ^bb0(%a: f32):
    kernel.yield value %a
  } {moments} -> tensor<8xf32>
  return
}

// -----

!p = tensor<?x2x8xf32>
!v = tensor<8xf32>
func.func @f(%p: !p, %v: !v) {
  // expected-error @below {{'kernel.finalize' op wants a region of 3 f32 arguments, found 1}}
  %y = kernel.finalize %p : !p (%v : !v) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<8xf32>
  return
}

// -----

!v = tensor<8xf32>
func.func @f(%v: !v) {
  // expected-error @below {{'kernel.finalize' op yields 2 values for 1 results}}
  %y = kernel.finalize (%v : !v) {
  ^bb0(%a: f32):
    kernel.yield value %a, value %a
  } -> tensor<8xf32>
  return
}

// -----

!v = tensor<8xf32>
func.func @f(%v: !v) {
  // expected-error @below {{'kernel.finalize' op yields 1 values for 1 results}}
  %y = kernel.finalize (%v : !v) {
  ^bb0(%a: f32):
    kernel.yield value %a, sum %a
  } -> tensor<8xf32>
  return
}

// -----

!v = tensor<8xf32>
func.func @f(%v: !v) {
  // expected-error @below {{'kernel.finalize' op has 'tensor<8xf32>' among vectors of 4 channels}}
  %y = kernel.finalize (%v : !v) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<4xf32>
  return
}

// -----

!p = tensor<?x1x8xf32>
func.func @f(%p: !p) {
  // expected-error @below {{'kernel.finalize' op has 'tensor<4xf32>' among vectors of 8 channels}}
  %y = kernel.finalize %p : !p () {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<4xf32>
  return
}

// -----

!p = tensor<?x1x8xf32>
func.func @f(%p: !p) {
  // expected-error @below {{'kernel.finalize' op has 'tensor<1x8xf32>' among vectors of 8 channels}}
  %y = kernel.finalize %p : !p () {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<1x8xf32>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error @below {{'kernel.return' op expects parent op 'kernel.def'}}
  kernel.return %x : tensor<8xf32>
}

// -----

func.func @f(%x: tensor<1x3x1x1x1xf32>) {
  // expected-error @below {{'kernel.place' op has 1 operands, none for #kernel.piece<input = 1, from = 0, to = 0, count = 3, frames = 0>}}
  %y = kernel.place %x [#kernel.piece<input = 1, from = 0, to = 0, count = 3, frames = 0>] : (tensor<1x3x1x1x1xf32>) -> tensor<1x3x1x1x1xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x1x1x1xf32>) {
  // expected-error @below {{'kernel.place' op cannot take #kernel.piece<input = 0, from = 1, to = 0, count = 3, frames = 0> from 'tensor<1x3x1x1x1xf32>' to 'tensor<1x3x1x1x1xf32>'}}
  %y = kernel.place %x [#kernel.piece<input = 0, from = 1, to = 0, count = 3, frames = 0>] : (tensor<1x3x1x1x1xf32>) -> tensor<1x3x1x1x1xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x1x1x1xf32>) {
  // expected-error @below {{'kernel.place' op has two pieces for one channel: #kernel.piece<input = 0, from = 0, to = 0, count = 2, frames = 0> and #kernel.piece<input = 0, from = 0, to = 1, count = 2, frames = 0>}}
  %y = kernel.place %x [#kernel.piece<input = 0, from = 0, to = 0, count = 2, frames = 0>, #kernel.piece<input = 0, from = 0, to = 1, count = 2, frames = 0>] : (tensor<1x3x1x1x1xf32>) -> tensor<1x3x1x1x1xf32>
  return
}

// -----

func.func @f(%x: tensor<1x3x1x1x2xf32>) {
  // expected-error @below {{'kernel.matmul' op multiplies matrices of 3x2 and 3x2, which does not give 'tensor<1x3x1x1x2xf32>'}}
  %y = kernel.matmul %x, %x : (tensor<1x3x1x1x2xf32>, tensor<1x3x1x1x2xf32>) -> tensor<1x3x1x1x2xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x1x1x2xf32>) {
  // expected-error @below {{'kernel.spread_sum' op sums 'tensor<1x4x1x1x2xf32>' to 'tensor<1x2x1x1x1xf32>', whose sizes are neither equal nor 1}}
  %y = kernel.spread_sum prologue (pixel %x) : (tensor<1x4x1x1x2xf32>) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<1x2x1x1x1xf32>
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op has the weight 'tensor<6x4x3x3xf32>', expected [O, I, T, H, W]}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x1x11x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op has a first window that does not fit into 'tensor<2x4x3x8x8xf32>'}}
  %y = kernel.pair %w1 window <1x11x3> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x1x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op reads a middle operand as pixel, expected channel or batch_channel}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(pixel %x) : (!x) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x1x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op has a middle that does not yield one value}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield store %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x1x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op has an epilogue that does not store one value}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield value %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<7x3x1x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<7xf32>
!y = tensor<2x5x3x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op does not lead from 'tensor<2x4x3x8x8xf32>' to 'tensor<2x7x3x8x8xf32>' by the weight 'tensor<7x3x1x3x3xf32>'}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

!x = tensor<2x4x3x8x8xf32>
!w1 = tensor<6x4x1x3x3xf32>
!w2 = tensor<5x6x3x1x1xf32>
!b = tensor<6xf32>
!y = tensor<2x5x2x8x8xf32>
func.func @f(%x: !x, %w1: !w1, %w2: !w2, %b: !b) {
  // expected-error @below {{'kernel.pair' op does not lead from 'tensor<2x6x3x8x8xf32>' to 'tensor<2x5x2x8x8xf32>' by the weight 'tensor<5x6x3x1x1xf32>'}}
  %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0> prologue(pixel %x) : (!x) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } middle(channel %b) : (!b) {
  ^bb0(%acc: f32, %c: f32):
    kernel.yield value %acc
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : !w1, !w2 -> !y
  return
}

// -----

func.func @sgd(%w: tensor<4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @+1 {{'kernel.update' op has 4 operands and 4 results; of each parameter it takes weight, 1 states, gradient and 0 norms, then what all share, and gives the new weight and states}}
  %0:4 = kernel.update sgd %w, %w, %w, %h : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @kernel(%w: tensor<4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @+1 {{'kernel.update' op is checked, which needs max_norm and held}}
  %0:2 = kernel.update sgd %w, %w, %w, %h {checked} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @kernel(%x: tensor<2x5x1x1x1xf32>, %labels: tensor<2xi32>, %h: tensor<1xf32, #clip.hyper<rate>>) {
  // expected-error @+1 {{%hyper has no field loss_scale}}
  %0:2 = kernel.softmax_xent %x, %labels, %h {smoothing = 0.0 : f64} : (tensor<2x5x1x1x1xf32>, tensor<2xi32>, tensor<1xf32, #clip.hyper<rate>>) -> (tensor<f32>, tensor<2x5x1x1x1xf32>)
  return
}

// -----

func.func @sgd(%w: tensor<4xf32>, %v: tensor<5xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @+1 {{'kernel.update' op parameter 0 is 'tensor<4xf32>', but its state or new value 'tensor<5xf32>'}}
  %0:2 = kernel.update sgd %w, %v, %w, %h : (tensor<4xf32>, tensor<5xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @lars(%w: tensor<4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) {
  // expected-error @+1 {{'kernel.update' op reads the norm 'tensor<4xf32>', expected one number}}
  %0:2 = kernel.update lars %w, %w, %w, %w, %w, %h : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, decay, trust>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @factors(%w: tensor<4xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @+1 {{'kernel.update' op has 2 factors for 1 parameters}}
  %0:2 = kernel.update sgd %w, %w, %w, %h {rate_factors = array<f64: 1.0, 0.5>} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @norms(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kernel.norms' op has 2 operands and 1 results; it makes one of each, or one of all together}}
  %y = kernel.norms %x, %x : tensor<4xf32>, tensor<4xf32> -> tensor<1xf32>
  return
}

// -----

func.func @norms(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kernel.norms' op has the result 'tensor<2xf32>', expected norms of pieces, and one of all together}}
  %y = kernel.norms %x, %x {together} : tensor<4xf32>, tensor<4xf32> -> tensor<2xf32>
  return
}

// -----

func.func @convert(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kernel.convert' op has 2 operands and 1 results; it makes one of each, and has at least one}}
  %y = kernel.convert %x, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xbf16>
  return
}

// -----

func.func @widens_too_many(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kernel.convert' op widens 2 weights, expected as many numbers as 1 operands}}
  %y = kernel.convert %x {kernel.widened = array<i64: 1, 1>} : tensor<4xf32> -> tensor<4xbf16>
  return
}

// -----

func.func @widens_parts(%w: tensor<12x3x1x1x1xf32>) {
  // expected-error @+1 {{'kernel.convert' op widens 'tensor<12x3x1x1x1xf32>' to 'tensor<12x12x1x1x1xf32>', expected the inputs of some of 6 groups side by side}}
  %y = kernel.convert %w {kernel.widened = array<i64: 6>} : tensor<12x3x1x1x1xf32> -> tensor<12x12x1x1x1xf32>
  return
}

// -----

func.func @widens_by_words(%w: tensor<12x3x1x1x1xf32>) {
  // expected-error @+1 {{'kernel.convert' op has the attribute kernel.widened = "6", expected a list of numbers of groups on a convert}}
  %y = kernel.convert %w {kernel.widened = "6"} : tensor<12x3x1x1x1xf32> -> tensor<12x6x1x1x1xf32>
  return
}

// -----

func.func @terms(%w: tensor<4x4x1x1x1xf32>) {
  // expected-error @+1 {{'kernel.convert' op makes terms of 'tensor<4x4x1x1x1xf32>' in 'tensor<2x4x8x1x1x1xbf16>', expected its axes behind the first}}
  %t = kernel.convert %w : tensor<4x4x1x1x1xf32> -> tensor<2x4x8x1x1x1xbf16>
  return
}

// -----

func.func @terms(%x: tensor<1x4x1x8x8xf32>, %w: tensor<4x4x1x1x1xbf16>) {
  // expected-error @+1 {{'kernel.conv' op has the weight 'tensor<4x4x1x1x1xbf16>', expected [2, O, I, T, H, W] in bfloat16: terms}}
  %y = kernel.conv forward %w window <1x1x1> bf16x3 prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<4x4x1x1x1xbf16> -> tensor<1x4x1x8x8xf32>
  return
}

// -----

func.func @terms(%x: tensor<1x4x1x8x8xf32>, %w: tensor<2x4x4x1x1x1xbf16>) {
  // expected-error @+1 {{'kernel.conv' op has the weight 'tensor<2x4x4x1x1x1xbf16>', expected [O, I, T, H, W]}}
  %y = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<2x4x4x1x1x1xbf16> -> tensor<1x4x1x8x8xf32>
  return
}

// -----

module attributes {kernel.precision = #kernel.precision<fp32>} {
func.func @terms(%x: tensor<1x4x1x8x8xf32>, %w: tensor<2x4x4x1x1x1xbf16>) {
  // expected-error @+1 {{'kernel.conv' op multiplies numbers by terms in a module of the precision fp32, expected bf16x3}}
  %y = kernel.conv forward %w window <1x1x1> bf16x3 prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<2x4x4x1x1x1xbf16> -> tensor<1x4x1x8x8xf32>
  return
}
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.precision = "bf16", expected a precision such as #kernel.precision<bf16> on a module}}
module attributes {kernel.precision = "bf16"} {
}

// -----

func.func @sgd(%w: tensor<4xf32>, %g: tensor<3x5xf32>, %h: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) {
  // expected-error @+1 {{'kernel.update' op parameter 0 is 'tensor<4xf32>', but its gradient 'tensor<3x5xf32>'}}
  %0:2 = kernel.update sgd %w, %w, %g, %h : (tensor<4xf32>, tensor<4xf32>, tensor<3x5xf32>, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @winograd(%w: tensor<4x4x1x3x1xf32>) {
  // expected-error @+1 {{'kernel.winograd' op leads from 'tensor<4x4x1x3x1xf32>' to 'tensor<4x4x1x6x6xf32>', expected 4 or 6 points in place of 3 taps along T, or along H and W}}
  %u = kernel.winograd %w : tensor<4x4x1x3x1xf32> -> tensor<4x4x1x6x6xf32>
  return
}

// -----

func.func @uneven(%w: tensor<4x4x1x3x3xf32>) {
  // expected-error @+1 {{'kernel.winograd' op leads from 'tensor<4x4x1x3x3xf32>' to 'tensor<4x4x1x4x6xf32>', expected 4 or 6 points}}
  %u = kernel.winograd %w : tensor<4x4x1x3x3xf32> -> tensor<4x4x1x4x6xf32>
  return
}

// -----

func.func @same(%w: tensor<4x4x3x1x1xf32>) {
  // expected-error @+1 {{'kernel.winograd' op leads from 'tensor<4x4x3x1x1xf32>' to 'tensor<4x4x3x1x1xf32>', expected 4 or 6 points}}
  %u = kernel.winograd %w : tensor<4x4x3x1x1xf32> -> tensor<4x4x3x1x1xf32>
  return
}

// -----

func.func @rank(%w: tensor<4x4x3xf32>) {
  // expected-error @+1 {{'kernel.winograd' op leads from 'tensor<4x4x3xf32>' to 'tensor<4x4x4xf32>', expected [O, I, T, H, W]}}
  %u = kernel.winograd %w : tensor<4x4x3xf32> -> tensor<4x4x4xf32>
  return
}

// -----

func.func @channels(%w: tensor<4x4x3x1x1xf32>) {
  // expected-error @+1 {{'kernel.winograd' op leads from 'tensor<4x4x3x1x1xf32>' to 'tensor<4x8x4x1x1xf32>', expected 4 or 6 points}}
  %u = kernel.winograd %w : tensor<4x4x3x1x1xf32> -> tensor<4x8x4x1x1xf32>
  return
}

// -----

func.func @strided(%x: tensor<1x4x1x8x8xf32>, %w: tensor<4x4x1x6x6xf32>) {
  // expected-error @+1 {{'kernel.conv' op does not lead from}}
  %y = kernel.conv forward %w window <1x3x3 stride 1x2x2 pad 0x1x1> prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<4x4x1x6x6xf32> -> tensor<1x4x1x4x4xf32>
  return
}

// -----

func.func @points(%x: tensor<1x4x1x8x8xf32>, %w: tensor<4x4x1x4x6xf32>) {
  // expected-error @+1 {{'kernel.conv' op does not lead from}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<4x4x1x4x6xf32> -> tensor<1x4x1x8x8xf32>
  return
}

// -----

func.func @tile(%w: tensor<4x4x1x3x3xf32>) {
  // expected-error @below {{'kernel.winograd' op leads from 'tensor<4x4x1x3x3xf32>' to 'tensor<4x4x1x5x5xf32>', expected 4 or 6 points}}
  %u = kernel.winograd %w : tensor<4x4x1x3x3xf32> -> tensor<4x4x1x5x5xf32>
  return
}

// -----

// expected-error @below {{'func.func' op has the attribute kernel.target = #kernel.target<cpu "x86-64-v3">, expected a target such as #kernel.target<cuda "sm_90a"> on a module}}
func.func @target() attributes {kernel.target = #kernel.target<cpu "x86-64-v3">} {
  return
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.target = "sm_90a", expected a target such as #kernel.target<cuda "sm_90a"> on a module}}
module attributes {kernel.target = "sm_90a"} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.sites = [3], expected a list of strings on a module}}
module attributes {kernel.sites = [3]} {
}

// -----

// expected-error @below {{'func.func' op has the attribute kernel.threads = "32", expected a number of 32 bits}}
func.func private @f() attributes {kernel.threads = "32"}

// -----

// expected-error @below {{'func.func' op has the attribute kernel.cluster = 2 : i64, expected a number of 32 bits}}
func.func private @f() attributes {kernel.cluster = 2 : i64}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.twins = [3], expected a list of {kernel = @NAME, args = array<i64: ...>} on a launch}}
module attributes {kernel.twins = [3]} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.note = 1 : i64, expected a string}}
module attributes {kernel.note = 1 : i64} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.measured = "quick", expected seconds, a number}}
module attributes {kernel.measured = "quick"} {
}

// -----

// expected-error @below {{'builtin.module' op has the attribute kernel.candidates = [{seconds = 1.000000e+00 : f64}], expected a list of {schedule = #kernel.schedule<...>, seconds = NUMBER}}}
module attributes {kernel.candidates = [{seconds = 1.0 : f64}]} {
}

// -----

// expected-error @below {{the schedule cpu.tile has a grid of 0 blocks and 64 bytes of scratch, expected at least 1 and 0}}
#none = #kernel.schedule<"cpu.tile", grid = 0, scratch = 64, {}>

// -----

// expected-error @below {{the schedule cpu.tile has the parameter "rows" = "8", expected a whole number of 64 bits}}
#text = #kernel.schedule<"cpu.tile", grid = 1, scratch = 64, {rows = "8"}>

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.segment' op lies at 8, expected a multiple of 64}}
  kernel.segment parameters at 8 bytes 8
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.segment' op lies at -64, expected a multiple of 64}}
  kernel.segment parameters at -64 bytes 8
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.segment' op takes 512 bytes at 0, but the arena has 256}}
  kernel.segment parameters at 0 bytes 512
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.segment' op takes -1 bytes at 0, but the arena has 256}}
  kernel.segment parameters at 0 bytes -1
}

// -----

kernel.arena 256 activations 0 separate 0 {
  kernel.segment parameters at 0 bytes 64
  // expected-error @below {{'kernel.segment' op is the second one of its kind}}
  kernel.segment parameters at 64 bytes 64
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-note @below {{this one ends at 128}}
  kernel.segment parameters at 0 bytes 128
  // expected-error @below {{'kernel.segment' op lies at 64, where another one lies}}
  kernel.segment prepared at 64 bytes 64
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-note @below {{this one ends at 80}}
  kernel.buffer labels @labels at 0 : tensor<20xi32>
  // expected-error @below {{'kernel.buffer' op lies at 64, where another one lies}}
  kernel.buffer counters @counters at 64 : tensor<2xi32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  kernel.buffer labels @labels at 0 : tensor<2xi32>
  // expected-error @below {{'kernel.buffer' op is the second one of its role}}
  kernel.buffer labels @more at 64 : tensor<2xi32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'func.func' op stands in an arena, which has segments and buffers alone}}
  func.func private @f()
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op takes 512 bytes at 0, but the arena has 256}}
  kernel.buffer input @rgb kind "rgb" at 0 : tensor<128xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the type 'tensor<?xf32>', expected 'f32' or 'bf16' or 'f16' in sizes that an arena can have}}
  kernel.buffer input @rgb kind "rgb" at 0 : tensor<?xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the type 'tensor<9223372036854775807xf32>', expected 'f32' or 'bf16' or 'f16' in sizes that an arena can have}}
  kernel.buffer input @rgb kind "rgb" at 0 : tensor<9223372036854775807xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the type 'tensor<2147483647x2147483647x4xf32>', expected 'f32' or 'bf16' or 'f16' in sizes that an arena can have}}
  kernel.buffer input @rgb kind "rgb" at 0 : tensor<2147483647x2147483647x4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the type 'tensor<4xf32>', expected 'i32' in sizes that an arena can have}}
  kernel.buffer labels @labels at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the type 'tensor<4xindex>', expected 'f32' or 'bf16' or 'f16' in sizes that an arena can have}}
  kernel.buffer prepared @w at 0 : tensor<4xindex>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is the state of nothing: say of which parameter, `of @NAME`}}
  kernel.buffer state @w at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is `of` @v, which states alone can be}}
  kernel.buffer parameter @w of @v at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{is an input of no kind: say which, `kind "rgb"`}}
  kernel.buffer input @rgb at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{has the `kind` "rgb", which inputs alone have}}
  kernel.buffer labels @labels kind "rgb" at 0 : tensor<4xi32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is 'tensor<4xf32>', expected one f32 a field of a #clip.hyper}}
  kernel.buffer hyper @hyper at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op has the name of no clip.param}}
  kernel.buffer parameter @w at 0 : tensor<4xf32>
}

// -----

clip.param @w : tensor<4xf32> {role = "weight"}
kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is a prepared, but the clip.param has the role weight}}
  kernel.buffer prepared @w at 0 : tensor<4xf32>
}

// -----

clip.param @w : tensor<5xf32> {role = "weight"}
kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is 'tensor<4xf32>', the clip.param is 'tensor<5xf32>'}}
  kernel.buffer parameter @w at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  // expected-error @below {{'kernel.buffer' op is of @w, which is no parameter of the arena}}
  kernel.buffer state @v of @w at 0 : tensor<4xf32>
}

// -----

kernel.arena 256 activations 0 separate 0 {
  kernel.buffer parameter @w at 0 : tensor<4xf32>
  // expected-error @below {{'kernel.buffer' op is 'tensor<5xf32>', the parameter @w is 'tensor<4xf32>'}}
  kernel.buffer state @v of @w at 64 : tensor<5xf32>
}

// -----

clip.param @w : tensor<4xf32> {role = "weight"}
clip.param @v : tensor<4xf32> {role = "momentum"}
clip.param @u : tensor<4xf32> {role = "momentum"}
kernel.arena 256 activations 0 separate 0 {
  kernel.buffer parameter @w at 0 : tensor<4xf32>
  kernel.buffer state @v of @w at 64 : tensor<4xf32>
  // expected-error @below {{'kernel.buffer' op is the second momentum of @w}}
  kernel.buffer state @u of @w at 128 : tensor<4xf32>
}

// -----

kernel.entry @infer {
  // expected-error @below {{'kernel.launch' op runs @k, which is no kernel.def of the module}}
  kernel.launch @k [0] {layer = "a", macs = 0 : i64, reads = 0 : i64, writes = 0 : i64}
}

// -----

kernel.entry @infer {
  // expected-error @below {{'arith.constant' op stands in an entry, which has launches, sums over ranks and outputs alone}}
  %0 = arith.constant 0 : i32
}

// -----

kernel.entry @infer {
  // expected-error @below {{'kernel.output' op has the type 'tensor<4xi32>', expected 'f32' or 'bf16' or 'f16' in sizes that an arena can have}}
  kernel.output "logits" at 0 : tensor<4xi32>
}

// -----

kernel.entry @train_step {
  // expected-error @below {{'kernel.output' op is of @w, which is no clip.param}}
  kernel.output "grad.w" of @w at 0 : tensor<4xf32>
}

// -----

clip.param @w : tensor<5xf32> {role = "weight"}
kernel.entry @train_step {
  // expected-error @below {{'kernel.output' op is 'tensor<4xf32>', the parameter @w is 'tensor<5xf32>'}}
  kernel.output "grad.w" of @w at 0 : tensor<4xf32>
}

// -----

func.func @tiles(%x: tensor<1x4x1x8x8xf32>, %w: tensor<4x4x1x5x5xf32>) {
  // expected-error @+1 {{'kernel.conv' op does not lead from}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (tensor<1x4x1x8x8xf32>) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } : tensor<4x4x1x5x5xf32> -> tensor<1x4x1x8x8xf32>
  return
}

// -----

func.func @reduce(%a: tensor<3x4xf32>, %b: tensor<5xf32>) {
  // expected-error @below {{'kernel.reduce' op adds up 'tensor<5xf32>' to 'tensor<4xf32>'}}
  %s = kernel.reduce %a, %b : tensor<3x4xf32>, tensor<5xf32> -> tensor<4xf32>
  return
}

// -----

func.func @reduce() {
  // expected-error @below {{'kernel.reduce' op has no operand}}
  %s = "kernel.reduce"() : () -> tensor<4xf32>
  return
}

// -----

// expected-error @below {{a tensor map has 2 sizes, 1 of a box and 2 steps, expected 1 to 5, of each as many}}
func.func private @f(memref<8xf32>, !llvm.ptr {kernel.tensor_map = #kernel.tensor_map<0, [2, 4], box = [1], steps = [1, 1]>})

// -----

// expected-error @below {{a tensor map is of buffer -1, expected the number of a parameter}}
func.func private @f(memref<8xf32>, !llvm.ptr {kernel.tensor_map = #kernel.tensor_map<-1, [4], box = [2], steps = [1]>})

// -----

// expected-error @below {{a tensor map has an axis of 4, of which a box spans 257 in steps of 1, expected less than 2^31, at most 256 and 8}}
func.func private @f(memref<8xf32>, !llvm.ptr {kernel.tensor_map = #kernel.tensor_map<0, [4, 4], box = [257, 2], steps = [1, 1]>})

// -----

// expected-error @below {{a tensor map has rows of 4 words, of which a box spans 3 in steps of 1, expected even numbers and 1}}
func.func private @f(memref<8xf32>, !llvm.ptr {kernel.tensor_map = #kernel.tensor_map<0, [4, 4], box = [2, 3], steps = [1, 1]>})

// -----

// expected-error @below {{'func.func' op has a parameter 1 with the attribute kernel.tensor_map = 3 : i64, expected a #kernel.tensor_map of one of the parameters before it}}
func.func private @f(memref<8xf32>, memref<8xf32> {kernel.tensor_map = 3 : i64})

// -----

func.func @f(%x: tensor<8xf32>) -> tensor<4xf32> {
  // expected-error @below {{has results that are not of the types of what it adds up}}
  %s = kernel.rank_sum %x : tensor<8xf32> -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// -----

func.func @f(%x: tensor<8xbf16>) -> tensor<8xbf16> {
  // expected-error @below {{adds up 'tensor<8xbf16>', expected f32}}
  %s = kernel.rank_sum %x : tensor<8xbf16> -> tensor<8xbf16>
  return %s : tensor<8xbf16>
}

// -----

kernel.entry @train_step {
  // expected-error @below {{has 2 offsets and 1 types, expected one or more of each}}
  kernel.add_up [0, 64] : [tensor<8xf32>] {layer = "a"}
}

// -----

kernel.entry @train_step {
  // expected-error @below {{has 0 offsets and 0 types, expected one or more of each}}
  kernel.add_up [] : [] {layer = "a"}
}

// -----

kernel.entry @train_step {
  // expected-error @below {{adds up 'f32', which is no tensor}}
  kernel.add_up [0] : [f32] {layer = "a"}
}

// -----

kernel.entry @train_step {
  // expected-error @below {{has the type 'tensor<8xbf16>', expected 'f32' in sizes that an arena can have}}
  kernel.add_up weighted [0] : [tensor<8xbf16>] {layer = "a"}
}
