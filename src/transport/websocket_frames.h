// The client's side of WebSocket frames (RFC 6455 section 5), without I/O.
#pragma once

#include <wslay/wslay.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::transport {

struct WslayDeleter {
  void operator()(wslay_frame_context_ptr context) const { wslay_frame_context_free(context); }
};
using WslayContext = std::unique_ptr<wslay_frame_context, WslayDeleter>;

/// The next event in the received bytes.
struct FrameEvent {
  enum class Kind {
    kNeedsInput,  ///< all of the input is used up
    kData,        ///< `data`: the next payload bytes of a binary message
    kPing,        ///< `data`: to be sent back
    kClose,       ///< `code` (0: none) and `data`, the reason
    kMalformed,   ///< `status`; nothing can come after it
  };
  Kind kind = Kind::kNeedsInput;
  std::string_view data;  ///< valid until the next call
  std::uint16_t code = 0;
  base::Status status;
};

/// Keeps no frame and no message: data comes in pieces of at most 4 KiB.
class FrameReader {
 public:
  FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  /// Removes what it reads from the front of `input`. It may read more than the returned event
  /// covers.
  FrameEvent next(std::string_view& input);

 private:
  static ssize_t take_input(std::uint8_t* buffer, std::size_t size, int flags, void* self);
  FrameEvent on_piece(const wslay_frame_iocb& piece);
  base::Status check_start(const wslay_frame_iocb& piece) const;
  FrameEvent on_control(const wslay_frame_iocb& piece, bool complete);

  WslayContext context_;
  std::string_view input_;
  bool in_frame_ = false;           ///< some of its payload has come
  bool in_message_ = false;         ///< a binary frame without FIN has come
  std::uint64_t payload_left_ = 0;  ///< of the frame
  std::string control_;             ///< a control frame's payload, at most 125 bytes
};

/// Makes masked frames.
class FrameWriter {
 public:
  /// Of one frame. Together with TLS's buffers about 64 KiB.
  static constexpr std::size_t kMaxPayload = 32 * 1024;

  FrameWriter();
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  /// Appends one whole frame to `out`. INTERNAL when the system has no random bytes.
  base::Status append(wslay_opcode opcode, std::string_view payload, std::string& out);
  /// Appends a close frame; code 0: a frame without a code.
  base::Status append_close(std::uint16_t code, std::string& out);

 private:
  static ssize_t take_output(const std::uint8_t* data, std::size_t size, int flags, void* self);
  static int make_mask(std::uint8_t* buffer, std::size_t size, void* self);

  WslayContext context_;
  std::string* out_ = nullptr;
  std::array<std::uint8_t, 256> random_{};  ///< each byte is used once
  std::size_t random_used_ = 256;
};

}  // namespace dapr_mqtt::transport
