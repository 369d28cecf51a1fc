# Test programs: tests/unit and tests/handlers with Check, tests/load, with FUZZ=ON tests/fuzz, and
# with FAULTS=ON daemons whose calls fail on request (tests/faults).
# Each test_x.c, fuzz_x.c or load program is linked with everything but the daemons' main.c.

set(all_libs admin_core gateway_core authd_core projectd_core chatd_core filed_core traced_core common proto)
file(GLOB harness_sources CONFIGURE_DEPENDS tests/harness/*.c)
file(GLOB unit_sources CONFIGURE_DEPENDS tests/unit/test_*.c)
file(GLOB handler_sources CONFIGURE_DEPENDS tests/handlers/test_*.c)
file(GLOB load_sources CONFIGURE_DEPENDS tests/load/*.c)
file(GLOB load_shared CONFIGURE_DEPENDS tests/load/lib/*.c)
file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)

set(TEST_EMULATOR "" CACHE STRING "What runs the Check programs")
set(TEST_TIMEOUT 120 CACHE STRING "Seconds that one may take")

# test_program(label source [more sources]): a Check program, known to ctest as label/name.
function(test_program label source)
  get_filename_component(name ${source} NAME_WE)
  set(target ${label}_${name})
  add_executable(${target} ${source} ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${label}
                        CROSSCOMPILING_EMULATOR "${TEST_EMULATOR}")
  target_link_libraries(${target} ${all_libs} PkgConfig::check)
  add_test(NAME ${label}/${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${label}/${name} PROPERTIES LABELS ${label} TIMEOUT ${TEST_TIMEOUT})
endfunction()

if(TESTS)
  enable_testing()
  pkg_check_modules(check REQUIRED IMPORTED_TARGET check)
  foreach(source ${unit_sources})
    test_program(unit ${source})
  endforeach()
  foreach(source ${handler_sources})
    test_program(handlers ${source} ${harness_sources})
    # Each test is one transaction, never committed: those on one schema wait for each other's rows.
    get_filename_component(name ${source} NAME_WE)
    string(REGEX MATCH "auth|chat|turn|project|file" schema ${name})
    string(REPLACE "turn" "chat" schema "${schema}")
    if(schema)
      set_tests_properties(handlers/${name} PROPERTIES RESOURCE_LOCK schema_${schema})
    endif()
  endforeach()
  add_executable(notify tests/lib/notify.c)
  set_target_properties(notify PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # A clock to jump with: chaos/i_clock.mjs.
  add_library(clock SHARED tests/lib/clock.c)
  target_compile_options(clock PRIVATE -fno-sanitize=all)
  target_link_options(clock PRIVATE -fno-sanitize=all)
  set_target_properties(clock PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # The estimate of tokens, against the ranks of real tokenizers.
  add_executable(tokens_estimate tests/tokens/estimate.c)
  set_target_properties(tokens_estimate PROPERTIES OUTPUT_NAME estimate
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/tokens)
  target_link_libraries(tokens_estimate ${all_libs})
  add_test(NAME unit/tokens COMMAND node ${CMAKE_SOURCE_DIR}/tests/tokens/check.mjs
           $<TARGET_FILE:tokens_estimate>)
  set_tests_properties(unit/tokens PROPERTIES LABELS unit TIMEOUT 120)
  foreach(source ${load_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(load_${name} ${source} ${load_shared})
    set_target_properties(load_${name} PROPERTIES OUTPUT_NAME ${name}
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/load)
    target_link_libraries(load_${name} ${all_libs})
  endforeach()
endif()

if(FAULTS)
  # What the table wraps, the daemons call through it.
  file(STRINGS tests/faults/faults.c wraps REGEX "^WRAP\\(")
  list(TRANSFORM wraps REPLACE "^WRAP\\([^,]+, ([a-zA-Z_]+),.*$" "-Wl,--wrap=\\1")
  add_library(faults OBJECT tests/faults/faults.c)
  target_link_libraries(faults PUBLIC common PkgConfig::libcurl)
  foreach(daemon ${daemons})
    target_sources(${daemon} PRIVATE $<TARGET_OBJECTS:faults>)
    target_link_libraries(${daemon} PkgConfig::libcurl)
    target_link_options(${daemon} PRIVATE ${wraps})
  endforeach()
endif()

if(FUZZ)
  add_custom_target(fuzzers)
  foreach(source ${fuzz_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
    target_link_libraries(${name} ${all_libs})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
    add_dependencies(fuzzers ${name})
  endforeach()
endif()
