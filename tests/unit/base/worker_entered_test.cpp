// A Worker whose quick tasks run on threads that call enter().
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/batch.h"
#include "dapr_mqtt/base/worker.h"
#include "unit/base/event.h"

namespace dapr_mqtt::base {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class WorkerEntered : public ::testing::Test {
 protected:
  /// Calls enter() until a task runs on this thread: then the worker's own thread sleeps.
  void until_own_thread_sleeps() {
    for (bool here = false; !here;) {
      const auto ran = std::make_shared<std::promise<bool>>();
      auto runs = ran->get_future();
      worker_.enter([this, ran] { ran->set_value(!worker_.is_current()); });
      ASSERT_EQ(runs.wait_for(seconds(30)), std::future_status::ready);
      here = runs.get();
    }
  }

  Worker worker_{"entered"};
};

TEST_F(WorkerEntered, Runs_the_task_inside_the_call_while_nobody_is_inside) {
  until_own_thread_sleeps();
  std::thread::id ran_on;
  worker_.enter([&] {
    EXPECT_FALSE(worker_.may_block());
    ran_on = std::this_thread::get_id();
  });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(WorkerEntered, Runs_what_its_tasks_post_quickly_behind_them_on_the_same_thread) {
  until_own_thread_sleeps();
  std::vector<int> seen;
  bool inside = false;
  const auto task = [&](int number) {
    return [&, number] {
      EXPECT_FALSE(inside);
      EXPECT_FALSE(worker_.is_current());
      seen.push_back(number);
    };
  };
  worker_.enter([&] {
    inside = true;
    worker_.post_quick(task(2));
    worker_.enter(task(3));
    seen.push_back(1);
    inside = false;
  });
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_F(WorkerEntered, Leaves_what_may_block_to_its_own_thread_and_all_behind_it) {
  until_own_thread_sleeps();
  std::vector<int> seen;
  Event done;
  worker_.enter([&] {
    worker_.post([&] {
      EXPECT_TRUE(worker_.may_block());
      seen.push_back(2);
    });
    worker_.post_quick([&] {
      EXPECT_TRUE(worker_.is_current());
      seen.push_back(3);
      done.set();
    });
    seen.push_back(1);
  });
  ASSERT_TRUE(done.happens());
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_F(WorkerEntered, Never_waits_for_a_task_that_runs_and_leaves_its_own_to_that_thread) {
  Event runs;
  std::promise<void> go_on;
  Event done;
  std::thread::id ran_on;
  worker_.post([&] {  // a slow disk
    runs.set();
    go_on.get_future().wait();
  });
  ASSERT_TRUE(runs.happens());
  worker_.enter([&] {
    ran_on = std::this_thread::get_id();
    done.set();
  });
  go_on.set_value();  // not reached if enter() waited
  ASSERT_TRUE(done.happens());
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST_F(WorkerEntered, Waits_for_the_end_of_a_batch_and_runs_all_that_came_by_then) {
  until_own_thread_sleeps();
  std::vector<int> seen;
  {
    const Batch batch;
    for (int i = 1; i <= 3; ++i) worker_.enter([&, i] { seen.push_back(i); });
    EXPECT_TRUE(seen.empty());
  }
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_F(WorkerEntered, Task_of_a_batch_is_taken_by_whoever_comes_first) {
  until_own_thread_sleeps();
  Event done;
  std::atomic<int> ran{0};
  const Batch batch;
  worker_.enter([&] { ++ran; });
  worker_.post([&] { done.set(); });
  ASSERT_TRUE(done.happens());
  EXPECT_EQ(ran, 1);
}

TEST_F(WorkerEntered, Batch_that_ends_after_the_worker_does_no_harm) {
  int ran = 0;
  std::optional<Worker> worker("gone");
  {
    const Batch batch;
    worker->enter([&] { ++ran; });
    worker.reset();  // runs what was posted before
    EXPECT_EQ(ran, 1);
  }
  EXPECT_EQ(ran, 1);
}

TEST_F(WorkerEntered, Thread_that_enters_is_let_go_although_there_is_always_more) {
  until_own_thread_sleeps();
  Event on_own_thread;
  std::atomic<bool> told{false};
  std::function<void()> again = [&] {
    if (!worker_.is_current()) return worker_.post_quick(again);
    if (!told.exchange(true)) on_own_thread.set();
  };
  worker_.enter(again);  // returns
  EXPECT_TRUE(on_own_thread.happens());
  worker_.stop();
}

TEST_F(WorkerEntered, Timer_that_is_due_meanwhile_runs_on_the_own_thread_afterwards) {
  until_own_thread_sleeps();
  Event ran;
  bool inside = false;
  worker_.enter([&] {
    inside = true;
    worker_.post_at(worker_.now(), [&] {
      EXPECT_TRUE(worker_.is_current());
      EXPECT_FALSE(inside);
      ran.set();
    });
    inside = false;
  });
  EXPECT_TRUE(ran.happens());
  worker_.stop();
}

TEST_F(WorkerEntered, Stop_waits_for_who_is_inside_and_drops_what_comes_later) {
  until_own_thread_sleeps();
  Event inside;
  std::promise<void> go_on;
  std::atomic<bool> left{false};
  std::thread other([&] {
    worker_.enter([&] {
      inside.set();
      go_on.get_future().wait();
      worker_.post_quick([&] { ADD_FAILURE() << "posted after stop()"; });
      left = true;
    });
  });
  ASSERT_TRUE(inside.happens());
  std::thread stopper([&] {
    worker_.stop();
    EXPECT_TRUE(left);
  });
  // Until stop() has begun: from then on posts are dropped.
  const auto held = std::make_shared<int>(1);
  for (long before = held.use_count();; before = held.use_count()) {
    worker_.post([held] {});
    if (held.use_count() == before) break;
  }
  go_on.set_value();
  stopper.join();
  other.join();
  EXPECT_EQ(held.use_count(), 1);
}

/// With a seed: threads call enter(), in batches or not, post, set timers and cancel them; tasks
/// call enter() again; stop() comes in the middle. Each thread's tasks run once, in order, one at a
/// time.
TEST(WorkerStress, Loses_and_doubles_nothing_and_keeps_each_threads_order) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kThreads = 5;
  constexpr int kEach = 4000;
  Worker worker("stress");
  std::vector<int> next(kThreads, 0);  // no lock: one task at a time
  int inside = 0;
  bool alone = true;
  bool in_order = true;
  int from_tasks = 0;
  int timers = 0;
  std::atomic<int> asked_from_tasks{0};
  std::atomic<int> asked_timers{0};
  const auto task = [&](std::size_t thread, int number, bool again) {
    return [&, thread, number, again] {
      alone = alone && ++inside == 1;
      in_order = in_order && next[thread]++ == number;
      if (again) {
        ++asked_from_tasks;
        const auto more = [&] { ++from_tasks; };
        number % 2 == 0 ? worker.enter(more) : worker.post_quick(more);
      }
      --inside;
    };
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(seed + static_cast<unsigned>(t));
      for (int i = 0; i < kEach;) {
        std::optional<Batch> batch;
        if (random() % 2 == 0) batch.emplace();
        for (unsigned n = random() % 8; n > 0 && i < kEach; --n, ++i) {
          auto one = task(t, i, random() % 4 == 0);
          switch (random() % 8) {
            case 0: worker.post(std::move(one)); break;
            case 1: worker.post_quick(std::move(one)); break;
            default: worker.enter(std::move(one));
          }
          if (random() % 64 == 0) {
            ++asked_timers;
            worker.post_at(worker.now(), [&] { ++timers; });
            worker.cancel(worker.post_at(worker.now() + hours(1), [&] { alone = false; }));
          }
        }
        if (random() % 32 == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Event all;
  const std::function<void()> look = [&] {
    if (timers == asked_timers && from_tasks == asked_from_tasks) return all.set();
    worker.post(look);
  };
  worker.post(look);
  EXPECT_TRUE(all.happens());
  worker.stop();
  EXPECT_TRUE(alone);
  EXPECT_TRUE(in_order);
  for (const int count : next) EXPECT_EQ(count, kEach);
}

TEST_F(WorkerEntered, Timer_that_is_due_and_cancelled_by_an_entered_task_does_not_stop_later_ones) {
  Event second;
  for (bool waited = false; !waited;) {  // until the first timer was due while the task ran
    until_own_thread_sleeps();
    const TimePoint due = worker_.now() + std::chrono::milliseconds(20);
    const auto first = worker_.post_at(due, [] {});
    const auto later =
        worker_.post_at(due + std::chrono::milliseconds(500), [second]() mutable { second.set(); });
    until_own_thread_sleeps();
    worker_.enter([&] {
      if (worker_.is_current() || worker_.now() >= due) return worker_.cancel(later);
      std::promise<void> never;  // the task lasts until the own thread has seen that it is due
      never.get_future().wait_until(due + std::chrono::milliseconds(100));
      worker_.cancel(first);
      waited = true;
    });
    if (!waited) until_own_thread_sleeps();  // then the task has run
  }
  EXPECT_TRUE(second.happens());
}

}  // namespace
}  // namespace dapr_mqtt::base
