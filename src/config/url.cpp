#include "config/url.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "config/percent.h"
#include "config/url_address.h"
#include "config/url_text.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

using core::Transport;

constexpr std::size_t kMaxUrlBytes = 64U << 10U;
constexpr std::size_t kMaxUrls = 32;
// The path at most brokers, and Paho's default.
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

/// "broker", "broker:1883", "10.0.0.1:1883": nothing in it can be a secret.
bool is_bare_address(std::string_view text) {
  UrlAddress address;
  return text.size() < 256 && text.find_first_of("@/?#") == std::string_view::npos &&
         read_address(text, address).empty();
}

/// Reads one URL at a time: checks its parts and adds it to the result.
class UrlReader {
 public:
  UrlReader(BrokerUrls& out, std::vector<std::string>& problems) : out_(out), problems_(problems) {}

  void read(std::string_view url) {
    url_ = url;
    const std::size_t before = problems_.size();
    if (url.find("[:port]") != std::string_view::npos ||
        url.find("[username]") != std::string_view::npos ||
        url.find("[:password]") != std::string_view::npos) {
      wrong(
          "still has the documentation's [placeholders]; write it like "
          "tcp://user:password@broker.example:1883");
      return;
    }
    if (!begins_with_scheme(url)) {
      wrong("does not begin with " + std::string(kAllowedSchemes) +
            (is_bare_address(url) ? "; write tcp://" + std::string(url) + ", or ssl:// for TLS"
                                  : ""));
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
    const auto* const scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                            [&](const Scheme& s) { return s.name == name; });
    if (scheme != kSchemes.end()) {
      endpoint.transport = scheme->transport;
      endpoint.port = scheme->port;
    } else if (name.starts_with("mqtt5") || name == "mqtts5") {
      wrong("asks for MQTT 5 by its scheme; use mqtt:// or mqtts://, and protocolVersion \"5\"");
    } else {
      wrong("has an unknown scheme; allowed are " + std::string(kAllowedSchemes));
    }
  }

  void read_address(std::string_view text, core::Endpoint& endpoint) {
    UrlAddress address;
    if (const std::string why = config::read_address(text, address); !why.empty())
      return wrong(why);
    endpoint.host = std::move(address.host);
    if (address.port) endpoint.port = *address.port;
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
    // The path becomes part of an HTTP request line; and Paho takes what follows
    // the last colon of the URL as the port.
    const bool clean =
        std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (!clean || path.find_first_of("#:") != std::string_view::npos) {
      return wrong(
          "has a path with characters that must be percent-encoded (spaces, control "
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
      return wrong(
          "has a % in its user name or password that two hexadecimal digits do not "
          "follow; write a % itself as %25");
    }
    if (!user->empty()) {
      if (out_.username && *out_.username != *user) {
        wrong("has another user name than a URL before it; all URLs must have the same user");
      }
      out_.username = *user;
    }
    if (!password->empty()) {
      base::Secret secret(*password);
      if (out_.password && !out_.password->same_as(secret)) {
        wrong("has another password than a URL before it; all URLs must have the same user");
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
  if (text.size() > kMaxUrlBytes) {
    problems.push_back("is longer than " + std::to_string(kMaxUrlBytes >> 10U) + " KiB");
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
