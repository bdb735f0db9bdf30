#pragma once

#include <string>
#include <vector>

namespace dapr_mqtt::transport {

/// IPv6 and IPv4 addresses in turn, beginning with the family of the first one, each family in
/// its own order (RFC 8305 section 4). If one family does not work, only one attempt is lost before
/// the other is tried.
std::vector<std::string> alternate_families(const std::vector<std::string>& addresses);

}  // namespace dapr_mqtt::transport
