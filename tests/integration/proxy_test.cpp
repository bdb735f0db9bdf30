// Brokers behind a proxy, with every transport; and that no setting's secret is ever printed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "dapr_mqtt/base/unique_fd.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

sockaddr_in at_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// An HTTP proxy that knows CONNECT, and one login. Each connection on a thread of its own.
class HttpProxy {
 public:
  explicit HttpProxy(std::string login_in_base64) : login_(std::move(login_in_base64)) {
    sockaddr_in address = at_loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] {
      while (wait(listener_.get())) {
        threads_.emplace_back(
            [this, fd = base::UniqueFd(::accept4(listener_.get(), nullptr, nullptr,
                                                 SOCK_CLOEXEC))] { serve(fd.get()); });
      }
    });
  }
  ~HttpProxy() {
    stop_ = true;
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
  }
  std::uint16_t port() const { return port_; }
  int passed() const { return passed_; }

 private:
  /// False: it is to end.
  bool wait(int fd, int other = -1) {
    while (!stop_) {
      pollfd both[] = {{fd, POLLIN, 0}, {other, POLLIN, 0}};
      if (::poll(both, other < 0 ? 1 : 2, 20) > 0) return true;
    }
    return false;
  }
  void serve(int client) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      char byte = 0;
      if (!wait(client) || ::recv(client, &byte, 1, 0) != 1) return;
      head += byte;
    }
    if (head.find("Proxy-Authorization: Basic " + login_ + "\r\n") == std::string::npos) {
      return answer(client, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    const std::string target = head.substr(8, head.find(' ', 8) - 8);
    const base::UniqueFd broker(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto port = static_cast<std::uint16_t>(std::stoi(target.substr(target.find(':') + 1)));
    const sockaddr_in address = at_loopback(port);
    if (::connect(broker.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return answer(client, "HTTP/1.1 502 Bad Gateway\r\n\r\n");
    }
    answer(client, "HTTP/1.1 200 OK\r\n\r\n");
    ++passed_;
    while (wait(client, broker.get())) {
      if (!copy(client, broker.get()) || !copy(broker.get(), client)) return;
    }
  }
  static void answer(int fd, const std::string& text) {
    (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  static bool copy(int from, int to) {
    char buffer[16 * 1024];
    const ssize_t got = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    return got > 0 && ::send(to, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }

  const std::string login_;
  const base::UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> passed_{0};
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

class Proxy : public ::testing::Test {
 protected:
  void SetUp() override { DAPR_MQTT_NEEDS_MOSQUITTO(); }

  std::string proxy(const std::string& login) const {
    return "http://" + login + "@127.0.0.1:" + std::to_string(proxy_.port());
  }

  HttpProxy proxy_{"bWU6aHVzaA=="};  // me:hush
  ComponentProcess component_;
};

TEST_F(Proxy, carries_every_transport) {
  const CertificateAuthority ca;
  for (const bool websockets : {false, true}) {
    for (const bool tls : {false, true}) {
      MosquittoOptions options;
      options.websockets = websockets;
      if (tls) {
        options.ca_pem = ca.pem();
        options.server = ca.server();
      }
      const Mosquitto broker(options);
      Properties metadata{{"url", broker.url()},
                          {"consumerID", "app"},
                          {"qos", "1"},
                          {"proxyURL", proxy("me:hush")}};
      if (tls) metadata["caCert"] = ca.pem();
      const int before = proxy_.passed();
      ComponentClient client(component_.address(), broker.url());
      const grpc::Status status = client.init(metadata);
      ASSERT_TRUE(status.ok()) << broker.url() << ": " << status.error_message();
      const auto stream = client.pull("t");
      ASSERT_TRUE(client.publish("t", "x").ok()) << broker.url();
      EXPECT_TRUE(stream->next()) << broker.url();
      EXPECT_EQ(proxy_.passed(), before + 2) << broker.url();
    }
  }
  EXPECT_THAT(component_.process().output(), Not(HasSubstr("hush")));
}

TEST_F(Proxy, that_refuses_is_named_without_the_login) {
  const Mosquitto broker;
  ComponentClient client(component_.address());
  const grpc::Status wrong = client.init(
      {{"url", broker.url()}, {"consumerID", "app"}, {"proxyURL", proxy("me:hush%21")}});
  EXPECT_EQ(wrong.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(wrong.error_message(),
              AllOf(HasSubstr("proxy http://127.0.0.1:"),
                    HasSubstr("it rejects user name or password"), Not(HasSubstr("hush"))));
  const grpc::Status away =
      client.init({{"url", "tcp://127.0.0.1:" + std::to_string(unused_port())},
                   {"consumerID", "app"},
                   {"proxyURL", proxy("me:hush")}});
  EXPECT_THAT(away.error_message(), HasSubstr("it cannot reach 127.0.0.1:"));
}

TEST_F(Proxy, and_other_settings_keep_their_secrets) {
  const Properties all{{"url", "wss://u:hush1@127.0.0.1:1?sig=hush2"},
                       {"consumerID", "app"},
                       {"protocolVersion", "5"},
                       {"tlsInsecureSkipVerify", "true"},
                       {"proxyURL", "socks5://me:hush3@127.0.0.1:" + std::to_string(proxy_.port())},
                       {"webSocketHeaders", "Authorization: Bearer hush4"},
                       {"authMethod", "JWT"},
                       {"authData", "hush5"},
                       {"connectTimeout", "500ms"}};
  ComponentClient client(component_.address());
  EXPECT_THAT(client.init(all).error_message(), Not(HasSubstr("hush")));
  for (const char* key : {"url", "proxyURL", "webSocketHeaders", "authData"}) {
    Properties broken = all;
    broken[key] += "\x01hush6";
    EXPECT_THAT(client.init(broken).error_message(), Not(HasSubstr("hush"))) << key;
  }
  Properties key = all;
  key["clientCert"] = CertificateAuthority().client().cert_pem;
  key["clientKey"] =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhush7\n-----END ENCRYPTED PRIVATE KEY-----\n";
  key["clientKeyPassword"] = "hush8";
  EXPECT_THAT(client.init(key).error_message(),
              AllOf(HasSubstr("the key cannot be decrypted"), Not(HasSubstr("hush"))));
  EXPECT_THAT(component_.process().output(),
              AllOf(HasSubstr("is NOT verified"), Not(HasSubstr("hush"))));
}

}  // namespace
}  // namespace dapr_mqtt::testing
