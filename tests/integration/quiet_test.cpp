// The log at its default level: a line for each change, none for traffic.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <regex>
#include <sstream>

#include "dapr_mqtt/base/unique_fd.h"
#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kEntriesOfBulk = 100;
/// The payloads are no CloudEvents, which daprd would refuse otherwise: worth a line.
const Properties kBytes = {{"rawPayload", "true"}};

class Quiet : public ComponentTest {
 protected:
  void SetUp() override {
    ComponentTest::SetUp();
    if (IsSkipped()) return;
    component =
        std::make_unique<ComponentProcess>(ComponentOptions{.arguments = {"--log-level", "info"}});
  }
  bool wait_for(const std::string& part, std::size_t from = 0) const {
    return component->process().wait_for_output(part, from);
  }
  /// Every line's msg.
  std::vector<std::string> messages(std::size_t from = 0) const {
    static const std::regex kMessage("msg=(\"([^\"\\\\]|\\\\.)*\"|[^ ]+)");
    std::vector<std::string> out;
    std::istringstream text(component->process().output().substr(from));
    for (std::string line; std::getline(text, line);) {
      std::smatch found;
      out.push_back(std::regex_search(line, found, kMessage) ? found[1].str() : line);
    }
    return out;
  }
  /// Half of them in bulk, half from four callers at once.
  static void publish(ComponentClient& client, int count) {
    for (int sent = 0; sent < count / 2; sent += kEntriesOfBulk) {
      wire::BulkPublishRequest request;
      request.set_topic("load/bulk");
      for (int i = 0; i < kEntriesOfBulk; ++i) {
        auto* entry = request.add_entries();
        entry->set_entry_id(std::to_string(i));
        entry->set_event("x");
      }
      const BulkAnswer answer = client.bulk_publish(request);
      EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
      EXPECT_THAT(answer.failed, IsEmpty());
    }
    std::vector<std::future<void>> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.push_back(std::async(std::launch::async, [&client, count] {
        for (int i = 0; i < count / 8; ++i) EXPECT_TRUE(client.publish("load/one", "x").ok());
      }));
    }
    for (auto& caller : callers) caller.get();
  }
  /// On the broker's port, while it is stopped: hangs up on so many connections.
  void hang_up(int count) const {
    const base::UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(broker->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(server.get(), 16), 0);
    for (int i = 0; i < count; ++i) {
      pollfd ready{server.get(), POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())),
                1);
      const base::UniqueFd gone(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  }
  static void receive(PullStream& stream, int count) {
    for (int i = 0; i < count; ++i) {
      const auto message = stream.next();
      ASSERT_TRUE(message) << "after " << i;
      stream.ack(message->id());
    }
  }
};

TEST_F(Quiet, at_info_whatever_is_published_and_received) {
  constexpr int kMessages = 2000;
  auto client = connect();
  auto stream = client->pull("load/#", kBytes);
  ASSERT_TRUE(wait_for("ready: receives"));
  const std::size_t before = component->process().output().size();
  auto load = std::async(std::launch::async, [&] { publish(*client, kMessages); });
  receive(*stream, kMessages);
  load.get();
  // Traffic that is slow to be taken is no news either.
  EXPECT_TRUE(client->publish("load/last", "x").ok());
  const auto last = stream->next();
  ASSERT_TRUE(last);
  stream->ack(last->id());
  EXPECT_THAT(messages(before), IsEmpty());

  stream.reset();
  client.reset();
  ASSERT_TRUE(wait_for("consumer disconnects"));
  ASSERT_TRUE(wait_for("publisher disconnects"));
  EXPECT_EQ(component->terminate(), 0);
  std::vector<std::string> all = messages();
  ASSERT_THAT(all, SizeIs(8));
  std::sort(all.begin() + 1, all.begin() + 3);  // connections are made at the same time
  std::sort(all.begin() + 4, all.begin() + 6);  // and closed
  EXPECT_THAT(all,
              ElementsAre(HasSubstr("serving on"), HasSubstr("consumer connected"),
                          HasSubstr("publisher connected"), HasSubstr("ready: receives"),
                          HasSubstr("consumer disconnects"), HasSubstr("publisher disconnects"),
                          HasSubstr("SIGTERM"), "stopped"));
}

TEST_F(Quiet, when_the_broker_goes_and_comes_but_for_one_line_a_change) {
  const auto client = connect();
  const auto stream = client->pull("t", kBytes);
  ASSERT_TRUE(wait_for("ready: receives"));
  const std::size_t before = component->process().output().size();
  constexpr int kOutages = 3;
  std::size_t seen = 0;  // of the broker's log
  for (int outage = 0; outage < kOutages; ++outage) {
    const std::size_t from = component->process().output().size();
    ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app", seen));
    seen = broker->log().size();
    broker->stop();
    for (const std::string role : {"publisher", "consumer"}) {
      ASSERT_TRUE(wait_for("MQTT " + role + ": ", from));
    }
    // Long enough for several tries of each, of two connections to its port.
    if (outage == 0) hang_up(8);
    broker->start();
    for (const std::string role : {"publisher", "consumer"}) {
      ASSERT_TRUE(wait_for("MQTT " + role + " connected", from));
    }
    ASSERT_TRUE(broker->wait_for_log("Sending SUBACK to app", seen));
    EXPECT_TRUE(client->publish("t", "x").ok());
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->ack(message->id());
  }
  for (const std::string role : {"publisher", "consumer"}) {
    int connected = 0;
    std::string last;  // cause
    for (const std::string& line : messages(before)) {
      if (line.find("MQTT " + role) == std::string::npos) continue;
      if (line.find(role + " connected") != std::string::npos) {
        ++connected;
        last.clear();
        continue;
      }
      const std::size_t next = line.find("; next try in ");
      ASSERT_NE(next, std::string::npos) << line;
      EXPECT_NE(line.substr(0, next), last) << "the second time: " << line;
      last = line.substr(0, next);
    }
    EXPECT_EQ(connected, kOutages);
  }
  for (const std::string& line : messages(before)) EXPECT_THAT(line, HasSubstr("MQTT ")) << line;
}

}  // namespace
}  // namespace dapr_mqtt::testing
