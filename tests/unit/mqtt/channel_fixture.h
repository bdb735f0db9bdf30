// A channel between a scripted broker and a test that plays Paho.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mqtt/channel.h"
#include "mqtt/memory_packets.h"
#include "mqtt/waker.h"
#include "support/mqtt_bytes.h"
#include "support/waiting.h"
#include "unit/mqtt/scripted_stream.h"

namespace dapr_mqtt::mqtt {

namespace bytes = testing::mqtt;
using testing::Calls;
using testing::Script;
using testing::ScriptedStream;

inline constexpr auto k311 = core::ProtocolVersion::kMqtt311;
inline constexpr auto k5 = core::ProtocolVersion::kMqtt5;

/// writev() of one part; the result, or minus errno.
inline ssize_t write(Channel& channel, std::string_view bytes) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const ssize_t written = channel.write(&part, 1);
  return written < 0 ? -errno : written;
}

/// All that read_for_client() returns, followed by "end" at the end of the stream.
inline std::string read_all(Channel& channel) {
  std::string out;
  char buffer[256];
  for (;;) {
    const ssize_t size = channel.read_for_client(buffer, sizeof buffer);
    if (size == 0) return out + "end";
    if (size < 0) {
      EXPECT_EQ(errno, EAGAIN);
      return out;
    }
    out.append(buffer, static_cast<std::size_t>(size));
  }
}

/// Whether it has been woken since the last time.
inline bool woken(Waker& waker) {
  pollfd fd{waker.fd(), POLLIN, 0};
  const bool is = ::poll(&fd, 1, 0) == 1;
  waker.drain();
  return is;
}

/// Accepts messages as long as the test says so, and gives the receipts with the commit. Records
/// "message <payload>" and "commit".
class FakeSink final : public core::MessageSink {
 public:
  explicit FakeSink(Calls& calls) : calls_(calls) {}

  bool on_message(core::IncomingMessage message) noexcept override {
    ids.push_back(message.packet.id);
    calls_.add("message " + message.payload);
    if (takes) receipts.push_back(message.receipt);
    return takes;
  }
  void commit_received() noexcept override {
    calls_.add("commit");
    if (during_commit) during_commit();
    if (commits) give_all();
  }
  void give_all() {
    for (const core::Receipt& receipt : std::exchange(receipts, {})) receipt.give();
  }

  std::atomic<bool> takes{true};
  std::atomic<bool> commits{true};
  std::vector<core::Receipt> receipts;  ///< not given yet
  std::function<void()> during_commit;
  std::vector<std::uint16_t> ids;  ///< IncomingMessage::packet

 private:
  Calls& calls_;
};

class ChannelTest : public ::testing::Test {
 protected:
  using Outcome = transport::IoResult::Outcome;
  using Lines = std::vector<std::string>;

  void make(core::ProtocolVersion protocol = k311, bool with_sink = true) {
    protocol_ = protocol;
    make_over(store_, with_sink);
  }
  /// Makes the channel with this packet store, and writes CONNECT.
  void make_with(core::PacketStore& store) {
    make_over(store, true);
    EXPECT_GT(write(*channel_, connect_bytes()), 0);
    channel_->flush();
    EXPECT_EQ(script_->take_output(), connect_bytes());
    calls_.take();
  }
  /// Makes the channel, writes CONNECT and receives CONNACK.
  void connect(bool session_present = false) {
    EXPECT_GT(write(*channel_, connect_bytes()), 0);
    channel_->flush();
    receive(bytes::connack(protocol_, session_present));
    EXPECT_EQ(read_all(*channel_), bytes::connack(protocol_, session_present));
    EXPECT_EQ(script_->take_output(), connect_bytes());
    calls_.take();
    woken(*receiver_);
    woken(*client_);
  }
  void make_connected(core::ProtocolVersion protocol = k311) {
    make(protocol);
    connect();
  }
  std::string connect_bytes() const { return bytes::connect(protocol_); }
  std::string message(std::string payload, unsigned qos, std::uint16_t id = 1) const {
    return bytes::publish(protocol_, {.payload = std::move(payload), .qos = qos, .id = id});
  }

  void receive() { channel_->receive(buffer_.data(), buffer_.size()); }
  void receive(std::string bytes) {
    script_->comes(std::move(bytes));
    receive();
  }

  struct End {
    base::Status cause;
    Channel::Ending ending = Channel::Ending::kOther;
  };
  /// The only end that was reported.
  End end() {
    EXPECT_TRUE(channel_->ended());
    EXPECT_EQ(ends_.size(), 1U);
    auto end = ends_.next(std::chrono::milliseconds(0));
    return end ? *end : End{};
  }

  void make_over(core::PacketStore& store, bool with_sink) {
    script_ = std::make_shared<Script>(&calls_);
    if (!ledger_ || &store != &store_) ledger_ = std::make_shared<packets::AckLedger>(store);
    channel_ =
        Channel::make(std::make_unique<ScriptedStream>(script_),
                      Channel::Settings{protocol_, 1U << 20U, "client"},
                      Channel::Events{[this](const packets::Connack&) { ++connacks_; },
                                      [this](const base::Status& cause, Channel::Ending ending) {
                                        ends_.push({cause, ending});
                                      },
                                      [this] { client_knew_ = channel_->has_for_client(); }},
                      with_sink ? &sink_ : nullptr, ledger_, receiver_, client_);
  }

  Calls calls_;
  /// Whether Paho knew of the end when Events::ending was called.
  std::optional<bool> client_knew_;
  FakeSink sink_{calls_};
  MemoryPackets store_;
  std::shared_ptr<packets::AckLedger> ledger_;  ///< used by each channel with store_
  std::shared_ptr<Waker> receiver_ = std::make_shared<Waker>();
  std::shared_ptr<Waker> client_ = std::make_shared<Waker>();
  std::shared_ptr<Script> script_;
  std::atomic<int> connacks_{0};
  testing::Channel<End> ends_;
  core::ProtocolVersion protocol_ = k311;
  std::vector<char> buffer_ = std::vector<char>(64U << 10U);
  std::shared_ptr<Channel> channel_;
};

}  // namespace dapr_mqtt::mqtt
