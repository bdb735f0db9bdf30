#include "transport/tls_connect.h"

#include <utility>

#include "transport/alpn.h"
#include "transport/tls_stream.h"
#include "transport/wait.h"

namespace dapr_mqtt::transport {

base::Result<std::unique_ptr<ByteStream>> connect_tls(std::unique_ptr<ByteStream> below,
                                                      const core::Endpoint& endpoint,
                                                      const core::TlsMaterial& material,
                                                      base::TimePoint deadline,
                                                      const Cancel& cancel, TlsDetails& details) {
  auto made = TlsStream::make(std::move(below),
                              material.server_name.empty() ? endpoint.host : material.server_name,
                              material, alpn_for(endpoint, material));
  if (!made.ok()) return made.status();
  std::unique_ptr<TlsStream> stream = std::move(made).value();
  for (;;) {
    IoResult result = stream->handshake();
    if (result.outcome == IoResult::Outcome::kDone) break;
    if (result.outcome == IoResult::Outcome::kFailed) return result.status;
    // Not wait_for(stream), which always polls for POLLIN: while OpenSSL waits for POLLOUT, that
    // would be a busy loop.
    const short events = stream->wants_write() ? POLLOUT : POLLIN;
    switch (wait_for(stream->fd(), events, deadline, cancel)) {
      case Waited::kReady: break;
      case Waited::kCancelled: return connecting_cancelled();
      case Waited::kTimeUp:
        return base::unavailable(
            "the broker accepts TCP connections but does not answer the TLS handshake");
    }
  }
  details = stream->details();
  return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace dapr_mqtt::transport
