// The pull stream without gRPC: concurrent events in every order.
#include "dapr/pull_stream.h"

#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "support/captured_log.h"
#include "support/fake_instance.h"
#include "unit/dapr/fake_wire.h"

namespace dapr_mqtt::dapr {
namespace {

using core::DeliverResult;
using testing::FakeWire;

class PullStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_->connection_began(1);
    bool ready = false;
    registry_->init({1, "a"}, {}, nullptr,
                    [&](const base::Status&) { factory_.stage.change([&] { ready = true; }); });
    ASSERT_TRUE(factory_.stage.wait([&] { return ready; }));
  }
  ~PullStreamTest() override { registry_->stop(); }

  void begin(FakeWire& wire) {
    PullStream::begin(wire, registry_, {1, "a"}, 1000, base::Log(log_));
  }
  std::shared_ptr<testing::FakeStream> subscribed(FakeWire& wire, const std::string& topic) {
    wire::PullMessagesRequest request;
    request.mutable_topic()->set_name(topic);
    wire.feed(request);
    const auto instance = factory_.latest();
    std::shared_ptr<testing::FakeStream> out;
    EXPECT_TRUE(factory_.stage.wait([&] {
      for (const auto& stream : instance->streams) {
        if (stream->topic == topic) out = stream;
      }
      return out != nullptr;
    }));
    return out;
  }
  static core::Delivery delivery(core::InboxId id) {
    auto message = std::make_shared<core::IncomingMessage>();
    message->topic = "t";
    message->payload = "x";
    return {id, 1, std::move(message)};
  }

  testing::CapturedLog log_;
  testing::FakeInstanceFactory factory_;
  const std::shared_ptr<InstanceRegistry> registry_ = std::make_shared<InstanceRegistry>(
      factory_, "/nowhere/mqtt.sock", nullptr, std::chrono::hours(1), base::Log(log_));
};

TEST_F(PullStreamTest, Writes_go_out_one_at_a_time_and_in_order) {
  FakeWire wire;
  begin(wire);
  const auto stream = subscribed(wire, "t");
  for (core::InboxId id = 1; id <= 1000; ++id) {
    ASSERT_EQ(stream->subscriber->deliver(delivery(id)), DeliverResult::kSent);
  }
  while (wire.written().size() < 1000) std::this_thread::yield();
  wire.feed(std::nullopt);
  ASSERT_TRUE(wire.wait_done());
  EXPECT_EQ(wire.mistakes(), 0);
  const auto written = wire.written();
  for (std::size_t i = 0; i < written.size(); ++i) ASSERT_EQ(written[i], std::to_string(i + 1));
}

TEST_F(PullStreamTest, Event_of_a_message_goes_out_in_its_place_and_counts_by_its_size) {
  FakeWire wire;
  begin(wire);
  const auto stream = subscribed(wire, "t/#");
  core::Delivery with_event = delivery(1);
  with_event.event = std::make_shared<const std::string>("event");
  ASSERT_EQ(stream->subscriber->deliver(with_event), DeliverResult::kSent);
  with_event.real_topic_name = true;
  ASSERT_EQ(stream->subscriber->deliver(with_event), DeliverResult::kSent);
  with_event.event = std::make_shared<const std::string>(1000, 'x');
  EXPECT_EQ(stream->subscriber->deliver(with_event), DeliverResult::kTooLarge);
  while (wire.responses().size() < 2) std::this_thread::yield();
  EXPECT_EQ(wire.responses()[0].data(), "event");
  EXPECT_EQ(wire.responses()[0].topic_name(), "t/#");
  EXPECT_EQ(wire.responses()[1].topic_name(), "t");
  wire.feed(std::nullopt);
  ASSERT_TRUE(wire.wait_done());
}

TEST_F(PullStreamTest, Topic_that_is_no_text_is_not_named) {
  FakeWire wire;
  begin(wire);
  const auto stream = subscribed(wire, "t/#");
  core::IncomingMessage message;
  message.topic = "t/\xff";
  core::Delivery damaged{1, 1, std::make_shared<const core::IncomingMessage>(message)};
  damaged.real_topic_name = true;
  ASSERT_EQ(stream->subscriber->deliver(damaged), DeliverResult::kSent);
  while (wire.responses().empty()) std::this_thread::yield();
  EXPECT_EQ(wire.responses()[0].topic_name(), "t/#");
  EXPECT_EQ(wire.responses()[0].metadata().at("mqtt-topic"), "t/%FF");
  wire.feed(std::nullopt);
  ASSERT_TRUE(wire.wait_done());
}

TEST_F(PullStreamTest, Write_says_whether_another_waits_behind_it) {
  FakeWire wire;
  begin(wire);
  const auto stream = subscribed(wire, "t");
  {
    const auto held = wire.hold_answers();
    for (core::InboxId id = 1; id <= 4; ++id) {
      ASSERT_EQ(stream->subscriber->deliver(delivery(id)), DeliverResult::kSent);
    }
  }
  while (wire.written().size() < 4) std::this_thread::yield();
  wire.feed(std::nullopt);
  ASSERT_TRUE(wire.wait_done());
  EXPECT_EQ(wire.announced(), (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(wire.mistakes(), 0);
}

TEST_F(PullStreamTest, Stream_that_the_subscriber_outlives_says_closed) {
  std::shared_ptr<core::Subscriber> subscriber;
  {
    FakeWire wire;
    begin(wire);
    subscriber = subscribed(wire, "t")->subscriber;
    wire.cancel();
    ASSERT_TRUE(wire.wait_done());
    EXPECT_TRUE(wire.status().ok());
  }
  EXPECT_EQ(subscriber->deliver(delivery(1)), DeliverResult::kClosed);
}

TEST_F(PullStreamTest, End_from_the_registry_finishes_with_its_reason) {
  FakeWire wire;
  begin(wire);
  subscribed(wire, "t");
  registry_->connection_ended(1);
  ASSERT_TRUE(wire.wait_done());
  EXPECT_EQ(wire.status().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(PullStreamTest, Deliveries_acks_and_every_kind_of_end_may_come_at_the_same_time) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    FakeWire wire;
    begin(wire);
    const auto stream = subscribed(wire, "t" + std::to_string(round));
    std::atomic<int> sent{0};
    std::atomic<bool> closed{false};
    std::thread delivering([&] {
      core::InboxId id = 0;
      while (stream->subscriber->deliver(delivery(++id)) == DeliverResult::kSent) ++sent;
      closed = true;
    });
    wire::PullMessagesRequest ack;
    ack.set_ack_message_id("1");
    for (unsigned i = random() % 4; i > 0; --i) wire.feed(ack);
    const unsigned first = random() % 4;
    std::thread ending([&, first] {
      while (sent < 3 && !closed) std::this_thread::yield();
      wire::PullMessagesRequest again;
      again.mutable_topic()->set_name("again");
      switch (first) {
        case 0: wire.cancel(); break;
        case 1: wire.feed(std::nullopt); break;
        case 2: wire.feed(again); break;
        default: {
          // As the registry does: with a reference of its own.
          const auto open = std::dynamic_pointer_cast<OpenStream>(stream->subscriber);
          open->end(base::unavailable("replaced"));
        }
      }
    });
    wire.feed(ack);
    if (random() % 2 == 0) wire.cancel();
    delivering.join();
    ending.join();
    ASSERT_TRUE(wire.wait_done());
    EXPECT_EQ(wire.mistakes(), 0);
    EXPECT_TRUE(factory_.stage.wait([&] { return stream->closed; }));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace dapr_mqtt::dapr
