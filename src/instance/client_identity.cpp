#include "instance/client_identity.h"

#include <algorithm>
#include <random>
#include <vector>

#include "dapr_mqtt/base/encoding.h"

namespace dapr_mqtt::instance {

std::string identity_of(const core::ConnectionOptions& options) {
  std::vector<std::string> brokers;
  for (const core::Endpoint& endpoint : options.endpoints) brokers.push_back(endpoint.str());
  std::sort(brokers.begin(), brokers.end());
  std::string identity;
  for (const std::string& broker : brokers) identity += broker + "\n";
  return identity + options.client_id;
}

std::string brokers_of(const core::ConnectionOptions& options) {
  std::string brokers;
  for (const core::Endpoint& endpoint : options.endpoints) {
    brokers += (brokers.empty() ? "" : ",") + endpoint.str();
  }
  return brokers;
}

std::string random_digits(int count) {
  std::random_device random;
  std::string digits;
  while (count-- > 0) base::append_hex(digits, random(), 1);
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
