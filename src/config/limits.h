// Bounds of this room; key_table.cpp repeats those of values in its texts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dapr_mqtt::config {

/// MQTT 3.1.1 section 1.5.3: strings have two bytes of length.
inline constexpr std::size_t kMaxMqttString = 65'535;
/// The length of the suffix of the publisher's client ID: "-pub-" and eight
/// hexadecimal digits.
inline constexpr std::size_t kPublisherSuffix = 13;
inline constexpr std::size_t kMaxConsumerId = kMaxMqttString - kPublisherSuffix;

/// A share name is part of each filter, whose own limit is kMaxMqttString.
inline constexpr std::size_t kMaxConsumerGroup = 1024;
/// For the CloudEvents' type, which is part of each event.
inline constexpr std::size_t kMaxEventType = 1024;
inline constexpr std::int64_t kMaxHandlers = 10'000;

inline constexpr std::chrono::minutes kMaxConnectTimeout{10};
/// MQTT 3.1.1 section 3.1.2.10: two bytes of seconds.
inline constexpr std::chrono::seconds kMaxKeepAlive{65'535};
/// The most that the client library can send in MQTT 5's four bytes of seconds.
inline constexpr std::chrono::seconds kMaxSessionExpiry{0x7FFF'FFFF};
inline constexpr std::chrono::hours kMaxRetryInterval{24};
inline constexpr std::chrono::hours kMaxPublishTimeout{24};
/// Each message in an inbox takes about 200 bytes of memory, even if it is on disk.
inline constexpr std::int64_t kMaxInboxMessages = 10'000'000;
inline constexpr std::int64_t kMinInboxBytes = 64 * 1024;
inline constexpr std::int64_t kMaxInboxBytes = std::int64_t{1} << 40U;
/// How long daprd waits for Init unless the Component sets initTimeout.
inline constexpr std::chrono::seconds kDaprdInitTimeout{5};

inline constexpr std::size_t kMaxPath = 4096;
inline constexpr std::size_t kMaxPassphrase = 1024;
/// RFC 7301: a byte of length. More than a few are of no use.
inline constexpr std::size_t kMaxAlpnName = 255;
inline constexpr std::size_t kMaxAlpnNames = 8;
inline constexpr std::size_t kMaxHostName = 255;
inline constexpr std::size_t kMaxAuthMethod = 256;
inline constexpr std::size_t kMaxListItems = 32;
inline constexpr std::size_t kMaxHeaderValue = 8192;

/// The most warnings that are kept: metadata comes from outside.
inline constexpr std::size_t kMaxWarnings = 20;

}  // namespace dapr_mqtt::config
