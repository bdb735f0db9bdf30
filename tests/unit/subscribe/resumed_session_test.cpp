// Subscriptions that a persistent session still has from an earlier process.
#include <gmock/gmock.h>

#include "unit/subscribe/subscriptions_fixture.h"

namespace dapr_mqtt::subscribe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(SubscriptionsTest, are_known_to_the_next_process_from_subscribe_to_unsuback) {
  make_resumed({});
  add("a", {.options = {}, .unsubscribe_on_close = true});
  EXPECT_THAT(session.texts(), ElementsAre("0 a")) << "before SUBSCRIBE goes out";
  connect(0);
  grant();
  subscriptions->remove(filter("a"));
  EXPECT_THAT(session.texts(), ElementsAre("0 a"));
  executor.run();
  EXPECT_THAT(session.texts(), IsEmpty());
}

TEST_F(SubscriptionsTest, of_an_earlier_process_have_their_routes_before_their_streams) {
  make_resumed({{0, "a"}, {0, "b"}});
  EXPECT_THAT(consumers, IsEmpty()) << "the first stream opens the connection";
  add("b");
  EXPECT_EQ(first_route_count, 2U) << "messages of the session for a wait for its stream";
}

TEST_F(SubscriptionsTest, of_an_earlier_process_keep_their_connections) {
  make_resumed({{0, "a/#"}, {1, "a/b"}});
  add("a/b");
  ASSERT_EQ(consumers.size(), 2U) << "both sessions are resumed";
  connect(0, true);
  connect(1, true);
  EXPECT_THAT(consumers[0]->subscribes, IsEmpty());
  ASSERT_EQ(consumers[1]->subscribes.size(), 1U);
  EXPECT_EQ(consumers[1]->subscribes[0].filter, "a/b");
}

TEST_F(SubscriptionsTest, that_overlap_with_one_of_an_earlier_process_get_another_connection) {
  make_resumed({{0, "a/#"}});
  add("a/b");
  ASSERT_EQ(consumers.size(), 2U);
  EXPECT_THAT(session.texts(), ElementsAre("0 a/#", "1 a/b"));
}

TEST_F(SubscriptionsTest, that_no_stream_wants_any_more_are_ended_after_their_grace) {
  make_resumed({{0, "old"}, {0, "kept"}});
  add("kept");
  connect(0, true);
  grant();
  executor.advance(kGrace - seconds(1));
  EXPECT_THAT(consumers[0]->unsubscribed, IsEmpty());
  EXPECT_EQ(graces, 0);
  executor.advance(seconds(1));
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("old"));
  EXPECT_THAT(session.texts(), ElementsAre("0 kept"));
  EXPECT_THAT(ended, IsEmpty()) << "what has come in for it stays";
  EXPECT_EQ(first_route_count, 1U);
  EXPECT_EQ(graces, 1);
  EXPECT_TRUE(log.contains("\"old\""));
  EXPECT_FALSE(log.contains("\"kept\""));
}

TEST_F(SubscriptionsTest, that_two_sessions_have_are_ended_in_both) {
  make_resumed({{0, "a"}, {1, "a"}});
  add("b");
  ASSERT_EQ(consumers.size(), 2U) << "both sessions are resumed";
  connect(0, true);
  grant();
  connect(1, true);
  executor.advance(kGrace);
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("a"));
  EXPECT_THAT(consumers[1]->unsubscribed, ElementsAre("b", "a"));
  EXPECT_THAT(session.texts(), ElementsAre("0 b"));
}

TEST_F(SubscriptionsTest, that_two_sessions_have_keep_their_route_when_one_session_is_lost) {
  make_resumed({{0, "a"}, {1, "a"}});
  add("b");
  ASSERT_EQ(consumers.size(), 2U);
  connect(0, true);
  grant();
  connect(1, false);
  EXPECT_EQ(first_route_count, 2U) << "messages of the other session for a wait for its stream";
  EXPECT_THAT(session.texts(), ElementsAre("0 a", "0 b"));
}

TEST_F(SubscriptionsTest, that_ended_while_away_are_unsubscribed_at_the_next_connection) {
  make_resumed({{0, "old"}});
  add("new");
  executor.advance(kGrace);
  EXPECT_THAT(session.texts(), ElementsAre("0 old", "0 new")) << "the session still has it";
  connect(0, true);
  EXPECT_THAT(consumers[0]->unsubscribed, ElementsAre("old"));
  EXPECT_THAT(session.texts(), ElementsAre("0 new"));
}

TEST_F(SubscriptionsTest, are_forgotten_with_the_session) {
  make_resumed({{0, "old"}, {0, "new"}});
  add("new");
  connect(0, false);
  grant();
  EXPECT_THAT(session.texts(), ElementsAre("0 new"));
  executor.advance(kGrace);
  EXPECT_THAT(consumers[0]->unsubscribed, IsEmpty());
  EXPECT_FALSE(log.contains("\"old\""));
}

TEST_F(SubscriptionsTest, that_were_in_a_session_which_the_broker_lost_are_warned_of_once) {
  make_resumed({{0, "a"}});
  add("a");
  connect(0, false);
  EXPECT_EQ(counters.sessions_lost, 1U);
  EXPECT_TRUE(log.contains("the broker has no session any more"));
  grant();
  disconnect(0);
  connect(0, true);
  EXPECT_EQ(counters.sessions_lost, 1U);
  disconnect(0);
  connect(0, false);
  EXPECT_EQ(counters.sessions_lost, 2U) << "this process has left a session too";
}

TEST_F(SubscriptionsTest, that_are_new_or_of_a_clean_session_are_no_lost_session) {
  make_resumed({});
  add("a");
  connect(0, false);
  grant();
  EXPECT_EQ(counters.sessions_lost, 0U);
  disconnect(0);
  connect_to(1, {false});
  EXPECT_EQ(counters.sessions_lost, 0U) << "the other broker has had no session";
}

TEST_F(SubscriptionsTest, of_a_clean_session_are_lost_with_each_connection) {
  make(true);
  add("a");
  connect(0);
  grant();
  disconnect(0);
  connect(0);
  EXPECT_EQ(counters.sessions_lost, 0U);
  EXPECT_FALSE(log.contains("no session any more"));
}

TEST_F(SubscriptionsTest, have_no_grace_to_wait_for_without_a_session_store) {
  make(true);
  add("a");
  EXPECT_FALSE(executor.has_timer());
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
