#include "mqtt/connect_arguments.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "mqtt/message_properties.h"

namespace dapr_mqtt::mqtt {
namespace {

/// So large that Paho's own window is never reached, at which 1.3.12 stalls for a second each time.
/// PahoPublisher limits the messages in flight instead. With MQTT 5 Paho lowers this to the receive
/// maximum.
constexpr int kPahoMaxInflight = 65535;
/// Paho checks its timeout only every 3 s. Our timer must end the attempt first, so Paho's is later.
constexpr std::chrono::seconds kBeyondOurTimer{5};

/// The number that Paho writes as 0xFFFFFFFF: the session never expires (MQTT 5, section
/// 3.1.2.11.2). Up to 1.3.12 Paho splits the number into bytes by signed division: -1 would become
/// 255 s, and kAllBytesMinusOne becomes four bytes of -1. A large number of seconds does not work
/// instead: Artemis ends such sessions at once.
std::int32_t never() {
  constexpr std::int32_t kAllBytesMinusOne = -0x01010101;
  static const bool divides_signed = [] {
    for (const MQTTAsync_nameValue* info = MQTTAsync_getVersionInfo(); info->name != nullptr;
         ++info) {
      int patch = 0;
      if (std::sscanf(info->value, "1.3.%d", &patch) == 1) return patch <= 12;
    }
    return false;
  }();
  return divides_signed ? kAllBytesMinusOne : -1;
}

}  // namespace

int paho_version(core::ProtocolVersion version) {
  return version == core::ProtocolVersion::kMqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
}

ConnectArguments::ConnectArguments(const core::ConnectionOptions& options, bool clean_session) {
  connect_.MQTTVersion = paho_version(options.protocol);
  connect_.keepAliveInterval =
      static_cast<int>(std::min<std::int64_t>(options.keep_alive.count(), 65535));
  connect_.maxInflight = kPahoMaxInflight;
  connect_.connectTimeout = static_cast<int>(
      (std::chrono::ceil<std::chrono::seconds>(options.connect_timeout) + kBeyondOurTimer).count());
  connect_.automaticReconnect = 0;
  set_session(options, clean_session);
  set_credentials(options);
  if (options.will) set_will(*options.will, options.protocol);
}

void ConnectArguments::set_session(const core::ConnectionOptions& options, bool clean_session) {
  if (options.protocol != core::ProtocolVersion::kMqtt5) {
    connect_.cleansession = clean_session ? 1 : 0;
    return;
  }
  connect_.cleansession = 0;  // Paho rejects 1 with MQTT 5
  connect_.cleanstart = clean_session ? 1 : 0;
  // Without an expiry interval the session ends with the connection (MQTT-3.1.2-23).
  if (!clean_session) {
    const std::int32_t expiry = options.session_expiry
                                    ? static_cast<std::int32_t>(options.session_expiry->count())
                                    : never();
    properties_.add({::mqtt::property::SESSION_EXPIRY_INTERVAL, expiry});
  }
  if (options.receive_maximum) {
    properties_.add({::mqtt::property::RECEIVE_MAXIMUM, std::int16_t(*options.receive_maximum)});
  }
  set_authentication(options);
  for (const auto& [name, value] : options.user_properties) {
    properties_.add({::mqtt::property::USER_PROPERTY, name, value});
  }
  // Paho does not change the properties, but does not declare them const.
  connect_.connectProperties = const_cast<MQTTProperties*>(&properties_.c_struct());
}

void ConnectArguments::set_authentication(const core::ConnectionOptions& options) {
  if (options.auth_method.empty()) return;
  properties_.add({::mqtt::property::AUTHENTICATION_METHOD, options.auth_method});
  if (!options.auth_data.empty()) {
    properties_.add({::mqtt::property::AUTHENTICATION_DATA, options.auth_data.reveal()});
  }
}

void ConnectArguments::set_credentials(const core::ConnectionOptions& options) {
  const std::string& password = options.password.reveal();
  // In 3.1.1 a password needs a user name, which may be empty (MQTT-3.1.2-22).
  const bool needs_name = !password.empty() && options.protocol == core::ProtocolVersion::kMqtt311;
  if (!options.username.empty() || needs_name) connect_.username = options.username.c_str();
  if (!password.empty()) {
    connect_.binarypwd.data = password.data();
    connect_.binarypwd.len = static_cast<int>(password.size());
  }
}

void ConnectArguments::set_will(const core::Will& will, core::ProtocolVersion protocol) {
  will_.topicName = will.topic.str().c_str();
  will_.payload.data = will.payload.data();
  will_.payload.len = static_cast<int>(will.payload.size());
  will_.qos = core::to_int(will.qos);
  will_.retained = will.retain ? 1 : 0;
  connect_.will = &will_;
  if (protocol != core::ProtocolVersion::kMqtt5) return;
  will_properties_ = message_properties(will.properties);
  if (will.delay.count() > 0) {
    will_properties_.add(
        {::mqtt::property::WILL_DELAY_INTERVAL, static_cast<std::int32_t>(will.delay.count())});
  }
  if (will.text)
    will_properties_.add({::mqtt::property::PAYLOAD_FORMAT_INDICATOR, std::uint8_t{1}});
  connect_.willProperties = const_cast<MQTTProperties*>(&will_properties_.c_struct());
}

}  // namespace dapr_mqtt::mqtt
