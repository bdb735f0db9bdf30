#include "dapr_mqtt/delivery/routes.h"

#include <algorithm>
#include <string>

#include "delivery/filter_index.h"

namespace dapr_mqtt::delivery {

/// The filters of one connection. Immutable.
class ConnectionRoutes {
 public:
  explicit ConnectionRoutes(std::vector<core::TopicFilter> filters) : filters_(std::move(filters)) {
    std::sort(filters_.begin(), filters_.end());
    filters_.erase(std::unique(filters_.begin(), filters_.end()), filters_.end());
    for (FilterIndex::Value i = 0; i < filters_.size(); ++i) {
      index_.add(filters_[i], i);
      const auto other = core::TopicFilter::parse(rewritten(filters_[i].pattern()));
      if (other.ok() && other.value().str() != filters_[i].pattern()) {
        rewritten_.add(other.value(), i);
      }
    }
  }

  std::vector<const core::TopicFilter*> match(std::string_view topic) const {
    return match(index_, topic);
  }
  std::vector<const core::TopicFilter*> match_rewritten(std::string_view topic) const {
    return match(rewritten_, topic);
  }

 private:
  static std::string rewritten(std::string_view pattern) {
    for (const std::string_view prefix : {"$queue/", "$exclusive/"}) {
      if (pattern.starts_with(prefix)) pattern.remove_prefix(prefix.size());
    }
    std::string text(pattern);
    std::replace(text.begin(), text.end(), '.', '/');
    return text;
  }
  std::vector<const core::TopicFilter*> match(const FilterIndex& index,
                                              std::string_view topic) const {
    std::vector<const core::TopicFilter*> out;
    index.each_match(topic, [&](FilterIndex::Value value) { out.push_back(&filters_[value]); });
    return out;
  }

  std::vector<core::TopicFilter> filters_;
  FilterIndex index_;
  FilterIndex rewritten_;  // filters_ whose topics brokers rewrite, as rewritten
};

std::vector<const core::TopicFilter*> Routes::match(std::size_t connection,
                                                    std::string_view topic) const {
  if (connection >= by_connection_.size() || !by_connection_[connection]) return {};
  return by_connection_[connection]->match(topic);
}

std::vector<const core::TopicFilter*> Routes::match_rewritten(std::size_t connection,
                                                              std::string_view topic) const {
  if (connection >= by_connection_.size() || !by_connection_[connection]) return {};
  return by_connection_[connection]->match_rewritten(topic);
}

RoutingTable::RoutingTable() : current_(std::make_shared<const Routes>()) {}

void RoutingTable::set(std::size_t connection, std::vector<core::TopicFilter> filters) {
  auto changed = std::make_shared<const ConnectionRoutes>(std::move(filters));
  std::shared_ptr<const Routes> old;  // destroyed after the lock is released
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
