#include "instance/client_identity.h"

#include <algorithm>
#include <random>
#include <vector>

namespace dapr_mqtt::instance {

std::string identity_of(const core::ConnectionOptions& options) {
  std::vector<std::string> brokers;
  for (const core::Endpoint& endpoint : options.endpoints) brokers.push_back(endpoint.str());
  std::sort(brokers.begin(), brokers.end());
  std::string identity;
  for (const std::string& broker : brokers) identity += broker + "\n";
  return identity + options.client_id;
}

std::string random_digits(std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string digits;
  for (std::size_t i = 0; i < count; ++i) digits += kDigits[random() % kDigits.size()];
  return digits;
}

std::string publisher_client_id(const std::string& consumer_id) {
  return consumer_id + "-pub-" + random_digits(8);
}

std::string consumer_client_id(const std::string& consumer_id, std::size_t connection) {
  if (connection == 0) return consumer_id;
  return consumer_id + "-overlap-" + std::to_string(connection);
}

}  // namespace dapr_mqtt::instance
