#include "dapr_mqtt/delivery/routes.h"

#include <algorithm>

#include "delivery/filter_index.h"

namespace dapr_mqtt::delivery {

/// The filters of one connection. Immutable.
class ConnectionRoutes {
 public:
  explicit ConnectionRoutes(std::vector<core::TopicFilter> filters) : filters_(std::move(filters)) {
    std::sort(filters_.begin(), filters_.end());
    filters_.erase(std::unique(filters_.begin(), filters_.end()), filters_.end());
    for (FilterIndex::Value i = 0; i < filters_.size(); ++i) index_.add(filters_[i], i);
  }

  std::vector<const core::TopicFilter*> match(std::string_view topic) const {
    std::vector<const core::TopicFilter*> out;
    index_.each_match(topic,
                      [&](FilterIndex::Value value) { out.push_back(&filters_[value]); });
    return out;
  }

 private:
  std::vector<core::TopicFilter> filters_;
  FilterIndex index_;
};

std::vector<const core::TopicFilter*> Routes::match(std::size_t connection,
                                                    std::string_view topic) const {
  if (connection >= by_connection_.size() || !by_connection_[connection]) return {};
  return by_connection_[connection]->match(topic);
}

RoutingTable::RoutingTable() : current_(std::make_shared<const Routes>()) {}

void RoutingTable::set(std::size_t connection, std::vector<core::TopicFilter> filters) {
  auto changed = std::make_shared<const ConnectionRoutes>(std::move(filters));
  std::shared_ptr<const Routes> old;  // the last reference may go: after the lock
  base::MutexLock lock(mutex_);
  auto next = std::make_shared<Routes>(*current_);
  if (next->by_connection_.size() <= connection) next->by_connection_.resize(connection + 1);
  next->by_connection_[connection] = std::move(changed);
  old = std::exchange(current_, std::move(next));
}

std::shared_ptr<const Routes> RoutingTable::load() const {
  base::MutexLock lock(mutex_);
  return current_;
}

}  // namespace dapr_mqtt::delivery
