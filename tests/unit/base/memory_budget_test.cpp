#include "dapr_mqtt/base/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace dapr_mqtt::base {
namespace {

TEST(MemoryBudget, Gives_what_there_is_and_takes_it_back) {
  MemoryBudget budget(100);
  auto first = budget.reserve(60);
  ASSERT_TRUE(first);
  EXPECT_FALSE(budget.reserve(41));
  EXPECT_EQ(budget.reserved(), 60U) << "a refusal leaves nothing behind";
  EXPECT_TRUE(budget.reserve(40));  // released at once
  first.reset();
  EXPECT_EQ(budget.reserved(), 0U);
  EXPECT_TRUE(budget.reserve(100));
}

TEST(MemoryBudget, Refuses_what_is_larger_than_all_of_it) {
  MemoryBudget budget(100);
  EXPECT_FALSE(budget.reserve(101));
  EXPECT_FALSE(budget.reserve(std::numeric_limits<std::size_t>::max()));
  EXPECT_EQ(budget.reserved(), 0U);
}

TEST(MemoryBudget, A_reservation_that_is_moved_is_released_once) {
  MemoryBudget budget(100);
  MemoryBudget::Reservation held;
  {
    auto made = budget.reserve(30);
    ASSERT_TRUE(made);
    held = std::move(*made);
  }
  EXPECT_EQ(budget.reserved(), 30U);
  MemoryBudget::Reservation other(std::move(held));
  held.release();
  EXPECT_EQ(budget.reserved(), 30U);
  other.release();
  other.release();
  EXPECT_EQ(budget.reserved(), 0U);
}

TEST(MemoryBudget, A_reservation_may_outlive_it) {
  auto budget = std::make_unique<MemoryBudget>(100);
  auto held = budget->reserve(30);
  budget.reset();
  held.reset();
}

TEST(MemoryBudget, Many_threads_never_have_more_than_there_is) {
  MemoryBudget budget(4);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20'000; ++n) {
        const auto one = budget.reserve(1);
        if (!one) continue;
        const int now = ++held;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --held;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 4);
  EXPECT_EQ(budget.reserved(), 0U);
}

}  // namespace
}  // namespace dapr_mqtt::base
