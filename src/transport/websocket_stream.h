#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/transport/byte_stream.h"
#include "transport/websocket_frames.h"

namespace dapr_mqtt::transport {

/// The client's side of an open WebSocket over another stream: MQTT in binary frames. Frame
/// boundaries have no meaning (MQTT-6.0.0-2). Memory: one frame out, kReadSize in.
class WebSocketStream final : public ByteStream {
 public:
  static constexpr std::size_t kReadSize = 16 * 1024;

  /// `received`: what was read after the head of the server's answer.
  WebSocketStream(std::unique_ptr<ByteStream> below, std::string received);

  int fd() const override { return below_->fd(); }
  IoResult read(char* buffer, std::size_t size) override;
  bool has_buffered_input() const override;
  IoResult write(const char* data, std::size_t size) override;
  IoResult flush() override;
  bool wants_write() const override;
  bool closed_by_peer() const override;
  void shut_down() override;

 private:
  /// Moves decoded bytes to `buffer`: kDone, kWouldBlock (more input is needed), or the end.
  IoResult decode(char* buffer, std::size_t size);
  void on_ping(std::string_view payload);
  /// Ends reading with `result`, and sends a close frame with the code `answer` (0: none).
  void end(IoResult result, std::uint16_t answer);
  void send_close(std::uint16_t code);

  const std::unique_ptr<ByteStream> below_;
  FrameReader reader_;
  FrameWriter writer_;

  std::string first_;                  ///< the constructor's `received`
  std::vector<char> buffer_;           ///< bytes read from below_
  std::string_view input_;             ///< not decoded yet, in first_ or buffer_
  std::string_view data_;              ///< decoded, not returned yet
  bool reader_may_have_more_ = false;  ///< reader_ may have an event without more input
  std::optional<IoResult> read_end_;

  std::string out_;           ///< whole frames to send
  std::size_t out_sent_ = 0;  ///< how many bytes of out_ are sent
  /// The answer to the last ping only (RFC 6455 section 5.5.3), so that many pings cost no memory.
  std::optional<std::string> pong_;
  bool close_sent_ = false;
  std::optional<IoResult> write_end_;
};

}  // namespace dapr_mqtt::transport
