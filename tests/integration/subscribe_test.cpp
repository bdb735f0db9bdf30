// The way in: from a real broker through the socket.
#include <filesystem>
#include <fstream>
#include <set>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Subscribe : public ComponentTest {};

TEST_F(Subscribe, to_wildcards_tells_the_real_topic_in_safe_metadata) {
  const auto client = connect();
  const auto stream = client->pull("plant/+/temperature");
  ASSERT_TRUE(client->publish("plant/north hall\xc3\xa9/temperature", "21").ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->topic_name(), "plant/+/temperature");
  for (const auto& [key, value] : message->metadata()) {
    EXPECT_EQ(
        key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"),
        std::string::npos)
        << key;
    for (const char c : value) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << key;
  }
  EXPECT_THAT(value_of(*message, "mqtt-topic"), HasSubstr("plant/north"));
  EXPECT_EQ(value_of(*message, "mqtt-attempt"), "1");
  EXPECT_EQ(value_of(*message, "mqtt-retained"), "false");
}

TEST_F(Subscribe, with_its_own_qos_gets_that_at_the_most) {
  const auto client = connect();
  const auto stream = client->pull("t", {{"qos", "0"}});
  ASSERT_TRUE(client->publish("t", "x", {{"qos", "2"}}).ok());
  EXPECT_EQ(value_of(*stream->next(), "mqtt-qos"), "0");
}

TEST_F(Subscribe, again_after_a_failure_until_the_retries_are_spent) {
  const auto client = connect(metadata({{"backOffMaxRetries", "2"}, {"backOffInterval", "100ms"}}));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "bad").ok());
  for (const char* attempt : {"1", "2", "3"}) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->data(), "bad");
    EXPECT_EQ(value_of(*message, "mqtt-attempt"), attempt);
    stream->nack(message->id(), "the app said 500");
  }
  EXPECT_TRUE(component->process().wait_for_output("the app said 500"));
  ASSERT_TRUE(client->publish("t", "good").ok());
  EXPECT_EQ(stream->next()->data(), "good");
}

TEST_F(Subscribe, for_an_app_that_is_away_keeps_all_with_no_retries) {
  const auto client = connect();
  const auto stream = client->pull("t");
  constexpr int kMessages = 150;  // more than a window holds
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
  // As daprd 1.18 says it, of whatever is under way when the app goes.
  const std::string refused =
      "error returned from app channel while sending pub/sub event to app: retriable error "
      "occurred: Post \"http://127.0.0.1:3000/t\": dial tcp 127.0.0.1:3000: connect: connection "
      "refused";
  for (const auto& message : stream->take(100)) stream->nack(message.id(), refused);
  EXPECT_TRUE(component->process().wait_for_output("daprd cannot reach the app"));
  const auto first = stream->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->data(), "0");
  EXPECT_EQ(value_of(*first, "mqtt-attempt"), "1");
  stream->ack(first->id());
  for (int i = 1; i < kMessages; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << i;
    EXPECT_EQ(message->data(), std::to_string(i));
    stream->ack(message->id());
  }
  EXPECT_TRUE(component->process().wait_for_output("the app answers again"));
}

TEST_F(Subscribe, forever_when_retries_have_no_end_while_others_flow) {
  const auto client = connect(metadata({{"backOffMaxRetries", "-1"}, {"backOffInterval", "10ms"}}));
  const auto stream = client->pull("t");
  // More failing messages than a window holds must not stop the good ones.
  constexpr int kBad = 150;
  for (int i = 0; i < kBad; ++i) ASSERT_TRUE(client->publish("t", "bad").ok());
  ASSERT_TRUE(client->publish("t", "good").ok());
  int bad = 0;
  bool good = false;
  while (bad < 4 * kBad || !good) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << bad;
    if (message->data() == "good") {
      good = true;
      stream->ack(message->id());
    } else {
      ++bad;
      stream->nack(message->id(), "no");
    }
  }
}

TEST_F(Subscribe, with_overlapping_filters_gets_each_message_once_for_each) {
  const auto client = connect();
  const auto wide = client->pull("a/#");
  const auto narrow = client->pull("a/b");
  const auto plus = client->pull("a/+");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->publish("a/b", std::to_string(i)).ok());
  ASSERT_TRUE(client->publish("a/end", "end").ok());
  EXPECT_EQ(wide->take(21).size(), 21U);
  EXPECT_EQ(plus->take(21).size(), 21U);
  EXPECT_EQ(narrow->take(20).size(), 20U);
  ASSERT_TRUE(client->publish("a/b", "last").ok());
  for (const auto& stream : {wide.get(), narrow.get(), plus.get()}) {
    EXPECT_EQ(stream->next()->data(), "last");  // nothing doubled in between
  }
}

TEST_F(Subscribe, in_a_share_group_competes_with_the_other_members) {
  const auto one = connect(metadata({{"consumerID", "one"}}), "one");
  const auto two = connect(metadata({{"consumerID", "two"}}), "two");
  const auto first = one->pull("$share/g/jobs");
  const auto second = two->pull("$share/g/jobs");
  // A publish waits for the subscriptions of its own instance only.
  ASSERT_TRUE(one->publish("other", "x").ok() && two->publish("other", "x").ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(one->publish("jobs", std::to_string(i)).ok());
  std::set<std::string> seen;
  const auto collect = [&](PullStream& stream, int share) {
    for (const auto& message : stream.take(static_cast<std::size_t>(share))) {
      EXPECT_TRUE(seen.insert(message.data()).second) << "twice: " << message.data();
      stream.ack(message.id());
    }
  };
  collect(*first, 50);  // mosquitto takes turns
  collect(*second, 50);
  EXPECT_EQ(seen.size(), 100U);
}

TEST_F(Subscribe, goes_on_after_a_message_too_large_for_daprd) {
  const auto client = connect();
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", std::string(5 << 20, 'x')).ok());
  ASSERT_TRUE(client->publish("t", std::string((4 << 20) - 20, 'y')).ok());  // only with metadata
  ASSERT_TRUE(client->publish("t", "after").ok());
  EXPECT_EQ(stream->next()->data(), "after");
  EXPECT_TRUE(component->process().wait_for_output("is more than Dapr takes"));
}

TEST_F(Subscribe, is_not_held_up_by_a_silent_consumer_of_another_topic) {
  const auto client = connect();
  const auto silent = client->pull("silent");
  const auto live = client->pull("live");
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(client->publish("silent", "x").ok());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->publish("live", std::to_string(i)).ok());
    const auto message = live->next();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->data(), std::to_string(i));
    live->ack(message->id());
  }
  // The window, and not a message more, lies unacknowledged at the silent one.
  EXPECT_EQ(silent->take(100).size(), 100U);
  EXPECT_FALSE(silent->next(milliseconds(0)));
}

TEST_F(Subscribe, gives_the_unacknowledged_of_an_ended_stream_to_the_next) {
  const auto client = connect(metadata({{"cleanSession", "false"}}));
  auto first = client->pull("t");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
  ASSERT_EQ(first->take(10).size(), 10U);
  first->cancel();
  first.reset();
  const auto second = client->pull("t");
  for (int i = 0; i < 10; ++i) {
    const auto message = second->next();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->data(), std::to_string(i));
    EXPECT_EQ(value_of(*message, "mqtt-attempt"), "1");
  }
}

TEST_F(Subscribe, shares_a_filters_messages_among_its_streams) {
  const auto client = connect();
  const auto one = client->pull("t");
  const auto two = client->pull("t");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
  std::set<std::string> seen;
  for (PullStream* stream : {one.get(), two.get()}) {
    for (const auto& message : stream->take(10)) seen.insert(message.data());
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_F(Subscribe, to_a_hundred_topics_on_one_connection) {
  const auto client = connect();
  std::vector<std::unique_ptr<PullStream>> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(client->pull("many/" + std::to_string(i)));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->publish("many/" + std::to_string(i), std::to_string(i)).ok());
  }
  for (std::size_t i = 0; i < 100; ++i) {
    const auto message = streams[i]->next();
    ASSERT_TRUE(message) << i;
    EXPECT_EQ(message->data(), std::to_string(i));
  }
  EXPECT_THAT(broker->log(), ::testing::Not(HasSubstr("app-overlap")));
}

TEST_F(Subscribe, holds_new_messages_back_between_pause_and_resume) {
  const auto client = connect();
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "1").ok());
  const auto first = stream->next();
  ASSERT_TRUE(first);
  ASSERT_TRUE(client->pause().ok());
  ASSERT_TRUE(client->pause().ok());
  stream->ack(first->id());
  ASSERT_TRUE(client->publish("t", "2").ok());
  EXPECT_FALSE(stream->next(milliseconds(200)));  // nothing can show that nothing comes but time
  ASSERT_TRUE(client->resume().ok());
  EXPECT_EQ(stream->next()->data(), "2");
}

TEST_F(Subscribe, to_a_wrong_filter_ends_the_stream_with_the_reason) {
  const auto client = connect();
  for (const char* filter : {"", "a/#/b", "a+", "$share/g", "$share//a"}) {
    const auto status = client->pull(filter)->wait_for_end();
    ASSERT_TRUE(status) << filter;
    EXPECT_EQ(status->error_code(), grpc::StatusCode::INVALID_ARGUMENT) << filter;
  }
  EXPECT_TRUE(client->publish("t", "x").ok());
}

/// Mosquitto's ACL file lets every SUBSCRIBE pass; its dynamic-security plugin
/// refuses, and takes changes by messages.
class SubscribeRefused : public ComponentTest {
 protected:
  void SetUp() override {
    if (plugin().empty()) GTEST_SKIP() << "mosquitto's dynamic-security plugin is not installed";
    ComponentTest::SetUp();
  }
  static std::string plugin() {
    std::error_code error;
    for (const auto& folder : std::filesystem::directory_iterator("/usr/lib", error)) {
      const auto file = folder.path() / "mosquitto_dynamic_security.so";
      if (std::filesystem::exists(file, error)) return file;
    }
    return {};
  }
  MosquittoOptions broker_options() override {
    std::ofstream(folder.path() + "/security.json") << R"({
      "defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true,
                           "subscribe": false, "unsubscribe": true},
      "anonymousGroup": "all",
      "groups": [{"groupname": "all", "roles": [{"rolename": "open"}]}],
      "roles": [{"rolename": "open",
                 "acls": [{"acltype": "subscribePattern", "topic": "open/#", "allow": true},
                          {"acltype": "publishClientSend", "topic": "$CONTROL/#", "allow": true}]}],
      "clients": []})";
    MosquittoOptions options;
    options.extra_lines = {"plugin " + plugin(),
                           "plugin_opt_config_file " + folder.path() + "/security.json"};
    return options;
  }

  TemporaryFolder folder;
};

TEST_F(SubscribeRefused, by_the_broker_keeps_its_stream_says_why_and_heals) {
  const auto client = connect();
  const auto refused = client->pull("secret/x");
  EXPECT_TRUE(component->process().wait_for_output("subscription refused"));
  const auto allowed = client->pull("open/x");
  ASSERT_TRUE(client->publish("open/x", "works").ok());
  const auto message = allowed->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "works");

  ASSERT_TRUE(client
                  ->publish("$CONTROL/dynamic-security/v1",
                            R"({"commands": [{"command": "setDefaultACLAccess",
                                "acls": [{"acltype": "subscribe", "allow": true}]}]})")
                  .ok());
  EXPECT_TRUE(component->process().wait_for_output("accepts it now"));
  ASSERT_TRUE(client->publish("secret/x", "healed").ok());
  const auto healed = refused->next();
  ASSERT_TRUE(healed);
  EXPECT_EQ(healed->data(), "healed");
}

}  // namespace
}  // namespace dapr_mqtt::testing
