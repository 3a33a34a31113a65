// RUN: kinema-opt %s --set-target --assign-cpu-schedules | FileCheck %s
// RUN: kinema-opt %s --set-target --assign-cpu-schedules=reference | FileCheck %s --check-prefix=REFERENCE

// Convs and weight gradients on blocked tensors are tiled, those in groups by tiles of their own; maps, pools, merges and
// the update, and convs whose weight lies otherwise, take the reference lowering. The number of partials is the schedule's, and whoever merges them sees it.

#aBcde8b = #kernel.layout<aBcde8b>
#A8a = #kernel.layout<A8a>
#ABcde8b8a = #kernel.layout<ABcde8b8a>
#aBCdef8c8b = #kernel.layout<aBCdef8c8b>
#abcde = #kernel.layout<abcde>
#Abcde8a = #kernel.layout<Abcde8a>
#aBcdef8b = #kernel.layout<aBcdef8b>
#abC8c = #kernel.layout<abC8c>
!z = tensor<2x16x4x28x28xf32, #aBcde8b>
!c = tensor<16xf32, #A8a>
!w = tensor<16x16x1x3x3xf32, #ABcde8b8a>
!dw = tensor<?x16x16x1x3x3xf32, #aBCdef8c8b>
!depthwise = tensor<16x1x1x3x3xf32, #abcde>
!grouped = tensor<16x4x1x3x3xf32, #Abcde8a>
!dgrouped = tensor<?x16x4x1x3x3xf32, #aBcdef8b>

// CHECK-LABEL: func.func @step
// CHECK: kernel.conv forward
// CHECK: schedule = #kernel.schedule<"cpu.tile", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {clips = {{[0-9]+}} : i64, frames = {{[0-9]+}} : i64, partials = [[P:[0-9]+]] : i64, parts = {{[0-9]+}} : i64, rows = {{[0-9]+}} : i64, winograd = {{[124]}} : i64, winograd_frames = 1 : i64}>
// CHECK-SAME: tensor<[[P]]x3x16xf32
// CHECK: kernel.finalize %{{.*}} : tensor<[[P]]x3x16xf32
// CHECK: } {moments, schedule = #kernel.schedule<"cpu.reference", grid = {{[0-9]+}}, scratch = 0,
// CHECK: kernel.map
// CHECK: schedule = #kernel.schedule<"cpu.reference", grid = {{[0-9]+}}, scratch = 0, {partials = [[S:[0-9]+]] : i64}>
// CHECK-SAME: tensor<[[S]]x1x16xf32
// CHECK: kernel.wgrad
// CHECK: schedule = #kernel.schedule<"cpu.wgrad_tile"
// CHECK-SAME: partials = [[Q:[0-9]+]]
// CHECK-SAME: tensor<[[Q]]x16x16x1x3x3xf32
// CHECK: kernel.update sgd {{.*}} {schedule = #kernel.schedule<"cpu.reference"{{.*}}} : ({{.*}} tensor<[[Q]]x16x16x1x3x3xf32
// CHECK: kernel.conv forward
// CHECK: groups = 16 : i64, schedule = #kernel.schedule<"cpu.reference"
// CHECK: kernel.pool average
// CHECK: schedule = #kernel.schedule<"cpu.reference"

// CHECK-LABEL: func.func @groups
// CHECK: kernel.conv forward
// CHECK: schedule = #kernel.schedule<"cpu.group_tile", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {clips = {{[0-9]+}} : i64, frames = {{[0-9]+}} : i64, partials = [[P:[0-9]+]] : i64, parts = {{[0-9]+}} : i64, planes = {{[124]}} : i64, rows = {{[0-9]+}} : i64}>
// CHECK-SAME: tensor<[[P]]x3x16xf32
// CHECK: kernel.conv transposed
// CHECK: schedule = #kernel.schedule<"cpu.group_tile"
// CHECK: kernel.wgrad
// CHECK: schedule = #kernel.schedule<"cpu.group_wgrad", grid = {{[0-9]+}}, scratch = {{[0-9]+}}, {clips = {{[0-9]+}} : i64, frames = {{[0-9]+}} : i64, partials = [[Q:[0-9]+]] : i64, parts = {{[0-9]+}} : i64, planes = {{[124]}} : i64, rows = {{[0-9]+}} : i64}>
// CHECK-SAME: tensor<[[Q]]x16x4x1x3x3xf32

// REFERENCE-LABEL: func.func @step
// REFERENCE: kernel.conv forward
// REFERENCE: schedule = #kernel.schedule<"cpu.reference", grid = {{[0-9]+}}, scratch = 0, {partials = [[P:[0-9]+]] : i64}>
// REFERENCE-SAME: tensor<[[P]]x3x16xf32
// REFERENCE: kernel.wgrad
// REFERENCE: schedule = #kernel.schedule<"cpu.reference"{{.*}}{partials = [[Q:[0-9]+]]
// REFERENCE-SAME: tensor<[[Q]]x16x16x1x3x3xf32
// REFERENCE-NOT: tile
// REFERENCE: return
func.func @step(%x: !z, %w: !w, %depthwise: !depthwise, %hyper: tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!c, !w, !z) {
  %z, %m = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } : !w -> !z, tensor<?x3x16xf32, #abC8c>
  %mean = kernel.finalize %m : tensor<?x3x16xf32, #abC8c> () {
  ^bb0(%a: f32, %b: f32):
    kernel.yield value %a
  } {moments} -> !c
  %j, %s = kernel.map(pixel %x, pixel %z) : (!z, !z) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    kernel.yield store %0, sum %0
  } -> !z, tensor<?x1x16xf32, #abC8c>
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %j) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } : !dw
  %w1, %v1 = kernel.update sgd %w, %w, %dw, %hyper : (!w, !w, !dw, tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>) -> (!w, !w)
  %y = kernel.conv forward %depthwise window <1x3x3 pad 0x1x1> prologue(pixel %j) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 16} : !depthwise -> !z
  %p = kernel.pool average window <4x28x28> prologue(pixel %y) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } -> tensor<2x16x1x1x1xf32, #aBcde8b>
  return %mean, %w1, %y : !c, !w, !z
}

func.func @groups(%x: !z, %w: !grouped) -> (!z, !z, !grouped) {
  %z, %m = kernel.conv forward %w window <1x3x3 pad 0x1x1> prologue(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc, moments %acc
  } {groups = 4} : !grouped -> !z, tensor<?x3x16xf32, #abC8c>
  %g = kernel.conv transposed %w window <1x3x3 pad 0x1x1> prologue(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } epilogue() : () {
  ^bb0(%acc: f32):
    kernel.yield store %acc
  } {groups = 4} : !grouped -> !z
  %dw = kernel.wgrad window <1x3x3 pad 0x1x1> gradient(pixel %z) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } activation(pixel %x) : (!z) {
  ^bb0(%a: f32):
    kernel.yield value %a
  } {groups = 4} : !dgrouped
  %sum = kernel.reduce %dw : !dgrouped -> !grouped
  return %z, %g, %sum : !z, !z, !grouped
}
