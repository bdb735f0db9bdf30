// Paho's poll() and the waits of its threads, on sockets with a channel.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "mqtt/stand_ins.h"
#include "unit/mqtt/condition.h"
#include "unit/mqtt/descriptors_fixture.h"

namespace dapr_mqtt::mqtt {
namespace {

using testing::as;
using testing::Condition;
using testing::kReceive;
using testing::kSend;

// ---- poll() of the receive thread ----

TEST_F(DescriptorsTest, Poll_says_at_once_that_a_write_is_welcome_and_reads_only_what_is_there) {
  as(kReceive, [&] {
    const auto socket = connected();
    EXPECT_EQ(poll_of(socket.get(), POLLOUT, kForEver), POLLOUT);
    EXPECT_EQ(poll_of(socket.get(), POLLIN | POLLOUT, kForEver), POLLOUT);
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 0), 0);
  });
}

TEST_F(DescriptorsTest, Poll_says_nothing_while_a_write_is_not_complete) {
  as(kReceive, [&] {
    const auto socket = connected(false);
    script_->takes(10);
    EXPECT_EQ(writev_of(socket.get(), message(std::string(kLarge, 'x'), 0)), 10);
    receive(bytes::pingresp());
    EXPECT_EQ(poll_of(socket.get(), POLLIN | POLLOUT, 0), 0);
    channel_->writable();
    receive();
    EXPECT_EQ(poll_of(socket.get(), POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
  });
}

TEST_F(DescriptorsTest, Poll_ends_by_its_time) {
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 20), 0);
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(19));
  });
}

TEST_F(DescriptorsTest, New_connection_ends_a_running_poll) {
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    base::UniqueFd second;
    std::thread other([&] {
      make();
      second = attached();
    });
    EXPECT_EQ(poll_of(socket.get(), POLLIN, kForEver), 0);
    other.join();
  });
}

TEST_F(DescriptorsTest, Write_that_can_go_on_ends_the_poll_and_the_next_one_wakes_the_send_thread) {
  static Condition paho;  // its address stays known
  std::atomic<bool> known{false};
  std::atomic<bool> woken_up{false};
  std::thread send([&] {
    pthread_setname_np(pthread_self(), kSend);
    EXPECT_EQ(paho.wait(std::chrono::milliseconds(0)), ETIMEDOUT);
    known = true;
    EXPECT_EQ(paho.wait(std::chrono::hours(1)), 0);
    woken_up = true;
  });
  while (!known) std::this_thread::yield();
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    script_->takes(10);
    const std::string packet = message(std::string(kLarge, 'x'), 0);
    EXPECT_EQ(writev_of(socket.get(), packet), 10);
    script_->takes(Script::kAll);  // and poll() finds that it can be written to
    EXPECT_EQ(poll_of(socket.get(), POLLIN, kForEver), 0);
    EXPECT_FALSE(woken_up) << "Paho can do nothing more before the write is complete";
    EXPECT_EQ(poll_of(socket.get(), POLLOUT, 0), POLLOUT);
    EXPECT_EQ(writev_of(socket.get(), packet.substr(10)), static_cast<ssize_t>(packet.size() - 10));
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 1), 0);
    send.join();
    EXPECT_EQ(script_->take_output(), packet);
  });
}

TEST_F(DescriptorsTest, Channel_with_a_receiving_thread_of_its_own_is_not_read_by_poll) {
  as(kReceive, [&] {
    const auto socket = connected(false);
    look_at(socket.get());
    const std::size_t reads = script_->reads();
    script_->comes(bytes::pingresp());
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 1), 0);
    EXPECT_EQ(script_->reads(), reads);
    std::thread own([&] { receive(); });
    EXPECT_EQ(poll_of(socket.get(), POLLIN, kForEver), POLLIN) << "it says when Paho has something";
    own.join();
  });
}

TEST_F(DescriptorsTest, Poll_receives_for_sockets_that_it_is_not_asked_about) {
  as(kReceive, [&] {
    const auto first = connected();
    const auto channel = channel_;
    const auto script = script_;
    const auto second = connected();
    look_at(first.get());
    script->comes(message("a", 1, 7));
    script_->comes(bytes::pingresp());
    EXPECT_EQ(poll_of(second.get(), POLLIN, kForEver), POLLIN);
    EXPECT_EQ(script->take_output(), bytes::puback(7));
  });
}

TEST_F(DescriptorsTest, Sockets_that_Paho_has_not_connected_yet_say_nothing) {
  as(kReceive, [&] {
    const auto socket = new_socket();
    EXPECT_EQ(poll_of(socket.get(), POLLIN | POLLOUT, 0), 0) << "the kernel would say POLLHUP";
  });
}

// ---- What is written is kept until the thread waits ----

TEST_F(DescriptorsTest, Other_threads_writes_are_sent_at_once) {
  as("somebody", [&] {
    const auto socket = connected();
    EXPECT_EQ(writev_of(socket.get(), bytes::packet(0xC0, "")), 2);
    EXPECT_EQ(script_->take_output(), bytes::packet(0xC0, ""));
  });
}

TEST_F(DescriptorsTest, Send_threads_writes_are_sent_when_it_waits) {
  static Condition paho;
  as(kSend, [&] {
    const auto socket = connected();
    EXPECT_EQ(paho.wait(std::chrono::milliseconds(0)), ETIMEDOUT);
    EXPECT_EQ(writev_of(socket.get(), message("a", 0)),
              static_cast<ssize_t>(message("a", 0).size()));
    EXPECT_EQ(writev_of(socket.get(), message("b", 0)),
              static_cast<ssize_t>(message("b", 0).size()));
    EXPECT_EQ(script_->take_output(), "");
    EXPECT_EQ(paho.wait(std::chrono::milliseconds(0)), ETIMEDOUT);
    EXPECT_EQ(script_->take_output(), message("a", 0) + message("b", 0));
    EXPECT_EQ(calls_.take(), Lines{"write"});
  });
}

TEST_F(DescriptorsTest, Receive_threads_writes_are_sent_when_it_waits) {
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 1), 0);
    EXPECT_EQ(writev_of(socket.get(), message("a", 0)),
              static_cast<ssize_t>(message("a", 0).size()));
    EXPECT_EQ(script_->take_output(), "");
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 1), 0);
    EXPECT_EQ(script_->take_output(), message("a", 0));
  });
}

// ---- usleep() of the receive thread ----

constexpr useconds_t kLongerThanATestMayTake = 600'000'000;

TEST_F(DescriptorsTest, Receive_threads_sleep_is_left_out_after_it_has_waited) {
  as(kReceive, [&] {
    const auto socket = connected();
    look_at(socket.get());
    EXPECT_EQ(poll_of(socket.get(), POLLIN, 1), 0);
    const auto before = sleeps_skipped();
    ::usleep(kLongerThanATestMayTake);
    EXPECT_EQ(poll_of(socket.get(), POLLOUT, kForEver), POLLOUT);
    ::usleep(kLongerThanATestMayTake);
    EXPECT_EQ(sleeps_skipped(), before + 2);
  });
}

TEST_F(DescriptorsTest, Receive_thread_does_not_spin_when_it_has_no_socket) {
  as(kReceive, [] {
    ::usleep(1000);  // consumes earlier wake-ups
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 2; ++i) ::usleep(20'000);
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(38));
  });
}

TEST_F(DescriptorsTest, New_connection_ends_the_receive_threads_sleep) {
  std::thread other;
  as(kReceive, [&] {
    ::usleep(1000);
    other = std::thread([&] { descriptors_.look_again(); });
    ::usleep(kLongerThanATestMayTake);
  });
  other.join();
}

TEST_F(DescriptorsTest, Other_threads_sleep_as_they_wish) {
  const auto before = std::chrono::steady_clock::now();
  ::usleep(20'000);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(19));
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
