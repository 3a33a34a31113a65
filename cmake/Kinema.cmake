# The build's vocabulary: dependencies, warning flags, and one function for each kind of target.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths relative to the checkout: checkouts beside each other share the cache.
  # What precompiled headers hold is asked for by them alone; __TIME__ is nowhere used.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
if(NOT KINEMA_RUNTIME_ONLY)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -ffp-contract=off)
add_compile_options("SHELL:-Xclang -fno-pch-timestamp") # for ccache
if(KINEMA_SANITIZE)
  add_compile_options(-fsanitize=${KINEMA_SANITIZE} -fno-omit-frame-pointer)
  # A third of the time that files take is for checks of each pointer, of which the address sanitizer finds what they find.
  add_compile_options(-fno-sanitize=null,object-size)
  add_link_options(-fsanitize=${KINEMA_SANITIZE})
endif()

# The headers that most files read, compiled once: most of the time that a file takes. Files include what they
# use all the same; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds without. In angle brackets, ours too: CMake dates
# the list as the first header that it finds on disk, and a longer list would not be compiled anew. None that
# defines variables (CLI11's): every file would carry them.
function(kinema_precompiled_headers name)
  cmake_parse_arguments(ARG "" "" "HEADERS;LINK" ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

kinema_precompiled_headers(KinemaPrecompiled
  LINK nlohmann_json::nlohmann_json $<TARGET_NAME_IF_EXISTS:GTest::gtest>
  HEADERS
    <algorithm>
    <chrono>
    <condition_variable>
    <filesystem>
    <fmt/ranges.h>
    <fstream>
    <functional>
    $<$<TARGET_EXISTS:GTest::gtest>:<gtest/gtest.h$<ANGLE-R>>
    <map>
    <memory>
    <mutex>
    <nlohmann/json.hpp>
    <optional>
    <set>
    <span>
    <sstream>
    <string>
    <thread>
    <unordered_map>
    <vector>)

if(NOT KINEMA_RUNTIME_ONLY)
  include(LLVM)
endif()

# kinema_precompiled(NAME [LLVM]): a target, one that links LLVM or one that does not, reads them so.
function(kinema_precompiled name)
  target_precompile_headers(${name} REUSE_FROM KinemaPrecompiled${ARGN})
  target_compile_options(${name} PRIVATE -fPIC) # as they were compiled, in programs too
endfunction()

# kinema_library(NAME [LLVM] SOURCES a.cpp ... [LINK lib ...] [DEPENDS target ...]): a static library.
function(kinema_library name)
  cmake_parse_arguments(ARG "LLVM" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(ARG_LLVM)
    target_link_libraries(${name} PUBLIC KinemaLLVM)
    kinema_precompiled(${name} LLVM)
  else()
    kinema_precompiled(${name})
  endif()
endfunction()

# kinema_llvm_library(NAME ...): the same with LLVM.
function(kinema_llvm_library name)
  kinema_library(${name} LLVM ${ARGN})
endfunction()

# kinema_embed(OUTPUT FILES file ... HEADER header TYPE type FUNCTION function): makes the source OUTPUT, in which the
# function returns the names and texts of the files as an array of the type; the header declares both.
function(kinema_embed output)
  cmake_parse_arguments(ARG "" "HEADER;TYPE;FUNCTION" "FILES" ${ARGN})
  list(SORT ARG_FILES)
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${ARG_FILES}" -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/${output} "-DHEADER=${ARG_HEADER}"
            "-DTYPE=${ARG_TYPE}" "-DFUNCTION=${ARG_FUNCTION}" -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    DEPENDS ${ARG_FILES} ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    VERBATIM)
endfunction()

# kinema_unit_test(NAME [LLVM] SOURCES a.cpp ... LINK lib ... [EXHAUSTIVE pattern ...]): a GoogleTest program, its cases
# discovered by ctest; those whose names fit one of the patterns are one test of `make test-all`.
function(kinema_unit_test name)
  cmake_parse_arguments(ARG "LLVM" "" "SOURCES;LINK;EXHAUSTIVE" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE KINEMA_SOURCE_DIR="${CMAKE_SOURCE_DIR}" KINEMA_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set(discovered "*")
  if(ARG_EXHAUSTIVE)
    string(JOIN ":" patterns ${ARG_EXHAUSTIVE})
    set(discovered "-${patterns}")
    add_test(NAME ${name}-others COMMAND ${name} --gtest_brief=1 --gtest_filter=${patterns} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name}-others PROPERTIES TIMEOUT 2400)
    kinema_exhaustive(${name}-others)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} TEST_FILTER ${discovered})
  if(ARG_LLVM)
    kinema_precompiled(${name} LLVM)
  else()
    kinema_precompiled(${name})
  endif()
endfunction()

# kinema_llvm_unit_test(NAME ...): the same, of code with LLVM.
function(kinema_llvm_unit_test name)
  kinema_unit_test(${name} LLVM ${ARGN})
endfunction()

# kinema_exhaustive(TEST ...): tests that `make test` leaves out and `make test-all` runs: they go through all networks,
# orders or targets, of which a test in `make test` takes some. They are dealt out to parts of which CI runs one a commit.
set(KINEMA_TEST_PARTS 16)
function(kinema_exhaustive)
  foreach(test ${ARGN})
    get_property(dealt GLOBAL PROPERTY KINEMA_DEALT_TESTS)
    math(EXPR part "0${dealt} % ${KINEMA_TEST_PARTS} + 1")
    math(EXPR dealt "0${dealt} + 1")
    set_property(GLOBAL PROPERTY KINEMA_DEALT_TESTS ${dealt})
    set_property(TEST ${test} APPEND PROPERTY LABELS exhaustive part-${part})
  endforeach()
endfunction()
