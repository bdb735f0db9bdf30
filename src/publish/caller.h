#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::publish {

/// The caller that waits for the answer to a publish. It is answered once, by what comes first: the
/// broker's answer or the deadline. Thread-safe.
class Caller {
 public:
  using Done = std::function<void(base::Status)>;

  Caller(Done done, std::size_t bytes, base::TimePoint requested)
      : done_(std::move(done)), bytes_(bytes), requested_(requested) {}

  bool answered() const { return answered_.load(std::memory_order_acquire); }
  /// True for the first call only; who gets true has to call done().
  bool claim() { return !answered_.exchange(true, std::memory_order_acq_rel); }
  void done(base::Status status) { std::exchange(done_, nullptr)(std::move(status)); }

  std::size_t bytes() const { return bytes_; }  ///< of the payload, as Publisher counts it
  base::TimePoint requested() const { return requested_; }

 private:
  Done done_;
  const std::size_t bytes_;
  const base::TimePoint requested_;
  std::atomic<bool> answered_{false};
};

}  // namespace dapr_mqtt::publish
