// Messages that expire while they wait (MQTT 5).
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ExpiryTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();

  void begin() {
    start();
    table.set(0, {filter("a")});
  }
  StreamId open() { return dispatcher->open(filter("a"), s); }
  void receive_expiring(std::string payload, seconds expiry) {
    auto m = message("a", std::move(payload));
    auto properties = std::make_shared<core::MessageProperties>();
    properties->expiry = expiry;
    m.properties = std::move(properties);
    EXPECT_TRUE(sink->on_message(std::move(m)));
  }
};

TEST_F(ExpiryTest, message_that_expired_while_it_waited_is_not_delivered) {
  begin();
  receive_expiring("short", seconds(10));
  receive_expiring("long", seconds(100));
  receive("a", "endless");
  executor.advance(seconds(10));
  const StreamId stream = open();
  executor.run();
  EXPECT_EQ(s->payloads(), (Payloads{"long", "endless"}));
  EXPECT_EQ(counters.expired, 1U);
  ack(stream, *s, 0);
  ack(stream, *s, 1);
  EXPECT_EQ(inbox->usage().messages, 0U);
}

TEST_F(ExpiryTest, expired_messages_of_a_filter_are_one_line_with_their_count) {
  begin();
  for (int i = 0; i < 5; ++i) receive_expiring("x", seconds(1));
  executor.advance(seconds(2));
  open();
  executor.advance(seconds(1));
  EXPECT_TRUE(log.contains("WARN pubsub: 5 message(s) of topic filter \"a\" expired"))
      << log.text();
}

TEST_F(ExpiryTest, what_is_left_is_told_in_whole_seconds_at_least_one) {
  begin();
  receive_expiring("0", seconds(10));
  receive("a", "1");
  executor.advance(milliseconds(9'999));
  open();
  executor.run();
  ASSERT_EQ(s->deliveries.size(), 2U);
  EXPECT_EQ(s->deliveries[0].expires_in, seconds(1));
  EXPECT_EQ(s->deliveries[1].expires_in, std::nullopt);
}

TEST_F(ExpiryTest, failed_message_is_not_tried_again_once_it_expired) {
  policy.max_retries = -1;
  begin();
  const StreamId stream = open();
  receive_expiring("0", seconds(12));
  executor.run();
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(s->deliveries.size(), i + 1);
    fail(stream, *s, i);
    executor.advance(seconds(5));
  }
  EXPECT_EQ(s->deliveries.size(), 3U) << "at 0, 5 and 10 s";
  EXPECT_EQ(counters.expired, 1U);
  EXPECT_TRUE(events.empty()) << "not given up";
  EXPECT_EQ(inbox->usage().messages, 0U);
}

TEST_F(ExpiryTest, expired_message_holds_up_none_in_strict_order) {
  policy.order.mode = core::ConcurrencyMode::kSingle;
  begin();
  for (int i = 0; i < 1000; ++i) receive_expiring("x", seconds(1));
  receive("a", "next");
  executor.advance(seconds(2));
  open();
  executor.run();
  EXPECT_EQ(s->payloads(), Payloads{"next"});
  EXPECT_EQ(counters.expired, 1000U);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
