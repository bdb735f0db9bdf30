#include "dapr_mqtt/transport/dialer.h"

#include <gmock/gmock.h>

#include "loopback.h"
#include "tls_server.h"
#include "transport/wait.h"
#include "transport/websocket_handshake.h"
#include "websocket_peer.h"

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using core::Transport;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Depth = Dialled::Depth;
using Outcome = IoResult::Outcome;
using testing::CertificateAuthority;
using testing::Listener;
using testing::soon;
using testing::TlsServer;
using testing::TlsServerOptions;

/// Reads one HTTP request by `read_some` and answers it as a WebSocket server does.
template <typename ReadSome>
std::string upgrade_answer(ReadSome read_some) {
  std::string request;
  while (request.find("\r\n\r\n") == std::string::npos) {
    char buffer[1000];
    const auto got = read_some(buffer, sizeof buffer);
    if (got <= 0) return {};
    request.append(buffer, static_cast<std::size_t>(got));
  }
  const std::string name = "Sec-WebSocket-Key: ";
  const std::string key = request.substr(request.find(name) + name.size(), 24);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         accept_value(key) + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
}

class DialerTest : public ::testing::Test {
 protected:
  core::Endpoint at(std::uint16_t port, Transport transport = Transport::kTcp,
                    const std::string& host = "127.0.0.1") {
    core::Endpoint endpoint;
    endpoint.transport = transport;
    endpoint.host = host;
    endpoint.port = port;
    endpoint.path = "/mqtt";
    return endpoint;
  }
  Dialled dial(const core::Endpoint& endpoint, base::TimePoint deadline = soon()) {
    DialObserver observer;
    observer.begin = [this](const std::string& name) {
      begun_.push_back(name);
      if (name == cancel_at_) cancel_.set();
    };
    observer.end = [this](const DialStep& step) { steps_.push_back(step); };
    Dialer dialer(endpoint, options_, resolver_, cancel_, observer);
    Dialled out = dialer.next(deadline);
    more_ = dialer.more();
    return out;
  }
  std::string read(ByteStream& stream, std::size_t size) {
    std::string out;
    std::string buffer(1000, '\0');
    while (out.size() < size) {
      const IoResult got = stream.read(buffer.data(), buffer.size());
      out.append(buffer, 0, got.bytes);
      if (got.outcome == Outcome::kDone) continue;
      if (got.outcome != Outcome::kWouldBlock) break;
      if (wait_for(stream, soon(), cancel_) != Waited::kReady) break;
    }
    return out;
  }
  static base::TimePoint at_once() {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  }

  core::ConnectionOptions options_;
  Resolver resolver_;
  Cancel cancel_;
  std::string cancel_at_;
  std::vector<std::string> begun_;
  std::vector<DialStep> steps_;
  bool more_ = true;
};

TEST_F(DialerTest, Plain_address_needs_one_step) {
  Listener listener;
  const auto dialled = dial(at(listener.port()));
  ASSERT_TRUE(dialled.stream);
  EXPECT_EQ(dialled.depth, Depth::kTcp);
  EXPECT_THAT(begun_, ElementsAre("tcp"));
  EXPECT_EQ(steps_[0].seen, "connected to 127.0.0.1 port " + std::to_string(listener.port()));
  EXPECT_FALSE(more_);
}

TEST_F(DialerTest, Name_is_looked_up_and_its_addresses_are_tried) {
  Listener listener;
  const auto dialled = dial(at(listener.port(), Transport::kTcp, "localhost"));
  ASSERT_TRUE(dialled.stream) << dialled.status.message();
  EXPECT_THAT(begun_, ElementsAre("name", "tcp"));
  EXPECT_THAT(steps_[0].seen, AllOf(HasSubstr("localhost is "), HasSubstr("127.0.0.1")));
}

TEST_F(DialerTest, Unknown_name_is_the_cause) {
  const auto dialled = dial(at(1, Transport::kTcp, "no-such-host.invalid"));
  EXPECT_FALSE(dialled.stream);
  EXPECT_EQ(dialled.depth, Depth::kNoConnection);
  EXPECT_THAT(dialled.status.message(), HasSubstr("\"no-such-host.invalid\""));
  EXPECT_FALSE(more_);
}

TEST_F(DialerTest, Refused_connection_is_named_with_address_in_the_step_only) {
  const std::uint16_t port = Listener().port();
  const auto dialled = dial(at(port));
  EXPECT_EQ(dialled.depth, Depth::kNoConnection);
  EXPECT_EQ(dialled.status.message(), "connection refused (nothing listens there)");
  EXPECT_EQ(steps_[0].status.message(), "127.0.0.1 port " + std::to_string(port) +
                                            ": connection refused (nothing listens there)");
}

TEST_F(DialerTest, No_second_way_to_one_address) {
  Listener listener;
  const auto endpoint = at(listener.port());
  Dialer dialer(endpoint, options_, resolver_, cancel_);
  EXPECT_TRUE(dialer.more());
  EXPECT_TRUE(dialer.next(soon()).stream);
  EXPECT_FALSE(dialer.more());
  const auto second = dialer.next(soon());
  EXPECT_FALSE(second.stream);
  EXPECT_EQ(second.status.message(), "no address is left to try");
}

TEST_F(DialerTest, Silence_is_named_by_its_step) {
  Listener listener;  // its backlog accepts connections, but nothing answers
  const auto in_tls = dial(at(listener.port(), Transport::kTls), at_once());
  EXPECT_EQ(in_tls.depth, Depth::kTls);
  EXPECT_THAT(in_tls.status.message(), HasSubstr("does not answer the TLS handshake"));
  const auto in_upgrade = dial(at(listener.port(), Transport::kWebSocket), at_once());
  EXPECT_EQ(in_upgrade.depth, Depth::kWebSocket);
  EXPECT_THAT(in_upgrade.status.message(), HasSubstr("does not answer the WebSocket upgrade"));
}

TEST_F(DialerTest, Cancel_ends_each_step) {
  Listener listener;
  for (const char* step : {"name", "tcp", "tls", "websocket"}) {
    cancel_.reset();
    cancel_at_ = step;
    const auto transport = step == std::string("tls")         ? Transport::kTls
                           : step == std::string("websocket") ? Transport::kWebSocket
                                                              : Transport::kTcp;
    const auto dialled = dial(at(listener.port(), transport, "localhost"));
    EXPECT_FALSE(dialled.stream) << step;
    EXPECT_EQ(dialled.status.kind(), ErrorKind::kCancelled) << step;
  }
}

TEST_F(DialerTest, Websocket_is_upgraded_and_carries_bytes) {
  Listener listener;
  std::thread server([&] {
    const base::UniqueFd fd = listener.accept();
    // The first frame is sent together with the answer.
    const std::string answer =
        upgrade_answer([&](char* to, std::size_t size) { return ::recv(fd.get(), to, size, 0); }) +
        testing::frame(testing::kBinary, "hello");
    EXPECT_EQ(::send(fd.get(), answer.data(), answer.size(), 0),
              static_cast<ssize_t>(answer.size()));
    char masked[11];
    EXPECT_EQ(::recv(fd.get(), masked, sizeof masked, MSG_WAITALL), 11);
    EXPECT_EQ(testing::client_frames({masked, sizeof masked}).at(0).payload, "world");
  });
  const auto dialled = dial(at(listener.port(), Transport::kWebSocket));
  EXPECT_TRUE(dialled.stream) << dialled.status.message();
  if (dialled.stream) {
    EXPECT_EQ(dialled.depth, Depth::kWebSocket);
    EXPECT_THAT(begun_, ElementsAre("tcp", "websocket"));
    EXPECT_EQ(read(*dialled.stream, 5), "hello");
    EXPECT_EQ(dialled.stream->write("world", 5).bytes, 5U);
  }
  server.join();
}

TEST_F(DialerTest, Upgrade_that_is_refused_or_cut_off_is_named) {
  for (const auto& [answer, text] : std::vector<std::pair<std::string, std::string>>{
           {"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404 Not Found: check port and path in url"},
           {"", "closed the connection without an answer"}}) {
    Listener listener;
    std::thread server([&, reply = answer] {
      const base::UniqueFd fd = listener.accept();
      (void)upgrade_answer(
          [&](char* to, std::size_t size) { return ::recv(fd.get(), to, size, 0); });
      ::send(fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    });
    const auto dialled = dial(at(listener.port(), Transport::kWebSocket));
    EXPECT_FALSE(dialled.stream);
    EXPECT_THAT(dialled.status.message(), HasSubstr(text));
    server.join();
  }
}

TEST_F(DialerTest, Websocket_over_tls_carries_bytes) {
  const CertificateAuthority ca;
  options_.tls.ca_pem = ca.pem();
  TlsServerOptions options;
  options.identity = ca.server();
  TlsServer server(options, [](SSL* session) {
    const std::string answer = upgrade_answer(
        [&](char* to, std::size_t size) { return SSL_read(session, to, static_cast<int>(size)); });
    SSL_write(session, answer.data(), static_cast<int>(answer.size()));
    const std::string hello = testing::frame(testing::kBinary, "hello over TLS");
    SSL_write(session, hello.data(), static_cast<int>(hello.size()));
  });
  const auto dialled = dial(at(server.port(), Transport::kWebSocketTls, "localhost"));
  ASSERT_TRUE(dialled.stream) << dialled.status.message();
  EXPECT_THAT(begun_, ElementsAre("name", "tcp", "tls", "websocket"));
  EXPECT_THAT(steps_[2].seen, HasSubstr("TLSv1.3"));
  EXPECT_EQ(read(*dialled.stream, 14), "hello over TLS");
}

TEST_F(DialerTest, Rejected_client_certificate_is_the_cause_in_the_websocket_step_too) {
  const CertificateAuthority ca;
  options_.tls.ca_pem = ca.pem();
  TlsServerOptions options;
  options.identity = ca.server();
  options.client_ca_pem = ca.pem();  // TLS 1.3: the alert comes only after the handshake
  TlsServer server(options);
  const auto dialled = dial(at(server.port(), Transport::kWebSocketTls, "localhost"));
  EXPECT_FALSE(dialled.stream);
  EXPECT_EQ(dialled.status.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(dialled.status.message(), HasSubstr("set clientCert and clientKey"));
}

}  // namespace
}  // namespace dapr_mqtt::transport
