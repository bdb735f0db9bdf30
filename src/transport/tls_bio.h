#pragma once

#include <cstddef>
#include <memory>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/transport/byte_stream.h"
#include "transport/openssl_handles.h"

namespace dapr_mqtt::transport {

/// The stream that OpenSSL reads from and writes to. It keeps the cause of a failure (OpenSSL's own
/// BIO for sockets keeps errno only, and raises SIGPIPE).
struct StreamBelow {
  explicit StreamBelow(ByteStream& below) : stream(below) {}

  ByteStream& stream;
  bool ended = false;         ///< the other side closed it
  base::Status read_failure;  ///< OK: none
  base::Status write_failure;

  // Bytes read ahead. A broker sends many small records, and OpenSSL would need two reads for each:
  // one for its header, one for the rest.
  std::unique_ptr<char[]> ahead;
  std::size_t ahead_begin = 0;
  std::size_t ahead_end = 0;
  bool has_ahead() const { return ahead_begin < ahead_end; }
};

/// `below` must outlive the result. Null when OpenSSL fails.
Bio make_bio(StreamBelow& below);

}  // namespace dapr_mqtt::transport
