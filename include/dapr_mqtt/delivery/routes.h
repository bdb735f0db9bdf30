// Which queues a message goes to, by the connection it came from.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

class ConnectionRoutes;

/// A snapshot that never changes: for each consumer connection, by its index,
/// the filters that are subscribed on it. Freely shared between threads.
class Routes {
 public:
  /// The filters of `connection` that match `topic`, each once; none for an index without filters.
  /// They live as long as this snapshot. The cost grows with the topic's levels, not with the
  /// number of filters.
  std::vector<const core::TopicFilter*> match(std::size_t connection, std::string_view topic) const;
  /// For topics that match() does not find: the filters whose messages the broker sends under a
  /// rewritten topic. EMQX subscribes "$queue/t" and "$exclusive/t" to t; RabbitMQ turns the dots
  /// in a topic into slashes.
  std::vector<const core::TopicFilter*> match_rewritten(std::size_t connection,
                                                        std::string_view topic) const;

 private:
  friend class RoutingTable;
  std::vector<std::shared_ptr<const ConnectionRoutes>> by_connection_;
};

/// Holds the current snapshot. Thread-safe; no call blocks.
///
/// Order of use: a filter is added here before its SUBSCRIBE is sent and before Dispatcher::open,
/// otherwise its first messages count as unclaimed. It is removed after the broker has confirmed
/// its UNSUBSCRIBE.
class RoutingTable {
 public:
  RoutingTable();

  /// Replaces the filters of one connection; those of the others stay. A filter that is given twice
  /// counts once.
  void set(std::size_t connection, std::vector<core::TopicFilter> filters);
  std::shared_ptr<const Routes> load() const;

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const Routes> current_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::delivery
