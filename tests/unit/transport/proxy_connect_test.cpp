#include "transport/proxy_connect.h"

#include <gmock/gmock.h>

#include <thread>

#include "dapr_mqtt/transport/dialer.h"
#include "loopback.h"
#include "tls_server.h"

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Listener;
using ::testing::Not;
using testing::soon;

std::string receive(int fd, std::size_t size) {
  std::string out(size, '\0');
  const ssize_t got = ::recv(fd, out.data(), size, MSG_WAITALL);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

std::string receive_head(int fd) {
  std::string out;
  while (!out.ends_with("\r\n\r\n")) {
    const std::string byte = receive(fd, 1);
    if (byte.empty()) break;
    out += byte;
  }
  return out;
}

void send(int fd, const std::string& data) {
  EXPECT_EQ(::send(fd, data.data(), data.size(), MSG_NOSIGNAL), static_cast<ssize_t>(data.size()));
}

/// Copies in both directions between the client and a local port, until one side ends.
void join(int client, std::uint16_t port) {
  const base::UniqueFd broker(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = testing::loopback_address("127.0.0.1", port);
  ASSERT_EQ(::connect(broker.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
  for (;;) {
    pollfd both[] = {{client, POLLIN, 0}, {broker.get(), POLLIN, 0}};
    if (::poll(both, 2, 30'000) <= 0) return;
    for (int i = 0; i < 2; ++i) {
      if (both[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = ::recv(both[i].fd, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      ::send(both[1 - i].fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL);
    }
  }
}

class ProxyTest : public ::testing::Test {
 protected:
  void use(core::Proxy::Kind kind, const std::string& user = "", const std::string& password = "") {
    core::Proxy proxy;
    proxy.kind = kind;
    proxy.host = "127.0.0.1";
    proxy.port = proxy_.port();
    proxy.username = user;
    proxy.password = base::Secret(password);
    options_.proxy = proxy;
  }
  /// Dials the endpoint while the proxy calls `serve` for each client.
  template <typename Serve>
  Dialled dial(const core::Endpoint& endpoint, Serve serve) {
    std::thread server([&] {
      const base::UniqueFd fd = proxy_.accept();
      serve(fd.get());
    });
    DialObserver observer;
    observer.end = [this](const DialStep& step) { steps_ += step.name + " "; };
    Dialer dialer(endpoint, options_, resolver_, cancel_, observer);
    Dialled out = dialer.next(soon());
    read_ = out.stream ? read_byte(*out.stream) : "";
    out.stream.reset();
    server.join();
    return out;
  }
  std::string read_byte(ByteStream& stream) {
    for (;;) {
      char byte = 0;
      const IoResult got = stream.read(&byte, 1);
      if (got.outcome == IoResult::Outcome::kDone) return std::string(1, byte);
      if (got.outcome != IoResult::Outcome::kWouldBlock) return "end";
      pollfd wait{stream.fd(), POLLIN, 0};
      if (::poll(&wait, 1, 30'000) != 1) return "silence";
    }
  }
  static core::Endpoint broker(core::Transport transport = core::Transport::kTcp,
                               const std::string& host = "broker.invalid",
                               std::uint16_t port = 1883) {
    core::Endpoint endpoint;
    endpoint.transport = transport;
    endpoint.host = host;
    endpoint.port = port;
    return endpoint;
  }
  std::string http_error(const std::string& answer, ErrorKind kind) {
    const auto dialled = dial(broker(), [&](int fd) {
      (void)receive_head(fd);
      send(fd, answer);
    });
    EXPECT_EQ(dialled.status.kind(), kind);
    EXPECT_EQ(dialled.depth, Dialled::Depth::kProxy);
    EXPECT_THAT(dialled.status.message(), HasSubstr("proxy http://127.0.0.1:"));
    EXPECT_THAT(dialled.status.message(), Not(HasSubstr("hush")));
    return dialled.status.message();
  }
  std::string socks_error(const std::string& reply, ErrorKind kind) {
    const auto dialled = dial(broker(), [&](int fd) {
      (void)receive(fd, 3);
      send(fd, std::string("\x05\x00", 2));
      (void)receive(fd, 4 + 1 + 14 + 2);
      send(fd, reply);
    });
    EXPECT_EQ(dialled.status.kind(), kind);
    return dialled.status.message();
  }

  Listener proxy_;
  core::ConnectionOptions options_;
  Resolver resolver_;
  Cancel cancel_;
  std::string steps_;
  std::string read_;
};

TEST_F(ProxyTest, Http_is_asked_for_the_name_with_the_login) {
  use(core::Proxy::Kind::kHttp, "me", "hush");
  std::string request;
  const auto dialled = dial(broker(), [&](int fd) {
    request = receive_head(fd);
    send(fd, "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n!");
  });
  EXPECT_TRUE(dialled.status.ok()) << dialled.status.message();
  EXPECT_EQ(steps_, "tcp proxy ");
  EXPECT_EQ(read_, "!") << "the bytes after the head are the broker's";
  EXPECT_EQ(request,
            "CONNECT broker.invalid:1883 HTTP/1.1\r\nHost: broker.invalid:1883\r\n"
            "Proxy-Authorization: Basic bWU6aHVzaA==\r\n\r\n");
}

TEST_F(ProxyTest, Http_errors_are_its_own) {
  use(core::Proxy::Kind::kHttp);
  const std::string end = "\r\n\r\n";
  EXPECT_THAT(
      http_error("HTTP/1.1 407 Proxy Authentication Required" + end, ErrorKind::kUnauthenticated),
      HasSubstr("it requires a login: set user name and password in proxyURL"));
  EXPECT_THAT(http_error("HTTP/1.1 403 Forbidden" + end, ErrorKind::kPermissionDenied),
              HasSubstr("does not allow connections to broker.invalid:1883"));
  EXPECT_THAT(http_error("HTTP/1.0 502 Bad Gateway" + end, ErrorKind::kUnavailable),
              HasSubstr("cannot reach broker.invalid:1883 (\"502 Bad Gateway\")"));
  EXPECT_THAT(http_error("SSH-2.0-OpenSSH" + end, ErrorKind::kUnavailable),
              HasSubstr("is no HTTP proxy"));
  // A line without a status, before lines that make the answer long enough for one.
  EXPECT_THAT(http_error("HTTP/1.0\r\nVia: 1.1 proxy" + end, ErrorKind::kUnavailable),
              HasSubstr("is no HTTP proxy"));
  EXPECT_THAT(http_error("", ErrorKind::kUnavailable),
              HasSubstr("closed the connection without an answer"));
  EXPECT_THAT(http_error(std::string(20'000, 'x'), ErrorKind::kUnavailable), HasSubstr("too long"));
  use(core::Proxy::Kind::kHttp, "me", "hush");
  EXPECT_THAT(http_error("HTTP/1.1 407 Nope" + end, ErrorKind::kUnauthenticated),
              HasSubstr("it rejects user name or password: check those in proxyURL"));
}

TEST_F(ProxyTest, That_nobody_listens_at_is_named) {
  use(core::Proxy::Kind::kHttp);
  options_.proxy->port = Listener().port();
  Dialer dialer(broker(), options_, resolver_, cancel_);
  EXPECT_THAT(dialer.next(soon()).status.message(),
              AllOf(HasSubstr("proxy http://127.0.0.1:"), HasSubstr("connection refused")));
}

TEST_F(ProxyTest, Socks_logs_in_and_is_asked_for_the_name) {
  use(core::Proxy::Kind::kSocks5, "me", "hush");
  std::string login;
  std::string request;
  const auto dialled = dial(broker(), [&](int fd) {
    EXPECT_EQ(receive(fd, 4), std::string("\x05\x02\x00\x02", 4));
    send(fd, "\x05\x02");
    login = receive(fd, 1 + 1 + 2 + 1 + 4);
    send(fd, std::string("\x01\x00", 2));
    request = receive(fd, 4 + 1 + 14 + 2);
    send(fd, std::string("\x05\x00\x00\x03\x04here\x00\x01!", 12));
  });
  EXPECT_TRUE(dialled.status.ok()) << dialled.status.message();
  EXPECT_EQ(login, "\x01\x02me\x04hush");
  EXPECT_EQ(request, std::string("\x05\x01\x00\x03\x0E", 5) + "broker.invalid" + "\x07\x5B");
  EXPECT_EQ(read_, "!");
}

TEST_F(ProxyTest, Socks_gets_an_address_as_one) {
  use(core::Proxy::Kind::kSocks5);
  std::string request;
  (void)dial(broker(core::Transport::kTcp, "192.0.2.1"), [&](int fd) {
    (void)receive(fd, 3);
    send(fd, std::string("\x05\x00", 2));
    request = receive(fd, 4 + 4 + 2);
  });
  EXPECT_EQ(request, std::string("\x05\x01\x00\x01\xC0\x00\x02\x01\x07\x5B", 10));
}

TEST_F(ProxyTest, Socks_errors_are_its_own) {
  use(core::Proxy::Kind::kSocks5);
  const auto reply = [](char code) { return std::string{5, code, 0, 1, 0, 0, 0, 0, 0, 0}; };
  EXPECT_THAT(socks_error(reply(1), ErrorKind::kUnavailable), HasSubstr("failed to connect"));
  EXPECT_THAT(socks_error(reply(2), ErrorKind::kPermissionDenied), HasSubstr("rules do not allow"));
  EXPECT_THAT(socks_error(reply(4), ErrorKind::kUnavailable), HasSubstr("cannot reach the host"));
  EXPECT_THAT(socks_error(reply(5), ErrorKind::kUnavailable),
              HasSubstr("the connection to broker.invalid:1883 was refused (SOCKS reply 5)"));
  EXPECT_THAT(socks_error(reply(99), ErrorKind::kUnavailable), HasSubstr("SOCKS reply 99"));
  const auto greeted = [&](const std::string& answer) {
    return dial(broker(),
                [&](int fd) {
                  (void)receive(fd, 3);
                  send(fd, answer);
                })
        .status.message();
  };
  EXPECT_THAT(greeted("HT"), HasSubstr("does not speak SOCKS5"));
  EXPECT_THAT(greeted("\x05\xFF"), HasSubstr("no connection without a login"));
  EXPECT_THAT(greeted("\x05\x02"), HasSubstr("it requires a login"));
}

TEST_F(ProxyTest, Carries_tls_for_the_brokers_name) {
  use(core::Proxy::Kind::kHttp);
  const testing::CertificateAuthority ca;
  options_.tls.ca_pem = ca.pem();
  testing::TlsServerOptions tls;
  tls.identity = ca.server_for({"broker.invalid"});
  testing::TlsServer server(tls, [](SSL* session) { SSL_write(session, "!", 1); });
  const auto dialled = dial(broker(core::Transport::kTls), [&](int fd) {
    (void)receive_head(fd);
    send(fd, "HTTP/1.1 200 OK\r\n\r\n");
    join(fd, server.port());
  });
  EXPECT_TRUE(dialled.status.ok()) << dialled.status.message();
  EXPECT_EQ(read_, "!");
  EXPECT_EQ(steps_, "tcp proxy tls ");
  EXPECT_EQ(server.server_name().next(), "broker.invalid");
}

TEST_F(ProxyTest, Silence_ends_with_the_deadline_and_with_a_cancel) {
  use(core::Proxy::Kind::kHttp);
  Dialer dialer(broker(), options_, resolver_, cancel_);
  EXPECT_THAT(dialer.next(std::chrono::steady_clock::now() + std::chrono::milliseconds(50))
                  .status.message(),
              AllOf(HasSubstr("proxy http://"), HasSubstr("does not answer in time")));
  cancel_.set();
  Dialer cancelled(broker(), options_, resolver_, cancel_);
  EXPECT_EQ(cancelled.next(soon()).status.kind(), ErrorKind::kCancelled);
}

}  // namespace
}  // namespace dapr_mqtt::transport
