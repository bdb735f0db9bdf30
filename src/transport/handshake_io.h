// Blocking reads and writes of a client during a handshake (proxy).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "dapr_mqtt/transport/cancel.h"

namespace dapr_mqtt::transport {

/// Blocks its caller until `deadline` at the most. Errors: UNAVAILABLE, whose text says what went
/// wrong ("it does not answer in time") and to which the caller adds the peer; CANCELLED.
class HandshakeIo {
 public:
  HandshakeIo(ByteStream& stream, base::TimePoint deadline, const Cancel& cancel)
      : stream_(stream), deadline_(deadline), cancel_(cancel) {}

  base::Status send(std::string_view data);
  /// Reads exactly `size` bytes.
  base::Result<std::string> receive(std::size_t size);
  /// Reads up to and including `end`, at most `most` bytes. Bytes after `end` are not read.
  base::Result<std::string> receive_until(std::string_view end, std::size_t most);

 private:
  base::Status receive_into(std::string& out, std::size_t size);

  ByteStream& stream_;
  const base::TimePoint deadline_;
  const Cancel& cancel_;
};

}  // namespace dapr_mqtt::transport
