# What `cmake --install` installs, and `cpack` packs into a Debian package.
include(GNUInstallDirs)
set(CPACK_PACKAGE_CONTACT "dapr-pubsub-mqtt maintainers <maintainers@dapr-pubsub-mqtt.invalid>")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)

install(TARGETS dapr-pubsub-mqtt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Made by the program itself (src/app/CMakeLists.txt).
set(MADE ${CMAKE_BINARY_DIR}/share)
install(FILES ${MADE}/bash-completion/completions/dapr-pubsub-mqtt
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${MADE}/dapr-pubsub-mqtt/component.schema.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/dapr-pubsub-mqtt)
install(FILES README.md deploy/metadata.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dapr-pubsub-mqtt)
install(FILES deploy/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dapr-pubsub-mqtt)
install(DIRECTORY deploy/examples/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dapr-pubsub-mqtt/examples)
install(FILES deploy/systemd/dapr-pubsub-mqtt.service DESTINATION lib/systemd/system)
install(FILES deploy/systemd/dapr-pubsub-mqtt.sysusers DESTINATION lib/sysusers.d
  RENAME dapr-pubsub-mqtt.conf)

# Debian's policy wants these two compressed (12.1, 12.7), the same bytes each time.
find_program(GZIP gzip REQUIRED)
function(dapr_mqtt_install_compressed source name folder)
  get_filename_component(source ${source} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/packaging/${name}.gz)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/packaging
    COMMAND ${GZIP} -9nc ${source} > ${out}
    DEPENDS ${source} VERBATIM)
  add_custom_target(compress_${name} ALL DEPENDS ${out})
  install(FILES ${out} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endfunction()
dapr_mqtt_install_compressed(${MADE}/man/man1/dapr-pubsub-mqtt.1 dapr-pubsub-mqtt.1 man/man1)
add_dependencies(compress_dapr-pubsub-mqtt.1 documents)
dapr_mqtt_install_compressed(CHANGELOG.md changelog doc/dapr-pubsub-mqtt)
execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} log -1 --format=%cD
  OUTPUT_VARIABLE COMMIT_DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE ignored)
if(NOT COMMIT_DATE)
  string(TIMESTAMP COMMIT_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
endif()
configure_file(deploy/debian/changelog.in ${CMAKE_CURRENT_BINARY_DIR}/packaging/changelog.Debian.txt @ONLY)
dapr_mqtt_install_compressed(${CMAKE_CURRENT_BINARY_DIR}/packaging/changelog.Debian.txt
  changelog.Debian doc/dapr-pubsub-mqtt)

# What the program is made of, where Debian's tools can tell.
find_program(DPKG_QUERY dpkg-query)
if(DPKG_QUERY AND NOT DAPR_MQTT_SANITIZE)
  set(sbom ${CMAKE_BINARY_DIR}/dapr-pubsub-mqtt.spdx.json)
  add_custom_command(OUTPUT ${sbom}
    COMMAND ${PROJECT_SOURCE_DIR}/scripts/sbom $<TARGET_FILE:dapr-pubsub-mqtt> ${PROJECT_VERSION} > ${sbom}
    DEPENDS dapr-pubsub-mqtt ${PROJECT_SOURCE_DIR}/scripts/sbom VERBATIM)
  add_custom_target(sbom ALL DEPENDS ${sbom})
  install(FILES ${sbom} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dapr-pubsub-mqtt)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dapr-pubsub-mqtt)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Dapr pub/sub component for MQTT brokers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Serves daprd, the sidecar of the Distributed Application Runtime, as the
pluggable component pubsub.mqtt: apps publish and subscribe through Dapr's
HTTP or gRPC API, devices speak MQTT. What was received is kept on disk
until the app has handled it.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # Depends: from what the executable links
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "mosquitto")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/deploy/debian/postinst
  ${PROJECT_SOURCE_DIR}/deploy/debian/prerm
  ${PROJECT_SOURCE_DIR}/deploy/debian/postrm
  ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles)
install(FILES deploy/systemd/dapr-pubsub-mqtt.default DESTINATION /etc/default
  RENAME dapr-pubsub-mqtt)
include(CPack)
