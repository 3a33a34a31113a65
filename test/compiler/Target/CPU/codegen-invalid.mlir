// RUN: kinema-opt %s --set-target --split-input-file --lower-kernels-to-cpu --verify-diagnostics

kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  // expected-error @below {{'kernel.convert' op has no schedule; run the pass that assigns them first}}
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  // expected-error @below {{'kernel.convert' op has the schedule sm90.halo, which the CPU target does not know}}
  %y = kernel.convert %x {schedule = #kernel.schedule<"sm90.halo", grid = 1, scratch = 0, {}>} : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

kernel.def @k0 attributes {layers = ["a"]} {
^bb0(%x: tensor<?x8xf32>):
  // expected-error @below {{'kernel.reduce' op has the type 'tensor<?x8xf32>', whose size is not fixed}}
  %y = kernel.reduce %x {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {}>} : tensor<?x8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

// What a schedule says is computed again from its parameters.

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!w = tensor<8x8x1x3x3xf32, #ABcde8b8a>
kernel.def @zero attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, whose rows is 0, expected 1 to 8}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 1, scratch = 0, {clips = 1, frames = 1, rows = 0, parts = 1, partials = 1, winograd = 1, winograd_frames = 1}>} : !w -> !x
  kernel.return %y : !x
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!w = tensor<8x8x1x3x3xf32, #ABcde8b8a>
kernel.def @misspelt attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, whose parameter rows is missing, a number from 1 to 8}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 1, scratch = 0, {clips = 1, frames = 1, rowz = 4, parts = 1, partials = 1, winograd = 1, winograd_frames = 1}>} : !w -> !x
  kernel.return %y : !x
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!w = tensor<8x8x1x3x3xf32, #ABcde8b8a>
kernel.def @grid attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, whose partials is 2, but its parameters lead to 4}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 2, scratch = 0, {clips = 1, frames = 1, rows = 4, parts = 1, partials = 2, winograd = 1, winograd_frames = 1}>} : !w -> !x
  kernel.return %y : !x
}

// -----

// Winograd's tiles are the schedule's, and the weight has their points.

#aBcde8b = #kernel.layout<aBcde8b>
#deABc8b8a = #kernel.layout<deABc8b8a>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!u = tensor<8x8x1x6x6xf32, #deABc8b8a>
kernel.def @tiles attributes {layers = ["a"]} {
^bb0(%u: !u, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, whose winograd is 2, expected 4}}
  %y = kernel.conv forward %u window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 2, scratch = 0, {clips = 1, frames = 1, rows = 8, parts = 1, partials = 2, winograd = 2, winograd_frames = 1}>} : !u -> !x
  kernel.return %y : !x
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!u = tensor<8x8x1x6x6xf32, #ABcde8b8a>
kernel.def @layout attributes {layers = ["a"]} {
^bb0(%u: !u, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, which does not take it on this target: look at its layouts, types, groups and window}}
  %y = kernel.conv forward %u window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 2, scratch = 0, {clips = 1, frames = 1, rows = 8, parts = 1, partials = 2, winograd = 4, winograd_frames = 1}>} : !u -> !x
  kernel.return %y : !x
}

// -----

kernel.def @more attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  // expected-error @below {{'kernel.convert' op has the schedule cpu.reference, which takes no parameter "rows"; it takes partials}}
  %y = kernel.convert %x {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 0, {partials = 0, rows = 1}>} : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

kernel.def @scratch attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  // expected-error @below {{'kernel.convert' op has the schedule cpu.reference, whose scratch is 64, but its parameters lead to 0}}
  %y = kernel.convert %x {schedule = #kernel.schedule<"cpu.reference", grid = 1, scratch = 64, {partials = 0}>} : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

// A kernel is one operation of its arguments.

// expected-error @below {{'kernel.def' op holds something else than one launchable operation and kernel.return}}
kernel.def @empty attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  kernel.return %x : tensor<8xf32>
}

// -----

// expected-error @below {{'kernel.def' op has other arguments than the operands of its operation, in their order}}
kernel.def @arguments attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>, %z: tensor<8xf32>):
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// -----

// expected-error @below {{'kernel.def' op returns something else than the results of its operation, in their order}}
kernel.def @results attributes {layers = ["a"]} {
^bb0(%x: tensor<8xf32>):
  %y = kernel.convert %x : tensor<8xf32> -> tensor<8xf32>
  kernel.return %x : tensor<8xf32>
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
!x = tensor<1x8x64x64x64xf32, #aBcde8b>
!w = tensor<8x8x1x3x3xf32, #ABcde8b8a>
kernel.def @large attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.tile, whose blocks have 262144 positions, expected at most 65536}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {schedule = #kernel.schedule<"cpu.tile", grid = 1, scratch = 0, {clips = 1, frames = 64, rows = 64, parts = 1, partials = 1, winograd = 1, winograd_frames = 1}>} : !w -> !x
  kernel.return %y : !x
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!p = tensor<1x8x8x1x3x3xf32, #aBCdef8c8b>
kernel.def @winograd attributes {layers = ["a"]} {
^bb0(%dz: !x, %x: !x):
  // expected-error @below {{'kernel.wgrad' op has the schedule cpu.wgrad_tile, whose winograd is 3, expected 1, 2 or 4}}
  %p = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %dz) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } {schedule = #kernel.schedule<"cpu.wgrad_tile", grid = 1, scratch = 0, {clips = 1, frames = 2, rows = 8, partials = 1, out_groups = 1, in_groups = 1, winograd = 3, winograd_frames = 1}>} : !p
  kernel.return %p : !p
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!p = tensor<1x8x8x1x3x3xf32, #aBCdef8c8b>
kernel.def @frames attributes {layers = ["a"]} {
^bb0(%dz: !x, %x: !x):
  // expected-error @below {{'kernel.wgrad' op has the schedule cpu.wgrad_tile, whose winograd_frames is 2, expected 1}}
  %p = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %dz) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } {schedule = #kernel.schedule<"cpu.wgrad_tile", grid = 1, scratch = 0, {clips = 1, frames = 2, rows = 8, partials = 1, out_groups = 1, in_groups = 1, winograd = 4, winograd_frames = 2}>} : !p
  kernel.return %p : !p
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
!x = tensor<1x8x2x8x8xf32, #aBcde8b>
!p = tensor<1x8x8x3x3x3xf32, #aBCdef8c8b>
kernel.def @three attributes {layers = ["a"]} {
^bb0(%dz: !x, %x: !x):
  // expected-error @below {{'kernel.wgrad' op has the schedule cpu.wgrad_tile, whose winograd_frames is 3, expected 1, 2 or 4}}
  %p = kernel.wgrad window <3x3x3 pad 1x1x1> gradient(pixel %dz) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } activation(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } {schedule = #kernel.schedule<"cpu.wgrad_tile", grid = 1, scratch = 0, {clips = 1, frames = 2, rows = 8, partials = 1, out_groups = 1, in_groups = 1, winograd = 1, winograd_frames = 3}>} : !p
  kernel.return %p : !p
}

// -----

#aBcde8b = #kernel.layout<aBcde8b>
#Abcde8a = #kernel.layout<Abcde8a>
!x = tensor<1x16x2x8x8xf32, #aBcde8b>
!w = tensor<16x4x1x3x3xf32, #Abcde8a>
kernel.def @planes attributes {layers = ["a"]} {
^bb0(%w: !w, %x: !x):
  // expected-error @below {{'kernel.conv' op has the schedule cpu.group_tile, whose planes is 3, expected 4 or 2 or 1}}
  %y = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 4, schedule = #kernel.schedule<"cpu.group_tile", grid = 1, scratch = 0, {clips = 1, frames = 2, rows = 8, parts = 1, planes = 3, partials = 1}>} : !w -> !x
  kernel.return %y : !x
}
