#pragma once

#include <MQTTClientPersistence.h>
#include <mqtt/iclient_persistence.h>

namespace dapr_mqtt::mqtt {

/// The C library's table of functions for a store in paho.mqtt.cpp's interface
/// (whose own glue is private to its client). The store outlives its use; its
/// exceptions become MQTTCLIENT_PERSISTENCE_ERROR.
MQTTClient_persistence persistence_for(::mqtt::iclient_persistence& store);

}  // namespace dapr_mqtt::mqtt
