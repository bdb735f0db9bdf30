#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dapr_mqtt::config {

struct UrlAddress {
  std::string host;  ///< IPv6 without brackets, its zone after %
  std::optional<std::uint16_t> port;
};

/// Reads "host", "host:port", "[IPv6]" or "[IPv6]:port". Returns what is wrong with it, as a text
/// to follow the URL; empty: nothing.
std::string read_address(std::string_view text, UrlAddress& out);

}  // namespace dapr_mqtt::config
