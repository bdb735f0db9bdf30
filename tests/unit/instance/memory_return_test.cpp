#include "instance/memory_return.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

class MemoryReturnTest : public ::testing::Test {
 protected:
  testing::ManualExecutor executor_;
  std::size_t in_use_ = 0;
  std::size_t passed_ = 0;
  int returned_ = 0;
  std::function<void()> on_return_ = [] {};
  MemoryReturn memory_{executor_, {[this] { return in_use_; }, [this] { return passed_; }}, [this] {
                         ++returned_;
                         on_return_();
                       }};
};

TEST_F(MemoryReturnTest, Returns_once_what_many_messages_took_when_they_have_gone) {
  in_use_ = MemoryReturn::kMany;
  memory_.arrived();
  memory_.arrived();
  executor_.advance(10 * MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 0) << "they are still there";
  in_use_ = 0;
  executor_.advance(MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 1);
  executor_.advance(10 * MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 1);
}

TEST_F(MemoryReturnTest, Sets_no_timer_for_few_messages) {
  in_use_ = passed_ = MemoryReturn::kMany - 1;
  memory_.arrived();
  in_use_ = 0;
  executor_.advance(10 * MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 0);
}

TEST_F(MemoryReturnTest, Waits_until_few_pass) {
  for (int look = 0; look < 10; ++look) {
    passed_ += MemoryReturn::kMany;
    memory_.arrived();
    executor_.advance(MemoryReturn::kBetweenLooks);
    EXPECT_EQ(returned_, 0);
  }
  passed_ += MemoryReturn::kMany - 1;
  executor_.advance(MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 1);
}

TEST_F(MemoryReturnTest, Misses_none_that_come_while_it_returns) {
  in_use_ = MemoryReturn::kMany;
  memory_.arrived();
  in_use_ = 0;
  on_return_ = [this] { in_use_ = MemoryReturn::kMany; };
  executor_.advance(MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 1);
  on_return_ = [] {};
  in_use_ = 0;
  executor_.advance(MemoryReturn::kBetweenLooks);
  EXPECT_EQ(returned_, 2);
}

TEST_F(MemoryReturnTest, Returns_again_after_the_next_flood) {
  for (int flood = 1; flood <= 2; ++flood) {
    in_use_ = MemoryReturn::kMany;
    memory_.arrived();
    in_use_ = 0;
    executor_.advance(MemoryReturn::kBetweenLooks);
    EXPECT_EQ(returned_, flood);
  }
}

}  // namespace
}  // namespace dapr_mqtt::instance
