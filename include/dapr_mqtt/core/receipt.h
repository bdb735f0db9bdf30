// How the owner of a received message says that the broker may forget it.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace dapr_mqtt::core {

/// Takes receipts. Implemented by packets/ack_ledger. Thread-safe; no call blocks or throws.
class Acknowledger {
 public:
  virtual ~Acknowledger() = default;
  /// One receipt of this number is given. Unknown numbers are ignored: their connection has ended.
  virtual void acknowledge(std::uint64_t number) noexcept = 0;
  /// This number needs this many more receipts before the broker gets its acknowledgement.
  virtual void expect_more(std::uint64_t number, unsigned receipts) noexcept = 0;
};

/// Belongs to a message of QoS 1 or 2 that the broker still has. The code that stores the message
/// on disk, or is done with it (handled, given up, dropped for good), gives the receipt, once.
/// Until then the broker gets no acknowledgement and keeps the message. If a receipt is never
/// given, for example because the process ends, the broker sends the message again.
struct Receipt {
  std::shared_ptr<Acknowledger> to;  ///< null: no acknowledgement depends on it
  std::uint64_t number = 0;

  explicit operator bool() const { return to != nullptr; }
  void give() const {
    if (to) to->acknowledge(number);
  }
  /// For copies of the message: the receipt must be given `copies` times (at least 1) instead of
  /// once. Call it before the first one is given.
  void split(unsigned copies) const {
    if (to && copies > 1) to->expect_more(number, copies - 1);
  }
};

}  // namespace dapr_mqtt::core
