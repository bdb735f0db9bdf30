#include "mqtt/tcp_connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "mqtt/wait_fd.h"

namespace dapr_mqtt::mqtt {

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

}  // namespace dapr_mqtt::mqtt
