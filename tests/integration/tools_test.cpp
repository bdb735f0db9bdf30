// What `validate` and `probe` do; outputs_test.cpp has what they print.
#include "integration/tools_fixture.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(Tools, validate_exits_as_documented) {
  EXPECT_EQ(run({"validate", sample("good.yaml")}).code, 0);
  EXPECT_EQ(run({"validate", sample("warning.yaml")}).code, 0);
  EXPECT_EQ(run({"validate", "--strict", sample("warning.yaml")}).code, 1);
  EXPECT_EQ(run({"validate", sample("good.yaml"), sample("bad.yaml")}).code, 1);
  EXPECT_EQ(run({"validate", sample("none.yaml")}).code, 2);
  EXPECT_EQ(run({"validate"}).code, 2);
  EXPECT_EQ(run({"validate", "--unknown", sample("good.yaml")}).code, 2);
}

TEST_F(Tools, probe_waits_for_a_component_that_is_still_starting) {
  const TemporaryFolder folder;
  ChildProcess probe({ComponentProcess::executable(), "probe", "--wait", "--timeout", "60s",
                      "--socket", folder.path() + "/mqtt.sock"});
  const ComponentProcess component({.socket_folder = folder.path()});
  EXPECT_EQ(probe.wait_for_end(std::chrono::seconds(60)), 0) << probe.output();
  EXPECT_EQ(
      run({"probe", "--wait", "--timeout", "300ms", "--socket", folder.path() + "/none.sock"}).code,
      1);
}

TEST_F(Tools, probe_publishes_and_subscribes_without_daprd) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  ChildProcess subscriber({ComponentProcess::executable(), "probe", "subscribe", "a/+", "--count",
                           "2", "--url", broker.url(), "--socket", component.socket()});
  ASSERT_TRUE(broker.wait_for_log("a/+ (QoS 1)"));
  for (const char* topic : {"a/1", "a/2"}) {
    const Ran sent = run({"probe", "publish", topic, "--data", "hello", "--url", broker.url(),
                          "--socket", component.socket()});
    EXPECT_EQ(sent.code, 0) << sent.output;
    EXPECT_THAT(sent.output, HasSubstr("5 bytes to \"" + std::string(topic) + "\" at qos 1"));
  }
  EXPECT_EQ(subscriber.wait_for_end(), 0);
  EXPECT_THAT(subscriber.final_output(), HasSubstr("a/1 hello\na/2 hello\n"));
}

TEST_F(Tools, probe_subscribe_ends_with_its_time) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  const Ran ran = run({"probe", "subscribe", "a", "--timeout", "1s", "--url", broker.url(),
                       "--socket", component.socket()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.output, HasSubstr("no more messages of \"a\" within the timeout"));
}

}  // namespace
}  // namespace dapr_mqtt::testing
