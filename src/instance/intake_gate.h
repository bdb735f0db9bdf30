#pragma once

#include <cstdint>

namespace dapr_mqtt::instance {

/// Why an instance takes no messages in; it does only while there is no reason
/// not to. For one thread.
class IntakeGate {
 public:
  enum Reason : std::uint8_t {
    kInboxFull = 1,
    kDiskFails = 2,
    kDraining = 4,
  };

  /// True when this is what stops intake.
  bool shut(Reason reason) {
    const bool was_open = reasons_ == 0;
    reasons_ = static_cast<std::uint8_t>(reasons_ | reason);
    return was_open;
  }
  /// True when intake may go on from here.
  bool open(Reason reason) {
    const bool was_shut = reasons_ != 0;
    reasons_ = static_cast<std::uint8_t>(reasons_ & ~reason);
    return was_shut && reasons_ == 0;
  }

 private:
  std::uint8_t reasons_ = 0;
};

}  // namespace dapr_mqtt::instance
