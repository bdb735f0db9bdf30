// Whole instances while the wall clock jumps.
#include <gtest/gtest.h>

#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"
#include "support/waiting.h"
#include "support/wall_clock_stand_in.h"

namespace dapr_mqtt::instance {
namespace {

using dapr_mqtt::testing::Channel;
using dapr_mqtt::testing::wall_jump;
using std::chrono::hours;
using std::chrono::seconds;

class Receiver final : public core::Subscriber {
 public:
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    deliveries.push(delivery);
    return core::DeliverResult::kSent;
  }
  Channel<core::Delivery> deliveries;
};

class WallClockTest : public ::testing::TestWithParam<hours> {
 protected:
  void TearDown() override { wall_jump = 0; }

  dapr_mqtt::testing::LoopbackBroker broker_;
  dapr_mqtt::testing::CapturedLog log_;
  std::unique_ptr<InstanceFactory> factory_ = make_instance_factory(broker_, log_);
};

TEST_P(WallClockTest, jump_while_a_retry_waits_neither_delays_nor_drops_it) {
  Channel<base::Result<std::shared_ptr<Instance>>> created;
  factory_->create("orders",
                   {{"url", "tcp://loopback:1883"},
                    {"consumerID", "app"},
                    {"qos", "1"},
                    {"protocolVersion", "5"},
                    {"backOffInterval", "50ms"},
                    {"backOffMaxRetries", "-1"}},
                   [&](auto result) { created.push(std::move(result)); });
  const auto result = created.next();
  ASSERT_TRUE(result && result->ok()) << result->status().message();
  const std::shared_ptr<Instance> instance = result->value();
  const auto receiver = std::make_shared<Receiver>();
  const auto stream = instance->open_stream(receiver);
  ASSERT_TRUE(stream->subscribe("t", {}).ok());
  Channel<base::Status> published;
  instance->publish({"t", "p", {{"ttlInSeconds", "3600"}}},
                    [&](base::Status status) { published.push(std::move(status)); });
  ASSERT_TRUE(published.next());
  const auto first = receiver->deliveries.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->expires_in, seconds(3600));
  stream->acknowledge(std::to_string(first->id), std::string("no"));
  wall_jump = seconds(GetParam()).count();
  const auto again = receiver->deliveries.next();
  ASSERT_TRUE(again) << "the retry waits for the wall clock, or has expired by it";
  EXPECT_EQ(again->attempt, 2U);
  EXPECT_GE(again->expires_in, seconds(3590));
  stream->acknowledge(std::to_string(again->id), std::nullopt);
  Channel<int> closed;
  instance->close([&] { closed.push(1); });
  ASSERT_TRUE(closed.next());
}

INSTANTIATE_TEST_SUITE_P(Jumps, WallClockTest, ::testing::Values(hours(-24), hours(24 * 3)));

}  // namespace
}  // namespace dapr_mqtt::instance
