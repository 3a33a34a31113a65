// RUN: %kinema-opt %s | %kinema-opt | FileCheck %s
// RUN: %kinema-opt %s -mlir-print-op-generic | %kinema-opt | FileCheck %s

// CHECK: module attributes {arch.x = [#arch.size<1x2x2>, #arch.binary<a + 1>, #arch.cycle<a | b>, #arch.bound<k {ch = 1}>, #arch.argument<ch = 64>, #arch.argument<64>, #arch.parameter<ch: int = 4>]} {
module attributes {arch.x = [#arch.size<1x2x2>, #arch.binary<a+1>, #arch.cycle<a|b>, #arch.bound<k {ch=1}>, #arch.argument<ch=64>, #arch.argument<64>, #arch.parameter<ch: int=4>]} {

// CHECK: arch.file @net uses [@csn, @prelude] {
arch.file @net uses [@csn, @prelude] {
  // CHECK-NEXT: arch.block @tail(alpha: number = 5.000000e-01, kind: unit = "conv(2+1)d" {t = 1, mid = 3 * in.c * ch / (in.c + 3 * ch)}, ch: int, how: word) {
  arch.block @tail(alpha: number = 0.5, kind: unit = "conv(2+1)d" {t = 1, mid = 3*in.c*ch / (in.c + 3*ch)}, ch: int, how: word) {
    // CHECK-NEXT: arch.let m = (t - 1) mod 4 - (2 - ch)
    arch.let m = (t - 1) mod 4 - (2 - ch)
    // CHECK-NEXT: arch.set bn[eps] = 1.000000e-05
    arch.set bn[eps] = 1.0e-5
    // CHECK-NEXT: arch.set "conv(2+1)d"[t] = 5
    arch.set "conv(2+1)d"[t] = 5
    // CHECK-NEXT: arch.call concat() {
    arch.call concat() {
      // CHECK-NEXT: arch.branch {
      arch.branch {
        // CHECK-NEXT: arch.call identity()
        arch.call identity()
      }
      // CHECK: arch.from small: flow.res2.0
      arch.branch {
        arch.from small: flow.res2.0
      }
    }
  }
  // CHECK: arch.network @net(classes: int = 400, size: size = 1x2x2) {
  arch.network @net(classes: int = 400, size: size = 1x2x2) {
    // CHECK-NEXT: arch.call input(rgb, [3, frames, 112, 112])
    arch.call input(rgb, [3, frames, 112, 112])
    // CHECK-NEXT: arch.call mid3: stage("conv(2+1)d" | conv3d {t = 1}, ch = 128, stride = 0x1x1) times n - 1
    arch.call mid3: stage("conv(2+1)d" | conv3d {t = 1}, ch = 128, stride = 0x1x1) times n - 1
    // CHECK-NEXT: arch.stream flow {
    arch.stream flow {
      // CHECK-NEXT: arch.from in
      arch.from in
    }
    // CHECK: arch.call residual(shortcut = conv {1x1x1}) {
    arch.call residual(shortcut = conv {1x1x1}) {
      arch.call identity()
    }
  }
  // CHECK: arch.unit @ir(ch: int) {
  arch.unit @ir(ch: int) {
  }
}
}
