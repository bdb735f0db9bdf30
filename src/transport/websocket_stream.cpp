#include "transport/websocket_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::transport {
namespace {

using Outcome = IoResult::Outcome;

/// In one read(): a broker that sends only pings must not keep the caller inside.
constexpr int kMaxReadsBelow = 4;

IoResult would_block() { return {}; }

base::Status reason_of(const FrameEvent& close) {
  if (close.code == 0 || close.code == WSLAY_CODE_NORMAL_CLOSURE) return {};
  return base::unavailable("the broker closed the WebSocket with code " +
                           std::to_string(close.code) +
                           (close.data.empty() ? "" : ": " + base::quote(close.data)));
}

}  // namespace

WebSocketStream::WebSocketStream(std::unique_ptr<ByteStream> below, std::string received)
    : below_(std::move(below)), first_(std::move(received)), input_(first_) {}

IoResult WebSocketStream::read(char* buffer, std::size_t size) {
  if (size == 0) return read_end_.value_or(would_block());
  for (int i = 0; i <= kMaxReadsBelow; ++i) {
    if (IoResult decoded = decode(buffer, size); decoded.outcome != Outcome::kWouldBlock)
      return decoded;
    if (i == kMaxReadsBelow) break;
    if (buffer_.empty()) {
      first_ = {};
      buffer_.resize(kReadSize);
    }
    IoResult got = below_->read(buffer_.data(), buffer_.size());
    if (got.outcome == Outcome::kWouldBlock) return got;
    if (got.outcome != Outcome::kDone) {
      read_end_ = std::move(got);
      return *read_end_;
    }
    input_ = {buffer_.data(), got.bytes};
  }
  return would_block();
}

IoResult WebSocketStream::decode(char* buffer, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    if (!data_.empty()) {
      const std::size_t taken = std::min(size - done, data_.size());
      std::memcpy(buffer + done, data_.data(), taken);
      data_.remove_prefix(taken);
      done += taken;
      continue;
    }
    // The caller gets what was decoded before the end first.
    if (read_end_) return done > 0 ? IoResult{Outcome::kDone, done, {}} : *read_end_;
    FrameEvent event = reader_.next(input_);
    reader_may_have_more_ = event.kind != FrameEvent::Kind::kNeedsInput;
    switch (event.kind) {
      case FrameEvent::Kind::kNeedsInput:
        return done > 0 ? IoResult{Outcome::kDone, done, {}} : would_block();
      case FrameEvent::Kind::kData: data_ = event.data; break;
      case FrameEvent::Kind::kPing: on_ping(event.data); break;
      case FrameEvent::Kind::kClose:
        end({Outcome::kClosed, 0, reason_of(event)}, event.code);
        break;
      case FrameEvent::Kind::kMalformed:
        end({Outcome::kFailed, 0, std::move(event.status)}, WSLAY_CODE_PROTOCOL_ERROR);
        break;
    }
  }
  return {Outcome::kDone, done, {}};
}

void WebSocketStream::on_ping(std::string_view payload) {
  if (close_sent_) return;
  pong_ = payload;
  (void)flush();  // a failure is reported again by the caller's next write
}

void WebSocketStream::end(IoResult result, std::uint16_t answer) {
  read_end_ = std::move(result);
  send_close(answer);
}

void WebSocketStream::send_close(std::uint16_t code) {
  if (std::exchange(close_sent_, true)) return;
  pong_.reset();
  if (writer_.append_close(code, out_).ok()) (void)flush();
}

bool WebSocketStream::has_buffered_input() const {
  return !data_.empty() ||
         (!read_end_ && (!input_.empty() || reader_may_have_more_ || below_->has_buffered_input()));
}

IoResult WebSocketStream::write(const char* data, std::size_t size) {
  if (IoResult left = flush(); left.outcome != Outcome::kDone) return left;
  if (close_sent_) {
    return {Outcome::kFailed, 0,
            base::unavailable("the connection broke: the WebSocket is closed")};
  }
  if (size == 0) return would_block();
  size = std::min(size, FrameWriter::kMaxPayload);
  if (base::Status status = writer_.append(WSLAY_BINARY_FRAME, {data, size}, out_); !status.ok()) {
    write_end_ = IoResult{Outcome::kFailed, 0, std::move(status)};
    return *write_end_;
  }
  if (IoResult sent = flush(); sent.outcome == Outcome::kFailed) return sent;
  return {Outcome::kDone, size, {}};
}

IoResult WebSocketStream::flush() {
  if (write_end_) return *write_end_;
  for (;;) {
    while (out_sent_ < out_.size()) {
      IoResult sent = below_->write(out_.data() + out_sent_, out_.size() - out_sent_);
      if (sent.outcome == Outcome::kWouldBlock) return sent;
      if (sent.outcome != Outcome::kDone) {
        write_end_ = std::move(sent);
        return *write_end_;
      }
      out_sent_ += sent.bytes;
    }
    out_.clear();
    out_sent_ = 0;
    if (!pong_) return below_->flush();
    if (base::Status status = writer_.append(WSLAY_PONG, *std::exchange(pong_, {}), out_);
        !status.ok()) {
      write_end_ = IoResult{Outcome::kFailed, 0, std::move(status)};
      return *write_end_;
    }
  }
}

bool WebSocketStream::wants_write() const {
  return !write_end_ && (out_sent_ < out_.size() || pong_ || below_->wants_write());
}

bool WebSocketStream::closed_by_peer() const {
  return below_->closed_by_peer() || (read_end_ && read_end_->outcome == Outcome::kClosed);
}

void WebSocketStream::shut_down() {
  send_close(WSLAY_CODE_NORMAL_CLOSURE);
  below_->shut_down();
}

}  // namespace dapr_mqtt::transport
