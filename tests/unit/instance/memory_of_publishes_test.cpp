// A burst of publishes that are all in flight before the broker answers one of them.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dapr_mqtt/instance/instance.h"
#include "dapr_mqtt/instance/make_factory.h"
#include "instance/memory_return.h"
#include "support/captured_log.h"
#include "support/loopback_broker.h"
#include "support/waiting.h"

namespace dapr_mqtt::instance {
namespace {

using dapr_mqtt::testing::Channel;

TEST(MemoryOfPublishes, Is_returned_after_a_burst_of_which_none_was_acknowledged) {
  dapr_mqtt::testing::LoopbackBroker broker;
  broker.hold_publishes(true);
  dapr_mqtt::testing::CapturedLog log;
  Channel<bool> returned;
  Channel<base::Result<std::shared_ptr<Instance>>> created;
  Channel<base::Status> answers;
  const auto factory = make_instance_factory(
      broker, log, {.state_dir = {}, .return_free_memory = [&] { returned.push(true); }});
  factory->create("orders",
                  {{"url", "tcp://loopback:1883"},
                   {"consumerID", "app"},
                   {"qos", "1"},
                   {"publishTimeout", "1s"}},
                  [&](auto result) { created.push(std::move(result)); });
  const auto made = created.next();
  ASSERT_TRUE(made && made->ok()) << made->status().message();
  constexpr std::size_t kBytes = 1U << 20U;
  for (std::size_t sent = 0; sent <= MemoryReturn::kMany; sent += kBytes) {
    made->value()->publish({"t", std::string(kBytes, 'x'), {}},
                           [&](base::Status status) { answers.push(std::move(status)); });
  }
  for (std::size_t sent = 0; sent <= MemoryReturn::kMany; sent += kBytes) {
    const auto answer = answers.next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind(), base::ErrorKind::kDeadlineExceeded) << answer->message();
  }
  EXPECT_TRUE(returned.next());
}

}  // namespace
}  // namespace dapr_mqtt::instance
