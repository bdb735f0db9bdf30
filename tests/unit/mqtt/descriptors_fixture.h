// Sockets like those of Paho, to which a channel is assigned.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

#include "dapr_mqtt/base/unique_fd.h"
#include "mqtt/descriptors.h"
#include "unit/mqtt/as_paho.h"
#include "unit/mqtt/channel_fixture.h"

namespace dapr_mqtt::mqtt {

inline constexpr int kForEver = -1;
inline constexpr std::size_t kLarge = 6000;  // more than a channel keeps

inline sockaddr_in address_of(const std::string& uri) {
  EXPECT_EQ(uri.rfind("tcp://224.0.0.0:", 0), 0U) << uri;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, "224.0.0.0", &address.sin_addr);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(uri.substr(uri.rfind(':') + 1))));
  return address;
}

/// Calls connect(2); returns 0 or errno.
inline int connect_to(int fd, const sockaddr_in& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                         : errno;
}

inline base::UniqueFd new_socket() { return base::UniqueFd(::socket(AF_INET, SOCK_STREAM, 0)); }

inline ssize_t writev_of(int fd, std::string_view bytes) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return ::writev(fd, &part, 1);
}

class DescriptorsTest : public ChannelTest {
 protected:
  DescriptorsTest() { client_ = descriptors_.waker(); }

  /// A socket with channel_, after CONNECT and CONNACK.
  base::UniqueFd connected(bool receive_here = true) {
    receiver_ = receive_here ? descriptors_.waker() : std::make_shared<Waker>();
    make_connected();
    return attached(receive_here);
  }
  base::UniqueFd attached(bool receive_here = true) {
    auto socket = new_socket();
    auto uri = descriptors_.offer(channel_, receive_here);
    EXPECT_TRUE(uri.ok());
    EXPECT_EQ(connect_to(socket.get(), address_of(uri.value())), 0);
    return socket;
  }
  /// After a new connection poll() returns at once, so that Paho looks at it too.
  static void look_at(int fd) {
    pollfd wait{fd, 0, 0};
    EXPECT_EQ(::poll(&wait, 1, kForEver), 0);
  }
  static short poll_of(int fd, short events, int timeout_ms) {
    pollfd wait{fd, events, 0};
    const int found = ::poll(&wait, 1, timeout_ms);
    EXPECT_EQ(found, wait.revents != 0 ? 1 : 0);
    return wait.revents;
  }

  Descriptors& descriptors_ = Descriptors::instance();
};

}  // namespace dapr_mqtt::mqtt
