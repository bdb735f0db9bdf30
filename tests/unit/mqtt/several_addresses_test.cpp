// A broker's name with several addresses, of which the first accepts connections and then is silent.
#include <gtest/gtest.h>

#include <netdb.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/attempt.h"
#include "mqtt/memory_packets.h"
#include "support/mqtt_bytes.h"
#include "unit/transport/tls_server.h"

namespace {

constexpr const char* kName = "broker.test";
constexpr const char* kSilent = "127.0.0.2";
constexpr const char* kGood = "127.0.0.1";

struct Node {
  addrinfo info{};
  sockaddr_in address{};
};

}  // namespace

/// Replaces the C library's function: kName has two addresses, all other hosts are IPv4 addresses.
extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo*, addrinfo** out) {
  const std::vector<const char*> addresses =
      host == std::string_view(kName) ? std::vector{kGood, kSilent} : std::vector{host};
  *out = nullptr;
  for (const char* address : addresses) {
    auto* node = new Node;
    node->address = dapr_mqtt::testing::loopback_address(
        address, static_cast<std::uint16_t>(port == nullptr ? 0 : std::stoi(port)));
    node->info.ai_family = AF_INET;
    node->info.ai_socktype = SOCK_STREAM;
    node->info.ai_addr = reinterpret_cast<sockaddr*>(&node->address);
    node->info.ai_addrlen = sizeof node->address;
    node->info.ai_next = *out;
    *out = &node->info;
  }
  return 0;
}

extern "C" void freeaddrinfo(addrinfo* list) noexcept {
  while (list != nullptr) {
    addrinfo* next = list->ai_next;
    delete reinterpret_cast<Node*>(list);
    list = next;
  }
}

namespace dapr_mqtt::mqtt {
namespace {

TEST(SeveralAddresses, The_next_one_is_reached_when_the_first_is_silent_in_TLS) {
  const testing::CertificateAuthority ca;
  testing::TlsServerOptions server_options;
  server_options.identity = ca.server();
  testing::TlsServer server(server_options, [](SSL* session) {
    char buffer[1000];
    if (SSL_read(session, buffer, sizeof buffer) <= 0) return;  // CONNECT
    const std::string connack = testing::mqtt::connack(core::ProtocolVersion::kMqtt311);
    SSL_write(session, connack.data(), static_cast<int>(connack.size()));
    while (SSL_read(session, buffer, sizeof buffer) > 0) {
    }
  });
  const testing::Listener silent(kSilent, server.port());

  core::ConnectionOptions options;
  options.client_id = "client";
  options.protocol = core::ProtocolVersion::kMqtt311;
  options.connect_timeout = std::chrono::seconds(6);
  options.tls.ca_pem = ca.pem();
  options.tls.server_name = "localhost";
  core::Endpoint endpoint;
  endpoint.transport = core::Transport::kTls;
  endpoint.host = kName;
  endpoint.port = server.port();
  options.endpoints = {endpoint};
  MemoryPackets packets;
  const auto ledger = std::make_shared<packets::AckLedger>(packets);
  transport::Resolver resolver;
  const transport::Cancel cancel;
  UnansweredConnects unanswered(1);
  const auto made = attempt_to_connect(
      {options, true, false, nullptr, ledger, resolver, cancel, unanswered,
       [](const std::weak_ptr<const PahoClient>&, const base::Status&, core::ConnectionEnd) {}});
  EXPECT_TRUE(made.ok()) << made.status().message();
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
