// Sessions that are present, but may lack some of the subscriptions.
#include <gmock/gmock.h>

#include "unit/subscribe/subscriptions_fixture.h"

namespace dapr_mqtt::subscribe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr core::SessionFound kAsLeft{.present = true};
constexpr core::SessionFound kDoubtful{.present = true, .as_left = false};

struct DoubtfulSession : SubscriptionsTest {
  void begin(SubscriptionRequest request = {}) {
    make(false);
    add("a", request);
    connect(0);
    grant();
    disconnect(0);
  }
};

TEST_F(DoubtfulSession, that_is_the_one_we_left_is_not_subscribed_again) {
  begin();
  connect_to(0, kAsLeft);
  EXPECT_THAT(consumers[0]->subscribes, IsEmpty());
  EXPECT_EQ(counters.subscriptions_in_force, 1);
}

TEST_F(DoubtfulSession,
       gets_each_subscription_once_more_and_says_until_then_that_it_is_not_in_force) {
  begin();
  connect_to(0, kDoubtful);
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[0]->subscribes[0].filter, "a");
  EXPECT_EQ(counters.subscriptions_in_force, 0);
  grant();
  EXPECT_EQ(counters.subscriptions_in_force, 1);
  EXPECT_EQ(lost_sessions, 1) << "the first session: what this one keeps is not given up";
}

TEST_F(DoubtfulSession, sends_no_retained_message_for_what_it_has_with_mqtt5) {
  begin();
  connect_to(0, kDoubtful);
  EXPECT_EQ(consumers[0]->subscribes.at(0).options.retain_handling, 1);
  grant();
  disconnect(0);
  connect_to(0, {.present = false});
  EXPECT_EQ(consumers[0]->subscribes.at(0).options.retain_handling, 0) << "a new session";
}

TEST_F(DoubtfulSession, sends_none_either_if_the_connection_breaks_before_suback) {
  begin();
  connect_to(0, kDoubtful);
  consumers[0]->answer(base::unavailable("it broke"));
  disconnect(0);
  connect_to(0, kAsLeft);
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[0]->subscribes[0].options.retain_handling, 1);
}

TEST_F(DoubtfulSession, sends_retained_messages_when_it_has_refused_the_filter_before) {
  begin();
  connect_to(0, kDoubtful);
  consumers[0]->answer(base::permission_denied("no"));
  executor.advance(seconds(2));
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[0]->subscribes[0].options.retain_handling, 0);
}

TEST_F(DoubtfulSession, is_subscribed_with_the_retain_handling_that_was_asked_for_if_any) {
  SubscriptionRequest never;
  never.options.retain_handling = 2;
  begin(never);
  connect_to(0, kDoubtful);
  EXPECT_EQ(consumers[0]->subscribes.at(0).options.retain_handling, 2);
}

TEST_F(DoubtfulSession, of_an_endpoint_is_rid_of_what_was_ended_at_another_one) {
  make(false);
  for (const char* text : {"a", "b"}) {
    add(text, {.options = {}, .unsubscribe_on_close = true});
  }
  connect(0);
  grant();
  grant();
  disconnect(0);
  connect_to(1, {.present = false});
  grant();
  grant();
  subscriptions->remove(filter("b"));
  executor.run();
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("b"));
  disconnect(0);
  connect_to(0, kDoubtful);
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("b", "b")) << "at either endpoint";
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[0]->subscribes[0].filter, "a");
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
