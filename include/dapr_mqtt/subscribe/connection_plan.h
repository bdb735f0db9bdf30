#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::subscribe {

/// Decides which filter is subscribed on which MQTT connection, so that no two filters on one
/// connection overlap. With MQTT 3.1.1 a received message does not say which subscription it
/// matched, and brokers may send one copy for each client or one for each subscription (MQTT 3.1.1
/// section 3.3.5, non-normative). A filter goes to the first connection without an overlap, so most
/// instances use one connection. Not thread-safe.
class ConnectionPlan {
 public:
  /// Records that an earlier process subscribed the filter on this connection.
  void place(std::size_t connection, const core::TopicFilter& filter);
  /// Returns the index of the filter's connection. A filter that has one already keeps it.
  std::size_t assign(const core::TopicFilter& filter);
  void remove(const core::TopicFilter& filter);
  std::optional<std::size_t> find(const core::TopicFilter& filter) const;

  /// How many connections have been used so far.
  std::size_t connections() const { return filters_.size(); }
  const std::vector<core::TopicFilter>& filters(std::size_t connection) const {
    return filters_[connection];
  }

 private:
  std::vector<std::vector<core::TopicFilter>> filters_;  // by connection
};

}  // namespace dapr_mqtt::subscribe
