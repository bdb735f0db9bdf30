// A stream in memory, for tests of the layers above it.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "dapr_mqtt/transport/byte_stream.h"

namespace dapr_mqtt::testing {

/// The test's side of the stream.
struct Wire {
  std::string to_read;            ///< what the other side sends
  std::size_t piece = SIZE_MAX;   ///< at most this many bytes for each read
  bool ended = false;             ///< the stream ends after to_read
  base::Status broken;            ///< an error after to_read, instead
  std::string written;            ///< what the stream sends
  std::size_t window = SIZE_MAX;  ///< how many bytes can still be written
  bool shut_down = false;
};

class WireStream final : public transport::ByteStream {
 public:
  using Outcome = transport::IoResult::Outcome;

  explicit WireStream(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}

  int fd() const override { return -1; }
  transport::IoResult read(char* buffer, std::size_t size) override {
    const std::size_t got = std::min({size, wire_->piece, wire_->to_read.size() - read_});
    if (got == 0) {
      if (!wire_->broken.ok()) return {Outcome::kFailed, 0, wire_->broken};
      return {wire_->ended ? Outcome::kClosed : Outcome::kWouldBlock, 0, {}};
    }
    std::memcpy(buffer, wire_->to_read.data() + read_, got);
    read_ += got;
    return {Outcome::kDone, got, {}};
  }
  bool has_buffered_input() const override { return false; }
  transport::IoResult write(const char* data, std::size_t size) override {
    size = std::min(size, wire_->window);
    if (size == 0) return {};
    wire_->window -= size;
    wire_->written.append(data, size);
    return {Outcome::kDone, size, {}};
  }
  transport::IoResult flush() override { return {Outcome::kDone, 0, {}}; }
  bool wants_write() const override { return false; }
  void shut_down() override { wire_->shut_down = true; }

 private:
  const std::shared_ptr<Wire> wire_;
  std::size_t read_ = 0;
};

/// The result of reading until nothing is left: the bytes, and how the stream ended.
struct ReadAll {
  std::string bytes;
  transport::IoResult last;
};
inline ReadAll read_all(transport::ByteStream& stream, std::size_t buffer_size = 4096) {
  ReadAll out;
  std::string buffer(buffer_size, '\0');
  // A read may return nothing now and then, but not for ever.
  for (int idle = 0; idle < 1000;) {
    out.last = stream.read(buffer.data(), buffer.size());
    if (out.last.outcome == transport::IoResult::Outcome::kDone) {
      out.bytes.append(buffer, 0, out.last.bytes);
      idle = 0;
    } else if (out.last.outcome == transport::IoResult::Outcome::kWouldBlock) {
      ++idle;
    } else {
      break;
    }
  }
  return out;
}

}  // namespace dapr_mqtt::testing
