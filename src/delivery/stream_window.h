#pragma once

#include <cstddef>

#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::delivery {

/// Counts the unacknowledged messages of a stream and compares them with its limits.
class StreamWindow {
 public:
  explicit StreamWindow(const WindowLimits& limits) : limits_(limits) {}

  /// Whether the stream may be handed another message, whatever its size. An empty window always
  /// has room, even with limits of 0.
  bool has_room() const {
    return held_.messages == 0 ||
           (held_.messages < limits_.messages && held_.bytes < limits_.bytes);
  }
  void add(std::size_t bytes);
  void remove(std::size_t bytes);
  const core::InboxUsage& held() const { return held_; }

 private:
  const WindowLimits limits_;
  core::InboxUsage held_;
};

}  // namespace dapr_mqtt::delivery
