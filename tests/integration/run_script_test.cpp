// scripts/run, with the executable of this build.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "support/child_process.h"
#include "support/component_process.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class RunScript : public ::testing::Test {
 protected:
  void SetUp() override { DAPR_MQTT_NEEDS_MOSQUITTO(); }

  std::unique_ptr<ChildProcess> run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::string(PROJECT_ROOT) + "/scripts/run");
    return std::make_unique<ChildProcess>(
        std::move(arguments), std::map<std::string, std::string>{
                                  {"DAPR_COMPONENTS_SOCKETS_FOLDER", sockets_.path()},
                                  {"DAPR_MQTT_RESOURCES", resources_.path()},
                                  {"DAPR_MQTT_EXECUTABLE", ComponentProcess::executable()}});
  }
  bool socket_exists() const { return fs::exists(sockets_.path() + "/mqtt.sock"); }

  const TemporaryFolder sockets_;
  const TemporaryFolder resources_;
};

TEST_F(RunScript, once_brings_a_message_back_and_leaves_nothing_behind) {
  const auto script = run({"--once"});
  EXPECT_EQ(script->wait_for_end(seconds(60)), 0) << script->output();
  EXPECT_THAT(script->output(), HasSubstr("mosquitto of our own"));
  EXPECT_FALSE(socket_exists());
}

TEST_F(RunScript, once_uses_the_broker_that_is_named) {
  const Mosquitto broker;
  const auto script = run({"--once", broker.url()});
  EXPECT_EQ(script->wait_for_end(seconds(60)), 0) << script->output();
  EXPECT_THAT(script->output(), Not(HasSubstr("mosquitto of our own")));
}

TEST_F(RunScript, once_fails_with_the_reason_when_there_is_no_broker) {
  const auto script = run({"--once", "tcp://127.0.0.1:" + std::to_string(unused_port())});
  EXPECT_EQ(script->wait_for_end(seconds(60)), 1) << script->output();
  EXPECT_THAT(script->output(), HasSubstr("refused"));
  EXPECT_FALSE(socket_exists());
}

TEST_F(RunScript, serves_until_ctrl_c_and_says_what_to_do_next) {
  const auto script = run({});
  ASSERT_TRUE(script->wait_for_output("Serving until Ctrl-C", 0, seconds(60))) << script->output();
  EXPECT_TRUE(socket_exists());
  EXPECT_THAT(script->output(), HasSubstr("type: pubsub.mqtt"));
  EXPECT_THAT(script->output(),
              HasSubstr("DAPR_COMPONENTS_SOCKETS_FOLDER=" + sockets_.path() + " dapr run "));
  EXPECT_THAT(script->output(), HasSubstr("--resources-path " + resources_.path()));
  EXPECT_TRUE(fs::exists(resources_.path() + "/mqtt-pubsub.yaml"));
  script->signal(SIGINT);
  EXPECT_EQ(script->wait_for_end(seconds(30)), 0) << script->output();
  EXPECT_FALSE(socket_exists());
}

TEST_F(RunScript, says_so_when_another_component_holds_the_socket) {
  const ComponentProcess other({.socket_folder = sockets_.path()});
  const auto script = run({"--once"});
  EXPECT_EQ(script->wait_for_end(seconds(60)), 1) << script->output();
  EXPECT_THAT(script->output(), HasSubstr(other.socket()));
  EXPECT_TRUE(socket_exists());
}

}  // namespace
}  // namespace dapr_mqtt::testing
