// The ID and the time of the events of a message: the same when the broker sends it to another
// process. What the broker is made to do by a script is in tests/fault/event_ids_fault_test.cpp.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr std::size_t kFewMessages = 10;  // fit mosquitto's window

struct Way {
  const char* name;
  const char* inbox;
  const char* qos;
  bool kill;
};

std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }

class EventIds : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
    start();
  }
  void start() {
    component.reset();
    component =
        std::make_unique<ComponentProcess>(ComponentOptions{.socket_folder = folder_.path()});
  }
  Properties persistent(const Properties& more = {}) const {
    Properties all =
        metadata({{"cleanSession", "false"}, {"backOffMaxRetries", "-1"}, {"cloudEvents", "auto"}});
    for (const auto& [key, value] : more) all[key] = value;
    return all;
  }
  /// They are events: the ID tells them apart, all else is equal but for the time.
  static std::vector<std::string> events(PullStream& stream, std::size_t count) {
    std::vector<std::string> out;
    for (const auto& message : stream.take(count)) out.push_back(message.data());
    EXPECT_EQ(out.size(), count);
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string id_of(const std::string& event) {
    const std::string name = R"("id":")";
    const std::size_t begin = event.find(name);
    if (begin == std::string::npos) return "(none)";
    return event.substr(begin + name.size(),
                        event.find('"', begin + name.size()) - begin - name.size());
  }
  static std::set<std::string> ids_of(const std::vector<std::string>& events) {
    std::set<std::string> out;
    for (const std::string& event : events) out.insert(id_of(event));
    return out;
  }
  static void publish(ComponentClient& client, std::size_t count, const std::string& topic = "t",
                      const std::string& qos = "1") {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(client.publish(topic, "21.5", {{"qos", qos}}).ok());
    }
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() + "/state")) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("event-ids")) out.push_back(name);
    }
    return out;
  }

  TemporaryFolder folder_;
};

class EventIdsOver : public EventIds, public ::testing::WithParamInterface<Way> {};

TEST_P(EventIdsOver, restarts_stay_the_same_and_equal_payloads_never_share_one) {
  const Properties with = persistent({{"inbox", GetParam().inbox}, {"qos", GetParam().qos}});
  std::vector<std::string> before;
  {
    const auto client = connect(with);
    const auto stream = client->pull("t");
    ASSERT_NO_FATAL_FAILURE(publish(*client, kFewMessages, "t", GetParam().qos));
    before = events(*stream, kFewMessages);
    EXPECT_EQ(ids_of(before).size(), kFewMessages);
  }
  for (int end = 0; end < 2; ++end) {
    if (GetParam().kill) {
      component->kill();
    } else {
      ASSERT_EQ(component->terminate(), 0);
    }
    start();
    const auto client = connect(with);
    const auto stream = client->pull("t");
    ASSERT_EQ(events(*stream, kFewMessages), before) << "with their times";
  }
  // The same identifiers for the broker, in time.
  component->kill();
  start();
  const auto client = connect(with);
  const auto stream = client->pull("t");
  for (std::size_t i = 0; i < kFewMessages; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->ack(message->id());
  }
  ASSERT_NO_FATAL_FAILURE(publish(*client, kFewMessages, "t", GetParam().qos));
  std::set<std::string> all = ids_of(before);
  all.merge(ids_of(events(*stream, kFewMessages)));
  EXPECT_EQ(all.size(), 2 * kFewMessages);
}

INSTANTIATE_TEST_SUITE_P(Ends, EventIdsOver,
                         ::testing::Values(Way{"auto_kill", "auto", "1", true},
                                           Way{"auto_SIGTERM", "auto", "1", false},
                                           Way{"auto_kill_at_qos_2", "auto", "2", true},
                                           Way{"disk_kill", "disk", "1", true},
                                           Way{"disk_SIGTERM_at_qos_2", "disk", "2", false}),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_F(EventIds, stay_the_same_for_what_was_handled_behind_a_message_that_was_not) {
  const Properties with = persistent({{"maxConcurrentHandlers", "3"}});
  std::vector<std::string> before;
  {
    const auto client = connect(with);
    const auto stream = client->pull("t");
    ASSERT_NO_FATAL_FAILURE(publish(*client, 5));
    const auto messages = stream->take(3);
    ASSERT_EQ(messages.size(), 3U);
    for (const auto& message : messages) before.push_back(message.data());
    // Their acknowledgements wait for the first one's (MQTT-4.6.0-2).
    stream->ack(messages[1].id());
    stream->ack(messages[2].id());
    ASSERT_EQ(stream->take(2).size(), 2U) << "it knows of the two answers";
    component->kill();
  }
  start();
  const auto client = connect(with);
  const auto stream = client->pull("t");
  std::vector<std::string> after;
  for (const auto& message : stream->take(3)) after.push_back(message.data());
  EXPECT_EQ(after, before) << "so an app that remembers IDs handles them once";
}

TEST_F(EventIds, stay_the_same_for_a_message_that_the_app_has_failed) {
  const Properties with = persistent({{"backOffInterval", "100ms"}});
  std::string first;
  {
    const auto client = connect(with);
    const auto stream = client->pull("t");
    ASSERT_NO_FATAL_FAILURE(publish(*client, 1));
    const auto message = stream->next();
    ASSERT_TRUE(message);
    first = message->data();
    component->kill();
  }
  for (int run = 0; run < 2; ++run) {  // from the broker, and then from the disk
    start();
    const auto client = connect(with);
    const auto stream = client->pull("t");
    for (int attempt = 0; attempt < 3; ++attempt) {
      const auto message = stream->next();
      ASSERT_TRUE(message);
      EXPECT_EQ(message->data(), first) << "run " << run << ", attempt " << attempt;
      if (attempt < 2) stream->nack(message->id(), "not now");
    }
    component->kill();
  }
}

TEST_F(EventIds, stay_the_same_on_each_of_several_connections) {
  // "a/#" and "a/+" overlap, so each has a connection of its own.
  std::vector<std::string> all;
  std::vector<std::string> one;
  {
    const auto client = connect(persistent());
    const auto hash = client->pull("a/#");
    const auto plus = client->pull("a/+");
    ASSERT_NO_FATAL_FAILURE(publish(*client, 5, "a/x"));
    all = events(*hash, 5);
    one = events(*plus, 5);
    component->kill();
  }
  std::set<std::string> ids = ids_of(all);
  ids.merge(ids_of(one));
  EXPECT_EQ(ids.size(), 10U) << "a message for two subscriptions is two events";
  EXPECT_EQ(files().size(), 2U);
  start();
  const auto client = connect(persistent());
  const auto hash = client->pull("a/#");
  const auto plus = client->pull("a/+");
  EXPECT_EQ(events(*hash, 5), all);
  EXPECT_EQ(events(*plus, 5), one);
}

TEST_F(EventIds, cost_nothing_where_payloads_pass_as_they_are) {
  const auto client = connect(persistent({{"cloudEvents", "pass"}}));
  const auto stream = client->pull("t");
  ASSERT_NO_FATAL_FAILURE(publish(*client, 3));
  ASSERT_EQ(stream->take(3).size(), 3U);
  EXPECT_THAT(files(), IsEmpty());
  const auto raw = client->pull("raw", {{"cloudEvents", "wrap"}, {"rawPayload", "true"}});
  ASSERT_NO_FATAL_FAILURE(publish(*client, 1, "raw"));
  ASSERT_TRUE(raw->next());
  EXPECT_THAT(files(), IsEmpty());
  const auto wrapped = client->pull("w", {{"cloudEvents", "wrap"}});
  ASSERT_NO_FATAL_FAILURE(publish(*client, 1, "w"));
  ASSERT_TRUE(wrapped->next());
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(EventIds, leave_no_file_when_nothing_is_in_flight) {
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  for (int i = 0; i < 50; ++i) {
    ASSERT_NO_FATAL_FAILURE(publish(*client, 1));
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->ack(message->id());
  }
  EXPECT_EQ(files().size(), 1U);
  ASSERT_EQ(component->terminate(), 0);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(EventIds, change_and_no_message_is_lost_when_the_file_is_damaged) {
  std::set<std::string> before;
  {
    const auto client = connect(persistent());
    const auto stream = client->pull("t");
    ASSERT_NO_FATAL_FAILURE(publish(*client, kFewMessages));
    before = ids_of(events(*stream, kFewMessages));
    component->kill();
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path() + "/state")) {
    if (entry.path().filename().string().starts_with("event-ids")) {
      fs::resize_file(entry.path(), 5);
    }
  }
  start();
  const auto client = connect(persistent());
  const auto stream = client->pull("t");
  std::set<std::string> all = ids_of(events(*stream, kFewMessages));
  all.merge(before);
  EXPECT_EQ(all.size(), 2 * kFewMessages);
  EXPECT_TRUE(component->process().wait_for_output("get new IDs"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
