# dapr_mqtt_go_tests(<package> <Test…>): a ctest test for each test of a Go
# package beside this folder, so that ctest's summary counts them one by one, and
# one that fails when the list is not complete. All of them need the fixture
# go_build, which compiles once for all packages (minutes when Go's build cache
# is cold, seconds when it is warm).
include_guard(GLOBAL)

add_test(NAME go_build COMMAND ${CMAKE_CURRENT_LIST_DIR}/run_go.sh build ${CMAKE_BINARY_DIR}/go)
set_tests_properties(go_build PROPERTIES
  FIXTURES_SETUP go_build LABELS "bench;brokers;conformance;deploy;e2e" SKIP_RETURN_CODE 77 TIMEOUT 1800
  COST 1000) # begins first: others run while it compiles

function(dapr_mqtt_go_tests package)
  set(runner ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/run_go.sh)
  set(out ${CMAKE_BINARY_DIR}/go)
  add_test(NAME ${package}/list_is_complete COMMAND ${runner} list ${out} ${package} ${ARGN})
  set(names ${package}/list_is_complete)
  foreach(test ${ARGN})
    string(REGEX REPLACE "^Test" "" name ${test})
    add_test(NAME ${package}/${name} COMMAND ${runner} test ${out} ${package} ${test})
    list(APPEND names ${package}/${name})
  endforeach()
  set_tests_properties(${names} PROPERTIES
    FIXTURES_REQUIRED go_build LABELS ${package} SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT DAPR_PUBSUB_MQTT_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/dapr-pubsub-mqtt)
endfunction()
