#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "dapr/completion_thread.h"

namespace dapr_mqtt::dapr {

/// A method of a service. gRPC hands a call over only when a call was requested (RequestCall), so a
/// method keeps some requests open. Calls beyond that number wait inside gRPC for the next request.
class Method {
 public:
  /// `requests`: how many are kept open.
  explicit Method(std::size_t requests) : wanted_(requests) {}
  virtual ~Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;

  /// Called once, when the server has been started. `thread` outlives this.
  void open(CompletionThread& thread) {
    thread_ = &thread;
    request_more();
  }

  /// A request has completed, with a call or without one: makes the next request. Called on the
  /// queue's thread, like the functions below.
  void request_completed() {
    --open_;
    request_more();
  }
  /// Makes requests until there are enough again. If memory is short, the next call does it.
  void request_more() {
    if (!thread_->requesting()) return;
    try {
      for (; open_ < wanted_; ++open_) request_one();
    } catch (const std::bad_alloc&) {
      thread_->log().error("no memory to wait for more calls");
    }
  }
  CompletionThread& thread() const { return *thread_; }

 private:
  /// Makes one request; request_completed() is called when it completes.
  virtual void request_one() = 0;

  const std::size_t wanted_;
  std::size_t open_ = 0;
  CompletionThread* thread_ = nullptr;
};

/// All methods of a service; the calls of a method that is missing here would get no answer.
using Methods = std::vector<std::unique_ptr<Method>>;

}  // namespace dapr_mqtt::dapr
