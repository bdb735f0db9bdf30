// Who keeps the messages of a persistent session until the app has handled them: key `inbox`.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr int kWindow = 20;  // mosquitto's, for messages without an acknowledgement

class InboxModes : public ComponentTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    MosquittoOptions options;
    options.max_inflight_messages = kWindow;
    broker = std::make_unique<Mosquitto>(options);
    start();
  }
  virtual std::string mode() const { return GetParam(); }
  Properties persistent(const Properties& more = {}) const {
    Properties all =
        metadata({{"cleanSession", "false"}, {"backOffMaxRetries", "-1"}, {"inbox", mode()}});
    for (const auto& [key, value] : more) all[key] = value;
    return all;
  }
  void start() {
    component.reset();
    component =
        std::make_unique<ComponentProcess>(ComponentOptions{.socket_folder = folder_.path()});
  }
  std::string state() const { return folder_.path() + "/state"; }
  /// Publishes 0 to `count` - 1 to `topic`, by another component.
  void publish_numbers(int count, const std::string& topic = "t") {
    ComponentProcess other;
    ComponentClient client(other.address());
    ASSERT_TRUE(client.init(metadata({{"consumerID", "other"}})).ok());
    wire::BulkPublishRequest request;
    request.set_topic(topic);
    for (int i = 0; i < count; ++i) {
      auto* entry = request.add_entries();
      entry->set_entry_id(std::to_string(i));
      entry->set_event(std::to_string(i));
    }
    const BulkAnswer answer = client.bulk_publish(request);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    ASSERT_TRUE(answer.failed.empty());
  }
  /// The subscription is made, and the component gone.
  void subscribe_and_stop(const Properties& with) {
    {
      const auto client = connect(with);
      const auto stream = client->pull("t");
      ASSERT_TRUE(client->publish("t", "first").ok());
      const auto first = stream->next();
      ASSERT_TRUE(first);
      stream->ack(first->id());
    }
    ASSERT_EQ(component->terminate(), 0);
  }

  TemporaryFolder folder_;
};

/// A Deployment's pods: the disk goes with each of them.
class WithoutDisk : public InboxModes {};

TEST_P(WithoutDisk, loses_nothing_of_1000_messages_over_ten_ends_of_the_process) {
  constexpr int kMessages = 1000;
  constexpr int kEnds = 10;
  constexpr int kEach = 70;
  const Properties with = persistent();
  ASSERT_NO_FATAL_FAILURE(subscribe_and_stop(with));
  ASSERT_NO_FATAL_FAILURE(publish_numbers(kMessages));
  std::set<std::string> handled;
  int again = 0;
  const auto handle_one = [&](PullStream& stream) {
    const auto message = stream.next();
    ASSERT_TRUE(message) << "after " << handled.size() << " messages: the rest is lost";
    if (!handled.insert(message->data()).second) ++again;
    stream.ack(message->id());
  };
  for (int end = 0; end < kEnds; ++end) {
    fs::remove_all(state());
    start();
    const auto client = connect(with);
    const auto stream = client->pull("t");
    const int before = again;
    for (int i = 0; i < kEach; ++i) ASSERT_NO_FATAL_FAILURE(handle_one(*stream));
    // After a kill, what the broker had no acknowledgement for; it may not have read all of them.
    const bool after_kill = end % 2 == 1;
    EXPECT_LE(again - before, after_kill ? kEach : 0) << "after end " << end;
    if (end % 2 == 0) {
      component->kill();
    } else {
      ASSERT_EQ(component->terminate(), 0);
    }
  }
  fs::remove_all(state());
  start();
  const auto client = connect(with);
  const auto stream = client->pull("t");
  while (handled.size() < kMessages) ASSERT_NO_FATAL_FAILURE(handle_one(*stream));
  RecordProperty("handled_twice", again);
}

INSTANTIATE_TEST_SUITE_P(Inbox, WithoutDisk, ::testing::Values("auto", "broker"),
                         [](const auto& mode) { return std::string(mode.param); });

/// All three.
class EachMode : public InboxModes {};

TEST_P(EachMode, what_the_app_has_in_hand_at_SIGTERM_is_acknowledged_and_the_rest_comes_again) {
  const Properties with = persistent();
  ASSERT_NO_FATAL_FAILURE(subscribe_and_stop(with));
  ASSERT_NO_FATAL_FAILURE(publish_numbers(100));
  start();
  std::set<std::string> handled;
  {
    const auto client = connect(with);
    const auto stream = client->pull("t");
    const auto in_hand = stream->take(10);
    ASSERT_EQ(in_hand.size(), 10U);
    component->process().signal(SIGTERM);
    ASSERT_TRUE(component->process().wait_for_output("stopping; messages in flight"));
    for (const auto& message : in_hand) {
      stream->ack(message.id());
      handled.insert(message.data());
    }
    // What it has besides is not answered: the drain takes its time.
    ASSERT_EQ(component->process().wait_for_end(seconds(45)), 0);
  }
  start();
  const auto client = connect(with);
  const auto stream = client->pull("t");
  while (handled.size() < 100) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << handled.size();
    EXPECT_TRUE(handled.insert(message->data()).second) << message->data() << " came twice";
    stream->ack(message->id());
  }
}

TEST_P(EachMode, message_at_qos_2_comes_once_over_an_orderly_restart) {
  const Properties with = persistent({{"qos", "2"}});
  ASSERT_NO_FATAL_FAILURE(subscribe_and_stop(with));
  for (int round = 0; round < 3; ++round) {
    start();
    const auto client = connect(with);
    const auto stream = client->pull("t");
    for (int i = 0; i < 30; ++i) {
      const std::string text = std::to_string(round) + " " + std::to_string(i);
      ASSERT_TRUE(client->publish("t", text).ok());
      const auto message = stream->next();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->data(), text);
      stream->ack(message->id());
    }
    ASSERT_EQ(component->terminate(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Inbox, EachMode, ::testing::Values("auto", "broker", "disk"),
                         [](const auto& mode) { return std::string(mode.param); });

class InboxBroker : public InboxModes {
 protected:
  std::string mode() const override { return "broker"; }
};

TEST_F(InboxBroker, makes_no_state_folder) {
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "one").ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  stream->nack(message->id(), "not now");
  ASSERT_TRUE(client->publish("t", "two").ok());
  ASSERT_TRUE(stream->next());
  EXPECT_FALSE(fs::exists(state()));
}

class InboxAuto : public InboxModes {
 protected:
  std::string mode() const override { return "auto"; }

  std::uintmax_t bytes_written() const {
    std::uintmax_t sum = 0;
    for (const auto& entry : fs::recursive_directory_iterator(state())) {
      if (entry.path().filename().string().starts_with("inbox.db")) sum += entry.file_size();
    }
    return sum;
  }
};

TEST_F(InboxAuto, healthy_app_causes_no_write) {
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  const auto pass = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(client->publish("t", "x").ok());
      const auto message = stream->next();
      ASSERT_TRUE(message);
      stream->ack(message->id());
    }
  };
  ASSERT_NO_FATAL_FAILURE(pass(1));
  const std::uintmax_t before = bytes_written();
  ASSERT_NO_FATAL_FAILURE(pass(2000));
  EXPECT_EQ(bytes_written(), before);
}

TEST_F(InboxAuto, messages_that_fail_for_ever_hold_up_no_others) {
  const auto client = connect(persistent({{"backOffInterval", "1h"}}));
  const auto bad = client->pull("bad");
  const auto good = client->pull("good");
  for (int i = 0; i < 10 * kWindow; ++i) ASSERT_TRUE(client->publish("bad", "x").ok());
  for (int i = 0; i < 10 * kWindow; ++i) {
    const auto message = bad->next();
    ASSERT_TRUE(message) << "after " << i;
    bad->nack(message->id(), "no");
  }
  for (int i = 0; i < 5 * kWindow; ++i) {
    ASSERT_TRUE(client->publish("good", std::to_string(i)).ok());
    const auto message = good->next();
    ASSERT_TRUE(message) << "after " << i;
    EXPECT_EQ(message->data(), std::to_string(i));
    good->ack(message->id());
  }
}

TEST_F(InboxAuto, message_that_the_app_is_silent_about_holds_up_no_others) {
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  ASSERT_NO_FATAL_FAILURE(publish_numbers(5 * kWindow));
  ASSERT_TRUE(stream->next()) << "and no answer to it";
  for (int i = 1; i < 5 * kWindow; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << i;
    EXPECT_EQ(message->data(), std::to_string(i));
    stream->ack(message->id());
  }
}

TEST_F(InboxAuto, app_that_takes_more_at_a_time_than_the_broker_sends_gets_more) {
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  ASSERT_NO_FATAL_FAILURE(publish_numbers(100));
  const auto in_hand = stream->take(100);
  ASSERT_EQ(in_hand.size(), 100U) << "without an answer to any of them";
  for (const auto& message : in_hand) stream->ack(message.id());
  ASSERT_TRUE(client->publish("t", "last").ok());
  const auto last = stream->next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->data(), "last");
}

TEST_F(InboxAuto, full_inbox_leaves_the_rest_at_the_broker_without_a_doubled_message) {
  constexpr int kMessages = 2000;
  const auto client = connect(persistent({{"inboxMaxMessages", "100"}}));
  const auto stream = client->pull("t");
  ASSERT_NO_FATAL_FAILURE(publish_numbers(kMessages));
  ASSERT_TRUE(component->process().wait_for_output("the inbox is full"));
  for (int i = 0; i < kMessages; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << i;
    ASSERT_EQ(message->data(), std::to_string(i));
    stream->ack(message->id());
  }
}

TEST_F(InboxAuto, message_in_hand_is_stored_when_the_broker_loses_the_session) {
  const std::string large(200'000, 'x');
  {
    const auto client = connect(persistent());
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", large).ok());
    ASSERT_TRUE(stream->next());
    const std::uintmax_t stored = bytes_written() + large.size();
    broker->restart();  // without its sessions
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (bytes_written() < stored && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_GE(bytes_written(), stored);
    // The end of its transaction may not be written yet. What is delivered next comes after that.
    const auto other = client->pull("u");
    ASSERT_TRUE(client->publish("u", "after").ok());
    ASSERT_TRUE(other->next());
    component->kill();
  }
  start();
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), large);
}

TEST_F(InboxAuto, works_without_a_disk_that_can_be_written) {
  component.reset();
  const TemporaryFolder sockets;
  std::ofstream(folder_.path() + "/file") << "no folder";
  component = std::make_unique<ComponentProcess>(
      ComponentOptions{.arguments = {"--state-dir", folder_.path() + "/file/state"},
                       .socket_folder = sockets.path()});
  const auto client = connect(persistent());
  EXPECT_TRUE(component->process().wait_for_output("going on as with inbox"));
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "one").ok());
  const auto message = stream->next();
  ASSERT_TRUE(message);
  stream->ack(message->id());
}

}  // namespace
}  // namespace dapr_mqtt::testing
