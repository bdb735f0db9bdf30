#include "transport/address_order.h"

#include <algorithm>
#include <array>

namespace dapr_mqtt::transport {

std::vector<std::string> alternate_families(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return {};
  const auto is_ipv6 = [](const std::string& address) {
    return address.find(':') != std::string::npos;
  };
  const bool first_family = is_ipv6(addresses.front());
  std::array<std::vector<std::string>, 2> families;
  for (const std::string& address : addresses) {
    families[is_ipv6(address) == first_family ? 0 : 1].push_back(address);
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i) {
    for (const auto& family : families) {
      if (i < family.size()) out.push_back(family[i]);
    }
  }
  return out;
}

}  // namespace dapr_mqtt::transport
