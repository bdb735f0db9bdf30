// More calls at a time than open requests, and calls that are cancelled while they wait for a
// request.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <thread>
#include <vector>

#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

using testing::WireClient;

using Overload = testing::ServerTest;

/// A publish that is only begun; its answer does not matter.
class QuickPublish {
 public:
  /// Counts in `answered`.
  void begin(WireClient& client, std::chrono::milliseconds patience, std::atomic<int>& answered) {
    client.prepare(context_);
    context_.set_deadline(std::chrono::system_clock::now() + patience);
    client.stub().async()->Publish(&context_, &request_, &response_,
                                   [this, &answered](const grpc::Status&) {
                                     ++answered;
                                     done_.set_value();
                                   });
  }
  void cancel() { context_.TryCancel(); }
  void wait() { done_.get_future().wait(); }

 private:
  grpc::ClientContext context_;
  wire::PublishRequest request_;
  wire::PublishResponse response_;
  std::promise<void> done_;
};

TEST_F(Overload, Every_method_takes_more_calls_at_once_than_it_waits_for) {
  start();
  WireClient client(path_);
  ASSERT_TRUE(client.init().ok());
  constexpr int kCalls = 40;
  std::vector<std::future<bool>> answers;
  for (int i = 0; i < kCalls; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      wire::FeaturesResponse features;
      wire::BulkPublishResponse bulk;
      return client.call(&wire::PubSub::Stub::Features, wire::FeaturesRequest(), features).ok() &&
             client.publish("t", "x").ok() && client.pause().ok() && client.resume().ok() &&
             client.call(&wire::PubSub::Stub::BulkPublish, wire::BulkPublishRequest(), bulk).ok() &&
             client.ping().ok();
    }));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST_F(Overload, Calls_given_up_while_they_wait_leave_the_method_ready_for_others) {
  // While the server's thread is held up, the client's threads of gRPC read for it (all
  // in this process share their polling): so calls wait for a request, and are
  // cancelled while they do.
  std::atomic<bool> held{false};
  std::atomic<bool> entered{false};
  factory_.behaviour.before_publish = [&] {
    entered = true;
    while (held) std::this_thread::yield();
  };
  start();
  for (int round = 0; round < 50; ++round) {
    WireClient client(path_);
    ASSERT_TRUE(client.init().ok());
    held = true;
    entered = false;
    std::atomic<int> answered{0};
    QuickPublish first;
    first.begin(client, WireClient::kPatience, answered);
    while (!entered) std::this_thread::yield();
    std::vector<QuickPublish> calls(300);
    for (QuickPublish& call : calls) call.begin(client, WireClient::kPatience, answered);
    for (QuickPublish& call : calls) call.cancel();
    for (QuickPublish& call : calls) call.wait();
    held = false;
    first.wait();
    WireClient next(path_);
    ASSERT_TRUE(next.init().ok());
    ASSERT_TRUE(next.publish("t", "x").ok()) << "round " << round;
  }
}

TEST_F(Overload, Connections_that_break_in_the_middle_of_many_calls_harm_no_others) {
  start();
  std::mt19937 random(1);
  const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
  constexpr unsigned kCalls = 600;
  for (int round = 0; round < 30; ++round) {
    WireClient client(path_);
    ASSERT_TRUE(client.init().ok());
    std::atomic<int> answered{0};
    std::vector<QuickPublish> calls(kCalls);
    std::thread cut([&client, &answered, after = below(kCalls)] {
      while (answered < after) std::this_thread::yield();
      client.hang_up();
    });
    for (QuickPublish& call : calls) {
      call.begin(client, std::chrono::milliseconds(1 + below(4)), answered);
    }
    cut.join();
    for (QuickPublish& call : calls) call.wait();
    WireClient next(path_);
    ASSERT_TRUE(next.init().ok());
    ASSERT_TRUE(next.publish("t", "x").ok()) << "round " << round;
  }
  stop();  // which returns
}

}  // namespace
}  // namespace dapr_mqtt::dapr
