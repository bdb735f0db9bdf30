// The unary calls, over a real socket.
#include <gmock/gmock.h>

#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dapr_mqtt/dapr/probe.h"
#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::WireClient;
using testing::WirePull;

using Calls = testing::ServerTest;

TEST_F(Calls, before_Init_are_told_what_to_do) {
  start();
  WireClient client(path_);
  wire::BulkPublishResponse bulk;
  const grpc::Status statuses[] = {
      client.features(),
      client.publish("t", "x"),
      client.call(&wire::PubSub::Stub::BulkPublish, wire::BulkPublishRequest(), bulk),
      client.pause(),
      client.resume(),
      WirePull(client, "t").finish(),
  };
  for (const grpc::Status& status : statuses) {
    EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr("component \"orders\" is not initialised"));
    EXPECT_THAT(status.error_message(), HasSubstr("restart daprd"));
  }
}

TEST_F(Calls, Ping_is_OK_before_Init_and_tells_the_instances_health_after) {
  start();
  WireClient client(path_);
  EXPECT_TRUE(client.ping().ok()) << "daprd 1.9 pings before it calls Init";
  ASSERT_TRUE(client.init().ok());
  EXPECT_TRUE(client.ping().ok());
  factory_.behaviour.health = base::unavailable("the broker is away");
  EXPECT_EQ(client.ping().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(client.ping().error_message(), "the broker is away");
}

TEST_F(Calls, Ping_stays_OK_after_a_missed_restart_and_tells_it_beside) {
  start();
  const auto probe = [&] {
    const auto client = ProbeClient::connect(path_, "probe", std::nullopt);
    return client.ok() ? client.value()->ping() : base::Result<PingAnswer>(client.status());
  };
  EXPECT_EQ(probe().value().missed_restart, "");
  server_->set_missed_restart("daprd of app \"x\" was told to reload (SIGHUP)", true);
  EXPECT_EQ(probe().value().missed_restart, "daprd of app \"x\" was told to reload (SIGHUP)");
  server_->set_missed_restart("", false);
  EXPECT_EQ(probe().value().missed_restart, "");

  WireClient client(path_, "orders");
  EXPECT_EQ(client.publish("t", "x").error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(probe().value().missed_restart, HasSubstr("\"orders\""));
}

TEST_F(Calls, Init_that_we_asked_for_does_not_wait_for_the_broker) {
  start();
  const auto metadata = [&](const std::map<std::string, std::string>& sent) {
    WireClient client(path_);
    EXPECT_TRUE(client.init(sent).ok());
    return factory_.latest()->metadata();
  };
  server_->set_missed_restart("it was told to reload", true);
  EXPECT_EQ(metadata({{"qos", "1"}}),
            (core::Metadata{{"qos", "1"}, {"connectInBackground", "true"}}));
  EXPECT_EQ(metadata({{"connectinbackground", "no"}}),
            (core::Metadata{{"connectinbackground", "no"}}));
  server_->set_missed_restart("somebody has to restart it", false);
  EXPECT_EQ(metadata({{"qos", "1"}}), (core::Metadata{{"qos", "1"}}));
}

TEST_F(Calls, Init_hands_over_name_and_metadata) {
  start();
  WireClient client(path_, "my-pubsub");
  ASSERT_TRUE(client.init({{"url", "tcp://x"}, {"consumerID", "c"}}).ok());
  const auto instance = factory_.latest();
  EXPECT_EQ(instance->name, "my-pubsub");
  EXPECT_THAT(instance->metadata(),
              ElementsAre(::testing::Pair("consumerID", "c"), ::testing::Pair("url", "tcp://x")));
}

TEST_F(Calls, Init_without_the_header_makes_an_instance_without_a_name) {
  start();
  WireClient client(path_, "");
  ASSERT_TRUE(client.init().ok());
  EXPECT_EQ(factory_.latest()->name, "");
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Calls, Init_that_is_refused_leaves_the_connection_usable) {
  start();
  WireClient client(path_);
  const grpc::Status refused = client.init({{"bad", "3"}});
  EXPECT_EQ(refused.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.error_message(), "bad: 3 is not allowed");
  EXPECT_TRUE(client.init().ok());
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Calls, Init_that_its_caller_gave_up_leaves_no_instance) {
  factory_.behaviour.hold_creates = true;
  start();
  WireClient client(path_);
  grpc::ClientContext context;
  client.prepare(context);
  auto answer = std::async(std::launch::async,
                           [&] { return client.stub().Init(&context, {}, &client.init_response); });
  ASSERT_TRUE(wait([&] { return factory_.creates == 1; }));
  context.TryCancel();
  EXPECT_EQ(answer.get().error_code(), StatusCode::CANCELLED);
  while (!log_.contains("gave up Init of component \"orders\"")) std::this_thread::yield();
  factory_.release_creates();
  EXPECT_TRUE(wait([&] { return factory_.made.size() == 1 && factory_.alive == 0; }));
  grpc::Status late = client.publish("t", "x");
  while (late.error_code() == StatusCode::UNAVAILABLE) {  // Init has not ended yet
    late = client.publish("t", "x");
  }
  EXPECT_EQ(late.error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(Calls, Features_are_the_instances_and_its_mark) {
  start();
  EXPECT_FALSE(server_->any_mark());
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  ASSERT_TRUE(client.features().ok());
  EXPECT_THAT(client.features_response.features(), ElementsAre("SUBSCRIBE_WILDCARDS", "BULK_PUBSUB",
                                                               StartsWith(server_->mark_prefix())));
  EXPECT_TRUE(server_->has_mark(client.features_response.features(2)));
  EXPECT_TRUE(server_->any_mark());
}

TEST_F(Calls, Publish_hands_over_topic_data_metadata_and_deadline) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  wire::PublishRequest request;
  request.set_topic("a/b");
  request.set_data(std::string("\0\xFF\n", 3));
  (*request.mutable_metadata())["qos"] = "1";
  wire::PublishResponse response;
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.call(&wire::PubSub::Stub::Publish, request, response).ok());
  const auto published = factory_.latest()->published.at(0);
  EXPECT_EQ(published.topic, "a/b");
  EXPECT_EQ(published.payload, std::string("\0\xFF\n", 3));
  EXPECT_THAT(published.metadata, ElementsAre(::testing::Pair("qos", "1")));
  EXPECT_GT(published.deadline, before + WireClient::kPatience - std::chrono::seconds(5));
  EXPECT_LT(published.deadline, before + WireClient::kPatience + std::chrono::seconds(5));
}

TEST_F(Calls, Publish_without_a_deadline_has_none) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  grpc::ClientContext context;
  context.AddMetadata("x-component-instance", "orders");
  wire::PublishResponse response;
  ASSERT_TRUE(client.stub().Publish(&context, {}, &response).ok());
  EXPECT_EQ(factory_.latest()->published.at(0).deadline, base::TimePoint::max());
}

TEST_F(Calls, Publish_answers_with_the_instances_error) {
  factory_.behaviour.publish_status = base::permission_denied("topic \"t\": not authorized");
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  const grpc::Status status = client.publish("t", "x");
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "topic \"t\": not authorized");
}

TEST_F(Calls, Publish_takes_64_MiB) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  std::string data(std::size_t{64} << 20U, 'x');
  data.front() = '\0';
  data.back() = '\xFF';
  ASSERT_TRUE(client.publish("t", data).ok());
  EXPECT_TRUE(factory_.latest()->published.at(0).payload == data);
}

TEST_F(Calls, Publish_that_its_caller_cancelled_is_answered_without_harm) {
  factory_.behaviour.hold_publishes = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  constexpr std::size_t kCalls = 50;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::future<grpc::Status>> answers;
  for (std::size_t i = 0; i < kCalls; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    client.prepare(*contexts.back());
    answers.push_back(std::async(std::launch::async, [&client, context = contexts.back().get()] {
      wire::PublishResponse response;
      return client.stub().Publish(context, {}, &response);
    }));
  }
  const auto instance = factory_.latest();
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == kCalls; }));
  // Half of them before their answers, half while their answers are being sent.
  for (std::size_t i = 0; i < kCalls / 2; ++i) contexts[i]->TryCancel();
  for (std::size_t i = 0; i < kCalls / 2; ++i) {
    EXPECT_EQ(answers[i].get().error_code(), StatusCode::CANCELLED);
  }
  instance->answer_publishes({});
  for (std::size_t i = kCalls / 2; i < kCalls; ++i) contexts[i]->TryCancel();
  for (std::size_t i = kCalls / 2; i < kCalls; ++i) answers[i].wait();
  factory_.stage.change([&] { factory_.behaviour.hold_publishes = false; });
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Calls, Publish_that_throws_is_answered_with_the_reason_and_harms_nothing) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  const auto before_publish = [this](std::function<void()> act) {
    factory_.stage.change([&] { factory_.behaviour.before_publish = std::move(act); });
  };
  before_publish([] { throw std::bad_alloc(); });
  EXPECT_EQ(client.publish("t", "x").error_code(), StatusCode::RESOURCE_EXHAUSTED);
  before_publish([] { throw std::runtime_error("a mistake"); });
  EXPECT_EQ(client.publish("t", "x").error_code(), StatusCode::INTERNAL);
  before_publish([] {});
  EXPECT_TRUE(client.publish("t", "x").ok());
}

TEST_F(Calls, Publish_that_is_dropped_without_an_answer_ends) {
  factory_.behaviour.hold_publishes = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  auto answer = std::async(std::launch::async, [&] { return client.publish("t", "x"); });
  const auto instance = factory_.latest();
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == 1; }));
  decltype(instance->held_publishes) dropped;
  factory_.stage.change([&] { dropped.swap(instance->held_publishes); });
  dropped.clear();
  EXPECT_EQ(answer.get().error_code(), StatusCode::CANCELLED);
}

TEST_F(Calls, BulkPublish_hands_entries_over_and_names_those_that_failed) {
  factory_.behaviour.failed_entries = {{"2", "no such topic"}};
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  wire::BulkPublishRequest request;
  request.set_topic("t");
  (*request.mutable_metadata())["retain"] = "true";
  for (const std::string id : {"1", "2"}) {
    auto* entry = request.add_entries();
    entry->set_entry_id(id);
    entry->set_event("event " + id);
    (*entry->mutable_metadata())["qos"] = id;
  }
  wire::BulkPublishResponse response;
  ASSERT_TRUE(client.call(&wire::PubSub::Stub::BulkPublish, request, response).ok());
  ASSERT_EQ(response.failed_entries_size(), 1);
  EXPECT_EQ(response.failed_entries(0).entry_id(), "2");
  EXPECT_EQ(response.failed_entries(0).error(), "no such topic");
  const auto published = factory_.latest()->bulk_published.at(0);
  EXPECT_EQ(published.topic, "t");
  EXPECT_EQ(published.metadata.at("retain"), "true");
  ASSERT_EQ(published.entries.size(), 2U);
  EXPECT_EQ(published.entries[1].id, "2");
  EXPECT_EQ(published.entries[1].payload, "event 2");
  EXPECT_EQ(published.entries[1].metadata.at("qos"), "2");
}

TEST_F(Calls, Pause_and_Resume_reach_the_instance_each_time) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  EXPECT_TRUE(client.pause().ok());
  EXPECT_TRUE(client.pause().ok());
  EXPECT_TRUE(client.resume().ok());
  EXPECT_EQ(factory_.latest()->pauses, 2);
  EXPECT_EQ(factory_.latest()->resumes, 1);
}

}  // namespace
}  // namespace dapr_mqtt::dapr
