// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --attach-nvgpu-merges | FileCheck %s
// RUN: kinema-opt %s --set-target="kind=cuda name=sm_90a" --attach-nvgpu-merges --plan-memory | FileCheck %s --check-prefix=PLANNED

// The first conv's partials are merged by its last block; the merge moves to it. The second conv's are not: its merge
// reads what is made later.

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

clip.param @w : tensor<16x16x1x1x1xf32> {role = "weight"}
clip.param @mean : tensor<16xf32> {role = "running_mean"}

// CHECK-LABEL: func.func @train_step
// CHECK: %[[Y:.*]]:2 = kernel.conv forward
// CHECK: schedule = #kernel.schedule<"sm90.halo"
// CHECK-NEXT: %{{.*}} = kernel.finalize %[[Y]]#1 : {{.*}} {
// CHECK-NEXT: ^bb0(%[[MEAN:.*]]: f32
// CHECK-NOT: schedule
// CHECK: {attached, moments}
// CHECK: %[[Z:.*]]:2 = kernel.conv forward
// CHECK: kernel.finalize(
// CHECK: kernel.finalize %[[Z]]#1
// CHECK: {moments, schedule = #kernel.schedule<"sm90.stream"

// A launch of one kernel for both: operands, inputs of the merge, zeros to count with, results of both. What is written
// over a parameter is written by the merge.
// PLANNED: kernel.entry @train_step
// PLANNED-NEXT: kernel.launch @{{k[0-9]+}} [{{[0-9]+}}, [[W:[0-9]+]]]
// PLANNED-NEXT: kernel.launch @[[FIRST:k[0-9]+]] [[[W]], [[X:[0-9]+]], [[OLD:[0-9]+]], [[ZEROS:[0-9]+]], [[Y:[0-9]+]], [[P:[0-9]+]], [[OLD]]] {{.*}} macs = 41472 : i64
// PLANNED-NEXT: kernel.launch @[[SECOND:k[0-9]+]] [[[W]], [[Y]], {{[0-9]+}}, {{[0-9]+}}] {
// PLANNED-NEXT: kernel.launch
// PLANNED-NEXT: kernel.launch
// PLANNED: kernel.def @[[FIRST]]
// PLANNED-NEXT: ^bb0(%{{.*}}: tensor<16x16x1x1x1xbf16, #{{.*}}>, %{{.*}}: tensor<1x16x2x9x9xbf16, #{{.*}}>, %[[RUNNING:.*]]: tensor<16xf32, #{{.*}}>, %{{.*}}: tensor<2xi32>):
// PLANNED: %[[BOTH:.*]]:2 = kernel.conv forward
// PLANNED: %[[NEW:.*]] = kernel.finalize %[[BOTH]]#1 : {{.*}}(%[[RUNNING]]
// PLANNED: kernel.return %[[BOTH]]#0, %[[BOTH]]#1, %[[NEW]]
func.func @train_step(%x: !x {clip.input = "rgb", clip.name = "rgb"}) -> (!c {clip.name = "y"}) {
  %master = clip.read @w : tensor<16x16x1x1x1xf32>
  %old = clip.read @mean : !c
  %w = kernel.convert %master {schedule = #s} : tensor<16x16x1x1x1xf32> -> !w
  %y, %p = kernel.conv forward %w window <1x1x1> prologue(pixel %x) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } {schedule = #halo} : !w -> !x, !p
  %z, %q = kernel.conv forward %w window <1x1x1> prologue(pixel %y) : (!x) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } {schedule = #halo} : !w -> !x, !p
  %new = kernel.finalize %p : !p(%old : !c) {
  ^bb0(%mean: f32, %variance: f32, %before: f32):
    %0 = arith.addf %mean, %before : f32
    kernel.yield value %0
  } {moments, schedule = #s} -> !c
  clip.write @mean, %new : !c
  %late = kernel.finalize(%new : !c) {
  ^bb0(%v: f32):
    kernel.yield value %v
  } {schedule = #s} -> !c
  %r = kernel.finalize %q : !p(%late : !c) {
  ^bb0(%mean: f32, %variance: f32, %v: f32):
    %0 = arith.addf %mean, %v : f32
    kernel.yield value %0
  } {moments, schedule = #s} -> !c
  return %r : !c
}
