#include "mqtt/diagnose.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/tls_probe.h"
#include "mqtt/wait_fd.h"

namespace dapr_mqtt::mqtt {
namespace {

base::Status tcp_failure(int error) {
  switch (error) {
    case ECONNREFUSED: return base::unavailable("connection refused (nothing listens there)");
    case ETIMEDOUT:
      return base::unavailable(
          "timed out: no TCP connection (wrong address, or a firewall drops the packets)");
    case ENETUNREACH:
    case EHOSTUNREACH: return base::unavailable("no route to the host");
    default: return base::unavailable(std::string("no TCP connection: ") + std::strerror(error));
  }
}

/// 0, or why there is no TCP connection.
int connect_tcp(base::UniqueFd& fd, const std::string& address, std::uint16_t port,
                base::TimePoint deadline) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return EINVAL;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  fd.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return errno;
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_fd(fd.get(), POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Diagnosis diagnose(const core::Endpoint& endpoint, core::ProtocolVersion protocol,
                   const std::string& address, const TlsFiles& files, AttemptEnd end,
                   base::TimePoint deadline) {
  base::UniqueFd fd;
  if (const int error = connect_tcp(fd, address, endpoint.port, deadline); error != 0) {
    return {tcp_failure(error), 0};
  }
  if (endpoint.uses_tls()) {
    auto problem = probe_tls(fd.get(), endpoint, files, end == AttemptEnd::kBroken, deadline);
    if (problem) return {std::move(*problem), 2};
  }
  const bool web_socket = endpoint.transport == core::Transport::kWebSocket ||
                          endpoint.transport == core::Transport::kWebSocketTls;
  if (end == AttemptEnd::kSilence) {
    return {base::unavailable(
                web_socket ? "timed out: the broker accepts connections but does not answer "
                             "(WebSocket upgrade or MQTT CONNECT)"
                           : "timed out: the broker accepts connections but does not answer MQTT "
                             "CONNECT"),
            1};
  }
  if (web_socket) {
    return {base::unavailable("the WebSocket upgrade failed: check port and path in url"), 1};
  }
  std::string question;
  if (protocol == core::ProtocolVersion::kMqtt5) {
    question = "does it speak MQTT 5? else set protocolVersion to \"3.1.1\"";
  }
  if (!endpoint.uses_tls()) {
    question = "is it an MQTT port without TLS?" + (question.empty() ? "" : " And " + question);
  }
  return {base::unavailable("the broker closed the connection without an answer to MQTT CONNECT" +
                            (question.empty() ? "" : " (" + question + ")")),
          1};
}

}  // namespace dapr_mqtt::mqtt
