// How to reach a broker: config makes this from a Component's metadata, and the
// broker clients connect with it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
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

enum class TlsVersion { k12, k13 };

/// Certificates and keys as PEM text, already checked, and the other TLS settings.
struct TlsMaterial {
  std::string ca_pem;           ///< one or more certificates; empty: the system's CAs
  std::string cert_pem;         ///< the client's certificate, chain allowed; empty: none
  base::Secret key_pem;         ///< its private key; empty exactly when cert_pem is
  bool system_cas_too = false;  ///< trust the system's CAs in addition to ca_pem
  std::string server_name;      ///< sent (SNI) and verified; empty: the endpoint's host
  TlsVersion min_version = TlsVersion::k12;
  bool skip_verify = false;       ///< the broker's certificate is not checked
  std::vector<std::string> alpn;  ///< offered in this order; empty: see transport/alpn.h
};

/// Paths of files that are read again for each attempt to connect; when one changes, the connection
/// is made anew. Empty: none. Each file replaces the value it is named after.
struct CredentialFiles {
  std::string password;
  std::string ca_cert;
  std::string client_cert;  ///< PEM, or PKCS#12 with key and CA chain in it
  std::string client_key;
  std::string client_key_password;
  std::string auth_data;

  bool any() const {
    return !(password.empty() && ca_cert.empty() && client_cert.empty() && client_key.empty() &&
             client_key_password.empty() && auth_data.empty());
  }
};

/// The proxy through which the broker is reached.
struct Proxy {
  enum class Kind { kHttp, kSocks5 };
  Kind kind = Kind::kHttp;
  std::string host;  ///< name or address; IPv6 without brackets
  std::uint16_t port = 0;
  std::string username;
  base::Secret password;

  /// For logs and errors, without user and password: "http://proxy.example:3128".
  std::string str() const;
};

/// Optional parts of the HTTP request that opens a WebSocket.
struct WebSocketOptions {
  std::string subprotocol = "mqtt";
  /// Names and values of header fields; the values may be secret.
  std::vector<std::pair<std::string, base::Secret>> headers;
};

enum class ProtocolVersion { kMqtt311, kMqtt5 };

/// What the broker publishes in our name when the connection ends without
/// DISCONNECT (MQTT 3.1.1 section 3.1.2.5, the same in MQTT 5).
struct Will {
  TopicName topic;
  std::string payload;
  QoS qos = QoS::kAtMostOnce;
  bool retain = false;
  std::chrono::seconds delay{0};  ///< MQTT 5: published so long after the connection's end
  MessageProperties properties;   ///< MQTT 5: of the message
  bool text = false;              ///< MQTT 5: the payload is UTF-8 (Payload Format Indicator)
};

struct ConnectionOptions {
  std::vector<Endpoint> endpoints;  ///< at least one; tried in turn
  std::string client_id;
  std::string publisher_client_id;  ///< of the connection that publishes; empty: from client_id
  std::string username;
  base::Secret password;
  bool clean_session = true;
  /// MQTT 5, not with clean_session: how long the broker keeps the session of a
  /// client that is away. None: for ever.
  std::optional<std::chrono::seconds> session_expiry;
  std::chrono::milliseconds connect_timeout{4000};  ///< for one attempt over all endpoints
  /// For the first attempt instead, if Init waits for it and has used a part of its time before.
  std::optional<std::chrono::milliseconds> first_connect_timeout;
  std::chrono::seconds keep_alive{30};
  ProtocolVersion protocol = ProtocolVersion::kMqtt311;
  TlsMaterial tls;
  /// A private key's passphrase, where tls.key_pem or a file is encrypted.
  base::Secret key_password;
  CredentialFiles files;
  std::optional<Proxy> proxy;
  WebSocketOptions websocket;
  /// MQTT 5 (section 4.12): sent in CONNECT. Empty: none.
  std::string auth_method;
  base::Secret auth_data;
  /// MQTT 5: user properties of CONNECT (section 3.1.2.11.8).
  std::vector<std::pair<std::string, std::string>> user_properties;
  std::optional<Will> will;
  /// MQTT 5: how many messages of QoS 1 and 2 the broker may send without an acknowledgement
  /// (Receive Maximum, section 3.1.2.11.3). None: the protocol's 65,535.
  std::optional<std::uint16_t> receive_maximum;
  /// Of a larger received payload only the beginning is kept: see IncomingMessage::full_size.
  std::size_t max_payload = 268'435'455;
};

}  // namespace dapr_mqtt::core
