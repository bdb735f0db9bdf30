#include "transport/websocket_connect.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "transport/wait.h"
#include "transport/websocket_handshake.h"
#include "transport/websocket_stream.h"

namespace dapr_mqtt::transport {
namespace {

using base::Status;
using Outcome = IoResult::Outcome;

Status no_upgrade(Waited waited) {
  if (waited == Waited::kCancelled) return connecting_cancelled();
  return base::unavailable(
      "timed out: the broker accepts connections but does not answer the WebSocket upgrade");
}

/// UNAUTHENTICATED comes from TLS (a client certificate that the broker rejects in TLS 1.3) and is
/// returned as it is; anything else is reported as a failed upgrade.
Status broken(const Status& cause) {
  return cause.kind() == base::ErrorKind::kUnauthenticated ? cause
                                                           : upgrade_failed(cause.message());
}

Status send(ByteStream& stream, std::string_view data, base::TimePoint deadline,
            const Cancel& cancel) {
  for (;;) {
    IoResult sent = data.empty() ? stream.flush() : stream.write(data.data(), data.size());
    if (sent.outcome == Outcome::kFailed) return broken(sent.status);
    if (sent.outcome == Outcome::kDone) {
      if (data.empty()) return {};
      data.remove_prefix(sent.bytes);
      continue;
    }
    const Waited waited = wait_for(stream.fd(), POLLOUT, deadline, cancel);
    if (waited != Waited::kReady) return no_upgrade(waited);
  }
}

Status receive(ByteStream& stream, UpgradeResponse& response, base::TimePoint deadline,
               const Cancel& cancel) {
  std::array<char, 4096> buffer{};
  for (;;) {
    IoResult got = stream.read(buffer.data(), buffer.size());
    switch (got.outcome) {
      case Outcome::kDone:
        if (response.feed({buffer.data(), got.bytes})) return response.status();
        break;
      case Outcome::kWouldBlock: {
        const Waited waited = wait_for(stream, deadline, cancel);
        if (waited != Waited::kReady) return no_upgrade(waited);
        if (stream.wants_write()) (void)stream.flush();  // read() reports what fails here
        break;
      }
      case Outcome::kClosed:
        return upgrade_failed(
            "the server closed the connection without an answer: check port and path in url");
      case Outcome::kFailed: return broken(got.status);
    }
  }
}

}  // namespace

base::Result<std::unique_ptr<ByteStream>> connect_websocket(std::unique_ptr<ByteStream> below,
                                                            const core::Endpoint& endpoint,
                                                            const core::WebSocketOptions& options,
                                                            base::TimePoint deadline,
                                                            const Cancel& cancel) {
  auto key = make_websocket_key();
  if (!key.ok()) return key.status();
  const auto request = upgrade_request(endpoint, key.value(), options);
  if (!request.ok()) return request.status();
  UpgradeResponse response(std::move(key).value(), options.subprotocol);
  Status status = send(*below, request.value(), deadline, cancel);
  if (status.ok()) status = receive(*below, response, deadline, cancel);
  if (!status.ok()) return status;
  return std::unique_ptr<ByteStream>(
      std::make_unique<WebSocketStream>(std::move(below), response.take_rest()));
}

}  // namespace dapr_mqtt::transport
