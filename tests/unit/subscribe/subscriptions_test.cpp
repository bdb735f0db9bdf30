#include <gmock/gmock.h>

#include <algorithm>

#include "unit/subscribe/subscriptions_fixture.h"

namespace dapr_mqtt::subscribe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SubscriptionsTest, connect_with_the_first_filter_and_settle_at_suback) {
  make(true);
  EXPECT_THAT(consumers, IsEmpty());
  add("a");
  ASSERT_EQ(consumers.size(), 1U);
  EXPECT_TRUE(consumers[0]->opened);
  EXPECT_EQ(first_route_count, 1U);  // before the broker can send anything
  connect(0);
  EXPECT_EQ(settled, 0);
  grant();
  EXPECT_EQ(settled, 1);
  EXPECT_TRUE(health.ok());
}

TEST_F(SubscriptionsTest, connect_when_the_system_has_a_thread_for_it_again) {
  make(true);
  has_threads = false;
  add("a");
  EXPECT_THAT(consumers, IsEmpty());
  EXPECT_THAT(health.message(), HasSubstr("no thread for a connection"));
  add("a/#");  // wants a connection of its own
  executor.advance(seconds(10));
  EXPECT_THAT(consumers, IsEmpty());
  has_threads = true;
  executor.advance(seconds(10));
  ASSERT_EQ(consumers.size(), 2U);
  for (const std::size_t index : {0U, 1U}) {
    connect(index);
    grant(index);
  }
  EXPECT_TRUE(health.ok());
  EXPECT_EQ(settled, 2);
}

TEST_F(SubscriptionsTest, make_no_connection_once_they_are_closed) {
  make(true);
  has_threads = false;
  add("a");
  bool closed = false;
  subscriptions->close([&] { closed = true; });
  has_threads = true;
  executor.advance(seconds(10));
  EXPECT_TRUE(closed);
  EXPECT_THAT(consumers, IsEmpty());
}

TEST_F(SubscriptionsTest, subscribe_once_for_several_streams_of_a_filter) {
  make(true);
  add("a");
  connect(0);
  grant();
  add("a");
  EXPECT_EQ(settled, 2);
  EXPECT_THAT(consumers[0]->granted, ElementsAre("a"));
  subscriptions->remove(filter("a"));
  EXPECT_THAT(consumers[0]->unsubscribed, IsEmpty());
  subscriptions->remove(filter("a"));
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("a"));
  EXPECT_THAT(ended, IsEmpty());  // messages may come until UNSUBACK
  EXPECT_EQ(first_route_count, 1U);
  executor.run();
  EXPECT_THAT(ended, ElementsAre("a"));
  EXPECT_EQ(first_route_count, 0U);
}

TEST_F(SubscriptionsTest, go_on_when_a_filter_is_wanted_again_before_unsuback) {
  make(true);
  add("a");
  connect(0);
  grant();
  subscriptions->remove(filter("a"));
  subscriptions->add(filter("a"), {}, [this] { ++settled; });
  executor.run();
  grant();
  EXPECT_THAT(consumers[0]->granted, ElementsAre("a", "a"));  // SUBSCRIBE after UNSUBSCRIBE
  EXPECT_THAT(ended, IsEmpty());
  EXPECT_EQ(first_route_count, 1U);
}

TEST_F(SubscriptionsTest, unsubscribe_later_from_a_session_that_was_away) {
  make(false);
  add("a", {.options = {}, .unsubscribe_on_close = true});
  connect(0);
  grant();
  disconnect(0);
  subscriptions->remove(filter("a"));
  EXPECT_THAT(consumers[0]->unsubscribed, IsEmpty());
  connect(0, true);
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("a"));
}

TEST_F(SubscriptionsTest, renew_after_a_reconnect_of_a_clean_session) {
  make(true);
  add("a");
  connect(0);
  grant();
  disconnect(0);
  EXPECT_FALSE(health.ok());
  connect(0);
  grant();
  EXPECT_THAT(consumers[0]->granted, ElementsAre("a", "a"));
}

TEST_F(SubscriptionsTest, are_not_renewed_while_the_broker_kept_the_session) {
  make(false);
  add("a");
  connect(0);
  grant();
  disconnect(0);
  connect(0, true);
  EXPECT_THAT(consumers[0]->subscribes, IsEmpty());
  disconnect(0);
  connect(0, false);  // a broker that lost its sessions
  EXPECT_EQ(consumers[0]->subscribes.size(), 1U);
}

TEST_F(SubscriptionsTest, stay_with_a_persistent_session_when_the_stream_goes) {
  make(false);
  add("a");
  connect(0);
  grant();
  subscriptions->remove(filter("a"));
  EXPECT_THAT(consumers[0]->unsubscribed, IsEmpty());
  add("a");
  EXPECT_EQ(settled, 2);
}

TEST_F(SubscriptionsTest, end_with_their_stream_when_told_so) {
  make(false);
  add("a", {.options = {}, .unsubscribe_on_close = true});
  connect(0);
  grant();
  subscriptions->remove(filter("a"));
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("a"));
}

TEST_F(SubscriptionsTest, try_a_refused_filter_again_until_it_heals) {
  make(true);
  add("secret");
  connect(0);
  consumers[0]->answer(base::permission_denied("not authorized: check the broker's ACL"));
  executor.run();
  EXPECT_EQ(settled, 1);  // publishes need not wait for it
  EXPECT_TRUE(log.contains("ERROR c: topic filter \"secret\": subscription refused"));
  EXPECT_EQ(health.kind(), base::ErrorKind::kPermissionDenied);
  EXPECT_EQ(counters.subscribe_refused, 1U);
  executor.advance(seconds(1));
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  grant();
  EXPECT_TRUE(health.ok());
  EXPECT_TRUE(log.contains("accepts it now"));
}

TEST_F(SubscriptionsTest, tell_of_a_lasting_refusal_once_a_minute_with_a_count) {
  make(true);
  add("secret");
  connect(0);
  const auto refusal_lines = [&] {
    const auto lines = log.lines();
    return std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("subscription refused") != std::string::npos;
    });
  };
  const auto refuse = [&] {
    consumers[0]->answer(base::permission_denied("not authorized"));
    executor.run();
  };
  refuse();
  for (const auto wait : {seconds(1), seconds(2), seconds(4), seconds(8)}) {
    executor.advance(wait);
    ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
    refuse();
  }
  EXPECT_EQ(refusal_lines(), 1);
  EXPECT_EQ(counters.subscribe_refused, 5U);
  executor.advance(seconds(60));
  refuse();
  EXPECT_EQ(refusal_lines(), 2);
  EXPECT_TRUE(log.contains("(4 more times since the last line about it)"));
}

TEST_F(SubscriptionsTest, keep_the_others_when_one_is_refused) {
  make(true);
  add("good");
  add("bad");
  connect(0);
  for (int i = 0; i < 2; ++i) {
    if (consumers[0]->subscribes.front().filter == "bad") {
      consumers[0]->answer(base::permission_denied("no"));
    } else {
      consumers[0]->grant();
    }
  }
  executor.run();
  EXPECT_THAT(consumers[0]->granted, ElementsAre("good"));
}

TEST_F(SubscriptionsTest, put_overlapping_filters_on_connections_of_their_own) {
  make(true);
  add("a/#");
  add("a/b");
  ASSERT_EQ(consumers.size(), 2U);
  connect(0);
  connect(1);
  grant(0);
  grant(1);
  EXPECT_THAT(consumers[0]->granted, ElementsAre("a/#"));
  EXPECT_THAT(consumers[1]->granted, ElementsAre("a/b"));
}

TEST_F(SubscriptionsTest, clear_a_resumed_session_of_filters_that_live_elsewhere_now) {
  make(false);
  add("a/#");
  add("a/b");
  connect(0, true);
  connect(1, true);
  EXPECT_THAT(consumers[0]->unsubscribed, ::testing::Contains("a/b"));
  EXPECT_THAT(consumers[0]->unsubscribed, ::testing::Not(::testing::Contains("a/#")));
  EXPECT_THAT(consumers[1]->unsubscribed, ::testing::Contains("a/#"));
}

TEST_F(SubscriptionsTest, ignore_an_answer_to_a_connection_that_is_gone) {
  make(true);
  add("a");
  connect(0);
  disconnect(0);
  connect(0);
  ASSERT_EQ(consumers[0]->subscribes.size(), 2U);
  consumers[0]->answer(base::permission_denied("stale"));
  executor.run();
  EXPECT_EQ(counters.subscribe_refused, 0U);
  grant();
  EXPECT_EQ(settled, 1);
}

TEST_F(SubscriptionsTest, subscribe_anew_with_the_newest_options) {
  make(true);
  add("a");
  connect(0);
  grant();
  add("a", {.options = {.qos = core::QoS::kAtLeastOnce}, .unsubscribe_on_close = false});
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[0]->subscribes[0].options.qos, core::QoS::kAtLeastOnce);
  EXPECT_TRUE(log.contains("different options"));
}

TEST_F(SubscriptionsTest, warn_when_the_broker_grants_less) {
  make(true);
  add("a", {.options = {.qos = core::QoS::kExactlyOnce}, .unsubscribe_on_close = false});
  connect(0);
  consumers[0]->answer(core::QoS::kAtMostOnce);
  executor.run();
  EXPECT_TRUE(log.contains("grants qos 0 only, not 2"));
}

TEST_F(SubscriptionsTest, suspend_and_resume_every_connection_also_later_ones) {
  make(false);
  add("a/#");
  subscriptions->suspend();
  EXPECT_TRUE(consumers[0]->suspended);
  add("a/b");
  EXPECT_TRUE(consumers[1]->suspended);
  EXPECT_TRUE(health.ok());  // disconnected on purpose
  subscriptions->resume();
  EXPECT_FALSE(consumers[0]->suspended || consumers[1]->suspended);
}

TEST_F(SubscriptionsTest, miss_no_answer_while_suspended_but_do_after_that) {
  make(false);
  add("a");
  add("b");
  connect(0);
  grant();
  subscriptions->suspend();
  EXPECT_EQ(counters.consumers_up, 0);
  EXPECT_EQ(counters.subscriptions_in_force, 0);
  add("c");
  while (!consumers[0]->subscribes.empty()) consumers[0]->answer(base::unavailable("suspended"));
  executor.advance(Subscriptions::kAnswerTimeout);
  EXPECT_EQ(counters.subscribe_acks_missing, 0U);
  EXPECT_TRUE(health.ok()) << health.message();
  EXPECT_FALSE(missing);
  EXPECT_THAT(consumers[0]->left, IsEmpty());
  subscriptions->resume();
  connect(0, true);
  EXPECT_THAT(consumers[0]->granted, ElementsAre("a")) << "which the session has";
  ASSERT_EQ(consumers[0]->subscribes.size(), 2U);
  grant();
  executor.advance(Subscriptions::kAnswerTimeout);
  EXPECT_EQ(consumers[0]->left.size(), 1U);
  EXPECT_EQ(counters.subscribe_acks_missing, 1U);
}

TEST_F(SubscriptionsTest, know_of_a_lost_session_that_was_reported_too_late_for_a_suspension) {
  make(false);
  add("a");
  connect(0);
  grant();
  disconnect(0);
  listeners[0]->on_connected({.present = false});
  subscriptions->suspend();
  executor.run();
  EXPECT_EQ(counters.consumers_up, 0);
  EXPECT_THAT(consumers[0]->subscribes, IsEmpty());
  EXPECT_EQ(counters.sessions_lost, 1U);
  subscriptions->resume();
  connect(0, true);
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U) << "the new session does not have it";
  grant();
  EXPECT_TRUE(health.ok()) << health.message();
}

TEST_F(SubscriptionsTest, close_every_connection_and_settle_what_waits) {
  make(true);
  add("a/#");
  add("a/b");
  bool closed = false;
  subscriptions->close([&] { closed = true; });
  executor.run();
  EXPECT_TRUE(closed);
  EXPECT_TRUE(consumers[0]->is_closed && consumers[1]->is_closed);
  EXPECT_EQ(settled, 2);
}

constexpr auto kClosed = core::ConnectionEnd::kClosedOnRequest;

/// Subscribes to these filters on connection 0, which is up; the broker grants all except "bad".
class ClosingBroker : public SubscriptionsTest {
 protected:
  void answer_until_it_closes() {
    while (!consumers[0]->subscribes.empty()) {
      const bool bad = consumers[0]->subscribes.front().filter == "bad";
      if (bad) {
        ++closes;
        while (!consumers[0]->subscribes.empty()) {
          consumers[0]->answer(base::unavailable("it broke"));
        }
        disconnect(0, kClosed);
        return;
      }
      grant();
    }
  }
  /// Connects again until the connection stays up.
  void connect_again(bool session_present) {
    for (int before = -1; before != closes;) {
      before = closes;
      connect(0, session_present);
      answer_until_it_closes();
    }
  }
  int closes = 0;
};

TEST_F(ClosingBroker, that_closes_on_a_subscription_has_it_named_and_the_others_in_force) {
  for (const bool clean : {true, false}) {
    consumers.clear();
    listeners.clear();
    closes = 0;
    make(clean);
    for (const char* text : {"a", "bad", "c", "d"}) add(text);
    connect_again(!clean);
    EXPECT_EQ(closes, 2);
    EXPECT_EQ(counters.subscriptions_in_force, 3);
    for (const char* part : {"\"bad\"", "closed the connection", "access control"}) {
      EXPECT_THAT(health.message(), HasSubstr(part));
      EXPECT_TRUE(log.contains(part)) << part;
    }
  }
}

TEST_F(ClosingBroker, is_asked_again_after_minutes_and_with_nothing_else_open) {
  make(true);
  for (const char* text : {"a", "bad", "c"}) add(text);
  connect_again(false);
  ASSERT_EQ(closes, 2);
  executor.advance(seconds(29));
  EXPECT_TRUE(consumers[0]->subscribes.empty());
  executor.advance(seconds(31));
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  answer_until_it_closes();
  connect_again(false);
  EXPECT_EQ(closes, 3) << "one close for one try";
  EXPECT_EQ(counters.subscriptions_in_force, 2);
  executor.advance(seconds(119));
  EXPECT_LE(consumers[0]->subscribes.size(), 1U);
  executor.advance(seconds(2));
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  grant();  // the access control list has been changed
  EXPECT_TRUE(health.ok()) << health.message();
}

TEST_F(ClosingBroker, is_not_asked_again_for_what_no_stream_wants) {
  make(false);
  add("a");
  add("bad");
  connect_again(true);
  ASSERT_EQ(closes, 2);
  subscriptions->remove(filter("bad"));
  executor.advance(std::chrono::hours(1));
  EXPECT_TRUE(consumers[0]->subscribes.empty());
  disconnect(0);
  connect(0, true);
  EXPECT_TRUE(consumers[0]->subscribes.empty());
  add("bad");
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  answer_until_it_closes();
  connect_again(true);
  EXPECT_EQ(closes, 3);
}

TEST_F(ClosingBroker, that_goes_down_has_refused_nothing) {
  make(true);
  add("a");
  for (int i = 0; i < 5; ++i) {
    connect(0);
    ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
    consumers[0]->answer(base::unavailable("it broke"));
    disconnect(0, kClosed);
    disconnect(0);  // a connection attempt is refused
  }
  connect(0);
  grant();
  EXPECT_TRUE(health.ok());
  EXPECT_EQ(counters.subscribe_refused, 0U);
}

TEST_F(SubscriptionsTest, leave_a_broker_that_does_not_answer_one_and_name_it) {
  make(true);
  add("a");
  add("b");
  connect(0);
  grant();  // "a"
  executor.advance(Subscriptions::kAnswerTimeout);
  ASSERT_EQ(consumers[0]->left.size(), 1U);
  EXPECT_THAT(consumers[0]->left[0].message(), HasSubstr("SUBACK for \"b\""));
  EXPECT_THAT(health.message(), HasSubstr("\"b\""));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->packet, "SUBACK");
  EXPECT_EQ(missing->name, "b");
  // It is tried once more, alone; then it counts as refused, and "a" stays.
  consumers[0]->answer(base::unavailable("left"));
  disconnect(0);
  connect(0);
  grant();  // "a"
  ASSERT_EQ(consumers[0]->subscribes.size(), 1U);
  executor.advance(Subscriptions::kAnswerTimeout);
  ASSERT_EQ(consumers[0]->left.size(), 2U);
  consumers[0]->answer(base::unavailable("left"));
  disconnect(0);
  connect(0);
  grant();  // "a"
  EXPECT_TRUE(consumers[0]->subscribes.empty());
  EXPECT_EQ(counters.subscriptions_in_force, 1);
  EXPECT_EQ(counters.subscribe_refused, 1U);
  EXPECT_TRUE(missing);
  executor.advance(seconds(60));
  grant();  // it answers now
  EXPECT_TRUE(health.ok());
  EXPECT_FALSE(missing);
}

TEST_F(SubscriptionsTest, leave_a_broker_that_does_not_answer_an_unsubscribe) {
  make(true);
  consumers_hold_unsubscribes = true;
  add("a");
  add("b");
  connect(0);
  grant();
  grant();
  subscriptions->remove(filter("a"));
  executor.advance(Subscriptions::kAnswerTimeout);
  EXPECT_THAT(ended, ElementsAre("a"));
  ASSERT_EQ(consumers[0]->left.size(), 1U);
  EXPECT_THAT(consumers[0]->left[0].message(), HasSubstr("UNSUBACK for \"a\""));
  EXPECT_EQ(counters.unsubscribe_acks_missing, 1U);
}

TEST_F(SubscriptionsTest, Host_learns_that_the_broker_has_no_session_any_more) {
  make(false);
  add("a");
  connect(0, true);
  EXPECT_EQ(lost_sessions, 0);
  disconnect(0);
  connect(0, false);
  EXPECT_EQ(lost_sessions, 1);
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
