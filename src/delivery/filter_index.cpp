#include "delivery/filter_index.h"

namespace dapr_mqtt::delivery {
namespace {

void append(std::vector<FilterIndex::Value>& to, const std::vector<FilterIndex::Value>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

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

std::vector<FilterIndex::Value> FilterIndex::match(std::string_view topic) const {
  std::vector<Value> found;
  if (const auto it = exact_.find(topic); it != exact_.end()) append(found, it->second);
  if (!has_wildcards_) return found;

  // Level by level, all the nodes that the topic's levels so far lead to.
  std::vector<NodeId> here{0};
  std::vector<NodeId> next;
  bool wildcards_here = !topic.starts_with('$');  // MQTT-4.7.2-1, for the first level only
  for (std::size_t begin = 0; !here.empty();) {
    const std::size_t slash = topic.find('/', begin);
    const std::string_view level = topic.substr(begin, slash - begin);
    next.clear();
    for (const NodeId id : here) {
      const Node& node = nodes_[id];
      if (const auto it = node.children.find(level); it != node.children.end()) {
        next.push_back(it->second);
      }
      if (!wildcards_here) continue;
      append(found, node.hash);
      if (node.plus != kNone) next.push_back(node.plus);
    }
    wildcards_here = true;
    here.swap(next);
    if (slash == std::string_view::npos) break;
    begin = slash + 1;
  }
  for (const NodeId id : here) {
    append(found, nodes_[id].ending);
    append(found, nodes_[id].hash);  // # matches the parent level too (section 4.7.1.2)
  }
  return found;
}

}  // namespace dapr_mqtt::delivery
