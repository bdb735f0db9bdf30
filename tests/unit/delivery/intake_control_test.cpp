// A full inbox of a persistent session stops intake, and lets it go on.
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

struct IntakeControlTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;
  std::size_t acked = 0;

  void SetUp() override {
    options.persistent = true;
    limits = {.max_messages = 10, .max_bytes = 1U << 20U};
    start();
    table.set(0, {filter("a")});
    stream = dispatcher->open(filter("a"), s);
  }
  void receive_many(int n) {
    for (int i = 0; i < n; ++i) receive("a", "x");
    executor.run();
  }
  void ack_many(int n) {
    for (int i = 0; i < n; ++i) ack(stream, *s, acked++);
    executor.run();
  }
};

TEST_F(IntakeControlTest, full_inbox_stops_intake_once_and_drops_nothing) {
  receive_many(9);
  EXPECT_EQ(events, Payloads{});
  receive_many(1);
  EXPECT_EQ(events, Payloads{"full"});
  receive_many(5);  // what was on its way
  EXPECT_EQ(events, Payloads{"full"});
  EXPECT_EQ(inbox->usage().messages, 15U);
  EXPECT_EQ(counters.dropped, 0U);
}

TEST_F(IntakeControlTest, intake_goes_on_below_half) {
  receive_many(12);
  ack_many(7);
  EXPECT_EQ(events, Payloads{"full"}) << "five are left";
  ack_many(1);
  EXPECT_EQ(events, (Payloads{"full", "resume"}));
  ack_many(4);
  receive_many(10);
  EXPECT_EQ(events, (Payloads{"full", "resume", "full"}));
}

TEST_F(IntakeControlTest, given_up_messages_count_as_handled) {
  receive_many(10);
  for (std::size_t i = 0; i < 6; ++i) fail(stream, *s, i);
  executor.run();
  EXPECT_EQ(events.front(), "full");
  EXPECT_EQ(events.back(), "resume");
}

TEST_F(IntakeControlTest, discarded_queue_lets_intake_go_on) {
  dispatcher->pause();
  receive_many(10);
  EXPECT_EQ(dispatcher->discard(filter("a")), 10U);
  EXPECT_EQ(events, (Payloads{"full", "resume"}));
}

TEST_F(IntakeControlTest, inbox_emptied_before_the_word_of_it_came_stops_nothing) {
  for (int i = 0; i < 10; ++i) receive("a", "x");
  // The executor has not run since: all is handled before it hears of it.
  while (auto entry = inbox->take("a", clock.now(), core::Inbox::Order::kReady)) {
    inbox->settle(entry->id);
  }
  executor.run();
  EXPECT_EQ(events, Payloads{});
}

}  // namespace
}  // namespace dapr_mqtt::delivery
