#include "dapr_mqtt/inspect/share_check.h"

#include <gmock/gmock.h>

#include <thread>

#include "support/captured_log.h"
#include "support/loopback_broker.h"

namespace dapr_mqtt::inspect {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct ShareCheck : ::testing::Test {
  ShareCheck() {
    connection.client_id = "app";
    connection.clean_session = false;
    connection.will = core::Will{core::TopicName::parse("gone").value(), "x", {}, false, {}, {}};
  }
  base::Result<bool> run() {
    return treats_share_as_topic(broker, base::Log(log), connection, "1234", stop.get_token());
  }

  testing::LoopbackBroker broker;
  testing::CapturedLog log;
  core::ConnectionOptions connection;
  std::stop_source stop;
};

TEST_F(ShareCheck, finds_a_broker_that_takes_it_for_a_topic_of_that_name) {
  broker.ignore_shared();
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_TRUE(found.value());
  EXPECT_THAT(broker.connected_clients(), IsEmpty());
}

TEST_F(ShareCheck, finds_nothing_where_there_are_shared_subscriptions) {
  const auto found = run();
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_FALSE(found.value());
  EXPECT_THAT(broker.connected_clients(), IsEmpty());
}

TEST_F(ShareCheck, does_not_know_where_its_client_id_is_refused) {
  broker.ignore_shared();
  broker.answer_connects_with(base::permission_denied("client ID refused"));
  EXPECT_THAT(run().status().message(), HasSubstr("client ID refused"));
}

TEST_F(ShareCheck, ends_when_it_is_told_to) {
  std::jthread other([this] { stop.request_stop(); });
  EXPECT_FALSE(run().ok());
  EXPECT_THAT(broker.connected_clients(), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::inspect
