// A ByteStream for which a test decides what it reads and how much it accepts.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "dapr_mqtt/transport/byte_stream.h"

namespace dapr_mqtt::testing {

/// The calls that happened, in order. Thread-safe.
class Calls {
 public:
  void add(std::string call) {
    base::MutexLock lock(mutex_);
    calls_.push_back(std::move(call));
  }
  std::vector<std::string> take() {
    base::MutexLock lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  base::Mutex mutex_;
  std::vector<std::string> calls_ DM_GUARDED_BY(mutex_);
};

/// The test's side of a ScriptedStream, which it outlives. Thread-safe.
class Script {
 public:
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  using Outcome = transport::IoResult::Outcome;

  explicit Script(Calls* calls = nullptr)
      : calls_(calls), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // What the broker does. Each piece is read by itself.
  void comes(std::string bytes) {
    base::MutexLock lock(mutex_);
    input_.push_back(std::move(bytes));
    set_readable();
  }
  void ends(Outcome outcome, std::string cause = {}) {
    base::MutexLock lock(mutex_);
    end_ = {outcome, 0, base::unavailable(std::move(cause))};
    set_readable();
  }
  /// As a TCP connection that the other side resets.
  void resets(std::string cause) {
    reset_ = true;
    ends(Outcome::kFailed, std::move(cause));
  }
  /// Accepts this many more bytes, until the next call of takes().
  void takes(std::size_t bytes) {
    base::MutexLock lock(mutex_);
    takes_ = bytes;
  }
  void write_fails(std::string cause) {
    base::MutexLock lock(mutex_);
    write_failure_ = base::unavailable(std::move(cause));
  }
  /// Like TLS: bytes are buffered that poll() does not report.
  void has_buffered_input(bool value) {
    base::MutexLock lock(mutex_);
    buffered_input_ = value;
  }
  /// Like TLS or WebSocket: something is buffered for sending, and flush() cannot send it.
  void has_output_inside(bool value) {
    base::MutexLock lock(mutex_);
    inside_ = value;
  }
  /// Likewise, but from the next write on.
  void keeps_next_write_inside() {
    base::MutexLock lock(mutex_);
    next_inside_ = true;
  }

  std::string take_output() {
    base::MutexLock lock(mutex_);
    return std::exchange(output_, {});
  }
  std::size_t flushes() const { return flushes_; }
  std::size_t reads() const { return reads_; }
  bool said_goodbye() const { return goodbye_; }
  bool destroyed() const { return destroyed_; }

 private:
  friend class ScriptedStream;

  void set_readable() DM_REQUIRES(mutex_) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t size = ::write(event_.get(), &one, sizeof one);
  }

  transport::IoResult read(char* buffer, std::size_t size) {
    base::MutexLock lock(mutex_);
    ++reads_;
    if (input_.empty()) {
      if (end_.outcome != Outcome::kWouldBlock) return end_;
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t n = ::read(event_.get(), &ignored, sizeof ignored);
      return {};
    }
    std::string& piece = input_.front();
    const std::size_t taken = std::min(size, piece.size());
    std::memcpy(buffer, piece.data(), taken);
    piece.erase(0, taken);
    if (piece.empty()) input_.pop_front();
    return {Outcome::kDone, taken, {}};
  }
  transport::IoResult write(const char* data, std::size_t size) {
    base::MutexLock lock(mutex_);
    if (!write_failure_.ok()) return {Outcome::kFailed, 0, write_failure_};
    const std::size_t taken = std::min(size, takes_);
    if (taken == 0) return {};
    if (takes_ != kAll) takes_ -= taken;
    output_.append(data, taken);
    if (std::exchange(next_inside_, false)) inside_ = true;
    if (calls_ != nullptr) calls_->add("write");
    return {Outcome::kDone, taken, {}};
  }
  transport::IoResult flush() {
    base::MutexLock lock(mutex_);
    ++flushes_;
    if (!write_failure_.ok()) return {Outcome::kFailed, 0, write_failure_};
    return {inside_ ? Outcome::kWouldBlock : Outcome::kDone, 0, {}};
  }
  bool buffered_input() {
    base::MutexLock lock(mutex_);
    return buffered_input_;
  }
  bool wants_write() {
    base::MutexLock lock(mutex_);
    return inside_;
  }

  Calls* const calls_;
  const base::UniqueFd event_;
  base::Mutex mutex_;
  std::deque<std::string> input_ DM_GUARDED_BY(mutex_);
  transport::IoResult end_ DM_GUARDED_BY(mutex_);
  std::size_t takes_ DM_GUARDED_BY(mutex_) = kAll;
  base::Status write_failure_ DM_GUARDED_BY(mutex_);
  bool buffered_input_ DM_GUARDED_BY(mutex_) = false;
  bool inside_ DM_GUARDED_BY(mutex_) = false;
  bool next_inside_ DM_GUARDED_BY(mutex_) = false;
  std::string output_ DM_GUARDED_BY(mutex_);
  std::atomic<std::size_t> flushes_{0};
  std::atomic<std::size_t> reads_{0};
  std::atomic<bool> reset_{false};
  std::atomic<bool> goodbye_{false};
  std::atomic<bool> destroyed_{false};
};

class ScriptedStream final : public transport::ByteStream {
 public:
  explicit ScriptedStream(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  ~ScriptedStream() override { script_->destroyed_ = true; }

  int fd() const override { return script_->event_.get(); }
  transport::IoResult read(char* buffer, std::size_t size) override {
    return script_->read(buffer, size);
  }
  bool has_buffered_input() const override { return script_->buffered_input(); }
  transport::IoResult write(const char* data, std::size_t size) override {
    return script_->write(data, size);
  }
  transport::IoResult flush() override { return script_->flush(); }
  bool wants_write() const override { return script_->wants_write(); }
  bool closed_by_peer() const override { return script_->reset_; }
  void shut_down() override { script_->goodbye_ = true; }

 private:
  const std::shared_ptr<Script> script_;
};

}  // namespace dapr_mqtt::testing
