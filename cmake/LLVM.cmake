# LLVM and MLIR, which all parts but the runtime are made with.

# Debian's component archives and libMLIR.so must not be mixed: link the one shared library only.
set(MLIR_LINK_MLIR_DYLIB ON)
set(LLVM_LINK_LLVM_DYLIB ON)
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(KINEMA_LLVM_DEFINITIONS UNIX_COMMAND "${LLVM_DEFINITIONS}")

include_directories(SYSTEM ${MLIR_INCLUDE_DIRS}) # TableGen takes its include path from here

# LLVM's and MLIR's headers and the two shared libraries.
add_library(KinemaLLVM INTERFACE)
target_include_directories(KinemaLLVM SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(KinemaLLVM INTERFACE ${KINEMA_LLVM_DEFINITIONS})
target_link_libraries(KinemaLLVM INTERFACE MLIR LLVM)

kinema_precompiled_headers(KinemaPrecompiledLLVM
  LINK KinemaLLVM GTest::gtest
  HEADERS
    <dialects/Kernel/Kernel.h>
    <gtest/gtest.h>
    <llvm/ADT/TypeSwitch.h>
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/LLVMIR/LLVMDialect.h>
    <mlir/Dialect/LLVMIR/NVVMDialect.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/BuiltinOps.h>
    <mlir/Parser/Parser.h>
    <mlir/Pass/Pass.h>
    <mlir/Pass/PassManager.h>)
add_dependencies(KinemaPrecompiledLLVM KinemaClipIncGen KinemaKernelIncGen)
