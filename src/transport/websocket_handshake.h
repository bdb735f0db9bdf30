// The HTTP/1.1 upgrade to a WebSocket (RFC 6455 section 4), without I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::transport {

/// A new Sec-WebSocket-Key: 16 random bytes in base64. INTERNAL when there are none.
base::Result<std::string> make_websocket_key();

/// The client's request. INVALID_ARGUMENT for a path that is not allowed in a request line.
base::Result<std::string> upgrade_request(const core::Endpoint& endpoint, const std::string& key,
                                          const core::WebSocketOptions& options = {});

/// The server's Sec-WebSocket-Accept for `key` (RFC 6455 section 4.2.2, step 5).
std::string accept_value(const std::string& key);

/// Gathers the head of the server's answer and checks it.
class UpgradeResponse {
 public:
  static constexpr std::size_t kMaxHead = 16 * 1024;

  explicit UpgradeResponse(std::string key, std::string subprotocol = "mqtt")
      : key_(std::move(key)), subprotocol_(std::move(subprotocol)) {}

  /// Adds received bytes. True: the head is complete and status() is final.
  bool feed(std::string_view received);
  /// OK: the WebSocket is open. Otherwise why it is not.
  const base::Status& status() const { return status_; }
  /// The bytes after the head: the first bytes of WebSocket frames.
  std::string take_rest() { return std::move(rest_); }

 private:
  base::Status judge(std::string_view head) const;

  const std::string key_;
  const std::string subprotocol_;
  std::string head_;
  std::string rest_;
  base::Status status_;
};

/// "the WebSocket upgrade failed: " + `why`.
base::Status upgrade_failed(const std::string& why);

}  // namespace dapr_mqtt::transport
