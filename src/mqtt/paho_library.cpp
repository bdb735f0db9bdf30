#include "mqtt/paho_library.h"

#include <MQTTClientPersistence.h>

namespace dapr_mqtt::mqtt {

PahoLibrary& PahoLibrary::instance() {
  // Leaked on purpose: Paho's threads run until the process ends.
  static PahoLibrary* const library = new PahoLibrary;
  return *library;
}

PahoLibrary::PahoLibrary() {
  MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
  options.do_openssl_init = 0;  // OpenSSL 1.1 and later initialise themselves
  MQTTAsync_global_init(&options);
  MQTTAsync_create(&anchor_, "tcp://127.0.0.1:1", "anchor", MQTTCLIENT_PERSISTENCE_NONE, nullptr);
}

}  // namespace dapr_mqtt::mqtt
