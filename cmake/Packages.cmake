# Debian packages of what `make install` installs, by cpack (`make packages`): one for each component, and one of optical flow,
# which alone needs OpenCV. What each needs of other packages is read from its programs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kinema)
set(CPACK_PACKAGE_VENDOR Kinema)
set(CPACK_PACKAGE_CONTACT "the authors of Kinema <kinema@localhost>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL library flow runtime compiler development python)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)

# kinema_package(COMPONENT NAME SUMMARY [FIELD value]...): fields are those of CPack, such as PACKAGE_DEPENDS.
macro(kinema_package component name summary)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}")
  set(fields ${ARGN})
  while(fields)
    list(POP_FRONT fields field value)
    set(CPACK_DEBIAN_${upper}_${field} "${value}")
  endwhile()
endmacro()

set(release "(= ${PROJECT_VERSION})")
kinema_package(library libkinema1 "video networks in other programs: the library of kinema.h"
  PACKAGE_SECTION libs PACKAGE_RECOMMENDS ffmpeg)
kinema_package(flow libkinema-flow "optical flow for Kinema, by OpenCV" PACKAGE_SECTION libs)
kinema_package(runtime kinema-runtime "trains, evaluates and runs compiled video networks" PACKAGE_RECOMMENDS ffmpeg
  PACKAGE_SUGGESTS openmpi-bin)
kinema_package(compiler kinema "compiles video networks, trains and runs them"
  PACKAGE_RECOMMENDS ffmpeg PACKAGE_SUGGESTS openmpi-bin PACKAGE_DEPENDS "kinema-runtime ${release}, lld-22") # which links the code of packages
kinema_package(development libkinema-dev "headers of the library of Kinema"
  PACKAGE_SECTION libdevel PACKAGE_DEPENDS "libkinema1 ${release}")
kinema_package(python python3-kinema "video networks in Python" PACKAGE_SECTION python
  PACKAGE_DEPENDS "libkinema1 ${release}, python3, python3-numpy" PACKAGE_RECOMMENDS kinema PACKAGE_SUGGESTS python3-torch
  PACKAGE_ARCHITECTURE all)
include(CPack)
