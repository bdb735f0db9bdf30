// The MQTT client IDs of an instance, all made from its consumerID.
#pragma once

#include <cstddef>
#include <string>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::instance {

/// The brokers (in any order) and the client ID, which only one instance may use at
/// a time. For comparing, not for display.
std::string identity_of(const core::ConnectionOptions& options);

/// The brokers as in `url`, without user and password. For display.
std::string brokers_of(const core::ConnectionOptions& options);

/// `count` random hexadecimal digits.
std::string random_digits(int count);

/// "<consumerID>-pub-<8 hex digits>", random: so replicas of an app that share a
/// consumerID and only publish do not take over each other's connection.
std::string publisher_client_id(const std::string& consumer_id);

/// The consumerID itself for connection 0, "<consumerID>-overlap-<n>" for those
/// that overlapping filters need.
std::string consumer_client_id(const std::string& consumer_id, std::size_t connection);

}  // namespace dapr_mqtt::instance
