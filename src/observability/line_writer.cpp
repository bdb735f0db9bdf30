#include "observability/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace dapr_mqtt::observability {
namespace {

using std::chrono::steady_clock;

/// While the reader does not read, the writer checks at this interval whether it must stop.
constexpr int kLookMs = 100;

}  // namespace

LineWriter::LineWriter(int fd, std::function<std::string(std::size_t)> missing)
    : fd_(fd), missing_(std::move(missing)), thread_([this] { run(); }) {}

LineWriter::~LineWriter() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    end_ = steady_clock::now() + kPatience;
    changed_.notify_all();
  }
  thread_.join();
}

void LineWriter::add(std::string line) {
  base::MutexLock lock(mutex_);
  if (bytes_ > 0 && bytes_ + line.size() > kMost) {
    ++dropped_;
    return;
  }
  bytes_ += line.size();
  lines_.push_back(std::move(line));
  changed_.notify_all();
}

void LineWriter::flush() {
  const auto deadline = steady_clock::now() + kPatience;
  base::MutexLock lock(mutex_);
  while (bytes_ > 0) {
    if (!changed_.wait_until(mutex_, deadline)) return;
  }
}

void LineWriter::run() {
  ::pthread_setname_np(::pthread_self(), "log-writer");
  for (;;) {
    std::string line;
    std::size_t dropped = 0;
    {
      base::MutexLock lock(mutex_);
      while (lines_.empty() && !stopping_) changed_.wait(mutex_);
      if (lines_.empty()) return;
      line = std::move(lines_.front());
      lines_.pop_front();
      // The report of dropped lines comes after the lines that were queued before them.
      if (lines_.empty()) dropped = std::exchange(dropped_, 0);
    }
    const std::size_t size = line.size();
    if (!write(line)) return;
    if (dropped > 0 && !write(missing_(dropped))) return;
    base::MutexLock lock(mutex_);
    bytes_ -= size;
    if (bytes_ == 0) changed_.notify_all();
  }
}

bool LineWriter::write(const std::string& line) {
  std::string_view rest = line;
  while (!rest.empty()) {
    if (!wait_writable()) return false;
    // A pipe that is writable takes PIPE_BUF bytes without blocking (pipe(7)).
    const ssize_t written = ::write(fd_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (written > 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || (errno != EAGAIN && errno != EINTR)) {
      return true;
    }
  }
  return true;
}

bool LineWriter::wait_writable() {
  for (;;) {
    pollfd writable{fd_, POLLOUT, 0};
    if (::poll(&writable, 1, kLookMs) != 0) return true;  // write() will see an error
    base::MutexLock lock(mutex_);
    if (stopping_ && steady_clock::now() >= end_) return false;
  }
}

}  // namespace dapr_mqtt::observability
