// A client with the real Paho, and a broker that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "mqtt/memory_packets.h"
#include "mqtt/paho_client.h"
#include "support/mqtt_bytes.h"
#include "support/waiting.h"
#include "unit/mqtt/scripted_stream.h"

namespace dapr_mqtt::mqtt {

namespace bytes = testing::mqtt;

class PahoClientTest : public ::testing::Test {
 protected:
  PahoClientTest() { options_.client_id = "client"; }

  base::Result<std::shared_ptr<PahoClient>> make(core::MessageSink* sink = nullptr) {
    PahoClient::Events events;
    events.connected = [this](bool present) { connected_.push(present); };
    events.connect_failed = [this](const base::Status& cause, bool) { failed_.push(cause); };
    events.lost = [this](const base::Status& cause, core::ConnectionEnd end) {
      end_ = end;
      lost_.push(cause);
    };
    return PahoClient::make(std::make_unique<testing::ScriptedStream>(script_), options_, false,
                            std::move(events), sink,
                            std::make_shared<packets::AckLedger>(packets_));
  }
  void connect(core::MessageSink* sink = nullptr) {
    auto made = make(sink);
    ASSERT_TRUE(made.ok()) << made.status().message();
    client_ = std::move(made).value();
    ASSERT_TRUE(client_->connect(options_, true).ok());
    next_packet(1);
    script_->comes(bytes::connack(options_.protocol));
    ASSERT_EQ(connected_.next(), false);
  }
  /// The next packet of the client, which must have this type. `between` is called until it comes.
  bytes::ClientPacket next_packet(
      unsigned type, const std::function<void()>& between = [] {}) {
    const auto deadline = std::chrono::steady_clock::now() + testing::kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      sent_ += script_->take_output();
      if (auto packet = bytes::take_client_packet(options_.protocol, sent_)) {
        EXPECT_EQ(packet->type, type);
        return *std::move(packet);
      }
      between();
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no packet of type " << type;
    return {};
  }
  /// Publishes; published_ gets whether that worked.
  base::Status publish(std::string payload) {
    return client_->publish({core::TopicName::parse("t").value(), std::move(payload),
                             core::QoS::kAtLeastOnce, false, nullptr},
                            [this](const base::Status& done) { published_.push(done); });
  }

  core::ConnectionOptions options_;
  const std::shared_ptr<testing::Script> script_ = std::make_shared<testing::Script>();
  MemoryPackets packets_;
  testing::Channel<bool> connected_;
  testing::Channel<base::Status> failed_;
  testing::Channel<base::Status> lost_;
  std::atomic<core::ConnectionEnd> end_{core::ConnectionEnd::kOther};  ///< before lost_
  testing::Channel<base::Status> published_;
  std::string sent_;
  std::shared_ptr<PahoClient> client_;
};

}  // namespace dapr_mqtt::mqtt
