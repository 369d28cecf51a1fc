# Writes OUT, a C file with ui_blobs[], from the files FILES (separated by commas).
string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(rows "")
set(n 0)
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x..,){20})" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char blob_${n}[] = {\n${bytes}\n};\n")
  string(APPEND rows "    {\"${name}\", blob_${n}, sizeof blob_${n}},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE "${OUT}"
     "/* Made by embed.cmake. */\n#include \"gateway/ui/embed.h\"\n\n${arrays}\n"
     "const struct ui_blob ui_blobs[] = {\n${rows}    {0},\n};\n")
