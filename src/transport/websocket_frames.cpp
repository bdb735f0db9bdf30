#include "transport/websocket_frames.h"

#include <sys/random.h>

#include <algorithm>

namespace dapr_mqtt::transport {
namespace {

using Kind = FrameEvent::Kind;

FrameEvent malformed(const std::string& what) {
  FrameEvent event;
  event.kind = Kind::kMalformed;
  event.status = base::unavailable("the broker sent a malformed WebSocket frame: " + what);
  return event;
}

WslayContext make_context(const wslay_frame_callbacks& callbacks, void* self) {
  wslay_frame_context_ptr context = nullptr;
  return WslayContext(wslay_frame_context_init(&context, &callbacks, self) == 0 ? context
                                                                                : nullptr);
}

std::string_view view_of(const wslay_frame_iocb& piece) {
  return {reinterpret_cast<const char*>(piece.data), piece.data_length};
}

/// RFC 6455 section 7.4: the codes that a close frame may have.
bool is_close_code(std::uint16_t code) {
  constexpr std::uint16_t kReservedForEndpoints[] = {1004, 1005, 1006, 1015};
  return code >= 1000 && code < 5000 &&
         std::find(std::begin(kReservedForEndpoints), std::end(kReservedForEndpoints), code) ==
             std::end(kReservedForEndpoints);
}

}  // namespace

FrameReader::FrameReader() : context_(make_context({nullptr, take_input, nullptr}, this)) {}

ssize_t FrameReader::take_input(std::uint8_t* buffer, std::size_t size, int, void* self) {
  std::string_view& input = static_cast<FrameReader*>(self)->input_;
  const std::size_t taken = std::min(size, input.size());
  if (taken == 0) return -1;  // wslay: comes back with WSLAY_ERR_WANT_READ
  std::copy_n(input.data(), taken, reinterpret_cast<char*>(buffer));
  input.remove_prefix(taken);
  return static_cast<ssize_t>(taken);
}

FrameEvent FrameReader::next(std::string_view& input) {
  if (!context_) return malformed("no memory to read it");
  FrameEvent event;
  input_ = input;
  // Skips what is no event: empty frames and pongs.
  while (event.kind == Kind::kNeedsInput) {
    wslay_frame_iocb piece{};
    const ssize_t result = wslay_frame_recv(context_.get(), &piece);
    if (result == WSLAY_ERR_WANT_READ) {
      if (input_.empty()) break;
    } else if (result < 0) {
      event = malformed("a bad length, or a control frame that is fragmented or too long");
    } else {
      event = on_piece(piece);
    }
  }
  input = input_;
  input_ = {};
  return event;
}

FrameEvent FrameReader::on_piece(const wslay_frame_iocb& piece) {
  const bool control = wslay_is_ctrl_frame(piece.opcode) != 0;
  if (!in_frame_) {
    if (base::Status bad = check_start(piece); !bad.ok()) {
      FrameEvent event;
      event.kind = Kind::kMalformed;
      event.status = std::move(bad);
      return event;
    }
    payload_left_ = piece.payload_length;
    if (control) control_.clear();
    if (!control) in_message_ = piece.fin == 0;
  }
  payload_left_ -= piece.data_length;
  in_frame_ = payload_left_ > 0;
  if (control) return on_control(piece, !in_frame_);
  FrameEvent event;
  if (piece.data_length > 0) {
    event.kind = Kind::kData;
    event.data = view_of(piece);
  }
  return event;
}

base::Status FrameReader::check_start(const wslay_frame_iocb& piece) const {
  if (piece.rsv != 0) return malformed("reserved bits are set").status;
  if (piece.mask != 0) return malformed("a server must not mask its frames").status;
  switch (piece.opcode) {
    case WSLAY_CONTINUATION_FRAME:
      return in_message_ ? base::Status() : malformed("it continues no message").status;
    case WSLAY_BINARY_FRAME:
      return in_message_ ? malformed("a new message begins inside another").status : base::Status();
    case WSLAY_TEXT_FRAME:
      return base::unavailable(
          "the broker sent a WebSocket text frame, but MQTT allows binary frames only "
          "(MQTT-6.0.0-1)");
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG: return {};
    default: return malformed("opcode " + std::to_string(piece.opcode) + " is reserved").status;
  }
}

FrameEvent FrameReader::on_control(const wslay_frame_iocb& piece, bool complete) {
  control_ += view_of(piece);
  FrameEvent event;
  if (!complete || piece.opcode == WSLAY_PONG) return event;
  event.data = control_;
  if (piece.opcode == WSLAY_PING) {
    event.kind = Kind::kPing;
    return event;
  }
  event.kind = Kind::kClose;
  if (control_.empty()) return event;
  if (control_.size() == 1) return malformed("a close frame with half a code");
  event.code = static_cast<std::uint16_t>((static_cast<unsigned char>(control_[0]) << 8U) |
                                          static_cast<unsigned char>(control_[1]));
  event.data.remove_prefix(2);
  if (!is_close_code(event.code))
    return malformed("close code " + std::to_string(event.code) + " is not allowed");
  return event;
}

FrameWriter::FrameWriter() : context_(make_context({take_output, nullptr, make_mask}, this)) {}

ssize_t FrameWriter::take_output(const std::uint8_t* data, std::size_t size, int, void* self) {
  static_cast<FrameWriter*>(self)->out_->append(reinterpret_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

int FrameWriter::make_mask(std::uint8_t* buffer, std::size_t size, void* self) {
  auto& writer = *static_cast<FrameWriter*>(self);
  if (writer.random_used_ + size > writer.random_.size()) {
    // getrandom(2) returns requests of up to 256 bytes completely or not at all.
    if (::getrandom(writer.random_.data(), writer.random_.size(), 0) !=
        static_cast<ssize_t>(writer.random_.size())) {
      return -1;
    }
    writer.random_used_ = 0;
  }
  std::copy_n(writer.random_.begin() + static_cast<std::ptrdiff_t>(writer.random_used_), size,
              buffer);
  writer.random_used_ += size;
  return 0;
}

base::Status FrameWriter::append(wslay_opcode opcode, std::string_view payload, std::string& out) {
  if (!context_) return base::resource_exhausted("no memory for WebSocket frames");
  wslay_frame_iocb frame{};
  frame.fin = 1;
  frame.opcode = static_cast<std::uint8_t>(opcode);
  frame.mask = 1;
  frame.payload_length = payload.size();
  frame.data = reinterpret_cast<const std::uint8_t*>(payload.data());
  frame.data_length = payload.size();
  out_ = &out;
  const ssize_t sent = wslay_frame_send(context_.get(), &frame);
  out_ = nullptr;
  if (sent == static_cast<ssize_t>(payload.size())) return {};
  return base::internal_error("cannot make a WebSocket frame: the system has no random bytes");
}

base::Status FrameWriter::append_close(std::uint16_t code, std::string& out) {
  if (code == 0) return append(WSLAY_CONNECTION_CLOSE, {}, out);
  const char bytes[2] = {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
  return append(WSLAY_CONNECTION_CLOSE, {bytes, sizeof bytes}, out);
}

}  // namespace dapr_mqtt::transport
