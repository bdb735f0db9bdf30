// How to reach a broker: what config makes of a Component's metadata and what
// the broker clients connect with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/secret.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

enum class Transport { kTcp, kTls, kWebSocket, kWebSocketTls };

struct Endpoint {
  Transport transport = Transport::kTcp;
  std::string host;  ///< name or address; IPv6 without brackets
  std::uint16_t port = 1883;
  std::string path;  ///< WebSocket only, with its leading slash; may hold a query

  bool uses_tls() const {
    return transport == Transport::kTls || transport == Transport::kWebSocketTls;
  }
  /// For logs and errors, e.g. "ssl://broker.example:8883". Holds no user or
  /// password, and no query of a WebSocket path.
  std::string str() const;
  bool operator==(const Endpoint&) const = default;
};

/// Certificates and keys as PEM text, already checked. All empty: the system's CAs.
struct TlsMaterial {
  std::string ca_pem;      ///< one or more certificates; empty: the system's CAs
  std::string cert_pem;    ///< the client's certificate, chain allowed; empty: none
  base::Secret key_pem;    ///< its private key; empty exactly when cert_pem is
};

enum class ProtocolVersion { kMqtt311, kMqtt5 };

/// What the broker publishes in our name when the connection ends without
/// DISCONNECT (MQTT 3.1.1 section 3.1.2.5, the same in MQTT 5).
struct Will {
  TopicName topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retain = false;
};

struct ConnectionOptions {
  std::vector<Endpoint> endpoints;  ///< at least one; tried in turn
  std::string client_id;
  std::string username;
  base::Secret password;
  bool clean_session = true;
  /// MQTT 5, not with clean_session: how long the broker keeps the session of a
  /// client that is away. None: for ever.
  std::optional<std::chrono::seconds> session_expiry;
  std::chrono::milliseconds connect_timeout{4000};  ///< for one attempt over all endpoints
  std::chrono::seconds keep_alive{30};
  ProtocolVersion protocol = ProtocolVersion::kMqtt311;
  TlsMaterial tls;
  std::optional<Will> will;
};

}  // namespace dapr_mqtt::core
