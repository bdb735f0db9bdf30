// An open connection to a broker over any transport. It reads and writes the plain bytes of MQTT.
#pragma once

#include <cstddef>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::transport {

/// What a read or a write did.
struct IoResult {
  enum class Outcome {
    kDone,        ///< `bytes` were read or written, at least one
    kWouldBlock,  ///< nothing now: poll
    kClosed,      ///< the other side has closed the stream normally (reads only)
    kFailed,      ///< broken for good; `status` says why
  };
  Outcome outcome = Outcome::kWouldBlock;
  std::size_t bytes = 0;
  /// With kFailed: the cause, for users. With kClosed: the reason that the other side gave, if
  /// it gave one (a WebSocket close frame with a code other than 1000).
  base::Status status;
};

/// TCP, TLS over TCP, or WebSocket over either of them. Never blocks.
///
/// Thread safety: only one call at a time, of any method. Memory: at most about 64 KiB in each
/// direction, whatever the other side sends.
class ByteStream {
 public:
  /// Closes the connection without a closing handshake.
  virtual ~ByteStream() = default;

  /// For poll(): always poll for reading, and for writing while wants_write().
  virtual int fd() const = 0;

  /// Reads up to `size` bytes.
  virtual IoResult read(char* buffer, std::size_t size) = 0;
  /// True: read() may have bytes although poll() reports none (a TLS record or a WebSocket
  /// frame that has been read in part).
  virtual bool has_buffered_input() const = 0;

  /// Accepts up to `size` bytes for sending; kDone says how many. They may stay buffered in the
  /// stream (TLS, WebSocket): then wants_write() is true until flush() has sent them. After
  /// kWouldBlock nothing was accepted: poll for POLLOUT; the next call may have other bytes. After
  /// kFailed read() may still return what the other side sent before it closed.
  virtual IoResult write(const char* data, std::size_t size) = 0;
  /// Sends what is buffered. kDone with 0 bytes: nothing is left.
  virtual IoResult flush() = 0;
  /// True when the caller should poll for POLLOUT: something buffered must be sent (data, a
  /// WebSocket pong, a TLS handshake message).
  virtual bool wants_write() const = 0;

  /// Whether a read or a write has found that the other side closed or reset the stream. False
  /// where the network failed (no route, no answer).
  virtual bool closed_by_peer() const { return false; }

  /// Closes normally, as far as possible without waiting (TLS close_notify, WebSocket close frame,
  /// FIN). Only the destructor may be called after it.
  virtual void shut_down() = 0;
};

}  // namespace dapr_mqtt::transport
