// A system that cannot start a thread for a Component.
#include <gmock/gmock.h>

#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"
#include "support/threads_stand_in.h"
#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using ::testing::HasSubstr;

TEST(InstanceWithoutThreads, Is_refused_and_made_when_there_are_some) {
  dapr_mqtt::testing::LoopbackBroker broker;
  dapr_mqtt::testing::CapturedLog log;
  const std::unique_ptr<InstanceFactory> factory = make_instance_factory(broker, log);
  const auto create = [&] {
    dapr_mqtt::testing::Channel<base::Result<std::shared_ptr<Instance>>> created;
    factory->create("orders", {{"url", "tcp://loopback:1883"}, {"consumerID", "app"}},
                    [&](auto result) { created.push(std::move(result)); });
    return created.next();
  };
  dapr_mqtt::testing::has_threads = false;
  const auto refused = create();
  dapr_mqtt::testing::has_threads = true;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status().kind(), base::ErrorKind::kResourceExhausted);
  EXPECT_THAT(refused->status().message(), HasSubstr("cannot start a thread for the Component"));
  const auto made = create();
  ASSERT_TRUE(made && made->ok()) << made->status().message();
}

}  // namespace
}  // namespace dapr_mqtt::instance
