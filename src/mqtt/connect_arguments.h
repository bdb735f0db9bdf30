#pragma once

#include <MQTTAsync.h>
#include <mqtt/properties.h>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::mqtt {

/// Paho's constant for this version of MQTT.
int paho_version(core::ProtocolVersion version);

/// The options for MQTTAsync_connect, for either version, without callbacks. options() is valid
/// while this object and the constructor's arguments live; Paho copies everything.
class ConnectArguments {
 public:
  ConnectArguments(const core::ConnectionOptions& options, bool clean_session);
  ConnectArguments(const ConnectArguments&) = delete;
  ConnectArguments& operator=(const ConnectArguments&) = delete;

  MQTTAsync_connectOptions& options() { return connect_; }

 private:
  void set_session(const core::ConnectionOptions& options, bool clean_session);
  void set_credentials(const core::ConnectionOptions& options);
  void set_authentication(const core::ConnectionOptions& options);
  void set_will(const core::Will& will, core::ProtocolVersion protocol);

  MQTTAsync_connectOptions connect_ = MQTTAsync_connectOptions_initializer;
  MQTTAsync_willOptions will_ = MQTTAsync_willOptions_initializer;
  ::mqtt::properties properties_;
  ::mqtt::properties will_properties_;
};

}  // namespace dapr_mqtt::mqtt
