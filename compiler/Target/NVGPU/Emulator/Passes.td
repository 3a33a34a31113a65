#ifndef KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_PASSES
#define KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_PASSES

include "mlir/Pass/PassBase.td"

def NVVMToEmulator : Pass<"nvvm-to-emulator", "::mlir::ModuleOp"> {
  let summary = "makes host code for the emulator of NVIDIA kernels";
  let description = [{
    Why: kernels for a GPU are to be checked where there is none, and more strictly than a GPU checks them. What is
    retargeted is the very module that PTX is made of, one step before.

    Each `gpu.module` of `llvm` and `nvvm` operations becomes a nested module of the LLVM dialect for the host. A kernel
    becomes `void NAME(void *const *args)`, which the emulator runs once for each thread, and a constant `NAME.info`
    (compiler/Target/NVGPU/Emulator/NVVMToEmulator.cpp). Pointers lose their address spaces; every access to memory is
    checked by a call before it; `nvvm` operations become calls (runtime/Emulator/Calls.h). An operation that has no
    meaning for the emulator is an error.

    Before:
    ```mlir
    gpu.module @m {
      llvm.mlir.global internal @tile() {addr_space = 3 : i32} : !llvm.array<64 x f32>
      llvm.func @k(%x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
        nvvm.barrier0
        ...
    ```
    After:
    ```mlir
    module {
      llvm.func @k(%args: !llvm.ptr) { ... }
      llvm.func internal @k.body(%x: !llvm.ptr) {
        llvm.call @kinema_emulator_barrier(%zero, %zero, %site) : (i32, i32, i32) -> ()
        ...
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"kernels", "kernels", "kernels that were retargeted">];
}

#endif
