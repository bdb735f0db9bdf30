#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::core {
namespace {

std::string_view scheme(Transport transport) {
  switch (transport) {
    case Transport::kTcp: return "tcp";
    case Transport::kTls: return "ssl";
    case Transport::kWebSocket: return "ws";
    case Transport::kWebSocketTls: return "wss";
  }
  return "tcp";
}

std::string address(const std::string& host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

std::string Proxy::str() const {
  return (kind == Kind::kHttp ? "http://" : "socks5://") + address(host, port);
}

std::string Endpoint::str() const {
  std::string out(scheme(transport));
  out += "://" + address(host, port);
  // A query may carry a signature (pre-signed WebSocket URLs): it stays secret.
  const std::size_t query = path.find('?');
  out += path.substr(0, query);
  if (query != std::string::npos) out += "?***";
  return out;
}

}  // namespace dapr_mqtt::core
