#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

/// Finds, among any number of topic filters, those that match a topic name: the same ones for which
/// TopicFilter::matches is true. Filters without wildcards are looked up by hash, the others in a
/// tree over their levels, so the cost of a search grows with the levels of the topic, not with the
/// number of filters.
///
/// Built once, then only read: the const methods may be called from any thread.
class FilterIndex {
 public:
  using Value = std::uint32_t;

  /// `value` stands for the filter in results. Share names are ignored.
  void add(const core::TopicFilter& filter, Value value);

  /// Calls `found` once for each filter that matches, with its value, in no particular order.
  template <typename Found>
  void each_match(std::string_view topic, const Found& found) const;
  std::vector<Value> match(std::string_view topic) const {
    std::vector<Value> values;
    each_match(topic, [&](Value value) { values.push_back(value); });
    return values;
  }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename T>
  using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

  // Nodes refer to each other by index in nodes_: a filter may have as many levels as MQTT allows
  // bytes, too many for nodes that own their children (their destructors would recurse).
  using NodeId = std::uint32_t;
  static constexpr NodeId kNone = 0;  // the root, which is no node's child

  struct Node {
    ByText<NodeId> children;
    NodeId plus = kNone;
    std::vector<Value> ending;  // filters whose last level this is
    std::vector<Value> hash;    // filters that continue with # below this level
  };

  NodeId new_node();
  /// Null when `text` is not there. Comparing a few texts is faster than hashing one.
  template <typename T>
  static const T* find(const ByText<T>& map, std::string_view text) {
    constexpr std::size_t kFew = 3;
    if (map.size() > kFew) {
      const auto it = map.find(text);
      return it == map.end() ? nullptr : &it->second;
    }
    for (const auto& [key, value] : map) {
      if (key == text) return &value;
    }
    return nullptr;
  }

  ByText<std::vector<Value>> exact_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  bool has_wildcards_ = false;
};

template <typename Found>
void FilterIndex::each_match(std::string_view topic, const Found& found) const {
  const auto all = [&](const std::vector<Value>& values) {
    for (const Value value : values) found(value);
  };
  if (const auto* values = find(exact_, topic)) all(*values);
  if (!has_wildcards_) return;

  // All the nodes that the topic's levels lead to, level after level; those of the previous level
  // begin at `here`. They are usually few, so that they fit into the buffer on the stack.
  std::array<std::byte, 256> memory;
  std::pmr::monotonic_buffer_resource on_stack(memory.data(), memory.size());
  std::pmr::vector<NodeId> nodes(&on_stack);
  nodes.reserve(memory.size() / sizeof(NodeId) / 2);
  nodes.push_back(0);
  std::size_t here = 0;
  bool wildcards_here = !topic.starts_with('$');  // MQTT-4.7.2-1, for the first level only
  for (std::size_t begin = 0; here < nodes.size();) {
    const std::size_t slash = topic.find('/', begin);
    const std::string_view level = topic.substr(begin, slash - begin);
    const std::size_t next = nodes.size();
    for (; here < next; ++here) {
      const Node& node = nodes_[nodes[here]];
      if (const NodeId* child = find(node.children, level)) nodes.push_back(*child);
      if (!wildcards_here) continue;
      all(node.hash);
      if (node.plus != kNone) nodes.push_back(node.plus);
    }
    wildcards_here = true;
    if (slash == std::string_view::npos) break;
    begin = slash + 1;
  }
  for (; here < nodes.size(); ++here) {
    all(nodes_[nodes[here]].ending);
    all(nodes_[nodes[here]].hash);  // # matches the parent level too (section 4.7.1.2)
  }
}

}  // namespace dapr_mqtt::delivery
