#include "dapr/arrival_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace dapr_mqtt::dapr {
namespace {

TEST(ArrivalOrder, runs_a_task_at_once_when_nothing_came_before) {
  ArrivalOrder order;
  const auto ticket = order.take();
  bool ran = false;
  order.when_earlier_passed(ticket, [&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(ArrivalOrder, holds_a_task_until_all_earlier_calls_have_passed) {
  ArrivalOrder order;
  const auto first = order.take();
  const auto second = order.take();
  const auto third = order.take();
  bool ran = false;
  order.when_earlier_passed(third, [&] { ran = true; });
  order.pass(second);
  EXPECT_FALSE(ran);
  order.pass(first);
  EXPECT_TRUE(ran);
}

TEST(ArrivalOrder, lets_no_later_call_hold_a_task_up) {
  ArrivalOrder order;
  const auto first = order.take();
  order.take();  // never passes
  bool ran = false;
  order.pass(first);
  order.when_earlier_passed(first, [&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(ArrivalOrder, counts_a_second_pass_for_nothing) {
  ArrivalOrder order;
  const auto first = order.take();
  const auto second = order.take();
  order.pass(first);
  order.pass(first);
  const auto third = order.take();
  bool ran = false;
  order.when_earlier_passed(third, [&] { ran = true; });
  EXPECT_FALSE(ran);
  order.pass(second);
  order.pass(second);
  EXPECT_TRUE(ran);
}

TEST(ArrivalOrder, lets_a_task_take_and_pass_tickets) {
  ArrivalOrder order;
  const auto first = order.take();
  const auto second = order.take();
  bool ran = false;
  order.when_earlier_passed(second, [&] {
    order.pass(order.take());
    ran = true;
  });
  order.pass(first);
  EXPECT_TRUE(ran);
}

TEST(ArrivalOrder, keeps_every_task_behind_every_earlier_pass_from_many_threads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  ArrivalOrder order;
  // passed[t] is set just before pass(t): a task of ticket t must see all below.
  std::vector<std::atomic<bool>> passed(kThreads * kRounds);
  std::atomic<int> ran{0};
  std::atomic<int> overtook{0};
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kRounds; ++i) {
      const auto ticket = order.take();
      if (random() % 3 == 0) std::this_thread::yield();
      passed[ticket] = true;
      order.pass(ticket);
      order.when_earlier_passed(ticket, [&, ticket] {
        // The nearest are the likeliest to be overtaken; all would be quadratic.
        for (std::uint64_t before = ticket < 32 ? 0 : ticket - 32; before < ticket; ++before) {
          if (!passed[before]) ++overtook;
        }
        ++ran;
      });
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(work, i + 1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kRounds);
  EXPECT_EQ(overtook, 0);
}

}  // namespace
}  // namespace dapr_mqtt::dapr
