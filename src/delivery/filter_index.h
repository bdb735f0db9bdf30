#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::delivery {

/// Finds, among any number of topic filters, those that match a topic name, as
/// TopicFilter::matches would say one by one. Filters without wildcards are
/// looked up by hash, the others in a tree over their levels, so that a search
/// costs by the levels of the topic, not by the number of filters.
///
/// Built once, then read: const methods from any thread.
class FilterIndex {
 public:
  using Value = std::uint32_t;

  /// `value` stands for the filter in results. Share names play no part.
  void add(const core::TopicFilter& filter, Value value);

  /// The values of the filters that match, in no particular order, each once.
  std::vector<Value> match(std::string_view topic) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename T>
  using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

  // Nodes name each other by their place in nodes_: a filter may have as many
  // levels as MQTT allows bytes, too many for nodes that own one another.
  using NodeId = std::uint32_t;
  static constexpr NodeId kNone = 0;  // the root is nobody's child

  struct Node {
    ByText<NodeId> children;
    NodeId plus = kNone;
    std::vector<Value> ending;  // filters whose last level this is
    std::vector<Value> hash;    // filters that go on with # from here
  };

  NodeId new_node();

  ByText<std::vector<Value>> exact_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  bool has_wildcards_ = false;
};

}  // namespace dapr_mqtt::delivery
