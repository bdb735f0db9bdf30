# A library for each room: dapr_mqtt_room(<name> SOURCES … LINKS … PRIVATE_LINKS …)
# makes target dapr_mqtt_<name>, alias room::<name>.

add_library(dapr_mqtt_options INTERFACE)
target_compile_options(dapr_mqtt_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion
  -Wno-sign-conversion
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # Most of the compiler's time goes into headers, so the presets compile sixteen files of a room at a time
  # (names in unnamed namespaces therefore differ within a room). None is then what GCC calls the main file.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
  # So that inlining is not limited by what others have inlined in the same unit.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>,$<CONFIG:Release>>:--param=large-unit-insns=10000000>
  $<$<BOOL:${DAPR_MQTT_WERROR}>:-Werror>)
if(DAPR_MQTT_SANITIZE)
  # gRPC's and Paho's own binaries are not instrumented; ours are, whole.
  target_compile_options(dapr_mqtt_options INTERFACE
    -fsanitize=${DAPR_MQTT_SANITIZE} -fno-omit-frame-pointer
    # clang's check of virtual tables takes an object for a wrong one when the process has no descriptor left.
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=vptr>
    # With a sanitizer, GCC 12 to 14 take parts of <regex> for uninitialised (GCC bug 105562).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(dapr_mqtt_options INTERFACE -fsanitize=${DAPR_MQTT_SANITIZE})
endif()

function(dapr_mqtt_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(dapr_mqtt_${name} STATIC ${ROOM_SOURCES})
  add_library(room::${name} ALIAS dapr_mqtt_${name})
  target_include_directories(dapr_mqtt_${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/include
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(dapr_mqtt_${name}
    PUBLIC ${ROOM_LINKS} Threads::Threads
    PRIVATE dapr_mqtt_options ${ROOM_PRIVATE_LINKS})
  if(DAPR_MQTT_FUZZ)
    target_compile_options(dapr_mqtt_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()
