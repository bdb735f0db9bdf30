#pragma once

#include <cstdint>

namespace dapr_mqtt::instance {

/// The reasons why an instance takes no messages in; it takes them while there is
/// no reason. For one thread.
class IntakeGate {
 public:
  enum Reason : std::uint8_t {
    kInboxFull = 1,
    kDraining = 2,
  };

  /// Adds a reason. True when intake was open before, and so must stop now.
  bool shut(Reason reason) {
    const bool was_open = reasons_ == 0;
    reasons_ = static_cast<std::uint8_t>(reasons_ | reason);
    return was_open;
  }
  /// Removes a reason. True when it was the last one, and intake must go on now.
  bool open(Reason reason) {
    const bool was_shut = reasons_ != 0;
    reasons_ = static_cast<std::uint8_t>(reasons_ & ~reason);
    return was_shut && reasons_ == 0;
  }

 private:
  std::uint8_t reasons_ = 0;
};

}  // namespace dapr_mqtt::instance
