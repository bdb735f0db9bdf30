// How a channel ends, and the bounds of what it reads.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "mqtt/channel.h"
#include "unit/mqtt/channel_fixture.h"

namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;
using bytes::puback;

class ChannelEnds : public ChannelTest {};

const std::string kDisconnectPacket("\xe0\0", 2);

// ---- Ends ----

TEST_F(ChannelEnds, Broker_that_hangs_up_ends_it_behind_what_it_has_sent) {
  make_connected();
  script_->comes(message("a", 1, 7));
  script_->ends(Outcome::kClosed);
  receive();
  receive();
  EXPECT_EQ(script_->take_output(), puback(7));
  const End over = end();
  EXPECT_EQ(over.ending, Channel::Ending::kStreamClosed);
  EXPECT_EQ(over.cause.kind(), ErrorKind::kUnavailable);
}

// Otherwise Paho would fail its open requests before they were counted.
TEST_F(ChannelEnds, Client_learns_of_the_end_behind_all_others) {
  make_connected();
  script_->ends(Outcome::kClosed);
  receive();
  EXPECT_EQ(client_knew_, std::optional(false));
  EXPECT_TRUE(channel_->has_for_client());
}

TEST_F(ChannelEnds, Broken_stream_ends_it_with_its_cause) {
  make_connected();
  script_->ends(Outcome::kFailed, "reset by a cat");
  receive();
  const End over = end();
  EXPECT_EQ(over.ending, Channel::Ending::kOther);
  EXPECT_EQ(over.cause.message(), "reset by a cat");
}

TEST_F(ChannelEnds, Stream_that_the_broker_resets_says_so) {
  make_connected();
  script_->resets("reset by a cat");
  receive();
  EXPECT_EQ(end().ending, Channel::Ending::kByPeer);
}

TEST_F(ChannelEnds, DISCONNECT_of_MQTT_5_may_be_about_a_request_or_not) {
  for (const auto& [code, ending] :
       {std::pair(0x95U, Channel::Ending::kByPeer), std::pair(0x9BU, Channel::Ending::kByPeer),
        std::pair(0x8EU, Channel::Ending::kOther), std::pair(0x8BU, Channel::Ending::kOther)}) {
    make_connected(k5);
    receive(bytes::disconnect(code));
    EXPECT_EQ(end().ending, ending) << code;
  }
}

TEST_F(ChannelEnds, DISCONNECT_of_MQTT_5_ends_it_with_its_reason) {
  make_connected(k5);
  receive(message("a", 1, 7) + bytes::disconnect(0x8E) + message("late", 1, 8));
  EXPECT_EQ(script_->take_output(), puback(7));
  EXPECT_EQ(calls_.take(), (Lines{"message a", "commit", "write"}));
  const std::string text = end().cause.message();
  EXPECT_NE(text.find("client ID"), std::string::npos) << text;
}

TEST_F(ChannelEnds, End_while_a_commit_is_under_way_lets_no_acknowledgement_out) {
  make_connected();
  sink_.during_commit = [&] {
    std::thread([&] { channel_->end(base::unavailable("enough")); }).join();
  };
  receive(message("a", 1, 7));
  channel_->flush();
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_EQ(end().cause.message(), "enough");
}

TEST_F(ChannelEnds, Only_the_first_end_is_told) {
  make_connected();
  channel_->end(base::unavailable("first"));
  channel_->end(base::unavailable("second"));
  script_->ends(Outcome::kClosed);
  receive();
  EXPECT_EQ(end().cause.message(), "first");
  EXPECT_EQ(ends_.size(), 0U);
}

TEST_F(ChannelEnds, Nothing_is_read_after_the_end) {
  make_connected();
  channel_->end(base::unavailable("enough"));
  EXPECT_TRUE(woken(*receiver_));
  EXPECT_TRUE(woken(*client_));
  const std::size_t reads = script_->reads();
  receive(message("a", 1, 7));
  EXPECT_EQ(script_->reads(), reads);
  EXPECT_FALSE(channel_->wants_read());
  EXPECT_FALSE(channel_->wants_write());
  EXPECT_FALSE(channel_->wants_receive());
}

TEST_F(ChannelEnds, Shutting_down_waits_for_what_is_being_received) {
  make_connected();
  std::atomic<bool> in_commit{false};
  std::atomic<bool> go_on{false};
  std::atomic<bool> committed{false};
  sink_.during_commit = [&] {
    in_commit = true;
    while (!go_on) std::this_thread::yield();
    committed = true;
  };
  std::thread receiver([&] { receive(message("a", 1, 7)); });
  while (!in_commit) std::this_thread::yield();
  std::thread closer([&] {
    channel_->end(base::cancelled("enough"));
    go_on = true;
    channel_->wait_for_receive();
    EXPECT_TRUE(committed);
  });
  receiver.join();
  closer.join();
}

// ---- The time of the last input ----

TEST_F(ChannelEnds, Broker_is_not_silent_while_what_it_sent_is_being_committed) {
  make_connected();
  const auto start = std::chrono::steady_clock::now();
  sink_.during_commit = [&] {
    const auto first = channel_->last_received();
    while (std::chrono::steady_clock::now() == first) {
    }
    EXPECT_GT(channel_->last_received(), first) << "the current time at each call";
  };
  receive(message("a", 1, 7));
  const auto last = channel_->last_received();
  EXPECT_GE(last, start);
  EXPECT_EQ(channel_->last_received(), last);
}

// ---- Bounds ----

TEST_F(ChannelEnds, Broker_that_floods_and_does_not_read_is_not_read_from) {
  make_connected();
  script_->takes(0);
  std::string flood;
  for (std::uint16_t id = 1; id <= 8000; ++id) flood += message("", 1, id);  // 56 KiB
  int pieces = 0;
  while (channel_->wants_read()) {
    receive(flood);
    ASSERT_LT(++pieces, 100) << "32 KiB of acknowledgements each";
  }
  EXPECT_GT(pieces, 20);
  EXPECT_TRUE(channel_->wants_write());
  // Even if receive() is called for another reason:
  const std::size_t reads = script_->reads();
  script_->has_buffered_input(true);
  EXPECT_FALSE(channel_->wants_receive());
  receive(flood);
  EXPECT_EQ(script_->reads(), reads);

  script_->has_buffered_input(false);
  script_->takes(Script::kAll);
  receive();  // poll() reported that more can be written
  EXPECT_TRUE(channel_->wants_read());
  EXPECT_EQ(script_->take_output().size(), static_cast<std::size_t>(pieces) * 8000 * 4);
}

TEST_F(ChannelEnds, Broker_is_not_read_from_while_Paho_does_not_read) {
  make_connected();
  std::string flood;
  for (int i = 0; i < 16'000; ++i) flood += bytes::pingresp();
  int pieces = 0;
  while (channel_->wants_read()) {
    receive(flood);
    ASSERT_LT(++pieces, 100);
  }
  woken(*receiver_);
  char buffer[4096];
  while (!channel_->wants_read()) {
    EXPECT_FALSE(woken(*receiver_));
    ASSERT_GT(channel_->read_for_client(buffer, sizeof buffer), 0);
  }
  EXPECT_TRUE(woken(*receiver_)) << "it continues to read";
}

TEST_F(ChannelEnds, Input_inside_the_stream_is_asked_for_although_poll_says_nothing) {
  make_connected();
  EXPECT_FALSE(channel_->wants_receive());
  script_->has_buffered_input(true);
  EXPECT_TRUE(channel_->wants_receive());
}

TEST_F(ChannelEnds, TCP_acknowledges_before_a_long_wait_what_was_read_and_not_answered) {
  make_connected();
  receive(message("a", 0));
  EXPECT_TRUE(channel_->tcp_ack_pending());
  channel_->before_long_wait();
  EXPECT_FALSE(channel_->tcp_ack_pending());
  receive(message("a", 1, 7));
  EXPECT_FALSE(channel_->tcp_ack_pending()) << "the packet with PUBACK carries the TCP ACK";
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
