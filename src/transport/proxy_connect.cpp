#include "transport/proxy_connect.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"
#include "dapr_mqtt/transport/resolver.h"
#include "transport/handshake_io.h"

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using base::Status;

constexpr std::size_t kMaxHead = 16 * 1024;
constexpr const char* kNeedsLogin =
    "it requires a login: set user name and password in proxyURL (http://user:password@host:port)";
constexpr const char* kRejectsLogin = "it rejects user name or password: check those in proxyURL";

std::string target(const core::Endpoint& endpoint) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

// ---- HTTP CONNECT ----

Status judge_http(const std::string& head, bool has_login, const std::string& where) {
  // "HTTP/1.1 200 …"
  const std::string line = head.substr(0, head.find_first_of("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12) {
    return base::unavailable("the server there is no HTTP proxy: check proxyURL");
  }
  const std::string code = line.substr(9, 3);
  if (code[0] == '2') return {};
  const std::string answered = " (" + base::quote(std::string_view(line).substr(9), 64) + ")";
  if (code == "407") {
    return base::unauthenticated((has_login ? kRejectsLogin : kNeedsLogin) + answered);
  }
  if (code == "403" || code == "405") {
    return base::permission_denied("it does not allow connections to " + where + answered);
  }
  if (code == "502" || code == "503" || code == "504") {
    return base::unavailable("it cannot reach " + where + answered);
  }
  return base::unavailable("it refuses the connection to " + where + answered);
}

Status http_connect(HandshakeIo& io, const core::Proxy& proxy, const core::Endpoint& endpoint) {
  const std::string where = target(endpoint);
  const bool has_login = !proxy.username.empty() || !proxy.password.empty();
  std::string request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
  if (has_login) {
    request += "Proxy-Authorization: Basic " +
               base::to_base64(proxy.username + ":" + proxy.password.reveal()) + "\r\n";
  }
  if (Status status = io.send(request + "\r\n"); !status.ok()) return status;
  const auto head = io.receive_until("\r\n\r\n", kMaxHead);
  return head.ok() ? judge_http(head.value(), has_login, where) : head.status();
}

// ---- SOCKS5 ----

constexpr char kSocks5 = 5;
constexpr char kNoLogin = 0;
constexpr char kUserPassword = 2;
constexpr char kConnect = 1;
constexpr char kIpv4 = 1;
constexpr char kName = 3;
constexpr char kIpv6 = 4;
constexpr std::size_t kMaxField = 255;

Status log_in(HandshakeIo& io, const core::Proxy& proxy) {
  const std::string& password = proxy.password.reveal();
  std::string request(1, '\1');
  request += static_cast<char>(proxy.username.size());
  request += proxy.username;
  request += static_cast<char>(password.size());
  request += password;
  if (Status status = io.send(request); !status.ok()) return status;
  const auto answer = io.receive(2);
  if (!answer.ok()) return answer.status();
  return answer.value()[1] == 0 ? Status() : base::unauthenticated(kRejectsLogin);
}

Status greet(HandshakeIo& io, const core::Proxy& proxy) {
  const bool has_login = !proxy.username.empty() || !proxy.password.empty();
  std::string hello{kSocks5, static_cast<char>(has_login ? 2 : 1), kNoLogin};
  if (has_login) hello += kUserPassword;
  if (Status status = io.send(hello); !status.ok()) return status;
  const auto answer = io.receive(2);
  if (!answer.ok()) return answer.status();
  if (answer.value()[0] != kSocks5) {
    return base::unavailable("the server there does not speak SOCKS5: check proxyURL");
  }
  switch (answer.value()[1]) {
    case kNoLogin: return {};
    case kUserPassword: return has_login ? log_in(io, proxy) : base::unauthenticated(kNeedsLogin);
    default:
      return base::unauthenticated(
          has_login ? "it accepts neither user name and password nor a connection without a login"
                    : "it accepts no connection without a login: set user name and password in "
                      "proxyURL (socks5://user:password@host:port)");
  }
}

std::string socks_address(const std::string& host) {
  std::array<char, 16> bytes{};
  if (is_numeric_address(host)) {
    if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1)
      return std::string(1, kIpv4) + std::string(bytes.data(), 4);
    if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1)
      return std::string(1, kIpv6) + std::string(bytes.data(), 16);
  }
  return std::string{kName, static_cast<char>(std::min(host.size(), kMaxField))} +
         host.substr(0, kMaxField);
}

Status judge_socks(char reply, const std::string& where) {
  const std::string code =
      " (SOCKS reply " + std::to_string(static_cast<unsigned char>(reply)) + ")";
  switch (reply) {
    case 0: return {};
    case 1: return base::unavailable("it failed to connect to " + where + code);
    case 2: return base::permission_denied("its rules do not allow connections to " + where + code);
    case 3: return base::unavailable("it has no route to the network of " + where + code);
    case 4: return base::unavailable("it cannot reach the host of " + where + code);
    case 5: return base::unavailable("the connection to " + where + " was refused" + code);
    case 6: return base::unavailable("the route to " + where + " is too long (TTL expired)" + code);
    case 7: return base::unavailable("it does not support the CONNECT command" + code);
    case 8: return base::unavailable("it does not support this type of address: " + where + code);
    default: return base::unavailable("it refuses the connection to " + where + code);
  }
}

Status socks_connect(HandshakeIo& io, const core::Proxy& proxy, const core::Endpoint& endpoint) {
  if (Status status = greet(io, proxy); !status.ok()) return status;
  std::string request{kSocks5, kConnect, 0};
  request += socks_address(endpoint.host);
  request += static_cast<char>(endpoint.port >> 8U);
  request += static_cast<char>(endpoint.port & 0xFFU);
  if (Status status = io.send(request); !status.ok()) return status;
  const auto head = io.receive(4);
  if (!head.ok()) return head.status();
  if (Status status = judge_socks(head.value()[1], target(endpoint)); !status.ok()) return status;
  // The rest of the answer, the proxy's own address and port, is read and ignored.
  std::size_t rest = 2;
  switch (head.value()[3]) {
    case kIpv4: rest += 4; break;
    case kIpv6: rest += 16; break;
    case kName: {
      const auto size = io.receive(1);
      if (!size.ok()) return size.status();
      rest += static_cast<unsigned char>(size.value()[0]);
      break;
    }
    default: return base::unavailable("its answer is malformed");
  }
  return io.receive(rest).status();
}

}  // namespace

base::Result<std::unique_ptr<ByteStream>> connect_through(std::unique_ptr<ByteStream> below,
                                                          const core::Proxy& proxy,
                                                          const core::Endpoint& endpoint,
                                                          base::TimePoint deadline,
                                                          const Cancel& cancel) {
  HandshakeIo io(*below, deadline, cancel);
  const Status status = proxy.kind == core::Proxy::Kind::kHttp ? http_connect(io, proxy, endpoint)
                                                               : socks_connect(io, proxy, endpoint);
  if (status.ok()) return below;
  if (status.kind() == ErrorKind::kCancelled) return status;
  return status.with_context("proxy " + proxy.str());
}

}  // namespace dapr_mqtt::transport
