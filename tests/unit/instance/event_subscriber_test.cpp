#include "instance/event_subscriber.h"

#include <gmock/gmock.h>

#include <vector>

#include "support/captured_log.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::instance {
namespace {

using core::CloudEventsMode;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Recorder final : public core::Subscriber {
 public:
  core::DeliverResult deliver(const core::Delivery& delivery) override {
    deliveries.push_back(delivery);
    return core::DeliverResult::kTooLarge;
  }
  std::vector<core::Delivery> deliveries;
};

class EventSubscriberTest : public ::testing::Test {
 protected:
  void deliver(std::string payload, core::EventOptions options) {
    if (!subscriber_) {
      subscriber_.emplace(recorder_,
                          events::EventMaker({"pubsub", "app", "t/#"}, std::move(options)),
                          executor_, base::Log(log_));
    }
    auto message = std::make_shared<core::IncomingMessage>();
    message->topic = "t/1";
    message->payload = std::move(payload);
    EXPECT_EQ(subscriber_->deliver({1, 1, std::move(message)}), core::DeliverResult::kTooLarge);
  }
  static core::EventOptions mode(CloudEventsMode mode) {
    core::EventOptions options;
    options.mode = mode;
    return options;
  }

  testing::CapturedLog log_;
  testing::ManualExecutor executor_;
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  std::optional<EventSubscriber> subscriber_;
};

TEST_F(EventSubscriberTest, puts_an_event_beside_the_message) {
  deliver("ON", mode(CloudEventsMode::kAuto));
  ASSERT_THAT(recorder_->deliveries, SizeIs(1));
  EXPECT_THAT(recorder_->deliveries[0].data(), HasSubstr("\"data\":\"ON\""));
  EXPECT_EQ(recorder_->deliveries[0].message->payload, "ON");
  EXPECT_FALSE(recorder_->deliveries[0].real_topic_name);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(EventSubscriberTest, asks_for_the_real_topic) {
  core::EventOptions options;
  options.real_topic_name = true;
  options.raw_payload = true;
  deliver("ON", options);
  EXPECT_EQ(recorder_->deliveries.at(0).data(), "ON");
  EXPECT_TRUE(recorder_->deliveries.at(0).real_topic_name);
}

TEST_F(EventSubscriberTest, says_what_daprd_will_refuse_once_a_minute) {
  for (int i = 0; i < 100; ++i) deliver("ON", {});
  ASSERT_THAT(log_.lines(), SizeIs(1));
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("WARN"), HasSubstr("2 bytes on topic \"t/1\""),
                                 HasSubstr("error deserializing cloud event"),
                                 HasSubstr("cloudEvents: auto"), HasSubstr("rawPayload")));
  executor_.advance(std::chrono::minutes(2));
  deliver(" [1]", {});
  deliver("", {});
  EXPECT_THAT(log_.lines(), SizeIs(2));
  EXPECT_THAT(log_.text(), HasSubstr("99 more times"));
}

TEST_F(EventSubscriberTest, says_once_that_gRPC_apps_find_no_data_in_an_object) {
  deliver(R"({"specversion":"1.0"})", {});
  EXPECT_EQ(log_.text(), "");
  for (int i = 0; i < 3; ++i) deliver(R"( {"t":21})", {});
  ASSERT_THAT(log_.lines(), SizeIs(1));
  EXPECT_THAT(log_.text(), AllOf(HasSubstr("INFO"), HasSubstr("gRPC")));
}

TEST_F(EventSubscriberTest, says_what_could_end_daprd) {
  for (int i = 0; i < 3; ++i) deliver(R"({"traceparent":5})", {});
  EXPECT_THAT(recorder_->deliveries.at(2).data(), HasSubstr("\"data\":{\"traceparent\":5}"));
  ASSERT_THAT(log_.lines(), SizeIs(1));
  EXPECT_THAT(log_.text(), HasSubstr("could end daprd's process"));
}

TEST_F(EventSubscriberTest, says_nothing_where_payloads_are_raw) {
  core::EventOptions options;
  options.raw_payload = true;
  deliver("ON", options);
  EXPECT_EQ(log_.text(), "");
}

}  // namespace
}  // namespace dapr_mqtt::instance
