// TLS against a real server, each mistake with its own text.
#include "transport/tls_stream.h"

#include <gmock/gmock.h>

#include "loopback.h"
#include "tls_server.h"
#include "transport/tcp_race.h"
#include "transport/tcp_stream.h"
#include "transport/tls_connect.h"
#include "transport/wait.h"

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Outcome = IoResult::Outcome;
using testing::CertificateAuthority;
using testing::Identity;
using testing::Listener;
using testing::soon;
using testing::TlsServer;
using testing::TlsServerOptions;

class TlsStreamTest : public ::testing::Test {
 protected:
  TlsStreamTest() { trusting_.ca_pem = ca().pem(); }

  static const CertificateAuthority& ca() {
    static const CertificateAuthority authority;
    return authority;
  }
  static TlsServerOptions showing(Identity identity) {
    TlsServerOptions options;
    options.identity = std::move(identity);
    return options;
  }
  base::Result<std::unique_ptr<ByteStream>> connect(std::uint16_t port, const std::string& host,
                                                    const core::TlsMaterial& material,
                                                    base::TimePoint deadline = soon()) {
    std::vector<std::string> addresses{"127.0.0.1"};
    auto tcp = std::make_unique<TcpStream>(race_to_connect(addresses, port, soon(), cancel_).socket,
                                           std::chrono::seconds(30));
    core::Endpoint endpoint;
    endpoint.transport = core::Transport::kTls;
    endpoint.host = host;
    return connect_tls(std::move(tcp), endpoint, material, deadline, cancel_, details_);
  }
  base::Status try_with(const TlsServerOptions& options, const std::string& host,
                        const core::TlsMaterial& material) {
    TlsServer server(options);
    auto stream = connect(server.port(), host, material);
    return stream.status();
  }
  /// Repeats read() until it returns something or the end.
  IoResult read(ByteStream& stream, std::string& out) {
    std::string buffer(20000, '\0');
    for (;;) {
      const IoResult got = stream.read(buffer.data(), buffer.size());
      if (got.outcome != Outcome::kWouldBlock) {
        out.append(buffer, 0, got.bytes);
        return got;
      }
      if (wait_for(stream, soon(), cancel_) != Waited::kReady) return got;
    }
  }

  Cancel cancel_;
  core::TlsMaterial trusting_;
  TlsDetails details_;
};

TEST_F(TlsStreamTest, Bytes_go_both_ways_in_any_amount) {
  const std::string much(300'000, 'y');
  TlsServer server(showing(ca().server()), [&](SSL* session) {
    std::string got(much.size(), '\0');
    std::size_t done = 0;
    while (done < got.size()) {
      const int n = SSL_read(session, got.data() + done, static_cast<int>(got.size() - done));
      ASSERT_GT(n, 0);
      done += static_cast<std::size_t>(n);
    }
    EXPECT_EQ(SSL_write(session, got.data(), static_cast<int>(got.size())),
              static_cast<int>(got.size()));
  });
  auto made = connect(server.port(), "localhost", trusting_);
  ASSERT_TRUE(made.ok()) << made.status().message();
  ByteStream& stream = *made.value();
  std::size_t sent = 0;
  while (sent < much.size() || stream.wants_write()) {
    const IoResult put =
        sent < much.size() ? stream.write(much.data() + sent, much.size() - sent) : stream.flush();
    ASSERT_NE(put.outcome, Outcome::kFailed) << put.status.message();
    sent += put.bytes;
    if (put.outcome == Outcome::kWouldBlock) {
      ASSERT_EQ(wait_for(stream.fd(), POLLOUT, soon(), cancel_), Waited::kReady);
    }
  }
  std::string back;
  while (read(stream, back).outcome == Outcome::kDone) {
  }
  EXPECT_TRUE(back == much);
  EXPECT_EQ(details_.protocol, "TLSv1.3");
  EXPECT_EQ(details_.chain, 2);
  EXPECT_THAT(details_.summary(),
              AllOf(HasSubstr("test-server"), HasSubstr("127.0.0.1"), HasSubstr("chain of 2")));
  EXPECT_EQ(server.server_name().next(), "localhost");
}

TEST_F(TlsStreamTest, Write_that_blocks_keeps_its_bytes_and_wants_to_write) {
  testing::Channel<int> stalled;
  std::string got;
  TlsServer server(showing(ca().server()), [&](SSL* session) {
    stalled.next();  // the socket is full before anything is read
    char buffer[20000];
    for (int n = 0; (n = SSL_read(session, buffer, sizeof buffer)) > 0;)
      got.append(buffer, static_cast<std::size_t>(n));
  });
  auto made = connect(server.port(), "localhost", trusting_);
  ASSERT_TRUE(made.ok()) << made.status().message();
  ByteStream& stream = *made.value();
  std::string taken;
  IoResult put;
  const std::string piece(10'000, 'p');
  for (int i = 0; i < 10'000; ++i) {
    put = stream.write(piece.data(), piece.size());
    if (put.outcome != Outcome::kDone) break;
    taken.append(piece, 0, put.bytes);
  }
  EXPECT_EQ(put.outcome, Outcome::kWouldBlock);
  EXPECT_TRUE(stream.wants_write());
  stalled.push(1);
  // Other and fewer bytes than before: the bytes that were accepted earlier still arrive first.
  while (stream.wants_write()) {
    ASSERT_EQ(wait_for(stream.fd(), POLLOUT, soon(), cancel_), Waited::kReady);
    ASSERT_NE(stream.flush().outcome, Outcome::kFailed);
  }
  put = stream.write("end", 3);
  EXPECT_EQ(put.bytes, 3U);
  while (stream.wants_write()) {
    ASSERT_EQ(wait_for(stream.fd(), POLLOUT, soon(), cancel_), Waited::kReady);
    ASSERT_NE(stream.flush().outcome, Outcome::kFailed);
  }
  stream.shut_down();
  std::string ignored;
  EXPECT_EQ(read(stream, ignored).outcome, Outcome::kClosed);
  EXPECT_TRUE(got == taken + "end");
}

TEST_F(TlsStreamTest, Large_record_read_in_parts_is_buffered_input) {
  TlsServer server(showing(ca().server()),
                   [](SSL* session) { EXPECT_EQ(SSL_write(session, "abcdef", 6), 6); });
  auto made = connect(server.port(), "localhost", trusting_);
  ASSERT_TRUE(made.ok());
  std::string got;
  char two[2];
  while (got.size() < 6) {
    ASSERT_EQ(wait_for(*made.value(), soon(), cancel_), Waited::kReady);
    const IoResult part = made.value()->read(two, sizeof two);
    got.append(two, part.bytes);
    // After the last byte the end of the stream may be there already.
    if (part.bytes > 0 && got.size() < 6) {
      EXPECT_TRUE(made.value()->has_buffered_input());
    }
  }
  EXPECT_EQ(got, "abcdef");
}

TEST_F(TlsStreamTest, End_without_close_notify_is_closed) {
  TlsServer server(showing(ca().server()), [](SSL* session) {
    SSL_set_quiet_shutdown(session, 1);  // the server's SSL_shutdown() sends nothing
  });
  auto made = connect(server.port(), "localhost", trusting_);
  ASSERT_TRUE(made.ok());
  std::string ignored;
  EXPECT_EQ(read(*made.value(), ignored).outcome, Outcome::kClosed);
}

TEST_F(TlsStreamTest, Wrong_ca_is_named) {
  core::TlsMaterial other;
  other.ca_pem = CertificateAuthority("another CA").pem();
  const auto status = try_with(showing(ca().server()), "localhost", other);
  EXPECT_EQ(status.kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("signed by an unknown CA"),
                                      HasSubstr("caCert holds another CA's certificate")));
  // The system's CAs do not know it either.
  EXPECT_THAT(try_with(showing(ca().server()), "localhost", {}).message(),
              AllOf(HasSubstr("signed by an unknown CA"), HasSubstr("set caCert")));
}

TEST_F(TlsStreamTest, Ca_bundle_may_hold_several) {
  core::TlsMaterial bundle;
  bundle.ca_pem = CertificateAuthority("another CA").pem() + ca().pem();
  EXPECT_TRUE(try_with(showing(ca().server()), "localhost", bundle).ok());
}

TEST_F(TlsStreamTest, Self_signed_and_expired_certificates_are_named) {
  EXPECT_THAT(try_with(showing(testing::self_signed_server()), "localhost", trusting_).message(),
              HasSubstr("self-signed"));
  EXPECT_THAT(try_with(showing(ca().expired_server()), "localhost", trusting_).message(),
              HasSubstr("has expired"));
}

TEST_F(TlsStreamTest, Wrong_host_is_named_with_what_the_certificate_has) {
  const auto by_name =
      try_with(showing(ca().server_for({"other.example"})), "localhost", trusting_);
  EXPECT_THAT(by_name.message(), AllOf(HasSubstr("host name mismatch"), HasSubstr("\"localhost\""),
                                       HasSubstr("it is valid for other.example")));
  const auto by_address =
      try_with(showing(ca().server_for({"other.example"})), "127.0.0.1", trusting_);
  EXPECT_THAT(by_address.message(),
              AllOf(HasSubstr("host name mismatch"), HasSubstr("\"127.0.0.1\"")));
}

TEST_F(TlsStreamTest, Name_with_trailing_dot_is_the_name) {
  TlsServer server(showing(ca().server()));
  EXPECT_TRUE(connect(server.port(), "localhost.", trusting_).ok());
  EXPECT_EQ(server.server_name().next(), "localhost");
}

TEST_F(TlsStreamTest, Addresses_are_verified_and_not_sent_as_server_name) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    TlsServer server(showing(ca().server()));
    const auto made = connect(server.port(), address, trusting_);
    EXPECT_TRUE(made.ok()) << made.status().message();
    EXPECT_EQ(server.server_name().next(), "");
  }
}

TEST_F(TlsStreamTest, Intermediate_is_a_trust_anchor) {
  const auto intermediate = ca().intermediate();
  core::TlsMaterial partial;
  partial.ca_pem = intermediate.pem();
  EXPECT_TRUE(try_with(showing(intermediate.server()), "localhost", partial).ok());
  // The root, with an intermediate that the server sends.
  auto options = showing(intermediate.server());
  options.chain_pem = intermediate.pem();
  EXPECT_TRUE(try_with(options, "localhost", trusting_).ok());
}

struct Version {
  const char* name;
  int number;
};
class ClientCertificate : public TlsStreamTest, public ::testing::WithParamInterface<Version> {
 protected:
  TlsServerOptions demanding() {
    auto options = showing(ca().server());
    options.client_ca_pem = ca().pem();
    options.min_version = options.max_version = GetParam().number;
    return options;
  }
  core::TlsMaterial with(const Identity& client) {
    auto material = trusting_;
    material.cert_pem = client.cert_pem;
    material.key_pem = base::Secret(client.key_pem);
    return material;
  }
  /// The handshake's failure or, in TLS 1.3, the first read's.
  base::Status rejection(const core::TlsMaterial& material) {
    TlsServer server(demanding());
    auto made = connect(server.port(), "localhost", material);
    if (!made.ok()) return made.status();
    EXPECT_EQ(GetParam().number, TLS1_3_VERSION);
    std::string ignored;
    const IoResult got = read(*made.value(), ignored);
    EXPECT_EQ(got.outcome, Outcome::kFailed);
    // Writes fail likewise from then on.
    EXPECT_EQ(made.value()->write("x", 1).status.message(), got.status.message());
    return got.status;
  }
};
INSTANTIATE_TEST_SUITE_P(Tls, ClientCertificate,
                         ::testing::Values(Version{"v12", TLS1_2_VERSION},
                                           Version{"v13", TLS1_3_VERSION}),
                         [](const auto& param) { return param.param.name; });

TEST_P(ClientCertificate, Good_one_is_accepted) {
  TlsServer server(demanding(), [](SSL* session) { SSL_write(session, "hi", 2); });
  auto made = connect(server.port(), "localhost", with(ca().client()));
  ASSERT_TRUE(made.ok()) << made.status().message();
  std::string got;
  EXPECT_EQ(read(*made.value(), got).outcome, Outcome::kDone);
  EXPECT_EQ(got, "hi");
}

TEST_P(ClientCertificate, Missing_one_is_named) {
  const auto status = rejection(trusting_);
  EXPECT_EQ(status.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(status.message(), HasSubstr("set clientCert and clientKey"));
}

TEST_P(ClientCertificate, Rejected_one_is_named) {
  const auto foreign = rejection(with(CertificateAuthority("another CA").client()));
  EXPECT_EQ(foreign.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(foreign.message(), HasSubstr("rejects the client certificate"));
  EXPECT_THAT(rejection(with(ca().expired_client())).message(), HasSubstr("it has expired"));
}

TEST_F(TlsStreamTest, Rejected_client_certificate_is_the_cause_of_a_write_that_fails) {
  auto options = showing(ca().server());
  options.client_ca_pem = ca().pem();
  options.close_at_once = true;
  TlsServer server(options);
  auto made = connect(server.port(), "localhost", trusting_);
  ASSERT_TRUE(made.ok()) << made.status().message();
  // Nothing is read: the alert is still in the socket when the connection is reset.
  const auto deadline = soon();
  IoResult put;
  while (put.outcome != Outcome::kFailed && std::chrono::steady_clock::now() < deadline)
    put = made.value()->write("x", 1);
  EXPECT_EQ(put.status.kind(), ErrorKind::kUnauthenticated);
  EXPECT_THAT(put.status.message(), HasSubstr("set clientCert and clientKey"));
  std::string ignored;
  EXPECT_EQ(read(*made.value(), ignored).status.message(), put.status.message());
}

TEST_F(TlsStreamTest, Material_that_openssl_does_not_take_is_named_without_the_key) {
  auto material = trusting_;
  material.cert_pem = ca().client().cert_pem;
  material.key_pem = base::Secret(ca().client().key_pem);  // of another certificate
  Listener listener;
  const auto status = connect(listener.port(), "localhost", material).status();
  EXPECT_EQ(status.kind(), ErrorKind::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("clientKey"), Not(HasSubstr("PRIVATE"))));
  material = {};
  material.ca_pem = "nonsense";
  EXPECT_THAT(connect(listener.port(), "localhost", material).status().message(),
              HasSubstr("caCert"));
}

TEST_F(TlsStreamTest, Server_with_tls_1_1_only_is_refused) {
  auto options = showing(ca().server());
  options.min_version = options.max_version = TLS1_1_VERSION;
  EXPECT_THAT(try_with(options, "localhost", trusting_).message(),
              HasSubstr("no protocol version in common"));
}

TEST_F(TlsStreamTest, Silent_server_is_named) {
  Listener listener;  // its backlog accepts connections, but nothing answers
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  EXPECT_THAT(connect(listener.port(), "localhost", trusting_, deadline).status().message(),
              HasSubstr("does not answer the TLS handshake"));
}

TEST_F(TlsStreamTest, Plain_port_is_named) {
  Listener listener;
  std::thread plain([&] {
    const base::UniqueFd fd = listener.accept();
    // An MQTT or an HTTP server answers a ClientHello in its own protocol.
    EXPECT_EQ(::send(fd.get(), "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 28);
  });
  EXPECT_THAT(connect(listener.port(), "localhost", trusting_).status().message(),
              HasSubstr("speak TLS"));
  plain.join();
}

TEST_F(TlsStreamTest, Connection_that_ends_in_the_handshake_is_named) {
  Listener listener;
  std::thread plain([&] { (void)listener.accept(); });
  EXPECT_THAT(connect(listener.port(), "localhost", trusting_).status().message(),
              HasSubstr("speak TLS"));
  plain.join();
}

}  // namespace
}  // namespace dapr_mqtt::transport
