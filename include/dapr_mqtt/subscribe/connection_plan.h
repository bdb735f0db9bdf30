#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::subscribe {

/// Which filter is subscribed on which MQTT connection, so that no two filters
/// on one connection overlap: with MQTT 3.1.1 nothing in a received message
/// says which subscription it came by, and brokers may send one copy a client
/// or one a subscription (MQTT 3.1.1 section 3.3.5, non-normative).
/// Filters go to the first connection that is free of overlap, so most
/// instances use one. Not thread-safe.
class ConnectionPlan {
 public:
  /// The filter has its place already: an earlier process subscribed it there.
  void place(std::size_t connection, const core::TopicFilter& filter);
  /// The connection's index; the same when the filter is assigned already.
  std::size_t assign(const core::TopicFilter& filter);
  void remove(const core::TopicFilter& filter);
  std::optional<std::size_t> find(const core::TopicFilter& filter) const;

  /// How many connections have ever been used.
  std::size_t connections() const { return filters_.size(); }
  const std::vector<core::TopicFilter>& filters(std::size_t connection) const {
    return filters_[connection];
  }

 private:
  std::vector<std::vector<core::TopicFilter>> filters_;  // by connection
};

}  // namespace dapr_mqtt::subscribe
