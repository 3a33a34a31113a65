# The build's vocabulary: dependencies, warning flags, and one function for each kind of target.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths relative to the checkout: checkouts beside each other share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# Debian's component archives and libMLIR.so must not be mixed: link the one shared library only.
set(MLIR_LINK_MLIR_DYLIB ON)
set(LLVM_LINK_LLVM_DYLIB ON)
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(KINEMA_LLVM_DEFINITIONS UNIX_COMMAND "${LLVM_DEFINITIONS}")

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS}) # TableGen takes its include path from here
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -ffp-contract=off)
if(KINEMA_SANITIZE)
  add_compile_options(-fsanitize=${KINEMA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KINEMA_SANITIZE})
endif()

# kinema_library(NAME SOURCES a.cpp ... [LINK lib ...] [DEPENDS target ...]): a static library without LLVM.
function(kinema_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# kinema_llvm_library(NAME ...): the same, with LLVM's and MLIR's headers and the two shared libraries.
function(kinema_llvm_library name)
  kinema_library(${name} ${ARGN})
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${KINEMA_LLVM_DEFINITIONS})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
endfunction()

# kinema_unit_test(NAME SOURCES a.cpp ... LINK lib ...): a GoogleTest program, its cases discovered by ctest.
function(kinema_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE KINEMA_SOURCE_DIR="${CMAKE_SOURCE_DIR}" KINEMA_BINARY_DIR="${CMAKE_BINARY_DIR}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()
