// When a connection accepts a session as the one that it left.
#include <gmock/gmock.h>

#include "contract/broker_fixture.h"
#include "contract/scripted_broker.h"

namespace dapr_mqtt::testing {
namespace {

/// A consumer of a persistent session, in either version.
class Doubt : public BothVersions {
 protected:
  void open(std::vector<core::Endpoint> endpoints) {
    auto options = options_for(endpoints.front(), "doubt");
    options.endpoints = std::move(endpoints);
    options.clean_session = false;
    connection_ = consumer(std::move(options), heard_, sink_);
  }
  /// Takes the next CONNECT, and hangs up instead of answering it.
  static void break_off(ScriptedBroker& broker) {
    broker.accept();
    ASSERT_EQ(broker.receive()[0], 0x10);
    broker.hang_up();
  }
  core::SessionFound accept(ScriptedBroker& broker, bool present) {
    broker.accept();
    EXPECT_EQ(broker.receive()[0], 0x10);
    const int flag = present ? 1 : 0;
    broker.send(protocol_ == core::ProtocolVersion::kMqtt5 ? bytes({0x20, 3, flag, 0, 0})
                                                           : bytes({0x20, 2, flag, 0}));
    const auto found = heard_.found.next();
    EXPECT_TRUE(found);
    return found.value_or(core::SessionFound{});
  }
  void lose(ScriptedBroker& broker) {
    broker.hang_up();
    ASSERT_TRUE(heard_.disconnected.next());
  }

  RecordingListener heard_;
  RecordingSink sink_;
  std::unique_ptr<core::BrokerConsumer> connection_;
};

TEST_P(Doubt, Session_of_the_connection_before_is_as_it_was_left) {
  ScriptedBroker broker;
  open({broker.endpoint()});
  EXPECT_TRUE(accept(broker, true).as_left) << "an earlier process's";
  lose(broker);
  const auto found = accept(broker, true);
  EXPECT_TRUE(found.present);
  EXPECT_TRUE(found.as_left);
  connection_.reset();
}

TEST_P(Doubt, Session_that_an_unanswered_CONNECT_may_have_made_is_not) {
  ScriptedBroker broker;
  open({broker.endpoint()});
  accept(broker, false);
  lose(broker);
  break_off(broker);  // the broker may have lost the old session, and begun a new one now
  auto found = accept(broker, true);
  EXPECT_TRUE(found.present);
  EXPECT_FALSE(found.as_left);
  heard_.disconnected.next();  // the attempt's
  lose(broker);
  found = accept(broker, true);
  EXPECT_TRUE(found.as_left) << "known again since the last CONNACK";
  connection_.reset();
}

TEST_P(Doubt, Session_at_another_endpoint_is_not) {
  ScriptedBroker first;
  ScriptedBroker second;
  open({first.endpoint(), second.endpoint()});
  EXPECT_EQ(accept(first, true).endpoint, 0U);
  lose(first);
  break_off(first);
  auto found = accept(second, true);
  EXPECT_EQ(found.endpoint, 1U);
  EXPECT_FALSE(found.as_left);
  lose(second);
  found = accept(first, true);
  EXPECT_EQ(found.endpoint, 0U);
  EXPECT_FALSE(found.as_left);
  connection_.reset();
}

INSTANTIATE_TEST_SUITE_P(Mqtt, Doubt,
                         ::testing::Values(core::ProtocolVersion::kMqtt311,
                                           core::ProtocolVersion::kMqtt5));

}  // namespace
}  // namespace dapr_mqtt::testing
