// How much of connectTimeout is left for the broker, and for how long.
#include <gmock/gmock.h>

#include <chrono>
#include <future>

#include "dapr_mqtt/instance/make_factory.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"
#include "support/scratch_folder.h"
#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Makes the connections of another factory, and remembers with which options.
class RecordingFactory final : public core::BrokerClientFactory {
 public:
  explicit RecordingFactory(core::BrokerClientFactory& to) : to_(to) {}
  std::unique_ptr<core::BrokerPublisher> make_publisher(core::ConnectionOptions options,
                                                        core::ConnectionListener& listener,
                                                        base::Log log) override {
    publishers.push(options);
    return to_.make_publisher(std::move(options), listener, std::move(log));
  }
  std::unique_ptr<core::BrokerConsumer> make_consumer(core::ConnectionOptions options,
                                                      core::ConnectionListener& listener,
                                                      core::MessageSink& sink,
                                                      core::PacketStore* packets,
                                                      base::Log log) override {
    consumers.push(options);
    return to_.make_consumer(std::move(options), listener, sink, packets, std::move(log));
  }

  dapr_mqtt::testing::Channel<core::ConnectionOptions> publishers;
  dapr_mqtt::testing::Channel<core::ConnectionOptions> consumers;

 private:
  core::BrokerClientFactory& to_;
};

struct Nobody final : core::Subscriber {
  core::DeliverResult deliver(const core::Delivery&) override { return core::DeliverResult::kSent; }
};

class ConnectTimeout : public ::testing::Test {
 protected:
  /// Connects a Component whose inbox takes a while to open, and subscribes.
  void run(const core::Metadata& more = {}) {
    FactoryOptions options;
    options.state_dir = state_.file("state");
    options.wrap_inbox = [](std::unique_ptr<core::DurableInbox> inbox) {
      std::promise<void> never;
      never.get_future().wait_for(milliseconds(20));
      return inbox;
    };
    factory_ = make_instance_factory(recorder_, log_, options);
    core::Metadata metadata{{"url", "tcp://loopback:1883"},
                            {"consumerID", "app"},
                            {"cleanSession", "false"},
                            {"connectTimeout", "30s"}};
    metadata.insert(more.begin(), more.end());
    dapr_mqtt::testing::Channel<base::Result<std::shared_ptr<Instance>>> created;
    factory_->create("orders", metadata, [&](auto result) { created.push(std::move(result)); });
    const auto made = created.next();
    ASSERT_TRUE(made && made->ok());
    const auto stream = made->value()->open_stream(std::make_shared<Nobody>());
    ASSERT_TRUE(stream->subscribe("t", {}).ok());
    const auto publisher = recorder_.publishers.next();
    const auto consumer = recorder_.consumers.next();
    ASSERT_TRUE(publisher && consumer);
    publisher_ = *publisher;
    consumer_ = *consumer;
    dapr_mqtt::testing::Channel<int> closed;
    made->value()->close([&] { closed.push(1); });
    ASSERT_TRUE(closed.next());
  }

  const dapr_mqtt::testing::ScratchFolder state_;
  dapr_mqtt::testing::LoopbackBroker broker_;
  RecordingFactory recorder_{broker_};
  dapr_mqtt::testing::CapturedLog log_;
  std::unique_ptr<InstanceFactory> factory_;
  core::ConnectionOptions publisher_;
  core::ConnectionOptions consumer_;
};

TEST_F(ConnectTimeout, is_shortened_by_a_slow_start_for_the_attempt_that_Init_waits_for) {
  run();
  EXPECT_EQ(publisher_.connect_timeout, seconds(30));
  ASSERT_TRUE(publisher_.first_connect_timeout);
  EXPECT_LE(*publisher_.first_connect_timeout, seconds(30) - milliseconds(20));
  EXPECT_EQ(consumer_.connect_timeout, seconds(30));
  EXPECT_FALSE(consumer_.first_connect_timeout);
}

TEST_F(ConnectTimeout, is_not_shortened_where_Init_does_not_wait) {
  run({{"connectInBackground", "true"}});
  EXPECT_EQ(publisher_.connect_timeout, seconds(30));
  EXPECT_FALSE(publisher_.first_connect_timeout);
}

}  // namespace
}  // namespace dapr_mqtt::instance
