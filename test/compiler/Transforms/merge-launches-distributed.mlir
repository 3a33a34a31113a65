// RUN: kinema-opt %s --merge-launches=bytes-per-sum=32 | FileCheck %s
// RUN: kinema-opt %s --merge-launches | FileCheck %s --check-prefix=TOGETHER

// Sums of gradients go behind the gradients, in the order in which these are computed, in groups of 32 bytes or more: the
// last gradient alone, with 36 bytes, and the other two, of which one has 12. What updates by them stays.

!w = tensor<3x3xf32>
!b = tensor<3xf32>
!h = tensor<2xf32, #clip.hyper<share, keep>>
module attributes {clip.distributed} {
  clip.param @a : !w {role = "weight"}
  clip.param @b : !b {role = "bias"}
  clip.param @c : !w {role = "weight"}
  clip.param @a.gradient : !w {role = "gradient"}
  clip.param @b.gradient : !b {role = "gradient"}
  clip.param @c.gradient : !w {role = "gradient"}

  // CHECK-LABEL: func.func @train_step
  // CHECK: %[[DC:.*]] = kernel.convert %arg0
  // CHECK-NEXT: %[[C:.*]] = kernel.update sum %{{.*}}, %[[DC]], %arg2
  // CHECK-NEXT: %[[DB:.*]] = kernel.convert %arg1
  // CHECK-NEXT: %[[DA:.*]] = kernel.convert %arg0
  // CHECK-NEXT: %[[AB:.*]]:2 = kernel.update sum %{{.*}}, %{{.*}}, %[[DB]], %[[DA]], %arg2
  // CHECK-NEXT: kernel.convert
  // CHECK: clip.write @a.gradient, %[[AB]]#1
  // CHECK: clip.write @b.gradient, %[[AB]]#0
  // CHECK: clip.write @c.gradient, %[[C]]
  // TOGETHER-LABEL: func.func @train_step
  // TOGETHER-COUNT-3: kernel.convert
  // TOGETHER-NEXT: %{{.*}}:3 = kernel.update sum
  // TOGETHER-NEXT: kernel.convert
  func.func @train_step(%x: tensor<3x3xbf16>, %y: tensor<3xbf16>, %h: !h) -> tensor<3x3xbf16> {
    %a = clip.read @a.gradient : !w
    %b = clip.read @b.gradient : !b
    %c = clip.read @c.gradient : !w
    %dc = kernel.convert %x : tensor<3x3xbf16> -> !w
    %db = kernel.convert %y : tensor<3xbf16> -> !b
    %da = kernel.convert %x : tensor<3x3xbf16> -> !w
    %z = kernel.convert %da : !w -> tensor<3x3xbf16>
    %a1 = kernel.update sum %a, %da, %h : (!w, !w, !h) -> !w
    %b1 = kernel.update sum %b, %db, %h : (!b, !b, !h) -> !b
    %c1 = kernel.update sum %c, %dc, %h : (!w, !w, !h) -> !w
    clip.write @a.gradient, %a1 : !w
    clip.write @b.gradient, %b1 : !b
    clip.write @c.gradient, %c1 : !w
    return %z : tensor<3x3xbf16>
  }
}
