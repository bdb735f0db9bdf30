// Metrics and health over HTTP, if the user enables them.
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
  int port = 0;  ///< 0: any free port
  bool operator==(const HttpAddress&) const = default;
};

/// "PORT" (on 127.0.0.1 only), "HOST:PORT" or "[IPv6]:PORT".
std::optional<HttpAddress> parse_http_address(std::string_view text);

/// The content of the pages. Called on threads of the endpoint, several at a time;
/// must not block for long.
struct HttpPages {
  std::function<std::string()> metrics;
  std::function<base::Status()> ready;
  /// Warnings to show although it is ready; empty: none. The function may be missing.
  std::function<std::string()> notes{};
};

/// GET /metrics, /healthz (the process is alive) and /readyz (200 with "ok" and notes, or 503 with
/// the reason). No keep-alive, no encryption, no authentication: for loopback
/// or a trusted network.
///
/// Thread safety: used by its owner's thread only.
class HttpEndpoint {
 public:
  /// Listens; new connections wait until serve(). UNAVAILABLE when it cannot
  /// (in use, no such host), naming the address.
  static base::Result<std::unique_ptr<HttpEndpoint>> listen(const HttpAddress& address);
  ~HttpEndpoint();  ///< stops; blocks until requests in progress are answered
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  /// To be called once.
  void serve(HttpPages pages);
  int port() const;

 private:
  class Impl;
  explicit HttpEndpoint(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace dapr_mqtt::observability
