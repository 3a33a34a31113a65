// RUN: not kinema-opt %s --set-target="kind=cuda name=sm_90a" --split-input-file --add-nvgpu-twins 2>/dev/null | FileCheck %s
// RUN: not kinema-opt %s --set-target="kind=cuda name=sm_90a" --split-input-file --add-nvgpu-twins 2>&1 >/dev/null | FileCheck %s --check-prefix=WRONG

// A conv on tensor cores whose last block merges its partials: two twins, of which the second reads the partials where the
// launch leaves them, at 32768. The updated mean is left behind the arena of 65536 bytes too, although the launch writes over
// the old one.
// A copy is plain already, and does its work once more.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#abC8c = #kernel.layout<abC8c>
#cdeBA8a8b = #kernel.layout<cdeBA8a8b>
#halo = #kernel.schedule<"sm90.halo", grid = 4, scratch = 1024, {partials = 4, threads = 384}>
#s = #kernel.schedule<"sm90.stream", grid = 1, scratch = 0, {partials = 1, threads = 32}>
!x = tensor<1x16x2x9x9xbf16, #aBcde8b>
!c = tensor<16xf32, #A8a>
!p = tensor<4x3x16xf32, #abC8c>
!w = tensor<16x16x1x1x1xbf16, #cdeBA8a8b>

module {
  // CHECK: kernel.arena {{[0-9]+}} activations
  // CHECK-NEXT: kernel.segment parameters at 0 bytes 65536
  // CHECK-NEXT: kernel.segment twins at 65536 bytes {{[0-9]+}}
  kernel.arena 65536 activations 0 separate 0 {
    kernel.segment parameters at 0 bytes 65536
  }
  // CHECK: kernel.launch @copy [0, 1024] {kernel.twins = [{args = array<i64: 0, 65536>, kernel = @copy}]
  // CHECK: kernel.launch @conv
  // CHECK-SAME: {args = array<i64: 1024, 2048, 65536, {{[0-9]+}}>, kernel = @conv_twin}
  // CHECK-SAME: {args = array<i64: 32768, 8192, {{[0-9]+}}>, kernel = @conv_merge}
  kernel.entry @train_step {
    kernel.launch @copy [0, 1024] {layer = "conv", macs = 0 : i64, reads = 1024 : i64, writes = 512 : i64}
    kernel.launch @conv [1024, 2048, 8192, 8256, 16384, 32768, 8192] {layer = "conv", macs = 41472 : i64, reads = 5000 : i64, writes = 5000 : i64}
  }
  kernel.def @copy attributes {layers = ["conv"]} {
  ^bb0(%w: tensor<16x16x1x1x1xf32>):
    %0 = kernel.convert %w {schedule = #s} : tensor<16x16x1x1x1xf32> -> !w
    kernel.return %0 : !w
  }
  kernel.def @conv attributes {layers = ["conv"]} {
  ^bb0(%w: !w, %x: !x, %mean: !c, %zeros: tensor<2xi32>):
    %0:2 = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (!x) {
    ^bb0(%v: f32):
      kernel.yield value %v
    } epilogue() : () {
    ^bb0(%acc: f32):
      kernel.yield store %acc, moments %acc
    } {schedule = #halo} : !w -> !x, !p
    %1 = kernel.finalize %0#1 : !p(%mean : !c) {
    ^bb0(%m: f32, %v: f32, %old: f32):
      kernel.yield value %m
    } {attached, moments} -> !c
    kernel.return %0#0, %0#1, %1 : !x, !p, !c
  }
  // CHECK: kernel.def @conv_twin
  // CHECK: kernel.conv
  // CHECK-SAME: forward
  // CHECK: schedule = #kernel.schedule<"nvgpu.reference"
  // CHECK-NOT: kernel.finalize
  // CHECK: kernel.def @conv_merge
  // CHECK-NOT: kernel.conv
  // CHECK: kernel.finalize
  // CHECK-SAME: tensor<4x3x16xf32
  // CHECK-NOT: attached
  // CHECK: schedule = #kernel.schedule<"nvgpu.reference"
}

// -----

// WRONG: error: the module has no kernel.arena, which says what lies where in memory
module {
  kernel.entry @infer {
  }
}

// -----

// WRONG: error: 'kernel.launch' op does not fit @none, which takes other buffers
module {
  kernel.arena 64 activations 0 separate 0 {
  }
  kernel.def @none attributes {layers = ["a"]} {
  ^bb0(%w: tensor<16xf32>):
    %0 = kernel.convert %w : tensor<16xf32> -> tensor<16xf32>
    kernel.return %0 : tensor<16xf32>
  }
  kernel.entry @infer {
    kernel.launch @none [0] {layer = "a", macs = 0 : i64, reads = 0 : i64, writes = 0 : i64}
  }
}
