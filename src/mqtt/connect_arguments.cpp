#include "mqtt/connect_arguments.h"

#include <algorithm>
#include <cstdint>

namespace dapr_mqtt::mqtt {
namespace {

/// Out of the way: the window is the publisher's (1.3.12 stalls for a second each
/// time its own is reached). With MQTT 5 Paho lowers it to the receive maximum.
constexpr int kPahoMaxInflight = 65535;
/// Our timer ends an attempt first, to the millisecond; Paho looks every 3 s.
constexpr std::chrono::seconds kBeyondOurTimer{5};
/// 68 years for "never": of 0xFFFFFFFF, the protocol's own word for it, Paho C 1.3.12
/// makes 255 s, since it takes the number for a signed one.
constexpr std::uint32_t kNever = 0x7FFFFFFF;

}  // namespace

int paho_version(core::ProtocolVersion version) {
  return version == core::ProtocolVersion::kMqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
}

ConnectArguments::ConnectArguments(const core::ConnectionOptions& options, const TlsFiles& files,
                                   bool clean_session, std::chrono::seconds keep_alive) {
  const auto path = [](const SealedFile& file) {
    return file.path().empty() ? nullptr : file.path().c_str();
  };
  tls_.trustStore = path(files.ca);  // null: the system's, where OpenSSL's defaults are
  tls_.keyStore = path(files.cert);
  tls_.privateKey = path(files.key);
  tls_.enableServerCertAuth = 1;  // the chain
  tls_.verify = 1;                // the host name; off by default (paho.mqtt.c #630)
  connect_.ssl = &tls_;

  connect_.MQTTVersion = paho_version(options.protocol);
  connect_.keepAliveInterval =
      static_cast<int>(std::min<std::int64_t>(keep_alive.count(), 65535));
  connect_.maxInflight = kPahoMaxInflight;
  connect_.connectTimeout = static_cast<int>(
      (std::chrono::ceil<std::chrono::seconds>(options.connect_timeout) + kBeyondOurTimer).count());
  connect_.automaticReconnect = 0;
  set_session(options, clean_session);
  set_credentials(options);
  if (options.will) set_will(*options.will);
}

void ConnectArguments::set_session(const core::ConnectionOptions& options, bool clean_session) {
  if (options.protocol != core::ProtocolVersion::kMqtt5) {
    connect_.cleansession = clean_session ? 1 : 0;
    return;
  }
  connect_.cleansession = 0;  // Paho refuses it with MQTT 5
  connect_.cleanstart = clean_session ? 1 : 0;
  // Without one the session ends with the connection (MQTT-3.1.2-23).
  if (!clean_session) {
    properties_.add_number(
        MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
        options.session_expiry ? static_cast<std::uint32_t>(options.session_expiry->count())
                               : kNever);
    connect_.connectProperties = properties_.get();
  }
}

void ConnectArguments::set_credentials(const core::ConnectionOptions& options) {
  const std::string& password = options.password.reveal();
  // In 3.1.1 a password needs a user name, if only an empty one (MQTT-3.1.2-22).
  const bool needs_name =
      !password.empty() && options.protocol == core::ProtocolVersion::kMqtt311;
  if (!options.username.empty() || needs_name) connect_.username = options.username.c_str();
  if (!password.empty()) {
    connect_.binarypwd.data = password.data();
    connect_.binarypwd.len = static_cast<int>(password.size());
  }
}

void ConnectArguments::set_will(const core::Will& will) {
  will_.topicName = will.topic.str().c_str();
  will_.payload.data = will.payload.data();
  will_.payload.len = static_cast<int>(will.payload.size());
  will_.qos = core::to_int(will.qos);
  will_.retained = will.retain ? 1 : 0;
  connect_.will = &will_;
}

}  // namespace dapr_mqtt::mqtt
