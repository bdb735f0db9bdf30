// Opens the connection to a broker, step by step: name → TCP → proxy → TLS → WebSocket.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"
#include "dapr_mqtt/transport/resolver.h"

namespace dapr_mqtt::transport {

struct DialStep {
  std::string name;     ///< "name", "tcp", "proxy", "tls" or "websocket"
  base::Status status;  ///< an error names the likely cause and the remedy
  std::string seen;     ///< on success: what was found (addresses, certificate, …)
  std::string warning;  ///< on success: a problem to come, e.g. a certificate that expires soon
  std::chrono::microseconds took{};
};

/// Called before each step with its name, and after it with its result. Either may be empty.
struct DialObserver {
  std::function<void(const std::string& name)> begin;
  std::function<void(const DialStep& step)> end;
};

/// An open stream, or why there is none.
struct Dialled {
  std::unique_ptr<ByteStream> stream;  ///< null: none
  base::Status status;                 ///< the cause, without the endpoint's name
  /// The last step that was tried, with or without success. Of several causes, the one with the
  /// greatest depth says most. kNoConnection: the name or TCP failed.
  enum class Depth { kNoConnection, kTcp, kProxy, kTls, kWebSocket } depth = Depth::kNoConnection;
  /// When the broker's certificate expires, in seconds since 1970.
  std::optional<std::time_t> certificate_end{};
};

/// Opens connections to one endpoint, to each of its addresses at most once. Blocks its caller
/// until the deadline at most; a Cancel ends each wait at once (CANCELLED).
///
/// Addresses of both families are tried in parallel as in RFC 8305 (families in turn, a new attempt
/// every 250 ms, the first TCP connection wins). Sockets have TCP_NODELAY, keep-alive probes and
/// TCP_USER_TIMEOUT so that a half-open connection is found within 1.5 keep alives. TLS: 1.2 at
/// least, OpenSSL's security level 2, intermediates in caCert as trust anchors
/// (X509_V_FLAG_PARTIAL_CHAIN), host name or address checked, certificates and keys from memory.
///
/// With a proxy, the name and TCP steps are those of the proxy, which looks the broker's name up.
///
/// An address whose attempt was only slower than another one counts as not tried: next() may use it
/// later. If the broker rejects the client certificate in TLS 1.3, the first read of the stream
/// fails, with the handshake's text and UNAUTHENTICATED (with WebSocket: the "websocket" step).
///
/// Uses these options: tls, keep_alive, proxy and websocket.
///
/// Thread safety: one thread. `options`, `resolver` and `cancel` outlive it; `endpoint` is copied.
class Dialer {
 public:
  Dialer(const core::Endpoint& endpoint, const core::ConnectionOptions& options, Resolver& resolver,
         const Cancel& cancel, DialObserver observer = {});
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// Whether next() leaves time for the addresses that are not tried yet: then the steps after TCP
  /// get half of the time until the deadline, and fail as if it were over.
  enum class Time { kAll, kLeaveHalf };
  /// Returns the next open stream by `deadline`. Only the first call looks the name up. No stream:
  /// this attempt failed, no address is left, or time is up.
  Dialled next(base::TimePoint deadline, Time time = Time::kAll);
  /// Whether next() has an address left to try (true before the first call).
  bool more() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace dapr_mqtt::transport
