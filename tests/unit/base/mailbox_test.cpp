#include "dapr_mqtt/base/mailbox.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/worker.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::base {
namespace {

TEST(Mailbox, Hands_a_burst_over_in_one_batch_in_order) {
  testing::ManualExecutor executor;
  std::vector<std::vector<int>> batches;
  Mailbox<int> mailbox(executor, [&](std::vector<int>& values) { batches.push_back(values); });
  for (int i = 0; i < 3; ++i) mailbox.push(i);
  EXPECT_TRUE(batches.empty());
  executor.run();
  mailbox.push(3);
  executor.run();
  EXPECT_EQ(batches, (std::vector<std::vector<int>>{{0, 1, 2}, {3}}));
}

TEST(Mailbox, Hands_over_what_came_quietly_with_the_next_that_did_not) {
  testing::ManualExecutor executor;
  std::vector<std::vector<int>> batches;
  Mailbox<int> mailbox(executor, [&](std::vector<int>& values) { batches.push_back(values); });
  mailbox.push_quietly(0);
  executor.run();
  EXPECT_TRUE(batches.empty());
  mailbox.push(1);
  executor.run();
  EXPECT_EQ(batches, (std::vector<std::vector<int>>{{0, 1}}));
}

TEST(Mailbox, Hands_over_at_once_what_comes_quietly_while_it_attends) {
  testing::ManualExecutor executor;
  std::vector<std::vector<int>> batches;
  Mailbox<int> mailbox(executor, [&](std::vector<int>& values) { batches.push_back(values); });
  mailbox.push_quietly(0);
  mailbox.schedule_all(true);
  executor.run();
  mailbox.push_quietly(1);
  executor.run();
  EXPECT_EQ(batches, (std::vector<std::vector<int>>{{0}, {1}}));
  mailbox.schedule_all(false);
  mailbox.push_quietly(2);
  executor.run();
  EXPECT_EQ(batches.size(), 2U);
  mailbox.hand_over();
  mailbox.hand_over();
  EXPECT_EQ(batches, (std::vector<std::vector<int>>{{0}, {1}, {2}, {}}));
}

TEST(Mailbox, Takes_what_its_handler_pushes_into_the_next_batch) {
  testing::ManualExecutor executor;
  std::vector<int> seen;
  Mailbox<int>* self = nullptr;
  Mailbox<int> mailbox(executor, [&](std::vector<int>& values) {
    for (const int value : values) {
      seen.push_back(value);
      if (value < 3) self->push(value + 1);
    }
  });
  self = &mailbox;
  mailbox.push(0);
  executor.run();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3}));
}

TEST(Mailbox, Loses_nothing_and_keeps_each_threads_order_when_many_push) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  struct Item {
    int thread;
    int number;
  };
  Worker worker("mailbox");
  std::vector<int> next(kThreads, 0);
  int total = 0;
  bool in_order = true;
  std::promise<void> all;
  Mailbox<std::unique_ptr<Item>> mailbox(worker, [&](std::vector<std::unique_ptr<Item>>& values) {
    for (const auto& value : values) {
      in_order = in_order && value->number == next[value->thread]++;
      if (++total == kThreads * kEach) all.set_value();
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) mailbox.push(std::make_unique<Item>(Item{t, i}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  worker.stop();
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace dapr_mqtt::base
