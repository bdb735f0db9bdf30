#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "dapr/completion_thread.h"

namespace dapr_mqtt::dapr {

/// A method of a service. gRPC hands a call over only when it has been asked for
/// one, so a method keeps some requests open; calls beyond them wait inside gRPC
/// until the next request.
class Method {
 public:
  /// `requests`: how many are open.
  explicit Method(std::size_t requests) : wanted_(requests) {}
  virtual ~Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

  /// Once, when the server has been started. `thread` outlives this.
  void open(CompletionThread& thread) {
    thread_ = &thread;
    ask_again();
  }

  /// A request came back, with a call or without one: makes the next. On the queue's
  /// thread, as all that follows.
  void came_back() {
    --open_;
    ask_again();
  }
  /// Brings the number of requests up again; without memory for that, later.
  void ask_again() {
    if (!thread_->asking()) return;
    try {
      for (; open_ < wanted_; ++open_) ask();
    } catch (const std::bad_alloc&) {
      thread_->log().error("no memory to wait for more calls");
    }
  }
  CompletionThread& thread() const { return *thread_; }

 private:
  /// Makes one request, which ends in came_back().
  virtual void ask() = 0;

  const std::size_t wanted_;
  std::size_t open_ = 0;
  CompletionThread* thread_ = nullptr;
};

/// All of a service's; one that is missing would leave its calls without an answer.
using Methods = std::vector<std::unique_ptr<Method>>;

}  // namespace dapr_mqtt::dapr
