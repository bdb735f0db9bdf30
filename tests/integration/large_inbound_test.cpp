// A device publishes far more in one message than the container has memory: it is read past, and
// what comes behind it is delivered.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <thread>

#include "dapr_mqtt/base/unique_fd.h"
#include "integration/component_test.h"
#include "support/mqtt_bytes.h"

namespace dapr_mqtt::testing {
namespace {

using core::ProtocolVersion;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr std::size_t kLarge = 200U << 20U;
constexpr long kMostKiB = 16L * 1024;
constexpr long kContainerKiB = 64L * 1024;
constexpr std::uint16_t kLargeId = 1;
constexpr std::uint16_t kSmallId = 2;

/// A broker of its own thread that acknowledges what it gets. To whoever subscribes it sends a
/// large message of zeros once let_go() was called, and a small one behind it.
class StreamingBroker {
 public:
  StreamingBroker(ProtocolVersion protocol, unsigned qos)
      : protocol_(protocol), qos_(qos), server_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(server_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(server_.get(), 8), 0);
    ::getsockname(server_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~StreamingBroker() {
    stop_ = true;
    thread_.join();
  }
  StreamingBroker(const StreamingBroker&) = delete;
  StreamingBroker& operator=(const StreamingBroker&) = delete;

  std::string url() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  void let_go() { let_go_ = true; }
  /// Whether this has come for the identifier, as the last step of its QoS.
  bool acknowledged(std::uint16_t id) const {
    return (id == kLargeId ? large_done_ : small_done_).load();
  }
  bool subscribed() const { return subscriber_.load() >= 0; }
  int connections() const { return connections_.load(); }

 private:
  struct Peer {
    base::UniqueFd fd;
    std::string received;
  };

  void run() {
    std::vector<Peer> peers;
    while (!stop_) {
      std::vector<pollfd> fds{{server_.get(), POLLIN, 0}};
      for (const Peer& peer : peers) fds.push_back({peer.fd.get(), POLLIN, 0});
      ::poll(fds.data(), fds.size(), 5);
      for (std::size_t i = fds.size() - 1; i > 0; --i) {
        if (fds[i].revents == 0 || read(peers[i - 1])) continue;
        if (subscriber_ == peers[i - 1].fd.get()) subscriber_ = -1;
        peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(i - 1));
      }
      if (fds[0].revents != 0) {
        ++connections_;
        peers.push_back(
            {base::UniqueFd(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC)), {}});
      }
      if (let_go_ && subscribed()) {
        let_go_ = false;
        send_messages(subscriber_);
      }
    }
  }
  bool read(Peer& peer) {
    char buffer[4096];
    const ssize_t size = ::recv(peer.fd.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    peer.received.append(buffer, static_cast<std::size_t>(size));
    while (const auto packet = mqtt::take_client_packet(protocol_, peer.received)) {
      answer(peer.fd.get(), *packet);
    }
    return true;
  }
  void answer(int fd, const mqtt::ClientPacket& packet) {
    switch (packet.type) {
      case 1: return send(fd, mqtt::connack(protocol_));
      case 3:
        if (packet.qos() > 0)
          send(fd, qos_ == 1 ? mqtt::puback(packet.id) : mqtt::pubrec(packet.id));
        return;
      case 4: return done(packet.id);  // PUBACK
      case 5: return send(fd, mqtt::pubrel(packet.id));
      case 6: return send(fd, mqtt::pubcomp(packet.id));
      case 7: return done(packet.id);  // PUBCOMP
      case 8:
        send(fd, mqtt::suback(protocol_, packet.id, mqtt::u8(qos_)));
        subscriber_ = fd;
        return;
      case 12: return send(fd, mqtt::pingresp());
      default: return;
    }
  }
  void done(std::uint16_t id) {
    if (id == kLargeId) large_done_ = true;
    if (id == kSmallId) small_done_ = true;
  }
  void send_messages(int fd) {
    // The head of a PUBLISH with that payload, without the payload itself.
    const std::string head =
        mqtt::text("t") + (qos_ > 0 ? mqtt::u16(kLargeId) : "") + mqtt::properties(protocol_);
    send(fd, mqtt::u8(0x30U | (qos_ << 1U)) + mqtt::variable(head.size() + kLarge) + head);
    const std::string zeros(256U << 10U, '\0');
    for (std::size_t left = kLarge; left > 0;) {
      const ssize_t sent = ::send(fd, zeros.data(), std::min(left, zeros.size()), MSG_NOSIGNAL);
      if (sent <= 0) return;
      left -= static_cast<std::size_t>(sent);
    }
    send(fd,
         mqtt::publish(protocol_, {.topic = "t", .payload = "small", .qos = qos_, .id = kSmallId}));
  }
  static void send(int fd, const std::string& bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  const ProtocolVersion protocol_;
  const unsigned qos_;
  base::UniqueFd server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> let_go_{false};
  std::atomic<bool> stop_{false};
  std::atomic<bool> large_done_{false};
  std::atomic<bool> small_done_{false};
  std::atomic<int> subscriber_{-1};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

struct Flood {
  ProtocolVersion protocol;
  unsigned qos;
  bool persistent;
};

class LargeInbound : public ::testing::TestWithParam<Flood> {
 protected:
  static bool wait_until(const std::function<bool()>& condition) {
    const auto deadline = steady_clock::now() + kPatience;
    while (!condition()) {
      if (steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }
  long peak_kib() const {
    std::ifstream status("/proc/" + std::to_string(component_.process().pid()) + "/status");
    for (std::string word; status >> word;) {
      long kib = 0;
      if (word == "VmHWM:" && status >> kib) return kib;
    }
    return -1;
  }
  std::string metrics() const {
    const std::string log = component_.process().output();
    const std::string before = "http://127.0.0.1:";
    const int port = std::stoi(log.substr(log.find(before) + before.size()));
    const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    EXPECT_GT(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

  // As in a container of 64 MiB.
  ComponentProcess component_{
      ComponentOptions{.arguments = {"--memory-limit", "64Mi", "--metrics-address", "0"}}};
};

TEST_P(LargeInbound, Message_of_200_MiB_is_skipped_in_64_MiB_and_the_rest_flows) {
  const Flood& with = GetParam();
  StreamingBroker broker(with.protocol, with.qos);
  ComponentClient client(component_.address());
  const bool mqtt5 = with.protocol == ProtocolVersion::kMqtt5;
  const grpc::Status begun = client.init({{"url", broker.url()},
                                          {"consumerID", "app"},
                                          {"protocolVersion", mqtt5 ? "5" : "3.1.1"},
                                          {"qos", std::to_string(with.qos)},
                                          {"cleanSession", with.persistent ? "false" : "true"}});
  ASSERT_TRUE(begun.ok()) << begun.error_message();
  const auto stream = client.pull("t");
  ASSERT_TRUE(wait_until([&] { return broker.subscribed(); }));
  const int connections = broker.connections();
  const long before = peak_kib();

  broker.let_go();
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "small");
  stream->ack(message->id());
  if (with.qos > 0) {
    EXPECT_TRUE(wait_until([&] { return broker.acknowledged(kLargeId); }));
    EXPECT_TRUE(wait_until([&] { return broker.acknowledged(kSmallId); }));
  }
  EXPECT_EQ(broker.connections(), connections) << "it was not made anew";

  const long after = peak_kib();
  std::cout << "peak: " << before << " KiB before, " << after << " KiB after\n";
  EXPECT_LE(after - before, kMostKiB);
  EXPECT_LT(after, kContainerKiB);
  EXPECT_THAT(metrics(), HasSubstr("\ndapr_mqtt_dropped_messages_total{component=\"pubsub\","
                                   "consumer_id=\"app\",reason=\"too_large\"} 1\n"));
  EXPECT_TRUE(component_.process().wait_for_output("is more than Dapr takes"));
  const std::string log = component_.process().output();
  EXPECT_EQ(count(log, "is more than Dapr takes"), 1U) << log;
  EXPECT_THAT(log, HasSubstr("its payload of " + std::to_string(kLarge) + " bytes"));
}

std::vector<Flood> all_cases() {
  std::vector<Flood> all;
  for (const auto protocol : {ProtocolVersion::kMqtt311, ProtocolVersion::kMqtt5}) {
    for (const unsigned qos : {0U, 1U, 2U}) {
      for (const bool persistent : {false, true}) all.push_back({protocol, qos, persistent});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Each, LargeInbound, ::testing::ValuesIn(all_cases()), [](const auto& each) {
      return std::string(each.param.protocol == ProtocolVersion::kMqtt5 ? "mqtt5" : "mqtt311") +
             "_qos" + std::to_string(each.param.qos) +
             (each.param.persistent ? "_persistent" : "_clean");
    });

}  // namespace
}  // namespace dapr_mqtt::testing
