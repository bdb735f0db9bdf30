#include "config/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/text.h"
#include "config/percent.h"
#include "config/url_text.h"

namespace dapr_mqtt::config {
namespace {

using core::Transport;

constexpr std::size_t kMaxBytes = 64U << 10U;
constexpr std::size_t kMaxUrls = 32;
// What most brokers serve, and Paho's choice.
constexpr std::string_view kDefaultWebSocketPath = "/mqtt";

struct Scheme {
  std::string_view name;
  Transport transport;
  std::uint16_t port;
};

constexpr std::array<Scheme, 8> kSchemes = {{
    {"tcp", Transport::kTcp, 1883},
    {"mqtt", Transport::kTcp, 1883},
    {"ssl", Transport::kTls, 8883},
    {"tls", Transport::kTls, 8883},
    {"mqtts", Transport::kTls, 8883},
    {"tcps", Transport::kTls, 8883},
    {"ws", Transport::kWebSocket, 80},
    {"wss", Transport::kWebSocketTls, 443},
}};

constexpr std::string_view kAllowedSchemes =
    "tcp://, mqtt:// (no TLS), ssl://, tls://, mqtts://, tcps:// (TLS), ws:// or wss:// "
    "(WebSocket)";

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

/// One URL at a time: checks the parts and adds to the result.
class UrlReader {
 public:
  UrlReader(BrokerUrls& out, std::vector<std::string>& problems) : out_(out), problems_(problems) {}

  void read(std::string_view url) {
    url_ = url;
    const std::size_t before = problems_.size();
    if (url.find("[:port]") != std::string_view::npos ||
        url.find("[username]") != std::string_view::npos ||
        url.find("[:password]") != std::string_view::npos) {
      wrong("still has the documentation's [placeholders]; write it like "
            "tcp://user:password@broker.example:1883");
      return;
    }
    if (!begins_with_scheme(url)) {
      wrong("does not begin with " + std::string(kAllowedSchemes));
      return;
    }
    const UrlParts parts = split_url(url);
    core::Endpoint endpoint;
    read_scheme(parts.scheme, endpoint);
    read_address(parts.address, endpoint);
    read_path(parts.path, endpoint);
    if (parts.has_user_info) read_user_info(parts.user_info);
    if (problems_.size() == before) out_.endpoints.push_back(std::move(endpoint));
  }

 private:
  void wrong(std::string_view why) {
    problems_.push_back(masked_url(url_) + " " + std::string(why));
  }

  void read_scheme(std::string_view text, core::Endpoint& endpoint) {
    const std::string name = base::to_lower(text);
    const auto* const scheme =
        std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& s) { return s.name == name; });
    if (scheme != kSchemes.end()) {
      endpoint.transport = scheme->transport;
      endpoint.port = scheme->port;
    } else if (name.starts_with("mqtt5") || name == "mqtts5") {
      wrong("asks for MQTT 5 by its scheme; use mqtt:// or mqtts://, and protocolVersion \"5\"");
    } else {
      wrong("has an unknown scheme; allowed are " + std::string(kAllowedSchemes));
    }
  }

  void read_address(std::string_view address, core::Endpoint& endpoint) {
    std::string_view port;
    bool has_port = false;
    if (address.starts_with('[')) {
      const std::size_t close = address.find(']');
      if (close == std::string_view::npos) return wrong("has a [ without ] around its IPv6 address");
      const std::string_view after = address.substr(close + 1);
      if (!after.empty() && !after.starts_with(':')) return wrong("has text between ] and the port");
      has_port = !after.empty();
      if (has_port) port = after.substr(1);
      read_ipv6(address.substr(1, close - 1), endpoint);
    } else {
      const std::size_t colon = address.find(':');
      if (colon != std::string_view::npos && address.find(':', colon + 1) != std::string_view::npos) {
        return wrong("has more than one colon after the host; IPv6 addresses go in brackets, "
                     "as in tcp://[::1]:1883");
      }
      has_port = colon != std::string_view::npos;
      if (has_port) port = address.substr(colon + 1);
      const std::string_view host = address.substr(0, colon);
      if (host.empty()) {
        wrong("names no host");
      } else if (!std::all_of(host.begin(), host.end(), is_host_char)) {
        wrong("has a host with characters that no host name has; in a list, each URL needs its "
              "scheme, as in tcp://a:1883,tcp://b:1883");
      }
      endpoint.host = std::string(host);
    }
    if (has_port) read_port(port, endpoint);
  }

  void read_ipv6(std::string_view text, core::Endpoint& endpoint) {
    // A zone ("fe80::1%eth0", in URLs also written %25eth0) is the resolver's.
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
      return wrong("has no valid IPv6 address in its brackets");
    }
    endpoint.host = zone.empty() ? address : address + "%" + zone;
  }

  void read_port(std::string_view text, core::Endpoint& endpoint) {
    const auto port = is_digits(text) ? base::parse_integer(text) : std::nullopt;
    if (!port || *port < 1 || *port > 65'535) return wrong("has a port that is not 1 to 65535");
    endpoint.port = static_cast<std::uint16_t>(*port);
  }

  void read_path(std::string_view path, core::Endpoint& endpoint) {
    const bool web_socket = endpoint.transport == Transport::kWebSocket ||
                            endpoint.transport == Transport::kWebSocketTls;
    if (!web_socket) {
      if (!path.empty() && path != "/") {
        wrong("has more after host and port; a path is for ws:// and wss:// only");
      }
      return;
    }
    if (path.empty()) path = kDefaultWebSocketPath;
    // It becomes part of an HTTP request line; and Paho looks for the port after
    // the last colon of all.
    const bool clean = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (!clean || path.find_first_of("#:") != std::string_view::npos) {
      return wrong("has a path with characters that must be percent-encoded (spaces, control "
                   "characters, # and : among them)");
    }
    if (!path.starts_with('/')) endpoint.path = "/";
    endpoint.path += path;
  }

  void read_user_info(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto user = percent_decode(text.substr(0, colon));
    const auto password = colon == std::string_view::npos ? std::optional<std::string>("")
                                                          : percent_decode(text.substr(colon + 1));
    if (!user || !password) {
      return wrong("has a % in its user name or password that two hexadecimal digits do not "
                   "follow; write a % itself as %25");
    }
    if (!user->empty()) {
      if (out_.username && *out_.username != *user) {
        wrong("has another user name than a URL before it; one user logs in at all of them");
      }
      out_.username = *user;
    }
    if (!password->empty()) {
      base::Secret secret(*password);
      if (out_.password && !out_.password->same_as(secret)) {
        wrong("has another password than a URL before it; one user logs in at all of them");
      }
      out_.password = std::move(secret);
    }
  }

  BrokerUrls& out_;
  std::vector<std::string>& problems_;
  std::string_view url_;
};

}  // namespace

BrokerUrls parse_broker_urls(std::string_view text, std::vector<std::string>& problems) {
  BrokerUrls out;
  if (text.size() > kMaxBytes) {
    problems.push_back("is longer than " + std::to_string(kMaxBytes >> 10U) + " KiB");
    return out;
  }
  const std::vector<std::string_view> urls = split_url_list(text);
  if (urls.size() > kMaxUrls) {
    problems.push_back("has " + std::to_string(urls.size()) + " URLs; at most " +
                       std::to_string(kMaxUrls) + " are taken");
    return out;
  }
  if (urls.empty()) problems.push_back("holds no URL");
  UrlReader reader(out, problems);
  for (const std::string_view url : urls) reader.read(url);
  return out;
}

}  // namespace dapr_mqtt::config
