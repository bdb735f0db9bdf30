#include "dapr_mqtt/publish/publisher.h"

#include <gmock/gmock.h>

#include "support/fake_broker.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::publish {
namespace {

using base::ErrorKind;
using std::chrono::seconds;
using ::testing::HasSubstr;

class PublisherTest : public ::testing::Test {
 protected:
  /// Publishes and returns where its answer will be; kInternal stands for none yet.
  std::shared_ptr<base::Status> publish(const std::string& topic, std::string payload = "p",
                                        base::Duration deadline = seconds(20)) {
    auto answer = std::make_shared<base::Status>(base::internal_error("unanswered"));
    publisher.publish({core::TopicName::parse(topic).value(), std::move(payload),
                       core::QoS::kAtLeastOnce, false, nullptr},
                      executor.now() + deadline,
                      [answer, this](base::Status status) {
                        *answer = std::move(status);
                        ++answers;
                      });
    executor.run();
    return answer;
  }
  void connect() {
    publisher.connection_up();
    executor.run();
  }
  void lose_connection(const std::string& cause) {
    broker.break_connection();
    publisher.connection_down(base::unavailable(cause));
    executor.run();
  }

  dapr_mqtt::testing::ManualExecutor executor;
  dapr_mqtt::testing::FakePublisher broker;
  core::Counters counters;
  int answers = 0;
  Publisher publisher{executor, broker, counters, {.max_requests = 10, .max_bytes = 1000}};
};

TEST_F(PublisherTest, answers_when_the_broker_has_it_and_not_before) {
  connect();
  const auto answer = publish("a");
  EXPECT_EQ(answer->kind(), ErrorKind::kInternal);
  broker.answer();
  executor.run();
  EXPECT_TRUE(answer->ok());
  EXPECT_EQ(counters.published, 1U);
}

TEST_F(PublisherTest, answers_on_the_thread_that_brings_the_brokers_answer) {
  connect();
  const auto answer = publish("a");
  broker.answer();
  EXPECT_TRUE(answer->ok());  // the executor has not run
  EXPECT_EQ(counters.publishes_pending, 0);
  executor.run();
  EXPECT_EQ(answers, 1);
}

TEST_F(PublisherTest, leaves_the_answer_to_the_executor_while_more_waits_to_be_sent) {
  connect();
  std::vector<std::shared_ptr<base::Status>> given;
  for (int i = 0; i < 5; ++i) given.push_back(publish("a"));
  ASSERT_EQ(broker.sent.size(), 4U);  // the window
  broker.answer();
  EXPECT_EQ(given[0]->kind(), ErrorKind::kInternal);  // the executor wakes for the fifth anyway
  executor.run();
  EXPECT_TRUE(given[0]->ok());
  ASSERT_EQ(broker.sent.size(), 5U);
  broker.answer();
  EXPECT_TRUE(given[1]->ok());
}

TEST_F(PublisherTest, does_not_answer_again_at_its_deadline_what_the_broker_has_answered) {
  connect();
  const auto answer = publish("a", "p", seconds(20));
  broker.answer();
  executor.advance(seconds(21));
  EXPECT_TRUE(answer->ok());
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(counters.publish_failed, 0U);
}

TEST_F(PublisherTest, does_not_answer_ok_after_the_deadline) {
  connect();
  const auto answer = publish("a", "p", seconds(20));
  executor.advance(seconds(21));
  EXPECT_EQ(answer->kind(), ErrorKind::kDeadlineExceeded);
  broker.answer();
  executor.run();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(counters.published, 0U);
  EXPECT_EQ(counters.publishes_pending, 0);
}

TEST_F(PublisherTest, measures_the_time_to_the_answer_and_what_is_pending) {
  connect();
  publish("a", "12345");
  EXPECT_EQ(counters.publishes_pending, 1);
  EXPECT_EQ(counters.publish_bytes_pending, 5);
  executor.advance(seconds(3));
  broker.answer();
  executor.run();
  EXPECT_EQ(counters.publishes_pending, 0);
  EXPECT_EQ(counters.publish_bytes_pending, 0);
  EXPECT_EQ(counters.published_bytes, 5U);
  EXPECT_EQ(counters.publish_time.snapshot().sum, seconds(3));
}

TEST_F(PublisherTest, waits_for_the_connection_while_the_deadline_lasts) {
  const auto answer = publish("a");
  EXPECT_TRUE(broker.sent.empty());
  executor.advance(seconds(19));
  connect();
  ASSERT_EQ(broker.sent.size(), 1U);
  broker.answer();
  executor.run();
  EXPECT_TRUE(answer->ok());
}

TEST_F(PublisherTest, says_unavailable_with_the_cause_when_no_connection_comes) {
  const auto answer = publish("a");
  publisher.connection_down(base::unavailable("tcp://h:1883: connection refused"));
  executor.advance(seconds(20));
  EXPECT_EQ(answer->kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(answer->message(), HasSubstr("connection refused"));
  EXPECT_THAT(answer->message(), HasSubstr("\"a\""));
}

TEST_F(PublisherTest, says_deadline_exceeded_when_the_broker_is_silent) {
  connect();
  const auto answer = publish("a");
  executor.advance(seconds(20));
  EXPECT_EQ(answer->kind(), ErrorKind::kDeadlineExceeded);
  broker.answer();  // late: no second answer
  executor.run();
  EXPECT_EQ(answers, 1);
}

TEST_F(PublisherTest, sends_again_after_a_reconnect_in_order) {
  connect();
  const auto a = publish("a");
  const auto b = publish("b");
  lose_connection("reset by peer");
  EXPECT_EQ(answers, 0);
  connect();
  ASSERT_EQ(broker.sent.size(), 4U);
  EXPECT_EQ(broker.sent[2].topic.str(), "a");
  EXPECT_EQ(broker.sent[3].topic.str(), "b");
  broker.answer();
  broker.answer();
  executor.run();
  EXPECT_TRUE(a->ok());
  EXPECT_TRUE(b->ok());
  EXPECT_EQ(counters.publish_resent, 2U);
}

TEST_F(PublisherTest, passes_on_what_the_broker_refuses) {
  connect();
  const auto answer = publish("a");
  broker.answer(base::permission_denied("not authorized"));
  executor.run();
  EXPECT_EQ(answer->kind(), ErrorKind::kPermissionDenied);
}

TEST_F(PublisherTest, refuses_more_than_its_bound_and_takes_them_again_later) {
  connect();
  for (int i = 0; i < 10; ++i) publish("a");
  const auto refused = publish("a");
  EXPECT_EQ(refused->kind(), ErrorKind::kResourceExhausted);
  EXPECT_EQ(counters.publish_queue_full, 1U);
  broker.answer();
  executor.run();
  EXPECT_EQ(publish("a")->kind(), ErrorKind::kInternal);  // taken
}

TEST_F(PublisherTest, takes_one_request_over_the_bound_in_bytes_but_not_two) {
  connect();
  EXPECT_EQ(publish("a", std::string(5000, 'x'))->kind(), ErrorKind::kInternal);
  EXPECT_EQ(publish("a")->kind(), ErrorKind::kResourceExhausted);
}

TEST_F(PublisherTest, does_not_overtake_a_subscription_opened_before) {
  connect();
  const auto hold = publisher.hold();
  const auto answer = publish("a");
  EXPECT_TRUE(broker.sent.empty());
  publisher.release(hold);
  executor.run();
  EXPECT_EQ(broker.sent.size(), 1U);
}

TEST_F(PublisherTest, waits_for_a_subscription_for_a_bounded_time) {
  connect();
  publisher.hold();
  publish("a");
  executor.advance(seconds(5));
  EXPECT_EQ(broker.sent.size(), 1U);
}

TEST_F(PublisherTest, tries_again_what_the_client_could_not_hold) {
  connect();
  publish("a");
  broker.refuse = base::resource_exhausted("no packet identifier is free");
  publish("b");
  EXPECT_EQ(broker.sent.size(), 1U);
  broker.refuse = {};
  broker.answer();
  executor.run();
  EXPECT_EQ(broker.sent.size(), 2U);
}

TEST_F(PublisherTest, is_idle_when_all_is_answered) {
  connect();
  publish("a");
  bool idle = false;
  publisher.when_idle([&] { idle = true; });
  executor.run();
  EXPECT_FALSE(idle);
  broker.answer();
  executor.run();
  EXPECT_TRUE(idle);
}

TEST_F(PublisherTest, answers_everything_when_stopped) {
  const auto waiting = publish("a");
  publisher.stop();
  executor.run();
  EXPECT_EQ(waiting->kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(publish("b")->kind(), ErrorKind::kUnavailable);
  EXPECT_EQ(answers, 2);
}

}  // namespace
}  // namespace dapr_mqtt::publish
