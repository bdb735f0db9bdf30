// Whole instances on a broker in memory, with their real threads.
#include "dapr_mqtt/instance/instance.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "dapr_mqtt/instance/make_factory.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"
#include "support/scratch_folder.h"
#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using dapr_mqtt::testing::Channel;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class Receiver final : public core::Subscriber {
 public:
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    deliveries.push(delivery);
    return core::DeliverResult::kSent;
  }
  Channel<core::Delivery> deliveries;
};

/// A log that passes on the lines that contain this text.
struct Told final : base::Logger {
  Told(base::Logger& all_lines, std::string wanted) : all(all_lines), part(std::move(wanted)) {}
  bool enabled(base::LogLevel level) const override { return all.enabled(level); }
  void write(base::LogLevel level, std::string_view instance, std::string_view message) override {
    all.write(level, instance, message);
    if (message.find(part) != std::string_view::npos) lines.push(std::string(message));
  }
  base::Logger& all;
  const std::string part;
  Channel<std::string> lines;
};

struct Subscription {
  std::shared_ptr<Receiver> receiver = std::make_shared<Receiver>();
  std::shared_ptr<Stream> stream;

  core::Delivery next() {
    auto delivery = receiver->deliveries.next();
    if (!delivery) throw std::runtime_error("no delivery came");
    return *delivery;
  }
  void acknowledge(const core::Delivery& delivery, std::optional<std::string> error = {}) {
    stream->acknowledge(std::to_string(delivery.id), std::move(error));
  }
};

class InstanceTest : public ::testing::Test {
 protected:
  static core::Metadata metadata(core::Metadata more = {}) {
    core::Metadata all{{"url", "tcp://loopback:1883"}, {"consumerID", "app"}, {"qos", "1"}};
    for (auto& [key, value] : more) all[key] = value;
    return all;
  }
  base::Result<std::shared_ptr<Instance>> create(core::Metadata with) {
    auto answer = std::make_shared<Channel<base::Result<std::shared_ptr<Instance>>>>();
    factory->create("orders", std::move(with),
                    [answer](auto result) { answer->push(std::move(result)); });
    auto result = answer->next();
    if (!result) return base::internal_error("no answer to create");
    return std::move(*result);
  }
  std::shared_ptr<Instance> created(core::Metadata with = metadata()) {
    auto result = create(std::move(with));
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result.value() : nullptr;
  }
  static base::Status publish(Instance& instance, const std::string& topic,
                              std::string payload = "p", core::Metadata with = {}) {
    auto answer = std::make_shared<Channel<base::Status>>();
    instance.publish({topic, std::move(payload), std::move(with)},
                     [answer](base::Status status) { answer->push(std::move(status)); });
    return answer->next().value_or(base::internal_error("no answer to publish"));
  }
  static Subscription subscribe(Instance& instance, const std::string& filter,
                                const core::Metadata& with = {}) {
    Subscription made;
    made.stream = instance.open_stream(made.receiver);
    EXPECT_TRUE(made.stream->subscribe(filter, with).ok());
    return made;
  }
  static void close(Instance& instance) {
    auto closed = std::make_shared<Channel<int>>();
    instance.close([closed] { closed->push(1); });
    ASSERT_TRUE(closed->next());
  }

  /// Waits until every delivery is answered and every answer has had its effect. No
  /// delivery is made afterwards.
  static void drain(Instance& instance) {
    auto drained = std::make_shared<Channel<int>>();
    instance.drain(std::chrono::steady_clock::now() + std::chrono::hours(1),
                   [drained] { drained->push(1); });
    ASSERT_TRUE(drained->next());
  }

  dapr_mqtt::testing::LoopbackBroker broker;
  dapr_mqtt::testing::CapturedLog log;
  std::unique_ptr<InstanceFactory> factory = make_instance_factory(broker, log);
};

TEST_F(InstanceTest, connects_a_publisher_of_its_own_client_id_at_creation) {
  const auto instance = created();
  EXPECT_THAT(broker.connected_clients(), ElementsAre(HasSubstr("app-pub-")));
  EXPECT_TRUE(instance->health().ok());
  close(*instance);
  EXPECT_TRUE(broker.connected_clients().empty());
}

TEST_F(InstanceTest, publishes_with_the_client_id_that_it_is_given_one_at_a_time) {
  const auto instance = created(metadata({{"clientIdPublisher", "out"}}));
  EXPECT_THAT(broker.connected_clients(), ElementsAre("out"));
  const auto other = create(metadata(
      {{"consumerID", "other"}, {"clientIdPublisher", "out"}, {"connectTimeout", "50ms"}}));
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.status().message(), HasSubstr("clientIdPublisher is in use"));
  close(*instance);
  const auto next = created(metadata({{"consumerID", "other"}, {"clientIdPublisher", "out"}}));
  EXPECT_THAT(broker.connected_clients(), ElementsAre("out"));
  close(*next);
  EXPECT_EQ(broker.takeovers(), 0);
}

TEST_F(InstanceTest, asks_the_sending_thread_to_publish) {
  struct BusyThread final : base::SpareThread {
    bool lend(std::function<void()> /*work*/) override {
      asked = true;
      return false;
    }
    std::atomic<bool> asked{false};
  } thread;
  FactoryOptions options;
  options.sending_thread = &thread;
  factory = make_instance_factory(broker, log, options);
  auto instance = created();
  // The first ones may find the instance's own thread awake.
  for (int i = 0; i < 1000 && !thread.asked; ++i) ASSERT_TRUE(publish(*instance, "t").ok());
  EXPECT_TRUE(thread.asked);
  close(*instance);
  instance.reset();
  factory.reset();
}

TEST_F(InstanceTest, says_once_that_a_publish_has_a_misspelt_key) {
  const auto instance = created();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(publish(*instance, "t", "p", {{"retian", "true"}}).ok());
  }
  const std::string line = "did you mean retain?";
  const std::string text = log.text();
  const std::size_t first = text.find(line);
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find(line, first + 1), std::string::npos) << text;
  close(*instance);
}

TEST_F(InstanceTest, warns_when_its_broker_takes_a_consumer_group_for_a_topic) {
  broker.ignore_shared();
  Told told{log, "ordinary topic"};
  factory = make_instance_factory(broker, told);
  auto instance = created(metadata({{"consumerGroup", "workers"}}));
  auto subscription = subscribe(*instance, "jobs/+");
  const auto line = told.lines.next();
  ASSERT_TRUE(line) << log.text();
  EXPECT_THAT(*line, HasSubstr("\"$share/workers/jobs/+\""));
  EXPECT_THAT(instance->facts().group_problem.message(), *line);
  EXPECT_TRUE(instance->health().ok());
  subscription.stream.reset();
  instance.reset();
  factory.reset();  // before its log
}

TEST_F(InstanceTest, is_refused_with_the_brokers_cause) {
  broker.answer_connects_with(base::unauthenticated("tcp://loopback:1883: bad user or password"));
  const auto result = create(metadata());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().kind(), base::ErrorKind::kUnauthenticated);
  EXPECT_THAT(result.status().message(), HasSubstr("bad user or password"));
}

TEST_F(InstanceTest, is_refused_with_every_problem_of_its_metadata) {
  const auto result = create({{"url", "ftp://h"}, {"consumerID", "x"}, {"qos", "3"}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().kind(), base::ErrorKind::kInvalidArgument);
  EXPECT_THAT(result.status().message(), ::testing::AllOf(HasSubstr("url"), HasSubstr("qos")));
}

TEST_F(InstanceTest, comes_up_without_its_broker_when_connecting_in_background) {
  broker.answer_connects_with(base::unavailable("connection refused"));
  const auto instance = created(metadata({{"connectInBackground", "true"}}));
  ASSERT_TRUE(instance);
}

TEST_F(InstanceTest, with_the_same_consumer_id_waits_for_the_older_one_to_close) {
  const auto older = created();
  auto receiver = subscribe(*older, "t");
  ASSERT_TRUE(publish(*older, "t").ok());
  receiver.next();
  auto answer = std::make_shared<Channel<base::Result<std::shared_ptr<Instance>>>>();
  factory->create("orders", metadata(), [answer](auto result) { answer->push(std::move(result)); });
  close(*older);
  auto newer = answer->next();
  ASSERT_TRUE(newer && newer->ok());
  auto again = subscribe(*newer->value(), "t");
  ASSERT_TRUE(publish(*newer->value(), "t").ok());
  again.next();
  EXPECT_EQ(broker.takeovers(), 0);
}

TEST_F(InstanceTest, with_a_consumer_id_in_use_is_refused_when_its_owner_stays) {
  const auto older = created();
  const auto newer = create(metadata({{"connectTimeout", "50ms"}}));
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_EQ(broker.takeovers(), 0);
}

TEST_F(InstanceTest, is_created_while_the_disk_of_another_does_not_answer) {
  const dapr_mqtt::testing::ScratchFolder state;
  Channel<int> disk_waits;
  Channel<int> disk_answers;
  std::atomic<bool> slow{true};
  FactoryOptions options;
  options.state_dir = state.file("state");
  options.wrap_inbox = [&](std::unique_ptr<core::DurableInbox> inbox) {
    if (slow.exchange(false)) {
      disk_waits.push(1);
      disk_answers.next();
    }
    return inbox;
  };
  factory = make_instance_factory(broker, log, options);
  auto answer = std::make_shared<Channel<base::Result<std::shared_ptr<Instance>>>>();
  const core::Metadata persistent{{"cleanSession", "false"}};
  factory->create("slow", metadata(persistent),
                  [answer](auto result) { answer->push(std::move(result)); });
  ASSERT_TRUE(disk_waits.next());
  const auto quick = created(metadata({{"cleanSession", "false"}, {"consumerID", "quick"}}));
  ASSERT_TRUE(quick);
  EXPECT_EQ(
      create(metadata({{"cleanSession", "false"}, {"connectTimeout", "50ms"}})).status().kind(),
      base::ErrorKind::kFailedPrecondition)
      << "its consumerID stays taken meanwhile";
  EXPECT_EQ(answer->size(), 0U);
  disk_answers.push(1);
  const auto result = answer->next();
  ASSERT_TRUE(result && result->ok());
  close(*result->value());
  close(*quick);
}

TEST_F(InstanceTest, delivers_what_is_published_and_forgets_it_when_acknowledged) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "a/+");
  ASSERT_TRUE(publish(*instance, "a/b", std::string("\0\xff bin", 6)).ok());
  const auto delivery = subscription.next();
  EXPECT_EQ(delivery.message->topic, "a/b");
  EXPECT_EQ(delivery.message->payload, std::string("\0\xff bin", 6));
  EXPECT_EQ(delivery.attempt, 1U);
  subscription.acknowledge(delivery);
  ASSERT_TRUE(publish(*instance, "a/c").ok());
  const auto second = subscription.next();
  EXPECT_EQ(second.message->topic, "a/c");
  subscription.acknowledge(second);
  drain(*instance);
  EXPECT_EQ(instance->counters().acknowledged, 2U);
}

TEST_F(InstanceTest, does_not_let_a_publish_overtake_a_subscription_opened_before) {
  const auto instance = created();
  for (int round = 0; round < 20; ++round) {
    broker.hold_subscribes();
    auto receiver = std::make_shared<Receiver>();
    const auto stream = instance->open_stream(receiver);
    auto answer = std::make_shared<Channel<base::Status>>();
    const std::string topic = "t/" + std::to_string(round);
    // Before even the stream's first request has been read.
    instance->publish({topic, "p", {}},
                      [answer](base::Status status) { answer->push(std::move(status)); });
    ASSERT_TRUE(stream->subscribe(topic, {}).ok());
    broker.let_subscribes_go();
    ASSERT_TRUE(answer->next()->ok());
    ASSERT_TRUE(receiver->deliveries.next());
  }
}

TEST_F(InstanceTest, gives_overlapping_filters_each_message_exactly_once) {
  const auto instance = created();
  auto wide = subscribe(*instance, "a/#");
  auto narrow = subscribe(*instance, "a/b");
  ASSERT_TRUE(publish(*instance, "a/b").ok());
  ASSERT_TRUE(publish(*instance, "a/c").ok());
  ASSERT_TRUE(publish(*instance, "a/b", "last").ok());
  for (const char* topic : {"a/b", "a/c", "a/b"}) {
    const auto delivery = wide.next();
    EXPECT_EQ(delivery.message->topic, topic);
    wide.acknowledge(delivery);
  }
  EXPECT_EQ(narrow.next().message->payload, "p");
  EXPECT_EQ(narrow.next().message->payload, "last");
  EXPECT_EQ(wide.receiver->deliveries.size(), 0U);
  EXPECT_EQ(narrow.receiver->deliveries.size(), 0U);
}

TEST_F(InstanceTest, tries_a_failed_message_again_while_others_go_on) {
  const auto instance =
      created(metadata({{"backOffMaxRetries", "2"}, {"backOffInterval", "20ms"}}));
  auto subscription = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t", "bad").ok());
  ASSERT_TRUE(publish(*instance, "t", "good").ok());
  int attempts_of_bad = 0;
  int good = 0;
  while (attempts_of_bad < 3 || good < 1) {
    const auto delivery = subscription.next();
    if (delivery.message->payload == "good") {
      ++good;
      subscription.acknowledge(delivery);
    } else {
      EXPECT_EQ(delivery.attempt, static_cast<std::uint32_t>(++attempts_of_bad));
      subscription.acknowledge(delivery, "app said 500");
    }
  }
  ASSERT_TRUE(publish(*instance, "t", "next").ok());
  const auto next = subscription.next();
  EXPECT_EQ(next.message->payload, "next");  // not stuck
  subscription.acknowledge(next);
  drain(*instance);
  EXPECT_TRUE(log.contains("app said 500"));
  EXPECT_EQ(instance->counters().given_up, 1U);
}

TEST_F(InstanceTest, gives_what_a_closed_stream_held_to_the_next_one) {
  const auto instance = created(metadata({{"cleanSession", "false"}}));
  auto first = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t").ok());
  first.next();
  first.stream->close();
  auto second = subscribe(*instance, "t");
  EXPECT_EQ(second.next().attempt, 1U);  // not counted as a failure of the app
}

TEST_F(InstanceTest, says_how_many_messages_go_with_a_closed_stream_of_a_clean_session) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "a/+");
  instance->pause();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publish(*instance, "a/b").ok());
  subscription.stream->close();
  const auto deadline = std::chrono::steady_clock::now() + dapr_mqtt::testing::kPatience;
  while (!log.contains("3 message(s)") && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(log.contains("topic filter \"a/+\""));
  EXPECT_TRUE(log.contains("3 message(s) that waited for the app are dropped"));
  EXPECT_EQ(instance->counters().dropped_ended, 3U);
}

TEST_F(InstanceTest, refuses_wrong_topics_and_metadata_with_the_reason) {
  const auto instance = created();
  EXPECT_THAT(publish(*instance, "").message(), HasSubstr("empty"));
  EXPECT_THAT(publish(*instance, "a/#").message(), HasSubstr("wildcard"));
  EXPECT_THAT(publish(*instance, std::string("a\0b", 3)).message(), HasSubstr("NUL"));
  EXPECT_THAT(publish(*instance, "\xff").message(), HasSubstr("UTF-8"));
  EXPECT_THAT(publish(*instance, std::string(65536, 'x')).message(), HasSubstr("65535"));
  EXPECT_THAT(publish(*instance, "t", "p", {{"qos", "7"}}).message(), HasSubstr("0, 1, 2"));
  EXPECT_TRUE(publish(*instance, "t").ok());
}

TEST_F(InstanceTest, refuses_a_second_topic_and_wrong_filters_on_a_stream) {
  const auto instance = created();
  const auto stream = instance->open_stream(std::make_shared<Receiver>());
  EXPECT_FALSE(stream->subscribe("a/#/b", {}).ok());
  EXPECT_FALSE(stream->subscribe("a", {{"qos", "x"}}).ok());
  EXPECT_TRUE(stream->subscribe("a", {}).ok());
  EXPECT_FALSE(stream->subscribe("b", {}).ok());
}

TEST_F(InstanceTest, counts_acknowledgements_that_mean_nothing) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t").ok());
  const auto delivery = subscription.next();
  for (const char* id : {"", "x", "-1", "99999999999999999999999", "12345"}) {
    subscription.stream->acknowledge(id, std::nullopt);
  }
  subscription.acknowledge(delivery);
  subscription.acknowledge(delivery);  // again
  ASSERT_TRUE(publish(*instance, "t").ok());
  subscription.acknowledge(subscription.next());
  drain(*instance);
  EXPECT_EQ(instance->counters().unknown_acks, 6U);
  EXPECT_EQ(instance->counters().acknowledged, 2U);
}

TEST_F(InstanceTest, names_exactly_the_entries_of_a_bulk_publish_that_failed) {
  const auto instance = created();
  BulkPublishRequest request;
  request.topic = "t";
  request.metadata = {{"qos", "1"}};
  request.entries = {{"one", "1", {}}, {"two", "2", {{"qos", "9"}}}, {"three", "3", {}}};
  auto answer = std::make_shared<Channel<std::vector<FailedEntry>>>();
  instance->bulk_publish(request, [answer](auto failed) { answer->push(std::move(failed)); });
  const auto failed = answer->next();
  ASSERT_TRUE(failed);
  ASSERT_EQ(failed->size(), 1U);
  EXPECT_EQ(failed->front().id, "two");
}

TEST_F(InstanceTest, holds_deliveries_back_while_paused_and_takes_acknowledgements) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t", "1").ok());
  const auto first = subscription.next();
  instance->pause();
  instance->pause();
  subscription.acknowledge(first);
  ASSERT_TRUE(publish(*instance, "t", "2").ok());
  instance->resume();
  const auto second = subscription.next();
  EXPECT_EQ(second.message->payload, "2");
  subscription.acknowledge(second);
  drain(*instance);
  EXPECT_EQ(instance->counters().acknowledged, 2U);
}

TEST_F(InstanceTest, drains_when_all_is_acknowledged_or_its_time_is_up) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t").ok());
  const auto delivery = subscription.next();
  auto drained = std::make_shared<Channel<int>>();
  const auto now = std::chrono::steady_clock::now();
  instance->drain(now + std::chrono::hours(1), [drained] { drained->push(1); });
  EXPECT_EQ(drained->size(), 0U);
  subscription.acknowledge(delivery);
  EXPECT_TRUE(drained->next());

  broker.hold_publishes(true);
  instance->publish({"t", "p", {}}, [](const base::Status&) {});
  instance->drain(now, [drained] { drained->push(2); });
  EXPECT_TRUE(drained->next());
}

TEST_F(InstanceTest, makes_a_small_dead_letter_of_a_message_that_is_too_large_to_be_received) {
  const auto instance = created(metadata({{"deadLetterTopic", "dead"}}));
  auto subscription = subscribe(*instance, "t");
  auto dead = subscribe(*instance, "dead");
  ASSERT_TRUE(publish(*instance, "t", std::string(5'000'000, 'x')).ok());
  ASSERT_TRUE(publish(*instance, "t", "small").ok());
  const auto next = subscription.next();
  EXPECT_EQ(next.message->payload, "small") << "it is not held up";
  subscription.acknowledge(next);
  const auto letter = dead.next();
  EXPECT_THAT(letter.message->payload, HasSubstr("\"size\":5000000"));
  EXPECT_LT(letter.message->payload.size(), 2000U);
  dead.acknowledge(letter);
  drain(*instance);
  EXPECT_EQ(instance->counters().too_large, 1U);
  EXPECT_EQ(instance->counters().dead_lettered, 1U);
  EXPECT_EQ(instance->facts().inbox.messages, 0U);
}

TEST_F(InstanceTest, drops_a_message_that_is_too_large_to_be_received) {
  const auto instance = created();
  auto subscription = subscribe(*instance, "t");
  ASSERT_TRUE(publish(*instance, "t", std::string(5'000'000, 'x')).ok());
  ASSERT_TRUE(publish(*instance, "t", "small").ok());
  EXPECT_EQ(subscription.next().message->payload, "small");
  EXPECT_EQ(instance->counters().too_large, 1U);
  EXPECT_TRUE(log.contains("dropped a message on topic \"t\"")) << log.text();
}

TEST_F(InstanceTest, answers_what_is_open_when_it_closes) {
  const auto instance = created();
  broker.hold_publishes(true);
  auto answer = std::make_shared<Channel<base::Status>>();
  instance->publish({"t", "p", {}},
                    [answer](base::Status status) { answer->push(std::move(status)); });
  close(*instance);
  EXPECT_EQ(answer->next()->kind(), base::ErrorKind::kUnavailable);
  EXPECT_EQ(publish(*instance, "t").kind(), base::ErrorKind::kUnavailable);
  close(*instance);  // again
}

TEST_F(InstanceTest, shows_which_component_it_is_among_its_features) {
  EXPECT_THAT(created()->features(),
              UnorderedElementsAre("BULK_PUBSUB", "SUBSCRIBE_WILDCARDS", "BULK_SUBSCRIBE_IMMEDIATE",
                                   "DAPR_PUBSUB_MQTT_CPP"));
}

TEST_F(InstanceTest, survives_being_let_go_without_close) {
  for (int i = 0; i < 20; ++i) {
    auto instance = created(metadata({{"consumerID", "app" + std::to_string(i)}}));
    auto subscription = subscribe(*instance, "t");
    instance->publish({"t", "p", {}}, [](const base::Status&) {});
  }
}

}  // namespace
}  // namespace dapr_mqtt::instance
