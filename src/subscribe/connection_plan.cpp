#include "dapr_mqtt/subscribe/connection_plan.h"

#include <algorithm>

namespace dapr_mqtt::subscribe {

void ConnectionPlan::place(std::size_t connection, const core::TopicFilter& filter) {
  if (find(filter)) return;
  if (filters_.size() <= connection) filters_.resize(connection + 1);
  filters_[connection].push_back(filter);
}

std::size_t ConnectionPlan::assign(const core::TopicFilter& filter) {
  if (const auto existing = find(filter)) return *existing;
  const auto free_of_overlap = [&](const std::vector<core::TopicFilter>& on) {
    return std::none_of(on.begin(), on.end(),
                        [&](const core::TopicFilter& other) { return other.overlaps(filter); });
  };
  const auto it = std::find_if(filters_.begin(), filters_.end(), free_of_overlap);
  const auto index = static_cast<std::size_t>(it - filters_.begin());
  if (it == filters_.end()) filters_.emplace_back();
  filters_[index].push_back(filter);
  return index;
}

void ConnectionPlan::remove(const core::TopicFilter& filter) {
  for (auto& on : filters_) std::erase(on, filter);
}

std::optional<std::size_t> ConnectionPlan::find(const core::TopicFilter& filter) const {
  for (std::size_t i = 0; i < filters_.size(); ++i) {
    if (std::find(filters_[i].begin(), filters_[i].end(), filter) != filters_[i].end()) return i;
  }
  return std::nullopt;
}

}  // namespace dapr_mqtt::subscribe
