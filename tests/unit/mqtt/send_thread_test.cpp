#include "mqtt/send_thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "mqtt/stand_ins.h"
#include "unit/mqtt/as_paho.h"
#include "unit/mqtt/condition.h"

/// The name in Paho 1.3.12 (1.3.13 and later have the other one), replaced by our function.
extern "C" pthread_t Thread_getid();
extern "C" pthread_t Paho_thread_getid();

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::as;
using testing::Condition;
using testing::kSend;

TEST(SendThread, Signal_given_while_it_works_is_remembered) {
  static Condition paho;  // its address stays known
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);  // learned
    const auto before = send_thread().counters().signals_remembered;
    paho.signal();
    EXPECT_EQ(paho.wait(hours(1)), 0);
    EXPECT_EQ(send_thread().counters().signals_remembered, before + 1);
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT) << "one signal, one wake-up";
  });
}

TEST(SendThread, Signal_that_ends_a_wait_is_not_counted_twice) {
  static Condition paho;
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
    std::thread other([] { paho.signal(); });
    EXPECT_EQ(paho.wait(hours(1)), 0);
    other.join();
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
  });
}

TEST(SendThread, Is_woken_while_it_waits_or_at_its_next_wait) {
  static Condition paho;
  as(kSend, [] {
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
    std::thread other([] { send_thread().wake(); });
    EXPECT_EQ(paho.wait(hours(1)), 0);
    other.join();
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);
    send_thread().wake();
    EXPECT_EQ(paho.wait(hours(1)), 0);
  });
}

TEST(SendThread, Does_what_it_is_lent_while_it_waits_and_when_it_comes_to_wait) {
  static Condition paho;
  std::atomic<bool> waits{false};
  std::atomic<int> done{0};
  pthread_t number_in_work{};
  pthread_t other_number_in_work{};
  pthread_t own{};
  std::thread send([&] {
    pthread_setname_np(pthread_self(), kSend);
    own = Thread_getid();                              // as Paho's thread does when it starts
    EXPECT_EQ(paho.wait(milliseconds(0)), ETIMEDOUT);  // learned
    waits = true;
    while (done == 0) {
      EXPECT_EQ(paho.wait(hours(1)), 0);
    }
    // Work that was lent while the thread was busy: it does not wait.
    EXPECT_TRUE(send_thread().lend([&] { ++done; }));
    EXPECT_EQ(paho.wait(hours(1)), 0);
  });
  while (!waits) std::this_thread::yield();
  const auto before = send_thread().counters().works_lent;
  EXPECT_TRUE(send_thread().lend([&] {
    EXPECT_TRUE(pthread_equal(pthread_self(), send.native_handle()));
    number_in_work = Thread_getid();
    other_number_in_work = Paho_thread_getid();
    paho.signal();  // as Paho's functions do: the mutex is free
    ++done;
  }));
  send.join();
  EXPECT_EQ(done, 2);
  EXPECT_EQ(send_thread().counters().works_lent, before + 2);
  EXPECT_FALSE(pthread_equal(number_in_work, own)) << "Paho would take no lock";
  EXPECT_FALSE(pthread_equal(other_number_in_work, own));
}

TEST(SendThread, Conditions_of_other_threads_forget_as_ever) {
  Condition own;
  own.signal();
  EXPECT_EQ(own.wait(milliseconds(0)), ETIMEDOUT);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
