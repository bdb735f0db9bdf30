// Sockets on loopback addresses for tests: every wait has a deadline.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/unique_fd.h"
#include "support/waiting.h"

namespace dapr_mqtt::testing {

inline base::TimePoint soon() { return std::chrono::steady_clock::now() + kPatience; }

inline sockaddr_in loopback_address(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

/// A listening socket; port 0: any.
class Listener {
 public:
  explicit Listener(const std::string& host = "127.0.0.1", std::uint16_t port = 0, int backlog = 8)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), host_(host) {
    const int yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address = loopback_address(host, port);
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket_.get(), backlog) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      ADD_FAILURE() << "no listener at " << host;
    }
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }
  int fd() const { return socket_.get(); }

  /// A blocking socket, on which each call waits for kPatience at the most; not valid when nobody
  /// connects.
  base::UniqueFd accept() const {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) != 1)
      return {};
    base::UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
  }
  /// From now on connection attempts get no answer: the backlog is full. Needs backlog 0.
  void fall_silent() {
    base::UniqueFd filler(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback_address(host_, port_);
    if (::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      ADD_FAILURE() << "the backlog cannot be filled";
    fillers_.push_back(std::move(filler));
  }

 private:
  base::UniqueFd socket_;
  std::string host_;
  std::uint16_t port_ = 0;
  std::vector<base::UniqueFd> fillers_;
};

}  // namespace dapr_mqtt::testing
