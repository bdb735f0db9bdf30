// Bounds of this room; key_table.cpp puts those of values into words.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dapr_mqtt::config {

/// MQTT 3.1.1 section 1.5.3: strings have two bytes of length.
inline constexpr std::size_t kMaxMqttString = 65'535;
/// What the publisher's connection puts after the consumerID: "-pub-" and eight
/// hexadecimal digits.
inline constexpr std::size_t kPublisherSuffix = 13;
inline constexpr std::size_t kMaxConsumerId = kMaxMqttString - kPublisherSuffix;

/// A share name stands in each filter, whose own limit is kMaxMqttString.
inline constexpr std::size_t kMaxConsumerGroup = 1024;
inline constexpr std::int64_t kMaxHandlers = 10'000;

inline constexpr std::chrono::minutes kMaxConnectTimeout{10};
/// MQTT 3.1.1 section 3.1.2.10: two bytes of seconds.
inline constexpr std::chrono::seconds kMaxKeepAlive{65'535};
/// What the client library can send of MQTT 5's four bytes of seconds.
inline constexpr std::chrono::seconds kMaxSessionExpiry{0x7FFF'FFFF};
inline constexpr std::chrono::hours kMaxRetryInterval{24};
inline constexpr std::chrono::hours kMaxPublishTimeout{24};
/// Each message in an inbox takes some 200 bytes of memory, wherever it is.
inline constexpr std::int64_t kMaxInboxMessages = 10'000'000;
inline constexpr std::int64_t kMinInboxBytes = 64 * 1024;
inline constexpr std::int64_t kMaxInboxBytes = std::int64_t{1} << 40U;
/// What daprd waits for Init unless the Component sets initTimeout.
inline constexpr std::chrono::seconds kDaprdInitTimeout{5};

/// Metadata comes from outside: so many warnings are kept, no more.
inline constexpr std::size_t kMaxWarnings = 20;

}  // namespace dapr_mqtt::config
