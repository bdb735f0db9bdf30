#include "transport/socket_errors.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace dapr_mqtt::transport {

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

base::Status connection_broke(int error) {
  const std::string broke = "the connection broke: ";
  switch (error) {
    case ECONNRESET: return base::unavailable(broke + "the other side has reset it");
    case EPIPE: return base::unavailable(broke + "the other side has closed it");
    case ETIMEDOUT:
      return base::unavailable(broke +
                               "the other side does not answer (machine or network is down)");
    case ENETUNREACH:
    case EHOSTUNREACH: return base::unavailable(broke + "no route to the host");
    default: return base::unavailable(broke + std::strerror(error));
  }
}

}  // namespace dapr_mqtt::transport
