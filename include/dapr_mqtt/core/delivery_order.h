// The order in which messages go to the app: set for a Component or a subscription.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// Messages with the same key stay in order. The key is the topic, a level of the topic, or the
/// value of a user property (MQTT 5). For a message without that level or property it is the topic.
class OrderKey {
 public:
  /// By topic.
  OrderKey() = default;
  /// `topic`, `segment:<n>` (a level of the topic, counted from 1) or `property:<name>`.
  static std::optional<OrderKey> parse(std::string_view text);
  /// Equal for all messages.
  static OrderKey all();

  /// A hash of the message's key. Two keys may have the same hash, with a chance of 2^-64 for each
  /// pair: then their messages wait for one another, which breaks no order.
  std::uint64_t of(const IncomingMessage& message) const;
  bool needs_message() const { return kind_ != Kind::kAll; }
  bool needs_properties() const { return kind_ == Kind::kProperty; }

  bool operator==(const OrderKey&) const = default;

 private:
  enum class Kind { kTopic, kSegment, kProperty, kAll };
  Kind kind_ = Kind::kTopic;
  std::size_t segment_ = 0;
  std::string property_;
};

inline constexpr std::string_view kOrderKeys =
    "topic, segment:<n> (a level of the topic, counted from 1) or property:<name> (a user "
    "property of MQTT 5)";

enum class ConcurrencyMode {
  kParallel,  ///< many messages at a time; a failed one is redelivered among the others
  kSingle,    ///< one message of the subscription at a time; a failed one again before the next
  kOrdered,   ///< one message of each key at a time; other keys go on meanwhile
};

inline constexpr std::string_view kConcurrencyModeNames = "one of parallel, single, ordered";
constexpr std::optional<ConcurrencyMode> parse_concurrency_mode(std::string_view text) {
  if (text == "parallel") return ConcurrencyMode::kParallel;
  if (text == "single") return ConcurrencyMode::kSingle;
  if (text == "ordered") return ConcurrencyMode::kOrdered;
  return std::nullopt;
}

struct DeliveryOrder {
  ConcurrencyMode mode = ConcurrencyMode::kParallel;
  OrderKey key{};  ///< for kOrdered

  bool operator==(const DeliveryOrder&) const = default;
};

}  // namespace dapr_mqtt::core
