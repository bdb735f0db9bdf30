#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::core {

/// A topic with named levels, such as "devices/{device}/{measure}": reads fields out of the
/// topics of messages. A level is a {name}, a text, "+" (any level) or, at the end, "#" (any
/// number of levels). Names become CloudEvents attributes: 1 to 20 letters a-z and digits, each
/// name once, and none with a meaning in CloudEvents, daprd or this component.
class TopicPattern {
 public:
  /// INVALID_ARGUMENT says which rule the text breaks.
  static base::Result<TopicPattern> parse(std::string_view text);

  using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
  /// Names and values in the pattern's order; empty when the topic does not match. The names
  /// live as long as this, the values as long as `topic`.
  Fields match(std::string_view topic) const;

 private:
  enum class Kind { kText, kField, kAny, kRest };
  struct Level {
    Kind kind;
    std::string text;  ///< of kText; the name of kField
  };

  explicit TopicPattern(std::vector<Level> levels) : levels_(std::move(levels)) {}
  static base::Result<Level> parse_level(std::string_view level);

  std::vector<Level> levels_;
};

}  // namespace dapr_mqtt::core
