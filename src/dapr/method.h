#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "dapr/completion_thread.h"

namespace dapr_mqtt::dapr {

/// A method of a service. gRPC hands a call over only when it has been asked for
/// one, so a method keeps some requests open; calls beyond them wait inside gRPC
/// until the next request.
class Method {
 public:
  explicit Method(std::size_t slots) : slots_(slots) {}
  virtual ~Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

  /// Once, when the server has been started. `thread` outlives this.
  void open(CompletionThread& thread) {
    thread_ = &thread;
    ask_again();
  }

  /// A request came back: with a call, or (false) without one, because the server has
  /// shut down or the call was cancelled while it waited. On the queue's thread, as all
  /// that follows.
  void taken() {
    --open_;
    ask_again();
  }
  /// Brings the number of requests up again; without memory for that, later.
  void ask_again() {
    if (!thread_->asking()) return;
    try {
      for (; open_ < slots_; ++open_) ask(*thread_);
    } catch (const std::bad_alloc&) {
      thread_->log().error("no memory to wait for more calls");
    }
  }
  CompletionThread& thread() const { return *thread_; }

 private:
  virtual void ask(CompletionThread& thread) = 0;

  const std::size_t slots_;
  std::size_t open_ = 0;
  CompletionThread* thread_ = nullptr;
};

/// All of a service's; one that is missing would leave its calls without an answer.
using Methods = std::vector<std::unique_ptr<Method>>;

}  // namespace dapr_mqtt::dapr
