#include "transport/handshake_io.h"

#include <poll.h>

#include "transport/wait.h"

namespace dapr_mqtt::transport {
namespace {

using base::Status;
using Outcome = IoResult::Outcome;

Status stopped(Waited waited) {
  return waited == Waited::kCancelled ? connecting_cancelled()
                                      : base::unavailable("it does not answer in time");
}

}  // namespace

Status HandshakeIo::send(std::string_view data) {
  while (!data.empty()) {
    const IoResult sent = stream_.write(data.data(), data.size());
    if (sent.outcome == Outcome::kFailed) return sent.status;
    if (sent.outcome == Outcome::kDone) {
      data.remove_prefix(sent.bytes);
      continue;
    }
    const Waited waited = wait_for(stream_.fd(), POLLOUT, deadline_, cancel_);
    if (waited != Waited::kReady) return stopped(waited);
  }
  return {};
}

Status HandshakeIo::receive_into(std::string& out, std::size_t size) {
  std::string buffer(size, '\0');
  while (size > 0) {
    const IoResult got = stream_.read(buffer.data(), size);
    switch (got.outcome) {
      case Outcome::kDone:
        out.append(buffer, 0, got.bytes);
        size -= got.bytes;
        break;
      case Outcome::kWouldBlock:
        if (const Waited waited = wait_for(stream_, deadline_, cancel_); waited != Waited::kReady)
          return stopped(waited);
        break;
      case Outcome::kClosed: return base::unavailable("it closed the connection without an answer");
      case Outcome::kFailed: return got.status;
    }
  }
  return {};
}

base::Result<std::string> HandshakeIo::receive(std::size_t size) {
  std::string out;
  Status status = receive_into(out, size);
  if (!status.ok()) return status;
  return out;
}

base::Result<std::string> HandshakeIo::receive_until(std::string_view end, std::size_t most) {
  std::string out;
  // One byte at a time, since the bytes after `end` must stay in the stream. A head has only some
  // hundred bytes.
  while (!out.ends_with(end)) {
    if (out.size() >= most) return base::unavailable("its answer is too long");
    if (Status status = receive_into(out, 1); !status.ok()) return status;
  }
  return out;
}

}  // namespace dapr_mqtt::transport
