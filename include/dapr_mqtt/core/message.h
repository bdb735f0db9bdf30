#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/receipt.h"
#include "dapr_mqtt/core/session_store.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::core {

enum class QoS : std::uint8_t { kAtMostOnce = 0, kAtLeastOnce = 1, kExactlyOnce = 2 };

constexpr int to_int(QoS qos) { return static_cast<int>(qos); }

/// MQTT 5 properties of a PUBLISH; all absent with MQTT 3.1.1.
struct MessageProperties {
  std::string content_type;
  std::string response_topic;
  std::string correlation_data;                                      ///< any bytes
  std::vector<std::pair<std::string, std::string>> user_properties;  ///< in order, names repeat
  /// MQTT 5 Message Expiry Interval: what was left of it when the message was received, or the
  /// value to send.
  std::optional<std::chrono::seconds> expiry;

  /// Approximate size in memory. Depends on the contents only: a copy has the same.
  std::size_t footprint() const {
    // libstdc++ keeps up to 15 characters in the string itself; a block on the heap holds the final
    // zero too, and malloc's 16 bytes.
    const auto on_heap = [](const std::string& text) {
      return text.size() > 15 ? text.size() + 17 : 0;
    };
    std::size_t size = content_type.size() + response_topic.size() + correlation_data.size();
    for (const auto& property : user_properties) {
      size += sizeof(property) + on_heap(property.first) + on_heap(property.second);
    }
    return size;
  }
};

/// A message to publish.
struct OutgoingMessage {
  TopicName topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retain = false;
  /// Null when there are none (always with MQTT 3.1.1).
  std::shared_ptr<const MessageProperties> properties;
};

/// A message received from the broker.
struct IncomingMessage {
  std::string topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retained = false;   ///< stored by the broker before we subscribed (MQTT-3.3.1-8)
  bool duplicate = false;  ///< DUP flag: the broker sends it again
  std::shared_ptr<const MessageProperties> properties;  ///< null when there are none
  base::WallTime received{};  ///< by the wall clock, for people and for event IDs
  /// The same moment by a SteadyWallClock, from which age and expiry are computed. Not set: as
  /// `received`.
  base::WallTime arrived{};
  /// QoS 1 and 2: the packet that brought the message. It is kept here because the ack ledger, the
  /// event IDs and the inbox all need it, and because a durable inbox may write the identifier of a
  /// QoS 2 message much later, with the message, in one transaction.
  PacketKey packet{};
  /// QoS 1 and 2: to be given when the broker may forget the message. Empty for one that was read
  /// back from disk.
  Receipt receipt{};
  /// Part of the ID of the message's events, with `received`; 0: the message's number in the inbox
  /// is used instead. The broker may send a message that has a seed again to another process: see
  /// EventIds.
  std::uint64_t event_seed = 0;
  /// More than 0: the payload was over ConnectionOptions::max_payload, had this many bytes, and
  /// `payload` is only its beginning.
  std::size_t full_size = 0;

  /// What the message counts against limits in bytes: its approximate size in memory.
  std::size_t footprint() const {
    return sizeof(IncomingMessage) + topic.size() + payload.size() +
           (properties ? properties->footprint() : 0);
  }
  /// When the message expires and must not be delivered any more (MQTT-3.3.2-5), by a
  /// SteadyWallClock; none: never.
  std::optional<base::WallTime> expires_at() const {
    if (!properties || !properties->expiry) return std::nullopt;
    return arrival() + *properties->expiry;
  }
  base::WallTime arrival() const { return arrived == base::WallTime{} ? received : arrived; }
};

}  // namespace dapr_mqtt::core
