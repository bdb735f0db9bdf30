#include "transport/websocket_handshake.h"

#include <gmock/gmock.h>

#include <set>

namespace dapr_mqtt::transport {
namespace {

using base::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The example of RFC 6455 section 1.3.
constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr const char* kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

core::Endpoint endpoint(const std::string& host, std::uint16_t port, const std::string& path,
                        core::Transport transport = core::Transport::kWebSocket) {
  core::Endpoint out;
  out.transport = transport;
  out.host = host;
  out.port = port;
  out.path = path;
  return out;
}

std::string good_answer() {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(kAccept) + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

base::Status answer(const std::string& text) {
  UpgradeResponse response(kKey);
  EXPECT_TRUE(response.feed(text));
  return response.status();
}

TEST(UpgradeRequest, Has_what_rfc_6455_asks_for) {
  const auto request = upgrade_request(endpoint("broker.example", 8083, "/mqtt?a=b"), kKey);
  ASSERT_TRUE(request.ok());
  EXPECT_THAT(request.value(), StartsWith("GET /mqtt?a=b HTTP/1.1\r\n"));
  for (const char* line :
       {"Host: broker.example:8083\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Protocol: mqtt\r\n"}) {
    EXPECT_THAT(request.value(), HasSubstr(line));
  }
}

TEST(UpgradeRequest, Host_has_brackets_for_ipv6_and_no_default_port) {
  const auto text = [](const core::Endpoint& e) { return upgrade_request(e, kKey).value(); };
  EXPECT_THAT(text(endpoint("::1", 80, "")),
              AllOf(StartsWith("GET / HTTP/1.1\r\n"), HasSubstr("Host: [::1]\r\n")));
  EXPECT_THAT(text(endpoint("h", 443, "/", core::Transport::kWebSocketTls)),
              HasSubstr("Host: h\r\n"));
  EXPECT_THAT(text(endpoint("h.", 80, "/", core::Transport::kWebSocketTls)),
              HasSubstr("Host: h:80\r\n"));
}

TEST(UpgradeRequest, Path_cannot_add_lines) {
  for (const char* path : {"/a\r\nX: y", "/a b", "no-slash"}) {
    EXPECT_EQ(upgrade_request(endpoint("h", 80, path), kKey).status().kind(),
              ErrorKind::kInvalidArgument);
  }
}

TEST(UpgradeRequest, Keys_are_random) {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.insert(make_websocket_key().value());
  EXPECT_EQ(keys.size(), 100U);
  EXPECT_EQ(keys.begin()->size(), 24U);
}

TEST(UpgradeResponse, Good_answer_in_pieces_of_every_size_leaves_the_rest) {
  const std::string all = good_answer() + "frames";
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    UpgradeResponse response(kKey);
    std::string rest;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      const std::string part = all.substr(at, piece);
      if (!rest.empty() || at >= good_answer().size()) {
        rest += part;
      } else if (response.feed(part)) {
        EXPECT_TRUE(response.status().ok()) << response.status().message();
        rest = response.take_rest();
      }
    }
    EXPECT_EQ(rest, "frames") << piece;
  }
}

TEST(UpgradeResponse, Field_names_and_tokens_know_no_case) {
  auto text = replaced(good_answer(), "Upgrade: websocket", "UPGRADE:WebSocket");
  text = replaced(text, "Connection: Upgrade", "connection: keep-alive, upgrade ");
  EXPECT_TRUE(answer(text).ok());
  EXPECT_TRUE(answer(replaced(good_answer(), "Sec-WebSocket-Protocol: mqtt\r\n", "")).ok());
}

TEST(UpgradeResponse, Refusals_are_named_with_their_kind) {
  const auto not_found = answer("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(not_found.message(),
            "the WebSocket upgrade failed: the server answered 404 Not Found: check port and path "
            "in url");
  EXPECT_EQ(not_found.kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(answer("HTTP/1.1 401 Unauthorized\r\n\r\n").kind(), ErrorKind::kUnauthenticated);
  const auto forbidden = answer("HTTP/1.0 403 Forbidden\r\n\r\n");
  EXPECT_EQ(forbidden.kind(), ErrorKind::kPermissionDenied);
  EXPECT_THAT(forbidden.message(), HasSubstr("403 Forbidden"));
  EXPECT_THAT(answer("HTTP/1.1 503\r\n\r\n").message(), HasSubstr("answered 503: check"));
  EXPECT_THAT(answer("HTTP/1.1 200 \x1b[31mred\r\n\r\n").message(), Not(HasSubstr("\x1b")));
}

TEST(UpgradeResponse, Answer_that_is_no_websocket_is_named) {
  const auto without = [](const std::string& from, const std::string& to) {
    return answer(replaced(good_answer(), from, to)).message();
  };
  EXPECT_THAT(without("Upgrade: websocket", "Upgrade: h2c"), HasSubstr("Upgrade: websocket"));
  EXPECT_THAT(without("Connection: Upgrade", "Connection: close"),
              HasSubstr("Connection: Upgrade"));
  EXPECT_THAT(without(kAccept, "c29tZXRoaW5nIGVsc2U="), HasSubstr("Sec-WebSocket-Accept"));
  EXPECT_THAT(without("Sec-WebSocket-Accept", "X"), HasSubstr("Sec-WebSocket-Accept"));
  EXPECT_THAT(without("Protocol: mqtt", "Protocol: chat"), HasSubstr("\"chat\""));
  EXPECT_THAT(
      without("Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Extensions: permessage-deflate"),
      HasSubstr("extensions"));
}

TEST(UpgradeResponse, What_is_no_http_is_named) {
  for (const char* text : {"SSH-2.0-OpenSSH_9\r\n\r\n", "\r\n\r\n", "HTTP/1.1 1x1 no\r\n\r\n",
                           "HTTP/1.1 101 ok\r\nno colon\r\n\r\n", "HTTP/1.\r\n\r\n"}) {
    EXPECT_THAT(answer(text).message(), HasSubstr("does not speak HTTP")) << text;
  }
}

TEST(UpgradeResponse, Endless_head_is_refused) {
  UpgradeResponse response(kKey);
  const std::string line = "X: " + std::string(1021, 'x');
  EXPECT_FALSE(response.feed("HTTP/1.1 101 ok\r\n"));
  int fed = 0;
  while (!response.feed(line)) ASSERT_LT(++fed, 17);
  EXPECT_THAT(response.status().message(), HasSubstr("16 KiB"));
}

}  // namespace
}  // namespace dapr_mqtt::transport
