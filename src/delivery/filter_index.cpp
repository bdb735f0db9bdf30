#include "delivery/filter_index.h"

namespace dapr_mqtt::delivery {

FilterIndex::NodeId FilterIndex::new_node() {
  nodes_.emplace_back();
  return static_cast<NodeId>(nodes_.size() - 1);
}

void FilterIndex::add(const core::TopicFilter& filter, Value value) {
  const std::string_view pattern = filter.pattern();
  if (!filter.has_wildcard()) {
    exact_[std::string(pattern)].push_back(value);
    return;
  }
  has_wildcards_ = true;
  NodeId at = 0;
  for (std::size_t begin = 0;;) {
    const std::size_t slash = pattern.find('/', begin);
    const std::string_view level = pattern.substr(begin, slash - begin);
    if (level == "#") {
      nodes_[at].hash.push_back(value);
      return;  // always the last level
    }
    NodeId next = kNone;
    if (level == "+") {
      next = nodes_[at].plus;
      if (next == kNone) {
        next = new_node();
        nodes_[at].plus = next;
      }
    } else if (const auto it = nodes_[at].children.find(level); it != nodes_[at].children.end()) {
      next = it->second;
    } else {
      next = new_node();
      nodes_[at].children.emplace(level, next);
    }
    at = next;
    if (slash == std::string_view::npos) break;
    begin = slash + 1;
  }
  nodes_[at].ending.push_back(value);
}

}  // namespace dapr_mqtt::delivery
