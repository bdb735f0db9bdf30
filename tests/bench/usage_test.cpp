#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "usage.h"

namespace dapr_mqtt::bench {
namespace {

Usage with(std::map<pid_t, Switches> threads) {
  Usage usage;
  usage.threads = std::move(threads);
  return usage;
}

TEST(Usage, Switches_are_summed_over_threads_new_ones_too) {
  const Usage before = with({{1, {10, 1}}, {2, {5, 0}}});
  const Usage after = with({{1, {14, 2}}, {2, {5, 3}}, {3, {7, 1}}});
  const Switches switches = switches_between(before, after);
  EXPECT_EQ(switches.voluntary, 11);
  EXPECT_EQ(switches.involuntary, 5);
}

TEST(Usage, Thread_that_has_ended_takes_nothing_away) {
  const Switches switches =
      switches_between(with({{1, {10, 0}}, {2, {1000, 1000}}}), with({{1, {12, 0}}}));
  EXPECT_EQ(switches.voluntary, 2);
  EXPECT_EQ(switches.involuntary, 0);
}

TEST(Usage, Cost_is_for_each_message) {
  Usage before = with({{1, {0, 0}}});
  Usage after = with({{1, {30, 10}}});
  before.cpu_seconds = 1;
  after.cpu_seconds = 1.5;
  after.peak_mib = 20;
  const Measurement out = cost(before, after, 10);
  EXPECT_DOUBLE_EQ(out.at("cpu"), 50'000);  // µs
  EXPECT_DOUBLE_EQ(out.at("switches"), 4);
  EXPECT_DOUBLE_EQ(out.at("voluntary"), 3);
  EXPECT_DOUBLE_EQ(out.at("peak"), 20);
}

TEST(Usage, Cost_tells_threads_apart_by_their_names) {
  const Usage before = with({{1, {0, 0, "grpc-calls"}}, {2, {0, 0, "mqtt-receive"}}});
  const Usage after =
      with({{1, {10, 0, "grpc-calls"}}, {2, {3, 1, "mqtt-receive"}}, {3, {6, 0, "mqtt-receive"}}});
  const Measurement out = cost(before, after, 10);
  EXPECT_DOUBLE_EQ(out.at("switches of grpc-calls"), 1);
  EXPECT_DOUBLE_EQ(out.at("switches of mqtt-receive"), 1);
  EXPECT_EQ(cost(with({{1, {0, 0, "peer"}}}), with({{1, {1, 0, "peer"}}}), 1).size(), 4U);
}

TEST(Usage, Number_is_that_of_the_whole_key) {
  const std::string status = "nonvoluntary_ctxt_switches:\t3\nvoluntary_ctxt_switches:\t7\n";
  EXPECT_EQ(number_after(status, "voluntary_ctxt_switches:"), 7);
  EXPECT_EQ(number_after(status, "VmRSS:"), 0);
}

TEST(Usage, Of_this_process_has_all_its_threads_and_cpu_time) {
  const Usage before = usage_of(::getpid());
  EXPECT_GT(before.cpu_seconds, 0);
  EXPECT_GT(before.peak_mib, 0);
  std::mutex mutex;
  std::condition_variable changed;
  bool waiting = false;
  bool end = false;
  std::thread thread([&] {
    std::unique_lock lock(mutex);
    waiting = true;
    changed.notify_all();
    changed.wait(lock, [&] { return end; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting; });
  }
  const Usage during = usage_of(::getpid());
  EXPECT_EQ(during.threads.size(), before.threads.size() + 1);
  EXPECT_EQ(during.threads.at(::getpid()).thread, "bench_tests");
  {
    const std::lock_guard lock(mutex);
    end = true;
  }
  changed.notify_all();
  thread.join();
  EXPECT_GE(usage_of(::getpid()).cpu_seconds, before.cpu_seconds);
}

TEST(Usage, Of_no_process_is_zeros) {
  constexpr pid_t kAboveAll = 1 << 23;  // Linux gives none above 1 << 22
  const Usage none = usage_of(kAboveAll);
  EXPECT_EQ(none.cpu_seconds, 0);
  EXPECT_TRUE(none.threads.empty());
}

}  // namespace
}  // namespace dapr_mqtt::bench
