// MQTT topic names and topic filters. Objects of these types are always valid.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::core {

/// A topic name, which messages are published to. UTF-8, 1 to 65,535 bytes, no NUL,
/// no wildcards (MQTT 3.1.1 sections 1.5.3 and 4.7, the same in MQTT 5).
class TopicName {
 public:
  /// INVALID_ARGUMENT says which rule the text breaks.
  static base::Result<TopicName> parse(std::string_view text);
  const std::string& str() const { return text_; }
  auto operator<=>(const TopicName&) const = default;

 private:
  explicit TopicName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A topic filter, for subscriptions, with wildcards `+` and `#` (MQTT-4.7.1) and
/// shared subscriptions `$share/<share name>/<filter>` (MQTT 5 section 4.8.2;
/// many brokers offer them to 3.1.1 clients too).
class TopicFilter {
 public:
  /// INVALID_ARGUMENT says which rule the text breaks.
  static base::Result<TopicFilter> parse(std::string_view text);

  /// As sent in SUBSCRIBE, share prefix included: the filter's identity.
  const std::string& str() const { return text_; }
  bool shared() const { return match_offset_ != 0; }
  /// Empty when not shared.
  std::string_view share_name() const;
  /// The part that topics are matched with: str() without the share prefix.
  std::string_view pattern() const { return std::string_view(text_).substr(match_offset_); }
  bool has_wildcard() const;

  /// Whether a message published to `topic` goes to this filter. A wildcard in
  /// the first level does not match a topic that begins with `$` (MQTT-4.7.2-1).
  bool matches(std::string_view topic) const;
  /// Whether some topic name matches both (share names play no part).
  bool overlaps(const TopicFilter& other) const;

  bool operator==(const TopicFilter& other) const { return text_ == other.text_; }
  auto operator<=>(const TopicFilter& other) const { return text_ <=> other.text_; }

 private:
  TopicFilter(std::string text, std::size_t match_offset)
      : text_(std::move(text)), match_offset_(match_offset) {}
  std::string text_;
  std::size_t match_offset_ = 0;
};

}  // namespace dapr_mqtt::core
