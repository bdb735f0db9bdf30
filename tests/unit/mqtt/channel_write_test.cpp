#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "mqtt/channel.h"
#include "mqtt/receive_thread.h"
#include "unit/mqtt/channel_fixture.h"

// Paho's writes and reads, pings, and the close of Paho's socket.
namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;

constexpr std::size_t kLarge = 6000;  // more than is kept

class ChannelSends : public ChannelTest {
 protected:
  std::string outgoing(std::string payload, std::uint16_t id = 1) const {
    return message(std::move(payload), 1, id);
  }
};

TEST_F(ChannelSends, Small_writes_are_kept_until_the_flush_and_go_out_together) {
  make_connected();
  const std::string a = outgoing("a", 1);
  const std::string b = outgoing("b", 2);
  EXPECT_EQ(write(*channel_, a), static_cast<ssize_t>(a.size()));
  EXPECT_EQ(write(*channel_, b), static_cast<ssize_t>(b.size()));
  EXPECT_EQ(calls_.take(), Lines{});
  channel_->flush();
  EXPECT_EQ(calls_.take(), Lines{"write"});
  EXPECT_EQ(script_->take_output(), a + b);
}

TEST_F(ChannelSends, Parts_of_a_write_are_one) {
  make_connected();
  std::string packet = outgoing("abcdef");
  iovec parts[] = {{packet.data(), 3}, {packet.data() + 3, packet.size() - 3}};
  EXPECT_EQ(channel_->write(parts, 2), static_cast<ssize_t>(packet.size()));
  channel_->flush();
  EXPECT_EQ(script_->take_output(), packet);
}

TEST_F(ChannelSends, Some_KiB_go_out_without_a_flush) {
  make_connected();
  std::string all;
  while (script_->take_output().empty()) {
    ASSERT_LT(all.size(), 20'000U);
    const std::string packet = outgoing(std::string(1000, 'x'));
    all += packet;
    ASSERT_GT(write(*channel_, packet), 0);
  }
  EXPECT_GT(all.size(), 4000U);
}

TEST_F(ChannelSends, Large_write_goes_out_at_once_and_behind_what_is_kept) {
  make_connected();
  const std::string small = outgoing("a", 1);
  const std::string large = outgoing(std::string(kLarge, 'x'), 2);
  write(*channel_, small);
  EXPECT_EQ(write(*channel_, large), static_cast<ssize_t>(large.size()));
  EXPECT_EQ(script_->take_output(), small + large);
}

TEST_F(ChannelSends, Part_of_a_large_write_is_taken_and_the_rest_waits_for_the_broker) {
  make_connected();
  const std::string packet = outgoing(std::string(kLarge, 'x'));
  script_->takes(2000);
  EXPECT_EQ(write(*channel_, packet), 2000);
  EXPECT_TRUE(channel_->blocked());
  EXPECT_TRUE(channel_->wants_write());
  EXPECT_TRUE(woken(*receiver_)) << "it waits for POLLOUT";
  EXPECT_FALSE(channel_->take_unblocked());
  EXPECT_EQ(write(*channel_, packet.substr(2000)), -EAGAIN);
  channel_->flush();
  receive();
  EXPECT_TRUE(channel_->blocked()) << "until poll() says otherwise";

  script_->takes(Script::kAll);
  channel_->writable();
  receive();
  EXPECT_FALSE(channel_->blocked());
  EXPECT_TRUE(woken(*client_));
  EXPECT_TRUE(channel_->take_unblocked());
  EXPECT_FALSE(channel_->take_unblocked()) << "once";
  EXPECT_EQ(write(*channel_, packet.substr(2000)), static_cast<ssize_t>(packet.size() - 2000));
  channel_->flush();
  EXPECT_EQ(script_->take_output(), packet);
  EXPECT_FALSE(channel_->wants_write());
}

TEST_F(ChannelSends, Nothing_of_ours_is_sent_inside_a_packet_that_is_written_in_part) {
  make_connected();
  const std::string packet = outgoing(std::string(kLarge, 'x'));
  // Small enough to be kept, and not.
  for (const std::size_t last : {std::size_t{5}, std::size_t{5000}}) {
    script_->takes(packet.size() - last);
    ASSERT_EQ(write(*channel_, packet), static_cast<ssize_t>(packet.size() - last));
    script_->takes(Script::kAll);
    channel_->writable();
    channel_->ping();
    receive(message("a", 1, 7));
    EXPECT_EQ(write(*channel_, packet.substr(packet.size() - last)), static_cast<ssize_t>(last));
    channel_->flush();
    std::string ping;
    packets::append_pingreq(ping);
    EXPECT_EQ(script_->take_output(), packet + ping + bytes::puback(7));
  }
}

TEST_F(ChannelSends, Small_write_is_not_taken_while_the_stream_is_full) {
  make_connected();
  script_->takes(3);
  const std::string a = outgoing("a", 1);
  write(*channel_, a);
  channel_->flush();
  EXPECT_TRUE(channel_->wants_write());
  EXPECT_FALSE(channel_->blocked()) << "all of it was accepted";
  EXPECT_EQ(write(*channel_, outgoing("b", 2)), -EAGAIN);
  EXPECT_TRUE(channel_->blocked());
  script_->takes(Script::kAll);
  channel_->flush();
  EXPECT_TRUE(channel_->take_unblocked());
  EXPECT_EQ(script_->take_output(), a);
}

TEST_F(ChannelSends, What_the_stream_keeps_inside_is_waited_for) {
  make_connected();
  script_->keeps_next_write_inside();
  const std::string packet = outgoing(std::string(kLarge, 'x'));
  EXPECT_EQ(write(*channel_, packet), static_cast<ssize_t>(packet.size()));
  EXPECT_FALSE(channel_->blocked());
  EXPECT_TRUE(channel_->wants_write());
  EXPECT_TRUE(woken(*receiver_));
  EXPECT_EQ(write(*channel_, packet), -EAGAIN);
  script_->has_output_inside(false);
  channel_->writable();
  receive();
  EXPECT_FALSE(channel_->wants_write());
}

TEST_F(ChannelSends, What_reading_has_put_into_the_stream_is_sent) {
  make_connected();
  const std::size_t flushes = script_->flushes();
  script_->has_output_inside(true);  // a WebSocket pong
  receive();
  EXPECT_GT(script_->flushes(), flushes);
  EXPECT_TRUE(channel_->wants_write());
}

TEST_F(ChannelSends, Write_that_fails_ends_it_on_the_receiving_thread) {
  make_connected();
  script_->write_fails("broken pipe");
  const std::string packet = outgoing(std::string(kLarge, 'x'));
  EXPECT_EQ(write(*channel_, packet), static_cast<ssize_t>(packet.size()));
  EXPECT_FALSE(channel_->ended());
  EXPECT_TRUE(woken(*receiver_));
  EXPECT_TRUE(channel_->wants_receive());
  EXPECT_EQ(write(*channel_, outgoing("a")), static_cast<ssize_t>(outgoing("a").size()));
  receive();
  EXPECT_EQ(end().cause.message(), "broken pipe");
}

TEST_F(ChannelSends, Flush_that_fails_ends_it_on_the_receiving_thread) {
  make_connected();
  script_->write_fails("broken pipe");
  write(*channel_, outgoing("a"));
  channel_->flush();
  EXPECT_TRUE(woken(*receiver_));
  receive();
  EXPECT_EQ(end().cause.message(), "broken pipe");
}

TEST_F(ChannelSends, Acknowledgement_of_Pahos_own_is_not_sent_and_ends_it) {
  make_connected();
  write(*channel_, bytes::puback(1));
  channel_->flush();
  write(*channel_, outgoing("a"));
  channel_->flush();
  EXPECT_EQ(script_->take_output(), "");
  receive();
  const base::Status cause = end().cause;
  EXPECT_EQ(cause.kind(), ErrorKind::kInternal);
  EXPECT_NE(cause.message().find("PUBACK"), std::string::npos) << cause.message();
}

TEST_F(ChannelSends, Writes_after_the_end_are_swallowed) {
  make_connected();
  channel_->end(base::unavailable("enough"));
  const std::string packet = outgoing(std::string(kLarge, 'x'));
  EXPECT_EQ(write(*channel_, packet), static_cast<ssize_t>(packet.size()));
  EXPECT_EQ(write(*channel_, outgoing("a")), static_cast<ssize_t>(outgoing("a").size()));
  channel_->flush();
  EXPECT_EQ(script_->take_output(), "");
}

TEST_F(ChannelSends, End_unblocks) {
  make_connected();
  script_->takes(10);
  write(*channel_, outgoing(std::string(kLarge, 'x')));
  ASSERT_TRUE(channel_->blocked());
  channel_->end(base::unavailable("enough"));
  EXPECT_FALSE(channel_->blocked());
  EXPECT_TRUE(channel_->take_unblocked());
}

// ---- What Paho reads ----

TEST_F(ChannelSends, Paho_reads_packets_for_it_in_pieces_then_the_end) {
  make_connected();
  EXPECT_FALSE(channel_->has_for_client());
  EXPECT_EQ(read_all(*channel_), "");
  write(*channel_, outgoing("a", 1) + outgoing("b", 2));
  receive(bytes::puback(2) + message("not for it", 1, 1) + bytes::puback(1) + bytes::pingresp());
  EXPECT_TRUE(woken(*client_));
  EXPECT_TRUE(channel_->has_for_client());
  char byte = 0;
  EXPECT_EQ(channel_->read_for_client(&byte, 1), 1);
  EXPECT_EQ(byte, '\x40');
  EXPECT_EQ(byte + read_all(*channel_), bytes::puback(2) + bytes::puback(1) + bytes::pingresp());
  EXPECT_FALSE(channel_->has_for_client());

  receive(bytes::pingresp());
  channel_->end(base::unavailable("enough"));
  EXPECT_EQ(read_all(*channel_), bytes::pingresp() + "end") << "what came before it first";
  EXPECT_TRUE(channel_->has_for_client());
}

// ---- Pings, and Paho's close ----

TEST_F(ChannelSends, Ping_is_sent_at_once_and_counts_as_sent) {
  make_connected();
  const auto before = std::chrono::steady_clock::now();
  channel_->ping();
  EXPECT_EQ(script_->take_output(), std::string("\xC0\0", 2));
  EXPECT_GE(channel_->last_sent(), before);
}

TEST_F(ChannelSends, Ping_is_unanswered_until_anything_comes) {
  make_connected();
  write(*channel_, outgoing("a"));
  EXPECT_FALSE(channel_->unanswered_since()) << "no ping";
  channel_->ping();
  const auto since = channel_->unanswered_since();
  ASSERT_TRUE(since);
  const std::string large = outgoing(std::string(kLarge, 'x'));
  write(*channel_, large);
  channel_->ping();
  EXPECT_EQ(channel_->unanswered_since(), since) << "since the first";
  receive(bytes::pingresp());
  EXPECT_FALSE(channel_->unanswered_since());
}

TEST_F(ChannelSends, Ping_is_owed_no_answer_while_the_packet_in_front_of_it_is_being_taken) {
  make_connected();
  const std::string packet = outgoing(std::string(3 * kLarge, 'x'));
  script_->takes(kLarge);
  write(*channel_, packet);
  channel_->ping();
  const auto first = channel_->unanswered_since();
  ASSERT_TRUE(first);
  EXPECT_EQ(channel_->unanswered_since(), first) << "nothing was taken";
  script_->takes(kLarge);
  channel_->writable();
  write(*channel_, packet.substr(kLarge));
  const auto second = channel_->unanswered_since();
  EXPECT_GT(second, first);
  script_->takes(Script::kAll);
  channel_->writable();
  write(*channel_, packet.substr(2 * kLarge));
  channel_->flush();
  EXPECT_EQ(channel_->unanswered_since(), second) << "all of it was taken";
}

TEST_F(ChannelSends, Write_counts_as_sent) {
  make_connected();
  const auto before = std::chrono::steady_clock::now();
  write(*channel_, outgoing("a"));
  EXPECT_GE(channel_->last_sent(), before);
}

TEST_F(ChannelSends, Client_that_closes_sends_what_is_kept_and_says_goodbye) {
  make_connected();
  const std::string disconnect = bytes::packet(0xE0, "");
  write(*channel_, disconnect);
  channel_->client_closed();
  EXPECT_EQ(script_->take_output(), disconnect);
  EXPECT_TRUE(script_->said_goodbye());
  EXPECT_TRUE(script_->destroyed());
  EXPECT_EQ(channel_->fd(), -1);
  EXPECT_EQ(end().cause.kind(), ErrorKind::kUnavailable);
  channel_->client_closed();
  channel_->flush();
  channel_->ping();
  channel_->before_long_wait();
  receive();
  EXPECT_EQ(write(*channel_, "x"), 1);
  EXPECT_EQ(ends_.size(), 0U);
}

TEST_F(ChannelSends, Client_that_closes_after_the_end_says_no_goodbye) {
  make_connected();
  channel_->end(base::unavailable("enough"));
  write(*channel_, bytes::packet(0xE0, ""));
  channel_->client_closed();
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_FALSE(script_->said_goodbye());
  EXPECT_TRUE(script_->destroyed());
}

// ---- Several threads ----

TEST_F(ChannelSends, Threads_that_write_receive_and_flush_lose_and_double_nothing) {
  make_connected();
  constexpr std::uint16_t kMessages = 2000;
  ReceiveThread receiver(channel_, receiver_);
  std::atomic<bool> done{false};
  std::thread flusher([&] {
    while (!done) {
      channel_->flush();
      channel_->last_received();
      std::this_thread::yield();
    }
  });
  std::thread writer([&] {
    for (std::uint16_t id = 1; id <= kMessages; ++id) {
      const std::string packet = outgoing(std::string(id % 100 == 0 ? kLarge : 10, 'x'), id);
      write(*channel_, packet);
      if (id % 10 == 0) channel_->flush();
    }
    channel_->flush();
  });
  std::thread reader([&] {
    char buffer[64];
    while (!done) {
      channel_->read_for_client(buffer, sizeof buffer);
      std::this_thread::yield();
    }
  });
  std::thread pinger([&] {
    for (int i = 0; i < 100; ++i) channel_->ping();
  });
  std::string incoming;
  for (std::uint16_t id = 1; id <= kMessages; ++id) {
    incoming += message("m", 1, id);
    if (id % 50 == 0) script_->comes(std::exchange(incoming, {}));
  }
  writer.join();
  pinger.join();

  std::string sent;
  int acknowledged = 0;
  int published = 0;
  int pings = 0;
  const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
  while ((acknowledged < kMessages || published < kMessages || pings < 100) &&
         std::chrono::steady_clock::now() < deadline) {
    sent += script_->take_output();
    while (const auto packet = bytes::take_client_packet(k311, sent)) {
      if (packet->type == 12) {
        ++pings;
      } else {  // each kind in its order
        EXPECT_EQ(packet->id, packet->type == 3 ? ++published : ++acknowledged);
      }
    }
    std::this_thread::yield();
  }
  EXPECT_EQ(published, kMessages);
  EXPECT_EQ(acknowledged, kMessages);
  EXPECT_EQ(pings, 100);
  EXPECT_EQ(sent, "");
  done = true;
  flusher.join();
  reader.join();
  channel_->client_closed();
  receiver.stop();
}

TEST_F(ChannelSends, Receiving_thread_ends_with_the_channel_and_with_stop) {
  make_connected();
  {
    ReceiveThread receiver(channel_, receiver_);
    receiver.stop();
    receiver.stop();
    EXPECT_FALSE(channel_->ended());
  }
  ReceiveThread receiver(channel_, receiver_);
  channel_->client_closed();
}

TEST_F(ChannelSends, Receiving_thread_that_stops_has_acknowledged_what_it_took_in) {
  make_connected();
  std::atomic<bool> in_commit{false};
  std::atomic<bool> go_on{false};
  sink_.during_commit = [&] {
    in_commit = true;
    while (!go_on) std::this_thread::yield();
  };
  ReceiveThread receiver(channel_, receiver_);
  script_->comes(message("a", 1, 7));
  while (!in_commit) std::this_thread::yield();
  std::thread stopper([&] { receiver.stop(); });
  go_on = true;
  stopper.join();
  EXPECT_EQ(script_->take_output(), bytes::puback(7));
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
