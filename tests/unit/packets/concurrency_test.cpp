// The client library writes on one thread while the broker's bytes come on another.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "unit/packets/recorded_events.h"

namespace dapr_mqtt::testing {
namespace {

TEST(Concurrency, requests_and_answers_may_pass_at_the_same_time) {
  constexpr std::uint16_t kMessages = 20'000;
  Established connection(k311);
  std::atomic<std::uint16_t> sent = 0;
  std::string client_error;
  std::thread client([&] {
    for (std::uint16_t id = 1; id <= kMessages && client_error.empty(); ++id) {
      client_error = connection.client(mqtt::publish(k311, {.qos = 1, .id = id}));
      sent = id;
    }
  });
  std::string broker_error;
  for (std::uint16_t id = 1; id <= kMessages && broker_error.empty(); ++id) {
    while (sent < id) std::this_thread::yield();
    broker_error = connection.broker(mqtt::puback(id));
  }
  client.join();
  EXPECT_EQ(client_error, "");
  EXPECT_EQ(broker_error, "");
  EXPECT_EQ(connection.events().for_client.size(), kMessages);
}

}  // namespace
}  // namespace dapr_mqtt::testing
