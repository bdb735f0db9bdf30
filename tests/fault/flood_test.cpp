// Far more messages than a slow consumer takes: memory stays bounded, nothing is
// lost that MQTT promises to keep.
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

constexpr std::size_t kPayload = 1024;
constexpr int kBulk = 1000;
constexpr long kMostKiB = 100L * 1024;
/// Of this some 25 before the flood.
constexpr long kResidentKiB = 65L * 1024;

class Flood : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
    component =
        std::make_unique<ComponentProcess>(ComponentOptions{.arguments = {"--log-level", "info"}});
  }
  /// The most memory that the component has had so far.
  long peak_kib() const { return kib_of("VmHWM:"); }
  /// It has at most this much again, some time after all messages have gone.
  void expect_memory_back(long most_kib) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    // The kernel tells nobody when it gets memory back.
    while (kib_of("VmRSS:") > most_kib && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const long now_kib = kib_of("VmRSS:");
    EXPECT_LE(now_kib, most_kib);
    RecordProperty("resident_kib", static_cast<int>(now_kib));
    std::cout << "peak " << peak_kib() << " KiB, now " << now_kib << " KiB\n";
  }
  long kib_of(const std::string& field) const {
    std::ifstream status("/proc/" + std::to_string(component->process().pid()) + "/status");
    for (std::string word; status >> word;) {
      long kib = 0;
      if (word == field && status >> kib) return kib;
    }
    return -1;
  }
  /// Numbered from `begin`; false when one was not taken.
  static bool publish(ComponentClient& client, int begin) {
    wire::BulkPublishRequest request;
    request.set_topic("t");
    for (int i = begin; i < begin + kBulk; ++i) {
      auto* entry = request.add_entries();
      entry->set_entry_id(std::to_string(i));
      std::string data = std::to_string(i) + " ";
      data.resize(kPayload, 'x');
      entry->set_event(std::move(data));
    }
    const BulkAnswer answer = client.bulk_publish(request, std::chrono::seconds(60));
    return answer.status.ok() && answer.failed.empty();
  }
};

TEST_F(Flood, of_200000_against_a_slow_consumer_loses_nothing_in_a_persistent_session) {
  constexpr int kMessages = 200'000;
  const auto client = connect(metadata({{"cleanSession", "false"}}));
  const auto stream = client->pull("t");
  ComponentProcess other;
  ComponentClient source(other.address());
  ASSERT_TRUE(source.init(metadata({{"consumerID", "source"}})).ok());
  std::vector<bool> handled(kMessages);
  const auto handle = [&](const wire::PullMessagesResponse& message) {
    stream->ack(message.id());
    const auto number = static_cast<std::size_t>(std::stoi(message.data()));
    const bool fresh = !handled[number];
    handled[number] = true;
    return fresh;
  };
  int count = 0;
  for (int begin = 0; begin < kMessages; begin += kBulk) {
    ASSERT_TRUE(publish(source, begin));
    const auto message = stream->next();
    ASSERT_TRUE(message);
    if (handle(*message)) ++count;
  }
  ASSERT_TRUE(component->process().wait_for_output("the inbox is full"));
  EXPECT_TRUE(client->publish("elsewhere", "x").ok()) << "publishing goes on";
  while (count < kMessages) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << kMessages - count << " are lost";
    if (handle(*message)) ++count;
  }
  EXPECT_TRUE(component->process().wait_for_output("half of the inbox is free again"));
  // The messages have 200 MiB. 47 to 110 were seen, more on busy machines.
  EXPECT_LE(peak_kib(), kMostKiB * 3 / 2);
  RecordProperty("peak_kib", static_cast<int>(peak_kib()));
  expect_memory_back(kResidentKiB);
}

TEST_F(Flood, of_100000_in_a_clean_session_goes_to_disk_and_comes_in_order) {
  constexpr int kMessages = 100'000;
  const auto client = connect(metadata({{"inboxMaxMessages", "200000"}}));
  const auto stream = client->pull("t");
  for (int begin = 0; begin < kMessages; begin += kBulk) ASSERT_TRUE(publish(*client, begin));
  for (int i = 0; i < kMessages; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << i;
    ASSERT_EQ(std::stoi(message->data()), i);
    stream->ack(message->id());
  }
  EXPECT_LE(peak_kib(), kMostKiB);
  RecordProperty("peak_kib", static_cast<int>(peak_kib()));
  expect_memory_back(kResidentKiB);
}

TEST_F(Flood, past_the_limits_of_a_clean_session_drops_the_oldest_and_says_how_many) {
  constexpr int kMessages = 10'000;
  const auto client = connect(metadata({{"inboxMaxMessages", "1000"}}));
  const auto stream = client->pull("t");
  for (int begin = 0; begin < kMessages; begin += kBulk) ASSERT_TRUE(publish(*client, begin));
  ASSERT_TRUE(component->process().wait_for_output("the inbox is full"));
  ASSERT_TRUE(client->publish("t", "-1 last").ok());
  int count = 0;
  int before = -1;
  for (int number = 0; number >= 0; ++count) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    number = std::stoi(message->data());
    if (number >= 0) {
      EXPECT_GT(number, before);
    }
    before = number;
    stream->ack(message->id());
  }
  EXPECT_LT(count, kMessages / 2);
  EXPECT_GE(count, 900);
}

}  // namespace
}  // namespace dapr_mqtt::testing
