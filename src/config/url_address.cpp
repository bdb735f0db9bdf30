#include "config/url_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "config/url_text.h"
#include "dapr_mqtt/base/parse.h"

namespace dapr_mqtt::config {
namespace {

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

std::string read_ipv6(std::string_view text, UrlAddress& out) {
  // A zone ("fe80::1%eth0", in URLs also written %25eth0) is passed on to the resolver.
  const std::size_t percent = text.find('%');
  const std::string address(text.substr(0, percent));
  std::string zone;
  if (percent != std::string_view::npos) {
    std::string_view name = text.substr(percent + 1);
    if (name.starts_with("25") && name.size() > 2) name.remove_prefix(2);
    zone = std::string(name);
  }
  in6_addr ignored{};
  const bool zone_ok = percent == std::string_view::npos ||
                       (!zone.empty() && std::all_of(zone.begin(), zone.end(), is_host_char));
  if (address.find('\0') != std::string::npos ||
      ::inet_pton(AF_INET6, address.c_str(), &ignored) != 1 || !zone_ok) {
    return "has no valid IPv6 address in its brackets";
  }
  out.host = zone.empty() ? address : address + "%" + zone;
  return {};
}

std::string read_port(std::string_view text, UrlAddress& out) {
  const auto port = is_digits(text) ? base::parse_integer(text) : std::nullopt;
  if (!port || *port < 1 || *port > 65'535) return "has a port that is not 1 to 65535";
  out.port = static_cast<std::uint16_t>(*port);
  return {};
}

}  // namespace

std::string read_address(std::string_view text, UrlAddress& out) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return "has a [ without ] around its IPv6 address";
    const std::string_view after = text.substr(close + 1);
    if (!after.empty() && !after.starts_with(':')) return "has text between ] and the port";
    if (std::string why = read_ipv6(text.substr(1, close - 1), out); !why.empty()) return why;
    return after.empty() ? std::string() : read_port(after.substr(1), out);
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    return "has more than one colon after the host; IPv6 addresses go in brackets, as in "
           "tcp://[::1]:1883";
  }
  const std::string_view host = text.substr(0, colon);
  if (host.empty()) return "names no host";
  if (!std::all_of(host.begin(), host.end(), is_host_char)) {
    return "has a host with characters that no host name has; in a list, each URL needs its scheme, "
           "as in tcp://a:1883,tcp://b:1883";
  }
  out.host = std::string(host);
  return colon == std::string_view::npos ? std::string() : read_port(text.substr(colon + 1), out);
}

}  // namespace dapr_mqtt::config
