// What `validate` and `probe` do; outputs_test.cpp has what they print.
#include "integration/tools_fixture.h"
#include "support/component_client.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

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

TEST_F(Tools, probe_takes_neither_messages_nor_a_connection_from_the_component_in_the_file) {
  DAPR_MQTT_NEEDS_MOSQUITTO();
  const Mosquitto broker;
  const ComponentProcess component;
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/c.yaml";
  const Properties metadata{{"url", broker.url()},
                            {"consumerID", "app"},
                            {"consumerGroup", "workers"},
                            {"clientIdPublisher", "out"},
                            {"qos", "1"}};
  {
    std::ofstream yaml(file);
    yaml << "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec:\n"
            "  type: pubsub.mqtt\n  version: v1\n  metadata:\n";
    for (const auto& [name, value] : metadata) {
      yaml << "  - {name: " << name << ", value: '" << value << "'}\n";
    }
  }
  ComponentClient app(component.address());
  ASSERT_TRUE(app.init(metadata).ok());
  const auto stream = app.pull("a/#");
  ASSERT_TRUE(broker.wait_for_log("$share/workers/a/#"));
  const std::size_t before = broker.log().size();
  ChildProcess subscriber({ComponentProcess::executable(), "probe", "subscribe", "a/#", "--count",
                           "20", "--file", file, "--socket", component.socket()});
  ASSERT_TRUE(broker.wait_for_log("a/# (QoS 1)", before)) << subscriber.output();
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(app.publish("a/1", std::to_string(i)).ok());
  const Ran sent = run(
      {"probe", "publish", "a/1", "--data", "19", "--file", file, "--socket", component.socket()});
  EXPECT_EQ(sent.code, 0) << sent.output;
  const auto got = stream->take(20);
  for (const auto& message : got) stream->ack(message.id());
  EXPECT_THAT(got, SizeIs(20));
  EXPECT_EQ(subscriber.wait_for_end(), 0);
  EXPECT_THAT(broker.log(), Not(HasSubstr("already connected")));
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
