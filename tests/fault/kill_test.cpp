// kill -9 at named moments around the commit: nothing is lost, and what comes
// twice is what the app had only just acknowledged.
#include <csignal>
#include <iostream>
#include <map>
#include <set>
#include <string>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

using std::chrono::seconds;

struct Moment {
  const char* name;
  const char* point;
  int qos;
  /// How often the point is passed before the death of each run. Acknowledgements are written in
  /// groups, so few times there.
  int first = 40;
  int step = 97;
};

std::ostream& operator<<(std::ostream& out, const Moment& moment) { return out << moment.name; }

class Kill : public ComponentTest, public ::testing::WithParamInterface<Moment> {
 protected:
  static constexpr int kKills = 4;
  /// New for each run, and more than any run passes its point: one commit can take all that waited.
  static constexpr int kForEachRun = 500;
  static constexpr int kMessages = kKills * kForEachRun;

  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
  }
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.persistence = true;
    return options;
  }
  Properties durable() const {
    return metadata({{"cleanSession", "false"},
                     {"inbox", "disk"},
                     {"backOffMaxRetries", "-1"},
                     {"qos", std::to_string(GetParam().qos)}});
  }
  /// Another process with the same state folder, to die at the n-th time that the
  /// moment is reached; 0: never.
  void start(int n) {
    ComponentOptions options;
    options.arguments = {"--log-level", "info"};
    options.socket_folder = folder_.path();
    options.executable = MORTAL_COMPONENT;
    options.environment = {{"DIE_AT", GetParam().point + (":" + std::to_string(n))}};
    component = std::make_unique<ComponentProcess>(options);
  }
  /// Makes the session, and ends the component.
  void make_session() {
    start(0);
    {
      const auto client = connect(durable());
      const auto stream = client->pull("t");
      ASSERT_TRUE(client->publish("t", "first").ok());
      const auto first = stream->next();
      ASSERT_TRUE(first);
      stream->ack(first->id());
      ASSERT_EQ(component->terminate(), 0);
    }
    component.reset();
    other_ = std::make_unique<ComponentProcess>();
    publisher_ = std::make_unique<ComponentClient>(other_->address());
    ASSERT_TRUE(publisher_->init(metadata({{"consumerID", "other"}})).ok());
  }
  /// Has the broker queue the run's messages for the session of the dead component.
  void queue_messages(int run) {
    wire::BulkPublishRequest request;
    request.set_topic("t");
    (*request.mutable_metadata())["qos"] = std::to_string(GetParam().qos);
    for (int i = run * kForEachRun; i < (run + 1) * kForEachRun; ++i) {
      auto* entry = request.add_entries();
      entry->set_entry_id(std::to_string(i));
      entry->set_event(std::to_string(i));
    }
    const BulkAnswer answer = publisher_->bulk_publish(request);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    ASSERT_TRUE(answer.failed.empty());
  }
  /// The same state folder throughout.
  TemporaryFolder folder_;
  std::unique_ptr<ComponentProcess> other_;
  std::unique_ptr<ComponentClient> publisher_;
};

TEST_P(Kill, loses_nothing_and_doubles_only_what_was_acknowledged_last) {
  ASSERT_NO_FATAL_FAILURE(make_session());
  std::map<std::string, int> handled;
  std::set<std::string> in_this_run;
  std::size_t again = 0;
  const auto handle = [&](PullStream& stream, const wire::PullMessagesResponse& message) {
    if (++handled[message.data()] > 1) ++again;
    // At QoS 1 a run can have two of a message: the stored one, and what the broker had no PUBACK for.
    EXPECT_TRUE(in_this_run.insert(message.data()).second || GetParam().qos == 1)
        << message.data() << " came twice though nothing died in between";
    stream.ack(message.id());
  };
  for (int run = 0; run < kKills; ++run) {
    in_this_run.clear();
    ASSERT_NO_FATAL_FAILURE(queue_messages(run));
    start(GetParam().first + GetParam().step * run);
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    while (const auto message = stream->next()) handle(*stream, *message);  // until it is dead
    ASSERT_EQ(component->process().wait_for_end(seconds(20)), 128 + SIGKILL)
        << "after " << handled.size() << " messages";
  }
  in_this_run.clear();
  start(0);
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    while (handled.size() < std::size_t{kMessages}) {
      const auto message = stream->next();
      ASSERT_TRUE(message) << "after " << handled.size() << " messages: the rest is lost";
      handle(*stream, *message);
    }
    ASSERT_TRUE(client->publish("t", "end").ok());
    while (const auto message = stream->next()) {
      if (message->data() == "end") {
        stream->ack(message->id());
        break;
      }
      handle(*stream, *message);
    }
    ASSERT_EQ(component->terminate(), 0);
  }
  // Every acknowledgement is written by now: nothing of all this comes any more.
  start(0);
  const auto client = connect(durable());
  const auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "after").ok());
  while (const auto message = stream->next()) {
    stream->ack(message->id());
    // What the broker sends again, since it had not read every PUBACK (it saves at
    // each change), it marks so.
    if (value_of(*message, "mqtt-duplicate") == "true") continue;
    EXPECT_EQ(message->data(), "after");
    if (message->data() == "after") break;
  }
  RecordProperty("handled_twice", std::to_string(again));
  std::cout << again << " of " << kMessages << " came twice in " << kKills << " kills\n";
}

const auto kName = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(
    At, Kill,
    ::testing::Values(Moment{"before_the_commit_at_qos1", "before-commit", 1},
                      Moment{"after_the_commit_and_before_PUBACK", "after-commit", 1},
                      Moment{"before_the_delete_of_what_was_acknowledged", "before-delete", 1, 1,
                             0},
                      Moment{"after_the_delete_of_what_was_acknowledged", "after-delete", 1, 1, 0},
                      Moment{"before_the_commit_at_qos2", "before-commit", 2},
                      Moment{"after_the_commit_and_before_PUBREC", "after-commit", 2},
                      Moment{"before_the_release", "before-release", 2},
                      Moment{"after_the_release_and_before_PUBCOMP", "after-release", 2}),
    kName);

class KillExactlyOnce : public Kill {};

TEST_P(KillExactlyOnce, brings_each_message_of_qos2_into_the_inbox_once) {
  ASSERT_NO_FATAL_FAILURE(make_session());
  for (int run = 0; run < kKills; ++run) {
    ASSERT_NO_FATAL_FAILURE(queue_messages(run));
    start(GetParam().first + GetParam().step * run);
    const auto client = connect(durable());
    const auto stream = client->pull("t");  // and no acknowledgement
    ASSERT_EQ(component->process().wait_for_end(seconds(20)), 128 + SIGKILL);
  }
  start(0);
  const auto client = connect(durable());
  const auto stream = client->pull("t");
  std::map<std::string, int> handled;
  for (int i = 0; i < kMessages; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << i << " messages";
    ++handled[message->data()];
    stream->ack(message->id());
  }
  EXPECT_EQ(handled.size(), std::size_t{kMessages}) << "some came twice, some not";
  ASSERT_TRUE(client->publish("t", "end", {{"qos", "2"}}).ok());
  const auto end = stream->next();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->data(), "end") << "one too many";
}

INSTANTIATE_TEST_SUITE_P(
    At, KillExactlyOnce,
    ::testing::Values(Moment{"before_the_commit", "before-commit", 2},
                      Moment{"after_the_commit_and_before_PUBREC", "after-commit", 2},
                      Moment{"before_the_release", "before-release", 2},
                      Moment{"after_the_release_and_before_PUBCOMP", "after-release", 2}),
    kName);

}  // namespace
}  // namespace dapr_mqtt::testing
