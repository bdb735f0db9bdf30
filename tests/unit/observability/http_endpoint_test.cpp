#include "dapr_mqtt/observability/http_endpoint.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/unique_fd.h"

namespace dapr_mqtt::observability {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A connection to 127.0.0.1; reads fail after half a minute rather than hang.
base::UniqueFd connect_to(int port) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

/// The whole answer, until the other side closes.
std::string ask(int port, const std::string& request) {
  const base::UniqueFd fd = connect_to(port);
  EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  return answer;
}

std::string get(int port, const std::string& path) {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

std::unique_ptr<HttpEndpoint> listening() {
  auto endpoint = HttpEndpoint::listen({"127.0.0.1", 0});
  EXPECT_TRUE(endpoint.ok()) << endpoint.status().message();
  return std::move(endpoint).value();
}

HttpPages pages(base::Status ready = {}) {
  return {[] { return std::string("a_metric 1\n"); }, [ready] { return ready; }};
}

TEST(HttpEndpoint, serves_metrics_as_Prometheus_wants_them) {
  const auto endpoint = listening();
  endpoint->serve(pages());
  const std::string answer = get(endpoint->port(), "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\na_metric 1\n"));
}

TEST(HttpEndpoint, is_alive_whatever_is_not_ready) {
  const auto endpoint = listening();
  endpoint->serve(pages(base::unavailable("no broker")));
  EXPECT_THAT(get(endpoint->port(), "/healthz"), StartsWith("HTTP/1.1 200 "));
  const std::string answer = get(endpoint->port(), "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("no broker"));
}

TEST(HttpEndpoint, is_ready_when_told_so) {
  const auto endpoint = listening();
  endpoint->serve(pages());
  EXPECT_THAT(get(endpoint->port(), "/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpEndpoint, knows_nothing_else_and_takes_nothing) {
  const auto endpoint = listening();
  endpoint->serve(pages());
  EXPECT_THAT(get(endpoint->port(), "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get(endpoint->port(), "/../etc/passwd"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(endpoint->port(), "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
}

TEST(HttpEndpoint, answers_who_came_before_it_served) {
  const auto endpoint = listening();
  std::string answer;
  std::thread early([&] { answer = get(endpoint->port(), "/healthz"); });
  endpoint->serve(pages());
  early.join();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
}

TEST(HttpEndpoint, answers_others_while_clients_are_silent) {
  const auto endpoint = listening();
  endpoint->serve(pages());
  std::vector<base::UniqueFd> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(connect_to(endpoint->port()));
  EXPECT_THAT(get(endpoint->port(), "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpEndpoint, stops_at_once_after_it_began) {
  for (int i = 0; i < 20; ++i) listening()->serve(pages());
}

TEST(HttpEndpoint, answers_many_at_once) {
  const auto endpoint = listening();
  endpoint->serve(pages());
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  constexpr int kClients = 20;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      if (get(endpoint->port(), "/metrics").starts_with("HTTP/1.1 200 ")) ++good;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, kClients);
}

TEST(HttpEndpoint, says_which_address_is_in_use) {
  const auto first = listening();
  const auto second = HttpEndpoint::listen({"127.0.0.1", first->port()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().kind(), base::ErrorKind::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("127.0.0.1:" + std::to_string(first->port())));
  EXPECT_THAT(second.status().message(), HasSubstr("in use"));
}

TEST(HttpAddress, is_on_loopback_unless_a_host_is_named) {
  EXPECT_EQ(parse_http_address("9464"), (HttpAddress{"127.0.0.1", 9464}));
  EXPECT_EQ(parse_http_address("0.0.0.0:9464"), (HttpAddress{"0.0.0.0", 9464}));
  EXPECT_EQ(parse_http_address("[::1]:0"), (HttpAddress{"::1", 0}));
  EXPECT_EQ(parse_http_address("localhost:80"), (HttpAddress{"localhost", 80}));
}

TEST(HttpAddress, takes_nothing_doubtful) {
  for (const char* text :
       {"", ":9464", "host", "host:", "::1:9464", "1:65536", "-1", "[]:1", "a:b"}) {
    EXPECT_EQ(parse_http_address(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace dapr_mqtt::observability
