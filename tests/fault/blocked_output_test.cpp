// Nobody reads what the component writes: standard output and error are one full pipe.
#include <gtest/gtest.h>

#include <csignal>

#include "integration/component_test.h"

namespace dapr_mqtt::testing {
namespace {

class BlockedOutput : public ComponentTest {
 protected:
  void SetUp() override {
    DAPR_MQTT_NEEDS_MOSQUITTO();
    broker = std::make_unique<Mosquitto>(broker_options());
  }
};

TEST_F(BlockedOutput, hinders_neither_publishes_nor_deliveries_nor_the_end_of_the_process) {
  const TemporaryFolder folder;
  const std::string socket = folder.path() + "/mqtt.sock";
  // The process has both ends of the pipe, so that it is not broken.
  ChildProcess process({"/bin/sh", "-ec", R"(
mkfifo "$1/log"
exec 3<>"$1/log"
dd if=/dev/zero of="$1/log" bs=4096 count=64 oflag=nonblock 2>/dev/null || true
echo full
exec "$0" serve --socket-folder "$1" --state-dir "$1/state" --log-level debug >&3 2>&3
)",
                        ComponentProcess::executable(), folder.path()});
  ASSERT_TRUE(process.wait_for_output("full"));
  ComponentClient client("unix:" + socket);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!client.ping().ok() && std::chrono::steady_clock::now() < patience) continue;
  ASSERT_TRUE(client.init(metadata()).ok());
  const auto stream = client.pull("t");
  const std::string payload(100, 'x');
  for (int i = 0; i < 500; ++i) {  // at debug each has lines
    ASSERT_TRUE(client.publish("t", payload).ok()) << i;
    const auto message = stream->next();
    ASSERT_TRUE(message) << i;
    stream->ack(message->id());
  }
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_for_end(std::chrono::seconds(15)), 0);
}

}  // namespace
}  // namespace dapr_mqtt::testing
