// Records which receipts were given.
#pragma once

#include <memory>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/receipt.h"

namespace dapr_mqtt::testing {

/// Thread-safe.
class Receipts final : public core::Acknowledger {
 public:
  void acknowledge(std::uint64_t number) noexcept override {
    base::MutexLock lock(mutex_);
    given_.push_back(number);
  }
  void expect_more(std::uint64_t number, unsigned receipts) noexcept override {
    base::MutexLock lock(mutex_);
    for (unsigned i = 0; i < receipts; ++i) more_.push_back(number);
  }
  /// In the order in which they were given.
  std::vector<std::uint64_t> given() const {
    base::MutexLock lock(mutex_);
    return given_;
  }
  /// One entry for each additional time that a receipt must be given.
  std::vector<std::uint64_t> more() const {
    base::MutexLock lock(mutex_);
    return more_;
  }

 private:
  mutable base::Mutex mutex_;
  std::vector<std::uint64_t> given_ DM_GUARDED_BY(mutex_);
  std::vector<std::uint64_t> more_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::testing
