// --metrics-address: what an operator sees of a real run.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <fstream>

#include "dapr_mqtt/base/unique_fd.h"
#include "integration/component_test.h"
#include "support/scratch_folder.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Metrics : public ComponentTest {
 protected:
  void SetUp() override {
    ComponentTest::SetUp();
    if (IsSkipped()) return;
    component = std::make_unique<ComponentProcess>(
        ComponentOptions{.arguments = {"--metrics-address", "0"}});
    ASSERT_TRUE(component->process().wait_for_output("/readyz"));
    const std::string log = component->process().output();
    const std::string before = "http://127.0.0.1:";
    port_ = std::stoi(log.substr(log.find(before) + before.size()));
  }

  std::string get(const std::string& path) const {
    const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{30, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_GT(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }
  /// The page, once it has this line of our instance; what it was at last otherwise.
  std::string page_with(const std::string& name, const std::string& rest) const {
    const std::string line =
        "\n" + name + "{component=\"pubsub\",consumer_id=\"app\"" + rest + "\n";
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      std::string page = get("/metrics");
      if (page.find(line) != std::string::npos) return page;
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "no" << line << "in\n" << page;
        return page;
      }
    }
  }

  int port_ = 0;
};

TEST_F(Metrics, show_what_was_published_received_and_handled) {
  const auto client = connect();
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "12345").ok());
  const auto first = stream->next();
  ASSERT_TRUE(first);
  page_with("dapr_mqtt_unacknowledged_messages", "} 1");
  page_with("dapr_mqtt_inbox_messages", "} 1");
  page_with("dapr_mqtt_window_messages", "} 100");
  stream->ack(first->id());
  const std::string page = page_with("dapr_mqtt_acknowledgements_total", ",result=\"ok\"} 1");
  const std::string ours = "{component=\"pubsub\",consumer_id=\"app\"";
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 "));
  for (const std::string& line : {
           "dapr_mqtt_publishes_total" + ours + ",result=\"ok\"} 1\n",
           "dapr_mqtt_published_bytes_total" + ours + "} 5\n",
           "dapr_mqtt_publish_duration_seconds_count" + ours + "} 1\n",
           "dapr_mqtt_received_messages_total" + ours + "} 1\n",
           "dapr_mqtt_received_bytes_total" + ours + "} 5\n",
           "dapr_mqtt_handling_duration_seconds_count" + ours + "} 1\n",
           "dapr_mqtt_pending_publishes" + ours + "} 0\n",
           "dapr_mqtt_connections" + ours + ",role=\"consumer\",state=\"up\"} 1\n",
           "dapr_mqtt_subscriptions" + ours + ",state=\"in_force\"} 1\n",
           "dapr_mqtt_ready" + ours + "} 1\n",
           std::string("dapr_mqtt_instances 1\n"),
       }) {
    EXPECT_THAT(page, HasSubstr("\n" + line));
  }
}

TEST_F(Metrics, ready_follows_the_broker_and_alive_does_not) {
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200 "));  // before any Init
  const auto client = connect();
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "x").ok());
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200 "));

  broker->stop();
  page_with("dapr_mqtt_ready", "} 0");
  const std::string answer = get("/readyz");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\"pubsub\": not connected")));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  const std::string page =
      page_with("dapr_mqtt_connections", ",role=\"publisher\",state=\"down\"} 1");
  EXPECT_THAT(page, Not(HasSubstr("dapr_mqtt_last_connection_failure_timestamp_seconds"
                                  "{component=\"pubsub\",consumer_id=\"app\"} 0\n")));

  broker->start();
  page_with("dapr_mqtt_ready", "} 1");
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Metrics, of_an_instance_go_with_its_daprd) {
  auto client = connect();
  page_with("dapr_mqtt_ready", "} 1");
  client.reset();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string page;
  do {
    page = get("/metrics");
  } while (page.find("\ndapr_mqtt_instances 0\n") == std::string::npos &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_THAT(page, HasSubstr("\ndapr_mqtt_instances 0\n"));
  EXPECT_THAT(page, Not(HasSubstr("component=")));
}

TEST_F(Metrics, address_in_use_is_told_and_ends_the_process) {
  TemporaryFolder folder;
  ChildProcess second({ComponentProcess::executable(), "serve", "--socket-folder", folder.path(),
                       "--metrics-address", std::to_string(port_)},
                      {});
  EXPECT_EQ(second.wait_for_end(), 1);
  EXPECT_TRUE(second.wait_for_output("127.0.0.1:" + std::to_string(port_))) << second.output();
}

TEST(MetricsOff, nothing_listens_unless_asked_to) {
  ComponentProcess component;
  component.terminate();
  EXPECT_THAT(component.process().output(), Not(HasSubstr("http://")));
}

TEST_F(Metrics, show_credentials_that_cannot_be_used_while_the_component_stays_ready) {
  const ScratchFolder folder;
  const std::string file = folder.file("password");
  std::ofstream(file) << "hush";
  const auto client = connect(metadata({{"username", "u"}, {"passwordFile", file}}));
  page_with("dapr_mqtt_credentials_rejected", "} 0");
  EXPECT_THAT(get("/readyz"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\r\n\r\nok")));
  std::ofstream(file, std::ios::trunc);
  page_with("dapr_mqtt_credentials_rejected", "} 1");
  EXPECT_THAT(get("/readyz"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("ok\n\"pubsub\": changed credentials"),
                    HasSubstr("is empty")));
  std::ofstream(file) << "hush-2";
  page_with("dapr_mqtt_credentials_rejected", "} 0");
  page_with("dapr_mqtt_credential_renewals_total", "} 1");
  EXPECT_THAT(get("/readyz"), Not(HasSubstr("changed")));
}

}  // namespace
}  // namespace dapr_mqtt::testing
