# Writes OUTPUT, a C++ source that includes HEADER and defines FUNCTION, which returns the names and texts of FILES as
# an array of TYPE.
set(text "// Made by cmake/EmbedFiles.cmake.\n#include \"${HEADER}\"\n\nstatic constexpr ${TYPE} files[] = {\n")
foreach(file IN LISTS FILES)
  file(READ ${file} content)
  get_filename_component(name ${file} NAME_WE)
  string(APPEND text "{\"${name}\", R\"text(${content})text\"},\n")
endforeach()
string(APPEND text "};\n\n${FUNCTION} { return files; }\n")
file(WRITE ${OUTPUT} "${text}")
