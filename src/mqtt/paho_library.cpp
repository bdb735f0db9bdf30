#include "mqtt/paho_library.h"

#include <MQTTClientPersistence.h>

#include <cstdlib>

namespace dapr_mqtt::mqtt {

PahoLibrary& PahoLibrary::instance() {
  // Leaked on purpose: Paho's threads run until the process ends.
  static PahoLibrary* const library = new PahoLibrary;
  return *library;
}

void PahoLibrary::ignore_environment() {
  ::unsetenv("http_proxy");
  ::unsetenv("PAHO_C_CLIENT_USE_HTTP_PROXY");
}

PahoLibrary::PahoLibrary() {
  MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
  options.do_openssl_init = 0;  // OpenSSL 1.1 and later initialise themselves
  MQTTAsync_global_init(&options);
  // By default Paho records each function's entry and exit with the time, and a text for each
  // packet, in a list that nobody reads: a third of Paho's CPU time for a message. A user who sets
  // Paho's trace variable gets the trace.
  if (std::getenv("MQTT_C_CLIENT_TRACE") == nullptr) {
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
  }
  MQTTAsync_create(&anchor_, "tcp://127.0.0.1:1", "anchor", MQTTCLIENT_PERSISTENCE_NONE, nullptr);
}

}  // namespace dapr_mqtt::mqtt
