// What a persistent session (cleanSession false) with inbox "disk" keeps when the process dies.
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

class Durable : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
    start();
  }
  MosquittoOptions broker_options() override {
    MosquittoOptions options;
    options.persistence = true;
    return options;
  }
  Properties durable(const Properties& more = {}) const {
    Properties all =
        metadata({{"cleanSession", "false"}, {"backOffMaxRetries", "-1"}, {"inbox", "disk"}});
    for (const auto& [key, value] : more) all[key] = value;
    return all;
  }
  /// Another process with the same state folder.
  void start() {
    component =
        std::make_unique<ComponentProcess>(ComponentOptions{.socket_folder = folder_.path()});
  }
  void kill_and_start() {
    component->kill();
    start();
  }
  std::vector<fs::path> inboxes() const {
    std::vector<fs::path> out;
    if (!fs::exists(state())) return out;
    for (const auto& entry : fs::directory_iterator(state())) out.push_back(entry);
    return out;
  }
  std::string state() const { return folder_.path() + "/state"; }

  static std::vector<std::string> data_of(const std::vector<wire::PullMessagesResponse>& messages) {
    std::vector<std::string> out;
    for (const auto& message : messages) out.push_back(message.data());
    return out;
  }

  TemporaryFolder folder_;
};

TEST_F(Durable, unhandled_messages_come_first_and_in_order_after_a_kill_with_thousands) {
  constexpr int kMessages = 3000;
  constexpr int kAcked = 1000;
  std::set<std::string> acked;
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_TRUE(client->publish("t", std::to_string(i)).ok());
      if (i >= kAcked) continue;
      const auto message = stream->next();
      ASSERT_TRUE(message);
      stream->ack(message->id());
      acked.insert(message->data());
    }
    ASSERT_EQ(stream->take(50).size(), 50U) << "taken, not acknowledged";
    component->kill();
  }
  start();
  const auto client = connect(durable());
  ASSERT_TRUE(client->publish("t", "last").ok());
  const auto stream = client->pull("t");
  int expected = -1;
  std::size_t again = 0;
  while (true) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << "after " << expected;
    stream->ack(message->id());
    if (message->data() == "last") break;
    const int number = std::stoi(message->data());
    if (acked.contains(message->data())) {
      ++again;
      EXPECT_GE(number, kAcked - 100) << "acknowledged long before the kill";
      continue;
    }
    if (expected < 0) {
      EXPECT_EQ(number, kAcked);
    } else if (number < expected && value_of(*message, "mqtt-duplicate") == "true") {
      continue;  // its PUBACK had not reached the broker
    }
    if (expected >= 0) {
      ASSERT_EQ(number, expected);
    }
    expected = number + 1;
  }
  EXPECT_EQ(expected, kMessages);
  EXPECT_LE(again, 100U) << "only what was acknowledged in the last moment";
}

TEST_F(Durable, attempts_and_due_times_survive_a_kill) {
  // Long enough for a kill and a start on a busy machine.
  const Properties with = durable({{"backOffInterval", "8s"}});
  auto failed_at = std::chrono::steady_clock::now();
  {
    const auto client = connect(with);
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "failing").ok());
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->nack(message->id(), "not now");
    failed_at = std::chrono::steady_clock::now();
    ASSERT_TRUE(component->process().wait_for_output("not now"));
    // What comes now is delivered after the failure was dealt with, and what comes
    // after that is stored together with it.
    for (const char* later : {"next", "last"}) {
      ASSERT_TRUE(client->publish("t", later).ok());
      const auto delivered = stream->next();
      ASSERT_TRUE(delivered);
      EXPECT_EQ(delivered->data(), later);
    }
    component->kill();
  }
  start();
  const auto client = connect(with);
  const auto stream = client->pull("t");
  std::vector<wire::PullMessagesResponse> all;
  while (all.empty() || all.back().data() != "failing") {
    auto message = stream->next();
    ASSERT_TRUE(message);
    // Killed before its PUBACK, maybe before it was stored: then it comes so alone.
    const std::vector<std::string> came = data_of(all);
    const bool before = std::find(came.begin(), came.end(), message->data()) != came.end();
    if (before && value_of(*message, "mqtt-duplicate") == "true") continue;
    all.push_back(std::move(*message));
  }
  EXPECT_THAT(data_of(all), ElementsAre("next", "last", "failing")) << "it waits for its time";
  EXPECT_EQ(value_of(all.back(), "mqtt-attempt"), "2");
  EXPECT_GE(std::chrono::steady_clock::now() - failed_at, seconds(7));
}

TEST_F(Durable, thousand_messages_that_were_queued_while_it_was_down_come_in_order) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "first").ok());
    const auto message = stream->next();
    ASSERT_TRUE(message);
    stream->ack(message->id());
  }
  EXPECT_EQ(component->terminate(), 0);
  component.reset();
  {
    ComponentProcess other;
    ComponentClient client(other.address());
    ASSERT_TRUE(client.init(metadata({{"consumerID", "other"}})).ok());
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client.publish("t", std::to_string(i)).ok());
  }
  start();
  const auto client = connect(durable());
  const auto stream = client->pull("t");
  for (int i = 0; i < 1000; ++i) {
    const auto message = stream->next();
    ASSERT_TRUE(message) << i;
    ASSERT_EQ(message->data(), std::to_string(i));
    stream->ack(message->id());
  }
}

TEST_F(Durable, graceful_stop_keeps_what_is_unhandled) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    for (const char* data : {"one", "two"}) ASSERT_TRUE(client->publish("t", data).ok());
    ASSERT_EQ(stream->take(2).size(), 2U);
    EXPECT_EQ(component->terminate(), 0);
  }
  start();
  const auto client = connect(durable());
  const auto stream = client->pull("t");
  EXPECT_THAT(data_of(stream->take(2)), ElementsAre("one", "two"));
}

TEST_F(Durable, second_process_gets_an_error_with_consumer_id_and_remedy) {
  const auto client = connect(durable());
  ComponentProcess other(ComponentOptions{.arguments = {"--state-dir", state()}});
  ComponentClient second(other.address());
  const grpc::Status status = second.init(durable());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("\"app\""), HasSubstr("{uuid}"), HasSubstr("--state-dir")));
  EXPECT_TRUE(second.init(metadata({{"consumerID", "x"}})).ok()) << "clean sessions need no disk";
}

TEST_F(Durable, hot_reload_with_the_same_consumer_id_takes_the_inbox_over) {
  const auto client = connect(durable());
  auto stream = client->pull("t");
  ASSERT_TRUE(client->publish("t", "one").ok());
  ASSERT_TRUE(stream->next());
  const grpc::Status again = client->init(durable({{"backOffInterval", "1s"}}));
  ASSERT_TRUE(again.ok()) << again.error_message();
  stream = client->pull("t");
  const auto message = stream->next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), "one");
}

TEST_F(Durable, empty_inbox_leaves_no_files) {
  {
    const auto client = connect(durable({{"consumerID", "{uuid}"}}));
    EXPECT_EQ(inboxes().size(), 1U);
  }
  EXPECT_EQ(component->terminate(), 0);
  EXPECT_EQ(inboxes().size(), 0U);
}

TEST_F(Durable, folder_that_cannot_be_written_is_told_at_init_of_persistent_instances_only) {
  ComponentProcess other(ComponentOptions{.arguments = {"--state-dir", "/dev/null/state"}});
  ComponentClient client(other.address());
  const grpc::Status status = client.init(durable());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("/dev/null/state"), HasSubstr("--state-dir")));
  EXPECT_TRUE(client.init(metadata()).ok());
}

TEST_F(Durable, damaged_inbox_is_set_aside_and_told_of) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "one").ok());
    ASSERT_TRUE(stream->next());
  }
  component->kill();
  ASSERT_EQ(inboxes().size(), 1U);
  const fs::path file = inboxes()[0] / "inbox.db";
  fs::remove(file.string() + "-wal");
  std::ofstream(file, std::ios::trunc) << std::string(20'000, 'x');
  start();
  const auto client = connect(durable());
  EXPECT_TRUE(component->process().wait_for_output("the inbox is damaged"));
  EXPECT_TRUE(client->ping().ok());
  bool aside = false;
  for (const auto& entry : fs::directory_iterator(inboxes()[0])) {
    aside |= entry.path().filename().string().starts_with("inbox.db.corrupt-");
  }
  EXPECT_TRUE(aside);
}

TEST_F(Durable, messages_that_waited_under_a_former_url_are_delivered_after_a_change) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    for (const char* data : {"one", "two", "three"}) ASSERT_TRUE(client->publish("t", data).ok());
    ASSERT_EQ(stream->take(3).size(), 3U);
  }  // a daprd that has gone is not waited for
  EXPECT_EQ(component->terminate(), 0);
  MosquittoOptions options;
  options.persistence = true;
  const Mosquitto other(options);
  start();
  const auto client = connect(durable({{"url", other.url()}}));
  EXPECT_TRUE(component->process().wait_for_output("3 message(s) were moved here"));
  const auto stream = client->pull("t");
  EXPECT_THAT(data_of(stream->take(3)), ElementsAre("one", "two", "three"));
  ASSERT_TRUE(client->publish("t", "at the other broker").ok());
  EXPECT_THAT(data_of(stream->take(1)), ElementsAre("at the other broker"));
}

TEST_F(Durable, hot_reload_with_another_url_takes_the_messages_along) {
  const Mosquitto other{MosquittoOptions{}};
  const auto client = connect(durable());
  {
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "one").ok());
    ASSERT_TRUE(stream->next());
  }
  const grpc::Status again = client->init(durable({{"url", other.url()}}));
  ASSERT_TRUE(again.ok()) << again.error_message();
  const auto stream = client->pull("t");
  EXPECT_THAT(data_of(stream->take(1)), ElementsAre("one"));
}

TEST_F(Durable, two_components_of_an_app_with_the_same_consumer_id_never_get_each_others_messages) {
  const Mosquitto other{MosquittoOptions{}};
  {
    const auto first = connect(durable(), "first");
    const auto second = connect(durable({{"url", other.url()}}), "second");
    for (const auto& [client, data] : {std::pair(&*first, "1"), std::pair(&*second, "2")}) {
      const auto stream = client->pull("t");
      ASSERT_TRUE(client->publish("t", data).ok());
      ASSERT_TRUE(stream->next());
    }
  }
  EXPECT_EQ(component->terminate(), 0);
  start();
  const auto second = connect(durable({{"url", other.url()}}), "second");
  const auto first = connect(durable(), "first");
  for (const auto& [client, data] : {std::pair(&*second, "2"), std::pair(&*first, "1")}) {
    const auto stream = client->pull("t");
    EXPECT_THAT(data_of(stream->take(1)), ElementsAre(data));
    ASSERT_TRUE(client->publish("t", "last").ok());
    EXPECT_THAT(data_of(stream->take(1)), ElementsAre("last")) << "with nothing in between";
  }
}

TEST_F(Durable, random_consumer_id_is_warned_of) {
  const auto client = connect(durable({{"consumerID", "app-{uuid}"}}));
  EXPECT_TRUE(component->process().wait_for_output("no later start has this consumerID again"));
}

TEST_F(Durable, large_damaged_inbox_is_set_aside) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->publish("t", std::string(3000, 'x')).ok());
    ASSERT_EQ(stream->take(100).size(), 100U);
  }  // a daprd that has gone is not waited for
  EXPECT_EQ(component->terminate(), 0);
  ASSERT_EQ(inboxes().size(), 1U);
  const fs::path path = inboxes()[0] / "inbox.db";
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 8; page < 40; ++page) {
      file.seekp(page * 4096);
      file << std::string(4096, '\xee');
    }
  }
  fs::resize_file(path, 65U << 20U);  // sparse; too large to be read through at start
  start();
  const auto client = connect(durable());
  EXPECT_TRUE(component->process().wait_for_output("the inbox is damaged"));
  EXPECT_TRUE(client->ping().ok());
}

/// Files that may not grow are what a full disk is to the database.
class FullDisk : public Durable {
 protected:
  /// There is room for what came before, which may reach the app before it is written, but
  /// for no message of large().
  static constexpr std::uintmax_t kRoom = 64U << 10U;
  static std::string large(const std::string& name) {
    return name + " " + std::string(4 * kRoom, 'x');
  }
  static std::string name_of(const wire::PullMessagesResponse& message) {
    return message.data().substr(0, message.data().find(' '));
  }

  void fill_disk() {
    const pid_t pid = component->process().pid();
    ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, nullptr, &unlimited_), 0);
    const rlimit full{fs::file_size(inboxes()[0] / "inbox.db-wal") + kRoom, unlimited_.rlim_max};
    ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &full, nullptr), 0);
  }
  void free_disk() {
    ASSERT_EQ(::prlimit(component->process().pid(), RLIMIT_FSIZE, &unlimited_, nullptr), 0);
  }
  /// The names of what comes, up to the one that is expected last.
  static std::vector<std::string> names_until(PullStream& stream, const std::string& last) {
    std::vector<std::string> names;
    while (names.empty() || names.back() != last) {
      const auto message = stream.next();
      if (!message) {
        ADD_FAILURE() << "\"" << last << "\" does not come";
        break;
      }
      names.push_back(name_of(*message));
    }
    return names;
  }
  static std::vector<std::string> each_once(std::vector<std::string> names) {
    std::set<std::string> seen;
    std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
    return names;
  }

  /// Killed while the disk is full: what the broker has had no acknowledgement for comes again.
  std::vector<std::string> names_after_a_kill(const Properties& more) {
    {
      const auto client = connect(durable(more));
      const auto stream = client->pull("t");
      EXPECT_TRUE(client->publish("t", "before").ok());
      EXPECT_TRUE(stream->next());
      fill_disk();
      for (const std::string& name : kNames) EXPECT_TRUE(client->publish("t", large(name)).ok());
      EXPECT_TRUE(component->process().wait_for_output("the inbox cannot be written"));
      component->kill();
    }
    start();
    const auto client = connect(durable(more));
    const auto stream = client->pull("t");
    EXPECT_TRUE(client->publish("t", "last").ok());
    return names_until(*stream, "last");
  }
  const std::vector<std::string> kNames{"one", "two", "three", "four", "five"};
  const std::vector<std::string> kAll{"before", "one", "two", "three", "four", "five", "last"};

 private:
  rlimit unlimited_{};
};

TEST_F(FullDisk, leaves_messages_at_the_broker_loses_nothing_and_heals_by_itself) {
  {
    const auto client = connect(durable());
    const auto stream = client->pull("t");
    ASSERT_TRUE(client->publish("t", "before").ok());
    ASSERT_TRUE(stream->next());
    fill_disk();
    ASSERT_TRUE(client->publish("t", large("unwritten")).ok());
    ASSERT_TRUE(component->process().wait_for_output("the inbox cannot be written"));
    const grpc::Status sick = client->ping();
    EXPECT_FALSE(sick.ok());
    EXPECT_THAT(sick.error_message(), HasSubstr("inbox cannot be written"));
    ASSERT_TRUE(client->publish("t", "queued").ok()) << "publishing goes on";
    free_disk();
    ASSERT_TRUE(component->process().wait_for_output("the inbox can be written again"));
    EXPECT_THAT(each_once(names_until(*stream, "queued")), ElementsAre("unwritten", "queued"));
    EXPECT_TRUE(client->ping().ok());
    component->kill();
  }
  start();
  const auto client = connect(durable());
  const auto stream = client->pull("t");
  EXPECT_THAT(each_once(names_until(*stream, "queued")),
              ElementsAre("before", "unwritten", "queued"));
}

TEST_F(FullDisk, and_a_kill_lose_no_message_of_qos1) {
  EXPECT_THAT(each_once(names_after_a_kill({{"qos", "1"}})), ElementsAreArray(kAll));
}

TEST_F(FullDisk, and_a_kill_neither_lose_nor_double_a_message_of_qos2) {
  EXPECT_THAT(names_after_a_kill({{"qos", "2"}}), UnorderedElementsAreArray(kAll));
}

class FullDiskTls : public FullDisk {
 protected:
  MosquittoOptions broker_options() override {
    MosquittoOptions options = FullDisk::broker_options();
    options.ca_pem = authority_.pem();
    options.server = authority_.server();
    return options;
  }
  const CertificateAuthority authority_;
};

TEST_F(FullDiskTls, and_a_kill_lose_no_message_of_qos1) {
  EXPECT_THAT(each_once(names_after_a_kill({{"qos", "1"}, {"caCert", authority_.pem()}})),
              ElementsAreArray(kAll));
}

TEST_F(FullDiskTls, and_a_kill_neither_lose_nor_double_a_message_of_qos2) {
  EXPECT_THAT(names_after_a_kill({{"qos", "2"}, {"caCert", authority_.pem()}}),
              UnorderedElementsAreArray(kAll));
}

}  // namespace
}  // namespace dapr_mqtt::testing
