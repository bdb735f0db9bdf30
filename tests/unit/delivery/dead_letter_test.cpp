// A given-up message stays in the inbox until its dead letter has been published.
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

struct DeadLetterTest : DeliveryTest {
  std::shared_ptr<RecordingSubscriber> s = subscriber();
  StreamId stream = 0;
  std::vector<core::InboxId> letters;

  void begin() {
    inbox.emplace(limits);
    DispatcherHooks hooks;
    hooks.dead_letter = [this](const GivenUp& g) {
      letters.push_back(g.delivery.id);
      events.push_back(g.delivery.message->payload + " " + std::string(g.error));
    };
    make_dispatcher(*inbox, std::move(hooks));
    make_intake();
    table.set(0, {filter("a")});
    stream = dispatcher->open(filter("a"), s);
  }
};

TEST_F(DeadLetterTest, message_leaves_the_inbox_when_its_dead_letter_has_arrived_and_not_before) {
  begin();
  receive("a", "0");
  executor.run();
  fail(stream, *s, 0, "broken");
  executor.run();
  EXPECT_EQ(events, Payloads{"0 broken"});
  EXPECT_EQ(inbox->usage().messages, 1U);
  EXPECT_EQ(s->deliveries.size(), 1U) << "not tried again meanwhile";
  dispatcher->dead_lettered(letters[0]);
  EXPECT_EQ(inbox->usage().messages, 0U);
  dispatcher->dead_lettered(letters[0]);  // a second call changes nothing
}

TEST_F(DeadLetterTest, message_that_is_too_large_becomes_one) {
  s->refuse_payload = "large";
  begin();
  receive("a", "large");
  receive("a", "small");
  executor.run();
  EXPECT_EQ(events, Payloads{"large "});
  EXPECT_EQ(s->payloads(), Payloads{"small"});
  EXPECT_EQ(inbox->usage().messages, 2U);
  dispatcher->dead_lettered(letters[0]);
  EXPECT_EQ(inbox->usage().messages, 1U);
}

TEST_F(DeadLetterTest, message_that_was_not_received_whole_becomes_one_without_being_delivered) {
  options.dead_letters = true;
  begin();
  core::IncomingMessage large = message("a", "begins");
  large.full_size = 5'000'000;
  EXPECT_TRUE(sink->on_message(large));
  receive("a", "small");
  executor.run();
  EXPECT_EQ(events, Payloads{"begins "});
  EXPECT_EQ(s->payloads(), Payloads{"small"});
  EXPECT_EQ(inbox->usage().messages, 2U);
  EXPECT_EQ(counters.too_large, 1U) << "counted once";
  EXPECT_EQ(log.lines().size(), 1U) << log.text();
  dispatcher->dead_lettered(letters[0]);
  EXPECT_EQ(inbox->usage().messages, 1U);
}

TEST_F(DeadLetterTest, nothing_new_is_delivered_while_too_many_wait_and_then_it_goes_on) {
  policy.window.messages = 1;
  begin();
  for (int i = 0; i < 150; ++i) receive("a", std::to_string(i));
  executor.run();
  for (std::size_t i = 0; i < Dispatcher::kMaxDeadLetters; ++i) {
    ASSERT_EQ(s->deliveries.size(), i + 1);
    fail(stream, *s, i);
    executor.run();
  }
  EXPECT_EQ(s->deliveries.size(), Dispatcher::kMaxDeadLetters);
  dispatcher->dead_lettered(letters[0]);
  executor.run();
  EXPECT_EQ(s->deliveries.size(), Dispatcher::kMaxDeadLetters + 1);
}

}  // namespace
}  // namespace dapr_mqtt::delivery
