#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"

namespace dapr_mqtt::dapr {

/// Lets one warning through in ten seconds and says with the next how many were
/// held back: a peer that tries for ever must not fill the log. Not thread-safe.
class LogThrottle {
 public:
  void warn(const base::Log& log, base::TimePoint now, const std::string& text) {
    if (warned_ && now < next_) {
      ++held_back_;
      return;
    }
    log.warn(held_back_ == 0
                 ? text
                 : text + " (and " + std::to_string(held_back_) + " times since the last warning)");
    warned_ = true;
    held_back_ = 0;
    next_ = now + kInterval;
  }

 private:
  static constexpr std::chrono::seconds kInterval{10};
  bool warned_ = false;
  base::TimePoint next_{};
  std::uint64_t held_back_ = 0;
};

}  // namespace dapr_mqtt::dapr
