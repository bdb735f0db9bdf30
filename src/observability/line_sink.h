#pragma once

#include <poll.h>
#include <unistd.h>

#include <spdlog/sinks/base_sink.h>

#include <cerrno>
#include <mutex>
#include <string_view>

namespace dapr_mqtt::observability {

/// Writes each line to a descriptor with one write, so that lines of several
/// processes on one pipe stay whole, and drops what cannot be written: a
/// component whose log has gone must go on.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    std::string_view rest(line.data(), line.size());
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written > 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        constexpr int kPatienceMs = 1000;
        pollfd writable{fd_, POLLOUT, 0};
        if (::poll(&writable, 1, kPatienceMs) == 0) return;
      } else if (errno != EINTR) {
        return;
      }
    }
  }
  void flush_() override {}  // nothing is held back

  const int fd_;
};

}  // namespace dapr_mqtt::observability
