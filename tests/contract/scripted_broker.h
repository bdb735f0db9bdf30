// A broker whose every byte the test decides.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "contract/broker_fixture.h"
#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::testing {

/// Sends and receives raw packets on the test's thread.
class ScriptedBroker {
 public:
  ScriptedBroker() : server_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(server_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(server_.get(), 4), 0);
    ::getsockname(server_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  core::Endpoint endpoint() const { return tcp_at("127.0.0.1", port_); }

  void accept() {
    wait(server_.get());
    client_.reset(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  void hang_up() { client_.reset(); }
  void send(const std::string& bytes) {
    EXPECT_EQ(::write(client_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  /// For the next connection: the system takes no more than about this while the test does not read.
  void set_receive_buffer(int bytes) {
    EXPECT_EQ(::setsockopt(server_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
  }
  /// Whether the client sends more, or disconnects, in that time.
  bool hears_within(std::chrono::milliseconds time) const {
    pollfd ready{client_.get(), POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
  }
  /// Whether there is something to receive already.
  bool readable() const {
    pollfd ready{client_.get(), POLLIN, 0};
    return ::poll(&ready, 1, 0) > 0;
  }
  /// One packet (short ones only), header included; empty at the end.
  std::string receive() {
    std::string packet = read(2);
    if (packet.size() == 2) packet += read(static_cast<std::uint8_t>(packet[1]));
    return packet;
  }
  /// So many bytes, of any packets; empty at the end.
  std::string read(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      char buffer[4096];
      wait(client_.get());
      const ssize_t got =
          ::read(client_.get(), buffer, std::min(sizeof buffer, size - bytes.size()));
      if (got <= 0) return {};
      bytes.append(buffer, static_cast<std::size_t>(got));
    }
    return bytes;
  }

 private:
  static void wait(int fd) {
    pollfd ready{fd, POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  }

  base::UniqueFd server_;
  base::UniqueFd client_;
  std::uint16_t port_ = 0;
};

inline std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out += static_cast<char>(v);
  return out;
}

}  // namespace dapr_mqtt::testing
