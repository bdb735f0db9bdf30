// What a broker says of itself in an MQTT 5 CONNACK.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// MQTT 5 section 3.2.2.3. The defaults are the protocol's; they are also used for
/// brokers of MQTT 3.1.1, which do not send these values.
struct BrokerLimits {
  std::uint32_t receive_maximum = 65'535;  ///< QoS 1 and 2 messages that may be in flight to it
  std::size_t maximum_packet_size = 268'435'460;  ///< the protocol's own limit
  QoS maximum_qos = QoS::kExactlyOnce;
  bool retain_available = true;
  bool wildcards_available = true;
  bool shared_available = true;
  bool subscription_ids_available = true;
  std::uint32_t topic_alias_maximum = 0;
  /// The keep alive that the client must use instead of its own.
  std::optional<std::chrono::seconds> server_keep_alive;
  /// The session expiry interval that the broker uses instead of the requested one;
  /// kSessionNeverExpires: for ever.
  std::optional<std::chrono::seconds> session_expiry;
  std::string assigned_client_id;  ///< text from the broker; empty: it uses ours
};

inline constexpr std::chrono::seconds kSessionNeverExpires{0xFFFF'FFFF};

}  // namespace dapr_mqtt::core
