#pragma once

#include <atomic>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::transport {

/// Ends waits of other threads early. Thread-safe. Stays set until reset().
class Cancel {
 public:
  Cancel();
  void set();
  void reset();
  bool is_set() const { return set_.load(); }
  /// Readable while it is set: for poll().
  int fd() const { return event_.get(); }

 private:
  std::atomic<bool> set_{false};
  base::UniqueFd event_;  ///< an eventfd
};

}  // namespace dapr_mqtt::transport
