// The MQTT client IDs of an instance, all made from its consumerID.
#pragma once

#include <cstddef>
#include <string>

#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::instance {

/// What must not be used twice at a time: the brokers (in any order) and the
/// client ID. For comparing, not for showing.
std::string identity_of(const core::ConnectionOptions& options);

/// So many random hexadecimal digits.
std::string random_digits(std::size_t count);

/// "<consumerID>-pub-<8 hex digits>", random: replicas of an app that share a
/// consumerID and only publish never take each other's connection.
std::string publisher_client_id(const std::string& consumer_id);

/// The consumerID itself for connection 0, "<consumerID>-overlap-<n>" for those
/// that overlapping filters need.
std::string consumer_client_id(const std::string& consumer_id, std::size_t connection);

}  // namespace dapr_mqtt::instance
