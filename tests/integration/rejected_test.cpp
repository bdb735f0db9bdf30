// What mosquitto rejects by closing the connection, which is MQTT 3.1.1's only way to reject a
// publish, while other publishes are on their way.
#include <atomic>
#include <thread>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  std::string name;
  std::string setting;  ///< of mosquitto
  std::string topic;
  std::size_t bytes;
  Properties metadata;
  std::string named;  ///< in the error
};

std::string many_levels() {
  std::string topic = "l";
  for (int i = 1; i < 202; ++i) topic += "/l";
  return topic;
}

class Rejected : public ComponentTest, public ::testing::WithParamInterface<Case> {
 protected:
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.extra_lines = {GetParam().setting};
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(
    Each, Rejected,
    ::testing::Values(
        Case{"size", "max_packet_size 1000", "big", 2000, {}, "2000 bytes"},
        Case{"qos", "max_qos 1", "exact", 1, {{"qos", "2"}}, "max_qos"},
        Case{"retain",
             "retain_available false",
             "kept",
             1,
             {{"retain", "true"}},
             "retain_available"},
        Case{"levels", "max_inflight_messages 20", many_levels(), 1, {}, "202 topic levels"}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(Rejected, fails_alone_and_says_why_while_the_others_go_on) {
  const Case& bad = GetParam();
  const auto client = connect();
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> others;
  for (int i = 0; i < 8; ++i) {
    others.emplace_back([&] {
      while (!stop) ++(client->publish("good", "x").ok() ? good : failed);
    });
  }
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status =
        client->publish(bad.topic, std::string(bad.bytes, 'x'), bad.metadata);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
    EXPECT_THAT(status.error_message(),
                AllOf(HasSubstr("rejects this message"), HasSubstr(bad.named)));
    const int before = good;
    while (good == before && failed == 0) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& other : others) other.join();
  EXPECT_EQ(failed, 0);
  const std::string log = component->process().output();
  EXPECT_THAT(log, Not(HasSubstr("same client ID")));
  // Two closes for each: the log does not go with them.
  std::size_t lines = 0;
  const std::string part = "perhaps because of a request sent just before";
  for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1)) ++lines;
  EXPECT_GE(lines, 1U);
  EXPECT_LE(lines, 4U);
}

TEST_P(Rejected, bulk_entry_is_named_and_the_others_are_published) {
  const Case& bad = GetParam();
  const auto client = connect();
  wire::BulkPublishRequest request;
  request.set_topic(bad.topic);
  for (int i = 0; i < 20; ++i) {
    wire::BulkMessageEntry& entry = *request.add_entries();
    entry.set_entry_id(std::to_string(i));
    entry.set_event("x");
    if (i % 7 != 3 && bad.name != "levels") continue;
    entry.set_event(std::string(bad.bytes, 'x'));
    for (const auto& [key, value] : bad.metadata) (*entry.mutable_metadata())[key] = value;
  }
  const BulkAnswer answer = client->bulk_publish(request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.failed.size(), bad.name == "levels" ? 20U : 3U);
  for (const auto& [id, error] : answer.failed) EXPECT_THAT(error, HasSubstr(bad.named)) << id;
  EXPECT_TRUE(client->publish("good", "x").ok());
}

class RejectedElsewhere : public ComponentTest {
 protected:
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.extra_lines = {"max_packet_size 1000"};
    return options;
  }
};

TEST_F(RejectedElsewhere, subscription_is_named_and_the_others_receive) {
  const std::string bad = many_levels();
  for (const std::string clean : {"true", "false"}) {
    const auto client = connect(metadata({{"cleanSession", clean}, {"consumerID", "c-" + clean}}));
    const std::size_t from = component->process().output().size();
    const auto good = client->pull("good");
    const auto other = client->pull(bad);
    ASSERT_TRUE(component->process().wait_for_output(
        "subscription refused: the broker closed the connection", from));
    // The log is a moment ahead.
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::string pinged;
    do {
      pinged = client->ping().error_message();
    } while (pinged.find(bad.substr(0, 200)) == std::string::npos &&
             std::chrono::steady_clock::now() < deadline);
    EXPECT_THAT(pinged, HasSubstr(bad.substr(0, 200)));
    ASSERT_TRUE(client->publish("good", "x").ok());
    const auto message = good->next();
    ASSERT_TRUE(message) << clean;
    EXPECT_EQ(message->data(), "x");
    good->ack(message->id());
  }
  EXPECT_THAT(component->process().output(), Not(HasSubstr("same client ID")));
}

TEST_F(RejectedElsewhere, dead_letter_is_dropped_with_an_error_and_publishing_goes_on) {
  const auto client = connect(metadata({{"deadLetterTopic", "dead"}, {"backOffMaxRetries", "0"}}));
  const auto stream = client->pull("t");
  // Fits by itself, and not in the dead letter's JSON.
  ASSERT_TRUE(client->publish("t", std::string(900, 'x')).ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  stream->nack(message->id(), "broken");
  std::thread others([&] {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(client->publish("good", "x").ok()) << i;
  });
  EXPECT_TRUE(component->process().wait_for_output(
      "(900 bytes) is dropped: the broker does not take its dead letter"));
  others.join();
  EXPECT_TRUE(client->publish("good", "x").ok());
  EXPECT_THAT(component->process().output(), Not(HasSubstr("same client ID")));
}

}  // namespace
}  // namespace dapr_mqtt::testing
