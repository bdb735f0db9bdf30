#pragma once

#include <MQTTAsync.h>

#include <chrono>

#include "dapr_mqtt/core/connection_options.h"
#include "mqtt/properties.h"
#include "mqtt/tls_files.h"

namespace dapr_mqtt::mqtt {

/// MQTT's number for it, as Paho takes it.
int paho_version(core::ProtocolVersion version);

/// What MQTTAsync_connect is told, for either version, without its callbacks. Good
/// while this and what it was made of live; Paho copies all of it.
class ConnectArguments {
 public:
  ConnectArguments(const core::ConnectionOptions& options, const TlsFiles& files,
                   bool clean_session, std::chrono::seconds keep_alive);
  ConnectArguments(const ConnectArguments&) = delete;
  ConnectArguments& operator=(const ConnectArguments&) = delete;

  MQTTAsync_connectOptions& options() { return connect_; }

 private:
  void set_session(const core::ConnectionOptions& options, bool clean_session);
  void set_credentials(const core::ConnectionOptions& options);
  void set_will(const core::Will& will);

  MQTTAsync_connectOptions connect_ = MQTTAsync_connectOptions_initializer;
  MQTTAsync_SSLOptions tls_ = MQTTAsync_SSLOptions_initializer;
  MQTTAsync_willOptions will_ = MQTTAsync_willOptions_initializer;
  PropertyList properties_;
};

}  // namespace dapr_mqtt::mqtt
