# Writes OUT, a C file with ui_blobs[], from the files FILES (separated by commas, below ROOT), and what
# it includes into WORK: every file, compressed too where that pays, and pages that name the
# version of all others in place of @UI@.
#
# The version is a hash of all files but the pages. What is loaded by a name that holds it may be
# kept for ever.
string(REPLACE "," ";" files "${FILES}")
list(SORT files)
file(MAKE_DIRECTORY "${WORK}")

set(hashes "")
foreach(file IN LISTS files)
  if(NOT file MATCHES "\\.html$")
    file(SHA256 "${file}" hash)
    file(RELATIVE_PATH name "${ROOT}" "${file}")
    string(APPEND hashes "${name} ${hash}\n")
  endif()
endforeach()
string(SHA256 version "${hashes}")
string(SUBSTRING "${version}" 0 16 version)

set(arrays "")
set(rows "")
set(n 0)
foreach(file IN LISTS files)
  file(RELATIVE_PATH name "${ROOT}" "${file}")
  set(plain "${WORK}/${n}")
  if(name MATCHES "\\.html$")
    set(UI "/ui/${version}")
    configure_file("${file}" "${plain}" @ONLY)
  else()
    configure_file("${file}" "${plain}" COPYONLY)
  endif()
  file(SHA256 "${plain}" hash)
  string(SUBSTRING "${hash}" 0 16 hash)
  set(packed "blob_${n}")
  string(APPEND arrays "BLOB(blob_${n}, \"${plain}\")\n")
  if(NOT name MATCHES "\\.woff2$")
    execute_process(COMMAND gzip -9nc "${plain}" OUTPUT_FILE "${plain}.gz"
                    COMMAND_ERROR_IS_FATAL ANY)
    set(packed "blob_${n}_gz")
    string(APPEND arrays "BLOB(blob_${n}_gz, \"${plain}.gz\")\n")
  endif()
  string(APPEND rows "    {\"${name}\", \"${hash}\", blob_${n}, blob_${n}_end, ${packed}, ${packed}_end},\n")
  math(EXPR n "${n} + 1")
endforeach()

file(WRITE "${OUT}" "/* Made by embed.cmake. */
#include \"gateway/ui/embed.h\"

#define BLOB(name, file)                                                            \\
    __asm__(\".pushsection .rodata\\n\" #name \":\\n.incbin \\\"\" file \"\\\"\\n\" #name \"_end:\\n\"  \\
            \".byte 0\\n.popsection\\n\");                                              \\
    extern const char name[], name##_end[];

${arrays}
const char ui_version[] = \"${version}\";

const struct ui_blob ui_blobs[] = {\n${rows}    {0},\n};\n")
