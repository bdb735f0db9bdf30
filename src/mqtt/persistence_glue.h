#pragma once

#include <MQTTClientPersistence.h>
#include <mqtt/iclient_persistence.h>

#include <functional>

namespace dapr_mqtt::mqtt {

struct Persistence {
  ::mqtt::iclient_persistence& store;
  /// After each change. The C library is told of one that was not taken too
  /// (MQTTCLIENT_PERSISTENCE_ERROR), but acknowledges all the same. On its threads, or where a
  /// client is made; must not throw.
  std::function<void(bool taken)> changed;
};

/// The C library's table of functions for a store in paho.mqtt.cpp's interface
/// (whose own glue is private to its client). The store's exceptions become
/// MQTTCLIENT_PERSISTENCE_ERROR. `persistence` outlives the table's use.
MQTTClient_persistence persistence_for(Persistence& persistence);

}  // namespace dapr_mqtt::mqtt
