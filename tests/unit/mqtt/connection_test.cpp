#include "mqtt/connection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "dapr_mqtt/base/unique_fd.h"
#include "support/captured_log.h"
#include "support/mqtt_bytes.h"
#include "support/waiting.h"

namespace dapr_mqtt::mqtt {
namespace {

namespace bytes = testing::mqtt;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Listener final : public core::ConnectionListener {
 public:
  void on_connected(const core::SessionFound&) override { events.push(true); }
  void on_disconnected(const base::Status&, core::ConnectionEnd) override { events.push(false); }

  testing::Channel<bool> events;
};

bool readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(milliseconds(testing::kPatience).count())) == 1;
}

// The end of the connection may be reported before its start: the two come from different
// threads.
TEST(Connection, That_breaks_at_any_time_after_CONNACK_is_made_again) {
  const base::UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server.get(), 8), 0);
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size);

  Connection::Settings settings;
  settings.options.endpoints = {{core::Transport::kTcp, "127.0.0.1", ntohs(address.sin_port), {}}};
  settings.options.client_id = "client";
  settings.role = "publisher";
  settings.backoff_initial = settings.backoff_max = milliseconds(1);
  Listener listener;
  testing::CapturedLog log;
  Connection connection(settings, listener, nullptr, nullptr, base::Log(log),
                        std::make_shared<transport::Resolver>());
  connection.open();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(readable(server.get())) << "no connection after " << i << "\n" << log.text();
    const base::UniqueFd client(::accept(server.get(), nullptr, nullptr));
    std::string sent;
    while (!bytes::whole_packet(sent)) {
      char buffer[256];
      ASSERT_TRUE(readable(client.get()));
      const ssize_t n = ::read(client.get(), buffer, sizeof buffer);
      ASSERT_GT(n, 0);
      sent.append(buffer, static_cast<std::size_t>(n));
    }
    const std::string connack = bytes::connack(core::ProtocolVersion::kMqtt311);
    ASSERT_EQ(::send(client.get(), connack.data(), connack.size(), MSG_NOSIGNAL), 4);
    const auto end = steady_clock::now() + microseconds(i);
    while (steady_clock::now() < end) {
    }
  }
  testing::Channel<bool> closed;
  connection.close([&] { closed.push(true); });
  EXPECT_TRUE(closed.next());
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
