// Connections, the instances that belong to them, and the end of the process.
#include <gmock/gmock.h>

#include <deque>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using testing::open_descriptors;
using testing::WireClient;
using testing::WirePull;

using Connections = testing::ServerTest;
using Stop = testing::ServerTest;

/// Reads a number until it has the expected value; nothing signals its changes.
template <typename Read, typename T>
bool becomes(Read read, T wanted) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (read() > wanted) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

std::size_t thread_count() {
  std::size_t count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    (void)thread;
    ++count;
  }
  return count;
}

TEST_F(Connections, Same_name_on_two_connections_is_two_instances) {
  start();
  WireClient first(path_, "orders");
  auto second = std::make_optional<WireClient>(path_, "orders");
  ASSERT_TRUE(first.init({{"url", "1"}}).ok());
  const auto instance = factory_.latest();
  ASSERT_TRUE(second->init({{"url", "2"}}).ok());
  EXPECT_NE(factory_.latest(), instance);
  second.reset();
  ASSERT_TRUE(wait([&] { return factory_.alive == 1; }));
  EXPECT_FALSE(instance->closed);
  EXPECT_TRUE(first.publish("t", "x").ok());
  EXPECT_EQ(factory_.stage.change([&] { return instance->published.size(); }), 1U);
}

TEST_F(Connections, Name_of_another_connection_is_out_of_reach) {
  start();
  WireClient first(path_, "orders");
  WireClient second(path_, "orders");
  ASSERT_TRUE(first.init().ok());
  EXPECT_EQ(second.publish("t", "x").error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(Connections, Second_Init_with_other_metadata_ends_the_first_ones_streams) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init({{"url", "1"}}).ok());
  WirePull pull(client, "t");
  stream();
  EXPECT_TRUE(client.init({{"url", "1"}}).ok()) << "no effect";
  ASSERT_TRUE(client.init({{"url", "2"}}).ok());
  const grpc::Status end = pull.finish();
  EXPECT_EQ(end.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(end.error_message(), HasSubstr("initialised again"));
  EXPECT_TRUE(wait([&] { return factory_.alive == 1; }));
  EXPECT_EQ(factory_.latest()->metadata().at("url"), "2");
}

TEST_F(Connections, End_of_the_connection_closes_instances_and_streams) {
  start();
  auto client = std::make_optional<WireClient>(path_);
  ASSERT_TRUE(client->init().ok());
  auto pull = std::make_optional<WirePull>(*client, "t");
  const auto opened = stream();
  pull.reset();
  client.reset();
  EXPECT_TRUE(wait([&] { return factory_.alive == 0; }));
  EXPECT_TRUE(wait([&] { return opened->closed; }));
}

TEST_F(Connections, Idle_one_that_ends_leaves_its_instance_to_the_next) {
  // As grpc-go does after 30 minutes without a call.
  ServerOptions options;
  options.idle_after = {};
  start(options);
  auto client = std::make_optional<WireClient>(path_);
  ASSERT_TRUE(client->init().ok());
  const auto instance = factory_.latest();
  client.reset();
  const auto visited = [&] {
    std::size_t count = 0;
    server_->visit_instances([&](auto, const auto&) { ++count; });
    return count;
  };
  ASSERT_TRUE(becomes(visited, 0U));
  EXPECT_TRUE(WireClient(path_).publish("t", "x").ok());
  EXPECT_EQ(factory_.stage.change([&] { return instance->published.size(); }), 1U);
}

TEST_F(Connections, Instance_that_arrives_after_its_connection_ended_is_closed) {
  factory_.behaviour.hold_creates = true;
  start();
  auto client = std::make_optional<WireClient>(path_);
  grpc::ClientContext context;
  client->prepare(context);
  auto answer = std::async(std::launch::async, [&] {
    return client->stub().Init(&context, {}, &client->init_response);
  });
  ASSERT_TRUE(wait([&] { return factory_.creates == 1; }));
  context.TryCancel();
  answer.wait();
  client.reset();
  WireClient other(path_, "other");
  EXPECT_TRUE(other.ping().ok());
  factory_.release_creates();
  EXPECT_TRUE(wait([&] { return factory_.made.size() == 1 && factory_.alive == 0; }));
}

TEST_F(Connections, Hundred_that_come_and_go_leave_nothing_behind) {
  start();
  const auto connect_and_drop = [&] {
    WireClient client(path_);
    ASSERT_TRUE(client.init().ok());
    ASSERT_TRUE(client.publish("t", "x").ok());
    WirePull pull(client, "t");
  };
  // gRPC's own threads and descriptors are made on first use.
  for (int i = 0; i < 3; ++i) connect_and_drop();
  ASSERT_TRUE(wait([&] { return factory_.alive == 0; }));
  const std::size_t descriptors = open_descriptors();
  const std::size_t threads = thread_count();
  for (int i = 0; i < 100; ++i) connect_and_drop();
  EXPECT_TRUE(wait([&] { return factory_.made.size() == 103 && factory_.alive == 0; }));
  // gRPC may make some more of its own when it is busy; if each connection left one, there would be
  // a hundred.
  constexpr std::size_t kSome = 20;
  EXPECT_TRUE(becomes(open_descriptors, descriptors + kSome)) << open_descriptors();
  EXPECT_TRUE(becomes(thread_count, threads + kSome)) << thread_count();
}

TEST_F(Connections, Peer_that_speaks_no_gRPC_is_closed) {
  start();
  const auto fd = testing::connect_to(path_);
  const std::string nonsense = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::write(fd.get(), nonsense.data(), nonsense.size()),
            static_cast<ssize_t>(nonsense.size()));
  EXPECT_TRUE(testing::sees_end(fd.get()));
  EXPECT_TRUE(WireClient(path_).init().ok());
}

TEST_F(Connections, Visitor_sees_each_instance_with_its_name) {
  start();
  WireClient first(path_, "a");
  WireClient second(path_, "b");
  ASSERT_TRUE(first.init().ok());
  ASSERT_TRUE(second.init().ok());
  std::vector<std::string> names;
  server_->visit_instances(
      [&](std::string_view name, const instance::Instance&) { names.emplace_back(name); });
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("a", "b"));
}

TEST_F(Stop, removes_the_socket_and_refuses_connections) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  stop();
  EXPECT_FALSE(testing::connect_to(path_).valid());
  EXPECT_EQ(::access(path_.c_str(), F_OK), -1);
  EXPECT_EQ(factory_.alive, 0U);
  EXPECT_EQ(client.publish("t", "x").error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(Stop, is_idempotent_and_the_destructors_too) {
  start();
  stop();
  stop();
  server_.reset();
}

TEST_F(Stop, answers_publishes_while_deliveries_drain) {
  factory_.behaviour.hold_drains = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  const auto instance = factory_.latest();
  auto stopped = std::async(std::launch::async, [&] { stop(std::chrono::seconds(4)); });
  ASSERT_TRUE(wait([&] { return instance->drains > 0; }));
  EXPECT_TRUE(client.publish("t", "x").ok());
  stopped.wait();
}

TEST_F(Stop, lets_calls_in_flight_end_and_refuses_new_ones) {
  factory_.behaviour.hold_publishes = true;
  factory_.behaviour.hold_drains = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  auto in_flight = std::async(std::launch::async, [&] { return client.publish("t", "x"); });
  auto instance = factory_.latest();
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == 1; }));
  auto stopped = std::async(std::launch::async, [&] { stop(std::chrono::seconds(4)); });
  ASSERT_TRUE(wait([&] { return instance->drains == 2; }));
  const grpc::Status late = client.publish("t", "x");
  EXPECT_EQ(late.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(late.error_message(), HasSubstr("stopping"));
  instance->answer_publishes({});
  EXPECT_TRUE(in_flight.get().ok());
  instance.reset();
  stopped.wait();
}

TEST_F(Stop, ends_streams_and_answers_calls_that_took_too_long) {
  factory_.behaviour.hold_publishes = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  WirePull pull(client, "t");
  const auto opened = stream();
  auto in_flight = std::async(std::launch::async, [&] { return client.publish("t", "x"); });
  ASSERT_TRUE(wait([instance = factory_.latest()] { return !instance->held_publishes.empty(); }));
  stop(std::chrono::milliseconds(0));  // which returns, although nobody answers
  EXPECT_EQ(in_flight.get().error_code(), StatusCode::UNAVAILABLE);
  const grpc::Status end = pull.finish();
  EXPECT_EQ(end.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(end.error_message(), HasSubstr("stopping"));
  EXPECT_TRUE(opened->closed);
}

TEST_F(Stop, waits_for_an_Init_under_way_and_refuses_it) {
  factory_.behaviour.hold_creates = true;
  start();
  WireClient client(path_);
  auto init = std::async(std::launch::async, [&] { return client.init(); });
  ASSERT_TRUE(wait([&] { return factory_.creates == 1; }));
  auto stopped = std::async(std::launch::async, [&] { stop(std::chrono::milliseconds(0)); });
  while (client.features().error_message().find("stopping") == std::string::npos) {
    std::this_thread::yield();
  }
  factory_.release_creates();
  stopped.wait();
  EXPECT_EQ(init.get().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(factory_.alive, 0U);
}

TEST_F(Stop, does_not_wait_for_an_answer_that_never_comes_and_takes_a_late_one) {
  factory_.behaviour.hold_publishes = true;
  factory_.behaviour.forget_publishes = true;
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  std::deque<WirePull> pulls;
  for (int i = 0; i < 3; ++i) pulls.emplace_back(client, "t");
  stream();
  constexpr std::size_t kCalls = 20;
  std::vector<std::future<grpc::Status>> calls;
  for (std::size_t i = 0; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [&] { return client.publish("t", "x"); }));
  }
  auto instance = factory_.latest();
  ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == kCalls; }));
  decltype(instance->held_publishes) late;
  factory_.stage.change([&] { late.swap(instance->held_publishes); });
  instance.reset();
  stop(std::chrono::milliseconds(0));
  for (auto& call : calls) EXPECT_FALSE(call.get().ok());
  for (WirePull& pull : pulls) EXPECT_EQ(pull.finish().error_code(), StatusCode::UNAVAILABLE);
  for (std::size_t i = 0; i < kCalls / 2; ++i) late[i]({});
  server_.reset();
  for (std::size_t i = kCalls / 2; i < kCalls; ++i) late[i](base::unavailable("too late"));
}

TEST_F(Stop, races_with_answers_without_harm) {
  factory_.behaviour.hold_publishes = true;
  factory_.behaviour.forget_publishes = true;
  for (int round = 0; round < 20; ++round) {
    start();
    WireClient client(path_);
    ASSERT_TRUE(client.init({{"round", std::to_string(round)}}).ok());
    constexpr std::size_t kCalls = 8;
    std::vector<std::future<grpc::Status>> calls;
    for (std::size_t i = 0; i < kCalls; ++i) {
      calls.push_back(std::async(std::launch::async, [&] { return client.publish("t", "x"); }));
    }
    std::shared_ptr<testing::FakeInstance> instance = factory_.latest();
    while (instance->metadata().at("round") != std::to_string(round)) instance = factory_.latest();
    ASSERT_TRUE(wait([&] { return instance->held_publishes.size() == kCalls; }));
    decltype(instance->held_publishes) late;
    factory_.stage.change([&] { late.swap(instance->held_publishes); });
    instance.reset();
    std::thread answering([&] {
      for (auto& answer : late) {
        std::this_thread::yield();
        answer({});
      }
    });
    server_.reset();
    answering.join();
    for (auto& call : calls) call.wait();
  }
}

TEST_F(Stop, under_load_loses_no_call) {
  factory_.behaviour.loop_back = true;
  start();
  std::atomic<bool> done{false};
  std::vector<std::thread> callers;
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      WireClient client(path_);
      (void)client.init();
      WirePull pull(client, "t");
      while (!done) {
        (void)client.publish("t", "x");
        ++answered;
      }
    });
  }
  while (answered < 200) std::this_thread::yield();
  stop(std::chrono::milliseconds(100));
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(factory_.alive, 0U);
}

}  // namespace
}  // namespace dapr_mqtt::dapr
