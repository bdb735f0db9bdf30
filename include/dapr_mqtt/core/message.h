#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/session_store.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {

enum class QoS : std::uint8_t { kAtMostOnce = 0, kAtLeastOnce = 1, kExactlyOnce = 2 };

constexpr int to_int(QoS qos) { return static_cast<int>(qos); }

/// MQTT 5 properties of a PUBLISH; all absent with MQTT 3.1.1.
struct MessageProperties {
  std::string content_type;
  std::string response_topic;
  std::string correlation_data;  ///< any bytes
  std::vector<std::pair<std::string, std::string>> user_properties;  ///< in order, names repeat
  std::optional<std::chrono::seconds> expiry;  ///< left when received, or wanted when sent

  /// What they take in memory, roughly.
  std::size_t footprint() const {
    std::size_t size = content_type.size() + response_topic.size() + correlation_data.size();
    for (const auto& [name, value] : user_properties) size += 8 + name.size() + value.size();
    return size;
  }
};

/// A message that goes out.
struct OutgoingMessage {
  TopicName topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retain = false;
  /// Null when there are none (always with MQTT 3.1.1).
  std::shared_ptr<const MessageProperties> properties;
};

/// A message that came in.
struct IncomingMessage {
  std::string topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retained = false;   ///< stored by the broker before we subscribed (MQTT-3.3.1-8)
  bool duplicate = false;  ///< DUP flag: the broker sends it again
  std::shared_ptr<const MessageProperties> properties;  ///< as above
  base::WallTime received{};
  PacketKey packet{};  ///< QoS 2: what brought it; a durable inbox lets go of that in storing

  /// What it counts against limits in bytes: what is held for it in memory, roughly.
  std::size_t footprint() const {
    return sizeof(IncomingMessage) + topic.size() + payload.size() +
           (properties ? properties->footprint() : 0);
  }
  /// From when on it is not to be delivered any more (MQTT-3.3.2-5); none: never.
  std::optional<base::WallTime> expires_at() const {
    if (!properties || !properties->expiry) return std::nullopt;
    return received + *properties->expiry;
  }
};

}  // namespace dapr_mqtt::core
