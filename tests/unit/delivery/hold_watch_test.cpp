#include "dapr_mqtt/delivery/hold_watch.h"

#include "support/forwarding_inbox.h"
#include "unit/delivery/delivery_fixture.h"

namespace dapr_mqtt::delivery {
namespace {

/// Notes what it is asked to store.
class NotedInbox final : public testing::ForwardingInbox<core::Inbox> {
 public:
  using ForwardingInbox::ForwardingInbox;
  std::size_t store_held(core::InboxId up_to) override {
    asked.push_back(up_to);
    return 0;
  }
  std::vector<core::InboxId> asked;
};

struct HoldWatchTest : DeliveryTest {
  std::optional<NotedInbox> noted;
  std::optional<HoldWatch> watch;

  void SetUp() override {
    options.persistent = true;
    options.keep = core::Keep::kHold;
    start();
    table.set(0, {filter("t")});
    noted.emplace(*inbox);
    watch.emplace(executor, *noted, *intake, *dispatcher);
  }
  void TearDown() override {
    watch.reset();
    DeliveryTest::TearDown();
  }
};

TEST_F(HoldWatchTest, has_no_timer_at_rest) {
  EXPECT_FALSE(executor.has_timer());
  watch->arrived();
  EXPECT_TRUE(executor.has_timer());
  executor.advance(HoldPolicy::kInterval);  // nothing is held
  EXPECT_FALSE(executor.has_timer());
}

TEST_F(HoldWatchTest, has_what_the_app_is_silent_about_stored) {
  receive("t", "one");
  watch->arrived();
  executor.advance(HoldPolicy::kSilence - HoldPolicy::kInterval);
  EXPECT_TRUE(noted->asked.empty());
  executor.advance(3 * HoldPolicy::kInterval);
  ASSERT_FALSE(noted->asked.empty());
  EXPECT_EQ(noted->asked.front(), inbox->last_id());
}

TEST_F(HoldWatchTest, ends_when_what_was_held_is_handled) {
  receive("t", "one");
  watch->arrived();
  executor.advance(HoldPolicy::kInterval);
  EXPECT_TRUE(executor.has_timer());
  const auto taken = inbox->take("t", clock.now(), core::Inbox::Order::kReady);
  ASSERT_TRUE(taken);
  inbox->settle(taken->id);
  executor.advance(HoldPolicy::kInterval);
  EXPECT_FALSE(executor.has_timer());
}

TEST_F(HoldWatchTest, stores_nothing_after_it_was_stopped) {
  receive("t", "one");
  watch->arrived();
  watch->stop();
  watch->arrived();
  executor.advance(2 * HoldPolicy::kSilence);
  EXPECT_TRUE(noted->asked.empty());
}

TEST_F(HoldWatchTest, goes_with_its_timer) {
  receive("t", "one");
  watch->arrived();
  watch.reset();
  executor.advance(2 * HoldPolicy::kSilence);  // runs nothing of it
  EXPECT_TRUE(noted->asked.empty());
}

}  // namespace
}  // namespace dapr_mqtt::delivery
