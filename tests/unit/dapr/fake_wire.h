// A fake of gRPC's side of a pull stream, with locks that the thread sanitizer sees: gRPC's own
// locks are in a library that it does not know.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dapr/pull_stream.h"
#include "dapr_mqtt/base/worker.h"

namespace dapr_mqtt::testing {

/// Completes one operation at a time, as the completion queue does, and ends the stream (on_done)
/// when it has been finished and all operations have completed.
class FakeWire final : public dapr::PullWire {
 public:
  using Request = dapr::wire::PullMessagesRequest;
  using Response = dapr::wire::PullMessagesResponse;

  /// Answers on its own thread.
  FakeWire() : own_(std::make_unique<base::Worker>("fake-queue")), queue_(*own_) {}
  /// Answers in tasks of `queue`, which outlives it.
  explicit FakeWire(base::Executor& queue) : queue_(queue) {}
  ~FakeWire() override {
    if (own_) own_->stop();
  }

  /// The peer sends a request, or (none) the end of its requests.
  void feed(std::optional<Request> request) {
    std::lock_guard lock(mutex_);
    incoming_.push_back(std::move(request));
    answer_read();
  }
  /// The peer is gone: open operations fail.
  void cancel() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    answer_read();
  }
  bool done() {
    std::lock_guard lock(mutex_);
    return done_;
  }
  bool wait_done() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return done_; });
  }
  grpc::Status status() {
    std::lock_guard lock(mutex_);
    return status_;
  }
  std::vector<std::string> written() {
    std::lock_guard lock(mutex_);
    return written_;
  }
  std::vector<Response> responses() {
    std::lock_guard lock(mutex_);
    return responses_;
  }
  /// For each write, whether another one was announced.
  std::vector<bool> announced() {
    std::lock_guard lock(mutex_);
    return announced_;
  }
  /// Answers nothing until the result is destroyed.
  std::shared_ptr<void> hold_answers() {
    auto held = std::make_shared<std::promise<void>>();
    queue_.post(
        [until = std::make_shared<std::future<void>>(held->get_future())] { until->wait(); });
    return std::shared_ptr<void>(nullptr, [held](void*) { held->set_value(); });
  }
  int mistakes() {
    std::lock_guard lock(mutex_);
    return mistakes_;
  }

  void attach(dapr::StreamHandler& handler) override { handler_ = &handler; }
  void read(Request* message) override {
    std::lock_guard lock(mutex_);
    if (read_ != nullptr) ++mistakes_;
    read_ = message;
    ++open_;
    answer_read();
  }
  void write(const Response& message, bool more) override {
    std::lock_guard lock(mutex_);
    if (writing_ || finished_) ++mistakes_;
    writing_ = true;
    announced_.push_back(more);
    ++open_;
    const bool ok = !cancelled_;
    if (ok) {
      written_.push_back(message.id());
      responses_.push_back(message);
    }
    queue_.post([this, ok, more, writes = announced_.size()] {
      {
        std::lock_guard relock(mutex_);
        writing_ = false;
      }
      handler_->on_written(ok);
      {
        // A write that is held back for the next one must not wait for ever.
        std::lock_guard relock(mutex_);
        if (more && ok && !finished_ && announced_.size() == writes) ++mistakes_;
      }
      answered();
    });
  }
  void finish(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    if (finished_ || writing_) ++mistakes_;
    finished_ = true;
    status_ = status;
    ++open_;
    answer_read();
    queue_.post([this] { answered(); });
  }

 private:
  /// Answers the open read, if there is an answer. Called with the lock held.
  void answer_read() {
    if (read_ == nullptr) return;
    bool ok = false;
    if (!incoming_.empty()) {
      ok = incoming_.front().has_value();
      if (ok) {
        *read_ = *std::move(incoming_.front());
        incoming_.pop_front();
      }
    } else if (!cancelled_ && !finished_) {
      return;
    }
    read_ = nullptr;
    queue_.post([this, ok] {
      handler_->on_read(ok);
      answered();
    });
  }
  void answered() {
    {
      std::lock_guard lock(mutex_);
      if (--open_ > 0 || !finished_) return;
    }
    handler_->on_done();
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  dapr::StreamHandler* handler_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::optional<Request>> incoming_;
  Request* read_ = nullptr;
  std::vector<std::string> written_;
  std::vector<Response> responses_;
  std::vector<bool> announced_;
  grpc::Status status_;
  int open_ = 0;
  int mistakes_ = 0;
  bool writing_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
  bool done_ = false;
  const std::unique_ptr<base::Worker> own_;
  base::Executor& queue_;
};

}  // namespace dapr_mqtt::testing
