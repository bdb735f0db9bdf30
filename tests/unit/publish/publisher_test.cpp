#include "dapr_mqtt/publish/publisher.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "support/captured_log.h"
#include "support/fake_broker.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::publish {
namespace {

using base::ErrorKind;
using std::chrono::seconds;
using ::testing::HasSubstr;

class PublisherTest : public ::testing::Test {
 protected:
  /// Publishes and returns the place of its answer; kInternal means that there is none yet.
  std::shared_ptr<base::Status> publish(const std::string& topic, std::string payload = "p",
                                        base::Duration deadline = seconds(20),
                                        core::QoS qos = core::QoS::kAtLeastOnce) {
    auto answer = std::make_shared<base::Status>(base::internal_error("unanswered"));
    publisher.publish(
        {core::TopicName::parse(topic).value(), std::move(payload), qos, false, nullptr},
        executor.now() + deadline, [answer, this](base::Status status) {
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
  void lose_connection(const std::string& cause,
                       core::ConnectionEnd end = core::ConnectionEnd::kOther) {
    broker.break_connection();
    publisher.connection_down(base::unavailable(cause), end);
    executor.run();
  }
  void broker_closes() { lose_connection("closed", core::ConnectionEnd::kClosedOnRequest); }
  void broker_answers(int times = 1) {
    for (int i = 0; i < times; ++i) broker.answer();
    executor.run();
  }

  dapr_mqtt::testing::ManualExecutor executor;
  dapr_mqtt::testing::FakePublisher broker;
  core::Counters counters;
  int answers = 0;
  std::optional<core::MissingAnswer> missing;
  dapr_mqtt::testing::CapturedLog log;
  Publisher publisher{executor,
                      broker,
                      counters,
                      base::Log(log),
                      {.max_requests = 10, .max_bytes = 1000},
                      [this](const auto& answer) { missing = answer; }};
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
  publisher.connection_down(base::unavailable("tcp://h:1883: connection refused"),
                            core::ConnectionEnd::kOther);
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
  EXPECT_EQ(publish("a")->kind(), ErrorKind::kInternal);  // accepted
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

TEST_F(PublisherTest, fails_what_the_broker_closes_the_connection_for_and_nothing_else) {
  connect();
  std::vector<std::shared_ptr<base::Status>> given;
  for (const char* topic : {"good", "bad/one", "fine"}) given.push_back(publish(topic, "12345"));
  broker_answers();  // to "good"
  broker_closes();
  connect();
  EXPECT_EQ(broker.in_flight.size(), 1U) << "a suspect is sent alone";
  EXPECT_EQ(broker.sent.back().topic.str(), "bad/one");
  broker_closes();
  EXPECT_EQ(given[1]->kind(), ErrorKind::kInternal) << "perhaps the broker is going down";
  connect();
  EXPECT_EQ(given[1]->kind(), ErrorKind::kFailedPrecondition);
  for (const char* part : {"\"bad/one\"", "5 bytes", "QoS 1", "2 topic levels", "max_packet_size",
                           "access control", "closed"}) {
    EXPECT_THAT(given[1]->message(), HasSubstr(part));
  }
  EXPECT_THAT(given[1]->message(), ::testing::Not(HasSubstr("retain_available")));
  EXPECT_TRUE(log.contains("\"bad/one\""));
  broker_answers();
  EXPECT_TRUE(given[2]->ok());
  EXPECT_EQ(counters.publish_failed, 1U);
}

TEST_F(PublisherTest, fails_nothing_when_the_broker_goes_down_twice) {
  connect();
  const auto answer = publish("a");
  broker_closes();
  connect();
  broker_closes();
  publisher.connection_down(base::unavailable("connection refused"), core::ConnectionEnd::kOther);
  connect();
  broker_answers();
  EXPECT_TRUE(answer->ok());
}

TEST_F(PublisherTest, suspects_nothing_when_the_network_breaks_the_connection) {
  connect();
  const auto a = publish("a");
  const auto b = publish("b");
  for (int i = 0; i < 5; ++i) {
    lose_connection("no route to the host");
    connect();
    EXPECT_EQ(broker.in_flight.size(), 2U);
  }
  broker_answers(2);
  EXPECT_TRUE(a->ok() && b->ok());
}

TEST_F(PublisherTest, fails_nothing_when_a_node_is_killed_and_the_next_one_closes_once) {
  connect();
  const auto a = publish("a");
  broker_closes();
  publisher.connection_up(1);
  executor.run();
  broker_closes();
  publisher.connection_up(1);
  executor.run();
  broker_answers();
  EXPECT_TRUE(a->ok()) << a->message();
}

TEST_F(PublisherTest, sends_all_that_waits_when_no_suspect_is_left) {
  connect();
  std::vector<std::shared_ptr<base::Status>> given;
  for (int i = 0; i < 8; ++i) given.push_back(publish("t/" + std::to_string(i)));
  broker_closes();  // four were open
  connect();
  for (int answered = 0; answered < 4; ++answered) {
    EXPECT_EQ(broker.in_flight.size(), 1U);
    broker_answers();
  }
  EXPECT_EQ(broker.in_flight.size(), 4U) << "the whole window";
  broker_answers(4);
  for (const auto& answer : given) EXPECT_TRUE(answer->ok());
}

TEST_F(PublisherTest, names_the_publish_of_qos_0_that_the_broker_may_have_closed_for) {
  connect();
  const auto small = publish("small", "1", seconds(20), core::QoS::kAtMostOnce);
  const auto large = publish("large", "12345", seconds(20), core::QoS::kAtMostOnce);
  broker_answers(2);  // QoS 0: written
  EXPECT_TRUE(small->ok() && large->ok());
  const auto good = publish("good");
  broker_closes();
  EXPECT_TRUE(log.contains("\"large\" with 5 bytes"));
  connect();
  broker_answers();
  EXPECT_TRUE(good->ok());
}

TEST_F(PublisherTest, lets_the_others_go_when_a_suspects_deadline_is_over) {
  connect();
  publish("suspect", "p", seconds(1));
  broker_closes();
  const auto good = publish("good");
  executor.advance(seconds(2));
  connect();
  publish("also/good");
  EXPECT_EQ(broker.in_flight.size(), 2U);
}

TEST_F(PublisherTest, leaves_a_broker_that_acknowledges_nothing_and_gives_its_window_back) {
  connect();
  std::vector<std::shared_ptr<base::Status>> given;
  for (int i = 0; i < 4; ++i) given.push_back(publish("hangs"));
  publish("waits", "p", seconds(60));
  executor.advance(seconds(20));
  for (const auto& answer : given) EXPECT_EQ(answer->kind(), ErrorKind::kDeadlineExceeded);
  ASSERT_EQ(broker.left.size(), 1U);
  for (const char* part : {"PUBACK", "\"hangs\"", "20 s"}) {
    EXPECT_THAT(broker.left[0].message(), HasSubstr(part));
  }
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->name, "hangs");
  lose_connection("left");
  connect();
  ASSERT_EQ(broker.in_flight.size(), 1U) << "a publish that was answered is not sent again";
  EXPECT_EQ(broker.sent.back().topic.str(), "waits");
  broker_answers();
  EXPECT_FALSE(missing) << "it acknowledges again";
  EXPECT_EQ(counters.publish_acks_missing, 1U);
}

TEST_F(PublisherTest, leaves_a_broker_that_leaves_out_one_acknowledgement) {
  connect();
  publish("hangs", "p", seconds(20), core::QoS::kExactlyOnce);
  for (int i = 0; i < 25; ++i) {
    publish("goes");
    std::rotate(broker.in_flight.begin(), broker.in_flight.begin() + 1, broker.in_flight.end());
    broker_answers();
    executor.advance(seconds(1));
  }
  ASSERT_EQ(broker.left.size(), 1U);
  EXPECT_THAT(broker.left[0].message(), HasSubstr("PUBREC or PUBCOMP for \"hangs\""));
}

TEST_F(PublisherTest, does_not_leave_a_broker_because_callers_are_impatient) {
  connect();
  for (int i = 0; i < 19; ++i) {
    publish("a", "p", std::chrono::milliseconds(100));
    executor.advance(seconds(1));
  }
  EXPECT_TRUE(broker.left.empty());
  broker_answers(4);
  executor.advance(seconds(19));
  EXPECT_TRUE(broker.left.empty());
}

TEST_F(PublisherTest, forgets_what_was_not_acknowledged_when_nothing_is_published_any_more) {
  connect();
  publish("hangs");
  executor.advance(seconds(20));
  ASSERT_TRUE(missing);
  lose_connection("left");
  connect();
  executor.advance(seconds(60));
  EXPECT_FALSE(missing);
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
