#include "dapr_mqtt/base/worker.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "unit/base/event.h"

namespace dapr_mqtt::base {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Worker, Runs_tasks_in_the_order_they_were_posted_on_its_own_thread) {
  Worker worker("order");
  std::vector<int> seen;
  std::vector<std::thread::id> threads;
  Event done;
  for (int i = 0; i < 100; ++i) {
    worker.post([&, i] {
      seen.push_back(i);
      EXPECT_TRUE(worker.is_current());
      if (i == 99) done.set();
    });
  }
  EXPECT_FALSE(worker.is_current());
  ASSERT_TRUE(done.happens());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(Worker, Never_runs_a_task_inside_the_call_that_posts_it) {
  Worker worker("inside");
  bool inside = true;  // outlives the task, which has returned when the others run
  Event task_ran;
  Event timer_ran;
  worker.post([&] {
    worker.post([&] {
      EXPECT_FALSE(inside);
      task_ran.set();
    });
    worker.post_at(TimePoint::min(), [&] {
      EXPECT_FALSE(inside);
      timer_ran.set();
    });
    inside = false;
  });
  EXPECT_TRUE(task_ran.happens());
  EXPECT_TRUE(timer_ran.happens());
  worker.stop();
}

TEST(Worker, Names_its_thread_with_the_first_15_characters) {
  Worker worker("a-name-that-is-too-long");
  std::string name;
  Event done;
  worker.post([&] {
    std::array<char, 64> buffer{};
    pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
    name = buffer.data();
    done.set();
  });
  ASSERT_TRUE(done.happens());
  EXPECT_EQ(name, "a-name-that-is-");
}

TEST(Worker, Runs_timers_by_their_time_and_not_before) {
  Worker worker("timers");
  std::vector<int> seen;
  Event done;
  const TimePoint start = worker.now();
  const TimePoint late = start + milliseconds(20);
  worker.post_at(late, [&] {
    EXPECT_GE(worker.now(), late);
    seen.push_back(2);
    done.set();
  });
  worker.post_at(start + milliseconds(10), [&] {
    EXPECT_GE(worker.now(), start + milliseconds(10));
    seen.push_back(1);
  });
  worker.post_at(start + hours(1), [&] { seen.push_back(3); });
  ASSERT_TRUE(done.happens());
  worker.stop();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(Worker, Runs_timers_of_one_time_in_the_order_they_were_set) {
  Worker worker("same time");
  std::vector<int> seen;
  Event begin;
  Event done;
  worker.post([&] { begin.wait(); });
  const TimePoint when = worker.now();
  for (int i = 0; i < 5; ++i) {
    worker.post_at(when, [&, i] {
      seen.push_back(i);
      if (i == 4) done.set();
    });
  }
  begin.set();
  ASSERT_TRUE(done.happens());
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Worker, Wakes_for_a_timer_earlier_than_the_one_it_waits_for) {
  Worker worker("earlier");
  Event done;
  worker.post_at(worker.now() + hours(1), [] {});
  worker.post_at(worker.now() + milliseconds(1), [&] { done.set(); });
  EXPECT_TRUE(done.happens());
}

TEST(Worker, Runs_no_timer_that_was_cancelled) {
  Worker worker("cancel");
  bool ran = false;
  Event begin;
  Event done;
  worker.post([&] { begin.wait(); });  // however late this thread comes to cancel()
  const TimePoint when = worker.now();
  const auto timer = worker.post_at(when, [&] { ran = true; });
  EXPECT_NE(timer, 0U);
  worker.cancel(timer);
  worker.cancel(timer);
  worker.cancel(12345);
  worker.post_at(when, [&] { done.set(); });
  begin.set();
  ASSERT_TRUE(done.happens());
  worker.stop();
  EXPECT_FALSE(ran);
}

TEST(Worker, Runs_no_timer_that_a_task_before_it_cancelled_though_it_was_due) {
  Worker worker("cancel due");
  Event begin;
  Event done;
  bool first_ran = false;
  bool third_ran = false;
  Executor::TimerId first = 0;
  Executor::TimerId third = 0;
  worker.post([&] {
    begin.wait();
    worker.cancel(first);
  });
  const TimePoint past = worker.now();
  first = worker.post_at(past, [&] { first_ran = true; });
  worker.post_at(past, [&] { worker.cancel(third); });
  third = worker.post_at(past, [&] { third_ran = true; });
  worker.post_at(past, [&] { done.set(); });
  begin.set();
  ASSERT_TRUE(done.happens());
  worker.stop();
  EXPECT_FALSE(first_ran);
  EXPECT_FALSE(third_ran);
}

TEST(Worker, Lets_neither_tasks_nor_timers_starve_the_other) {
  Worker worker("fair");
  Event timer_ran;
  Event task_ran;
  std::atomic<bool> stop{false};
  std::function<void()> again = [&] {
    if (!stop) worker.post(again);
  };
  std::function<void()> timer_again = [&] {
    if (!stop) worker.post_at(TimePoint::min(), timer_again);
  };
  worker.post(again);
  worker.post_at(worker.now(), [&] { timer_ran.set(); });
  EXPECT_TRUE(timer_ran.happens());
  worker.post_at(worker.now(), timer_again);
  worker.post([&] { task_ran.set(); });
  EXPECT_TRUE(task_ran.happens());
  stop = true;
  worker.stop();
}

TEST(Worker, Runs_what_was_posted_before_stop_and_nothing_after) {
  Worker worker("stop");
  int ran = 0;
  Event begin;
  worker.post([&] { begin.wait(); });
  for (int i = 0; i < 10; ++i) worker.post([&] { ++ran; });
  worker.post_at(worker.now() + hours(1), [&] { ran = -1000; });
  begin.set();
  worker.stop();
  EXPECT_EQ(ran, 10);
  worker.post([&] { ran = -1000; });
  worker.post_at(worker.now(), [&] { ran = -1000; });
  worker.stop();
  EXPECT_EQ(ran, 10);
}

TEST(Worker, Lets_go_of_what_tasks_and_timers_hold_by_the_end_of_stop) {
  Worker worker("holds");
  const auto held = std::make_shared<int>(1);
  worker.post([held] {});
  worker.post_at(worker.now() + hours(1), [held] {});
  const auto cancelled = worker.post_at(worker.now() + hours(1), [held] {});
  worker.cancel(cancelled);
  worker.stop();
  EXPECT_EQ(held.use_count(), 1);
  worker.post([held] {});
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Worker, Runs_every_task_once_when_many_threads_post) {
  constexpr int kThreads = 8;
  constexpr int kEach = 2000;
  Worker worker("many");
  std::vector<int> next(kThreads, 0);
  int timers = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        worker.post([&, t, i] { in_order = in_order && next[t]++ == i; });
        if (i % 10 == 0) {
          const auto timer = worker.post_at(worker.now() + hours(1), [&] { ++timers; });
          worker.cancel(timer);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  worker.stop();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(timers, 0);
  for (const int count : next) EXPECT_EQ(count, kEach);
}

/// Keeps the work given to lend() until the test runs it.
class FakeSpareThread final : public SpareThread {
 public:
  bool lend(std::function<void()> work) override {
    if (!takes) return false;
    work_.push_back(std::move(work));
    return true;
  }
  void run() {
    for (const auto& work : std::exchange(work_, {})) work();
  }
  std::size_t lent() const { return work_.size(); }

  bool takes = true;

 private:
  std::vector<std::function<void()>> work_;
};

/// Posts tasks that count in `ran` until one is given to lend(), which shows that the worker's own
/// thread sleeps. Returns how many it posted.
int post_until_lent(Worker& worker, const FakeSpareThread& spare, std::atomic<int>& ran) {
  int posted = 0;
  while (spare.lent() == 0) {
    const int before = ran;
    worker.post([&ran] { ++ran; });
    ++posted;
    while (spare.lent() == 0 && ran == before) std::this_thread::yield();
  }
  return posted;
}

TEST(Worker, Lends_what_is_posted_while_its_own_thread_sleeps) {
  FakeSpareThread spare;
  Worker worker("lends", &spare);
  std::vector<int> seen;
  std::shared_ptr<int> held = std::make_shared<int>(1);
  std::atomic<int> own{0};
  const int posted = post_until_lent(worker, spare, own);
  const int ran_alone = own;
  worker.post([&, held] { seen.push_back(1); });
  worker.post([&] {
    EXPECT_FALSE(worker.is_current());
    seen.push_back(2);
    worker.post([&] { seen.push_back(3); });
  });
  EXPECT_EQ(spare.lent(), 1U);  // once for all of them
  EXPECT_EQ(own, ran_alone);    // no other thread runs them
  spare.run();
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(own, posted);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Worker, Runs_its_tasks_itself_where_the_spare_thread_takes_none) {
  FakeSpareThread spare;
  spare.takes = false;
  Worker worker("refused", &spare);
  for (int i = 0; i < 100; ++i) {
    Event ran;
    worker.post([&] {
      EXPECT_TRUE(worker.is_current());
      ran.set();
    });
    ASSERT_TRUE(ran.happens());
  }
}

TEST(Worker, Runs_a_timer_only_when_what_is_lent_has_run) {
  FakeSpareThread spare;
  Worker worker("timer", &spare);
  std::atomic<int> ran{0};
  const int posted = post_until_lent(worker, spare, ran);
  Event timer_ran;
  worker.post_at(worker.now(), [&] {
    EXPECT_TRUE(worker.is_current());
    EXPECT_EQ(ran, posted);
    timer_ran.set();
  });
  spare.run();
  EXPECT_TRUE(timer_ran.happens());
}

TEST(Worker, Stops_when_what_is_lent_has_run) {
  FakeSpareThread spare;
  Worker worker("stops", &spare);
  std::atomic<int> ran{0};
  const int posted = post_until_lent(worker, spare, ran);
  std::thread stopper([&] { worker.stop(); });
  spare.run();
  stopper.join();
  EXPECT_EQ(ran, posted);
}

TEST(Worker, Runs_every_task_once_and_in_order_with_the_help_of_another_thread) {
  /// Runs the work given to lend() on a thread of its own.
  class Helper final : public SpareThread {
   public:
    bool lend(std::function<void()> work) override {
      helper_.post(std::move(work));
      ++lent;
      return true;
    }
    std::atomic<int> lent{0};

   private:
    Worker helper_{"helper"};
  };
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  Helper helper;
  Worker worker("helped", &helper);
  // Until its own thread sleeps, so that the spare thread is used.
  while (helper.lent == 0) {
    Event ran;
    worker.post([&] { ran.set(); });
    ASSERT_TRUE(ran.happens());
  }
  std::vector<int> next(kThreads, 0);
  bool in_order = true;
  int timers = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        worker.post([&, t, i] { in_order = in_order && next[t]++ == i; });
        if (i % 50 == 0) worker.post_at(worker.now(), [&] { ++timers; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Event all_timers;
  const std::function<void()> look = [&] {
    if (timers == kThreads * kEach / 50) return all_timers.set();
    worker.post(look);
  };
  worker.post(look);
  EXPECT_TRUE(all_timers.happens());
  worker.stop();
  EXPECT_TRUE(in_order);
  for (const int count : next) EXPECT_EQ(count, kEach);
}

}  // namespace
}  // namespace dapr_mqtt::base
