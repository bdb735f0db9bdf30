#include "mqtt/channel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "dapr_mqtt/base/batch.h"
#include "unit/mqtt/channel_fixture.h"

// What the broker sends: messages and acknowledgements.
namespace dapr_mqtt::mqtt {
namespace {

using base::ErrorKind;
using bytes::puback;
using bytes::pubcomp;
using bytes::pubrec;
using bytes::pubrel;

class ChannelReceives : public ChannelTest {};

const std::string kDisconnect("\xe0\0", 2);

TEST_F(ChannelReceives, Acknowledges_a_message_after_its_commit_and_not_before) {
  make_connected();
  std::string sent_before_commit = "?";
  sink_.during_commit = [&] { sent_before_commit = script_->take_output(); };
  receive(message("a", 1, 7));
  EXPECT_EQ(sent_before_commit, "");
  EXPECT_EQ(calls_.take(), (Lines{"message a", "commit", "write"}));
  EXPECT_EQ(script_->take_output(), puback(7));
}

TEST_F(ChannelReceives, Many_messages_have_one_commit_and_one_write_in_their_order) {
  make_connected();
  receive(message("a", 1, 9) + message("b", 2, 3) + message("c", 1, 5) + pubrel(3) +
          message("d", 0));
  EXPECT_EQ(calls_.take(),
            (Lines{"message a", "message b", "message c", "message d", "commit", "write"}));
  EXPECT_EQ(script_->take_output(), puback(9) + pubrec(3) + puback(5) + pubcomp(3));
}

TEST_F(ChannelReceives, What_comes_in_pieces_is_acknowledged_when_it_is_whole) {
  make_connected();
  const std::string whole = message("abc", 1, 7);
  receive(whole.substr(0, 5));
  EXPECT_EQ(calls_.take(), Lines{});
  receive(whole.substr(5));
  EXPECT_EQ(calls_.take(), (Lines{"message abc", "commit", "write"}));
}

TEST_F(ChannelReceives, Messages_of_QoS_0_need_no_commit) {
  make_connected();
  receive(message("a", 0));
  EXPECT_EQ(calls_.take(), Lines{"message a"});
  EXPECT_EQ(script_->take_output(), "");
}

TEST_F(ChannelReceives, Message_of_QoS_2_that_comes_twice_is_delivered_once) {
  make_connected();
  receive(message("a", 2, 4));
  EXPECT_EQ(calls_.take(), (Lines{"message a", "commit", "write"}));
  receive(bytes::publish(protocol_, {.payload = "a", .qos = 2, .id = 4, .duplicate = true}));
  EXPECT_EQ(calls_.take(), (Lines{"write"}));
  EXPECT_EQ(script_->take_output(), pubrec(4) + pubrec(4));
  EXPECT_TRUE(store_.contains(4));

  std::string sent_before_commit = "?";
  sink_.during_commit = [&] { sent_before_commit = script_->take_output(); };
  receive(pubrel(4));
  EXPECT_EQ(sent_before_commit, "");
  EXPECT_EQ(calls_.take(), (Lines{"commit", "write"}));
  EXPECT_EQ(script_->take_output(), pubcomp(4));
  EXPECT_FALSE(store_.contains(4));
}

TEST_F(ChannelReceives, Packet_identifier_goes_along) {
  make_connected();
  receive(message("a", 1, 8) + message("b", 2, 9));
  EXPECT_EQ(sink_.ids, (std::vector<std::uint16_t>{8, 9}));
}

TEST_F(ChannelReceives, Message_that_is_not_taken_is_not_acknowledged_nor_any_other) {
  make_connected();
  receive(message("a", 1, 1));
  script_->take_output();
  calls_.take();
  sink_.takes = false;
  receive(message("b", 2, 2) + message("c", 1, 3));
  EXPECT_EQ(script_->take_output(), kDisconnect) << "so that no last will is published";
  EXPECT_EQ(calls_.take(), (Lines{"message b", "message c", "write"})) << "no commit";
  EXPECT_EQ(end().cause.kind(), ErrorKind::kResourceExhausted);
  EXPECT_FALSE(store_.contains(2));
}

TEST_F(ChannelReceives, Message_of_QoS_0_that_is_not_taken_ends_the_connection_too) {
  make_connected();
  sink_.takes = false;
  receive(message("a", 0));
  EXPECT_EQ(end().cause.kind(), ErrorKind::kResourceExhausted);
}

TEST_F(ChannelReceives, Message_is_acknowledged_when_its_receipt_is_given_and_not_before) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1) + message("b", 2, 2) + message("c", 1, 3));
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_FALSE(channel_->ended());
  woken(*receiver_);
  sink_.receipts[1].give();
  EXPECT_FALSE(woken(*receiver_)) << "the one before it is not settled";
  EXPECT_FALSE(channel_->wants_receive());
  sink_.receipts[0].give();
  EXPECT_EQ(script_->take_output(), puback(1) + pubrec(2));
  EXPECT_FALSE(woken(*receiver_)) << "whoever gives the receipt sends it";
  EXPECT_FALSE(channel_->wants_receive());
}

TEST_F(ChannelReceives, Receiving_thread_that_works_sends_what_is_due_itself) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1) + message("b", 1, 2));
  receiver_->awake();
  sink_.receipts[0].give();
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_FALSE(receiver_->sleep()) << "it has to look before it waits";
  EXPECT_TRUE(channel_->wants_receive());
  receiver_->awake();
  receive();
  EXPECT_EQ(script_->take_output(), puback(1));
  sink_.receipts[1].give();
  static_cast<void>(receiver_->sleep());
  EXPECT_TRUE(channel_->wants_receive());
}

TEST_F(ChannelReceives, Receipts_of_a_batch_are_acknowledged_with_one_write_at_its_end) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1) + message("b", 1, 2) + message("c", 1, 3));
  calls_.take();
  {
    const base::Batch batch;
    sink_.give_all();
    EXPECT_EQ(script_->take_output(), "");
  }
  EXPECT_EQ(calls_.take(), Lines{"write"});
  EXPECT_EQ(script_->take_output(), puback(1) + puback(2) + puback(3));
}

TEST_F(ChannelReceives, Receipt_that_is_given_when_the_channel_is_gone_does_no_harm) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1) + message("b", 1, 2));
  {
    const base::Batch batch;
    sink_.receipts[0].give();
    channel_.reset();
    sink_.receipts[1].give();
  }
  EXPECT_EQ(script_->take_output(), "");
}

TEST_F(ChannelReceives, Write_of_an_acknowledgement_that_fails_ends_it_on_the_receiving_thread) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1));
  woken(*receiver_);
  script_->write_fails("broken pipe");
  sink_.give_all();
  EXPECT_FALSE(channel_->ended());
  EXPECT_TRUE(woken(*receiver_));
  receive();
  EXPECT_EQ(end().cause.message(), "broken pipe");
}

TEST_F(ChannelReceives, Receipts_that_are_given_before_the_end_still_get_their_acknowledgements) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1));
  sink_.give_all();
  channel_->send_acknowledgements();
  EXPECT_EQ(script_->take_output(), puback(1));
}

TEST_F(ChannelReceives, Message_that_the_next_connection_brings_again_is_delivered_once) {
  make_connected();
  sink_.commits = false;
  receive(message("a", 1, 1) + message("b", 1, 2));
  make();
  connect(true);
  receive(bytes::publish(protocol_, {.payload = "a", .qos = 1, .id = 1, .duplicate = true}));
  EXPECT_EQ(calls_.take(), (Lines{}));
  sink_.give_all();
  receive();
  EXPECT_EQ(script_->take_output(), puback(1));
  receive(bytes::publish(protocol_, {.payload = "b", .qos = 1, .id = 2, .duplicate = true}));
  EXPECT_EQ(script_->take_output(), puback(2)) << "it was handled meanwhile";
}

TEST_F(ChannelReceives, Ignores_messages_without_a_sink) {
  make(k311, false);
  connect();
  receive(message("a", 1, 1));
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_FALSE(channel_->ended());
}

TEST_F(ChannelReceives, What_came_before_a_malformed_packet_is_acknowledged) {
  make_connected();
  receive(message("a", 1, 7) + bytes::packet(0x36, "\0\1tx"));
  EXPECT_EQ(calls_.take(), (Lines{"message a", "commit", "write"}));
  EXPECT_EQ(script_->take_output(), puback(7));
  const End over = end();
  EXPECT_NE(over.ending, Channel::Ending::kStreamClosed);
  EXPECT_EQ(over.cause.kind(), ErrorKind::kUnavailable);
  EXPECT_NE(over.cause.message().find("PUBLISH"), std::string::npos) << over.cause.message();
}

TEST_F(ChannelReceives, Paho_gets_no_byte_of_a_malformed_packet) {
  make_connected(k5);
  receive(std::string("\x30\x04\0\1t\x80", 6));  // kills Paho
  receive(std::string(64, '\0'));
  EXPECT_EQ(read_all(*channel_), "end");
  EXPECT_NE(end().cause.message().find("PUBLISH"), std::string::npos);
}

TEST_F(ChannelReceives, CONNACK_without_CONNECT_ends_it) {
  make();
  receive(bytes::connack(k311));
  EXPECT_EQ(connacks_, 0);
  EXPECT_EQ(read_all(*channel_), "end");
  EXPECT_NE(end().cause.message().find("CONNACK"), std::string::npos);
}

TEST_F(ChannelReceives, CONNACK_is_told_before_Paho_can_read_it) {
  make();
  write(*channel_, connect_bytes());
  receive(bytes::connack(k311));
  EXPECT_EQ(connacks_, 1);
  EXPECT_TRUE(channel_->has_for_client());
}

TEST_F(ChannelReceives, CONNACK_without_a_session_clears_the_packet_store) {
  store_.put(5);
  make();
  connect(true);
  EXPECT_TRUE(store_.contains(5));
  make();
  connect(false);
  EXPECT_FALSE(store_.contains(5));
}

/// A store whose changes fail.
class BrokenStore final : public core::PacketStore {
 public:
  void put(Id) override {}
  base::Status remove(Id, core::Receipt) override { return base::resource_exhausted("no removal"); }
  base::Status clear(core::Receipt) override { return base::resource_exhausted("no clearing"); }
  bool contains(Id) const override { return true; }
  std::vector<Id> ids() const override { return {}; }
};

TEST_F(ChannelReceives, Nothing_is_acknowledged_when_a_lost_session_cannot_be_forgotten) {
  BrokenStore store;
  make_with(store);
  receive(bytes::connack(k311, false) + message("a", 2, 2));
  EXPECT_EQ(connacks_, 0);
  EXPECT_EQ(script_->take_output(), kDisconnect);
  EXPECT_EQ(end().cause.kind(), ErrorKind::kResourceExhausted);
}

TEST_F(ChannelReceives, Nothing_is_acknowledged_when_a_PUBREL_cannot_be_kept) {
  BrokenStore store;
  make_with(store);
  receive(bytes::connack(k311, true) + pubrel(2));
  EXPECT_EQ(connacks_, 1);
  EXPECT_EQ(script_->take_output(), kDisconnect);
  EXPECT_EQ(end().cause.kind(), ErrorKind::kResourceExhausted);
}

/// Records what has been sent by the time that acknowledging() is called.
class WatchingStore final : public core::PacketStore {
 public:
  void put(Id) override {}
  base::Status remove(Id, core::Receipt safe) override {
    safe.give();
    return {};
  }
  base::Status clear(core::Receipt safe) override {
    safe.give();
    return {};
  }
  bool wants_acknowledging() const override { return true; }
  void acknowledging(const std::vector<Id>& ids) override {
    announced.push_back(ids);
    during();
  }
  bool contains(Id) const override { return false; }
  std::vector<Id> ids() const override { return {}; }

  std::function<void()> during = [] {};
  std::vector<std::vector<Id>> announced;
};

TEST_F(ChannelReceives,
       Store_learns_of_acknowledgements_before_they_go_out_and_holds_up_no_writes) {
  WatchingStore store;
  make_with(store);
  receive(bytes::connack(k311, true));
  std::string pingreq;
  packets::append_pingreq(pingreq);
  std::string sent;
  store.during = [&] {
    sent = script_->take_output();
    EXPECT_GT(write(*channel_, pingreq), 0) << "Paho must not wait for a slow disk";
  };
  receive(message("a", 1, 7) + message("b", 2, 8));
  EXPECT_EQ(sent, "");
  EXPECT_EQ(store.announced, (std::vector<std::vector<std::uint16_t>>{{7, 8}}));
  EXPECT_EQ(script_->take_output(), pingreq + puback(7) + pubrec(8));
}

TEST_F(ChannelReceives, Store_that_may_wait_for_a_disk_learns_of_them_on_the_receiving_thread) {
  WatchingStore store;
  make_with(store);
  sink_.commits = false;
  receive(bytes::connack(k311, true) + message("a", 1, 7));
  woken(*receiver_);
  sink_.give_all();
  EXPECT_TRUE(store.announced.empty());
  EXPECT_EQ(script_->take_output(), "");
  EXPECT_TRUE(woken(*receiver_));
  EXPECT_TRUE(channel_->wants_receive());
  receive();
  EXPECT_EQ(store.announced, (std::vector<std::vector<std::uint16_t>>{{7}}));
  EXPECT_EQ(script_->take_output(), puback(7));
}

/// A store without memory for another identifier.
class FullStore final : public core::PacketStore {
 public:
  void put(Id) override { throw std::bad_alloc(); }
  base::Status remove(Id, core::Receipt) override { return {}; }
  base::Status clear(core::Receipt) override { return {}; }
  bool contains(Id) const override { return false; }
  std::vector<Id> ids() const override { return {}; }
};

TEST_F(ChannelReceives, Message_for_which_there_is_no_memory_is_not_acknowledged) {
  FullStore store;
  make_with(store);
  receive(bytes::connack(k311, true) + message("a", 1, 7) + message("b", 2, 8) +
          message("c", 1, 9));
  EXPECT_EQ(calls_.take(), (Lines{"message a", "commit", "write"}));
  EXPECT_EQ(script_->take_output(), puback(7)) << "messages that came before it are acknowledged";
  EXPECT_EQ(end().cause.kind(), ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
