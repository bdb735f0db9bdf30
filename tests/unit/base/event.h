// An event that one thread reports to another.
#pragma once

#include <chrono>
#include <future>
#include <memory>

namespace dapr_mqtt::base {

/// Happens once. May be destroyed as soon as it has happened.
class Event {
 public:
  void set() {
    const auto promise = promise_;
    promise->set_value();
  }
  bool happens() const {
    return future_.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  }
  void wait() const { future_.wait(); }

 private:
  const std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
  const std::shared_future<void> future_ = promise_->get_future().share();
};

}  // namespace dapr_mqtt::base
