// Metrics and health over HTTP, for those who ask for it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::observability {

struct HttpAddress {
  std::string host;
  int port = 0;  ///< 0: any free one
  bool operator==(const HttpAddress&) const = default;
};

/// "PORT", which is on 127.0.0.1 alone, "HOST:PORT" or "[IPv6]:PORT".
std::optional<HttpAddress> parse_http_address(std::string_view text);

/// What the pages hold. Called on threads of the endpoint, several at a time;
/// must not block for long.
struct HttpPages {
  std::function<std::string()> metrics;
  std::function<base::Status()> ready;
};

/// GET /metrics, /healthz (the process is alive) and /readyz (200, or 503 with
/// the reason). No keep-alive, no encryption, no authentication: for loopback
/// or a network that is trusted.
///
/// Thread safety: used by its owner's thread alone.
class HttpEndpoint {
 public:
  /// Listens; what connects waits until serve(). UNAVAILABLE when it cannot
  /// (in use, no such host), naming the address.
  static base::Result<std::unique_ptr<HttpEndpoint>> listen(const HttpAddress& address);
  ~HttpEndpoint();  ///< stops; blocks until requests under way are answered
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  /// Once.
  void serve(HttpPages pages);
  int port() const;

 private:
  class Impl;
  explicit HttpEndpoint(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace dapr_mqtt::observability
