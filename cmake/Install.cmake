# What `make install` installs, in components: the library for other people's programs and what it takes to
# build with it, optical flow, the runtime, the compiler, and the package for Python.
include(CMakePackageConfigHelpers)

set(config ${CMAKE_INSTALL_LIBDIR}/cmake/Kinema)
file(RELATIVE_PATH libraries_from_programs ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})

# Programs look for libkinema-flow.so beside themselves, and by these paths where libraries have a folder of their own.
set_target_properties(kinema kinema-runtime PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
set_target_properties(kinema PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON) # LLVM's libraries have a folder of their own
set_target_properties(libkinema kinema-flow PROPERTIES INSTALL_RPATH "$ORIGIN")

install(TARGETS kinema COMPONENT compiler)
install(TARGETS kinema-runtime COMPONENT runtime)
install(TARGETS kinema-flow LIBRARY COMPONENT flow)

target_sources(libkinema PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/runtime/Library
  FILES ${CMAKE_SOURCE_DIR}/runtime/Library/kinema.h)
set_target_properties(libkinema PROPERTIES EXPORT_NAME kinema)
install(TARGETS libkinema EXPORT KinemaTargets LIBRARY COMPONENT library NAMELINK_COMPONENT development
  FILE_SET HEADERS COMPONENT development)
install(EXPORT KinemaTargets NAMESPACE Kinema:: DESTINATION ${config} COMPONENT development)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/KinemaConfig.cmake.in ${CMAKE_BINARY_DIR}/KinemaConfig.cmake
  INSTALL_DESTINATION ${config})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/KinemaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/KinemaConfig.cmake ${CMAKE_BINARY_DIR}/KinemaConfigVersion.cmake DESTINATION ${config}
  COMPONENT development)

# The package for Python, where Debian's packages have theirs. Elsewhere pip installs it, with the library in it.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/python/kinema DESTINATION lib/python3/dist-packages COMPONENT python EXCLUDE_FROM_ALL
  PATTERN __pycache__ EXCLUDE)

# Pages of man and completions, which the programs make themselves.
foreach(row kinema:compiler kinema-runtime:runtime)
  string(REPLACE ":" ";" row ${row})
  list(GET row 0 program)
  list(GET row 1 component)
  set(made ${CMAKE_BINARY_DIR}/share/${program})
  add_custom_command(OUTPUT ${made}/bash ${made}/zsh ${made}/fish DEPENDS ${program} VERBATIM
    COMMAND ${program} manual ${made}/man
    COMMAND sh -c "$<TARGET_FILE:${program}> completion bash >${made}/bash"
    COMMAND sh -c "$<TARGET_FILE:${program}> completion zsh >${made}/zsh"
    COMMAND sh -c "$<TARGET_FILE:${program}> completion fish >${made}/fish")
  add_custom_target(${program}-manual ALL DEPENDS ${made}/bash)
  install(DIRECTORY ${made}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${component})
  set(share ${CMAKE_INSTALL_DATADIR})
  install(FILES ${made}/bash DESTINATION ${share}/bash-completion/completions RENAME ${program} COMPONENT ${component})
  install(FILES ${made}/zsh DESTINATION ${share}/zsh/site-functions RENAME _${program} COMPONENT ${component})
  install(FILES ${made}/fish DESTINATION ${share}/fish/vendor_completions.d RENAME ${program}.fish COMPONENT ${component})
endforeach()

# What editors need for specs.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/editors DESTINATION ${CMAKE_INSTALL_DATADIR}/kinema COMPONENT compiler
  PATTERN node_modules EXCLUDE PATTERN *.elc EXCLUDE)

# pkg-config finds the prefix from the place of its own file: the installed tree may be moved.
file(RELATIVE_PATH PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(PREPEND PC_PREFIX "\${pcfiledir}/")
configure_file(${CMAKE_SOURCE_DIR}/cmake/kinema.pc.in ${CMAKE_BINARY_DIR}/kinema.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/kinema.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
